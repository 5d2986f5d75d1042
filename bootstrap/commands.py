"""The commands `plan`, `up`, `status` and `down`. Each returns its exit code."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import front, stacks
from bootstrap.aws import Aws, Say
from bootstrap.clock import Clock
from bootstrap.deploy import Deployment, threatened
from bootstrap.errors import Failed, Misused
from bootstrap.names import FRONT, PLATFORM, Names
from bootstrap.overview import overview
from bootstrap.protection import refuse_protected
from bootstrap.remains import Remains
from bootstrap.stack import SUCCESS, Stack
from bootstrap.templates import ROOT, Template, choose, load, tap

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

Held = Mapping[str, list["StackResourceSummaryTypeDef"]]


@dataclass(frozen=True)
class Context:
    """What every command works with. `out` takes its result, `say` its progress.

    The templates are in `root`. `settings` has the values of their parameters.
    """

    args: Namespace
    aws: Aws
    names: Names
    clock: Clock
    out: Say
    say: Say
    root: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def templates(self) -> list[Template]:
        """All of the shop but the front, the platform first."""
        return load(self.names, self.root, self._settings)

    @property
    def front(self) -> Template:
        return front.template(self.names, self.root, self._settings)

    @property
    def tap(self) -> Template:
        return tap(self.names, self.root)

    @property
    def _settings(self) -> Mapping[str, str]:
        return {**self.settings, "Where": "emulator" if self.aws.emulator else "aws"}

    def stack(self, template: Template) -> Stack:
        return Stack(self.aws.cloudformation, template.stack, self.clock)

    def deployment(self, template: Template) -> Deployment:
        return Deployment(self.aws, template, self.say, self.clock)


def plan(context: Context) -> int:
    stacks.refuse_former(context.aws, context.names)
    chosen, changed = _to_deploy(context), False
    for template in chosen:
        changes = context.deployment(template).plan()
        changed = changed or bool(changes)
        context.out(f"{template.stack}: {_counted(len(changes), 'change') if changes else 'no changes'}")
        for change in changes:
            context.out(f"  {change}")
        if tables := threatened(changes):
            refused = "" if context.aws.emulator else "; `up` refuses without --really-aws"
            context.out(f"rows may be lost: {tables}{refused}")
    if not changed:
        context.out(f"no changes: {_what(context, chosen)} is up to date")
    return 0


def up(context: Context) -> int:
    """The platform first, the front last. Then the rules that exist are compared with the templates."""
    chosen, changed = _to_deploy(context), False
    if context.args.force:
        _delete(context, chosen if context.args.services else [*chosen, context.tap])
    stacks.refuse_former(context.aws, context.names)
    for number, template in enumerate(chosen, 1):
        if template.service not in (PLATFORM, FRONT):
            stacks.require_platform(context.aws, context.names)
        context.say(f"{template.stack} ({number} of {len(chosen)})")
        reached = context.deployment(template).up(may_lose_rows=_may_destroy(context))
        changed = changed or bool(reached)
        context.out(f"{template.stack}: {reached or 'no changes'}")
    _check_rules(context, chosen)
    done = "is deployed" if changed else "is up to date"
    context.out(f"{'' if changed else 'no changes: '}{_what(context, chosen)} {done} at {context.aws.where}")
    return 0


def down(context: Context) -> int:
    """The front first, then the services and the platform."""
    chosen = _chosen(context)
    if not _delete(context, chosen):
        context.out(f"nothing to delete: there is no {_what(context, chosen)} at {context.aws.where}")
    return 0


def status(context: Context) -> int:
    chosen = _chosen(context)
    found = {template.service: context.stack(template).describe() for template in chosen}
    if not any(found.values()):
        raise Failed(f"there is no {_what(context, chosen)} at {context.aws.where}: `up` creates it")
    for template in chosen:
        if described := found[template.service]:
            for line in overview(context.aws, context.stack(template), described):
                context.out(line)
        else:
            context.out(f"{template.stack} does not exist: `up {template.service}` creates it")
        context.out("")
    return 0 if all(each and each["StackStatus"] in SUCCESS for each in found.values()) else 1


def _chosen(context: Context) -> list[Template]:
    """Those of the named services. Without a name all, and the front and the tap if their stacks exist."""
    named = context.args.services
    more = [each for each in (context.front, context.tap) if named or context.stack(each).status()]
    return choose([*context.templates, *more], named)


def _to_deploy(context: Context) -> list[Template]:
    """Those of the named services. Without a name all, and the front if it can be deployed here."""
    named, stack = context.args.services, context.front.stack
    why_not = front.refusal(context.aws, context.settings) if FRONT in named or not named else None
    if why_not and FRONT in named:
        raise Misused(f"{stack} cannot be deployed: {why_not}")
    if why_not and (context.settings.keys() >= {"Protocol"} or context.stack(context.front).status()):
        context.say(f"{stack} is left out: {why_not}")
    return choose([*context.templates, *([] if why_not else [context.front])], named)


def _what(context: Context, chosen: list[Template]) -> str:
    """The whole shop, or the stacks of the services that were named."""
    return ", ".join(t.stack for t in chosen) if context.args.services else context.names.shop


def _check_rules(context: Context, chosen: list[Template]) -> None:
    lost = [fault for each in chosen for fault in stacks.lost_rules(context.aws, context.stack(each), each)]
    if lost:
        raise Failed(
            "events are lost, because CloudFormation cannot see that these are missing:\n  " + "\n  ".join(lost) + "\n"
            "Take the rule out of its template and run `up`, then put it back and run `up` again"
        )


def _delete(context: Context, chosen: list[Template]) -> bool:
    """Whether there was something to delete. Refuses AWS unless --really-aws is given."""
    aws, names = context.aws, context.names
    found = [context.stack(template) for template in reversed(chosen)]
    if not context.args.services and (old := stacks.former(aws, names)):
        found.append(old)
    held = {stack.name: stack.resources() for stack in found if stack.status()}
    if held:
        _refuse_used_platform(context, held)
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


def _delete_one(context: Context, stack: Stack, held: list[StackResourceSummaryTypeDef]) -> None:
    if stack.name == context.names.stack_of(PLATFORM):
        stacks.refuse_used_bus(context.aws, context.names)
    context.say(f"deleting {stack.name} ({_counted(len(held), 'resource')}) at {context.aws.where}")
    stack.delete()
    if context.aws.emulator:
        Remains(context.aws, context.names.bus).clear(held)
    context.out(f"{stack.name} is deleted")


def _refuse_aws(context: Context, held: Held) -> None:
    if _may_destroy(context):
        return
    names = sorted(r.get("PhysicalResourceId", "").rpartition("/")[2] for each in held.values() for r in each)
    raise Misused(
        f"refused: {context.aws.where} is not an emulator. This would delete {', '.join(held)} with all data: "
        f"{', '.join(names)}. Give --really-aws if you mean it"
    )


def _may_destroy(context: Context) -> bool:
    return context.aws.emulator or bool(context.args.really_aws)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
