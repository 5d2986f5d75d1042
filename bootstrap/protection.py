"""Tables that DynamoDB refuses to delete. CloudFormation would delete the rest of their stack first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.errors import Misused
from bootstrap.stack import created

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

_TABLE = "AWS::DynamoDB::Table"


def refuse_protected(aws: Aws, held: Iterable[StackResourceSummaryTypeDef], shop: str) -> None:
    """Raises Misused if a table among the resources of the stacks is protected."""
    if protected := [table for table in sorted(created(held, _TABLE)) if _is_protected(aws, table)]:
        raise Misused(
            f"refused: DynamoDB protects {', '.join(protected)} from deletion. If you mean to delete the rows, switch "
            f"the protection off first: SHOP_PROTECT=off {aws.command('up', shop)}"
        )


def _is_protected(aws: Aws, table: str) -> bool:
    """False for a table that somebody has deleted already."""
    try:
        return aws.dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled", False)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
