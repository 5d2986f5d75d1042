"""For each fault: what AWS's own client gets, and what has happened behind the proxy."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from chassis.aws.answers import NotFromAWS
from chassis.aws.clients import Clients
from tests import aws_clients
from tests.processes import eventually
from tests.resilience.fault_injection import faults
from tests.resilience.fault_injection.faults import PUBLISH, RECEIVE, TRANSACTION, Fault, SeededFaults, always
from tests.resilience.fault_injection.proxy import Proxy, proxy_of

pytestmark = [pytest.mark.integration, pytest.mark.ministack]  # the proxy does not depend on what is behind it

PUT = "DynamoDB_20120810.PutItem"
TABLE = "shop-basket-outbox"
Client = Callable[[str], Any]


@pytest.fixture
def proxy(stack: Mapping[str, str], emulator_url: str) -> Iterator[Proxy]:
    with proxy_of(emulator_url) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Client:
    """Makes clients that send each call once, through the proxy."""
    return asking(proxy, patience=20)


def asking(proxy: Proxy, patience: float) -> Client:
    config = Config(connect_timeout=5, read_timeout=patience, retries={"total_max_attempts": 1})
    make: Any = boto3.Session().client
    return lambda service: make(service, endpoint_url=proxy.url, config=config)


def put(client: Client, row: str = "a") -> None:
    client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": row}})


def rows() -> int:
    return len(aws_clients.table(TABLE).scan()["Items"])


def publish(client: Client, count: int = 1) -> Any:
    entry = {"EventBusName": "shop-bus", "Source": "com.swn.basket.checkoutbasket", "DetailType": "CheckoutBasket"}
    return client("events").put_events(Entries=[entry | {"Detail": f'{{"n": {n}}}'} for n in range(count)])


def queue() -> str:
    return str(aws_clients.client("sqs").get_queue_url(QueueName="shop-order")["QueueUrl"])


def waiting() -> int:
    names: Any = ["ApproximateNumberOfMessages"]
    answer = aws_clients.client("sqs").get_queue_attributes(QueueUrl=queue(), AttributeNames=names)
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def deliver(client: Client, count: int = 1) -> None:
    """Publishes and waits until the queue has all messages: a bus may deliver them one by one."""
    publish(client, count)
    eventually(lambda: waiting() == count)


def receive(client: Client) -> list[Any]:
    answer = client("sqs").receive_message(QueueUrl=queue(), MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return list(answer.get("Messages", []))


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_without_rules_every_call_is_forwarded_unchanged(proxy: Proxy, client: Client) -> None:
    put(client)
    assert publish(client)["FailedEntryCount"] == 0
    eventually(waiting)
    assert len(receive(client)) == 1
    assert boto3.client("cloudformation", endpoint_url=proxy.url).describe_stacks()["Stacks"]
    assert proxy.totals == Counter(calls=4, forwarded=4)


def test_a_lost_answer_comes_after_the_effect(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.LOST_ANSWER, PUT)
    with pytest.raises(ConnectionClosedError):
        put(client)
    assert rows() == 1


def test_a_garbled_answer_comes_after_the_effect_and_is_recognized_as_not_from_aws(
    proxy: Proxy, stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.rules = always(Fault.GARBLED, PUT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    dynamodb = Clients(stack).of("dynamodb", aws_clients.PATIENT)
    dynamodb.meta.events.register("before-parse", lambda **_: pytest.fail("botocore takes it for an answer"))
    whys = set()
    for n in range(40):
        with pytest.raises(NotFromAWS) as error:
            dynamodb.put_item(TableName=TABLE, Item={"id": str(n)})
        whys.add(str(error.value).rpartition(": ")[2])
    assert whys == {
        "the media type is not AWS's JSON",
        "the body is not an error of AWS",
        "the body is not a JSON object",
    }
    assert rows() == 40


def send(client: Client) -> None:
    client("sqs").send_message(QueueUrl=queue(), MessageBody="-")


@pytest.mark.parametrize(
    ("fault", "call", "answer"),
    [
        (Fault.SERVER_ERROR, put, (500, "InternalServerError")),
        (Fault.UNSIGNED, put, (400, "InvalidSignatureException")),
        (Fault.TRANSACTION_CONFLICT, put, (400, "TransactionConflictException")),
        (Fault.THROTTLE, put, (400, "ProvisionedThroughputExceededException")),
        (Fault.THROTTLE, publish, (400, "ThrottlingException")),
        (Fault.THROTTLE, send, (400, "RequestThrottled")),
    ],
)
def test_a_refused_call_gets_the_services_own_error_and_has_no_effect(
    proxy: Proxy, client: Client, fault: Fault, call: Callable[[Client], object], answer: tuple[int, str]
) -> None:
    proxy.rules = always(fault)
    with pytest.raises(ClientError) as error:
        call(client)
    assert (refusal(error), rows(), waiting()) == (answer, 0, 0)


def test_a_throttled_batch_get_processes_no_keys(proxy: Proxy, client: Client) -> None:
    put(client)
    proxy.rules = always(Fault.UNPROCESSED)
    keys: Any = {TABLE: {"Keys": [{"id": {"S": "a"}}], "ConsistentRead": True}}
    answer = client("dynamodb").batch_get_item(RequestItems=keys)
    assert (answer["Responses"], answer["UnprocessedKeys"]) == ({}, keys)


def test_a_throttled_transaction_has_an_error_code_or_a_cancellation_reason(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.THROTTLE)
    action: Any = {"Put": {"TableName": TABLE, "Item": {"id": {"S": "a"}}}}
    codes = set()
    for _ in range(40):
        with pytest.raises(ClientError) as error:
            client("dynamodb").transact_write_items(TransactItems=[action])
        response: Any = error.value.response
        codes |= {reason["Code"] for reason in response.get("CancellationReasons", [])} or {refusal(error)[1]}
    assert codes == {"ThrottlingException", "ThrottlingError", "ProvisionedThroughputExceeded"}
    assert rows() == 0


def test_a_transaction_conflict_has_a_reason_for_every_action_and_no_effect(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.TRANSACTION_CONFLICT)
    action = {"Put": {"TableName": TABLE, "Item": {"id": {"S": "a"}}}}
    with pytest.raises(ClientError) as error:
        client("dynamodb").transact_write_items(TransactItems=[action, action | {}])
    reasons: Any = error.value.response
    assert [reason["Code"] for reason in reasons["CancellationReasons"]] == ["TransactionConflict", "None"]
    assert rows() == 0


def test_refused_entries_are_counted_and_never_reach_the_bus(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.REFUSED_ENTRIES, PUBLISH)
    refused = 0
    for _ in range(5):
        answer = publish(client, 4)
        codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
        assert len(codes) == 4
        assert 1 <= answer["FailedEntryCount"] == sum(code is not None for code in codes)
        assert all(("EventId" in entry) != ("ErrorCode" in entry) for entry in answer["Entries"])
        refused += answer["FailedEntryCount"]
    accepted = 20 - refused
    eventually(lambda: waiting() >= accepted)
    assert waiting() == accepted


def test_refused_deletes_are_reported_and_their_messages_stay(proxy: Proxy, client: Client) -> None:
    deliver(client, 5)
    handles = {message["MessageId"]: message["ReceiptHandle"] for message in receive(client)}
    proxy.rules = always(Fault.REFUSED_ENTRIES)
    entries = [{"Id": name, "ReceiptHandle": handle} for name, handle in handles.items()]
    answer = client("sqs").delete_message_batch(QueueUrl=queue(), Entries=entries)
    refused = {failure["Id"] for failure in answer["Failed"]}
    assert refused
    assert refused | {done["Id"] for done in answer.get("Successful", [])} == set(handles)
    answer = aws_clients.client("sqs").get_queue_attributes(QueueUrl=queue(), AttributeNames=["All"])
    assert int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) == len(refused)


def test_an_event_published_twice_becomes_two_messages(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.PUBLISHED_TWICE, PUBLISH)
    publish(client)
    eventually(lambda: waiting() == 2)
    assert proxy.totals[Fault.PUBLISHED_TWICE] == 1


def test_a_message_is_delivered_again_before_its_visibility_timeout(proxy: Proxy, client: Client) -> None:
    deliver(client)
    proxy.rules = always(Fault.DELIVERED_AGAIN, RECEIVE)
    (first,) = receive(client)
    (again,) = eventually(lambda: receive(client))
    assert again == first
    assert proxy.totals[Fault.DELIVERED_AGAIN] == 1
    client("sqs").delete_message(QueueUrl=queue(), ReceiptHandle=again["ReceiptHandle"])


def test_a_message_is_delivered_again_only_by_its_own_queue(proxy: Proxy, client: Client) -> None:
    deliver(client)
    proxy.rules = always(Fault.DELIVERED_AGAIN, RECEIVE)
    (first,) = receive(client)
    another = queue().replace("shop-order", "shop-catalogue")
    for _ in range(2):
        assert "Messages" not in client("sqs").receive_message(QueueUrl=another, WaitTimeSeconds=1)
    assert receive(client) == [first]


def test_stopping_faults_cancels_repeated_deliveries(proxy: Proxy, client: Client) -> None:
    deliver(client)
    proxy.rules = always(Fault.DELIVERED_AGAIN, RECEIVE)
    assert len(receive(client)) == 1
    proxy.stop_faults()
    proxy.rules = always(Fault.DELIVERED_AGAIN, RECEIVE)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert receive(client) == []


def test_a_black_hole_accepts_a_call_and_never_answers(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.BLACK_HOLE)
    with pytest.raises(ReadTimeoutError):
        put(asking(proxy, patience=1))
    assert rows() == 0
    proxy.stop_faults()
    put(client)


def test_connections_are_refused_until_the_proxy_accepts_again(proxy: Proxy, client: Client) -> None:
    put(client, "a")
    proxy.refuse()
    with pytest.raises(EndpointConnectionError):
        put(client, "b")
    proxy.accept()
    put(client, "c")
    assert rows() == 2


def test_slow_calls_are_answered(proxy: Proxy, client: Client) -> None:
    proxy.rules = always(Fault.LATENCY)
    put(client)
    assert (rows(), proxy.totals[Fault.LATENCY]) == (1, 1)


def test_a_seed_gives_each_operation_the_same_faults_whatever_other_calls_come_between() -> None:
    rules = faults.share_of_calls(0.5)

    def chosen(source: SeededFaults, *between: str) -> list[Fault | None]:
        return [source.next(operation, rules) for _ in range(50) for operation in (*between, PUT) if operation == PUT]

    source = SeededFaults(7)
    mixed = [(source.next(TRANSACTION, rules), source.next(PUT, rules))[1] for _ in range(50)]
    assert chosen(SeededFaults(7)) == mixed != chosen(SeededFaults(8))


@pytest.mark.parametrize("operation", [PUBLISH, TRANSACTION, RECEIVE, PUT, "AmazonSQS.GetQueueUrl"])
def test_the_given_share_of_calls_gets_faults_of_every_kind_that_fits_the_operation(operation: str) -> None:
    source, rules = SeededFaults(1), faults.share_of_calls(0.2)
    met = Counter(source.next(operation, rules) for _ in range(5000))
    assert set(met) == {None, *faults.ANYWHERE, *faults.ALSO.get(operation, ())}
    assert 0.18 < 1 - met[None] / 5000 < 0.22


def test_calls_without_a_named_operation_get_no_fault() -> None:
    assert {SeededFaults(1).next("", faults.share_of_calls(1.0)) for _ in range(100)} == {None}


def test_the_proxy_forwards_a_hundred_calls_per_cpu_second(proxy: Proxy, client: Client) -> None:
    dynamodb = client("dynamodb")
    began = time.process_time()  # of the client and the proxy alone, whatever else the machine does
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda n: dynamodb.put_item(TableName=TABLE, Item={"id": {"S": f"{n}"}}), range(300)))
    assert 300 / (time.process_time() - began) > 100
