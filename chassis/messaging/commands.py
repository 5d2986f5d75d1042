"""Commands: messages that tell one service to do something. A state machine sends them and waits for the answers."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self, TypeVar

import structlog
from pydantic import AwareDatetime, Field

from chassis import tracing
from chassis.core.events import Detail, EventData
from chassis.core.fields import Model

log = structlog.stdlib.get_logger(__name__)


class Task(Model):
    """The task that waits for the answer ("Wait for a Callback with Task Token", AWS Step Functions)."""

    token: str = Field(min_length=1, max_length=2048)
    entered: AwareDatetime
    timeout_seconds: int = Field(alias="timeout-seconds", ge=1)

    def has_expired(self, now: datetime) -> bool:
        """Whether the state machine has given up. It then ignores any answer."""
        return now > self.entered + timedelta(seconds=self.timeout_seconds)


class Command(EventData):
    """The data of a command, and the task to answer, which stands beside the metadata."""

    task: Task

    @classmethod
    def read(cls, detail: Detail) -> Self:
        return cls.model_validate(detail.data | {"task": detail.task})


class TaskRefused(Exception):
    """The command was understood and has a final outcome, which is no. A state machine catches it by `error`."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class Tasks(Protocol):
    """Answers tasks. `tasks.StepFunctionsTasks` implements it."""

    def succeed(self, token: str, output: Mapping[str, Any]) -> None: ...
    def fail(self, token: str, error: str, cause: str) -> None: ...


C = TypeVar("C", bound=Command)
Handle = Callable[[C], Mapping[str, Any]]


def _now() -> datetime:
    return datetime.now(UTC)


def answering(handle: Handle[C], tasks: Tasks) -> Callable[[C], None]:
    """A consumer's handler that calls `handle` and answers the task with what it returns, or with its TaskRefused.

    The span is that of the state machine's step: it begins when the machine entered the step.

    `handle` must be idempotent: a crash before the answer, or an answer that is lost, delivers the command again.
    """

    def run(command: C) -> None:
        if span := tracing.current():
            span.kind = "step"
            span.began(command.task.entered)
        try:
            output = handle(command)
        except TaskRefused as refusal:
            log.info("command refused", command=command.DETAIL_TYPE, error=refusal.error)
            tasks.fail(command.task.token, refusal.error, refusal.cause)
        else:
            log.info("command done", command=command.DETAIL_TYPE)
            tasks.succeed(command.task.token, output)

    return run


def before_expiry(run: Callable[[C], None], clock: Callable[[], datetime] = _now) -> Callable[[C], None]:
    """Acknowledges a command without effect if its task has expired. Not for a compensation, which must always run."""

    def run_in_time(command: C) -> None:
        if command.task.has_expired(clock()):
            log.warning("command expired", command=command.DETAIL_TYPE, entered=command.task.entered.isoformat())
        else:
            run(command)

    return run_in_time
