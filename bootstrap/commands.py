"""The commands `plan`, `up`, `status` and `down`. Each returns its exit code."""

from __future__ import annotations

from bootstrap import front, stacks
from bootstrap.checks import checked
from bootstrap.context import Context
from bootstrap.deletion import counted, delete, may_destroy
from bootstrap.deploy import threatened
from bootstrap.deployed import keeping
from bootstrap.engines import ENGINES
from bootstrap.errors import Failed, Misused
from bootstrap.lambdas.stacks import delete_old_code
from bootstrap.names import FRONT, PLATFORM
from bootstrap.overview import overview
from bootstrap.stack import SUCCESS
from bootstrap.templates import Template, choose


def plan(context: Context) -> int:
    stacks.refuse_former(context.aws, context.names)
    chosen = _to_deploy(context)
    changed = [template for template in chosen if _plan_one(context, template)]
    if not changed:
        context.out(f"no changes: {_what(context, chosen)} is up to date")
    return 0


def _plan_one(context: Context, template: Template) -> bool:
    """Whether `up` would change anything. What needs an earlier stack first cannot be planned in detail."""
    try:
        completed = context.completed(template)
    except Failed as error:
        context.out(f"{template.stack}: not planned yet. {error}")
        return True
    changes = context.deployment(completed).plan()
    context.out(f"{template.stack}: {counted(len(changes), 'change') if changes else 'no changes'}")
    for change in changes:
        context.out(f"  {change}")
    if tables := threatened(changes):
        refused = "" if context.aws.emulator else "; `up` refuses without --really-aws"
        context.out(f"rows may be lost: {tables}{refused}")
    return bool(changes)


def up(context: Context) -> int:
    """The platform first, the front last. Then the rules that exist are compared with the templates.

    Settings that stay are read, and all is checked, before --force deletes the stacks.
    """
    chosen, changed = _to_deploy(context), False
    renewed = _to_renew(context, chosen) if context.args.force else []
    chosen = checked(context, chosen, renewed)
    if renewed:
        delete(context, renewed)
    for number, template in enumerate(chosen, 1):
        if template.service not in (PLATFORM, FRONT):
            stacks.require_platform(context.aws, context.names)
        context.say(f"{template.stack} ({number} of {len(chosen)})")
        completed = context.completed(template)
        reached = context.deployment(completed).up(may_lose_rows=may_destroy(context))
        delete_old_code(context.aws, completed)
        changed = changed or bool(reached)
        context.out(f"{template.stack}: {reached or 'no changes'}")
    _check_rules(context, chosen)
    done = "is deployed" if changed else "is up to date"
    context.out(f"{'' if changed else 'no changes: '}{_what(context, chosen)} {done} at {context.aws.where}")
    return 0


def down(context: Context) -> int:
    """The front first, then what runs the services, their resources and the platform."""
    chosen = _chosen(context)
    if not delete(context, chosen):
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
    """Those of the named services. Without a name all that exist, and with --run only what that engine adds."""
    named = context.args.services
    if context.engine:
        others = context.runs(context.engine)
    else:
        others = [*(it for engine in ENGINES.values() for it in context.runs(engine)), context.front, context.tap]
    known = others if named else [it for it in others if context.has(it)]
    return choose(known if context.engine else [*context.templates, *known], named)


def _to_deploy(context: Context) -> list[Template]:
    """Those of the named services, with the settings that stay. Without a name all, and the front where it can be."""
    named, stack = context.args.services, context.front.stack
    if context.engine and (why := context.engine.refusal(context.aws, context.names)):
        raise Misused(f"--run {context.args.engine}: {why}")
    why_not = front.refusal(context.aws, context.settings) if FRONT in named or not named else None
    if why_not and FRONT in named:
        raise Misused(f"{stack} cannot be deployed: {why_not}")
    if why_not and (context.settings.keys() >= {"Protocol"} or context.stack(context.front).status()):
        context.say(f"{stack} is left out: {why_not}")
    runs = context.runs(context.engine) if context.engine else []
    chosen = choose([*context.templates, *runs, *([] if why_not else [context.front])], named)
    return [keeping(context.stack(template), template) for template in chosen]


def _to_renew(context: Context, chosen: list[Template]) -> list[Template]:
    """What `up --force` deletes first: with --run and without a name, as `down`, only what that engine adds."""
    if context.args.services:
        return chosen
    return context.runs(context.engine) if context.engine else [*chosen, context.tap]


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
