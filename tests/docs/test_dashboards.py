"""The dashboards in the templates are those of docs/dashboards.py, and CloudWatch can draw them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode

from bootstrap.manifests import manifests, processes
from docs import dashboards
from shop.metrics.known import known
from tests.environment import ROOT

TEMPLATES = dict(dashboards.templates())
each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)


def page(path: Path) -> tuple[str, Any]:
    """The name of the template's dashboard, and its body as CloudFormation passes it to CloudWatch."""
    template, problems = decode.decode(str(path))
    assert not problems
    [found] = [each for each in template["Resources"].values() if each["Type"] == "AWS::CloudWatch::Dashboard"]
    assert found["Condition"] == "OnAws", "LocalStack does not create it"
    known = {"Shop": "shop", "AWS::Region": "eu-west-1"}
    name, body = (
        re.sub(r"\$\{([^}]+)\}", lambda variable: known[variable[1]], found["Properties"][key]["Fn::Sub"])
        for key in ("DashboardName", "DashboardBody")
    )
    return name, json.loads(body)


@each_template
def test_template_has_its_page(path: Path) -> None:
    """`make docs` updates it."""
    assert dashboards.filled(path.read_text(), TEMPLATES[path]) == path.read_text()
    service = path.parent.name
    assert page(path)[0] == f"shop-{'way-of-an-order' if service == 'bootstrap' else service}"


@each_template
def test_every_line_is_a_metric_of_a_process(path: Path) -> None:
    for widget in page(path)[1]["widgets"]:
        assert widget["properties"]["region"] == "eu-west-1"
        for namespace, metric, shop, name, process, value, _ in widget["properties"]["metrics"]:
            assert (namespace, shop, name, process) == ("Shopwire", "Shop", "shop", "Process")
            assert metric in known()
            assert value in {each.name for each in processes()}


@each_template
def test_no_widget_covers_another(path: Path) -> None:
    covered = [
        (x, y)
        for place in page(path)[1]["widgets"]
        for x in range(place["x"], place["x"] + place["width"])
        for y in range(place["y"], place["y"] + place["height"])
    ]
    assert len(covered) == len({*covered})
    assert max(x for x, _ in covered) < 24


def test_every_service_with_a_stack_has_a_page_with_each_of_its_processes() -> None:
    for manifest in manifests():
        if (ROOT / "services" / manifest.service / "template.yaml") in TEMPLATES:
            lines = [line for widget in dashboards.page_of(manifest) for line in widget.lines]
            assert {line.process for line in lines} == {process.name for process in manifest.process}


def test_picture_in_the_docs_is_drawn_from_the_widgets() -> None:
    assert (ROOT / "docs" / "dashboard.svg").read_text() == dashboards.picture(dashboards.way_of_an_order())
