"""Whether a client talks to an emulator on this machine or to AWS: asked before data is loaded or destroyed."""

from typing import Any
from urllib.parse import urlsplit

import urllib3

AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")


def is_emulator(client: Any) -> bool:
    """True only if the endpoint that `client` really uses answers as LocalStack and MiniStack do.

    The client's own endpoint counts, not the environment: `AWS_ENDPOINT_URL_DYNAMODB` or a profile may differ.
    """
    endpoint = str(client.meta.endpoint_url)
    host = urlsplit(endpoint).hostname or ""
    if host.endswith(AWS_DOMAINS):
        return False
    try:
        answer = urllib3.request("GET", f"{endpoint}/_localstack/health", timeout=5.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200 and b"services" in answer.data
