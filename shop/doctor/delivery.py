"""Sends test messages through the shop, and says on which hop one that is not answered stopped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.names import Names
from shop.dlq.dead_letter import DeadLetter
from shop.dlq.receiver import Selection, receiving
from shop.doctor.findings import Finding, bad, good
from shop.doctor.replies import Hop, replies
from shop.doctor.routes import EventType, Route

_SEARCHED = 100  # messages of a dead-letter queue
_LATE = 1.0  # seconds for an answer that comes after all, when the consumer is known to be alive


class Delivery:
    """One run: one test message of each type of event, to be answered by each route within `patience` seconds."""

    def __init__(self, aws: Aws, names: Names, clock: Clock, patience: float) -> None:
        self._aws = aws
        self._bus = names.bus
        self._doctor = aws.sqs.get_queue_url(QueueName=names.doctor_queue)["QueueUrl"]
        self._clock = clock
        self._patience = patience
        self._run = str(uuid.uuid4())
        self._hint = "" if aws.emulator else ". Ask again in a minute: a new rule needs a moment, and SQS counts late"

    def findings(self, routes: Sequence[Route]) -> Iterator[Finding]:
        """One for each answer, then one or two for each route without an answer."""
        expected = {(route.queue, each): route for route in routes for each in route.types}
        for (_, event_type), route in expected.items():
            if not route.rule:
                self._send(route, event_type, self._run)
        for event_type in dict.fromkeys(each for (_, each), route in expected.items() if route.rule):
            if refusal := self._publish(event_type):
                yield bad("bus", f"{self._bus} refused {event_type[1]}: {refusal}", "correct what the error names")
                expected = {hop: route for hop, route in expected.items() if hop[1] != event_type}
        for hop, handled, seconds in self._replies(self._run, set(expected), self._patience):
            yield _answered(expected.pop(hop), hop, seconds, handled=handled)
        first = {route: hop for hop, route in reversed(expected.items())}
        for route, hop in first.items():
            yield from self._trace(route, hop)

    def _publish(self, event_type: EventType) -> str | None:
        source, detail_type = event_type
        detail = json.dumps(_detail(self._run))
        answer = self._aws.events.put_events(
            Entries=[{"EventBusName": self._bus, "Source": source, "DetailType": detail_type, "Detail": detail}]
        )
        # The answer is 200 even if the entry was refused.
        refused = answer["Entries"][0] if answer["FailedEntryCount"] else {}
        return f"{refused.get('ErrorCode')}: {refused.get('ErrorMessage')}" if refused else None

    def _replies(self, run: str, hops: set[Hop], patience: float) -> Iterator[tuple[Hop, bool, float]]:
        return replies(self._aws, self._doctor, run, hops, self._clock, patience)

    def _trace(self, route: Route, hop: Hop) -> Iterator[Finding]:
        """Looks at each place where the message may be."""
        if letter := self._own(route.rule_dead_letters):
            text = f"EventBridge could not send to {route.queue}: {letter.reason()}"
            yield bad("queue", text, "look at the policy and the encryption of the queue")
        elif letter := self._own(route.queue_dead_letters()):
            text = f"{route.consumer} sent the test message to the dead-letter queue: {letter.reason()}"
            yield bad("consumer", text, "is it an older version, which does not know test messages? Deploy it again")
        elif unfinished := self._unfinished(route):
            yield unfinished
        elif not route.rule:
            yield self._unanswered(route)
        else:
            yield from self._bisect(route, hop)

    def _bisect(self, route: Route, hop: Hop) -> Iterator[Finding]:
        """The queue is empty, so a second test message is sent to it directly, past bus and rule."""
        detail_type, run = hop[1][1], f"{self._run}-direct"
        self._send(route, hop[1], run)
        answered = any(True for _ in self._replies(run, {hop}, self._patience))
        unfinished = None if answered else self._unfinished(route)
        if answered and (late := [*self._replies(self._run, {hop}, _LATE)]):
            yield _answered(route, hop, self._patience + late[0][2], handled=late[0][1])
        elif answered or unfinished:
            text = f"{self._bus} accepted {detail_type}, but rule {route.rule} did not bring it to {route.queue}"
            yield bad("rule", text, f"compare the pattern and the target of the rule with its template{self._hint}")
        if unfinished:
            yield unfinished
        elif not answered:
            yield self._unanswered(route)

    def _send(self, route: Route, event_type: EventType, run: str) -> None:
        """Past the bus. A command has no task, because a test message is answered before its data are read."""
        body = {"source": event_type[0], "detail-type": event_type[1], "detail": _detail(run)}
        self._aws.sqs.send_message(QueueUrl=route.url, MessageBody=json.dumps(body))

    def _unanswered(self, route: Route) -> Finding:
        text = f"{route.consumer} received a test message from {route.queue} and did not answer"
        return bad("consumer", text, f"look for `test message not answered` in its log{self._hint}")

    def _unfinished(self, route: Route) -> Finding | None:
        """What SQS counts in the queue, if anything."""
        found = route.attributes()
        waiting = int(found["ApproximateNumberOfMessages"])
        in_flight = int(found["ApproximateNumberOfMessagesNotVisible"])
        if in_flight:
            text = f"no answer came, and messages of {route.queue} are in flight: {in_flight} (waiting: {waiting})"
            advice = f"look at the log of {route.consumer}: it is busy or failing, or was just stopped (then wait 30 s)"
            return bad("consumer", text, advice)
        if waiting:
            text = f"messages wait in {route.queue}, and no process receives them: {waiting}"
            return bad("consumer", text, f"start {route.consumer}: `python -m {route.module}`, then ask doctor again")
        return None

    def _own(self, arn: str | None) -> DeadLetter | None:
        """A test message of this run, deleted from the dead-letter queue. The other messages there stay."""
        if arn is None:
            return None
        url = self._aws.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        with receiving(self._aws.sqs, url) as receiver:
            letters = [letter for batch in receiver.search(Selection(), _SEARCHED) for letter in batch]
            own = [letter for letter in letters if self._run in letter.body]
            receiver.delete(own)
        return own[0] if own else None


def _answered(route: Route, hop: Hop, seconds: float, *, handled: bool) -> Finding:
    queue, (source, detail_type) = hop
    if handled:
        return good("delivery", f"{detail_type}: {route} in {seconds * 1000:.0f} ms")
    text = f"{route.consumer} has no handler for {detail_type} of {source}, which {route.sender} sends to {queue}"
    wrong = "pattern of the rule" if route.rule else "template of the sender"
    return bad("consumer", text, f"deploy a version of it that has one, or correct the {wrong}")


def _detail(run: str) -> dict[str, object]:
    return {"metadata": {"test": run, "correlation-id": f"doctor-{run}"}, "data": {}}
