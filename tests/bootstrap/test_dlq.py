"""The `dlq` commands against an emulator: a bad message is seen, understood, mended and put back."""

import json
import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import pytest

from bootstrap import commands, dlq
from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.errors import Misused
from bootstrap.names import Names
from chassis.aws.clients import Clients
from chassis.core.errors import Conflict
from chassis.messaging.queue import Queue
from services.ordering.consumer import make_consumer
from services.ordering.events_in import BasketCheckedOut
from services.ordering.service import OrderService
from services.ordering.wiring import Wiring
from tests.bootstrap.fakes import FakeCloudFormation, quick_clock
from tests.fakes import FakeReplies
from tests.samples import golden_message

integration = pytest.mark.integration
Run = Callable[..., tuple[int, str, str]]
Send = Callable[..., str]


def checkout(order_id: str) -> str:
    event = golden_message()
    event["detail"]["data"]["orderId"] = order_id
    return json.dumps(event, default=float)


class Choosy(OrderService):
    """Does not know one order's kind until it is told."""

    unknown = "o-3"

    def place(self, checkout: BasketCheckedOut) -> None:
        if checkout.orderId == self.unknown:
            raise Conflict("this kind is not known yet")
        super().place(checkout)


class Ordering:
    """The ordering consumer, a pass at a time."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._store = Wiring(env).store
        self._queue = Queue.of(Clients(env), "shop-order")
        self.service = Choosy(self._store)
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


@pytest.fixture
def run(aws_env: Mapping[str, str], aws: Aws, capsys: pytest.CaptureFixture[str]) -> Run:
    """A `dlq` command's exit code, its answer, and what it said besides."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["dlq", *arguments], aws_env)
        out, err = capsys.readouterr()
        return code, out, err

    return call


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
    run: Run, send: Send, ordering: Ordering, names: Names
) -> None:
    ids = {n: send(names.order_queue, checkout(f"o-{n}")) for n in range(10)}
    ordering.consume(10)
    assert ordering.orders() == {f"o-{n}" for n in range(10)} - {"o-3"}
    code, shown, _ = run("show", "order-dlq")
    assert code == 0
    assert "reason       this kind is not known yet" in shown
    assert "order        o-3 of swn" in shown
    assert f"in the log   message_id {ids[3]}" in shown
    ordering.service.unknown = ""
    assert run("redrive", "order-dlq", "--all")[:2] == (0, "shop-order-dlq: 1 message back to shop-order\n")
    ordering.consume(1)
    assert ordering.orders() == {f"o-{n}" for n in range(10)}
    assert run("redrive", "--all")[1].count("empty, nothing put back") == 5


@integration
def test_what_still_fails_comes_back_with_the_new_reason(
    run: Run, send: Send, ordering: Ordering, names: Names
) -> None:
    send(names.order_dlq, "{", reason="an old one", messageId="m-0")
    assert run("redrive", "--all")[0] == 0
    ordering.consume(1)
    shown = run("show", "order-dlq")[1]
    assert "reason       not JSON" in shown
    assert "m-0" not in shown


@integration
def test_a_crash_between_send_and_delete_doubles_the_message_and_not_the_order(
    run: Run, send: Send, ordering: Ordering, names: Names, aws: Aws, depth: Callable[[str], tuple[int, int]]
) -> None:
    def die(**_: Any) -> NoReturn:
        raise KeyboardInterrupt

    send(names.order_dlq, checkout("o-1"), reason="bad")
    context = commands.Context(
        Namespace(queue=None, message=[], limit=None, all=True), aws, names, quick_clock(), print, print
    )
    aws.sqs.meta.events.register("before-call.sqs.DeleteMessageBatch", die)
    with pytest.raises(KeyboardInterrupt):
        dlq.redrive(context)
    assert (depth(names.order_queue), depth(names.order_dlq)) == ((1, 0), (1, 0))
    assert run("redrive", "--all")[0] == 0
    ordering.consume(2)
    assert ordering.orders() == {"o-1"}
    assert (depth(names.order_queue), depth(names.order_dlq)) == ((0, 0), (0, 0))


