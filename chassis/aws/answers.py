"""Checks that a response comes from AWS, since botocore accepts anything with status 200."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import HTTPClientError


class NotFromAWS(HTTPClientError):
    """The response is incomplete or not from AWS, but from a proxy, a login page or another service."""

    def __init__(self, status: int, fault: str) -> None:
        super().__init__(error=f"response with status {status}: {fault}")


def check(answer: Any) -> None:
    """Raises NotFromAWS unless `answer` is complete, and a success or an error of AWS's JSON protocol.

    For a 200 with any other body, botocore returns an empty response. It looks like a missing row or successful write.
    """
    if fault := _find_fault(answer.status_code, answer.headers, answer.content):
        raise NotFromAWS(answer.status_code, fault)


def _find_fault(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    checksum = headers.get("x-amz-crc32")  # only DynamoDB sends one
    if headers.get("content-length", str(len(body))) != str(len(body)):
        return "the body is incomplete"
    if checksum not in {None, str(zlib.crc32(body))}:
        return "the checksum is wrong"
    if status >= 300:
        return None if "__type" in (_object(body) or {}) else "the body is not an error of AWS"
    if not headers.get("content-type", "").startswith(
        "application/x-amz-json"
    ):  # LocalStack's errors have another type
        return "the media type is not AWS's JSON"
    return None if checksum or _object(body) is not None else "the body is not a JSON object"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
