"""In-memory stores and clients. They check versions and conditions as the real ones, and fail on request."""

import itertools
import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from chassis.aws.query import read_page
from chassis.core import instants
from chassis.core.errors import Conflict, Refused, Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.commands import Command
from chassis.messaging.dispatch import publish_now
from chassis.messaging.replies import Replies
from services.basket.catalogue import CatalogueItem
from services.basket.checkout import Receipt
from services.basket.models import Basket, Listing
from services.basket.service import BasketService
from services.ordering.fulfilment import Fulfilment
from services.ordering.models import Order, OrderRow, Status
from services.ordering.moves import Moves
from services.ordering.order_ids import shard_of
from services.ordering.service import OrderService
from services.ordering.sweep import Sweep
from services.product.models import Product, ProductRow
from services.product.service import ProductService

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Write = Callable[[], bool]
WriteEffect = Callable[[Write], bool]


def page_of(rows: Iterable[M], key: Sequence[str], scope: str, limit: int, cursor: str | None) -> Page[M]:
    """A page as DynamoDB returns it, with the cursors of the chassis."""
    by_place = {tuple(getattr(row, name) for name in key): row for row in rows}
    places = list(by_place)

    def query(*, Limit: int, ExclusiveStartKey: Mapping[str, str] | None = None) -> Any:  # noqa: N803 DynamoDB's names
        start = places.index(tuple(ExclusiveStartKey[name] for name in key)) + 1 if ExclusiveStartKey else 0
        found = [dict(zip(key, place, strict=True)) for place in places[start : start + Limit]]
        return {"Items": found} | ({"LastEvaluatedKey": found[-1]} if start + Limit < len(places) else {})

    page = read_page(query, scope, key, limit, cursor)
    return Page([by_place[tuple(row[name] for name in key)] for row in page.items], page.next_cursor)


def answer_lost(write: Write) -> bool:
    """The write takes effect, but its answer is lost."""
    write()
    raise Unavailable("DynamoDB does not answer.")


def never_arrived(write: Write) -> bool:
    raise Unavailable("DynamoDB does not answer.")


def refused(write: Write) -> bool:
    raise Refused("DynamoDB is too busy.")


def cancelled(write: Write) -> bool:
    return False


def after(meanwhile: Callable[[], object]) -> WriteEffect:
    """Calls `meanwhile` just before the write, as a concurrent request would."""

    def effect(write: Write) -> bool:
        meanwhile()
        return write()

    return effect


class FakeOutbox:
    def __init__(self) -> None:
        self.rows: dict[str, Event] = {}
        self.down = False

    def mark_published(self, event: Event) -> None:
        if self.down:
            raise Unavailable("DynamoDB does not answer.")
        del self.rows[event.id]


class Fallible:
    """A store that can fail. `effects` apply to the next writes, `after_reads` run after the next reads."""

    def __init__(self) -> None:
        self.effects: deque[WriteEffect] = deque()
        self.after_reads: deque[Callable[[], object]] = deque()
        self.down = False

    def recover(self) -> None:
        """Removes all planned failures."""
        self.effects.clear()
        self.after_reads.clear()
        self.down = False

    def _apply_effect(self, write: Write) -> bool:
        return self.effects.popleft()(write) if self.effects else write()

    def _read(self, found: T) -> T:
        if self.down:
            raise Unavailable("DynamoDB does not answer.")
        if self.after_reads:
            self.after_reads.popleft()()
        return found


class FakeProducts(Fallible):
    def __init__(self, outbox: FakeOutbox, *products: Product) -> None:
        super().__init__()
        self.rows: dict[str, ProductRow] = {product.id: product for product in products}
        self._outbox = outbox

    def get(self, product_id: str) -> ProductRow | None:
        return self._read(self.rows.get(product_id))

    def save(self, after: ProductRow, before: ProductRow | None, event: Event) -> bool:
        def write() -> bool:
            now = self.rows.get(after.id)
            if (now and now.version) != (before and before.version):
                return False
            self.rows[after.id] = after
            self._outbox.rows[event.id] = event
            return True

        return self._apply_effect(write)

    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]:
        alive = [row for row in self.rows.values() if isinstance(row, Product)]
        rows = [row for row in alive if category in {None, row.category}]
        return page_of(rows, ["id"], f"product/{category}", limit, cursor)

    def page_with_tombstones(self, limit: int, cursor: str | None) -> Page[ProductRow]:
        return page_of(self.rows.values(), ["id"], "product+tombstones", limit, cursor)


