"""The event catalogue matches the models, and its examples work."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from chassis.aws.clients import Clients
from chassis.core.events import EventData
from chassis.messaging.bus import EventBus
from docs.generate import EVENTS, metrics_page, page, schema, schema_file
from services.product.events import ProductDeleted
from tests import aws_clients
from tests.environment import ROOT
from tests.samples import golden_message

PAGE = ROOT / "docs" / "events.md"
events = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.DETAIL_TYPE)


def test_page_matches_the_models() -> None:
    """`make docs` updates the page."""
    assert page(PAGE.read_text()) == PAGE.read_text()


def test_list_of_metrics_matches_their_declarations() -> None:
    metrics = ROOT / "docs" / "metrics.md"
    assert metrics_page(metrics.read_text()) == metrics.read_text()


@events
def test_schema_matches_the_model(event: type[EventData]) -> None:
    assert json.loads(schema_file(event).read_text()) == schema(event)
    Draft202012Validator.check_schema(schema(event))


def test_there_are_no_other_schemas_or_golden_events() -> None:
    assert {*(ROOT / "docs" / "schemas").iterdir()} == {schema_file(event) for event in EVENTS}
    assert {path.stem for path in (ROOT / "tests" / "events").iterdir()} == {name for _, name in EVENTS.values()}


def test_every_event_of_every_service_is_in_the_catalogue() -> None:
    declared = {
        name
        for path in ROOT.glob("services/*/events.py")
        for name in re.findall(r'DETAIL_TYPE: ClassVar = "(\w+)"', path.read_text())
    }
    assert declared == {event.DETAIL_TYPE for event in EVENTS}


@events
def test_golden_event_fits_only_its_own_schema(event: type[EventData]) -> None:
    wire = json.loads((ROOT / "tests" / "events" / f"{EVENTS[event][1]}.json").read_text())
    Draft202012Validator(schema(event)).validate(wire)
    for other in EVENTS.keys() - {event}:
        with pytest.raises(ValidationError):
            Draft202012Validator(schema(other)).validate(wire)


@events
def test_event_without_a_field_does_not_fit_its_schema(event: type[EventData]) -> None:
    optional = {name for name, field in event.model_fields.items() if not field.is_required()}
    for wrong in mutilated(golden_message(EVENTS[event][1]), optional):
        with pytest.raises(ValidationError):
            Draft202012Validator(schema(event)).validate(json.loads(json.dumps(wrong, default=float)))


def test_only_fields_that_were_added_later_are_optional() -> None:
    optional = {name for event in EVENTS for name, field in event.model_fields.items() if not field.is_required()}
    assert optional == {"paymentToken"}


def mutilated(wire: dict[str, Any], optional: Collection[str]) -> Iterator[dict[str, Any]]:
    for part in ("metadata", "data"):
        for name in wire["detail"][part].keys() - optional:
            kept = {key: value for key, value in wire["detail"][part].items() if key != name}
            yield wire | {"detail": wire["detail"] | {part: kept}}


@pytest.mark.integration
def test_ten_lines_of_template_subscribe_to_an_event(stack: Mapping[str, str]) -> None:
    (template,) = re.findall(r"<!-- a test deploys this -->\n```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert template.count("\n") - 1 == 10
    cloudformation = aws_clients.client("cloudformation")
    cloudformation.create_stack(StackName="reader", TemplateBody=template.replace("shopwire-bus", "shop-bus"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="reader", WaiterConfig={"Delay": 1})
    deleted = ProductDeleted(productId="p-1", version=2, deletedAt="2026-11-21T09:30:00.123Z")
    event = deleted.as_event("2026-11-21T09:30:00.123Z", "c-1")
    EventBus(Clients(stack).of("events"), "shop-bus").publish([event])
    inbox = cloudformation.describe_stack_resource(StackName="reader", LogicalResourceId="Inbox")
    url = inbox["StackResourceDetail"]["PhysicalResourceId"]
    (message,) = aws_clients.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["detail"] == json.loads(event.detail)
