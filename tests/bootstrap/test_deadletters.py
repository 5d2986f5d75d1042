"""The dead-letter queues are found in the stack itself: one more in the template is one more here."""

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.deadletters import Destination, Topic, dead_letter_queues
from bootstrap.deploy import Deployment
from bootstrap.errors import Failed
from bootstrap.names import Names
from bootstrap.stack import Stack
from tests.bootstrap.conftest import TEMPLATE

pytestmark = pytest.mark.integration
ANOTHER = """\
  StockDeadLetterQueue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${AWS::StackName}-stock-dlq" }
  StockQueue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${AWS::StackName}-stock
      RedrivePolicy: { deadLetterTargetArn: !GetAtt StockDeadLetterQueue.Arn, maxReceiveCount: 3 }
  StockRule:
    Type: AWS::Events::Rule
    Properties:
      Name: !Sub ${AWS::StackName}-stock
      EventBusName: !Ref Bus
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
    "shop-price-drops-dlq": {"topic shop-price-drops", "queue shop-price-drops"},
}


def sources(aws: Aws, names: Names, stack: Stack) -> dict[str, set[str]]:
    """What each dead-letter queue serves."""
    found = dead_letter_queues(aws, stack.resources(), names.bus)
    return {dead.name: {_named(source) for source in dead.sources.values()} for dead in found}


def _named(source: Destination) -> str:
    if not source.name.endswith("price-drops"):
        return source.name
    return f"{'topic' if isinstance(source, Topic) else 'queue'} {source.name}"


def deploy(aws: Aws, stack: Stack, template: str) -> None:
    assert template != TEMPLATE
    Deployment(aws, stack, lambda _: None, Clock()).up(template, may_lose_rows=True)


def test_a_rules_own_is_found_like_a_queues(aws: Aws, names: Names, shop: Stack) -> None:
    assert sources(aws, names, shop) == SHOP


def test_one_more_in_the_template_is_found_and_one_may_serve_several(aws: Aws, names: Names, shop: Stack) -> None:
    deploy(aws, shop, TEMPLATE.replace("\nOutputs:", ANOTHER))
    assert sources(aws, names, shop) == SHOP | {
        "shop-stock-dlq": {"shop-stock"},
        "shop-checkout-basket-dlq": {"shop-order", "shop-stock"},
    }


def test_a_target_that_gets_a_rewritten_event_cannot_be_redriven_to(empty_aws: Aws, names: Names) -> None:
    """Its dead-letter queue holds the event, and the consumer expects something else."""
    stack = Stack(empty_aws.cloudformation, names.stack, Clock())
    target = "        - Id: order-queue\n"
    deploy(empty_aws, stack, TEMPLATE.replace(target, f"{target}          InputPath: $.detail\n"))
    assert sources(empty_aws, names, stack)["shop-checkout-basket-dlq"] == set()


def test_a_queue_that_is_gone_is_doctors_business(aws: Aws, names: Names, shop: Stack) -> None:
    aws.sqs.delete_queue(QueueUrl=aws.sqs.get_queue_url(QueueName=names.order_dlq)["QueueUrl"])
    with pytest.raises(Failed, match="shop-order-dlq is gone: `python -m bootstrap doctor`"):
        sources(aws, names, shop)
