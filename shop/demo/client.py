"""The demo's HTTP client: one correlation id on every request, each answer shown with its milliseconds."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import urllib3

from bootstrap.errors import Failed

ADVICE = "Is the shop running? `make run` (or `make up`) starts it, and says when it is open."
UNREADY = "`make doctor` and `make status` say what is missing; `make up`, or a new `make run`, creates it."
STRANGE = "Is another program listening there? `make status` shows what runs."
SHOWN = 60  # characters of a URL


@dataclass(frozen=True)
class Answer:
    """`body` has exact decimals for its numbers with a fraction; it is empty where the answer was no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.body.get("detail") or self.body.get("title") or "no reason given").rstrip(".")


class Client:
    def __init__(self, correlation_id: str, say: Callable[[str], None], token: str = "") -> None:
        self.correlation_id = correlation_id
        self.token = token
        self._say = say
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=10))
        self._begun = time.monotonic()

    def milliseconds(self) -> float:
        """Since this client was made."""
        return (time.monotonic() - self._begun) * 1000

    def call(self, service: str, method: str, url: str, *, expect: int, body: object = None, key: str = "") -> Answer:
        """Sends one request and shows it. Raises `Failed` for any other status than `expect`."""
        begun = self.milliseconds()
        answer = self.ask(method, url, body, key)
        self.show(service, method, url, answer, self.milliseconds() - begun)
        if answer.status != expect:
            raise Failed(f"{service} answered {answer.status} instead of {expect}: {answer.reason}. {_advice(answer)}")
        return answer

    def ask(self, method: str, url: str, body: object = None, key: str = "") -> Answer:
        """`key` is the request's Idempotency-Key."""
        sent = {"X-Correlation-Id": self.correlation_id, "Accept": "application/json"}
        sent |= {"Idempotency-Key": key} if key else {}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given = {"json": body} if body is not None else {}
        try:
            answer = self._pool.request(method, url, headers=sent, **given)  # type: ignore[arg-type]
        except urllib3.exceptions.HTTPError:
            raise Failed(f"Nothing answers at {url}. {ADVICE}") from None
        return Answer(answer.status, {name.lower(): it for name, it in answer.headers.items()}, _object(answer.data))

    def show(self, service: str, method: str, url: str, answer: Answer, milliseconds: float, note: str = "") -> None:
        short = url if len(url) <= SHOWN else f"{url[: SHOWN - 1]}…"
        self._say(
            f"  {service:<9} {method:<5} {short:<{SHOWN}} {answer.status}  {milliseconds:6.0f} ms  {note}".rstrip()
        )


def _advice(answer: Answer) -> str:
    """The invalid fields of a request, which came from an option of the command. Otherwise what may be wrong."""
    errors = answer.body.get("errors")
    if answer.status == 422 and isinstance(errors, list):
        return "; ".join(f"{it.get('pointer')} {it.get('detail')}" for it in errors if isinstance(it, dict))
    return UNREADY if answer.status == 503 else STRANGE


def _object(data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data, parse_float=Decimal)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
