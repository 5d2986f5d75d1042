"""What can be done with baskets; `checkout` is the protocol that neither loses an order nor makes two."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import structlog

from chassis.core import deadline, logs
from chassis.core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.dispatch import EventOutbox, Publisher, publish_now
from services.basket.catalogue import Catalogue, RequestCache
from services.basket.checkout import Attempt, CheckoutInput, Receipt, check_out
from services.basket.models import Basket, BasketInput, BasketView, LineInput, Listing

UNKNOWN_OUTCOME = (
    "The database stopped answering, so it is not known whether order {} was placed. "
    "Ask for it, or send the same request with the same Idempotency-Key again."
)

UNKNOWN_PRODUCTS = "The catalogue has no such products. `POST /product` of the product service makes one."
UNKNOWN_EDIT = "The database stopped answering, so it is not known whether the change was made. Look, then try again."

log = structlog.stdlib.get_logger(__name__)


class Baskets(Protocol):
    """The storage this service needs; `store.BasketStore` is the one on DynamoDB."""

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
        outbox: EventOutbox,
        bus: Publisher,
        new_id: Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._baskets = baskets
        self._catalogue = catalogue
        self._outbox = outbox
        self._bus = bus
        self._new_id = new_id
        self._clock = clock

    def get(self, user_name: str) -> BasketView:
        return self._view(_existing(self._load(user_name), user_name))

    def page(self, limit: int, cursor: str | None) -> Page[BasketView]:
        page = self._baskets.page(limit, cursor)
        listings = self._catalogue.look_up({name for basket in page.items for name in basket.product_ids})
        return Page([basket.priced(listings) for basket in page.items], page.next_cursor)

    def replace(self, wanted: BasketInput) -> BasketView:
        listings = self._sold({line.productId for line in wanted.items}, self._catalogue)
        return self._edit(wanted.userName, lambda old: old.replaced(wanted.items, listings)).priced(listings)

    def add(self, user_name: str, wanted: LineInput) -> BasketView:
        """All prices are looked up before the write: nothing may fail once the line is added."""
        catalogue = RequestCache(self._catalogue)
        self._sold({wanted.productId}, catalogue)

        def with_line(old: Basket) -> Basket:
            return old.with_line(wanted, catalogue.look_up(old.product_ids | {wanted.productId}))

        basket = self._edit(user_name, with_line)
        return basket.priced(catalogue.look_up(basket.product_ids))

    def remove_line(self, user_name: str, product_id: str, color: str | None) -> None:
        _existing(self._load(user_name), user_name)
        self._edit(user_name, lambda old: old.without(product_id, color))

    def remove(self, user_name: str) -> None:
        if not self._baskets.remove(user_name):
            raise _no_basket(user_name)

    def checkout(self, request: CheckoutInput, key: str | None = None) -> Receipt:
        """A returned receipt means one order, now or soon; Unavailable says whether the outcome is unknown.

        `key` is the client's Idempotency-Key: the same key and request get the same receipt for 24 hours, another
        request under that key is Invalid.
        """
        attempt = Attempt.mint(self._new_id(), self._clock(), key)
        with _honest(attempt):
            for _ in deadline.attempts():
                found, earlier = self._load(request.userName), self._receipt(request.userName, attempt.key)
                if earlier is not None:
                    return earlier.replay(request, attempt)
                basket = _existing(found, request.userName)
                checked_out = check_out(self._view(basket), request, attempt)
                event = checked_out.as_event(logs.correlation_id())
                receipt = Receipt.write(checked_out, request, attempt.key, self._clock())
                if self._commit(basket, event, receipt, attempt):
                    break
        log.info("checked out", event_id=event.id)
        publish_now(event, self._bus, self._outbox)
        return receipt

    def _load(self, user_name: str) -> Basket | None:
        """To be read before the receipt: a twin that commits in between would turn a placed order into a 404."""
        return self._baskets.get(user_name)

    def _receipt(self, user_name: str, key: str) -> Receipt | None:
        receipt = self._baskets.receipt(user_name, key)
        return receipt if receipt and receipt.expiresAt > self._clock().timestamp() else None

    def _commit(self, basket: Basket, event: Event, receipt: Receipt, attempt: Attempt) -> bool:
        """False if another write came first, or if nobody knows: then the receipt, read again, tells."""
        committed = _surely(lambda: self._baskets.commit(basket, event, receipt, self._clock()))
        attempt.sent = True
        attempt.unanswered |= committed is None
        return bool(committed)

    def _edit(self, user_name: str, change: Callable[[Basket], Basket]) -> Basket:
        """Applies `change` to the basket as it is, once, whoever else writes and whichever answer is lost."""
        written: set[str] = set()
        doubted: set[str] = set()
        with _unknown_if(doubted):
            for _ in deadline.attempts():
                previous = self._baskets.get(user_name)
                if previous is not None and previous.contains_write(written):
                    return previous
                if doubted and not (previous and previous.contains_write(doubted)):
                    raise Unavailable(UNKNOWN_EDIT)
                old = previous or Basket(userName=user_name, items=[], version="")
                basket = change(old).written_as(self._new_id())
                written.add(basket.version)
                saved = _surely(lambda: self._baskets.save(basket, previous))  # noqa: B023 called at once
                if saved:
                    return basket
                if saved is None:  # only in a basket that grew out of the same one would this write still be seen
                    doubted.clear()
                    doubted.add(previous.version if previous else basket.version)
        raise AssertionError  # attempts() ends by raising

    def _view(self, basket: Basket) -> BasketView:
        return basket.priced(self._catalogue.look_up(basket.product_ids))

    def _sold(self, product_ids: set[str], catalogue: Catalogue) -> dict[str, Listing]:
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


def _surely(write: Callable[[], bool]) -> bool | None:
    """None where no answer came: who reads again then knows what happened. Raises Refused."""
    try:
        return write()
    except Refused:
        raise
    except Unavailable as error:
        log.warning("written without an answer", detail=error.detail)
        return None


@contextmanager
def _unknown_if(doubted: Collection[str]) -> Iterator[None]:
    """Whatever ends an edit now leaves open what became of a write before that got no answer."""
    try:
        yield
    except Unavailable as error:
        if not doubted:
            raise
        raise Unavailable(UNKNOWN_EDIT) from error


@contextmanager
def _honest(attempt: Attempt) -> Iterator[None]:
    """Says "unknown" where a transaction may have happened: no "unavailable" or "conflict" may deny a placed order."""
    try:
        yield
    except (Unavailable, Conflict, NotFound) as error:
        if not attempt.unanswered and not (attempt.sent and isinstance(error, Unavailable)):
            raise
        raise Unavailable(UNKNOWN_OUTCOME.format(attempt.order_id), orderId=attempt.order_id) from error
