"""The CloudFormation stacks of one shop: what is in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.clock import Clock
from bootstrap.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

    from bootstrap.aws import Aws
    from bootstrap.names import Names


def resources(aws: Aws, names: Names) -> list[StackResourceSummaryTypeDef]:
    """The resources of all the shop's stacks that exist; none where there is no shop."""
    stacks = [Stack(aws.cloudformation, name, Clock()) for name in names.stacks]
    return [resource for stack in stacks if stack.status() for resource in stack.resources()]
