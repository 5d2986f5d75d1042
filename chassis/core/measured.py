"""The metrics that every service has. docs/metrics.md is made from this list."""

from typing import Final

from chassis.core.metrics import Kind, Metric, Unit

# ── Requests, without those for /health ──
REQUEST_LATENCY: Final = Metric(
    "RequestLatency", Unit.MILLISECONDS, Kind.SPREAD, "From the first hook of a request to the last one."
)
RESPONSES: Final = {
    hundred: Metric(f"Responses{hundred}xx", Unit.COUNT, Kind.SUM, f"Responses with a status of {hundred}00 or more.")
    for hundred in range(1, 6)
}

# ── Calls to AWS, without long polls ──
AWS_LATENCY: Final = Metric(
    "AwsLatency", Unit.MILLISECONDS, Kind.SPREAD, "A call to AWS with its retries, whatever came of it."
)
AWS_RETRIES: Final = Metric("AwsRetries", Unit.COUNT, Kind.SUM, "Second and later attempts of calls to AWS.")
AWS_FAILURES: Final = Metric("AwsFailures", Unit.COUNT, Kind.SUM, "Calls without an answer, or with a status of 5xx.")

# ── Messages ──
LOOPS: Final = Metric("ConsumerLoops", Unit.COUNT, Kind.SUM, "Turns of a consumer's loop, at least one in a minute.")
HANDLED: Final = Metric("MessagesHandled", Unit.COUNT, Kind.SUM, "Messages that were handled.")
RETRIED: Final = Metric("MessagesRetried", Unit.COUNT, Kind.SUM, "Tries that end with a later one: outage or bug.")
HELD_BACK: Final = Metric(
    "MessagesHeldBack", Unit.COUNT, Kind.SUM, "Refused messages that the brake kept in the queue."
)
UNREADABLE: Final = Metric(
    "DeadLettersUnreadable", Unit.COUNT, Kind.SUM, "Dead letters that are not what their event promises."
)
CONFLICTING: Final = Metric(
    "DeadLettersConflicting", Unit.COUNT, Kind.SUM, "Dead letters that contradict what is stored."
)
OUT_OF_RANGE: Final = Metric(
    "DeadLettersOutOfRange", Unit.COUNT, Kind.SUM, "Dead letters with a number or date that cannot be stored."
)

# ── The relay ──
OUTBOX_AGE: Final = Metric(
    "OutboxAge", Unit.SECONDS, Kind.HIGHEST, "Age of the oldest event that waits for the relay. 0 if none waits."
)
OUTBOX_BACKLOG: Final = Metric("OutboxBacklog", Unit.COUNT, Kind.HIGHEST, "Events that wait for the relay, 0 if none.")
RELAYED: Final = Metric("EventsRelayed", Unit.COUNT, Kind.SUM, "Events that the relay published.")

METRICS: Final = (
    REQUEST_LATENCY, *RESPONSES.values(), AWS_LATENCY, AWS_RETRIES, AWS_FAILURES, LOOPS, HANDLED, RETRIED, HELD_BACK,
    UNREADABLE, CONFLICTING, OUT_OF_RANGE, OUTBOX_AGE, OUTBOX_BACKLOG, RELAYED,
)  # fmt: skip
