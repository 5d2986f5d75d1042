"""What an emulator forgets to delete is deleted, what is gone already does no harm."""

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.names import Names
from bootstrap.remains import Remains
from tests.bootstrap.conftest import Shop
from tests.bootstrap.fakes import aws_of, client_error


@pytest.mark.integration
def test_nothing_that_was_listed_survives(aws: Aws, names: Names, shop: Shop) -> None:
    listed = shop.resources()
    Remains(aws, names.bus).clear(listed)
    assert aws.dynamodb.list_tables()["TableNames"] == []
    assert aws.sqs.list_queues().get("QueueUrls", []) == []
    assert (aws.sns.list_topics()["Topics"], aws.sns.list_subscriptions()["Subscriptions"]) == ([], [])
    assert [bus["Name"] for bus in aws.events.list_event_buses()["EventBuses"]] == ["default"]
    assert aws.cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert aws.stepfunctions.list_state_machines()["stateMachines"] == []
    assert [role["RoleName"] for role in aws.iam.list_roles()["Roles"] if role["RoleName"].startswith("shop-")] == []
    assert aws.events.list_rules()["Rules"] == []
    Remains(aws, names.bus).clear(listed)


def test_a_denied_deletion_is_not_hidden() -> None:
    class Denying:
        def delete_table(self, **asked: str) -> None:
            raise client_error("AccessDeniedException")

    table = cast("Any", {"ResourceType": "AWS::DynamoDB::Table", "PhysicalResourceId": "t"})
    with pytest.raises(ClientError):
        Remains(aws_of(Denying()), "bus").clear([table])


def test_what_was_never_made_is_not_deleted() -> None:
    remains = Remains(aws_of(object()), "bus")
    remains.clear([cast("Any", {"ResourceType": "AWS::DynamoDB::Table"})])