class ProductShop:
    """A product service with fakes. New products get the IDs `p-new-1`, `p-new-2` …"""

    def __init__(self, *products: Product) -> None:
        self.outbox = FakeOutbox()
        self.products = FakeProducts(self.outbox, *products)
        self.bus = FakeBus()
        self.clock = FakeClock()
        ids = (f"p-new-{n}" for n in itertools.count(1))
        publish = partial(publish_now, bus=self.bus, outbox=self.outbox)
        self.service = ProductService(self.products, publish, lambda: next(ids), self.clock)

    @property
    def events(self) -> list[Event]:
        """The events that are on the bus or still in the outbox."""
        return [*self.bus.published, *(event for event in self.outbox.rows.values() if event not in self.bus.published)]


class FakeBaskets(Fallible):
    def __init__(self, outbox: FakeOutbox) -> None:
        super().__init__()
        self.rows: dict[str, Basket] = {}
        self.receipts: dict[tuple[str, str], Receipt] = {}
        self._outbox = outbox

    def get(self, user_name: str) -> Basket | None:
        return self._read(self.rows.get(user_name))

    def receipt(self, user_name: str, key: str) -> Receipt | None:
        return self._read(self.receipts.get((user_name, key)))

    def page(self, limit: int, cursor: str | None) -> Page[Basket]:
        return page_of(self.rows.values(), ["userName"], "basket", limit, cursor)

    def remove(self, user_name: str) -> bool:
        return self.rows.pop(user_name, None) is not None

    def save(self, basket: Basket, previous: Basket | None) -> bool:
        def write() -> bool:
            if not self._is_at(basket.userName, previous):
                return False
            self.rows[basket.userName] = basket
            return True

        return self._apply_effect(write)

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        def write() -> bool:
            there = self.receipts.get((receipt.userName, receipt.idempotencyKey))
            taken = there is not None and there.expiresAt > now.timestamp()
            if taken or not self._is_at(basket.userName, basket):
                return False
            del self.rows[basket.userName]
            self._outbox.rows[event.id] = event
            self.receipts[receipt.userName, receipt.idempotencyKey] = receipt
            return True

        return self._apply_effect(write)

    def _is_at(self, user_name: str, expected: Basket | None) -> bool:
        now = self.rows.get(user_name)
        return (now and now.version) == (expected and expected.version)


class FakeCatalogue:
    """A catalogue with the given prices. `asked` records each product that was looked up."""

    def __init__(self, **prices: str) -> None:
        self.listings = {name: Listing(name.upper(), Decimal(price)) for name, price in prices.items()}
        self.asked: list[str] = []
        self.down = False

    def look_up(self, product_ids: Iterable[str]) -> dict[str, Listing]:
        if self.down:
            raise Unavailable("The product service does not answer.")
        wanted = list(product_ids)
        self.asked += wanted
        return {name: self.listings[name] for name in wanted if name in self.listings}


class FakeCatalogueItems:
    """The copy of the catalogue. `reads` counts the look-ups. If `down`, it raises Unavailable."""

    def __init__(self, *entries: CatalogueItem) -> None:
        self.rows = {entry.productId: entry for entry in entries}
        self.reads = 0
        self.down = False

    def get_many(self, product_ids: Collection[str]) -> list[CatalogueItem]:
        self.reads += 1
        self._must_answer()
        return [self.rows[product_id] for product_id in set(product_ids) if product_id in self.rows]

    def put_newer(self, entry: CatalogueItem) -> CatalogueItem:
        self._must_answer()
        known = self.rows.get(entry.productId)
        if known is None or known.version < entry.version:
            self.rows[entry.productId] = entry
        return self.rows[entry.productId]

    def versions(self) -> Iterator[tuple[str, Any]]:
        self._must_answer()
        return iter([(entry.productId, entry.version) for entry in self.rows.values()])

    def overwrite(self, entry: CatalogueItem, seen: Any) -> bool:
        if still := self._is_at(entry.productId, seen):
            self.rows[entry.productId] = entry
        return still

    def remove(self, product_id: str, seen: Any) -> bool:
        return self._is_at(product_id, seen) and bool(self.rows.pop(product_id))

    def _is_at(self, product_id: str, seen: Any) -> bool:
        self._must_answer()
        return product_id in self.rows and self.rows[product_id].version == seen

    def _must_answer(self) -> None:
        if self.down:
            raise Unavailable("DynamoDB does not answer.")


