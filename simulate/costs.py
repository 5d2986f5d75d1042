"""What the shop costs on AWS: per million confirmed orders, and idle per month. The page is docs/costs.md."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bootstrap.manifests import processes
from shop.settings import ROOT
from simulate import facts, machine
from simulate.counted import PROVIDER, one_order
from simulate.facts import LATENCY
from simulate.scenarios import KINDS, WEB_BUSY

HOURS = 730  # of a month
MINUTES = HOURS * 60
MILLION = 1_000_000
REQUESTS = 3  # to SQS for one message that comes alone: send, receive and delete; ten at once take 1.2 each
GB_PER_VCPU = 2
FUNCTION_GB = 0.5
SMALL_TASK = 0.25, 0.5  # vCPU and GB
POLLERS = 5  # of a queue with an event source mapping ("Using Lambda with Amazon SQS", AWS Lambda Developer Guide)
POLLS = 3  # a minute, of one poller of an empty queue
SWEEPS = 12  # a minute, of a relay's empty outbox
ORIGINAL_SECONDS, ORIGINAL_GB = 0.1, 0.128  # of each of its two functions; the time is an assumption


class Price(NamedTuple):
    """Dollars for `unit` in us-east-1."""

    name: str
    dollars: float
    unit: str
    source: str


GUIDES = "price guides of March and April 2026"
MEMORY = "from memory, November 2026"
WRITES = Price("DynamoDB writes", 0.625, "million units", "DynamoDB pricing, since November 2024")
READS = Price("DynamoDB reads", 0.125, "million units", "DynamoDB pricing, since November 2024")
EVENTS = Price("EventBridge", 1.00, "million events", GUIDES)
SQS = Price("SQS", 0.40, "million requests", GUIDES)
SNS = Price("SNS", 0.50, "million publishes", MEMORY)
TRANSITIONS = Price("Step Functions", 25.00, "million transitions", GUIDES)
VCPU = Price("Fargate", 0.04048, "vCPU and hour", GUIDES)
MEMORY_HOUR = Price("Fargate, memory", 0.004445, "GB and hour", GUIDES)
ADDRESS = Price("public IPv4 address", 0.005, "hour", GUIDES)
BALANCER = Price("load balancer", 0.0225, "hour, and its capacity units", MEMORY)
INVOCATIONS = Price("Lambda, invocations", 0.20, "million", MEMORY)
FUNCTION = Price("Lambda, time", 16.67, "million GB-seconds", MEMORY)
REST = Price("API Gateway, REST", 3.50, "million requests", MEMORY)
ALARM = Price("alarm", 0.10, "month and metric", MEMORY)
COMPOSITE = Price("composite alarm", 0.50, "month", MEMORY)
PRICES = (
    WRITES, READS, EVENTS, SQS, SNS, TRANSITIONS, VCPU, MEMORY_HOUR, ADDRESS, BALANCER, INVOCATIONS, FUNCTION, REST,
    ALARM, COMPOSITE,
)  # fmt: skip

Costs = dict[str, float]  # dollars by what they are for
BACKEND = ("DynamoDB writes", "DynamoDB reads", "EventBridge", "SQS", "SNS", "Step Functions")


def backend() -> Costs:
    """Of a million orders, whatever runs the code: counted calls and units."""
    work = [*one_order().values()]
    units = {kind: sum((getattr(each, kind) for each in work), Counter[str]()) for kind in ("reads", "writes")}
    for counted in units.values():
        del counted[PROVIDER]
    return {
        WRITES.name: units["writes"].total() * WRITES.dollars,
        READS.name: units["reads"].total() * READS.dollars,
        EVENTS.name: sum(each.events for each in work) * EVENTS.dollars,
        SQS.name: messages() * REQUESTS * SQS.dollars,
        SNS.name: SNS.dollars,
        TRANSITIONS.name: machine.confirmed_way()[0] * TRANSITIONS.dollars,
    }


def messages() -> int:
    return sum(map(len, KINDS.values()))


def processor_seconds() -> float:
    """Of one order, in the web process and in the consumers."""
    handled = [work for kind, work in one_order().items() if kind != "checkout"]
    calls = sum(each.dynamodb + each.step_functions + each.count("PutEvents") for each in handled)
    return facts.measured(facts.CHECKED_OUT) / 1e6 + calls * facts.call_cpu()


def waited_seconds() -> float:
    """That one order waits for AWS, one call after the other."""
    return sum(
        work.dynamodb * LATENCY.dynamodb
        + work.step_functions * LATENCY.step_functions
        + work.count("PutEvents") * LATENCY.events
        for work in one_order().values()
    )


def fargate() -> Costs:
    hours = processor_seconds() * MILLION / 3600 / WEB_BUSY
    return {"compute": hours * (VCPU.dollars + GB_PER_VCPU * MEMORY_HOUR.dollars), **backend()}


def functions() -> Costs:
    """A function is paid while it waits, too. Each message comes alone."""
    seconds = processor_seconds() + waited_seconds()
    invoked = 1 + messages()
    return {"compute": invoked * INVOCATIONS.dollars + seconds * FUNCTION_GB * FUNCTION.dollars, **backend()}


def original() -> Costs:
    """awsrun/aws-microservices: one GetItem, one PutEvents, one DeleteItem, one message and one PutItem."""
    return {
        "entry": REST.dollars,
        "compute": 2 * (INVOCATIONS.dollars + ORIGINAL_SECONDS * ORIGINAL_GB * FUNCTION.dollars),
        WRITES.name: 2 * WRITES.dollars,
        READS.name: 0.5 * READS.dollars,
        EVENTS.name: EVENTS.dollars,
        SQS.name: REQUESTS * SQS.dollars,
    }


def alarms(pattern: str) -> float:
    """Dollars a month for those of the templates. An alarm is billed for each metric that it watches."""
    texts = [path.read_text("utf-8") for path in ROOT.glob(pattern)]
    metrics = sum(len(re.findall(r"^ +(?:Metric: \{.*)?MetricName: ", text, re.MULTILINE)) for text in texts)
    composite = sum(text.count("Type: AWS::CloudWatch::CompositeAlarm\n") for text in texts)
    return metrics * ALARM.dollars + composite * COMPOSITE.dollars


def idle() -> dict[str, Costs]:
    """By variant, for a month without any order. Free requests are not deducted."""
    names = [process.name for process in processes()]
    relays = sum(name.endswith("-relay") for name in names)
    queues = len([process for process in processes() if any(arn.startswith("sqs:") for arn in process.allow)])
    vcpu, memory = SMALL_TASK
    tasks = len(names) + sum(1 for process in processes() if process.serve)  # two of each web process
    task = HOURS * (vcpu * VCPU.dollars + memory * MEMORY_HOUR.dollars + ADDRESS.dollars)
    watched = alarms("services/*/template.yaml")
    polls = POLLS * MINUTES / MILLION * SQS.dollars
    scans = relays * SWEEPS * MINUTES / MILLION * READS.dollars
    return {
        "Fargate": {
            f"{tasks} tasks": tasks * task,
            "load balancer": HOURS * BALANCER.dollars,
            "polls and scans": queues * polls + scans,
            "alarms": watched,
        },
        "Lambda": {
            "polls": queues * POLLERS * polls,
            "relays": relays * MINUTES / MILLION * (INVOCATIONS.dollars + READS.dollars),
            "alarms": watched + alarms("bootstrap/lambdas/*.yaml"),
        },
        "the course's": {"polls": POLLERS * polls},
    }


def section() -> str:
    return "\n".join([*_orders(), "", *_idle(), "", *_prices()])


def _orders() -> Iterator[str]:
    columns = {"Fargate": fargate(), "Lambda": functions(), "the course's": original()}
    yield "| dollars for a million orders | Fargate | Lambda | the course's |"
    yield "|---|---|---|---|"
    for name in ("entry", "compute", *BACKEND):
        yield f"| {name} | {' | '.join(_dollars(costs.get(name, 0.0)) for costs in columns.values())} |"
    yield f"| **sum** | {' | '.join(_dollars(sum(costs.values())) for costs in columns.values())} |"
    saga = columns["Fargate"][TRANSITIONS.name]
    rest = sum(columns["Fargate"].values()) - saga
    yield f"\nStep Functions costs {_dollars(saga)} of this, and everything else {_dollars(rest)} on Fargate."


def _idle() -> Iterator[str]:
    yield "| idle, dollars a month | | sum |"
    yield "|---|---|---|"
    for variant, costs in idle().items():
        parts = ", ".join(f"{name} {_dollars(each)}" for name, each in costs.items())
        yield f"| {variant} | {parts} | {_dollars(sum(costs.values()))} |"


def _prices() -> Iterator[str]:
    yield "| price in us-east-1 | dollars | for a | source |"
    yield "|---|---|---|---|"
    for price in PRICES:
        yield f"| {price.name} | {price.dollars:g} | {price.unit} | {price.source} |"


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}" if amount else ""
