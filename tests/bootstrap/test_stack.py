"""What is asked of one stack, beyond what `test_deploy.py` shows."""

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from bootstrap.errors import Failed
from bootstrap.stack import Stack
from tests.bootstrap.fakes import FakeCloudFormation, client_error, quick_clock


def stack(cloudformation: FakeCloudFormation) -> Stack:
    return Stack(cast("Any", cloudformation), "shop", quick_clock())


def test_a_deleted_stack_is_no_stack() -> None:
    assert stack(FakeCloudFormation(status="DELETE_COMPLETE")).describe() is None
    assert stack(FakeCloudFormation()).status() is None


def test_an_error_is_not_taken_for_absence() -> None:
    cloudformation = FakeCloudFormation(errors={"describe_stacks": [client_error("AccessDenied", "not yours")]})
    with pytest.raises(ClientError):
        stack(cloudformation).status()


def test_deleting_nothing_is_no_error() -> None:
    assert stack(FakeCloudFormation()).delete() is None


def test_a_deletion_that_fails_says_what_is_in_the_way() -> None:
    class Stubborn(FakeCloudFormation):
        def delete_stack(self, **asked: str) -> None:
            self.happened(("Bus", "DELETE_FAILED", "a rule is left"), ("", "DELETE_FAILED", ""))

    cloudformation = Stubborn()
    cloudformation.happened(("", "CREATE_COMPLETE", ""))
    with pytest.raises(Failed, match=r"Bus .* a rule is left"):
        stack(cloudformation).delete()


def test_where_no_resource_gives_a_reason_the_stack_itself_may() -> None:
    cloudformation = FakeCloudFormation()
    assert stack(cloudformation).reasons("id", None) == ["no reason was given"]
    cloudformation.happened(("", "CREATE_FAILED", ""))
    assert stack(cloudformation).reasons("id", None) == [
        "shop (AWS::CloudFormation::Stack) CREATE_FAILED: no reason was given"
    ]


def test_resources_are_read_to_the_last_page() -> None:
    assert len(stack(FakeCloudFormation(held=["a", "b", "c", "d", "e"])).resources()) == 5
