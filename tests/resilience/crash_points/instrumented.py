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
from chassis.core import logs
from chassis.messaging.bus import EventBus
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue, consume
from chassis.messaging.relay import Relay
from services.basket.app import create_app, make_catalogue_store, make_outbox, make_products, stack
from services.basket.app import make_store as make_basket_store
from services.basket.catalogue import ReplicatedCatalogue
from services.basket.service import BasketService
from services.ordering.app import make_store
from services.ordering.consumer import make_consumer
from services.ordering.service import OrderService
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
    return EventBus(clients.client("events", env, PATIENT), f"{stack(env)}-bus")


def basket(env: Env, crash: Crash) -> None:
    Server(partial(_basket_app, env, crash), crash).run()


def _basket_app(env: Env, crash: Crash) -> Any:
    logs.configure("basket", env)
    outbox, store = make_outbox(env), make_basket_store(env)
    service = BasketService(
        crash.before(store, "commit", points.BEFORE_COMMIT),
        ReplicatedCatalogue(make_catalogue_store(env), make_products(env)),
        crash.before(outbox, "mark_published", points.BEFORE_FORGET),
        crash.before(make_bus(env), "publish", points.BEFORE_PUBLISH, points.DRAINING_BASKET),
        lambda: str(uuid.uuid4()),
    )
    return create_app(service, store.check, "")


def relay(env: Env, crash: Crash) -> None:
    logs.configure("basket-relay", env)
    stop = _stop(crash)
    outbox = crash.before(make_outbox(env), "forget", points.MID_RELAY, points.DRAINING_RELAY, spared=FORGOTTEN)
    Relay(outbox, make_bus(env), MIN_AGE).run(stop)


def consumer(env: Env, crash: Crash) -> None:
    logs.configure("ordering-consumer", env)
    stop, store = _stop(crash), make_store(env)
    sqs = crash.between_deletes(clients.client("sqs", env))
    queue = Queue(sqs, clients.client("sqs", env, clients.LONG_POLL), f"{stack(env)}-order")
    handler = crash.before(
        make_consumer(OrderService(store), Queue.of(env, f"{stack(env)}-order-dlq")), "handle_batch", points.RECEIVED
    )
    dying = crash.before(queue, "delete", points.BEFORE_DELETE, points.DRAINING_CONSUMER)
    consume(dying, handler.handle_batch, store.check, stop)


def _stop(crash: Crash) -> Stop:
    stop = Stop().on_signals()

    def drain() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        eventually(lambda: bool(stop))

    crash.drain = drain
    return stop
