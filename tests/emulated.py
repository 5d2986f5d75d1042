"""What the tests look at AWS with: LocalStack's own client, which reaches an emulator and nothing else."""

import os
from typing import Any

from localstack_client.session import Session


def client(service: str) -> Any:
    return _session().client(service)


def resource(service: str) -> Any:
    return _session().resource(service)


def table(name: str) -> Any:
    return resource("dynamodb").Table(name)


def _session() -> Session:
    """Of the test's own account, on the endpoint of its environment."""
    return Session(
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=None,
        region_name=os.environ["AWS_DEFAULT_REGION"],
    )
