"""The `dlq` commands: what lies in the dead-letter queues, why, and how it gets out again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bootstrap import stacks
from bootstrap.commands import Context
from bootstrap.deadletters import DeadLetterQueue, dead_letter_queues
from bootstrap.errors import Failed, Misused
from bootstrap.hand import BATCH, EVERYTHING, Hand, Selection, in_hand
from bootstrap.letter import Letter, ago
from bootstrap.redrive import Redrive

_NAMED_IN_ERRORS = 10


def list_queues(context: Context) -> int:
    queues, alarm = _queues(context), _alarms(context)
    context.out(f"{context.names.shop} at {context.aws.where}")
    rows = [(q.name, _depth(q), _oldest(context, q), alarm(q), f"redrive → {_goal(q)}") for q in queues]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        context.out("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def show(context: Context) -> int:
    selection, seen = Selection(context.args.message), list[str]()
    for queue in _chosen(context):
        with in_hand(context.aws.sqs, queue.url) as hand:
            most = _most(selection, queue, context.args.limit)
            letters = [letter for batch in hand.search(selection, most) for letter in batch]
        seen += hand.seen
        if letters or not selection.named:
            context.out(f"{queue.name}: {_shown(len(letters), queue)}")
        for letter in letters:
            _show(context, letter)
    _complain(selection, seen, context)
    return 0


def redrive(context: Context) -> int:
    """Refuses no endpoint, as it is meant for AWS; but says where it is."""
    selection, seen, healthy = Selection(context.args.message), list[str](), True
    budget = context.args.limit or EVERYTHING
    context.say(f"redriving at {context.aws.where}")
    for queue in _chosen(context):
        work = Redrive(context.aws, queue, context.say)
        with in_hand(context.aws.sqs, queue.url) as hand:
            work.run(hand, selection, _most(selection, queue, budget))
        seen += hand.seen
        budget -= work.count
        healthy = _report(context, queue, work, quiet=selection.named) and healthy
    _complain(selection, seen, context)
    return 0 if healthy else 1


def drop(context: Context) -> int:
    """Prints each message before it deletes it, so `> file` keeps it. Refuses AWS, unless told that it is meant."""
    asked = context.args.message
    if not (context.aws.emulator or context.args.really_aws):
        refused = f"refused: {context.aws.where} is not an emulator. This would delete {', '.join(asked)} for good"
        raise Misused(f"{refused}. Give --really-aws if you mean it")
    selection, seen, stuck = Selection(asked), list[str](), list[Letter]()
    for queue in _chosen(context):
        with in_hand(context.aws.sqs, queue.url) as hand:
            for letters in hand.search(selection):
                stuck += _drop(context, hand, letters)
        seen += hand.seen
    for letter in stuck:
        context.say(f"not deleted: {letter.id}, SQS would not; try again")
    _complain(selection, seen, context)
    return 1 if stuck else 0


def _drop(context: Context, hand: Hand, letters: list[Letter]) -> list[Letter]:
    for letter in letters:
        context.out(letter.copy())
    return hand.delete(letters)


def _queues(context: Context) -> list[DeadLetterQueue]:
    names = context.names
    resources = stacks.resources(context.aws, names, context.root)
    if not resources:
        raise Failed(f"there is no {names.shop} at {context.aws.where}: `up` makes it")
    found = dead_letter_queues(context.aws, resources, names.bus)
    if not found:
        raise Failed(f"{names.shop} has no dead-letter queue: `doctor` says what is missing")
    return sorted(found, key=lambda queue: queue.name)


def _chosen(context: Context) -> list[DeadLetterQueue]:
    wanted, queues = context.args.queue, _queues(context)
    if wanted is None:
        return queues
    chosen = [q for q in queues if q.name in (wanted, f"{context.names.shop}-{wanted}")]
    if not chosen:
        there = ", ".join(q.name for q in queues)
        raise Misused(f"{context.names.shop} has no dead-letter queue {wanted!r}; it has {there}")
    return chosen


def _most(selection: Selection, queue: DeadLetterQueue, limit: int) -> int:
    """How many to look at: as many as there were at first, so that those that come back make no endless loop."""
    return EVERYTHING if selection.named else min(queue.waiting, limit)


def _alarms(context: Context) -> Callable[[DeadLetterQueue], str]:
    resources = stacks.resources(context.aws, context.names, context.root)
    names = [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == "AWS::CloudWatch::Alarm"]
    found = context.aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
    states = {d["Value"]: f"alarm {alarm.get('StateValue')}" for alarm in found for d in alarm.get("Dimensions", [])}
    return lambda queue: states.get(queue.name, "no alarm")


def _depth(queue: DeadLetterQueue) -> str:
    hidden = f", {queue.in_hand} in hand" if queue.in_hand else ""
    return (_counted(queue.waiting) if queue.waiting else "empty") + hidden


def _oldest(context: Context, queue: DeadLetterQueue) -> str:
    """SQS tells no age, so ten messages are looked at: where there are more, one may be older."""
    if not queue.waiting:
        return ""
    with in_hand(context.aws.sqs, queue.url) as hand:
        most = min(queue.waiting, BATCH)
        sent = [letter.sent for batch in hand.search(Selection(), most) for letter in batch]
    age = f"oldest {ago((datetime.now(UTC) - min(sent)).total_seconds())}" if sent else ""
    return f"{age} or more" if len(sent) < queue.waiting else age


def _goal(queue: DeadLetterQueue) -> str:
    names = sorted(source.name for source in queue.sources.values())
    return " or ".join(names) or "nowhere: this stack does not have it"


def _show(context: Context, letter: Letter) -> None:
    context.out(f"\n  {letter.id}")
    for label, text in letter.rows(datetime.now(UTC)):
        context.out(f"    {label:<12} {text}")
    if context.args.body:
        context.out(letter.body)


def _shown(count: int, queue: DeadLetterQueue) -> str:
    if count < queue.waiting:
        return f"{count} of {_counted(queue.waiting)} (--limit shows more)"
    return _counted(count) if count else _depth(queue)


def _report(context: Context, queue: DeadLetterQueue, work: Redrive, *, quiet: bool) -> bool:
    """Whether all went well; `quiet` says nothing of a queue where nothing was to be done."""
    name = queue.name
    for goal, count in work.moved.items():
        context.out(f"{name}: {_counted(count)} back to {goal}")
    for why in work.kept:
        context.out(f"{name}: kept {why}")
    for identity in work.doubled:
        context.out(f"{name}: {identity} went back and is still here: harmless, redrive or drop it again")
    if not (work.moved or work.kept or quiet):
        context.out(f"{name}: {_depth(queue)}, nothing put back")
    return not (work.kept or work.doubled)


def _complain(selection: Selection, seen: list[str], context: Context) -> None:
    if not selection.missing:
        return
    asked, where = ", ".join(sorted(selection.missing)), context.args.queue or "any dead-letter queue"
    more = f" and {len(seen) - _NAMED_IN_ERRORS} more" if len(seen) > _NAMED_IN_ERRORS else ""
    there = f"there are {', '.join(seen[:_NAMED_IN_ERRORS])}{more}" if seen else "nothing waits there"
    raise Failed(f"no message {asked} in {where}; {there}")


def _counted(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"
