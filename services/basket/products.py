"""The HTTP client of the product service, for products missing in basket's copy and for rebuilding the copy."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, TimeoutError  # noqa: A004 the built-in's alias since 3.11
from contextlib import contextmanager
from typing import Any

import urllib3

from chassis import tracing
from chassis.core import deadline, logs, strictjson
from chassis.core.errors import Unavailable
from chassis.core.fields import Model
from chassis.core.instants import Instant
from chassis.core.paging import Page
from services.basket.catalogue import CatalogueItem, Price, Version

TIMEOUT = 1.0  # seconds per request
PARALLEL = 8  # requests at once
PAGE = 100  # products
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
    """Each request has its own time-out. All requests together end at the caller's deadline."""

    def __init__(self, base_url: str, timeout: float = TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._http = urllib3.PoolManager(maxsize=PARALLEL, retries=False)
        self._workers = ThreadPoolExecutor(PARALLEL, thread_name_prefix="products")

    def find(self, product_ids: Collection[str]) -> list[CatalogueItem]:
        """The products that exist, with one request each. Raises Unavailable without a valid response."""
        with tracing.span("call", "product.GET"), _unavailable_without_response():
            ids = _ids()
            found = self._workers.map(
                lambda product_id: self._get(f"/{product_id}", ids),
                product_ids,
                timeout=self._time_limit(len(product_ids)),
            )
            return [ProductResponse.model_validate(answer).to_item() for answer in found if answer is not None]

    def page(self, cursor: str | None) -> Page[CatalogueItem]:
        """A page of all products and tombstones. Raises Unavailable without a valid response."""
        query = f"?tombstones=true&limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        with _unavailable_without_response():
            page = PageResponse.model_validate(self._get(query, _ids()))
            responses: list[ProductResponse | TombstoneResponse] = [*page.items, *page.tombstones]
            return Page([each.to_item() for each in responses], page.nextCursor)

    def _time_limit(self, requests: int) -> float:
        rounds = -(-requests // PARALLEL)
        return max(0.0, min(deadline.remaining(), self._timeout * rounds))

    def _get(self, path: str, ids: Mapping[str, str]) -> Any:
        """The JSON of the response, or None if the resource does not exist."""
        answer = self._http.request(
            "GET",
            f"{self._base_url}/product{path}",
            headers={"Accept": "application/json", **ids},
            timeout=urllib3.Timeout(total=self._timeout),
            redirect=False,
        )
        if answer.status in ABSENT and answer.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None  # a 404 of a proxy has another media type and does not show that the product is missing
        if answer.status != 200:
            raise urllib3.exceptions.HTTPError(f"status {answer.status}")
        return strictjson.loads(answer.data)


def _ids() -> dict[str, str]:
    """The headers by which the product service continues this trace and logs the same correlation ID."""
    trace = {"traceparent": text} if (text := tracing.traceparent()) else {}
    return {"X-Correlation-Id": logs.correlation_id(), **trace}


@contextmanager
def _unavailable_without_response() -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError, TimeoutError) as error:
        raise Unavailable("The product service does not answer.") from error
