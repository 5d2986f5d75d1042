"""AWS clients of the tests. They are LocalStack's, which can only reach an emulator."""

import json
import os
from typing import Any

from localstack_client.session import Session

from chassis.aws.clients import Timeouts

# For tests that count calls: one attempt, with the time that a slow machine may take.
PATIENT = Timeouts(2, 10, 1)


def client(service: str) -> Any:
    return _session().client(service)


def resource(service: str) -> Any:
    return _session().resource(service)


def table(name: str) -> Any:
    return resource("dynamodb").Table(name)


def reads(dynamodb: Any) -> list[tuple[str, bool]]:
    """The reads of a client from now on, and whether they request consistency. Emulators always read consistently."""
    seen: list[tuple[str, bool]] = []

    def note(request: Any, **_: Any) -> None:
        name, params = operation_of(request), json.loads(request.body)
        if name in {"GetItem", "Query", "Scan"}:
            seen.append((name, params.get("ConsistentRead", False)))
        if name == "BatchGetItem":
            seen.append((name, all(keys.get("ConsistentRead") for keys in params["RequestItems"].values())))

    dynamodb.meta.events.register_first("before-send.dynamodb", note)
    return seen


def calls(client: Any) -> list[str]:
    """The operations of the client's calls from now on, with those that are sent again."""
    names: list[str] = []

    def note(request: Any, **_: Any) -> None:
        names.append(operation_of(request))

    client.meta.events.register_first("before-send", note)
    return names


def operation_of(request: Any) -> str:
    target = request.headers["X-Amz-Target"]  # bytes, if botocore prepared the request
    return str(target if isinstance(target, str) else target.decode()).rpartition(".")[2]


def _session() -> Session:
    """A client of the test's account and endpoint."""
    return Session(
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=None,
        region_name=os.environ["AWS_DEFAULT_REGION"],
    )