class FakeBus:
    """Publishes events, or fails in the way that `mode` names."""

    def __init__(self, mode: str = "takes") -> None:
        self.mode = mode
        self.published: list[Event] = []

    def publish(self, events: list[Event]) -> list[Event]:
        if self.mode == "raises":
            raise RuntimeError("a bug in the bus client")
        if self.mode == "is down":
            raise Unavailable("EventBridge does not answer.")
        if self.mode == "refuses":
            return []
        self.published += events
        if self.mode == "loses its answer":
            raise Unavailable("EventBridge does not answer.")
        return events


class FakeClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 30, 0, 123_000, UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


class BasketShop:
    """A basket service with fakes. Its IDs are UUIDv4 that end in 1, 2 …"""

    def __init__(self, **prices: str) -> None:
        self.outbox = FakeOutbox()
        self.baskets = FakeBaskets(self.outbox)
        self.catalogue = FakeCatalogue(**prices)
        self.bus = FakeBus()
        self.clock = FakeClock()
        ids = (f"00000000-0000-4000-8000-{n:012}" for n in itertools.count(1))
        self.publish = partial(publish_now, bus=self.bus, outbox=self.outbox)
        self.service = BasketService(self.baskets, self.catalogue, self.publish, lambda: next(ids), self.clock)

    @property
    def orders(self) -> set[str]:
        """The IDs of orders whose events are on the bus or still in the outbox."""
        return {event.id for event in self.bus.published} | set(self.outbox.rows)


class FakeOrders(Fallible):
    def __init__(self, *orders: OrderRow, outbox: FakeOutbox | None = None) -> None:
        super().__init__()
        self.rows = {(order.userName, order.orderId): (order, "") for order in orders}
        self.error: Exception | None = None
        self._outbox = outbox or FakeOutbox()
        self._lagging_index: dict[tuple[str, str], tuple[OrderRow, str]] = {}

    def stop_index(self) -> None:
        """From now on the index of open orders does not change."""
        self._lagging_index = dict(self.rows)

    def put_once(self, order: OrderRow, content_hash: str) -> bool:
        if self.error:
            raise self.error
        key = order.userName, order.orderId
        if key in self.rows and self.rows[key][1] != content_hash:
            raise Conflict(f"Order {order.orderId} already exists with other content.")
        return self.rows.setdefault(key, (order, content_hash))[0] is order

    def get(self, user_name: str, order_id: str) -> OrderRow | None:
        return self._read(self.rows[user_name, order_id][0] if (user_name, order_id) in self.rows else None)

    def save(self, after: OrderRow, before: OrderRow, event: Event | None) -> bool:
        def write() -> bool:
            now, content_hash = self.rows[after.userName, after.orderId]
            if (now.orderVersion, now.attempt) != (before.orderVersion, before.attempt):
                return False
            self.rows[after.userName, after.orderId] = after, content_hash
            if event:
                self._outbox.rows[event.id] = event
            return True

        return self._apply_effect(write)

    def open_orders(self, shard: str) -> Iterator[tuple[str, str]]:
        indexed = (self._lagging_index or self.rows).values()
        rows = [row for row, _ in indexed if row.is_open and shard_of(row.orderId) == shard]
        open_ = [(row.attemptedAt, row) for row in rows if row.attemptedAt]
        yield from ((row.userName, row.orderId) for _, row in sorted(open_, key=lambda pair: pair[0]))

    def page(self, limit: int, cursor: str | None) -> Page[Order]:
        return self._page(lambda _: True, "order", limit, cursor)

    def page_of_user(
        self,
        user_name: str,
        dates: tuple[str, str] | None,
        limit: int,
        cursor: str | None,
        status: Status | None = None,
    ) -> Page[Order]:
        first, last = dates or ("", "~")

        def wanted(order: Order) -> bool:
            is_in_time = first <= order.orderDate <= last
            return order.userName == user_name and is_in_time and status in {None, order.status}

        return self._page(wanted, f"order/{user_name}/{dates}/{status}", limit, cursor)

    def _page(self, wanted: Callable[[Order], bool], scope: str, limit: int, cursor: str | None) -> Page[Order]:
        newest_first = sorted((order.shown() for order, _ in self.rows.values()), key=lambda o: o.orderId, reverse=True)
        return page_of(filter(wanted, newest_first), ["userName", "orderId"], scope, limit, cursor)


