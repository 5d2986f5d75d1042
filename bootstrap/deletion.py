"""Deletes stacks in the reverse order of their creation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

from bootstrap import stacks
from bootstrap.deployed import refuse_foreign
from bootstrap.engines import ENGINES
from bootstrap.errors import Misused
from bootstrap.lambdas.stacks import BUCKET, empty
from bootstrap.names import PLATFORM
from bootstrap.protection import refuse_protected
from bootstrap.remains import Remains
from bootstrap.stack import created
from bootstrap.templates import RULE

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

    from bootstrap.context import Context
    from bootstrap.stack import Stack
    from bootstrap.templates import Template

    Held = Mapping[str, list[StackResourceSummaryTypeDef]]


def delete(context: Context, chosen: list[Template]) -> bool:
    """Whether there was something to delete. Refuses AWS unless --really-aws is given."""
    aws, names = context.aws, context.names
    found = [context.stack(template) for template in reversed(chosen)]
    for stack in found:
        refuse_foreign(stack, names.shop)
    if context.whole and (old := stacks.former(aws, names)):
        found.append(old)
    held = {stack.name: stack.resources() for stack in found if stack.status()}
    if held:
        _refuse_used_platform(context, held)
        _refuse_used_resources(context, held)
        _refuse_used_network(context, held)
        _refuse_aws(context, held)
        refuse_protected(aws, chain.from_iterable(held.values()), names.shop)
    for stack in found:
        if stack.name in held:
            _delete_one(context, stack, held[stack.name])
    return bool(held)


def _refuse_used_platform(context: Context, held: Held) -> None:
    if context.names.stack_of(PLATFORM) in held:
        kept = [context.stack(template) for template in context.templates if template.stack not in held]
        stacks.refuse_used_platform(context.names, kept)
        # An emulator may have lost track of a rule of ours. `Remains` deletes that one.
        if not context.aws.emulator:
            stacks.refuse_used_bus(context.aws, context.names, created(chain.from_iterable(held.values()), RULE))


def _refuse_used_resources(context: Context, held: Held) -> None:
    """Containers would go on without their tables and queues, and the event source mappings of functions would fail."""
    gone = [template.service for template in context.templates if template.stack in held]
    runs = [it for engine in ENGINES.values() for it in context.runs(engine)]
    users = [it for it in runs if it.service.rpartition("-")[0] in gone and it.stack not in held and context.has(it)]
    if users:
        first = context.aws.command(f"down {' '.join(it.service for it in users)}", context.names.shop)
        raise Misused(
            f"refused: {', '.join(it.stack for it in users)} would lose the tables and queues that they use. Delete "
            f"them first: {first}. `up --run` creates them again afterwards"
        )


def _refuse_used_network(context: Context, held: Held) -> None:
    """What the tasks of all services share is deleted after the last of them."""
    for first, *others in map(context.runs, ENGINES.values()):
        kept = [it.stack for it in others if it.stack not in held and context.has(it)]
        if first.stack in held and kept:
            raise Misused(f"refused: {', '.join(kept)} would lose what they need of {first.stack}. Delete them first")


def _delete_one(context: Context, stack: Stack, held: list[StackResourceSummaryTypeDef]) -> None:
    if stack.name == context.names.stack_of(PLATFORM):
        stacks.refuse_used_bus(context.aws, context.names)
    context.say(f"deleting {stack.name} ({counted(len(held), 'resource')}) at {context.aws.where}")
    for bucket in created(held, BUCKET):
        empty(context.aws, bucket)
    stack.delete()
    if context.aws.emulator:
        Remains(context.aws, context.names.bus).clear(held)
    context.out(f"{stack.name} is deleted")


def _refuse_aws(context: Context, held: Held) -> None:
    if may_destroy(context):
        return
    names = sorted(r.get("PhysicalResourceId", "").rpartition("/")[2] for each in held.values() for r in each)
    raise Misused(
        f"refused: {context.aws.where} is not an emulator. This would delete {', '.join(held)} with all data: "
        f"{', '.join(names)}. Give --really-aws if you mean it"
    )


def may_destroy(context: Context) -> bool:
    return context.aws.emulator or bool(context.args.really_aws)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