@integration
def test_an_event_that_the_rule_could_not_deliver_becomes_the_order_it_was_meant_to_be(
    run: Run, send: Send, ordering: Ordering, names: Names
) -> None:
    arn = "arn:aws:events:us-east-1:1:rule/shop-bus/shop-checkout-basket"
    send(names.rule_dlq, checkout("o-1"), RULE_ARN=arn, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="may not send")
    shown = run("show")[1]
    assert "reason       EventBridge could not deliver: NO_PERMISSIONS: may not send" in shown
    assert f"rule         {arn}" in shown
    assert run("redrive", names.rule_dlq, "--all")[1] == "shop-checkout-basket-dlq: 1 message back to shop-order\n"
    ordering.consume(1)
    assert ordering.orders() == {"o-1"}


@integration
def test_events_about_products_go_back_to_the_catalogues_queue_whoever_gave_them_up(
    run: Run, send: Send, depth: Callable[[str], tuple[int, int]]
) -> None:
    send("shop-product-changes-dlq", "{}", ERROR_CODE="NO_PERMISSIONS")
    send("shop-catalogue-dlq", "{}", reason="not what was promised", messageId="m-0")
    assert run("redrive", "--all")[1].count("1 message back to shop-catalogue\n") == 2
    assert depth("shop-catalogue") == (2, 0)


@integration
def test_a_message_that_sqs_itself_gave_up_says_so_and_goes_back(
    run: Run, send: Send, names: Names, aws: Aws, queue_url: Callable[[str], str], ordering: Ordering
) -> None:
    send(names.order_queue, checkout("o-1"))
    url = queue_url(names.order_queue)
    while aws.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=0).get("Messages"):
        pass
    assert re.search(r"shop-order gave it up: received 1[0-9] times", run("show")[1])
    assert run("redrive", "--all")[0] == 0
    ordering.consume(1)
    assert ordering.orders() == {"o-1"}


