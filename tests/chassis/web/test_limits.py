"""How many requests a client may send, and what it gets then."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.core.errors import Misconfigured
from chassis.web import access, auth, openapi
from chassis.web.app import Answer, make_app
from chassis.web.edge import Edge
from chassis.web.limits import Meter, Rate
from chassis.web.proxies import Proxies
from tests import tokens

PROXY = "10.0.0.8"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(rate: Rate | None, verify: auth.Verify | None = None) -> FlaskClient:
    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.get("/open", security=access.OPEN)
    def read() -> Answer:
        return {}

    @api.get("/own/<userName>", security=access.USER)
    def read_own() -> Answer:
        return {}

    app = make_app("sample", "A sample.", lambda: None, edge=Edge(verify, proxies=Proxies([PROXY]), rate=rate))
    app.register_api(api)
    return app.test_client()


def get(client: FlaskClient, path: str = "/sample/open", peer: str = "10.0.0.1", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=named, environ_base={"REMOTE_ADDR": peer})


def statuses(
    client: FlaskClient, count: int, path: str = "/sample/open", peer: str = "10.0.0.1", **headers: str
) -> Any:
    return [get(client, path, peer, **headers).status_code for _ in range(count)]


def test_client_may_send_all_requests_of_its_rate_at_once_and_then_one_after_each_interval(clock: Clock) -> None:
    meter = Meter(Rate(4, 2.0), clock=clock)
    assert [meter.wait(("user", "ann")) for _ in range(6)] == [0, 0, 0, 0, 0.5, 0.5]
    clock.now += 0.5
    assert [meter.wait(("user", "ann")) for _ in range(2)] == [0, 0.5]
    clock.now += 60
    assert [meter.wait(("user", "ann")) for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_refused_requests_do_not_prolong_the_wait(clock: Clock) -> None:
    meter = Meter(Rate(1, 1.0), clock=clock)
    assert [meter.wait(("user", "ann")) for _ in range(100)] == [0] + [1.0] * 99
    clock.now += 1
    assert meter.wait(("user", "ann")) == 0


def test_clients_do_not_limit_each_other(clock: Clock) -> None:
    meter = Meter(Rate(1, 1.0), clock=clock)
    clients = [("user", "ann"), ("user", "bob"), ("address", "ann")]
    assert [meter.wait(client) for client in clients * 2] == [0, 0, 0, 1, 1, 1]


def test_memory_is_bounded_and_the_client_seen_least_recently_is_forgotten(clock: Clock) -> None:
    meter = Meter(Rate(2, 1.0), clients=3, clock=clock)
    for name in ("a", "b", "c", "a", "d"):
        meter.wait(("user", name))
    assert [name for _, name in meter._due] == ["c", "a", "d"]
    assert meter.wait(("user", "a")) == 0.5


def test_too_many_requests_are_a_429_problem_with_retry_after() -> None:
    client = make(Rate(1, 60.0))
    get(client)
    answer = get(client)
    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert (answer.get_json()["title"], answer.headers["Retry-After"]) == ("Too many requests", "60")
    assert answer.headers["X-Correlation-Id"]


def test_wait_is_rounded_up_to_whole_seconds() -> None:
    client = make(Rate(100, 1.0))
    refused = next(answer for _ in range(5000) if (answer := get(client)).status_code == 429)
    assert refused.headers["Retry-After"] == "1"


def test_addresses_are_limited_apart_and_behind_a_proxy_those_of_its_clients() -> None:
    client = make(Rate(2, 60.0))
    assert statuses(client, 3) == [200, 200, 429]
    assert statuses(client, 3, peer="10.0.0.2") == [200, 200, 429]
    assert statuses(client, 3, peer=PROXY, X_Forwarded_For="198.51.100.7") == [200, 200, 429]
    assert statuses(client, 1, peer=PROXY, X_Forwarded_For="198.51.100.8") == [200]
    assert statuses(client, 1, X_Forwarded_For="198.51.100.9") == [429]


def test_users_are_limited_apart_at_one_address() -> None:
    client = make(Rate(2, 60.0), auth.from_env(tokens.env()))
    for user in ("ann", "bob"):
        headers = {"Authorization": f"Bearer {tokens.token(user)}"}
        assert statuses(client, 3, f"/sample/own/{user}", **headers) == [200, 200, 429]
        assert statuses(client, 1, f"/sample/own/{user}", peer="10.0.0.9", **headers) == [429]


def test_requests_with_wrong_tokens_are_limited_by_address() -> None:
    client = make(Rate(2, 60.0), auth.from_env(tokens.env()))
    assert statuses(client, 3, "/sample/own/ann", Authorization="Bearer wrong") == [401, 401, 429]


def test_health_is_not_limited() -> None:
    assert statuses(make(Rate(1, 60.0)), 5, "/health/ready") == [200] * 5


def test_without_the_setting_nothing_is_limited() -> None:
    assert statuses(make(None), 50) == [200] * 50
    assert Rate.from_env({}) is None
    assert Rate.from_env({"SHOP_RATE_LIMIT": ""}) is None


def test_setting_is_a_number_of_requests_per_second_or_minute() -> None:
    assert Rate.from_env({"SHOP_RATE_LIMIT": "100/s"}) == Rate(100, 1.0)
    assert Rate.from_env({"SHOP_RATE_LIMIT": "300/m"}) == Rate(300, 60.0)


@pytest.mark.parametrize("wrong", ["100", "0/s", "-1/s", "1.5/s", "100/h", "100 / s", "٣/s", "off"])
def test_setting_refuses_what_is_no_rate(wrong: str) -> None:
    with pytest.raises(Misconfigured, match=f"SHOP_RATE_LIMIT={wrong} is no rate"):
        Rate.from_env({"SHOP_RATE_LIMIT": wrong})
