"""Examines a shop from the endpoint down to a checkout that really becomes an order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.findings import Finding, bad, good
from bootstrap.inventory import Inventory
from bootstrap.names import Names
from bootstrap.probe import Probe
from bootstrap.stack import EMPTY, SUCCESS, Stack
from bootstrap.templates import Template


class Doctor:
    """Each step needs the one before it: the first that fails ends the examination."""

    def __init__(self, aws: Aws, names: Names, templates: Sequence[Template], clock: Clock) -> None:
        self._aws = aws
        self._names = names
        self._stacks = [(Stack(aws.cloudformation, template.stack, clock), template) for template in templates]
        self._clock = clock
        self._up = aws.command("up", names.shop)

    def examine(self, *, patience: float, consumer_expected: bool) -> Iterator[Finding]:
        """Findings as they are made, so that a reader sees the slow one coming."""
        yield good("endpoint", self._aws.where)
        for stack, template in self._stacks:
            status = self._check_status(stack)
            yield status
            if not status.ok:
                return
            if _told(stack.template()) != _told(template.text):
                yield bad(
                    "template",
                    f"{stack.name} was made from another one",
                    f"{self._aws.command('plan', self._names.shop)} shows the difference, `up` ends it",
                )
        faults = list(self._check_resources())
        yield from faults
        if all(finding.ok for finding in faults):
            probe = Probe(self._aws, self._names, self._clock, patience)
            yield from probe.run(consumer_expected=consumer_expected)

    def _check_status(self, stack: Stack) -> Finding:
        status = stack.status()
        if status is None:
            return bad("stack", f"{stack.name} is not there", self._up)
        if status in SUCCESS:
            return good("stack", f"{stack.name} is {status}")
        if status == EMPTY:
            return self._check_shell(stack)
        if status.endswith("_IN_PROGRESS"):
            return bad("stack", f"{stack.name} is {status}", "wait for its end, then look again")
        return bad("stack", f"{stack.name} is {status}: its last deployment failed", self._up)

    def _check_shell(self, stack: Stack) -> Finding:
        if stack.holds_nothing():
            return bad("stack", f"{stack.name} was planned, but never made", self._up)
        text = f"the emulator lost track of {stack.name} at a failed update"
        return bad("stack", text, f"{self._up} --force makes it anew, data included")

    def _check_resources(self) -> Iterator[Finding]:
        resources = [resource for stack, _ in self._stacks for resource in stack.resources()]
        faults = Inventory(self._aws, self._names).faults(resources)
        # A change set compares templates, not the world, so a plain `up` would say "no changes".
        advice = f"{self._up} --force makes the stack anew, data included; or mend it by hand"
        yield from (bad("resources", fault, advice) for fault in faults)
        if not faults:
            yield good("resources", f"all {len(resources)} are there")


def _told(template: str) -> list[str]:
    """Its lines without comments: `up` sees no difference in those, so it could not end one."""
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in template.splitlines())
    return [line for line in lines if line]
