"""The use cases of the basket service. `checkout` is the protocol that never loses or doubles an order."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from chassis.core import logs
from chassis.core.errors import DomainError, Invalid, NotFound, Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.core.writes import Attempts
from chassis.messaging.dispatch import Publish
from services.basket.catalogue import Catalogue, RequestCache
from services.basket.checkout import CheckoutInput, OrderIdentity, Receipt, check_out
from services.basket.models import Basket, BasketInput, BasketView, LineInput, Listing

UNKNOWN_OUTCOME = (
    "The database did not answer, so it is unknown whether order {} was placed. "
    "Read that order, or send the same request with the same Idempotency-Key again."
)

UNKNOWN_PRODUCTS = "The catalogue does not have these products. `POST /product` of the product service creates one."
UNKNOWN_CHANGE = (
    "The database did not answer, so it is unknown whether the change was made. "
    "Read the current state before you try again."
)

log = structlog.stdlib.get_logger(__name__)


class Baskets(Protocol):
    """The storage that this service needs. `store.BasketStore` implements it on DynamoDB."""

    def get(self, user_name: str) -> Basket | None: ...
    def page(self, limit: int, cursor: str | None) -> Page[Basket]: ...
    def save(self, basket: Basket, previous: Basket | None) -> bool: ...
    def remove(self, user_name: str) -> bool: ...
    def receipt(self, user_name: str, key: str) -> Receipt | None: ...
    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool: ...


class BasketService:
    def __init__(
        self,
        baskets: Baskets,
        catalogue: Catalogue,
        publish: Publish,
        new_id: Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._baskets = baskets
        self._catalogue = catalogue
        self._publish = publish
        self._new_id = new_id
        self._clock = clock

    def get(self, user_name: str) -> BasketView:
        return self._view(_existing(self._baskets.get(user_name), user_name))

    def page(self, limit: int, cursor: str | None) -> Page[BasketView]:
        page = self._baskets.page(limit, cursor)
        listings = self._catalogue.look_up({name for basket in page.items for name in basket.product_ids})
        return Page([basket.priced(listings) for basket in page.items], page.next_cursor)

    def replace(self, wanted: BasketInput) -> BasketView:
        listings = self._require_listings({line.productId for line in wanted.items}, self._catalogue)
        return self._edit(wanted.userName, lambda old: old.replaced(wanted.items, listings)).priced(listings)

    def add(self, user_name: str, wanted: LineInput) -> BasketView:
        """Looks up all prices before the write, because nothing may fail after the line was added."""
        catalogue = RequestCache(self._catalogue)
        self._require_listings({wanted.productId}, catalogue)

        def with_line(old: Basket) -> Basket:
            return old.with_line(wanted, catalogue.look_up(old.product_ids | {wanted.productId}))

        basket = self._edit(user_name, with_line)
        return basket.priced(catalogue.look_up(basket.product_ids))

    def remove_line(self, user_name: str, product_id: str, color: str | None) -> None:
        _existing(self._baskets.get(user_name), user_name)
        self._edit(user_name, lambda old: old.without(product_id, color))

    def remove(self, user_name: str) -> None:
        if not self._baskets.remove(user_name):
            raise _no_basket(user_name)

    def checkout(self, request: CheckoutInput, key: str | None = None) -> Receipt:
        """A returned receipt means exactly one order, now or soon.

        `key` is the client's Idempotency-Key: the same key and request get the same receipt for 24 hours. Raises
        Invalid for another request under that key, and Unavailable, which says whether the outcome is unknown.

        The transaction fails if the key has a receipt, so the first attempt reads it only before it reports an error.
        """
        order = OrderIdentity.new(self._new_id(), self._clock(), key)
        logs.bind(order_id=order.order_id)
        with Attempts(_unknown_outcome(order)) as attempts:
            for attempt in attempts:
                found = self._baskets.get(request.userName)
                if attempt and (earlier := self._earlier_receipt(request, order)):
                    return earlier
                try:
                    basket = _existing(found, request.userName)
                    checked_out = check_out(self._view(basket), request, order)
                except DomainError:
                    if key and (earlier := self._earlier_receipt(request, order)):
                        return earlier
                    raise
                event = checked_out.as_event(logs.correlation_id())
                receipt = Receipt.of(checked_out, request, order.key, self._clock())
                if attempts.write(partial(self._baskets.commit, basket, event, receipt, self._clock())):
                    break
        log.info("checked out", event_id=event.id)
        self._publish(event)
        return receipt

    def _earlier_receipt(self, request: CheckoutInput, order: OrderIdentity) -> Receipt | None:
        """The valid receipt of this key. Raises Invalid if it belongs to another request.

        Call it after reading the basket. Otherwise a checkout that commits in between would make this one a 404.
        """
        receipt = self._baskets.receipt(request.userName, order.key)
        if receipt is None or receipt.expiresAt <= self._clock().timestamp():
            return None
        logs.bind(order_id=receipt.orderId)
        return receipt.replay(request, order)

    def _edit(self, user_name: str, change: Callable[[Basket], Basket]) -> Basket:
        """Applies `change` exactly once, despite concurrent writers and lost answers."""
        attempted: set[str] = set()
        replaced = ""  # the version on which the last attempt was based
        with Attempts(Unavailable(UNKNOWN_CHANGE)) as attempts:
            for _ in attempts:
                found = self._baskets.get(user_name)
                if found and found.contains_write(attempted):
                    return found
                if attempts.possibly_written:
                    _check_descent(found, replaced, attempts)
                basket = change(found or Basket(userName=user_name, items=[], version="")).written_as(self._new_id())
                attempted.add(basket.version)
                replaced = found.version if found else basket.version
                if attempts.write(partial(self._baskets.save, basket, found)):
                    break
        return basket

    def _view(self, basket: Basket) -> BasketView:
        return basket.priced(self._catalogue.look_up(basket.product_ids))

    def _require_listings(self, product_ids: set[str], catalogue: Catalogue) -> dict[str, Listing]:
        listings = catalogue.look_up(product_ids)
        if unknown := sorted(product_ids - listings.keys()):
            raise Invalid(UNKNOWN_PRODUCTS, productIds=unknown)
        return listings


def _existing(basket: Basket | None, user_name: str) -> Basket:
    if basket is None:
        raise _no_basket(user_name)
    return basket


def _no_basket(user_name: str) -> NotFound:
    return NotFound(f"{user_name} has no basket.")


def _unknown_outcome(order: OrderIdentity) -> Unavailable:
    return Unavailable(UNKNOWN_OUTCOME.format(order.order_id), orderId=order.order_id)


def _check_descent(found: Basket | None, replaced: str, attempts: Attempts) -> None:
    """Checks after an unanswered attempt whether another attempt is safe. That attempt would replace `replaced`.

    If the basket still has this version, the unanswered attempt may yet take effect, and only one of the two can. If
    another client replaced that version, the attempt failed. In all other cases another attempt could apply the change
    twice, so it raises Unavailable.
    """
    if found is None or not found.contains_write({replaced}):
        raise Unavailable(UNKNOWN_CHANGE)
    if found.version != replaced:
        attempts.none_took_effect()
