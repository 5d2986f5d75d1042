import re

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.names import Names
from bootstrap.overview import overview
from bootstrap.stack import Stack

pytestmark = pytest.mark.integration


def lines(aws: Aws, stack: str = "shop-ordering") -> str:
    ordering = Stack(aws.cloudformation, stack, Clock())
    found = ordering.describe()
    assert found
    return "\n".join(overview(aws, ordering, found))


def test_it_shows_resources_depths_alarms_and_outputs(aws: Aws, names: Names) -> None:
    url = aws.sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    aws.sqs.send_message(QueueUrl=url, MessageBody="order 1")
    shown = lines(aws)
    assert shown.startswith("shop-ordering: CREATE_COMPLETE at http://127.0.0.1:")
    assert "AWS::DynamoDB::Table" in shown
    assert re.search(r"AWS::SNS::Topic +shop-price-drops +CREATE_COMPLETE", lines(aws, "shop-product"))
    assert "shop-order                1 waiting, 0 in flight" in shown
    assert "shop-order-dlq-not-empty" in shown
    assert "OrderTableName           shop-order" in shown
    assert "BusName  shop-bus" in lines(aws, "shop-platform")


def test_a_queue_that_is_gone_does_not_hide_the_rest(aws: Aws, names: Names) -> None:
    aws.sqs.delete_queue(QueueUrl=aws.sqs.get_queue_url(QueueName="shop-order")["QueueUrl"])
    assert "gone: `doctor` says more" in lines(aws)
