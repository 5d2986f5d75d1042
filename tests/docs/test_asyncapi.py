"""The AsyncAPI document names every event, who publishes it, which rule passes it on and who consumes it."""

import json
from collections.abc import Iterator
from typing import Any

from docs import asyncapi
from docs.generate import EVENTS, schema_file
from tests.bootstrap.template import resources_of
from tests.environment import ROOT

DOCUMENT: dict[str, Any] = json.loads(asyncapi.FILE.read_text(encoding="utf-8"))


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
        yield from references(each)


def test_document_matches_the_models_and_the_templates() -> None:
    """`make docs` updates the document."""
    assert asyncapi.document(EVENTS, schema_file) == DOCUMENT


def test_every_reference_leads_to_something() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 30
    for reference in found:
        file, _, path = reference.partition("#")
        part: Any = json.loads((asyncapi.FILE.parent / file).read_text()) if file else DOCUMENT
        for name in path.split("/")[1:]:
            part = part[name]
        assert part


def test_every_event_is_published_by_one_service_and_consumed_by_a_rule() -> None:
    for event, (producer, _) in EVENTS.items():
        using = {
            name: operation["action"]
            for name, operation in DOCUMENT["operations"].items()
            if any(each["$ref"].endswith(f"/{event.DETAIL_TYPE}") for each in operation["messages"])
        }
        assert [name for name, action in using.items() if action == "send"] == [f"{producer}-publishes"]
        assert "receive" in using.values()


def test_every_rule_of_the_bus_and_its_target_is_an_operation() -> None:
    expected = set()
    for path in ROOT.glob("services/*/template.yaml"):
        for resource in resources_of(path).values():
            rule = resource["Properties"]
            if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in rule:
                expected.add(rule["Name"].removeprefix("shop-"))
    consumed = {name for name, operation in DOCUMENT["operations"].items() if operation["action"] == "receive"}
    assert {name.removeprefix("shopwire-") for name in consumed} == expected
