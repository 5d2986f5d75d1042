"""What somebody could break in a shop by hand, and what doctor says about it."""

import json
from collections.abc import Callable
from typing import Any

from bootstrap.aws import Aws

Break = Callable[[Aws], object]
BUS = "shop-bus"


def url(aws: Aws, queue: str) -> str:
    return aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]


def drop_queue(queue: str) -> Break:
    return lambda aws: aws.sqs.delete_queue(QueueUrl=url(aws, queue))


def close_queue(*queues: str) -> Break:
    def close(aws: Aws) -> None:
        for queue in queues:
            aws.sqs.set_queue_attributes(QueueUrl=url(aws, queue), Attributes={"Policy": ""})

    return close


def topic(aws: Aws) -> str:
    """That of the price drops."""
    [found] = [each["TopicArn"] for each in aws.sns.list_topics()["Topics"] if "price-drops" in each["TopicArn"]]
    return found


def drop_topic(aws: Aws) -> None:
    aws.sns.delete_topic(TopicArn=topic(aws))


def close_topic(aws: Aws) -> None:
    open_to_nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    aws.sns.set_topic_attributes(TopicArn=topic(aws), AttributeName="Policy", AttributeValue=open_to_nobody)


def drop_subscription(aws: Aws) -> None:
    [found] = aws.sns.list_subscriptions_by_topic(TopicArn=topic(aws))["Subscriptions"]
    aws.sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


def strip_subscription(aws: Aws) -> None:
    [found] = aws.sns.list_subscriptions_by_topic(TopicArn=topic(aws))["Subscriptions"]
    arn = found["SubscriptionArn"]
    aws.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue="{}")


def strip_target(aws: Aws) -> None:
    [target] = aws.events.list_targets_by_rule(Rule="shop-price-drops", EventBusName=BUS)["Targets"]
    bare: Any = {"Id": target["Id"], "Arn": target["Arn"]}
    aws.events.put_targets(Rule="shop-price-drops", EventBusName=BUS, Targets=[bare])


def drop_state_machine(aws: Aws) -> None:
    [machine] = aws.stepfunctions.list_state_machines()["stateMachines"]
    aws.stepfunctions.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def switch_off(rule: str) -> Break:
    return lambda aws: aws.events.disable_rule(Name=rule, EventBusName=BUS)


def drop_target(rule: str, target: str) -> Break:
    return lambda aws: aws.events.remove_targets(Rule=rule, EventBusName=BUS, Ids=[target])


def drop_rule(aws: Aws) -> None:
    drop_target("shop-price-drops", "price-drops-topic")(aws)
    aws.events.delete_rule(Name="shop-price-drops", EventBusName=BUS)


# Others refuse to take the queue away (docs/emulators.md).
ONLY_ON_MINISTACK = {"dead-letter queue of a subscription"}

# The expected findings by resource: the broken one, and those that cannot work because of it.
DRIFTS: dict[str, tuple[Break, dict[str, str]]] = {
    "table": (
        lambda aws: aws.dynamodb.delete_table(TableName="shop-catalogue"),
        {"CatalogueTable": "IDENTITY is gone"},
    ),
    "alarm": (
        lambda aws: aws.cloudwatch.delete_alarms(AlarmNames=["shop-price-drops-dlq-not-empty"]),
        {"PriceDropsDeadLetterAlarm": "IDENTITY is gone"},
    ),
    "rule switched off": (
        switch_off("shop-price-drops"),
        {"PriceDropsRule": "shop-price-drops is disabled: `aws events enable-rule` enables it"},
    ),
    "rule": (drop_rule, {"PriceDropsRule": "IDENTITY is gone"}),
    "target": (
        drop_target("shop-product-changes", "catalogue-queue"),
        {"ProductChangesRule": "shop-product-changes has lost its target"},
    ),
    "dead-letter queue of a target": (
        strip_target,
        {"PriceDropsRule": "rule shop-price-drops has lost its dead-letter queue"},
    ),
    "dead-letter queue of a subscription": (
        strip_subscription,
        {"PriceDropsSubscription": "topic shop-price-drops has lost its dead-letter queue"},
    ),
    "queue that a consumer gives up to": (drop_queue("shop-order-dlq"), {"OrderDeadLetterQueue": "IDENTITY is gone"}),
    "queue that a rule feeds": (
        drop_queue("shop-order"),
        {
            "OrderQueue": "IDENTITY is gone",
            "CheckoutBasketRule": "queue shop-order, which rule shop-checkout-basket sends to, is gone",
        },
    ),
    "queue that subscribes": (
        drop_queue("shop-price-drops"),
        {
            "PriceDropsQueue": "IDENTITY is gone",
            "PriceDropsSubscription": "queue shop-price-drops, which topic shop-price-drops sends to, is gone",
        },
    ),
    "policy of a rule's queues": (
        close_queue("shop-catalogue", "shop-product-changes-dlq"),
        {
            "ProductChangesRule": "queue shop-catalogue does not admit rule shop-product-changes, "
            "queue shop-product-changes-dlq does not admit rule shop-product-changes"
        },
    ),
    "policy of the queue that a rule and a topic give up to": (
        close_queue("shop-price-drops-dlq"),
        {
            "PriceDropsRule": "queue shop-price-drops-dlq does not admit rule shop-price-drops",
            "PriceDropsSubscription": "queue shop-price-drops-dlq does not admit topic shop-price-drops",
        },
    ),
    "policy of a queue of commands": (
        close_queue("shop-order-commands"),
        {
            "FulfilOrder": "queue shop-order-commands does not admit role shop-fulfil-order",
            "SweepOrdersRule": "queue shop-order-commands does not admit rule shop-sweep-orders",
        },
    ),
    "queue of commands of another stack": (
        drop_queue("shop-payment"),
        {
            "PaymentQueue": "IDENTITY is gone",
            "FulfilOrder": "queue shop-payment, which role shop-fulfil-order sends to, is gone",
        },
    ),
    "state machine": (drop_state_machine, {"FulfilOrder": "IDENTITY is gone"}),
    "policy of a topic": (
        close_topic,
        {"PriceDropsRule": "topic shop-price-drops does not admit rule shop-price-drops"},
    ),
    "topic": (
        drop_topic,
        {
            "PriceDropsTopic": "IDENTITY is gone",
            "PriceDropsSubscription": "IDENTITY is gone",
            "PriceDropsRule": "topic shop-price-drops, which rule shop-price-drops sends to, is gone",
        },
    ),
    "subscription": (drop_subscription, {"PriceDropsSubscription": "IDENTITY is gone"}),
}
