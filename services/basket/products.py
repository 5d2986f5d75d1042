"""The product service as basket asks it: for a product no event has told of, and for all of them to start with."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, TimeoutError  # noqa: A004 the built-in's alias since 3.11
from contextlib import contextmanager
from typing import Any

import urllib3

from chassis.core import deadline, logs, strictjson
from chassis.core.errors import Unavailable
from chassis.core.fields import Model
from chassis.core.instants import Instant
from chassis.core.paging import Page
from services.basket.catalogue import CatalogueItem, Price, Version

TIMEOUT = 1.0
PARALLEL = 8
PAGE = 100
ABSENT = {404, 410}


class ProductResponse(Model):
    """The fields of a product that basket reads."""

    id: str
    version: Version
    name: str
    category: str
    price: Price

    def to_item(self) -> CatalogueItem:
        return CatalogueItem(productId=self.id, **self.model_dump(exclude={"id"}))


class TombstoneResponse(Model):
    id: str
    version: Version
    deletedAt: Instant

    def to_item(self) -> CatalogueItem:
        return CatalogueItem.tombstone(self.id, self.version, self.deletedAt)


class PageResponse(Model):
    items: list[ProductResponse]
    tombstones: list[TombstoneResponse]
    nextCursor: str | None


class HttpProducts:
    """Each request has its own time-out, and all of them the caller's deadline."""

    def __init__(self, base_url: str, timeout: float = TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._http = urllib3.PoolManager(maxsize=PARALLEL, retries=False)
        self._workers = ThreadPoolExecutor(PARALLEL, thread_name_prefix="products")

    def find(self, product_ids: Collection[str]) -> list[CatalogueItem]:
        """Those that exist, asked for one request each, some at a time; Unavailable without a proper answer."""
        correlation = logs.correlation_id()
        with _answering():
            found = self._workers.map(
                lambda product_id: self._ask(f"/{product_id}", correlation),
                product_ids,
                timeout=self._patience(len(product_ids)),
            )
            return [ProductResponse.model_validate(answer).to_item() for answer in found if answer is not None]

    def page(self, cursor: str | None) -> Page[CatalogueItem]:
        """Some of all products, tombstones too; Unavailable without a proper answer."""
        query = f"?tombstones=true&limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        with _answering():
            page = PageResponse.model_validate(self._ask(query, logs.correlation_id()))
            seen: list[ProductResponse | TombstoneResponse] = [*page.items, *page.tombstones]
            return Page([each.to_item() for each in seen], page.nextCursor)

    def _patience(self, requests: int) -> float:
        rounds = -(-requests // PARALLEL)
        return max(0.0, min(deadline.remaining(), self._timeout * rounds))

    def _ask(self, path: str, correlation: str) -> Any:
        """The answer's JSON, or None where there is no such thing."""
        answer = self._http.request(
            "GET",
            f"{self._base_url}/product{path}",
            headers={"X-Correlation-Id": correlation, "Accept": "application/json"},
            timeout=urllib3.Timeout(total=self._timeout),
            redirect=False,
        )
        if answer.status in ABSENT and answer.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None  # a proxy between here and product has a 404 of its own, which is no answer
        if answer.status != 200:
            raise urllib3.exceptions.HTTPError(f"status {answer.status}")
        return strictjson.loads(answer.data)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError, TimeoutError) as error:
        raise Unavailable("The product service does not answer.") from error
