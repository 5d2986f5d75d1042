"""Clients of a service that is stopped again and again: what each request of theirs heard."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from tests.samples import CHECKOUT

PAUSE = 0.05  # seconds; who is refused asks again soon


class Callers:
    """Each fills a basket and checks it out, over and over: one half on connections that they keep, one on new ones."""

    def __init__(self, url: str, product: str, crowd: int) -> None:
        self.answers: Counter[int] = Counter()
        self.refused = 0
        self.broken: list[str] = []  # the connection was there, and no whole answer came
        self.acknowledged: list[str] = []  # order ids
        self._url = url
        self._lines = [{"productId": product, "quantity": 1}]
        self._crowd = crowd
        self._over = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def calling(self) -> Iterator["Callers"]:
        threads = [threading.Thread(target=self._call, args=(n,), name=f"caller-{n}") for n in range(self._crowd)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _call(self, caller: int) -> None:
        headers = {} if caller % 2 else {"Connection": "close"}
        user, http = f"user-{caller}", urllib3.PoolManager(retries=False, timeout=15)
        while not self._over.wait(PAUSE / 20):
            if self._ask(http, headers, "/basket", {"userName": user, "items": self._lines}):
                self._ask(http, headers, "/basket/checkout", CHECKOUT | {"userName": user})

    def _ask(self, http: urllib3.PoolManager, headers: dict[str, str], path: str, body: Any) -> bool:
        """True if it was answered."""
        try:
            answer = http.request("POST", self._url + path, json=body, headers=headers)
        except urllib3.exceptions.NewConnectionError:
            self._over.wait(PAUSE)
            with self._lock:
                self.refused += 1
        except urllib3.exceptions.HTTPError as error:
            with self._lock:
                self.broken.append(f"{path}, {headers}: {error!r}")
        else:
            self._note(answer)
            return True
        return False

    def _note(self, answer: urllib3.BaseHTTPResponse) -> None:
        with self._lock:
            self.answers[answer.status] += 1
            if answer.status == 202:
                self.acknowledged.append(answer.json()["orderId"])
