import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from chassis import tracing
from chassis.core import deadline, logs
from chassis.core.errors import Unavailable
from services.basket.catalogue import CatalogueItem
from services.basket.products import HttpProducts
from tests.environment import free_port
from tests.samples import product

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DELETED = "2026-11-21T09:30:00.123Z"


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # the default of 5 refuses some of many concurrent connections


class ProductShop:
    """A product service with given responses. It records the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.content_type = "application/problem+json"
        self.asked: Counter[str] = Counter()
        self.correlation_ids: set[str | None] = set()
        self.traceparents: set[str | None] = set()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked[self.path] += 1
                shop.correlation_ids.add(self.headers["X-Correlation-Id"])
                shop.traceparents.add(self.headers["traceparent"])
                status, body = shop.answers.get(self.path, (404, "{}"))
                self.send_response(status)
                self.send_header("Content-Type", shop.content_type)
                self.send_header("Location", "/product/elsewhere")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def sells(self, product_id: str, **fields: object) -> None:
        body = json.dumps(product(product_id).model_dump(mode="json") | fields)
        self.answers[f"/product/{product_id}"] = (200, body)


@pytest.fixture
def shop() -> Iterator[ProductShop]:
    shop = ProductShop()
    thread = Thread(target=shop.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield shop
    shop.server.shutdown()
    thread.join()
    shop.server.server_close()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_404_of_a_proxy_is_unavailable(shop: ProductShop) -> None:
    """Otherwise the basket service would report that the product does not exist."""
    shop.content_type = "text/html"
    with pytest.raises(Unavailable):
        HttpProducts(shop.url).find(["p-1"])


def test_find_returns_the_products_that_exist(shop: ProductShop) -> None:
    shop.sells("p-1", name="Ünïcode", price=0.1, version=7, unknown="left aside")
    shop.answers["/product/gone"] = (410, "")
    assert HttpProducts(f"{shop.url}/").find(["p-1", "none", "gone"]) == [
        CatalogueItem(productId="p-1", version=7, name="Ünïcode", category="Phone", price=Decimal("0.1"))
    ]


def test_each_product_is_requested_once_with_the_correlation_id(shop: ProductShop) -> None:
    names = [f"p-{n}" for n in range(50)]
    for name in names:
        shop.sells(name)
    logs.correlate("c-1")
    tracing.begin("request", TRACEPARENT)
    assert [entry.productId for entry in HttpProducts(shop.url).find(names)] == names
    assert shop.asked == Counter(f"/product/{name}" for name in names)
    assert shop.correlation_ids == {"c-1"}
    assert shop.traceparents == {TRACEPARENT}


def test_no_product_needs_no_request(shop: ProductShop) -> None:
    assert HttpProducts(shop.url).find([]) == []
    assert not shop.asked


def test_pages_contain_all_products_and_tombstones(shop: ProductShop) -> None:
    items = [product("p-1").model_dump(mode="json")]
    first = {"items": items, "tombstones": [{"id": "p-2", "version": 3, "deletedAt": DELETED}], "nextCursor": "more"}
    shop.answers["/product?tombstones=true&limit=100"] = (200, json.dumps(first))
    last = (200, json.dumps({"items": [], "tombstones": [], "nextCursor": None}))
    shop.answers["/product?tombstones=true&limit=100&cursor=more"] = last
    products = HttpProducts(shop.url)
    page = products.page(None)
    assert page.items[0] == CatalogueItem(
        productId="p-1", version=1, name="IPhone X", category="Phone", price=Decimal(950)
    )
    assert page.items[1] == CatalogueItem(productId="p-2", version=3, deleted=True, expiresAt=1803029400)
    assert products.page(page.next_cursor) == ([], None)


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30T09:30:00.123Z", "2026-11-21T09:30:00.123"])
def test_tombstone_without_a_valid_time_is_unavailable(shop: ProductShop, date: str) -> None:
    items = [{"id": "p-2", "version": 3, "deletedAt": date}]
    answer = (200, json.dumps({"items": items, "nextCursor": None}))
    shop.answers["/product?tombstones=true&limit=100"] = answer
    with pytest.raises(Unavailable):
        HttpProducts(shop.url).page(None)


def test_missing_product_list_is_unavailable(shop: ProductShop) -> None:
    with pytest.raises(Unavailable):
        HttpProducts(shop.url).page(None)


@pytest.mark.parametrize(
    "answer",
    [
        (500, "{}"),
        (503, "{}"),
        (429, "{}"),
        (302, "{}"),
        (200, "garbage"),
        (200, "{}"),
        (200, '{"name": "P", "price": "1.10"}'),
        (200, '{"name": "P", "price": NaN}'),
        (200, "[" * 30_000),
    ],
)
def test_response_that_is_no_product_is_unavailable(shop: ProductShop, answer: tuple[int, str]) -> None:
    shop.sells("p-2")
    shop.answers["/product/p-1"] = answer
    with pytest.raises(Unavailable):
        HttpProducts(shop.url).find(["p-1", "p-2"])


def test_stopped_product_service_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        HttpProducts(f"http://127.0.0.1:{free_port()}").find(["p-1"])


@pytest.mark.parametrize(("products", "left", "timeout"), [(1, 60, 0.2), (100, 60, 3), (100, 0.2, 40)])
def test_wait_for_products_ends_at_the_time_out_or_the_deadline(
    black_hole: str, products: int, left: float, timeout: float
) -> None:
    """A hundred products are requested in parallel. One after the other, the time-outs would take 39 s."""
    deadline.start(left)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        HttpProducts(black_hole, timeout).find([f"p-{n}" for n in range(products)])
    assert 0.9 * min(timeout, left) <= time.monotonic() - started < 30


def test_request_to_product_has_a_time_out_of_a_second() -> None:
    assert HttpProducts("http://product")._timeout == 1
