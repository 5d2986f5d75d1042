"""A machine room without AWS, and events for it."""

import json
from collections.abc import Mapping
from typing import Any

from bootstrap import flows
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.templates import load
from shop.room.actions import Actions
from shop.room.ring import Ring
from shop.room.service import Room
from shop.room.watch import State, Watch
from tests.samples import golden_message

FLOWS = flows.read(load(Names("shop")), manifests())


class FakeActions(Actions):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def do(self, name: str) -> str:
        self.asked.append((name,))
        return f"{name} was done."

    def control(self, verb: str, name: str) -> str:
        self.asked.append((verb, name))
        return f"{name} {verb} was done."


def event(number: int = 1, name: str = "checkout_basket", **data: Any) -> Mapping[str, Any]:
    """A golden event as the bus delivers it, with ids of its own."""
    message = json.loads(json.dumps(golden_message(name), default=float))
    metadata = {"id": f"o-{number}", "correlation-id": f"c-{number}"}
    detail = message["detail"]
    own = {"metadata": detail["metadata"] | metadata, "data": detail["data"] | {"orderId": f"o-{number}"} | data}
    return dict(message | {"detail": own})


def room(ring: Ring | None = None, state: State | None = None, actions: Actions | None = None, **changes: Any) -> Room:
    watch = Watch(lambda: state or State({"queue-order-waiting": "0"}))
    given: dict[str, Any] = {"trouble": str, "actions": actions} | changes
    return Room(FLOWS, ring or Ring(), watch, **given)
