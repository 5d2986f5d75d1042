"""Who may send to what: no emulator enforces it, so the templates' policies are evaluated here."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.bootstrap.template import dead_letter_queues, of_type, read

RULES = "arn:aws:events:eu-west-1:123456789012:rule"
SENDERS = {"AWS::Events::Rule", "AWS::SNS::Subscription"}
POLICIES = {"sqs": "AWS::SQS::QueuePolicy", "sns": "AWS::SNS::TopicPolicy"}
ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}
# What the policies of topics cannot say: EventBridge does not tell a topic which rule it is that publishes.
RULE_UNKNOWN_TO = "AWS::SNS::Topic"
EVIL = ("events.amazonaws.com", f"{RULES}/shop-bus/evil")
# Stands for every principal of the account. A condition must say which one is meant.
ACCOUNT = "arn:aws:iam::123456789012:root"
STATE_MACHINE = "arn:aws:iam::123456789012:role/shop-fulfil-order"
COMMAND_QUEUES = {"shop-order-commands", "shop-stock", "shop-payment"}
# A receiver, and the principal and ARN of a sender.
Feed = tuple[str, str, str]


@pytest.fixture
def resources() -> Mapping[str, Any]:
    """A test's own, to be spoilt."""
    return copy.deepcopy(read())


def feeds(resources: Mapping[str, Any]) -> set[Feed]:
    """Who is meant to send to what."""
    queues = of_type(resources, "AWS::SQS::Queue")
    commands = {(name, ACCOUNT, STATE_MACHINE) for name, queue in queues if queue["QueueName"] in COMMAND_QUEUES}
    return commands | {
        feed
        for name, resource in resources.items()
        if resource["Type"] in SENDERS
        for feed in feeds_of(resources, name)
    }


def feeds_of(resources: Mapping[str, Any], sender: str) -> Iterator[Feed]:
    properties = resources[sender]["Properties"]
    if resources[sender]["Type"] == "AWS::SNS::Subscription":
        mailbox = properties["Protocol"] == "email"  # no resource of ours admits anybody there
        dead = [properties["RedrivePolicy"]["deadLetterTargetArn"]] if "RedrivePolicy" in properties else []
        arns = [*[properties["Endpoint"]] * (not mailbox), *dead]
        source = ("sns.amazonaws.com", properties["TopicArn"])
    else:
        arns = [arn for target in properties["Targets"] for arn in (target["Arn"], target["DeadLetterConfig"]["Arn"])]
        source = ("events.amazonaws.com", f"{RULES}/{_on_bus(properties)}{properties['Name']}")
    yield from ((arn.removesuffix(".Arn"), *source) for arn in arns)


def _on_bus(rule: Mapping[str, Any]) -> str:
    """The ARN of a rule on the default bus does not name the bus."""
    return f"{rule['EventBusName']}/" if "EventBusName" in rule else ""


def kind(resources: Mapping[str, Any], receiver: str) -> str:
    return str(resources[receiver]["Type"]).split("::")[1].lower()


