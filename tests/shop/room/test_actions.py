"""What the buttons do."""

import json
import signal
from typing import Any

import pytest
from flask import Flask, request

from bootstrap.errors import Failed
from bootstrap.names import Names
from shop.room.actions import Actions
from shop.room.ring import Ring
from tests.processes import serving
from tests.shop.room.rooms import event


class FakeProcesses:
    def __init__(self) -> None:
        self.pids = {"ordering-consumer": 42}
        self.calls: list[tuple[str, str]] = []

    def pid(self, name: str) -> int:
        return self.pids.get(name, 0)

    def start(self, name: str) -> None:
        self.calls.append(("start", name))

    def stop(self, names: list[str], within: float) -> None:
        self.calls += [("stop", name) for name in names]


class FakeAws:
    """A bus that accepts or refuses."""

    def __init__(self, result: dict[str, str] | None = None) -> None:
        self.events = self
        self.entries: list[dict[str, str]] = []
        self.result = result or {"EventId": "e-1"}

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 boto3's name
        self.entries += Entries
        return {"Entries": [self.result]}


def actions(aws: FakeAws | None = None, ring: Ring | None = None, **given: Any) -> Actions:
    urls = {"product": "http://127.0.0.1:9", "basket": "http://127.0.0.1:9"}
    return Actions(aws or FakeAws(), Names("shop"), ring or Ring(), urls, **{"processes": None, "sign": str} | given)  # type: ignore[arg-type] # a fake


def test_processes_are_stopped_started_and_killed_with_all_their_children() -> None:
    processes, killed = FakeProcesses(), list[tuple[int, int]]()
    it = actions(processes=processes, kill=lambda *call: killed.append(call))
    assert it.control("stop", "basket-relay") == "basket-relay is stopped."
    assert it.control("start", "basket-relay") == "basket-relay is started."
    assert it.control("kill", "ordering-consumer") == "ordering-consumer (pid 42) was killed."
    assert processes.calls == [("stop", "basket-relay"), ("start", "basket-relay")]
    assert killed == [(42, signal.SIGKILL)]
    with pytest.raises(Failed, match="payment-consumer does not run"):
        it.control("kill", "payment-consumer")


def test_room_in_a_container_stops_nothing() -> None:
    with pytest.raises(Failed, match="Type the command that the page shows"):
        actions().control("stop", "basket-relay")


def test_emulator_of_the_shop_is_told_to_lose_answers() -> None:
    processes, sent = FakeProcesses(), list[tuple[int, int]]()
    it = actions(processes=processes, kill=lambda *call: sent.append(call))
    with pytest.raises(Failed, match="Only the emulator that `make run` starts"):
        it.do("lose")
    processes.pids["emulator"] = 7
    assert it.do("lose") == "Every second answer to a write is lost for 15 seconds. Buy something now."
    assert sent == [(7, signal.SIGUSR1)]


def test_emulator_of_containers_loses_no_answers() -> None:
    with pytest.raises(Failed, match="Only the emulator that `make run` starts"):
        actions().do("lose")


def test_poison_is_a_checkout_without_data() -> None:
    aws = FakeAws()
    assert "In a moment it is in order-dlq" in actions(aws).do("poison")
    [entry] = aws.entries
    assert (entry["EventBusName"], entry["Source"]) == ("shop-bus", "com.swn.basket.checkoutbasket")
    assert json.loads(entry["Detail"])["data"] == {}


def test_the_last_whole_checkout_is_delivered_again_as_it_was() -> None:
    aws, ring = FakeAws(), Ring()
    for number in (1, 2):
        ring.add(event(number), [], number)
    poison = dict(event(3)) | {"detail": {"metadata": {"id": "room-1"}, "data": {}}}
    ring.add(poison, [], 3)
    ring.add(poison | {"detail": {"metadata": {"test": "doctor-1"}, "data": {}}}, [], 4)
    actions(aws, ring).do("again")
    assert json.loads(aws.entries[0]["Detail"]) == event(2)["detail"]


def test_nothing_is_delivered_again_before_the_first_checkout() -> None:
    with pytest.raises(Failed, match="Buy something first"):
        actions().do("again")


def test_event_that_the_bus_refuses_is_no_success() -> None:
    with pytest.raises(Failed, match="InternalFailure"):
        actions(FakeAws({"ErrorCode": "InternalFailure"})).do("poison")


@pytest.mark.parametrize("name", ["buy", "silent"])
def test_customer_of_the_room_has_a_token(name: str) -> None:
    app = Flask(__name__)
    given: list[str] = []

    @app.get("/product")
    def products() -> Any:
        given.append(request.headers["Authorization"])
        return {"items": [{"id": "p-1", "price": 1}]}

    @app.post("/basket")
    def basket() -> Any:
        return {}

    @app.post("/basket/checkout")
    def check_out() -> Any:
        given.append(f"Bearer token of {(request.get_json())['userName']}")
        return {"orderId": "o-1", "totalPrice": 1}, 202, {"Location": "/order/room/o-1"}

    with serving(app) as url:
        it = Actions(FakeAws(), Names("shop"), Ring(), {"product": url, "basket": url}, None, "token of {}".format)  # type: ignore[arg-type] # a fake
        assert "as order o-1" in it.do(name)
    assert given[0] == given[1]


@pytest.mark.parametrize("name", ["buy", "silent"])
def test_purchase_without_a_shop_says_what_does_not_answer(name: str) -> None:
    with pytest.raises(Failed, match=r"Nothing answers at http://127\.0\.0\.1:9/product"):
        actions().do(name)
