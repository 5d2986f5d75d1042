"""The machine room of a shop that runs: an outage, what each button does, the books, and its pages.

The outage comes first. A message that a stopped consumer had asked for stays invisible for half a minute, and the other
tests use that time.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.browser.axe import violations
from tests.browser.room import OVER, Room
from tests.browser.shop import Shop
from tests.browser.watch import watched
from tests.processes import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
BOTTOM = "it => it.getBoundingClientRect().bottom"
SCALE = "(map => map.getBoundingClientRect().width / map.viewBox.baseVal.width)(document.getElementById('map'))"
OUTSIDE = """boxes => boxes.flatMap(box => {
  const frame = box.querySelector("rect").getBBox();
  return [...box.querySelectorAll("text")].filter(text => text.textContent).filter(text => {
    const its = text.getBBox();
    return its.x < frame.x || its.x + its.width > frame.x + frame.width ||
      its.y < frame.y || its.y + its.height > frame.y + frame.height;
  }).map(text => `${box.id}: ${text.textContent}`);
})"""


class Outage(NamedTuple):
    """`seen` are the books while ordering-consumer did not run. `cut_off` is a page without network since before."""

    seen: dict[str, int]
    marks: str
    cut_off: Room


@pytest.fixture(scope="module")
def outage(chromium: "Browser", shop: Shop) -> Iterator[Outage]:
    with watched(chromium, shop.room) as page, watched(chromium, shop.room) as other:
        room, cut_off = Room(page, shop.room).open(), Room(other, shop.room).open()
        room.press("tour-buy")
        page.locator("#tour [data-step=confirmed].ok").wait_for()
        room.shows("#book-way", "0", within=OVER)
        other.context.set_offline(True)
        assert room.press("tour-stop").endswith("ordering-consumer is stopped.")
        room.shows("#process-ordering-consumer", "stopped")
        room.press("tour-again")
        page.locator("#tour [data-step=waiting].ok").wait_for()
        eventually(lambda: room.books()["way"])
        marks = str(page.locator("#consumer-ordering-consumer").get_attribute("class"))
        seen = room.books()
        room.press("tour-start")
        yield Outage(seen, marks, cut_off)


@pytest.fixture
def room(new_page: Callable[..., "Page"], shop: Shop, outage: Outage) -> Room:
    return Room(new_page(shop.room), shop.room).open()


def test_order_of_an_outage_is_under_way_and_not_lost(outage: Outage) -> None:
    assert "stopped" in outage.marks
    assert (outage.seen["way"], outage.seen["lost"]) == (1, 0)
    assert outage.seen["accepted"] == outage.seen["final"] + 1


@pytest.mark.parametrize("path", ["/room", "/events", "/room/trail/nothing"])
def test_page_of_the_room_has_no_violation_in_light_or_dark_colours(path: str, room: Room) -> None:
    for colours in ("light", "dark"):
        room.page.emulate_media(color_scheme=colours)
        room.open(path)
        assert violations(room.page) == []


def test_labels_of_the_map_are_inside_their_boxes(room: Room) -> None:
    boxes = room.page.locator("#map g.box")
    assert boxes.count() > 30
    assert boxes.evaluate_all(OUTSIDE) == []


def test_laptop_shows_the_books_the_tour_and_the_whole_map_without_scrolling(
    new_page: Callable[..., "Page"], shop: Shop
) -> None:
    page = Room(new_page(shop.room, viewport={"width": 1280, "height": 800}), shop.room).open().page
    assert [name for name in ("#books", "#tour", "#map") if page.locator(name).evaluate(BOTTOM) > 800] == []


@pytest.mark.parametrize("path", ["/room", "/events", "/room/trail/nothing"])
def test_phone_shows_the_map_in_its_full_size_and_no_page_scrolls_sideways(
    path: str, new_page: Callable[..., "Page"], shop: Shop
) -> None:
    page = Room(new_page(shop.room, viewport={"width": 390, "height": 844}), shop.room).open(path).page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(SCALE) >= 0.99 if path == "/room" else page.locator("#map").count() == 0
    wide = page.locator(".scroll:has(.stacked)").evaluate_all(
        "its => its.filter(it => it.scrollWidth > it.clientWidth)"
    )
    assert wide == []


def test_poison_message_becomes_a_dead_letter_and_is_redriven(room: Room) -> None:
    room.press("do-poison")
    room.shows("#dead-order-dlq-waiting", "1")
    room.page.locator("#dead-order-dlq.bad").wait_for()
    assert "1 dead letter put back." in room.press("do-redrive")
    assert room.books()["lost"] == 0


def test_checkout_that_is_delivered_twice_makes_no_second_order(room: Room) -> None:
    order = buys(room)
    before = room.books()["accepted"]
    room.press("do-again")
    room.page.locator("#events a", has_text="CheckoutBasket").filter(has_text=order).nth(1).wait_for()
    buys(room)  # after the second delivery
    assert room.books()["accepted"] == before + 1
    assert room.page.locator("#events a", has_text="OrderConfirmed").filter(has_text=order).count() == 1


def buys(room: Room) -> str:
    """The id of an order that the books have as confirmed."""
    final = room.books()["final"]
    order = room.press("do-buy").split()[-1].rstrip(".")
    room.page.locator("#events a", has_text="OrderConfirmed").filter(has_text=order).wait_for()
    eventually(lambda: room.books()["final"] > final)
    return order


def test_order_during_lost_answers_is_neither_lost_nor_doubled(room: Room) -> None:
    before = room.books()
    assert "Every second answer to a write is lost for 15 seconds." in room.press("do-lose")
    order = buys(room)
    published = room.page.locator("#events a", has_text="CheckoutBasket").filter(has_text=order)
    published.nth(1).wait_for()  # the answer to the first PutEvents was lost, so the relay has published it again
    after = room.books()
    assert (after["accepted"], after["lost"]) == (before["accepted"] + 1, 0)


@pytest.mark.parametrize("process", ["payment", "product-relay", "ordering-commands"])
def test_process_is_stopped_and_started_and_comes_back_after_it_was_killed(
    process: str, room: Room, shop: Shop
) -> None:
    """One of each kind: a web process, a relay and a consumer."""
    assert f"{process} is stopped." in room.press(f"do-stop-{process}")
    room.shows(f"#process-{process}", "stopped")
    assert room.offered(process) == ["start"]
    assert f"{process} is started." in room.press(f"do-start-{process}")
    room.shows(f"#process-{process}", "running")
    assert room.offered(process) == ["stop", "kill"]
    before = shop.processes.processes()[process].pid
    assert f"{process} (pid {before}) was killed." in room.press(f"do-kill-{process}")
    eventually(lambda: shop.processes.processes()[process].pid not in {0, before})


def test_page_shows_events_and_has_working_buttons_while_fifteen_others_are_open(room: Room, shop: Shop) -> None:
    others = [Room(room.page.context.new_page(), shop.room).open() for _ in range(15)]
    assert {each.page.inner_text("#live") for each in others} == {"live"}
    order = room.press("do-buy").split()[-1].rstrip(".")
    for each in (room, others[0], others[-1]):
        each.page.locator("#events a", has_text="OrderConfirmed").filter(has_text=order).first.wait_for()


def test_event_shows_its_json_and_leads_to_its_trail(room: Room) -> None:
    first = room.page.locator("#events a", has_text="CheckoutBasket").last
    order = str(first.inner_text()).split(" · ")[1]
    first.click()
    assert order in room.page.inner_text("#detail-json")
    room.page.click("#detail-trail")
    room.page.locator("table#trail").wait_for()
    assert violations(room.page) == []


def test_pause_leaves_out_no_event(room: Room) -> None:
    room.page.click("#pause")
    room.shows("#live", "paused")
    before = room.events()
    room.press("do-buy")
    room.page.click("#pause")
    room.page.locator("#events a", has_text="OrderConfirmed").first.wait_for()
    eventually(lambda: len(room.events()) > len(before))
    assert numbers(room) == list(range(len(numbers(room)), 0, -1))


def numbers(room: Room) -> list[int]:
    return [int(each.rpartition("-")[2]) for each in room.events()]


def test_silent_provider_leaves_the_order_under_way(room: Room) -> None:
    order = room.press("do-silent").split()[-1].rstrip(".")
    events = room.page.locator("#events a").filter(has_text=order)
    events.first.wait_for()
    eventually(lambda: room.books()["way"] > 0)  # the books may be some seconds old
    assert room.books()["lost"] == 0
    assert {str(text).split()[1] for text in events.all_inner_texts()} == {"CheckoutBasket"}


def test_order_of_the_outage_is_final_after_the_consumer_was_started(room: Room, outage: Outage) -> None:
    room.page.wait_for_function(f"Number(document.querySelector('#book-final').textContent) > {outage.seen['final']}")
    room.shows("#queue-order-waiting", "0", OVER)
    room.shows("#queue-order-flight", "0", OVER)
    books = room.books()
    assert books["lost"] == 0
    assert books["accepted"] == books["final"] + books["way"]


def test_page_that_lost_its_connection_continues_without_a_gap(room: Room, outage: Outage) -> None:
    """Each stream ends after 20 s. Without network, the next one cannot begin."""
    cut_off = outage.cut_off
    cut_off.shows("#live", "the room does not answer")
    assert len(cut_off.events()) < len(room.events())
    cut_off.page.context.set_offline(False)
    cut_off.shows("#live", "live")
    eventually(lambda: cut_off.events() == room.events())
    assert numbers(cut_off) == list(range(len(numbers(cut_off)), 0, -1))
