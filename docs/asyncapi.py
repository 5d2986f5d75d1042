"""The AsyncAPI document of all events: who publishes each, which rule passes it on, and where it arrives."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bootstrap import flows
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.templates import load
from chassis.core.events import EventData
from chassis.core.names import DEFAULT
from shop.settings import ROOT

FILE = ROOT / "docs" / "asyncapi.json"
BUS = "shopwire-bus"
FORMAT = "application/schema+json;version=2020-12"
DESCRIPTION = (
    "Events of a shop with the name shopwire. They arrive at least once and in any sequence. "
    "docs/events.md says what a consumer can rely on."
)


class Subscription(NamedTuple):
    """A rule, the service whose template has it, and the queue or topic that gets the events."""

    rule: str
    service: str
    target: str
    detail_types: list[str]


@cache
def subscriptions() -> list[Subscription]:
    routes = flows.read(load(Names(DEFAULT)), manifests()).routes
    return [
        Subscription(_named(each.rule), each.service, _named(each.target), each.detail_types)
        for each in routes
        if each.pattern
    ]


def _named(name: str) -> str:
    return f"{DEFAULT}-{name}"


def document(events: Mapping[type[EventData], tuple[str, str]], schema_file: Callable[[Any], Path]) -> dict[str, Any]:
    """`events` has the producer of each event first. Payloads are the files beside the document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    types = [event.DETAIL_TYPE for event in events]
    targets = {each.target: each for each in subscriptions()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shopwire's events",
            "version": project["version"],
            "description": DESCRIPTION,
            "license": {"name": project["license"]},
        },
        "defaultContentType": "application/json",
        "channels": {
            BUS: _channel(BUS, "The bus of Amazon EventBridge that all services publish to.", types),
            **{name: _channel(name, _arrival(name), _arriving(name)) for name in targets},
        },
        "operations": {**dict(_publishing(events)), **dict(_consuming())},
        "components": {"messages": {event.DETAIL_TYPE: _message(event, schema_file(event)) for event in events}},
    }


def _arrival(target: str) -> str:
    rules = [each.rule for each in subscriptions() if each.target == target]
    return f"Gets events by the rule{'s' if len(rules) > 1 else ''} {', '.join(rules)}."


def _arriving(target: str) -> list[str]:
    return [name for each in subscriptions() if each.target == target for name in each.detail_types]


def _channel(address: str, description: str, types: list[str]) -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in types}
    return {"address": address, "description": description, "messages": messages}


def _publishing(events: Mapping[type[EventData], tuple[str, str]]) -> Iterator[tuple[str, Any]]:
    for producer in dict.fromkeys(producer for producer, _ in events.values()):
        types = [event.DETAIL_TYPE for event, (published_by, _) in events.items() if published_by == producer]
        yield f"{producer}-publishes", _operation("send", BUS, types, f"{producer} publishes")


def _consuming() -> Iterator[tuple[str, Any]]:
    for each in subscriptions():
        summary = f"{each.service} consumes what the rule {each.rule} passes on"
        yield each.rule, _operation("receive", each.target, each.detail_types, summary)


def _operation(action: str, channel: str, types: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in types],
    }


def _message(event: type[EventData], schema: Path) -> dict[str, Any]:
    return {
        "name": event.DETAIL_TYPE,
        "title": f"{event.DETAIL_TYPE}, version {event.VERSION}",
        "summary": " ".join((event.__doc__ or "").split()),
        "correlationId": {"location": "$message.payload#/detail/metadata/correlation-id"},
        "payload": {"schemaFormat": FORMAT, "schema": {"$ref": f"schemas/{schema.name}"}},
    }
