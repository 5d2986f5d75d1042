"""The pages of the machine room: who may use them, what they load, and what they show."""

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bootstrap.errors import Failed
from shop.room.actions import OFFERS, VERBS
from shop.room.app import POLICY, closed, create_app
from shop.room.ring import Ring
from shop.room.service import STREAM, STREAMS
from shop.room.watch import State
from tests.shop.room.rooms import FLOWS, FakeActions, event, room

STATIC = Path(__file__).parents[3] / "shop" / "room" / "static"
PAGES = ["/room", "/events", "/room/trail/c-1", "/room/trail/none", "/none"]
OWN = {"Origin": "http://localhost"}
POSTS = [f"/room/do/{name}" for name in OFFERS] + [f"/room/do/{verb}/ordering-consumer" for verb in VERBS]


def app(**changes: Any) -> Flask:
    ring = Ring()
    ring.add(event(), [["bus-bus--rule-checkout-basket"]], 1)
    return create_app(room(**{"ring": ring} | changes), "http://127.0.0.1:8000")


@pytest.fixture
def actions() -> FakeActions:
    return FakeActions()


@pytest.fixture
def client(actions: FakeActions) -> FlaskClient:
    return app(actions=actions).test_client()


def as_browser(client: FlaskClient, path: str) -> str:
    return client.get(path, headers={"Accept": "text/html,*/*;q=0.8"}).text


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test:8007", "10.0.0.1:8007", "localhost.evil.test"])
@pytest.mark.parametrize("path", ["/room", "/room/stream", "/events", "/room/static/room.js"])
def test_another_host_name_is_refused_because_it_may_be_dns_rebinding(
    client: FlaskClient, host: str, path: str
) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.get_json()["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1:8007", "localhost:18007", "localhost", "[::1]:8007"])
def test_names_of_this_machine_are_accepted_at_any_port(client: FlaskClient, host: str) -> None:
    assert client.get("/room", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.test", "https://localhost", "http://localhost:8006", "http://localhost.evil.test"],
)
def test_form_of_another_page_is_refused(
    client: FlaskClient, actions: FakeActions, path: str, origin: str | None
) -> None:
    answer = client.post(path, headers={"Origin": origin} if origin else {})
    assert answer.status_code == 403
    assert actions.asked == []


def test_page_of_another_origin_cannot_read(client: FlaskClient) -> None:
    assert client.get("/room/stream", headers={"Origin": "http://evil.test"}).status_code == 403