@integration
def test_news_that_could_not_be_published_goes_to_its_topic_and_what_was_not_delivered_to_its_queue(
    run: Run, send: Send, aws: Aws, queue_url: Callable[[str], str]
) -> None:
    (topic,) = aws.sns.list_topics()["Topics"]
    send("shop-price-drops-dlq", '{"drop": 1}', TARGET_ARN=topic["TopicArn"], ERROR_CODE="NO_PERMISSIONS")
    send("shop-price-drops-dlq", '{"drop": 2}')
    shown = run("show", "price-drops-dlq")[1]
    assert "reason       EventBridge could not deliver: NO_PERMISSIONS" in shown
    assert "reason       none is written down: SNS could not deliver it" in shown
    code, told, _ = run("redrive", "price-drops-dlq", "--all")
    assert (code, {*told.splitlines()}) == (
        0,
        {
            "shop-price-drops-dlq: 1 message back to topic shop-price-drops",
            "shop-price-drops-dlq: 1 message back to shop-price-drops",
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
def test_list_shows_every_queue_with_depth_age_alarm_and_where_a_redrive_leads(
    run: Run, send: Send, names: Names
) -> None:
    send(names.order_dlq, "{}")
    code, shown, _ = run("list")
    assert code == 0
    first, *rows = shown.splitlines()
    assert re.fullmatch(r"shop at http://127\.0\.0\.1:\d+ \(an emulator\), region us-east-1", first)
    assert [re.sub(r"\d+ s|INSUFFICIENT_DATA|OK", "X", re.sub(" {2,}", " | ", row)) for row in rows] == [
        " | shop-catalogue-dlq | empty | alarm X | redrive → shop-catalogue",
        " | shop-checkout-basket-dlq | empty | alarm X | redrive → shop-order",
        " | shop-order-dlq | 1 message | oldest X | alarm X | redrive → shop-order",
        " | shop-price-drops-dlq | empty | alarm X | redrive → shop-price-drops or topic shop-price-drops",
        " | shop-product-changes-dlq | empty | alarm X | redrive → shop-catalogue",
    ]


@integration
def test_looking_harms_no_message(run: Run, send: Send, names: Names, depth: Callable[[str], tuple[int, int]]) -> None:
    for n in range(25):
        send(names.order_dlq, checkout(f"o-{n}"))
    assert "or more" in run("list")[1]
    assert "shop-order-dlq: 20 of 25 messages (--limit shows more)" in run("show")[1]
    everything = run("show", "shop-order-dlq", "--limit", "100", "--body")[1]
    assert {f"o-{n}" for n in range(25)} == set(re.findall(r'"orderId": "(.*?)"', everything))
    assert depth(names.order_dlq) == (25, 0)


@integration
def test_only_the_messages_asked_for_go_back_and_the_others_stay(
    run: Run, send: Send, names: Names, depth: Callable[[str], tuple[int, int]]
) -> None:
    ids = [send(names.order_dlq, str(n)) for n in range(15)]
    logged = send(names.rule_dlq, "x", messageId="logged")
    assert run("redrive", "--message", ids[3], "--message", "logged")[0] == 0
    assert (depth(names.order_queue), depth(names.order_dlq), depth(names.rule_dlq)) == ((2, 0), (14, 0), (0, 0))
    assert run("redrive", "--limit", "4")[0] == 0
    assert (depth(names.order_queue), depth(names.order_dlq)) == ((6, 0), (10, 0))
    assert logged not in run("show", "--limit", "100")[1]


@integration
def test_a_limit_holds_for_all_queues_together(
    run: Run, send: Send, names: Names, depth: Callable[[str], tuple[int, int]]
) -> None:
    for queue in (names.order_dlq, names.rule_dlq) * 2:
        send(queue, "{}")
    assert run("redrive", "--limit", "3")[0] == 0
    assert depth(names.order_queue) == (3, 0)


@integration
def test_what_cannot_go_back_stays_is_named_and_is_a_failure(run: Run, send: Send, names: Names) -> None:
    stranger = send(names.rule_dlq, "{}", TARGET_ARN="arn:aws:lambda:us-east-1:1:function:stranger")
    code, out, _ = run("redrive", "--all")
    assert code == 1
    assert f"shop-checkout-basket-dlq: kept {stranger}: this stack cannot put it back to arn:aws:lambda" in out
    assert stranger in run("show")[1]


@integration
def test_dropping_prints_the_whole_message_first(
    run: Run, send: Send, names: Names, depth: Callable[[str], tuple[int, int]]
) -> None:
    send(names.order_dlq, "stays")
    doomed = send(names.order_dlq, "geht für immer", reason="bad")
    code, out, _ = run("drop", "--message", doomed)
    copy = json.loads(out)
    assert code == 0
    assert (copy["messageId"], copy["body"], copy["attributes"]) == (doomed, "geht für immer", {"reason": "bad"})
    assert depth(names.order_dlq) == (1, 0)


@integration
def test_what_cannot_be_printed_is_not_dropped(
    send: Send, aws: Aws, names: Names, depth: Callable[[str], tuple[int, int]]
) -> None:
    def closed(_: str) -> NoReturn:
        raise BrokenPipeError

    args = Namespace(queue=None, message=[send(names.order_dlq, "{}")])
    with pytest.raises(BrokenPipeError):
        dlq.drop(commands.Context(args, aws, names, quick_clock(), out=closed, say=print))
    assert depth(names.order_dlq) == (1, 0)


@integration
@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            ["show", "nowhere"],
            2,
            "shop has no dead-letter queue 'nowhere'; it has shop-catalogue-dlq, shop-checkout-basket-dlq",
        ),
        (["show", "--message", "m-9"], 1, r"no message m-9 in any dead-letter queue; there are \S+"),
        (["redrive", "order-dlq", "--message", "m-9"], 1, r"no message m-9 in order-dlq; there are \S+"),
        (["drop", "checkout-basket-dlq", "--message", "m-9"], 1, "no message m-9 in .*-dlq; nothing waits there"),
    ],
)
def test_asking_for_what_is_not_there_is_one_line_that_says_what_is(
    run: Run, send: Send, names: Names, arguments: list[str], code: int, line: str
) -> None:
    send(names.order_dlq, "{}")
    answer, _, said = run(*arguments)
    assert answer == code
    assert re.fullmatch(rf"error: {line}.*", said.strip().splitlines()[-1])


@integration
def test_a_stack_that_is_not_there_is_one_line(aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dlq", "list"], aws_env) == 1
    assert re.fullmatch(r"error: there is no shop at .*: `up` makes it\n", capsys.readouterr().err)


def test_drop_refuses_aws_unless_it_is_meant() -> None:
    fake = cast("Any", FakeCloudFormation())
    fake.meta = Namespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")
    aws = Aws(fake, fake, fake, fake, fake, fake, region="eu-west-1", emulator=False)
    args = Namespace(queue=None, message=["m-1"], really_aws=False)
    context = commands.Context(args, aws, Names("shop"), quick_clock(), out=print, say=print)
    with pytest.raises(Misused, match=r"not an emulator.* delete m-1 for good\. Give --really-aws"):
        dlq.drop(context)
    assert fake.called == []
