"""What concerns all CloudFormation stacks of a shop together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.clock import Clock
from bootstrap.errors import Failed, Misused, unless_gone
from bootstrap.names import PLATFORM
from bootstrap.stack import SUCCESS, Stack
from bootstrap.templates import ROOT, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

    from bootstrap.aws import Aws
    from bootstrap.names import Names
    from bootstrap.templates import Rule, Template


def resources(aws: Aws, names: Names, root: Path = ROOT) -> list[StackResourceSummaryTypeDef]:
    """The resources of all the shop's stacks that exist; none where there is no shop."""
    return resources_of(aws, load(names, root))


def resources_of(aws: Aws, templates: Sequence[Template]) -> list[StackResourceSummaryTypeDef]:
    """Those of the stacks that exist."""
    stacks = [Stack(aws.cloudformation, template.stack, Clock()) for template in templates]
    return [resource for stack in stacks if stack.status() for resource in stack.resources()]


def former(aws: Aws, names: Names) -> Stack | None:
    """The stack of a shop whose resources were all in one stack, as before there was one for each service."""
    stack = Stack(aws.cloudformation, names.shop, Clock())
    if stack.status() is None:
        return None
    return stack if names.bus in [r.get("PhysicalResourceId") for r in stack.resources()] else None


def refuse_former(aws: Aws, names: Names) -> None:
    if former(aws, names):
        raise Failed(
            f"the stack {names.shop} holds a whole shop in the former layout of one stack, and is left as it is with "
            f"its data. Choose another SHOP_NAME, or delete it with its data: {aws.command('down', names.shop)}"
        )


def require_platform(aws: Aws, names: Names) -> None:
    """Without the bus a service's rules would be lost or refused, so it is looked for, and not only its stack."""
    platform = Stack(aws.cloudformation, names.stack_of(PLATFORM), Clock())
    if (status := platform.status()) not in SUCCESS:
        found = f"is {status}" if status else "does not exist"
        raise Failed(f"{platform.name} {found}, and the services need it: {aws.command('up platform', names.shop)}")
    if unless_gone(lambda: aws.events.describe_event_bus(Name=names.bus)) is None:
        raise Failed(
            f"the bus {names.bus} was deleted, although {platform.name} is {status}. Create it again: "
            f"`aws events create-event-bus --name {names.bus}`. Then `up` names the rules that were lost with it"
        )


def refuse_used_platform(names: Names, kept: Sequence[Stack]) -> None:
    """Emulators delete a bus with all its rules, and a later `up` of the services would not notice."""
    if users := [stack.name for stack in kept if stack.status()]:
        raise Misused(
            f"refused: {', '.join(users)} would lose the rules on the bus of {names.stack_of(PLATFORM)}. "
            "`down` without a name deletes all stacks in the right order"
        )


def refuse_used_bus(aws: Aws, names: Names, going: Iterable[str] = ()) -> None:
    """Rules other than those `going`, by their physical ids, belong to a stack that has no template here.

    EventBridge has a rule of its own for an archive, and deletes it with the archive.
    """
    found = unless_gone(lambda: aws.events.list_rules(EventBusName=names.bus))
    known = {identity.rpartition("|")[2] for identity in going}
    rules = [rule["Name"] for rule in found["Rules"] if not rule.get("ManagedBy")] if found else []
    if left := ", ".join(name for name in rules if name not in known):
        raise Failed(f"the bus {names.bus} is still used by rules of other stacks, delete these first: {left}")


def lost_rules(aws: Aws, stack: Stack, template: Template) -> Iterator[str]:
    """Rules and targets that the stack has created and that are gone now. A change set does not see that."""
    made = {resource["LogicalResourceId"] for resource in stack.resources()}
    for rule in template.rules():
        if rule.logical_id in made:
            yield from (f"{fault} (see {template.path})" for fault in _faults(aws, rule))


def _faults(aws: Aws, rule: Rule) -> list[str]:
    if unless_gone(lambda: aws.events.describe_rule(Name=rule.name, EventBusName=rule.bus)) is None:
        return [f"the rule {rule.name} is missing"]
    found = aws.events.list_targets_by_rule(Rule=rule.name, EventBusName=rule.bus)
    there = [target["Id"] for target in found["Targets"]]
    return [f"the rule {rule.name} has lost its target {lost}" for lost in rule.targets if lost not in there]
