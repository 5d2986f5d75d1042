"""The shop's processes as their own mains build them, but for one collaborator that knows where to die."""

import importlib
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gunicorn.app.base import BaseApplication

from chassis.aws import clients
from chassis.aws.clients import Clients
from chassis.core import logs
from chassis.core.names import shop_name
from chassis.messaging.bus import EventBus
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue, consume
from chassis.messaging.relay import Relay
from services.basket.app import create_app
from services.basket.service import BasketService
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.consumer import make_consumer
from services.ordering.wiring import Wiring as OrderingWiring
from tests.emulated import PATIENT
from tests.processes import eventually
from tests.resilience.crash_points import points
from tests.resilience.crash_points.points import EXIT, FORGOTTEN, Crash

Env = Mapping[str, str]
MIN_AGE = 0.2  # seconds that an event is left to the process that committed it


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn with the shop's settings, but it dies with its worker, as a container dies with all that is in it."""

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
        self.cfg.set("post_worker_init", self._remember)
        self.cfg.set("child_exit", self._follow)

    def load(self) -> Any:
        return self._make()

    def _remember(self, worker: Any) -> None:
        self._worker = worker

    def _follow(self, _server: Any, worker: Any) -> None:
        if self._crash.killed(worker.pid):
            os._exit(EXIT)

    def _drain(self) -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        eventually(lambda: not self._worker.alive)


def make_bus(env: Env) -> EventBus:
    return EventBus(Clients(env).of("events", PATIENT), f"{shop_name(env)}-bus")


def basket(env: Env, crash: Crash) -> None:
    Server(partial(_basket_app, env, crash), crash).run()


def _basket_app(env: Env, crash: Crash) -> Any:
    logs.configure("basket", env)
    wiring = BasketWiring(env)
    service = BasketService(
        crash.before(wiring.store, "commit", points.BEFORE_COMMIT),
        wiring.catalogue,
        crash.before(wiring.outbox, "mark_published", points.BEFORE_FORGET),
        crash.before(make_bus(env), "publish", points.BEFORE_PUBLISH, points.DRAINING_BASKET),
        lambda: str(uuid.uuid4()),
    )
    return create_app(service, wiring.store.check, "")


def relay(env: Env, crash: Crash) -> None:
    logs.configure("basket-relay", env)
    stop = _stop(crash)
    outbox = crash.before(
        BasketWiring(env).outbox, "mark_published", points.MID_RELAY, points.DRAINING_RELAY, spared=FORGOTTEN
    )
    Relay(outbox, make_bus(env), MIN_AGE).run(stop)


def consumer(env: Env, crash: Crash) -> None:
    logs.configure("ordering-consumer", env)
    stop, wiring = _stop(crash), OrderingWiring(env)
    sqs = crash.between_deletes(Clients(env).of("sqs"))
    queue = Queue(sqs, wiring.clients.of("sqs", clients.LONG_POLL), f"{shop_name(env)}-order")
    handler = crash.before(
        make_consumer(wiring.service, wiring.dead_letters, wiring.replies), "handle_batch", points.RECEIVED
    )
    dying = crash.before(queue, "delete", points.BEFORE_DELETE, points.DRAINING_CONSUMER)
    consume(dying, handler.handle_batch, wiring.store.check, stop)


def _stop(crash: Crash) -> Stop:
    stop = Stop().on_signals()

    def drain() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        eventually(lambda: bool(stop))

    crash.drain = drain
    return stop
