"""Examines a shop: the endpoint, every stack, every resource, and then the way of events to their consumers."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.manifests import Process
from bootstrap.names import Names
from bootstrap.stack import EMPTY, SUCCESS, Stack
from bootstrap.templates import STATE_MACHINE, Rule, Template
from shop import output
from shop.doctor.delivery import Delivery
from shop.doctor.findings import Finding, bad, good, not_checked
from shop.doctor.resources import Resources
from shop.doctor.routes import Route, direct_routes, routes
from shop.doctor.sent import Sent, by_schedule, by_state_machine


class Doctor:
    def __init__(
        self, aws: Aws, names: Names, templates: Sequence[Template], processes: Sequence[Process], clock: Clock
    ) -> None:
        self._aws = aws
        self._names = names
        self._templates = templates
        self._processes = processes
        self._clock = clock

    def examine(self, patience: float) -> Iterator[Finding]:
        """Findings as they are made. Test messages are sent only if no stack and no resource is at fault."""
        yield good("endpoint", self._aws.where)
        sound = True
        for template in self._templates:
            sound = (yield from self._examine_stack(template)) and sound
        if sound:
            yield from self._examine_delivery(patience)

    def _examine_stack(self, template: Template) -> Generator[Finding, None, bool]:
        """Whether it and its resources are well. It need not be made from this very template."""
        stack = Stack(self._aws.cloudformation, template.stack, self._clock)
        if fault := self._fault(stack, template.service):
            yield fault
            return False
        if _without_comments(stack.template()) != _without_comments(template.text):
            advice = f"{self._command('plan', template.service)} shows the changes, and `up` makes them"
            yield bad("template", f"{stack.name} was made from another one", advice)
        # A change set compares templates, not resources, so a plain `up` would say "no changes".
        advice = f"repair it, or replace the stack with all its data: {self._command('up --force', template.service)}"
        resources, sound = stack.resources(), True
        for finding in Resources(self._aws, self._names.bus, advice).findings(resources):
            yield finding
            sound = sound and finding.ok
        if sound:
            yield good("stack", f"{stack.name} with {len(resources)} resources")
        return sound

    def _fault(self, stack: Stack, service: str) -> Finding | None:
        status, up = stack.status(), self._command("up", service)
        if status is None:
            return bad("stack", f"{stack.name} does not exist", up)
        if status in SUCCESS:
            return None
        if status == EMPTY and stack.holds_nothing():
            return bad("stack", f"{stack.name} was planned, but never created", up)
        if status == EMPTY:
            advice = f"{self._command('up --force', service)} creates it again, without its data"
            return bad("stack", f"the emulator lost track of {stack.name} after a failed update", advice)
        if status.endswith("_IN_PROGRESS"):
            return bad("stack", f"{stack.name} is {status}", "wait until the deployment has ended, then ask again")
        return bad("stack", f"{stack.name} is {status}: its last deployment failed", up)

    def _examine_delivery(self, patience: float) -> Iterator[Finding]:
        rules = [rule for template in self._templates for rule in template.rules()]
        found = list(routes(self._aws, self._names, rules, self._processes))
        found += direct_routes(self._aws, self._names, self._sent(rules), self._processes)
        yield from (not_checked("delivery", text) for text in found if isinstance(text, str))
        delivery = Delivery(self._aws, self._names, self._clock, patience)
        yield from delivery.findings([route for route in found if isinstance(route, Route)])

    def _sent(self, rules: Sequence[Rule]) -> Iterator[Sent]:
        """What reaches queues past the shop's bus."""
        for resource in stacks.resources_of(self._aws, self._templates):
            if resource["ResourceType"] == STATE_MACHINE:
                yield from by_state_machine(self._aws, resource.get("PhysicalResourceId", ""))
        for rule in (rule for rule in rules if not rule.pattern):
            for target in self._aws.events.list_targets_by_rule(Rule=rule.name, EventBusName=rule.bus)["Targets"]:
                yield from by_schedule(rule.name, target)

    def _command(self, command: str, service: str) -> str:
        return output.command(f"stack {command} {service}", aws=not self._aws.emulator)


def _without_comments(template: str) -> list[str]:
    """Its lines without comments: `up` sees no difference in those, so it could not remove one."""
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in template.splitlines())
    return [line for line in lines if line]
