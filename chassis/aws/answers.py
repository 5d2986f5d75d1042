"""Whether an answer is AWS's: botocore takes whatever comes with a 200."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import HTTPClientError


class NotFromAWS(HTTPClientError):
    """Something answered, but not as AWS does, or not all of it arrived: a proxy, a portal, another service."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(error=f"answer {status}: {why}")


def check(answer: Any) -> None:
    """Raises NotFromAWS unless `answer` is whole, and is a success or names an error as AWS's JSON protocol has them.

    botocore takes any other body of a 200 for an empty answer: no such row, or a write that succeeded.
    """
    if why := _doubt(answer.status_code, answer.headers, answer.content):
        raise NotFromAWS(answer.status_code, why)


def _doubt(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    checksum = headers.get("x-amz-crc32")  # DynamoDB alone sends one
    if headers.get("Content-Length", str(len(body))) != str(len(body)):
        return "it is cut short"
    if checksum not in {None, str(zlib.crc32(body))}:
        return "its checksum is wrong"
    if status >= 300:
        return None if "__type" in (_object(body) or {}) else "it names no error of AWS"
    if not headers.get("Content-Type", "").startswith("application/x-amz-json"):  # LocalStack's errors have another
        return "its type is not that of AWS's JSON"
    return None if checksum or _object(body) is not None else "it is no JSON object"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
