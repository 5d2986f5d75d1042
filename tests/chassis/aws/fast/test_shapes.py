"""The conversions, compared with those of boto3 and botocore."""

import json
import random
from decimal import Decimal
from typing import Any

import botocore.session
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from chassis.aws.fast.shapes import Unusual, reader, writer

MODELS = {name: botocore.session.get_session().get_service_model(name) for name in ("dynamodb", "events", "sqs")}
LEAVES: list[Any] = ["", "text", "→", 0, -7, 10**20, Decimal("1.50"), Decimal("-0"), True, False, None]
RECEIVED = {
    "Messages": [{"MessageId": "m", "Body": "b", "Attributes": {"ApproximateReceiveCount": "1"}, "New": 1}],
    "Other": None,
}


def value(any_: random.Random, depth: int = 3) -> Any:
    if depth and any_.random() < 0.5:
        inner = [value(any_, depth - 1) for _ in range(any_.randint(0, 3))]
        return inner if any_.random() < 0.5 else {f"k{n}": each for n, each in enumerate(inner)}
    return any_.choice(LEAVES)


@pytest.mark.parametrize("seed", range(3))
def test_random_values_are_converted_as_by_boto3(seed: int) -> None:
    any_, shape = random.Random(seed), MODELS["dynamodb"].shape_for("AttributeValue")  # noqa: S311 no secret is made
    write, read = writer(shape), reader(shape)
    for _ in range(200):
        plain = value(any_)
        wire = TypeSerializer().serialize(plain)
        assert write(plain) == wire
        assert repr(read(wire)) == repr(TypeDeserializer().deserialize(wire))  # also tells 1 from True


@pytest.mark.parametrize("wire", [{"B": "AAEC"}, {"SS": ["a"]}, {"NS": ["1.0"]}, {"BS": ["AAE="]}], ids=repr)
def test_rare_types_are_read_as_by_boto3(wire: dict[str, Any]) -> None:
    output: Any = MODELS["dynamodb"].operation_model("GetItem").output_shape
    body = {"Item": {"v": wire}}
    told: Any = create_parser("json").parse(
        {"status_code": 200, "headers": {}, "body": json.dumps(body).encode(), "context": {}}, output
    )
    assert reader(output)(body)["Item"]["v"] == TypeDeserializer().deserialize(told["Item"]["v"])


def test_a_type_of_next_year_is_no_value() -> None:
    with pytest.raises(LookupError):
        reader(MODELS["dynamodb"].shape_for("AttributeValue"))({"V": [1.0]})


def test_entries_and_messages_are_converted_as_by_botocore() -> None:
    model = MODELS["events"].operation_model("PutEvents")
    given = {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}", "Resources": ["r"]}]}
    expected = json.loads(create_serializer("json").serialize_to_request(given, model)["body"])
    assert writer(model.input_shape)(given) == expected
    read = reader(MODELS["sqs"].operation_model("ReceiveMessage").output_shape)
    message = {name: told for name, told in RECEIVED["Messages"][0].items() if name != "New"}  # type: ignore[index]
    assert read(RECEIVED) == {"Messages": [message]}


def test_a_time_is_unusual() -> None:
    with pytest.raises(Unusual):
        reader(MODELS["dynamodb"].operation_model("DescribeTable").output_shape)
    with pytest.raises(Unusual):
        writer(MODELS["events"].operation_model("PutEvents").input_shape)({"Entries": [{"Time": 1}]})
