"""The `dlq` commands against an emulator: a bad message is seen, understood, corrected and put back."""

import json
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from bootstrap.aws import Aws, connect
from bootstrap.errors import Failed, Misused
from bootstrap.names import Names
from bootstrap.templates import load
from chassis.aws.clients import Clients
from chassis.core.errors import Conflict
from chassis.messaging.queue import Queue
from services.ordering.consumer import make_consumer
from services.ordering.events_in import BasketCheckedOut
from services.ordering.service import OrderService
from services.ordering.wiring import Wiring
from shop.connection import Connection
from shop.dlq import operations
from tests.bootstrap.fakes import aws_of
from tests.fakes import FakeReplies, OrderShop
from tests.samples import golden_message, order_id
from tests.shop.doctor.drift import topic

integration = pytest.mark.integration
# What does not depend on the emulator's answers.
same_everywhere = pytest.mark.ministack
Send = Callable[..., str]
# Without that of the mailbox, which the shop of the tests does not have.
DEAD_LETTER_QUEUES = {
    name for each in load(Names("shop")) for _, name in each.physical_names().values() if name.endswith("-dlq")
} - {"shop-mailbox-dlq"}
ORDER, ORDER_DLQ, RULE_DLQ = "shop-order", "shop-order-dlq", "shop-checkout-basket-dlq"


def checkout(number: int) -> str:
    event = golden_message()
    event["detail"]["data"]["orderId"] = order_id(number)
    return json.dumps(event, default=float)


class Choosy(OrderService):
    """Rejects one order until its kind is known."""

    unknown = order_id(3)

    def place(self, checkout: BasketCheckedOut) -> None:
        if checkout.orderId == self.unknown:
            raise Conflict("this kind is not known yet")
        super().place(checkout)


