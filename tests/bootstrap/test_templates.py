"""Templates are found, read and measured. `test_resources.py` says what must be in them."""

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.errors import Misused
from bootstrap.names import Names
from bootstrap.templates import LARGEST, Rule, Template, load

TEXT = """\
Resources:
  Mail:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${Shop}-mail", Tags: !If [OnAws, [a], [b]] }
  Tick:
    Type: AWS::Events::Rule
    Properties: { Name: !Sub "${Shop}-tick", EventPattern: { source: [mail] }, Targets: [{ Id: mail, Arn: x }] }
  Nameless:
    Type: AWS::SQS::QueuePolicy
"""


def template(tmp_path: Path, text: str) -> Template:
    (tmp_path / "template.yaml").write_text(text)
    return Template(Names("mine"), "mail", tmp_path / "template.yaml")


def test_a_new_service_needs_only_its_template(tmp_path: Path) -> None:
    for service in ("stock", "mail"):
        (tmp_path / "services" / service).mkdir(parents=True)
        (tmp_path / "services" / service / "template.yaml").touch()
    assert [each.stack for each in load(Names("mine"), tmp_path)] == ["mine-platform", "mine-mail", "mine-stock"]


def test_names_and_rules_are_read_without_an_account(tmp_path: Path) -> None:
    read = template(tmp_path, TEXT)
    assert read.physical_names() == {
        "Mail": ("AWS::SQS::Queue", "mine-mail"),
        "Tick": ("AWS::Events::Rule", "mine-tick"),
    }
    assert read.rules() == [Rule("Tick", "mine-tick", "default", ("mail",), {"source": ["mail"]})]


def test_a_template_gets_the_settings_that_it_declares(tmp_path: Path) -> None:
    text = f"Parameters: {{ Shop: {{}}, Mailbox: {{}}, Other: {{}} }}\n{TEXT}"
    given = {"Mailbox": "ann@example.com", "Unknown": "x"}
    assert replace(template(tmp_path, text), settings=given).parameters() == {
        "Shop": "mine",
        "Mailbox": "ann@example.com",
    }
    assert replace(template(tmp_path, TEXT), settings=given).parameters() == {"Shop": "mine"}


@pytest.mark.parametrize("text", ["a: [", "nothing", "", "Other: {}"])
def test_what_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misused, match="is not a CloudFormation template"):
        template(tmp_path, text).physical_names()


def test_a_template_that_cloudformation_would_not_take_is_refused_with_its_size(tmp_path: Path) -> None:
    assert len(template(tmp_path, "#" * LARGEST).text) == 51_200
    with pytest.raises(Misused, match="has 51,201 bytes, but CloudFormation takes at most 51,200"):
        _ = template(tmp_path, "#" * LARGEST + "x").text


def test_a_template_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="cannot read the template"):
        _ = load(Names("mine"), tmp_path)[0].text
