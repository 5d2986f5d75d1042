"""Whether a client talks to an emulator on this machine or to AWS: asked before data is loaded or destroyed."""

from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.credentials import Credentials

from chassis.core.errors import Misconfigured

AWS_DOMAINS = (  # of all partitions; a test compares them with botocore's
    *("amazonaws.com", "api.aws", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "amazonaws.eu"),
    *("api.amazonwebservices.eu", "ic.gov", "sgov.gov", "api.aws.scloud", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
)
REGION = "us-east-1"  # where nobody names one: an emulator is in every region
SHORTEST = 16  # characters of an access key, by the IAM API Reference ("AccessKey"); a secret has more
MADE_UP = (
    "These AWS credentials are made up, as for an emulator, and are not sent to AWS: set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY to real ones, or AWS_ENDPOINT_URL to the emulator."
)


def is_emulator(client: Any) -> bool:
    """True only if the endpoint that `client` really uses answers as LocalStack and MiniStack do.

    The client's own endpoint counts, not the environment: `AWS_ENDPOINT_URL_DYNAMODB` or a profile may differ.
    """
    if _is_aws(client):
        return False
    try:
        answer = urllib3.request("GET", f"{client.meta.endpoint_url}/_localstack/health", timeout=5.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200 and b"services" in answer.data


def refuse_made_up(session: Any, client: Any) -> None:
    """Raises Misconfigured if `client` would sign calls to AWS with credentials such as `test`.

    Credentials of a role or of a login are AWS's own. They are not fetched here.
    """
    found = session.get_credentials()
    if type(found) is Credentials and _is_aws(client) and min(len(found.access_key), len(found.secret_key)) < SHORTEST:
        raise Misconfigured(MADE_UP)


def _is_aws(client: Any) -> bool:
    return (urlsplit(str(client.meta.endpoint_url)).hostname or "").endswith(AWS_DOMAINS)
