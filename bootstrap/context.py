"""What every command works with."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap import front
from bootstrap.aws import Aws, Say
from bootstrap.clock import Clock
from bootstrap.deploy import Deployment
from bootstrap.deployed import belongs_to
from bootstrap.engines import Engine
from bootstrap.names import FRONT, Names
from bootstrap.stack import Stack
from bootstrap.templates import ROOT, Template, load, tap


@dataclass(frozen=True)
class Context:
    """`out` takes the result of a command, `say` its progress.

    The templates are in `root`. `settings` has the values of their parameters. `engine` is that of `--run`, and only
    its templates get `of_run`, which has other values by the same names.
    """

    args: Namespace
    aws: Aws
    names: Names
    clock: Clock
    out: Say
    say: Say
    root: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)
    engine: Engine | None = None
    of_run: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the command is for the whole shop."""
        return not self.args.services and not self.engine

    @property
    def templates(self) -> list[Template]:
        """All of the shop but the front, the platform first."""
        return load(self.names, self.root, self._settings)

    @property
    def front(self) -> Template:
        return front.template(self.names, self.root, self._settings)

    def runs(self, engine: Engine) -> list[Template]:
        """The stacks that run the services with this engine, in the order of creation."""
        return engine.templates(self.names, self.root, {**self._settings, **self.of_run})

    def prepared(self, template: Template, coming: Mapping[str, Template]) -> Template:
        """With the values that only its own stack has. Raises Failed or Misused for what `completed` will miss."""
        if self.engine and template.service in [it.service for it in self.runs(self.engine)]:
            return self.engine.prepared(self.aws, template, coming)
        return front.prepared(self.aws, template, coming) if template.service == FRONT else template

    def completed(self, template: Template) -> Template:
        """With the parameters that only earlier stacks have. Raises Failed where one is missing."""
        if self.engine and template.service in [it.service for it in self.runs(self.engine)]:
            return self.engine.completed(self.aws, template)
        return front.completed(self.aws, template) if template.service == FRONT else template

    @property
    def tap(self) -> Template:
        return tap(self.names, self.root)

    @property
    def _settings(self) -> Mapping[str, str]:
        return {**self.settings, "Where": "emulator" if self.aws.emulator else "aws"}

    def stack(self, template: Template) -> Stack:
        return Stack(self.aws.cloudformation, template.stack, self.clock)

    def has(self, template: Template) -> bool:
        """Whether this shop has the stack. Another shop may have one of this name."""
        return belongs_to(self.names.shop, self.stack(template).describe())

    def deployment(self, template: Template) -> Deployment:
        return Deployment(self.aws, template, self.say, self.clock)
