import re

import pytest

from bootstrap.aws import Aws
from bootstrap.names import Names
from bootstrap.overview import overview
from bootstrap.stack import Stack

pytestmark = pytest.mark.integration


def lines(aws: Aws, shop: Stack) -> str:
    found = shop.describe()
    assert found
    return "\n".join(overview(aws, shop, found))


def test_it_shows_resources_depths_alarms_and_outputs(aws: Aws, names: Names, shop: Stack) -> None:
    url = aws.sqs.get_queue_url(QueueName=names.order_queue)["QueueUrl"]
    aws.sqs.send_message(QueueUrl=url, MessageBody="order 1")
    shown = lines(aws, shop)
    assert shown.startswith("shop: CREATE_COMPLETE at http://127.0.0.1:")
    assert "AWS::DynamoDB::Table" in shown
    assert re.search(r"AWS::SNS::Topic +shop-price-drops +CREATE_COMPLETE", shown)
    assert "shop-order                1 waiting, 0 in hand" in shown
    assert "shop-order-dlq-not-empty" in shown
    assert "BusName                  shop-bus" in shown


def test_a_queue_that_is_gone_does_not_hide_the_rest(aws: Aws, names: Names, shop: Stack) -> None:
    aws.sqs.delete_queue(QueueUrl=aws.sqs.get_queue_url(QueueName=names.order_queue)["QueueUrl"])
    assert "gone: ask doctor" in lines(aws, shop)
