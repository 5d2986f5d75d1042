"""The public keys of a token issuer (RFC 7517): fetched when they are needed, and cached."""

import threading
import time
from collections.abc import Callable, Mapping

import structlog
import urllib3
from jwt import PyJWK, PyJWTError

from chassis.core import strictjson
from chassis.core.errors import Unavailable

ALGORITHMS = ("RS256", "ES256")
LIFETIME = 600.0  # seconds until cached keys are fetched again, so a removed key stops working
PAUSE = 10.0  # seconds between two fetches, however many tokens name an unknown key
TIMEOUT = 1.0  # seconds for each step of a fetch

Keys = Mapping[str, PyJWK]

log = structlog.stdlib.get_logger(__name__)


class Jwks:
    """`fetch` returns the keys by their ids, and raises ValueError or an error of urllib3."""

    def __init__(self, fetch: Callable[[], Keys], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: Keys = {}
        self._stale_at = self._paused_until = float("-inf")
        self._failed = False
        self._lock = threading.Lock()

    def find(self, key_id: str) -> PyJWK | None:
        """None if the issuer has no such key. Raises Unavailable if the key is not cached and no fetch succeeds.

        A cached key never waits for a fetch of another thread, and it works while the issuer cannot be reached.
        """
        waits = key_id not in self._keys
        if (waits or self._clock() >= self._stale_at) and self._lock.acquire(blocking=waits):
            try:
                self._refresh()
            finally:
                self._lock.release()
        key = self._keys.get(key_id)
        if key is None and self._failed:
            raise Unavailable("The keys of the token issuer cannot be fetched.")
        return key

    def _refresh(self) -> None:
        if self._clock() < self._paused_until:
            return
        try:
            self._keys = self._fetch()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            self._failed = True
            log.warning("cannot fetch the keys of the token issuer", cause=repr(error))
        else:
            self._failed = False
            self._stale_at = self._clock() + LIFETIME
        self._paused_until = self._clock() + PAUSE


def parse(text: str | bytes) -> Keys:
    """The keys that can verify tokens. Raises ValueError if there are none."""
    try:
        document = strictjson.loads(text)
        found = {it["kid"]: PyJWK(it) for it in document["keys"] if _is_usable(it)}
    except (PyJWTError, RecursionError, TypeError, KeyError) as error:
        raise ValueError(f"not a JSON Web Key Set: {error!r}") from error
    if not found:
        raise ValueError("the JSON Web Key Set has no RS256 or ES256 key with an id")
    return found


def _is_usable(key: Mapping[str, str]) -> bool:
    kind = {"RSA": "RS256", "EC": "ES256"}.get(key["kty"])
    return (
        kind is not None
        and "kid" in key
        and key.get("use", "sig") == "sig"
        and key.get("alg", kind) == kind
        and key.get("crv", "P-256") == "P-256"
    )


def fetcher(url: str) -> Callable[[], Keys]:
    http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=TIMEOUT, read=TIMEOUT))

    def fetch() -> Keys:
        answer = http.request("GET", url, redirect=False)
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        return parse(answer.data)

    return fetch
