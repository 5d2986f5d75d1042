"""The AWS clients of one run: which endpoint, which region, whose credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import urllib3
from botocore.config import Config

from bootstrap.clock import Clock
from bootstrap.errors import NO_CREDENTIALS, NO_REGION, Failed, Misused
from chassis.aws.emulator import REGION, is_emulator, reject_placeholders
from chassis.core.errors import Misconfigured

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

Say = Callable[[str], None]

# An emulator makes its first answer of a service slowly, CloudFormation on AWS may throttle.
_CONFIG = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
_BY_PATH = Config(s3={"addressing_style": "path"})  # no name of a bucket resolves at an emulator
_STARTING = (502, 503, 504)


@dataclass(frozen=True)
class Aws:
    """Clients of one account and region, and whether that is an emulator's."""

    cloudformation: CloudFormationClient
    cloudwatch: CloudWatchClient
    dynamodb: DynamoDBClient
    events: EventBridgeClient
    iam: IAMClient
    s3: S3Client
    sns: SNSClient
    sqs: SQSClient
    stepfunctions: SFNClient
    region: str
    emulator: bool

    @property
    def where(self) -> str:
        if self.emulator:
            return f"{self.cloudformation.meta.endpoint_url} (an emulator), region {self.region}"
        return f"{self.cloudformation.meta.endpoint_url} (AWS), region {self.region}"

    def command(self, arguments: str, shop: str) -> str:
        """What to type for this shop here. Without the endpoint of an emulator the command would go to AWS."""
        endpoint = f"AWS_ENDPOINT_URL={self.cloudformation.meta.endpoint_url} AWS_REGION={self.region} "
        return f"{endpoint if self.emulator else ''}SHOP_NAME={shop} python -m bootstrap {arguments}"


def endpoint(env: Mapping[str, str], service: str = "CLOUDFORMATION") -> str | None:
    """The endpoint that the environment names; none, or an empty one, is real AWS."""
    url = env.get(f"AWS_ENDPOINT_URL_{service}") or env.get("AWS_ENDPOINT_URL")
    if url and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
        raise Misused(f"AWS_ENDPOINT_URL is {url!r}, which is not like http://127.0.0.1:4566")
    return url or None


def await_endpoint(url: str, seconds: float, say: Say, clock: Clock) -> None:
    """Returns when anything speaks HTTP at `url`: an emulator takes a while to start."""
    said = False
    for _ in clock.polls(seconds, longest=1.0):
        if _answers(url):
            return
        if seconds and not said:
            said = True
            say(f"waiting up to {seconds:.0f} s for {url} to answer")
    raise Failed(f"{url} does not answer: start the emulator, or correct AWS_ENDPOINT_URL")


def _answers(url: str) -> bool:
    try:
        answer = urllib3.request("GET", f"{url}/_localstack/health", timeout=2.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status not in _STARTING


def emulates(aws: Aws, service: str) -> bool:
    """Whether the emulator has a service, by the name that LocalStack's health report uses."""
    url = str(aws.cloudformation.meta.endpoint_url)
    try:
        health = urllib3.request("GET", f"{url}/_localstack/health", timeout=10.0, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise Failed(f"{url} does not answer: {' '.join(str(error).split())}") from error
    return bool(health.json()["services"].get(service, "disabled") != "disabled")


def connect(env: Mapping[str, str], say: Say, emulated: Callable[[Any], bool] = is_emulator) -> Aws:
    """The clients for `env`; an emulator needs credentials too, so it gets made-up ones."""
    session = _fake_session(env)
    if not (endpoint(env) and emulated(_client(session, env, "cloudformation"))):
        return _assemble(real_session(env), env, emulator=False)
    if not env.get("AWS_ACCESS_KEY_ID"):
        say(f"{endpoint(env)} is an emulator: made-up credentials will do")
    return _assemble(session, env, emulator=True)


def _fake_session(env: Mapping[str, str]) -> boto3.Session:
    # A profile is for AWS: an emulator gets no real identity, not even a wrong name for one.
    blind = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session(
        aws_access_key_id=env.get("AWS_ACCESS_KEY_ID") or "test",
        aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY") or "test",
        region_name=_region(env) or REGION,
        botocore_session=blind,
    )


def real_session(env: Mapping[str, str]) -> boto3.Session:
    session = boto3.Session(
        aws_access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
        aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY") or None,
        aws_session_token=env.get("AWS_SESSION_TOKEN") or None,
        region_name=_region(env),
    )
    if not session.region_name:
        raise Misused(NO_REGION)
    if session.get_credentials() is None:
        raise Misused(NO_CREDENTIALS)
    try:
        reject_placeholders(session, _client(session, env, "cloudformation"))
    except Misconfigured as error:
        raise Misused(str(error)) from error
    return session


def _region(env: Mapping[str, str]) -> str | None:
    # boto3 itself reads only the second, every other AWS tool the first as well.
    return env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None


def _assemble(session: boto3.Session, env: Mapping[str, str], *, emulator: bool) -> Aws:
    return Aws(
        cloudformation=_client(session, env, "cloudformation"),
        cloudwatch=_client(session, env, "cloudwatch"),
        dynamodb=_client(session, env, "dynamodb"),
        events=_client(session, env, "events", "EVENTBRIDGE"),
        iam=_client(session, env, "iam"),
        s3=_client(session, env, "s3", config=_CONFIG.merge(_BY_PATH) if emulator else _CONFIG),
        sns=_client(session, env, "sns"),
        sqs=_client(session, env, "sqs"),
        stepfunctions=_client(session, env, "stepfunctions", "SFN"),
        region=session.region_name or "",
        emulator=emulator,
    )


def _client(
    session: boto3.Session, env: Mapping[str, str], service: str, variable: str | None = None, config: Config = _CONFIG
) -> Any:
    url = endpoint(env, variable or service.upper())
    return session.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload] # a variable
