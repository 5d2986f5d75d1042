"""Whom the emulator serves: programs of this machine that sign their requests, and no web page."""

import asyncio
from typing import Any

import pytest

from shop.emulator.guard import Guard, reads_only, refusal

SDK = {
    "host": "127.0.0.1:4566",
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request",
}


def headers(**given: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "LOCALHOST", "[::1]:4566", "127.0.0.1:9999"])
def test_a_signed_request_to_a_loopback_name_is_served(host: str) -> None:
    assert refusal("/", headers(**SDK | {"host": host})) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4566",
        "127.0.0.1.evil.example:4566",
        "evil.example#127.0.0.1",
        "localhost.evil.example",
        "host.docker.internal:4566",
        "0.0.0.0:4566",
        "127.0.0.1:4566\n",
        "",
    ],
)
def test_a_request_that_names_another_host_is_refused_even_for_health(host: str) -> None:
    for path in ("/", "/_localstack/health"):
        assert "names another host" in str(refusal(path, headers(**SDK | {"host": host})))


def test_a_request_without_a_host_is_refused() -> None:
    assert refusal("/_localstack/health", []) is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:4566", "http://localhost:3000", ""]
)
def test_a_request_with_an_origin_is_refused_even_for_health(origin: str) -> None:
    for path in ("/", "/_localstack/health"):
        assert "web pages" in str(refusal(path, headers(**SDK, origin=origin)))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", ""])
def test_a_request_that_a_browser_made_for_a_page_is_refused(site: str) -> None:
    assert "web pages" in str(refusal("/_localstack/health", headers(host="localhost:4566", sec_fetch_site=site)))


def test_the_health_page_can_be_opened_in_a_browser() -> None:
    assert refusal("/_localstack/health", headers(host="localhost:4566", sec_fetch_site="none")) is None


@pytest.mark.parametrize("authorization", ["", "Basic dGVzdDp0ZXN0", "Bearer x", "AWS4-HMAC-SHA256"])
@pytest.mark.parametrize(
    "path", ["/", "/_ministack/reset", "/_ministack/health", "/_localstack/health/", "/2015-03-31/functions"]
)
def test_an_unsigned_request_is_refused(path: str, authorization: str) -> None:
    assert "is not signed" in str(refusal(path, headers(host="localhost", authorization=authorization)))


@pytest.mark.parametrize("action", ["GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan", "DescribeTable"])
def test_reads_are_recognised(action: str) -> None:
    assert reads_only(headers(x_amz_target=f"DynamoDB_20120810.{action}"))


@pytest.mark.parametrize("target", ["DynamoDB_20120810.PutItem", "AmazonSQS.DeleteMessage", "AWSEvents.PutEvents", ""])
def test_every_other_request_counts_as_a_write(target: str) -> None:
    assert not reads_only(headers(x_amz_target=target))
    assert not reads_only([])


class Wire:
    """What an ASGI server exchanges with the guard, and an emulator that answers once it may."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.reached = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.guard = Guard(self.emulator)

    async def emulator(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            return
        self.reached.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def ask(self, kind: str = "http", **given: str) -> None:
        async def receive() -> Any:
            raise AssertionError("the guard reads no body")

        await self.guard({"type": kind, "path": "/", "headers": headers(**given)}, receive, self.send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


def test_a_refused_request_gets_a_reason_without_cors_headers() -> None:
    async def scenario(wire: Wire) -> None:
        await wire.ask(**SDK, origin="http://evil.example")
        assert not wire.reached.is_set()
        assert wire.status == 403
        assert b"does not serve web pages" in wire.sent[1]["body"]
        assert not [name for name, _ in wire.sent[0]["headers"] if name.startswith(b"access-control")]

    asyncio.run(scenario(Wire()))


def test_a_websocket_is_refused() -> None:
    async def scenario(wire: Wire) -> None:
        await wire.ask("websocket", **SDK)
        assert [message["type"] for message in wire.sent] == ["websocket.close"]

    asyncio.run(scenario(Wire()))


def test_a_write_is_noted_at_its_end_and_a_read_never() -> None:
    async def scenario(wire: Wire) -> None:
        wire.may_answer.set()
        await wire.ask(**SDK, x_amz_target="DynamoDB_20120810.Scan")
        assert not wire.guard.changed
        wire.may_answer.clear()
        write = asyncio.create_task(wire.ask(**SDK, x_amz_target="DynamoDB_20120810.PutItem"))
        await wire.reached.wait()
        assert not wire.guard.changed
        wire.may_answer.set()
        await write
        assert wire.guard.changed

    asyncio.run(scenario(Wire()))


def test_the_guard_knows_when_the_emulator_has_read_its_data() -> None:
    async def scenario(wire: Wire) -> None:
        assert not wire.guard.started
        await wire.ask("lifespan")
        assert wire.guard.started

    asyncio.run(scenario(Wire()))


def test_a_running_request_may_end_while_the_guard_closes() -> None:
    async def scenario(wire: Wire) -> None:
        request = asyncio.create_task(wire.ask(**SDK))
        await wire.reached.wait()
        closing = asyncio.create_task(wire.guard.close(60))
        wire.may_answer.set()
        await closing
        await request
        assert wire.status == 200

    asyncio.run(scenario(Wire()))


def test_a_closing_guard_cuts_off_long_polls_and_refuses_new_requests() -> None:
    async def scenario(wire: Wire) -> None:
        poll = asyncio.create_task(wire.ask(**SDK))
        await wire.reached.wait()
        await wire.guard.close(0.01)
        assert poll.done()
        await wire.ask(**SDK)
        assert wire.status == 503

    asyncio.run(scenario(Wire()))
