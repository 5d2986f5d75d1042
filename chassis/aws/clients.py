"""AWS clients with bounded time-outs that respect the request's deadline."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import boto3
import botocore.session
from botocore.config import Config

from chassis.aws import emulator
from chassis.aws.data import LeanData
from chassis.aws.errors import mark_unanswered
from chassis.aws.fast.attach import attach
from chassis.aws.measuring import measured
from chassis.aws.traced import traced
from chassis.aws.transport import Transport, bounded, with_botocore_errors
from chassis.core.errors import Misconfigured


class Timeouts(NamedTuple):
    """Seconds to connect and to read, and the total number of attempts. botocore's defaults add up to minutes."""

    connect: float
    read: float
    attempts: int


REQUEST = Timeouts(0.5, 1.0, 2)
ONE_SHOT = Timeouts(0.5, 0.5, 1)
RELAY = Timeouts(1.0, 10.0, 1)  # no request waits for it, and each unanswered attempt may publish the event again
LONG_POLL = Timeouts(0.5, 25.0, 1)  # SQS holds a long poll for up to 20 s

USER_AGENT = f"shopwire boto3/{boto3.__version__}"  # without it, botocore builds one twice in each call


class Clients:
    """The AWS clients of one process: one session, and one client per service and set of time-outs.

    boto3 finds the endpoint and the credentials (`AWS_ENDPOINT_URL`, profiles, roles). The calls go through
    chassis.aws.fast, unless SHOP_TRANSPORT is `boto3`. SHOP_AWS_TIMEOUT is the shortest time-out of a read in seconds.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        named = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")  # boto3 reads only the second one
        self._core = botocore.session.get_session()
        self._core.get_component("data_loader").file_loader = LeanData()
        self._session = boto3.Session(region_name=named or None, botocore_session=self._core)
        self._has_endpoint = bool(env.get("AWS_ENDPOINT_URL"))
        self._transport = env.get("SHOP_TRANSPORT") or "fast"
        if self._transport not in {"fast", "boto3"}:
            raise Misconfigured(f"SHOP_TRANSPORT is {self._transport!r}: set it to fast or boto3, or leave it out.")
        self._shortest = _seconds(env.get("SHOP_AWS_TIMEOUT") or "0")
        self._made: dict[tuple[str, Timeouts], Any] = {}

    def of(self, service: str, timeouts: Timeouts = REQUEST) -> Any:
        """A thread-safe client. The one for DynamoDB takes and returns plain Python values, as boto3's resource does.

        Raises Misconfigured if AWS would be called without a region or with placeholder credentials.
        """
        if (service, timeouts) not in self._made:
            longer = timeouts._replace(read=max(timeouts.read, self._shortest))
            self._made[service, timeouts] = self._make(service, longer)
        return self._made[service, timeouts]

    def _make(self, service: str, timeouts: Timeouts) -> Any:
        config = Config(
            connect_timeout=timeouts.connect,
            read_timeout=timeouts.read,
            retries={"mode": "standard", "total_max_attempts": timeouts.attempts},
            max_pool_connections=32,
            user_agent=USER_AGENT,
        )
        region = self._session.region_name or (emulator.REGION if self._has_endpoint else None)
        if not region:
            raise Misconfigured("No AWS region is set. Set AWS_REGION, for example AWS_REGION=eu-west-1.")
        if service == "dynamodb":
            made = self._session.resource("dynamodb", region, config=config).meta.client
        else:
            made = self._session.client(service, region, config=config)  # type: ignore[call-overload] # the name is a variable
        emulator.reject_placeholders(self._session, made)
        is_fast = self._transport == "fast" and attach(made, self._core, timeouts.connect, timeouts.read)
        guarded = _guarded(made, None if is_fast else timeouts.connect + timeouts.read)
        if timeouts != LONG_POLL:
            guarded._make_api_call = measured(guarded._make_api_call)  # noqa: SLF001 see `_guarded`
        return guarded


def _seconds(text: str) -> float:
    """At most 20: SQS holds a long poll that long, and its time-out is longer."""
    if not re.fullmatch(r"1?\d|20", text):
        raise Misconfigured(f"SHOP_AWS_TIMEOUT is {text!r}: set it to whole seconds, at most 20, or leave it out.")
    return float(text)


def _guarded(made: Any, attempt: float | None) -> Any:
    """Botocore has no public access to its HTTP session and its calls. Tracing libraries use the same private names."""
    made.meta.events.register("before-send", Transport(made._endpoint.http_session).send)  # noqa: SLF001
    made.meta.events.register("after-call", mark_unanswered)
    call = with_botocore_errors(made._make_api_call)  # noqa: SLF001
    call = call if attempt is None else bounded(call, attempt)
    made._make_api_call = traced(call, made.meta.service_model.service_id)  # noqa: SLF001
    return made
