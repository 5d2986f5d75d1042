"""Makes a function's handler from the module that a container runs."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chassis.core.errors import Misconfigured
from chassis.functions.secrets import Read, reader, revealed

SETTING = "SHOP_FUNCTION"  # the module, as in the manifest of its service
# By the module's name, which says what it does in every service: what makes a handler of what its `from_env` builds.
MAKERS = {"app": "requests", "consumer": "batches", "command_consumer": "batches", "relay": "sweeps"}
# Lambda freezes an execution environment after each response, with all its threads.
FROZEN = {"SHOP_BACKGROUND": "off"}
RESERVE = 4.0  # seconds of an invocation that are left for its end: the last call to AWS, back-off, metrics
RELAY_RESERVE = RESERVE + 10  # as long as a relay waits for the bus


class Context(Protocol):
    """What Lambda says about an invocation ("AWS Lambda context object in Python")."""

    def get_remaining_time_in_millis(self) -> int: ...


Handler = Callable[[Any, Context], Any]


def from_env(env: Mapping[str, str], read: Read | None = None) -> Handler:
    """Builds the process once. Each invocation then uses its clients and connections. Raises Misconfigured.

    `read` returns the secret of an ARN. Without it, Secrets Manager is asked.
    """
    module = env.get(SETTING, "")
    if (maker := MAKERS.get(module.rpartition(".")[2])) is None:
        raise Misconfigured(f"{SETTING} is {module!r}: set it to the module of a process that a manifest names.")
    built = importlib.import_module(module).from_env(revealed({**env, **FROZEN}, read or reader(env)))
    handler: Handler = importlib.import_module(f"chassis.functions.{maker}").handler(built)
    return handler


def seconds_left(context: Context, reserve: float = RESERVE) -> float:
    """Until the work of this invocation must end."""
    return context.get_remaining_time_in_millis() / 1000 - reserve
