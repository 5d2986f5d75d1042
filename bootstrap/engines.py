"""What runs the services on AWS: each engine is a module with its own templates, chosen by `--run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bootstrap import fargate, lambdas

if TYPE_CHECKING:
    from bootstrap.aws import Aws
    from bootstrap.names import Names
    from bootstrap.templates import Template


class Engine(Protocol):
    """The functions of such a module."""

    def settings(self, env: Mapping[str, str]) -> dict[str, str]:
        """Values of the templates' parameters. Raises Misused for what is missing or cannot be right."""

    def refusal(self, aws: Aws, names: Names) -> str | None:
        """Why it cannot run the services of this shop here, or None."""

    def templates(self, names: Names, root: Path, settings: Mapping[str, str]) -> list[Template]:
        """In the order in which their stacks are created, after those of the services' resources."""

    def prepared(self, aws: Aws, template: Template, coming: Mapping[str, Template]) -> Template:
        """With the values that only its own stack has. Changes nothing.

        Raises Failed or Misused for what `completed` will miss. The stacks `coming` are deployed before it.
        """

    def completed(self, aws: Aws, template: Template) -> Template:
        """With the parameters that only earlier stacks have. Raises Failed where one is missing."""


ENGINES: Mapping[str, Engine] = {"fargate": fargate, "lambda": lambdas}
