"""Signature Version 4 of a POST to `/`: the same as that of botocore's `SigV4Auth`, with caches for what repeats."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from botocore.auth import SIGNED_HEADERS_BLACKLIST
from botocore.credentials import ReadOnlyCredentials

KEYS = 64  # the most cached keys. There is one per day, region, service and secret.
SETS = 256  # the most cached sets of headers. There is one per operation and session token.
STAMP = "\0"  # stands for the time in a cached set, and occurs in no header
NOT_SIGNED = frozenset(SIGNED_HEADERS_BLACKLIST)  # a proxy may change these


class Scope(NamedTuple):
    region: str
    service: str


def sign(
    headers: Mapping[str, str], body: bytes, credentials: ReadOnlyCredentials, scope: Scope, now: datetime
) -> dict[str, str]:
    """`headers`, which must have the Host, and the headers of the signature.

    `now` is in UTC. The steps are those of the AWS IAM User Guide, "Create a signed AWS API request".
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {**headers, "X-Amz-Date": STAMP}
    if credentials.token:
        signed["X-Amz-Security-Token"] = credentials.token
    names, lines = _canonical(tuple(signed.items()))
    signed["X-Amz-Date"] = stamp
    request = f"POST\n/\n\n{lines.replace(STAMP, stamp)}\n{names}\n{sha256(body).hexdigest()}"
    day_scope = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{day_scope}\n{sha256(request.encode()).hexdigest()}"
    signature = _hmac(_key(credentials.secret_key, stamp[:8], *scope), to_sign).hex()
    identity = f"{credentials.access_key}/{day_scope}"
    signed["Authorization"] = f"AWS4-HMAC-SHA256 Credential={identity}, SignedHeaders={names}, Signature={signature}"
    return signed


@lru_cache(SETS)
def _canonical(headers: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """The names of the signed headers, and their lines."""
    pairs = sorted((name.lower(), " ".join(value.split())) for name, value in headers)
    pairs = [pair for pair in pairs if pair[0] not in NOT_SIGNED]
    return ";".join(name for name, _ in pairs), "".join(f"{name}:{value}\n" for name, value in pairs)


@lru_cache(KEYS)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
