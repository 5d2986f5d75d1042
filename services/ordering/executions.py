"""Executions of one state machine in AWS Step Functions."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from chassis.aws.errors import unavailable


class StateMachine:
    """The state machine `name`, in the partition, region and account of the ARN that `neighbour` returns."""

    def __init__(self, client: Any, neighbour: Callable[[], str], name: str) -> None:
        self._client = client
        self._neighbour = neighbour
        self._name = name
        self._known_arn = ""

    @unavailable("Step Functions")
    def start(self, name: str, given: Mapping[str, Any]) -> None:
        """Does nothing if there is or was an execution of this name, even if it failed."""
        try:
            self._client.start_execution(stateMachineArn=self._arn(), name=name, input=json.dumps(given))
        except ClientError as error:
            if _code(error) != "ExecutionAlreadyExists":
                raise

    @unavailable("Step Functions")
    def is_running(self, name: str) -> bool:
        execution = f"{self._arn().replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return bool(self._client.describe_execution(executionArn=execution)["status"] == "RUNNING")
        except ClientError as error:
            if _code(error) != "ExecutionDoesNotExist":
                raise
            return False

    def _arn(self) -> str:
        if not self._known_arn:
            _, partition, _, region, account, _ = self._neighbour().split(":", 5)
            self._known_arn = f"arn:{partition}:states:{region}:{account}:stateMachine:{self._name}"
        return self._known_arn


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
