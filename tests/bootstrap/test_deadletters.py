"""The dead-letter queues are found in the stack itself: one more in the template is one more here."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from bootstrap import stacks
from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.deadletters import dead_letter_queues
from bootstrap.errors import Failed
from bootstrap.names import Names
from tests.bootstrap.conftest import Shop
from tests.bootstrap.drift import Break, drop_queue, drop_subscription, drop_topic
from tests.bootstrap.fakes import client_error
from tests.stacks import tree

pytestmark = pytest.mark.integration
ANOTHER = """\
  StockDeadLetterQueue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${Shop}-stock-dlq" }
  StockQueue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${Shop}-stock
      RedrivePolicy: { deadLetterTargetArn: !GetAtt StockDeadLetterQueue.Arn, maxReceiveCount: 3 }
  StockRule:
    Type: AWS::Events::Rule
    Properties:
      Name: !Sub ${Shop}-stock
      EventBusName: !Sub ${Shop}-bus
      EventPattern: { source: [stock] }
      Targets:
        - Id: stock
          Arn: !GetAtt StockQueue.Arn
          DeadLetterConfig: { Arn: !GetAtt CheckoutBasketDeadLetterQueue.Arn }

Outputs:"""


SHOP = {
    "shop-order-dlq": {"shop-order"},
    "shop-checkout-basket-dlq": {"shop-order"},
    "shop-catalogue-dlq": {"shop-catalogue"},
    "shop-product-changes-dlq": {"shop-catalogue"},
    "shop-price-drops-dlq": {"topic shop-price-drops", "shop-price-drops"},
}


def sources(aws: Aws, names: Names) -> dict[str, set[str]]:
    """What each dead-letter queue serves."""
    found = dead_letter_queues(aws, stacks.resources(aws, names), names.bus)
    return {dead.name: {source.name for source in dead.sources.values()} for dead in found}


def test_those_of_rules_and_subscriptions_are_found_like_those_of_queues(aws: Aws, names: Names, shop: Shop) -> None:
    assert sources(aws, names) == SHOP


def test_one_more_in_the_template_is_found_and_one_may_serve_several(
    aws_env: Mapping[str, str], aws: Aws, names: Names, tmp_path: Path
) -> None:
    another = tree(tmp_path, ordering=lambda text: text.replace("\nOutputs:", ANOTHER))
    assert main(["up", "ordering"], aws_env, root=another) == 0
    assert sources(aws, names) == SHOP | {
        "shop-stock-dlq": {"shop-stock"},
        "shop-checkout-basket-dlq": {"shop-order", "shop-stock"},
    }


def test_a_target_that_gets_a_rewritten_event_cannot_be_redriven_to(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, tmp_path: Path
) -> None:
    """Its dead-letter queue holds the event, and the consumer expects something else."""
    target = "        - Id: order-queue\n"
    rewriting = tree(tmp_path, ordering=lambda text: text.replace(target, f"{target}          InputPath: $.detail\n"))
    assert main(["up"], aws_env, root=rewriting) == 0
    assert sources(empty_aws, names)["shop-checkout-basket-dlq"] == set()


@pytest.mark.parametrize(
    ("take_away", "gone"),
    [
        (drop_queue("shop-order-dlq"), "shop-order-dlq"),
        (drop_subscription, ":shop-price-drops:.*"),
        (drop_topic, ":shop-price-drops:.*"),
    ],
)
def test_what_is_gone_is_doctors_business(aws: Aws, names: Names, shop: Shop, take_away: Break, gone: str) -> None:
    take_away(aws)
    with pytest.raises(Failed, match=f"{gone} is gone: `doctor`"):
        sources(aws, names)


def test_so_is_a_rule_that_is_gone_which_only_aws_calls_an_error() -> None:
    def paginate(**_: str) -> NoReturn:
        raise client_error("ResourceNotFoundException")

    events = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    rule = {"ResourceType": "AWS::Events::Rule", "PhysicalResourceId": "shop-bus|shop-price-drops"}
    with pytest.raises(Failed, match="shop-price-drops is gone"):
        dead_letter_queues(cast("Any", SimpleNamespace(events=events)), [cast("Any", rule)], "shop-bus")
