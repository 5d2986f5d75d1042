from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chassis import tracing
from chassis.aws.traced import traced
from chassis.tracing.spans import Finished


def answering(_operation: str, parameters: Mapping[str, Any]) -> Any:
    return {"ResponseMetadata": {"RetryAttempts": parameters["retries"]}}


def refusing(operation: str, _parameters: Mapping[str, Any]) -> Any:
    raise ClientError({"Error": {"Code": "NoSuchTable"}}, operation)


def test_a_call_without_recording_costs_nothing() -> None:
    assert traced(answering, "DynamoDB") is answering


def test_a_call_is_a_span_with_what_it_is_about(recorded: list[Finished]) -> None:
    call = traced(answering, "DynamoDB")
    with tracing.Span("request"):
        call("GetItem", {"TableName": "shop-order", "retries": 0})
        call("TransactWriteItems", {"retries": 1})
    assert [(span.kind, span.name, span.fields) for span in recorded[:2]] == [
        ("call", "DynamoDB.GetItem", {"on": "shop-order"}),
        ("call", "DynamoDB.TransactWriteItems", {"retries": 1}),
    ]
    assert {span.parent_id for span in recorded[:2]} == {recorded[2].span_id}


def test_a_call_that_fails_is_a_span_with_its_error(recorded: list[Finished]) -> None:
    with tracing.Span("request"), pytest.raises(ClientError):
        traced(refusing, "DynamoDB")("GetItem", {})
    assert recorded[0].fields == {"error": "ClientError"}


def test_polls_of_a_process_without_work_are_not_recorded(recorded: list[Finished]) -> None:
    traced(answering, "SQS")("ReceiveMessage", {"retries": 0})
    assert recorded == []
