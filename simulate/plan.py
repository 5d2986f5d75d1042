"""What a simulation is asked: how many checkouts, with how many tasks, quotas and outages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulate.facts import LATENCY, Latency, Quota
from simulate.world import Period


@dataclass(frozen=True)
class Plan:
    """A scenario. Outages are by what is out: "bus", "step functions", or the storage behind a queue, by its name."""

    rate: float  # checkouts a second
    seconds: float  # in which there are checkouts
    tasks: Mapping[str, int] = field(default_factory=dict)  # by queue; one where none is named
    latency: Latency = LATENCY
    quotas: tuple[Quota, ...] = ()  # those that are not named are never reached
    outages: Mapping[str, tuple[Period, ...]] = field(default_factory=dict)
