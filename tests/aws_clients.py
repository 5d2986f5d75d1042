"""AWS clients of the tests. They are LocalStack's, which can only reach an emulator."""

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

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in {"GetItem", "Query", "Scan"}:
            seen.append((model.name, params.get("ConsistentRead", False)))
        if model.name == "BatchGetItem":
            seen.append((model.name, all(keys.get("ConsistentRead") for keys in params["RequestItems"].values())))

    dynamodb.meta.events.register("provide-client-params.dynamodb", note)
    return seen


def _session() -> Session:
    """A client of the test's account and endpoint."""
    return Session(
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=None,
        region_name=os.environ["AWS_DEFAULT_REGION"],
    )