def test_button_says_what_happened_to_a_script_and_leads_a_browser_back(
    client: FlaskClient, actions: FakeActions
) -> None:
    said = client.post("/room/do/buy", headers=OWN | {"Accept": "application/json"})
    assert said.get_json() == {"said": "buy was done."}
    answer = client.post("/room/do/stop/ordering-consumer", headers=OWN | {"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/room")
    assert actions.asked == [("buy",), ("stop", "ordering-consumer")]
    assert "ordering-consumer stop was done." in as_browser(client, "/room")


@pytest.mark.parametrize("path", ["/room/do/drop", "/room/do/stop", "/room/do/stop/emulator", "/room/do/kill/room"])
def test_only_offered_buttons_and_processes_of_the_services_exist(
    client: FlaskClient, actions: FakeActions, path: str
) -> None:
    assert client.post(path, headers=OWN).status_code == 409
    assert actions.asked == []


def test_failure_is_one_sentence_for_a_script_and_a_page_for_a_browser(client: FlaskClient) -> None:
    def fail(name: str) -> str:
        raise Failed("basket does not answer.")

    actions = FakeActions()
    actions.do = fail  # type: ignore[method-assign]
    broken = app(actions=actions).test_client()
    assert broken.post("/room/do/buy", headers=OWN).get_json()["detail"] == "basket does not answer."
    answer = broken.post("/room/do/buy", headers=OWN | {"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (409, "text/html")
    assert "basket does not answer." in answer.text


def test_failure_stays_in_the_list_of_what_was_done() -> None:
    class Failing(FakeActions):
        def do(self, name: str) -> str:
            raise Failed("basket does not answer.")

    it = room(actions=Failing())
    with pytest.raises(Failed):
        it.do("buy")
    assert [each.what for each in it.done] == ["Buy: basket does not answer."]


def test_room_that_only_shows_has_no_button_and_refuses_every_action() -> None:
    client = app().test_client()
    page = as_browser(client, "/room")
    assert "<form" not in page
    assert "data-command" not in page
    for path in POSTS:
        assert client.post(path, headers=OWN).get_json()["detail"] == "This room only shows."


@pytest.mark.parametrize(
    ("state", "useless"), [("running", ["start"]), ("stopped", ["stop", "kill"]), ("restarting", [])]
)
def test_a_button_that_has_nothing_to_do_cannot_be_pressed(state: str, useless: list[str]) -> None:
    shown = State({"process-basket-relay": state})
    page = as_browser(app(state=shown, actions=FakeActions()).test_client(), "/room")
    for verb in ("stop", "start", "kill"):
        button = re.search(rf'<button id="do-{verb}-basket-relay"[^>]*>', page)
        assert button
        assert (" disabled>" in button[0]) == (verb in useless)


def test_containers_get_commands_to_copy_instead_of_buttons_for_processes() -> None:
    page = as_browser(app(actions=FakeActions(), commands=True).test_client(), "/room")
    assert 'data-command="docker compose stop ordering-consumer"' in page
    assert "/room/do/stop" not in page
    assert "/room/do/buy" in page
    assert "/room/do/lose" not in page
    assert "Only the emulator of <code>make run</code> can do this." in page


@pytest.mark.parametrize("path", [*PAGES, "/room/static/room.css", "/health/live"])
def test_every_answer_has_a_strict_policy(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize("path", PAGES)
def test_page_has_nothing_inline_nothing_of_another_host_and_no_id_twice(client: FlaskClient, path: str) -> None:
    page = as_browser(client, path).replace("http://127.0.0.1:8000/shop", "")
    assert page.count("<h1>") == 1
    assert [link for link in re.findall(r'(?:href|src|action)="([^"]*)"', page) if "//" in link] == []
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page) == []
    ids = re.findall(r' id="([^"]+)"', page)
    assert sorted(ids) == sorted({*ids})
    assert re.findall(r"<button[^>]*>\s*</button>", page) == []
    assert len(page) < 60_000


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_file_loads_nothing_from_another_host(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|@import|url\(", text) == []


def test_everything_that_the_script_looks_for_is_on_the_page(client: FlaskClient) -> None:
    page, script = as_browser(client, "/room"), (STATIC / "room.js").read_text()
    wanted = set(re.findall(r'(?:byId|number)\("([\w-]+)"\)', script))
    assert len(wanted) > 15
    assert {each for each in wanted if f'id="{each}"' not in page} == set()


def test_texts_of_others_are_escaped() -> None:
    ring = Ring()
    ring.add(event(userName="<script>alert(1)</script>"), [], 1)
    client = app(ring=ring).test_client()
    for path in ("/room", "/room/trail/c-1"):
        page = as_browser(client, path)
        assert "&lt;script&gt;" in page
        assert "<script>" not in page


def test_page_of_events_says_who_publishes_and_consumes_and_when_it_was_seen(client: FlaskClient) -> None:
    page = as_browser(client, "/events")
    rows = [re.findall(r"<t[hd][^>]*>(?:<time>)?(.*?)(?:</time>)?</t[hd]>", row) for row in page.split("<tr>")]
    [checkout] = [row for row in rows if row and row[0] == "CheckoutBasket"]
    assert checkout[1:6] == ["basket", "checkout-basket", "order", "ordering-consumer", "1"]
    assert checkout[6] != "never"
    passing = [(kind, route.rule) for route in FLOWS.routes if route.pattern for kind in route.detail_types]
    assert [(row[0], row[2]) for row in rows[2:]] == passing


def test_trail_shows_the_events_of_an_order(client: FlaskClient) -> None:
    assert "CheckoutBasket" in as_browser(client, "/room/trail/o-1")
    assert "Nothing is known of it." in as_browser(client, "/room/trail/none")


def test_readiness_says_why_no_events_come() -> None:
    answer = app(trouble=lambda: "There is no bus.").test_client().get("/health/ready")
    assert (answer.status_code, answer.get_json()["detail"]) == (503, "There is no bus.")


def test_stream_goes_on_after_the_last_event_and_sends_only_changed_counters() -> None:
    ring, states = Ring(), iter([{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}])
    for number in (1, 2, 3):
        ring.add(event(number), [], number)
    its = room(ring)
    its.state = lambda: State(next(states))  # type: ignore[method-assign]
    ticks = count(0, STREAM / 2.5)
    sent = "".join(its.stream(ring.all()[0].id, lambda: float(next(ticks))))
    assert re.findall(r"id: \w+-(\d)\nevent: tap\n", sent) == ["2", "3"]
    assert re.findall(r'event: state\ndata: {"texts": (.*?), "marks": {}}\n\n', sent) == [
        '{"a": "1", "b": "1"}',
        '{"b": "2"}',
    ]


def test_streams_leave_a_browser_two_of_its_six_connections_to_a_host() -> None:
    assert STREAMS <= 4


def test_one_stream_too_many_ends_at_once_with_all_that_is_new_and_is_asked_for_again_after_a_second() -> None:
    ring = Ring()
    ring.add(event(1), [], 1)
    its = room(ring)
    open_ones = [its.stream("") for _ in range(STREAMS)]
    assert [next(each) for each in open_ones] == ["retry: 300\n\n"] * STREAMS
    sent = "".join(its.stream(""))
    assert sent.startswith("retry: 1000\n\n")
    assert ("event: tap" in sent, "event: state" in sent) == (True, True)
    open_ones.pop().close()
    assert next(its.stream("")) == "retry: 300\n\n"


def test_header_of_the_browser_decides_where_a_stream_goes_on() -> None:
    its = room()
    asked: list[str] = []
    its.stream = lambda after, *_: asked.append(after) or iter(())  # type: ignore[assignment,method-assign,func-returns-value]
    client = create_app(its).test_client()
    client.get("/room/stream?after=r-1")
    client.get("/room/stream?after=r-1", headers={"Last-Event-ID": "r-9"})
    assert asked == ["r-1", "r-9"]


def test_room_on_aws_is_closed_without_its_flag() -> None:
    client = closed("It needs a flag.").test_client()
    assert client.get("/health/ready").status_code == 200
    answer = client.get("/room")
    assert (answer.status_code, answer.get_json()["detail"]) == (403, "It needs a flag.")
