"""The commands, one function each: they take what was asked for and return the exit code."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.aws import Aws, Say
from bootstrap.clock import Clock
from bootstrap.deploy import Deployment, threatened
from bootstrap.doctor import Doctor
from bootstrap.errors import Failed, Misused
from bootstrap.names import Names
from bootstrap.overview import overview
from bootstrap.remains import Remains
from bootstrap.stack import SUCCESS, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef


@dataclass(frozen=True)
class Context:
    """What every command works with; `out` is its answer, `say` is for whoever watches."""

    args: Namespace
    aws: Aws
    names: Names
    clock: Clock
    out: Say
    say: Say

    @property
    def stack(self) -> Stack:
        return Stack(self.aws.cloudformation, self.names.stack, self.clock)

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.aws, self.stack, self.say, self.clock)

    def template(self) -> str:
        path = Path(self.args.template)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misused(f"cannot read the template {path}: {error}") from error


def plan(context: Context) -> int:
    changes = context.deployment.plan(context.template())
    for change in changes:
        context.out(f"  {change}")
    context.out(_counted(len(changes), "change") if changes else f"no changes: {context.names.stack} is up to date")
    if tables := threatened(changes):
        context.out(
            f"rows may be lost: {tables}{'' if context.aws.emulator else '; `up` refuses without --really-aws'}"
        )
    return 0


def up(context: Context) -> int:
    template = context.template()
    if context.args.force:
        _delete(context)
    reached = context.deployment.up(template, may_lose_rows=_may_destroy(context))
    name = context.names.stack
    context.out(f"{name}: {reached} at {context.aws.where}" if reached else f"no changes: {name} is up to date")
    return 0


def down(context: Context) -> int:
    if not _delete(context):
        context.out(f"nothing to delete: there is no {context.names.stack} at {context.aws.where}")
    return 0


def status(context: Context) -> int:
    found = context.stack.describe()
    if found is None:
        missing = f"there is no {context.names.stack} at {context.aws.where}"
        raise Failed(f"{missing}: `up` makes it")
    for line in overview(context.aws, context.stack, found):
        context.out(line)
    return 0 if found["StackStatus"] in SUCCESS else 1


def doctor(context: Context) -> int:
    healthy = True
    args = context.args
    examined = Doctor(context.aws, context.names, context.stack, context.clock).examine(
        context.template(), patience=args.wait, consumer_expected=not args.no_consumer
    )
    for finding in examined:
        context.out(str(finding))
        healthy = healthy and finding.ok
    return 0 if healthy else 1


def _delete(context: Context) -> bool:
    """Whether there was something to delete. Refuses AWS, unless told that AWS is meant."""
    stack, aws = context.stack, context.aws
    if stack.describe() is None:
        return False
    held = stack.resources()
    _check_refusal(context, held)
    context.say(f"deleting {stack.name} ({_counted(len(held), 'resource')}) at {aws.where}")
    stack.delete()
    if aws.emulator:
        Remains(aws, context.names.bus).clear(held)
    context.out(f"{stack.name} is deleted")
    return True


def _check_refusal(context: Context, held: list[StackResourceSummaryTypeDef]) -> None:
    if _may_destroy(context):
        return
    names = sorted(r.get("PhysicalResourceId", "").rpartition("/")[2] for r in held)
    raise Misused(
        f"refused: {context.aws.where} is not an emulator. This would delete {context.names.stack} "
        f"with all its data: {', '.join(names)}. Give --really-aws if you mean it"
    )


def _may_destroy(context: Context) -> bool:
    return context.aws.emulator or bool(context.args.really_aws)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