class Ordering:
    """The ordering consumer, a pass at a time."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._store = Wiring(env).store
        self._queue = Queue.of(Clients(env), "shop-order")
        self.service = Choosy(self._store, OrderShop().moves, OrderShop().fulfilment)
        self._consumer = make_consumer(self.service, Queue.of(Clients(env), "shop-order-dlq"), FakeReplies())

    def consume(self, count: int) -> None:
        """Handles exactly so many messages."""
        while count > 0:
            records = self._queue.receive()
            assert records, "nothing came within a long poll"
            assert self._consumer.handle_batch({"Records": records}) == {"batchItemFailures": []}
            self._queue.delete(records)
            count -= len(records)

    def orders(self) -> set[str]:
        return {order.orderId for order in self._store.page(100, None).items}


@pytest.fixture
def ordering(aws_env: Mapping[str, str], aws: Aws) -> Ordering:
    return Ordering(aws_env)


class Dlq:
    """The commands. Each answers its exit code and what it printed."""

    def __init__(self, connection: Connection, printed: list[str]) -> None:
        self._connection = connection
        self._printed = printed

    def list(self) -> tuple[int, str]:
        return self._run(operations.list_queues(self._connection))

    def show(self, queue: str | None = None, *ids: str, limit: int = 20, body: bool = False) -> tuple[int, str]:
        return self._run(operations.show(self._connection, queue, ids, limit=limit, body=body))

    def redrive(self, queue: str | None = None, *ids: str, limit: int | None = None) -> tuple[int, str]:
        return self._run(operations.redrive(self._connection, queue, ids, limit))

    def drop(self, queue: str | None, *ids: str) -> tuple[int, str]:
        return self._run(operations.drop(self._connection, queue, ids, really_aws=False))

    def _run(self, code: int) -> tuple[int, str]:
        text = "\n".join(self._printed)
        self._printed.clear()
        return code, text


@pytest.fixture
def dlq(connection: Connection, printed: list[str]) -> Dlq:
    return Dlq(connection, printed)


@pytest.fixture
def send(aws: Aws, queue_url: Callable[[str], str]) -> Send:
    """Puts a message into a queue and returns its id."""

    def put(queue: str, body: str, **attributes: str) -> str:
        values: Any = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        answer = aws.sqs.send_message(QueueUrl=queue_url(queue), MessageBody=body, MessageAttributes=values)
        return answer["MessageId"]

    return put


@pytest.fixture
def depth(aws: Aws, queue_url: Callable[[str], str]) -> Callable[[str], tuple[int, int]]:
    """Messages of a queue that are visible, and that are not."""

    def count(queue: str) -> tuple[int, int]:
        found = aws.sqs.get_queue_attributes(QueueUrl=queue_url(queue), AttributeNames=["All"])["Attributes"]
        visible, hidden = found["ApproximateNumberOfMessages"], found["ApproximateNumberOfMessagesNotVisible"]
        return int(visible), int(hidden)

    return count


@integration
def test_one_bad_message_among_ten_is_told_by_its_reason_and_becomes_an_order_once_it_is_accepted(
    dlq: Dlq, send: Send, ordering: Ordering
) -> None:
    ids = {n: send(ORDER, checkout(n)) for n in range(10)}
    ordering.consume(10)
    assert ordering.orders() == {order_id(n) for n in range(10)} - {order_id(3)}
    code, shown = dlq.show("order-dlq")
    assert code == 0
    assert "reason       this kind is not known yet" in shown
    assert f"order        {order_id(3)} of swn" in shown
    assert f"in the log   message_id {ids[3]}" in shown
    ordering.service.unknown = ""
    assert dlq.redrive("order-dlq") == (0, "shop-order-dlq: 1 message put back into shop-order")
    ordering.consume(1)
    assert ordering.orders() == {order_id(n) for n in range(10)}
    assert dlq.redrive()[1].count("empty, nothing put back") == len(DEAD_LETTER_QUEUES)


@same_everywhere
@integration
def test_what_still_fails_comes_back_with_the_new_reason(dlq: Dlq, send: Send, ordering: Ordering) -> None:
    send(ORDER_DLQ, "{", reason="an old one", messageId="m-0")
    assert dlq.redrive()[0] == 0
    ordering.consume(1)
    shown = dlq.show("order-dlq")[1]
    assert "reason       not JSON" in shown
    assert "m-0" not in shown


@same_everywhere
@integration
def test_a_crash_between_send_and_delete_doubles_the_message_and_not_the_order(
    dlq: Dlq, send: Send, ordering: Ordering, aws: Aws, depth: Callable[[str], tuple[int, int]]
) -> None:
    def die(**_: Any) -> NoReturn:
        raise KeyboardInterrupt

    send(ORDER_DLQ, checkout(1), reason="bad")
    aws.sqs.meta.events.register_first("before-send.sqs.DeleteMessageBatch", die)
    with pytest.raises(KeyboardInterrupt):
        dlq.redrive()
    assert (depth(ORDER), depth(ORDER_DLQ)) == ((1, 0), (1, 0))
    aws.sqs.meta.events.unregister("before-send.sqs.DeleteMessageBatch", die)
    assert dlq.redrive()[0] == 0
    ordering.consume(2)
    assert ordering.orders() == {order_id(1)}
    assert (depth(ORDER), depth(ORDER_DLQ)) == ((0, 0), (0, 0))


@integration
def test_an_event_that_the_rule_could_not_deliver_becomes_the_order_it_was_meant_to_be(
    dlq: Dlq, send: Send, ordering: Ordering
) -> None:
    arn = "arn:aws:events:us-east-1:1:rule/shop-bus/shop-checkout-basket"
    send(RULE_DLQ, checkout(1), RULE_ARN=arn, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="may not send")
    shown = dlq.show()[1]
    assert "reason       EventBridge could not deliver it: NO_PERMISSIONS: may not send" in shown
    assert f"rule         {arn}" in shown
    assert dlq.redrive(RULE_DLQ)[1] == "shop-checkout-basket-dlq: 1 message put back into shop-order"
    ordering.consume(1)
    assert ordering.orders() == {order_id(1)}


@integration
def test_events_about_products_go_back_to_the_catalogues_queue_whoever_gave_them_up(
    dlq: Dlq, send: Send, depth: Callable[[str], tuple[int, int]]
) -> None:
    send("shop-product-changes-dlq", "{}", ERROR_CODE="NO_PERMISSIONS")
    send("shop-catalogue-dlq", "{}", reason="not what was promised", messageId="m-0")
    assert dlq.redrive()[1].count("1 message put back into shop-catalogue") == 2
    assert depth("shop-catalogue") == (2, 0)


@integration
def test_a_message_that_sqs_itself_gave_up_says_so_and_goes_back(
    dlq: Dlq, send: Send, aws: Aws, queue_url: Callable[[str], str], ordering: Ordering
) -> None:
    send(ORDER, checkout(1))
    url = queue_url(ORDER)
    while aws.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=0).get("Messages"):
        pass
    assert re.search(r"every attempt failed: received 1[0-9] times from shop-order", dlq.show()[1])
    assert dlq.redrive()[0] == 0
    ordering.consume(1)
    assert ordering.orders() == {order_id(1)}


@integration
def test_news_that_could_not_be_published_goes_to_its_topic_and_what_was_not_delivered_to_its_queue(
    dlq: Dlq, send: Send, aws: Aws, queue_url: Callable[[str], str]
) -> None:
    send("shop-price-drops-dlq", '{"drop": 1}', TARGET_ARN=topic(aws), ERROR_CODE="NO_PERMISSIONS")
    send("shop-price-drops-dlq", '{"drop": 2}')
    shown = dlq.show("price-drops-dlq")[1]
    assert "reason       EventBridge could not deliver it: NO_PERMISSIONS" in shown
    assert "reason       no reason recorded: SNS could not deliver it" in shown
    code, told = dlq.redrive("price-drops-dlq")
    assert (code, {*told.splitlines()}) == (
        0,
        {
            "shop-price-drops-dlq: 1 message put back into topic shop-price-drops",
            "shop-price-drops-dlq: 1 message put back into shop-price-drops",
        },
    )
    url, bodies = queue_url("shop-price-drops"), set[str]()
    while len(bodies) < 2:
        answer = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"])
        (message, *_) = answer["Messages"]
        assert not message.get("MessageAttributes")
        bodies.add(message["Body"])
    assert bodies == {'{"drop": 1}', '{"drop": 2}'}


@integration
def test_list_shows_every_queue_with_depth_age_alarm_and_where_a_redrive_leads(dlq: Dlq, send: Send) -> None:
    send(ORDER_DLQ, "{}")
    code, shown = dlq.list()
    assert code == 0
    first, *rows = shown.splitlines()
    assert re.fullmatch(r"shop at http://127\.0\.0\.1:\d+ \(an emulator\), region us-east-1", first)
    shown_rows = {re.sub(r"\d+ s|INSUFFICIENT_DATA|OK", "X", re.sub(" {2,}", " | ", row)) for row in rows}
    assert shown_rows >= {
        " | shop-checkout-basket-dlq | empty | alarm X | redrive → shop-order",
        " | shop-notifications-dlq | empty | alarm X | redrive → shop-notifications",
        " | shop-notify-dlq | empty | alarm X | redrive → nowhere: meant for a mailbox, another shop, or a rule",
        " | shop-order-commands-dlq | empty | alarm X | redrive → shop-order-commands",
        " | shop-order-dlq | 1 message | oldest X | alarm X | redrive → shop-order",
        " | shop-payment-dlq | empty | alarm X | redrive → shop-payment",
        " | shop-price-drops-dlq | empty | alarm X | redrive → shop-price-drops or topic shop-price-drops",
        " | shop-product-changes-dlq | empty | alarm X | redrive → shop-catalogue",
    }
    assert [row.split()[0] for row in rows] == sorted(DEAD_LETTER_QUEUES)


@integration
def test_looking_harms_no_message(dlq: Dlq, send: Send, depth: Callable[[str], tuple[int, int]]) -> None:
    for n in range(25):
        send(ORDER_DLQ, checkout(n))
    assert "or more" in dlq.list()[1]
    assert "shop-order-dlq: 20 of 25 messages (--limit shows more)" in dlq.show()[1]
    everything = dlq.show("shop-order-dlq", limit=100, body=True)[1]
    assert {order_id(n) for n in range(25)} == set(re.findall(r'"orderId": "(.*?)"', everything))
    assert depth(ORDER_DLQ) == (25, 0)


@same_everywhere
@integration
def test_only_the_messages_asked_for_go_back_and_the_others_stay(
    dlq: Dlq, send: Send, depth: Callable[[str], tuple[int, int]]
) -> None:
    ids = [send(ORDER_DLQ, str(n)) for n in range(15)]
    logged = send(RULE_DLQ, "x", messageId="logged")
    assert dlq.redrive(None, ids[3], "logged")[0] == 0
    assert (depth(ORDER), depth(ORDER_DLQ), depth(RULE_DLQ)) == ((2, 0), (14, 0), (0, 0))
    assert dlq.redrive(limit=4)[0] == 0
    assert (depth(ORDER), depth(ORDER_DLQ)) == ((6, 0), (10, 0))
    assert logged not in dlq.show(limit=100)[1]


@same_everywhere
@integration
def test_a_limit_holds_for_all_queues_together(dlq: Dlq, send: Send, depth: Callable[[str], tuple[int, int]]) -> None:
    for queue in (ORDER_DLQ, RULE_DLQ) * 2:
        send(queue, "{}")
    assert dlq.redrive(limit=3)[0] == 0
    assert depth(ORDER) == (3, 0)


@same_everywhere
@integration
def test_what_cannot_go_back_stays_is_named_and_is_a_failure(dlq: Dlq, send: Send) -> None:
    stranger = send(RULE_DLQ, "{}", TARGET_ARN="arn:aws:lambda:us-east-1:1:function:stranger")
    code, out = dlq.redrive()
    assert code == 1
    assert f"shop-checkout-basket-dlq: kept {stranger}: it was meant for arn:aws:lambda" in out
    assert stranger in dlq.show()[1]


@same_everywhere
@integration
def test_dropping_prints_the_whole_message_first(dlq: Dlq, send: Send, depth: Callable[[str], tuple[int, int]]) -> None:
    send(ORDER_DLQ, "stays")
    doomed = send(ORDER_DLQ, "geht für immer", reason="bad")
    code, out = dlq.drop(None, doomed)
    copy = json.loads(out)
    assert code == 0
    assert (copy["messageId"], copy["body"], copy["attributes"]) == (doomed, "geht für immer", {"reason": "bad"})
    assert depth(ORDER_DLQ) == (1, 0)


@same_everywhere
@integration
def test_what_cannot_be_printed_is_not_dropped(send: Send, aws: Aws, depth: Callable[[str], tuple[int, int]]) -> None:
    def closed(_: str) -> NoReturn:
        raise BrokenPipeError

    shop = Connection(aws, Names("shop"), closed, print)
    ids = [send(ORDER_DLQ, "{}")]
    with pytest.raises(BrokenPipeError):
        operations.drop(shop, None, ids, really_aws=False)
    assert depth(ORDER_DLQ) == (1, 0)


@same_everywhere
@integration
@pytest.mark.parametrize(
    ("command", "error", "line"),
    [
        (
            lambda dlq: dlq.show("nowhere"),
            Misused,
            "shop has no dead-letter queue 'nowhere'; it has shop-catalogue-dlq, shop-checkout-basket-dlq",
        ),
        (lambda dlq: dlq.show(None, "m-9"), Failed, r"no message m-9 in any dead-letter queue; there are \S+"),
        (lambda dlq: dlq.redrive("order-dlq", "m-9"), Failed, r"no message m-9 in order-dlq; there are \S+"),
        (
            lambda dlq: dlq.drop("checkout-basket-dlq", "m-9"),
            Failed,
            "no message m-9 in checkout-basket-dlq; no message is there",
        ),
    ],
)
def test_asking_for_what_does_not_exist_says_what_does(
    dlq: Dlq, send: Send, command: Callable[[Dlq], object], error: type[Failed], line: str
) -> None:
    send(ORDER_DLQ, "{}")
    with pytest.raises(error, match=line):
        command(dlq)


@integration
def test_shop_that_does_not_exist_is_an_error(aws_env: Mapping[str, str]) -> None:
    shop = Connection(connect(aws_env, print), Names("shop"), print, print)
    with pytest.raises(Failed, match=r"there is no shop shop at .*: `.venv/bin/shop stack up` creates it"):
        operations.list_queues(shop)


def test_drop_refuses_aws_without_the_flag() -> None:
    cloudformation = SimpleNamespace(
        meta=SimpleNamespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")
    )
    fake = cast("Any", cloudformation)
    aws = aws_of(fake, region="eu-west-1", emulator=False)
    shop = Connection(aws, Names("shop"), print, print)
    with pytest.raises(Misused, match=r"not an emulator.* delete m-1 for good\. Give --really-aws"):
        operations.drop(shop, None, ["m-1"], really_aws=False)
