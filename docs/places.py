"""Fills the places of docs/templates/*.j2, from which the templates of both engines are made.

`@{…}` is a value, and `{% … %}` a part that not every service has.
"""

import re
from collections.abc import Iterable

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bootstrap.manifests import Process
from shop.settings import ROOT

FOLDER = ROOT / "docs" / "templates"


def filled(template: str, **values: object) -> str:
    """The text of a template. Raises UndefinedError for a place without a value."""
    templates = Environment(  # noqa: S701 the text is YAML
        loader=FileSystemLoader(FOLDER),
        variable_start_string="@{",
        variable_end_string="}",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    return templates.get_template(template).render(
        values | {"id_of": id_of, "queue_of": queue_of, "qualified": qualified, "arn": arn}
    )


def id_of(process: Process) -> str:
    """With which its logical ids begin."""
    return process.name.title().replace("-", "")


def queue_of(process: Process) -> str | None:
    """The queue that it consumes, as its manifest names it."""
    return next((resource for resource, actions in process.allow.items() if "ReceiveMessage" in actions), None)


def qualified(resource: str, actions: Iterable[str]) -> list[str]:
    """The actions of a manifest with their service, as in `dynamodb:PutItem`."""
    service = resource.partition(":")[0]
    return [f"{service}:{action}" for action in actions]


def arn(resource: str) -> str:
    """What follows the partition in the ARN of a manifest's `dynamodb:table/product`."""
    own = r"\1:${AWS::Region}:${AWS::AccountId}:\2${Shop}-\3"
    return re.sub(r"^(\w+):(table/|event-bus/|stateMachine:|execution:|)(.+)$", own, resource)
