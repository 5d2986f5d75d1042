"""Answers the tasks of state machines in AWS Step Functions."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from chassis.aws.errors import unavailable
from chassis.core.errors import Unavailable

# The task has ended without this answer, or an earlier attempt has answered it. Emulators differ in which they send.
CLOSED = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
LONGEST_CAUSE = 32_768  # characters ("SendTaskFailure", AWS Step Functions API Reference)

log = structlog.stdlib.get_logger(__name__)


class StepFunctionsTasks:
    """Raises Unavailable if Step Functions does not answer. Then send the same answer again."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        self._answer(self._client.send_task_success, taskToken=token, output=json.dumps(output))

    def fail(self, token: str, error: str, cause: str) -> None:
        self._answer(self._client.send_task_failure, taskToken=token, error=error, cause=cause[:LONGEST_CAUSE])

    def check(self) -> None:
        """Raises Unavailable while Step Functions does not answer. It answers even if it refuses an unknown token."""
        try:
            self._client.send_task_success(taskToken="none", output="{}")
        except BotoCoreError as error:
            raise Unavailable("Step Functions does not answer.") from error
        except ClientError as error:
            response: Any = error.response
            if response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise Unavailable("Step Functions cannot process the request now.") from error

    def _answer(self, send: Any, **answer: str) -> None:
        """A closed task is logged only. It says nothing about what was done, so nothing may follow from it."""
        try:
            with unavailable("Step Functions"):
                send(**answer)
        except ClientError as error:
            if error.response["Error"]["Code"] not in CLOSED:
                raise
            log.warning("task was closed before its answer", code=error.response["Error"]["Code"])
