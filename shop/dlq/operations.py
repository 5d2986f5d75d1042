"""What the commands `shop dlq list|show|redrive|drop` do. Each returns its exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from bootstrap import stacks
from bootstrap.errors import Failed, Misused
from shop.connection import Connection
from shop.dlq.dead_letter import DeadLetter, ago
from shop.dlq.queues import DeadLetterQueue, dead_letter_queues
from shop.dlq.receiver import BATCH, EVERYTHING, Receiver, Selection, receiving
from shop.dlq.redrive import Redrive

_NAMED_IN_ERRORS = 10


def list_queues(shop: Connection) -> int:
    queues, alarm = _queues(shop), _alarms(shop)
    shop.out(f"{shop.names.shop} at {shop.aws.where}")
    rows = [(q.name, _depth(q), _oldest(shop, q), alarm(q), f"redrive → {_destinations(q)}") for q in queues]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        shop.out("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def show(shop: Connection, queue: str | None, ids: Sequence[str], *, limit: int, body: bool) -> int:
    search = _Search(shop, queue, ids)
    for each in search.queues:
        with search.receiving(each) as receiver:
            most = _most(search.selection, each, limit)
            letters = [letter for batch in receiver.search(search.selection, most) for letter in batch]
        if letters or not ids:
            shop.out(f"{each.name}: {_shown(len(letters), each)}")
        for letter in letters:
            _show(shop, letter, body=body)
    search.complain_about_missing()
    return 0


def redrive(shop: Connection, queue: str | None, ids: Sequence[str], limit: int | None) -> int:
    """Works on AWS as on an emulator, and says where it works."""
    search, budget, healthy = _Search(shop, queue, ids), limit or EVERYTHING, True
    shop.say(f"redriving at {shop.aws.where}")
    for each in search.queues:
        work = Redrive(shop.aws, each, shop.say)
        with search.receiving(each) as receiver:
            work.run(receiver, search.selection, _most(search.selection, each, budget))
        budget -= work.count
        healthy = _report(shop, each, work, quiet=bool(ids)) and healthy
    search.complain_about_missing()
    return 0 if healthy else 1


def drop(shop: Connection, queue: str | None, ids: Sequence[str], *, really_aws: bool) -> int:
    """Prints each message before it deletes it, so that `> file` keeps it. Refuses AWS without `really_aws`."""
    if not (shop.aws.emulator or really_aws):
        refused = f"refused: {shop.aws.where} is not an emulator. This would delete {', '.join(ids)} for good"
        raise Misused(f"{refused}. Give --really-aws if you mean it")
    search, stuck = _Search(shop, queue, ids), list[DeadLetter]()
    for each in search.queues:
        with search.receiving(each) as receiver:
            for letters in receiver.search(search.selection):
                stuck += _drop(shop, receiver, letters)
    for letter in stuck:
        shop.say(f"not deleted: {letter.id}, SQS refused; try again")
    search.complain_about_missing()
    return 1 if stuck else 0


class _Search:
    """The queues that a command works on, and which of the messages that it asks for were found."""

    def __init__(self, shop: Connection, queue: str | None, ids: Sequence[str]) -> None:
        self.queues = _chosen(shop, queue)
        self.selection = Selection(ids)
        self._shop = shop
        self._where = queue or "any dead-letter queue"
        self._seen: list[str] = []

    @contextmanager
    def receiving(self, queue: DeadLetterQueue) -> Iterator[Receiver]:
        with receiving(self._shop.aws.sqs, queue.url) as receiver:
            yield receiver
        self._seen += receiver.seen

    def complain_about_missing(self) -> None:
        if self.selection.missing:
            first, rest = self._seen[:_NAMED_IN_ERRORS], self._seen[_NAMED_IN_ERRORS:]
            more = f" and {len(rest)} more" if rest else ""
            there = f"there are {', '.join(first)}{more}" if first else "no message is there"
            raise Failed(f"no message {', '.join(sorted(self.selection.missing))} in {self._where}; {there}")


def _queues(shop: Connection) -> list[DeadLetterQueue]:
    resources = stacks.resources(shop.aws, shop.names)
    if not resources:
        raise Failed(f"there is no shop {shop.names.shop} at {shop.aws.where}: {shop.command('stack up')} creates it")
    found = dead_letter_queues(shop.aws, resources, shop.names.bus)
    if not found:
        raise Failed(f"{shop.names.shop} has no dead-letter queue: {shop.command('doctor')} says what is missing")
    return sorted(found, key=lambda queue: queue.name)


def _chosen(shop: Connection, wanted: str | None) -> list[DeadLetterQueue]:
    queues = _queues(shop)
    chosen = [q for q in queues if wanted in (None, q.name) or q.name == f"{shop.names.shop}-{wanted}"]
    if not chosen:
        there = ", ".join(q.name for q in queues)
        raise Misused(f"{shop.names.shop} has no dead-letter queue {wanted!r}; it has {there}")
    return chosen


def _most(selection: Selection, queue: DeadLetterQueue, limit: int) -> int:
    """How many messages to receive: no more than there were at first, so that messages that come back end it too."""
    return EVERYTHING if selection.has_ids else min(queue.waiting, limit)


def _alarms(shop: Connection) -> Callable[[DeadLetterQueue], str]:
    resources = stacks.resources(shop.aws, shop.names)
    names = [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == "AWS::CloudWatch::Alarm"]
    alarms = shop.aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
    states = {d["Value"]: f"alarm {alarm.get('StateValue')}" for alarm in alarms for d in alarm.get("Dimensions", [])}
    return lambda queue: states.get(queue.name, "no alarm")


def _depth(queue: DeadLetterQueue) -> str:
    in_flight = f", {queue.in_flight} in flight" if queue.in_flight else ""
    return (_counted(queue.waiting) if queue.waiting else "empty") + in_flight


def _oldest(shop: Connection, queue: DeadLetterQueue) -> str:
    """SQS reports no age, so ten messages are received. Where there are more, one of the others may be older."""
    if not queue.waiting:
        return ""
    with receiving(shop.aws.sqs, queue.url) as receiver:
        batches = receiver.search(Selection(), min(queue.waiting, BATCH))
        sent = [letter.sent for batch in batches for letter in batch]
    age = f"oldest {ago((datetime.now(UTC) - min(sent)).total_seconds())}" if sent else ""
    return f"{age} or more" if len(sent) < queue.waiting else age


def _destinations(queue: DeadLetterQueue) -> str:
    names = sorted(source.name for source in queue.sources.values())
    return " or ".join(names) or "nowhere: meant for a mailbox, another shop, or a rule"


def _show(shop: Connection, letter: DeadLetter, *, body: bool) -> None:
    shop.out(f"\n  {letter.id}")
    for label, text in letter.rows(datetime.now(UTC)):
        shop.out(f"    {label:<12} {text}")
    if body:
        shop.out(letter.body)


def _shown(count: int, queue: DeadLetterQueue) -> str:
    if count < queue.waiting:
        return f"{count} of {_counted(queue.waiting)} (--limit shows more)"
    return _counted(count) if count else _depth(queue)


def _report(shop: Connection, queue: DeadLetterQueue, work: Redrive, *, quiet: bool) -> bool:
    """Returns whether everything went well. `quiet` reports nothing of a queue in which nothing was to be done."""
    name = queue.name
    for destination, count in work.moved.items():
        shop.out(f"{name}: {_counted(count)} put back into {destination}")
    for why in work.kept:
        shop.out(f"{name}: kept {why}")
    for identity in work.not_deleted:
        shop.out(f"{name}: {identity} was put back and is still here, which is harmless: redrive or drop it again")
    if not (work.moved or work.kept or quiet):
        shop.out(f"{name}: {_depth(queue)}, nothing put back")
    return not (work.kept or work.not_deleted)


def _drop(shop: Connection, receiver: Receiver, letters: list[DeadLetter]) -> list[DeadLetter]:
    for letter in letters:
        shop.out(letter.to_json())
    return receiver.delete(letters)


def _counted(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"
