"""Tells an emulator from AWS. Commands that load or delete data check this first."""

from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.credentials import Credentials

from chassis.core.errors import Misconfigured

AWS_DOMAINS = (  # of all partitions; a test compares the list with botocore's
    *("amazonaws.com", "api.aws", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "amazonaws.eu"),
    *("api.amazonwebservices.eu", "ic.gov", "sgov.gov", "api.aws.scloud", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
)
REGION = "us-east-1"  # the default for an emulator, which serves every region
MIN_KEY_LENGTH = 16  # characters of an access key ID ("AccessKey", IAM API Reference); a secret key is longer
PLACEHOLDERS = (
    "The AWS credentials are placeholders for an emulator, but the endpoint is AWS. Set AWS_ENDPOINT_URL to the "
    "emulator's URL, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to real credentials."
)


def is_emulator(client: Any) -> bool:
    """True if the endpoint of `client` responds as LocalStack and MiniStack do.

    It checks the client's own endpoint, because `AWS_ENDPOINT_URL_DYNAMODB` or a profile may override the environment.
    """
    if _is_aws(client):
        return False
    try:
        answer = urllib3.request("GET", f"{client.meta.endpoint_url}/_localstack/health", timeout=5.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200 and b"services" in answer.data


def reject_placeholders(session: Any, client: Any) -> None:
    """Raises Misconfigured if `client` would sign calls to AWS with placeholder credentials such as `test`.

    Credentials of a role or a login come from AWS, so they are neither fetched nor checked here.
    """
    found = session.get_credentials()
    if (
        type(found) is Credentials
        and _is_aws(client)
        and min(len(found.access_key), len(found.secret_key)) < MIN_KEY_LENGTH
    ):
        raise Misconfigured(PLACEHOLDERS)


def _is_aws(client: Any) -> bool:
    return (urlsplit(str(client.meta.endpoint_url)).hostname or "").endswith(AWS_DOMAINS)
