"""Which calls skip botocore, and that they are the same as its own."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import EndpointResolutionError, ParamValidationError

from chassis.aws.clients import Clients
from tests import scripted
from tests.scripted import Script, answer, refusal

KEY = {"id": "1"}
ENV = {"AWS_DEFAULT_REGION": "us-east-1", "SHOP_TRANSPORT": "fast"}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with scripted.playing(answer()) as playing:
        monkeypatch.setenv("AWS_ENDPOINT_URL", playing.url)
        yield playing


@pytest.fixture
def client(script: Script) -> Any:
    return Clients(ENV).of("dynamodb")


def prepared(client: Any) -> list[str]:
    """The operations that botocore prepares from now on."""
    names: list[str] = []
    client.meta.events.register("before-parameter-build", lambda model, **_: names.append(model.name))
    return names


def sent(client: Any) -> list[Any]:
    """The requests of the client from now on."""
    requests: list[Any] = []
    client.meta.events.register_first("before-send", lambda request, **_: requests.append(request))
    return requests


def test_botocore_prepares_the_first_call_of_each_operation(client: Any, script: Script) -> None:
    names = prepared(client)
    for _ in range(3):
        client.get_item(TableName="t", Key=KEY)
        client.put_item(TableName="t", Item=KEY)
    assert names == ["GetItem", "PutItem"]
    assert script.calls == ["GetItem", "PutItem"] * 3


def test_later_call_sends_what_the_first_one_sent(client: Any) -> None:
    requests = sent(client)
    item = {**KEY, "n": Decimal("1.50"), "i": 3, "b": True, "nil": None, "l": ["a", {"m": [1]}], "m": {"é": "→"}}
    for _ in range(2):
        client.put_item(TableName="t", Item=item, ReturnValues="NONE")
    (url, headers, body), later = ((each.url, dict(each.headers), json.loads(each.body)) for each in requests)
    changing = {"X-Amz-Date", "Authorization"}
    assert later == (url, headers | {name: later[1][name] for name in changing}, body)


def test_call_does_not_change_its_parameters(client: Any) -> None:
    item = {**KEY, "l": [1]}
    for _ in range(2):
        client.put_item(TableName="t", Item=item)
    assert item == {**KEY, "l": [1]}


@pytest.mark.parametrize("value", [b"\x00", {"a"}, {1}, [{b"\x01"}]], ids=repr)
def test_botocore_converts_values_of_rare_types(client: Any, value: Any) -> None:
    names, requests = prepared(client), sent(client)
    for _ in range(2):
        client.put_item(TableName="t", Item={**KEY, "v": value})
    assert names == ["PutItem", "PutItem"]
    assert len(json.loads(requests[1].body)["Item"]["v"]) == 1


def test_condition_objects_are_botocores(client: Any) -> None:
    names, requests = prepared(client), sent(client)
    for condition in ("a = b", Attr("a").eq(1)):
        client.put_item(TableName="t", Item=KEY, ConditionExpression=condition)
    assert names == ["PutItem", "PutItem"]
    assert json.loads(requests[1].body)["ExpressionAttributeValues"] == {":v0": {"N": "1"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"TableName": "t"},
        {"TableName": 1, "Key": KEY},
        {"TableName": "", "Key": KEY},
        {"TableName": "t", "Key": KEY, "Kee": 1},
        {"TableName": "t", "Key": KEY, "ConsistentRead": "yes"},
        {"TableName": "t", "Key": {1: "1"}},
    ],
    ids=repr,
)
def test_wrong_parameters_are_rejected_before_anything_is_sent(
    client: Any, script: Script, wrong: dict[str, Any]
) -> None:
    client.get_item(TableName="t", Key=KEY)
    with pytest.raises((ParamValidationError, EndpointResolutionError)):
        client.get_item(**wrong)
    assert script.calls == ["GetItem"]


def test_a_key_that_is_no_text_is_rejected(client: Any, script: Script) -> None:
    client.put_item(TableName="t", Item=KEY)
    with pytest.raises(ParamValidationError):
        client.put_item(TableName="t", Item={**KEY, "m": {1: "1"}})
    assert script.calls == ["PutItem"]


@pytest.mark.parametrize("value", [Decimal("Infinity"), Decimal("1E-200"), 1.5], ids=repr)
def test_numbers_that_dynamodb_cannot_store_are_rejected_as_by_botocore(client: Any, value: Any) -> None:
    errors: list[type[Exception]] = []
    for _ in range(2):
        with pytest.raises(Exception) as error:  # noqa: PT011 they have no common class
            client.put_item(TableName="t", Item={**KEY, "n": value})
        errors.append(error.type)
        client.put_item(TableName="t", Item=KEY)
    assert errors[0] is errors[1]


def test_an_operation_with_a_time_in_its_response_stays_botocores(client: Any, script: Script) -> None:
    script.answers = [answer(b'{"Table":{"CreationDateTime":1764115200.5}}')]
    names = prepared(client)
    for _ in range(2):
        assert client.describe_table(TableName="t")["Table"]["CreationDateTime"].year == 2025
    assert names == ["DescribeTable", "DescribeTable"]


def test_a_token_for_idempotency_is_made_if_there_is_none(client: Any) -> None:
    requests = sent(client)
    for _ in range(3):
        client.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": KEY}}])
    assert len({json.loads(each.body)["ClientRequestToken"] for each in requests}) == 3


def test_a_table_named_by_its_arn_is_botocores(client: Any) -> None:
    """botocore may choose the endpoint by the account in it."""
    names, arn = prepared(client), "arn:aws:dynamodb:us-east-1:123456789012:table/t"
    for table in ("t", arn):
        client.get_item(TableName=table, Key=KEY)
        client.batch_get_item(RequestItems={table: {"Keys": [KEY]}})
    assert names == ["GetItem", "BatchGetItem"] * 2


def test_a_global_endpoint_of_the_bus_is_botocores(script: Script) -> None:
    client = Clients(ENV).of("events")
    entries = [{"Source": "s", "DetailType": "d", "Detail": "{}"}]
    client.put_events(Entries=entries)
    with pytest.raises(Exception, match="crt"):  # botocore needs another package for its signature
        client.put_events(Entries=entries, EndpointId="a.b")


def test_each_call_has_its_own_context(client: Any, script: Script) -> None:
    """What is unknown about one call must not be said about the next one."""
    client.get_item(TableName="t", Key=KEY)
    script.answers = [refusal("InternalServerError", 500), answer()]
    assert client.get_item(TableName="t", Key=KEY)["ResponseMetadata"]["Unanswered"]
    assert "Unanswered" not in client.get_item(TableName="t", Key=KEY)["ResponseMetadata"]


def test_successes_refill_botocores_quota_of_retries(client: Any, script: Script) -> None:
    """botocore counts the retries of a client, and each success allows another one."""
    seen: list[Any] = []
    client.meta.events.register("after-call", lambda parsed, **_: seen.append(parsed))
    for _ in range(2):
        client.get_item(TableName="t", Key=KEY)
    assert [each["ResponseMetadata"]["HTTPStatusCode"] for each in seen] == [200, 200]
