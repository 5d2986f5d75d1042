"""Why CloudFormation could not deploy a stack, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.aws import Aws
    from bootstrap.templates import Template

# CloudFormation reports the error code of SQS or only the sentence.
_TOO_SOON = ("QueueDeletedRecently", "60 seconds after deleting a queue")
_REMEDIES = {  # by what CloudFormation says
    "custom-named resource requires replacing": "Nothing was changed, and the rows are kept. The change needs a new "
    "table with the same name. Save the rows. Then delete the stack with its data and create it again: ",
    "Stage already exists": "LocalStack cannot change the routes of a stage. Create the stack again: ",
}


class TooSoon(Failed):
    """A queue with the same name was deleted less than a minute before."""


def failure(aws: Aws, template: Template, status: str, reasons: Sequence[str]) -> Failed:
    """The error to raise for a deployment that ended with the status."""
    why = "\n  ".join(reasons)
    kind = TooSoon if any(sign in why for sign in _TOO_SOON) else Failed
    if remedy := next((it for sign, it in _REMEDIES.items() if sign in why), None):
        why += f"\n{remedy}{aws.command(f'up {template.service} --force', template.names.shop)}"
    return kind(f"{template.stack} was not deployed ({status}):\n  {why}")
