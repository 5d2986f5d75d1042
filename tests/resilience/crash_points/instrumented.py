"""The entry points of the shop's processes, each with one collaborator that crashes the process at its point."""

import importlib
import os
import signal
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

from gunicorn.app.base import BaseApplication

from chassis.aws import clients
from chassis.aws.clients import Clients, Timeouts
from chassis.core import logs
from chassis.core.names import shop_name
from chassis.messaging.background import InBackground
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import Outbox
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue, consume
from chassis.messaging.relay import Relay
from services.basket.app import create_app
from services.basket.store import BasketStore
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.consumer import make_consumer
from services.ordering.wiring import Wiring as OrderingWiring
from tests.aws_clients import PATIENT
from tests.processes import eventually
from tests.resilience.crash_points import points
from tests.resilience.crash_points.points import EXIT, USERS, Crash

Env = Mapping[str, str]
MIN_AGE = 0.2  # seconds that the relay leaves an event to the process that committed it


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn with the shop's settings. It ends together with its worker, as a container does."""

    def __init__(self, make: Callable[[], Any], crash: Crash) -> None:
        self._make = make
        self._crash = crash
        self._worker: Any = None
        crash.drain = self._drain
        super().__init__()

    def load_config(self) -> None:
        settings = vars(importlib.import_module("chassis.web.gunicorn"))  # it reads the environment when imported
        for name in settings.keys() & self.cfg.settings.keys():
            self.cfg.set(name, settings[name])
        self.cfg.set("post_worker_init", self._keep_worker)
        self.cfg.set("child_exit", self._exit_with_worker)

    def load(self) -> Any:
        return self._make()

    def _keep_worker(self, worker: Any) -> None:
        self._worker = worker

    def _exit_with_worker(self, _server: Any, worker: Any) -> None:
        if self._crash.crashed(worker.pid):
            os._exit(EXIT)

    def _drain(self) -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        eventually(lambda: not self._worker.alive)


class CrashingBasket(BasketWiring):
    def __init__(self, env: Env, crash: Crash) -> None:
        super().__init__(env)
        self._crash = crash

    @cached_property
    def store(self) -> BasketStore:
        store: BasketStore = self._crash.before(super().store, "commit", points.BEFORE_COMMIT)
        return store

    @cached_property
    def outbox(self) -> Outbox:
        outbox: Outbox = self._crash.before(
            super().outbox, "mark_published", points.BEFORE_MARK, points.ANSWERED_BEFORE_MARK
        )
        return outbox

    def bus(self, timeouts: Timeouts) -> EventBus:
        """Patient, because a publish that timed out on a busy machine would change what is left."""
        bus = super().bus(PATIENT)
        at = points.BEFORE_PUBLISH, points.ANSWERED, points.DRAINING_BASKET, points.DRAINING_FULL
        dying: EventBus = self._crash.before(bus, "publish", *at)
        return dying


def basket(env: Env, crash: Crash) -> None:
    Server(partial(_basket_app, env, crash), crash).run()


def _basket_app(env: Env, crash: Crash) -> Any:
    logs.configure("basket", env)
    wiring = CrashingBasket(env, crash)
    in_background = InBackground(wiring.publish_now, capacity=USERS)
    publish = in_background if crash.in_background else wiring.publish_now  # as if the background were full
    return create_app(wiring.service(publish), wiring.store.check, "")


def relay(env: Env, crash: Crash) -> None:
    logs.configure("basket-relay", env)
    stop, wiring = _stop(crash), BasketWiring(env)
    outbox = Outbox(crash.between_marks(wiring.clients.of("dynamodb")), f"{shop_name(env)}-basket-outbox")
    Relay(outbox, wiring.bus(PATIENT), MIN_AGE).run(stop)


def consumer(env: Env, crash: Crash) -> None:
    logs.configure("ordering-consumer", env)
    stop, wiring = _stop(crash), OrderingWiring(env)
    sqs = crash.between_deletes(Clients(env).of("sqs"))
    queue = Queue(sqs, wiring.clients.of("sqs", clients.LONG_POLL), f"{shop_name(env)}-order")
    handler = crash.before(
        make_consumer(wiring.service, wiring.dead_letters, wiring.replies), "handle_batch", points.RECEIVED
    )
    dying = crash.before(queue, "delete", points.BEFORE_DELETE, points.DRAINING_CONSUMER)
    consume(dying, handler, wiring.store.check, stop)


def _stop(crash: Crash) -> Stop:
    stop = Stop().on_signals()

    def drain() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        eventually(lambda: bool(stop))

    crash.drain = drain
    return stop
