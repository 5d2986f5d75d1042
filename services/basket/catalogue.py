"""Who knows names and prices: what a catalogue is, and the one that asks the product service."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, TimeoutError  # noqa: A004 the built-in's alias since 3.11
from typing import Protocol

import urllib3

from chassis import deadline, logs, strictjson
from chassis.errors import Unavailable
from chassis.fields import Amount, Record
from services.basket.models import Listing

TIMEOUT = 1.0
PARALLEL = 8
ABSENT = {404, 410}


class Catalogue(Protocol):
    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        """The listings of those that exist; raises Unavailable where nobody can tell."""
        ...


class Once:
    """A catalogue for one request: each product is asked for once, whether it exists or not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, Listing | None] = {}

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        if unknown := set(product_ids) - self._known.keys():
            self._known |= dict.fromkeys(unknown) | self._catalogue.look_up(unknown)
        return {product_id: listing for product_id in product_ids if (listing := self._known[product_id])}


class ProductSeen(Record):
    """The fields of a product that a basket reads."""

    name: str
    price: Amount


class HttpCatalogue:
    """Looks products up one request each, some at a time."""

    def __init__(self, base_url: str, timeout: float = TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._http = urllib3.PoolManager(maxsize=PARALLEL, retries=False)
        self._workers = ThreadPoolExecutor(PARALLEL, thread_name_prefix="catalogue")

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        """The listings of those that exist; each distinct id is asked for once.

        Raises Unavailable if the product service does not answer properly, each within its time-out and all within
        the request's.
        """
        wanted = sorted(set(product_ids))
        correlation = logs.correlation_id()
        try:
            found = self._workers.map(
                lambda product_id: self._ask(product_id, correlation), wanted, timeout=self._patience(len(wanted))
            )
            return {product_id: listing for product_id, listing in zip(wanted, found, strict=True) if listing}
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError, TimeoutError) as error:
            raise Unavailable("The product service does not answer.") from error

    def _patience(self, requests: int) -> float:
        rounds = -(-requests // PARALLEL)
        return max(0.0, min(deadline.remaining(), self._timeout * rounds))

    def _ask(self, product_id: str, correlation: str) -> Listing | None:
        answer = self._http.request(
            "GET",
            f"{self._base_url}/product/{product_id}",
            headers={"X-Correlation-Id": correlation, "Accept": "application/json"},
            timeout=urllib3.Timeout(total=self._timeout),
            redirect=False,
        )
        if answer.status in ABSENT:
            return None
        if answer.status != 200:
            raise urllib3.exceptions.HTTPError(f"status {answer.status}")
        seen = ProductSeen.model_validate(strictjson.loads(answer.data))
        return Listing(seen.name, seen.price)
