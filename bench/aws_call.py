"""What one AWS call costs in CPU: `python bench/aws_call.py [ROUNDS] [CALLS]`.

It compares boto3 as it comes, the shop's clients with SHOP_TRANSPORT=boto3, and those with the fast transport. A
process of its own answers every call with the same bytes. Where there are two cores, each process has one. The rounds
of the three take turns, so that a busy machine slows all of them. Ratios of medians say more than microseconds.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).parent.parent))

from chassis.aws.clients import Clients

CANNED = Path(__file__).parent / "canned_aws.py"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
ENTRY = {"Source": "bench", "DetailType": "Bench", "Detail": json.dumps({"data": "x" * 300}), "EventBusName": "bus"}
Call = Callable[[], object]


@contextmanager
def canned_aws() -> Iterator[str]:
    with subprocess.Popen([sys.executable, CANNED], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 it is a pipe
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def arms() -> dict[str, dict[str, Call]]:
    """By name, the calls that are measured, of clients that read the endpoint from the environment."""
    plain = boto3.Session()
    made = {"boto3 as it comes": _calls(plain.resource("dynamodb").meta.client, plain.client("events"))}
    for transport in ("boto3", "fast"):
        clients = Clients({**os.environ, "SHOP_TRANSPORT": transport})
        made[f"SHOP_TRANSPORT={transport}"] = _calls(clients.of("dynamodb"), clients.of("events"))
    return made


def _calls(dynamodb: object, events: object) -> dict[str, Call]:
    read: Callable[..., object] = dynamodb.get_item  # type: ignore[attr-defined] # boto3 makes it at run time
    publish: Callable[..., object] = events.put_events  # type: ignore[attr-defined] # as well
    return {
        "GetItem": lambda: read(TableName="product", Key={"id": "1"}, ConsistentRead=True),
        "PutEvents": lambda: publish(Entries=[ENTRY]),
    }


def measure(arms: Mapping[str, dict[str, Call]], rounds: int, calls: int) -> dict[str, dict[str, list[float]]]:
    """Microseconds of this process's CPU for a call, by operation and by arm."""
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds + 1):
        for arm, operations in arms.items():
            for operation, call in operations.items():
                began = time.process_time()
                for _ in range(calls):
                    call()
                if number:  # the first one warms up
                    taken[operation][arm].append((time.process_time() - began) / calls * 1e6)
    return taken


def report(taken: dict[str, dict[str, list[float]]]) -> Iterator[str]:
    for operation, by_arm in taken.items():
        base = statistics.median(next(iter(by_arm.values())))
        for arm, values in by_arm.items():
            middle = statistics.median(values)
            spread = f"[{min(values):.0f}-{max(values):.0f}]"
            yield f"{operation:10}{arm:22}{middle:6.0f} us {spread:12} {middle / base:.2f} of boto3"


def main(rounds: int = 15, calls: int = 100) -> None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[1:])  # what is started now stays there
    with canned_aws() as url:
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:1])
        os.environ |= CREDENTIALS | {"AWS_ENDPOINT_URL": url}
        for line in report(measure(arms(), rounds, calls)):
            print(line)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