def statements(resources: Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    """Those of emulators, each with the receivers to whose policy it belongs. AWS has one more, which denies."""
    return [
        (policy.get("Queues", policy.get("Topics")), statement)
        for policy_type in POLICIES.values()
        for _, policy in of_type(resources, policy_type)
        for statement in policy["PolicyDocument"]["Statement"]
        if "Fn::If" not in statement and statement != without_tls(policy)
    ]


def without_tls(policy: Mapping[str, Any]) -> dict[str, Any]:
    """What the policy of a queue denies on AWS."""
    return {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": [f"{name}.Arn" for name in policy.get("Queues", [])],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def admitted(resources: Mapping[str, Any]) -> set[Feed]:
    """Who may send to what, of those who are meant to send to anything, their namesakes, and strangers."""
    known = {(service, arn) for _, service, arn in feeds(resources)}
    strangers = {(service, arn.replace("123456789012", "999999999999")) for service, arn in known}
    namesakes = {(service, f"{arn}-2") for service, arn in known}
    receivers = [name for name, r in resources.items() if r["Type"] in {"AWS::SQS::Queue", "AWS::SNS::Topic"}]
    return {
        (receiver, service, arn)
        for receiver in receivers
        for service, arn in known | namesakes | strangers | {EVIL}
        if any(
            receiver in owners and admits(statement, kind(resources, receiver), receiver, service, arn)
            for owners, statement in statements(resources)
        )
    }


def admits(statement: Any, kind: str, receiver: str, service: str, source: str) -> bool:
    principal = statement["Principal"]
    known = set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert known, "the evaluator must understand all of it"
    assert set(statement.get("Condition", {})) <= {"ArnEquals"}
    kind_of_principal, key = ("AWS", "aws:PrincipalArn") if service == ACCOUNT else ("Service", "aws:SourceArn")
    wanted = statement.get("Condition", {}).get("ArnEquals", {key: source})
    return (
        statement["Effect"] == "Allow"
        and (principal == "*" or principal.get(kind_of_principal) in ("*", service))
        and statement["Action"] in (ACTIONS[kind], f"{kind}:*", "*")
        and (f"{receiver}.Arn" if kind == "sqs" else receiver) in statement["Resource"]
        and wanted == {key: source}
    )


def wrong(resources: Mapping[str, Any]) -> set[Feed]:
    """Those who are kept out and should not be, and those who are let in and need not be."""
    found, meant = admitted(resources), feeds(resources)
    rules = {feed for feed in found if resources[feed[0]]["Type"] == RULE_UNKNOWN_TO and feed[1] == EVIL[0]}
    return (meant - found) | (found - meant - rules)


def test_who_feeds_a_queue_or_a_topic_may_send_to_it_and_nobody_else(resources: Mapping[str, Any]) -> None:
    assert wrong(resources) == set()
    assert len(feeds(resources)) >= 11


def test_a_topics_policy_sets_rules_no_condition(resources: Mapping[str, Any]) -> None:
    for _, policy in of_type(resources, "AWS::SNS::TopicPolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Principal"] == {"Service": EVIL[0]}
            assert "Condition" not in statement


def test_nobody_may_do_more_than_send(resources: Mapping[str, Any]) -> None:
    for owners, statement in statements(resources):
        assert {statement["Action"]} == {ACTIONS[kind(resources, owner)] for owner in owners}
        assert set(statement["Principal"]) in ({"Service"}, {"AWS"})


def test_every_queue_has_one_policy_which_refuses_calls_without_tls_on_aws(resources: Mapping[str, Any]) -> None:
    """A second policy of a queue would take the place of the first."""
    policies = [it for it in resources.values() if it["Type"] == POLICIES["sqs"]]
    owners = [queue for it in policies for queue in it["Properties"]["Queues"]]
    assert sorted(owners) == sorted(name for name, _ in of_type(resources, "AWS::SQS::Queue"))
    for it in policies:
        denied = without_tls(it["Properties"])
        *_, last = it["Properties"]["PolicyDocument"]["Statement"]
        on_aws_alone = it.get("Condition") == "OnAws"
        assert last == (denied if on_aws_alone else {"Fn::If": ["OnAws", denied, "AWS::NoValue"]})


SPOILS: dict[str, Callable[[Any], object]] = {
    "without its condition": lambda statement: statement.pop("Condition", None),
    "for another rule": lambda statement: statement.update(Condition={"ArnEquals": {"aws:SourceArn": EVIL[1]}}),
    "for everybody": lambda statement: statement.update(Principal="*", Condition={}),
    "for another service": lambda statement: statement.update(Principal={"Service": "s3.amazonaws.com"}),
    "for another account": lambda statement: statement.update(Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    "for another action": lambda statement: statement.update(Action="sqs:ReceiveMessage"),
    "for another queue": lambda statement: statement.update(Resource=["BasketQueue.Arn"]),
    "denied": lambda statement: statement.update(Effect="Deny"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_the_evaluator_notices_when_any_one_statement_is_spoilt(resources: Mapping[str, Any], spoil: str) -> None:
    for number in range(len(statements(resources))):
        spoilt = copy.deepcopy(resources)
        SPOILS[spoil](statements(spoilt)[number][1])
        assert wrong(spoilt) or spoilt == resources, number


def test_whoever_sends_is_made_after_what_admits_it_and_after_those_who_listen(resources: Mapping[str, Any]) -> None:
    """Without, the events of the first moments would be dropped."""
    for name, resource in resources.items():
        if resource["Type"] in SENDERS:
            receivers = {receiver for receiver, *_ in feeds_of(resources, name)}
            assert {*needed(resources, receivers)} <= {*depends_on(resource)}, name


def needed(resources: Mapping[str, Any], receivers: set[str]) -> Iterator[str]:
    for name, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] in POLICIES.values() and receivers & {*properties.get("Queues", properties.get("Topics"))}:
            yield name
        # A resource that may not exist cannot be waited for, and a mailbox waits for its owner in any case.
        if resource["Type"] == "AWS::SNS::Subscription" and properties["TopicArn"] in receivers:
            yield from [name] * ("Condition" not in resource)


def depends_on(resource: Mapping[str, Any]) -> list[str]:
    given = resource.get("DependsOn", [])
    return [given] if isinstance(given, str) else given


def test_only_its_own_queue_may_use_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    """Those of rules and subscriptions serve no queue; who may send to them their policies say."""
    queues = dict(of_type(resources, "AWS::SQS::Queue"))
    for dead in dead_letter_queues(resources):
        policies = [(queue["QueueName"], queue.get("RedrivePolicy", {})) for queue in queues.values()]
        served = [name for name, policy in policies if policy.get("deadLetterTargetArn") == f"{dead}.Arn"]
        arns = [f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in served]
        by_queue = {"redrivePermission": "byQueue", "sourceQueueArns": arns}
        assert queues[dead]["RedriveAllowPolicy"] == (by_queue if served else {"redrivePermission": "denyAll"}), dead
