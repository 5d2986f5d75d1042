"""Events are published in the background, as many as fit, and all of them before the process ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from chassis.core import deadline, logs
from chassis.core.events import Event
from chassis.messaging.background import CAPACITY, InBackground, in_background
from tests.environment import ROOT
from tests.processes import eventually, inherited

EVENT = Event("e", "source", "Type", "{}")


class SlowBus:
    """Publishes nothing until it is `open`. `threads` has the thread of each publish that began."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.threads: list[str] = []
        self.published: list[Event] = []

    def publish(self, event: Event) -> None:
        self.threads.append(threading.current_thread().name)
        self.open.wait(30)
        self.published.append(event)


@pytest.fixture
def bus() -> Iterator[SlowBus]:
    bus = SlowBus()
    yield bus
    bus.open.set()


def test_caller_does_not_wait_for_the_bus(bus: SlowBus) -> None:
    publish = InBackground(bus.publish)
    for _ in range(CAPACITY):
        publish(EVENT)
    assert bus.published == []
    bus.open.set()
    eventually(lambda: len(bus.published) == CAPACITY)


def test_event_is_published_before_the_response_where_a_process_is_frozen_after_it() -> None:
    published: list[Event] = []
    in_background(published.append, {"SHOP_BACKGROUND": "off"})(EVENT)
    assert published == [EVENT]
    assert isinstance(in_background(published.append, {}), InBackground)


def test_caller_publishes_itself_while_the_threads_have_enough_to_do(bus: SlowBus) -> None:
    publish = InBackground(bus.publish, capacity=2)
    for _ in range(2):
        publish(EVENT)
    eventually(lambda: len(bus.threads) == 2)
    threading.Timer(0.05, bus.open.set).start()
    publish(EVENT)
    assert bus.threads[2] == threading.current_thread().name
    eventually(lambda: len(bus.published) == 3)


def test_capacity_is_free_again_after_each_publish() -> None:
    caller, in_background = threading.current_thread(), list[Event]()

    def fail(event: Event) -> None:
        if threading.current_thread() is not caller:
            in_background.append(event)
            raise RuntimeError("a bug")

    publish = InBackground(fail, capacity=1)
    eventually(lambda: publish(EVENT) or len(in_background) > 2)  # type: ignore[func-returns-value]


def test_publish_has_the_log_context_of_the_request_and_not_its_deadline() -> None:
    seen: list[tuple[object, float]] = []

    def look(_event: Event) -> None:
        seen.append((structlog.contextvars.get_contextvars(), deadline.remaining()))

    publish = InBackground(look)
    for name in ("c-1", "c-2"):
        structlog.contextvars.clear_contextvars()
        logs.correlate(name)
        deadline.start(0.0)
        publish(EVENT)
    eventually(lambda: len(seen) == 2)
    assert sorted(seen, key=str) == [({"correlation_id": name}, float("inf")) for name in ("c-1", "c-2")]
    assert deadline.remaining() <= 0


def test_event_is_published_although_no_thread_can_be_started(bus: SlowBus) -> None:
    publish = InBackground(bus.publish)
    publish._threads.shutdown()
    bus.open.set()
    publish(EVENT)
    assert bus.published == [EVENT]


def in_child(act: Callable[[], None]) -> int:
    """The exit code of a fork that calls `act`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_no_thread_exists_before_the_first_event_so_a_fork_can_publish() -> None:
    done = threading.Event()
    before = threading.active_count()
    publish = InBackground(lambda _event: done.set())
    assert threading.active_count() == before

    def publish_in_child() -> None:
        publish(EVENT)
        assert done.wait(5)

    assert in_child(publish_in_child) == 0


def test_process_that_exits_publishes_what_waits() -> None:
    code = (
        "import time\n"
        "from chassis.core.events import Event\n"
        "from chassis.messaging.background import InBackground\n"
        "def publish(event): time.sleep(0.05); print(event.id, flush=True)\n"
        "publish = InBackground(publish)\n"
        "for n in range(12): publish(Event(str(n), '', '', ''))\n"
        "raise SystemExit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=inherited(), capture_output=True, check=True)
    assert sorted(map(int, done.stdout.split())) == list(range(12))
