"""The metrics that the chassis and the services declare."""

from collections.abc import Mapping
from importlib import import_module

from chassis.core import measured
from chassis.core.metrics import Metric
from shop.settings import ROOT


def known() -> Mapping[str, tuple[Metric, str]]:
    """By name: each metric with the service that has it, or `all`."""
    found = {metric.name: (metric, "all") for metric in measured.METRICS}
    for path in sorted(ROOT.glob("services/*/metrics.py")):
        own = import_module(f"services.{path.parent.name}.metrics")
        found |= {metric.name: (metric, path.parent.name) for metric in own.METRICS}
    return found