class FakeExecutions:
    """Executions by name, with their input. They run until a test says that they have `ended`."""

    def __init__(self) -> None:
        self.started: dict[str, Mapping[str, Any]] = {}
        self.ended: set[str] = set()
        self.down = False

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        self._must_answer()
        self.started.setdefault(name, given)

    def is_running(self, name: str) -> bool:
        self._must_answer()
        return name in self.started and name not in self.ended

    def _must_answer(self) -> None:
        if self.down:
            raise Unavailable("Step Functions does not answer.")


def order_service(orders: Any) -> OrderService:
    """An ordering service with this store, whose sagas never run."""
    return OrderService(orders, Moves(orders, lambda _: None), Fulfilment(FakeExecutions()))


class OrderShop:
    """An ordering service with fakes."""

    def __init__(self, *orders: OrderRow) -> None:
        self.outbox = FakeOutbox()
        self.orders = FakeOrders(*orders, outbox=self.outbox)
        self.bus = FakeBus()
        self.clock = FakeClock()
        self.executions = FakeExecutions()
        self.fulfilment = Fulfilment(self.executions)
        self.moves = Moves(self.orders, partial(publish_now, bus=self.bus, outbox=self.outbox), self.clock)
        self.service = OrderService(self.orders, self.moves, self.fulfilment, self.clock)
        self.sweep = Sweep(self.orders, self.fulfilment, self.clock)


class FakeReplies(Replies):
    """Keeps a consumer's replies to test messages."""

    def __init__(self) -> None:
        super().__init__(self._keep, "shop-queue")
        self.sent: list[dict[str, Any]] = []
        self.down = False

    def _keep(self, body: str) -> None:
        if self.down:
            raise ConnectionError("SQS does not answer")
        self.sent.append(json.loads(body))


class Invocation:
    """The context of a Lambda invocation, with the same seconds left whenever it is asked."""

    def __init__(self, seconds: float = 25.0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


class FakeDeadLetters:
    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.down = False

    def send(self, body: str, **attributes: str) -> None:
        if self.down:
            raise ConnectionError("SQS does not answer")
        self.sent.append({"body": body} | attributes)


class FakeTasks:
    """Keeps the answers: a token with its output, or with the name of its error."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Mapping[str, Any] | str]] = []
        self.available = True

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        self._answer(token, output)

    def fail(self, token: str, error: str, cause: str) -> None:
        self._answer(token, error)

    def _answer(self, token: str, answer: Mapping[str, Any] | str) -> None:
        if not self.available:
            raise Unavailable("Step Functions does not answer.")
        self.answers.append((token, answer))


def command_message(
    kind: type[Command],
    data: Mapping[str, Any],
    *,
    entered: datetime | None = None,
    token: str = "t-1",
    timeout: int = 60,
) -> str:
    """The message of a command, as the state machine sends it."""
    moment = instants.write(entered or datetime.now(UTC))
    task = {"token": token, "entered": moment, "timeout-seconds": timeout}
    metadata = {
        "id": "e-1", "idempotency-key": "e-1", "version": kind.VERSION, "correlation-id": "c-1", "occurred-at": moment,
    }  # fmt: skip
    detail = {"metadata": metadata, "task": task, "data": data}
    return json.dumps({"source": kind.SOURCE, "detail-type": kind.DETAIL_TYPE, "detail": detail})
