"""What the model takes from AWS's pages and from measurements. Other numbers come from code and templates."""

import json
import statistics
from functools import cache
from typing import NamedTuple

from shop.settings import ROOT

READ = "November 2026"  # when the pages were read, from stored copies, which may be older


class Quota(NamedTuple):
    """A token bucket in us-east-1: `rate` a second, and `burst` at once. Accounts can have others."""

    name: str
    rate: float
    burst: float
    page: str


EVENTBRIDGE = "Amazon EventBridge quotas"
STEP_FUNCTIONS = "Step Functions service quotas"
WARM = "Understanding DynamoDB warm throughput in different scenarios"
DYNAMODB = "Quotas in Amazon DynamoDB"

PUT_EVENTS = Quota("`PutEvents`", 10_000, 10_000, EVENTBRIDGE)
INVOCATIONS = Quota("invocations of targets", 18_750, 18_750, EVENTBRIDGE)
START_EXECUTION = Quota("`StartExecution`", 300, 1_300, STEP_FUNCTIONS)
SEND_TASK_SUCCESS = Quota("`SendTaskSuccess`", 500, 3_000, STEP_FUNCTIONS)
DESCRIBE_EXECUTION = Quota("`DescribeExecution`", 15, 300, STEP_FUNCTIONS)
TRANSITIONS = Quota("state transitions", 5_000, 5_000, STEP_FUNCTIONS)
NEW_TABLE = Quota("write units of a new table", 4_000, 4_000, WARM)
TABLE = Quota("write units of a table", 40_000, 40_000, DYNAMODB)
PARTITION_WRITES = Quota("write units of one key", 1_000, 1_000, WARM)
PARTITION_READS = Quota("read units of one key", 3_000, 3_000, WARM)


class Latency(NamedTuple):
    """Seconds that a call takes, and that a message needs from its publisher to its queue.

    Assumptions in the range of what users of AWS publish, except `canned`, the delay of `make bench`.
    """

    dynamodb: float = 0.005
    events: float = 0.030
    sqs: float = 0.010
    step_functions: float = 0.030
    delivery: float = 0.150  # the median from PutEvents to the queue
    spread: float = 0.4  # of its logarithm, so that one delivery in a hundred takes 0.38 s
    transition: float = 0.050  # from one state to the command of the next

    @classmethod
    def canned(cls, seconds: float) -> "Latency":
        return cls(seconds, seconds, seconds, seconds, 0.0, 0.0, 0.0)


LATENCY = Latency()


@cache
def measured(scenario: str, column: str = "cpu") -> float:
    """Shopwire's median in docs/performance.json: microseconds of processor time for each, or `rate` a second."""
    results = json.loads((ROOT / "docs" / "performance.json").read_text(encoding="utf-8"))
    rounds: list[dict[str, float]] = results["scenarios"][scenario]["Shopwire"]["rounds"]
    return statistics.median(each[column] for each in rounds)


@cache
def canned_delay() -> float:
    """Seconds that each call to AWS took in `make bench`."""
    plan = json.loads((ROOT / "docs" / "performance.json").read_text(encoding="utf-8"))["plan"]
    return float(plan.rpartition("each AWS call ")[2].removesuffix(" ms")) / 1000


RELAYED = "Relay an outbox"
CONSUMED = "Consume the order queue"
CHECKED_OUT = "Checkout"


@cache
def relay_cpu() -> float:
    """Seconds for one event."""
    return measured(RELAYED) / 1e6


@cache
def call_cpu() -> float:
    """Seconds for one AWS call of a consumer, with its share of everything else. The benchmark's consumer makes two for
    each message, and two for each batch.
    """
    return measured(CONSUMED) / 1e6 / measured(CONSUMED, "calls")
