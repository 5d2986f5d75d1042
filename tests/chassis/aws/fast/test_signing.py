"""The signature, compared with that of botocore."""

import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from chassis.aws.fast import signing
from chassis.aws.fast.connections import place_of
from chassis.aws.fast.signing import Scope, sign

NOW = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " äß→"
HOSTS = ["http://127.0.0.1:4566/", "http://[::1]:4566/", "https://sqs.eu-west-1.amazonaws.com", "https://X.test:443/"]
NAMES = [
    "X-Amz-Target",
    "Content-Type",
    "User-Agent",
    "X-Amzn-Trace-Id",
    "x-amzn-query-mode",
    "Expect",
    "a",
    "X-Amz-Date",
]


def words(any_: random.Random, letters: str = PRINTABLE, most: int = 40) -> str:
    return "".join(any_.choices(letters, k=any_.randint(1, most)))


def of_botocore(
    monkeypatch: pytest.MonkeyPatch, url: str, headers: Any, body: bytes, keys: Any, scope: Scope, now: datetime
) -> dict[str, str]:
    monkeypatch.setattr(auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
    request = AWSRequest("POST", url, headers, body)
    auth.SigV4Auth(keys, scope.service, scope.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("seed", range(6))
def test_random_requests_are_signed_like_botocore_signs_them(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    any_ = random.Random(seed)  # noqa: S311 no secret is made
    for _ in range(100):
        url = any_.choice(HOSTS)
        headers = {name: words(any_) for name in any_.sample(NAMES, any_.randint(0, len(NAMES)))}
        body = any_.randbytes(any_.randint(0, 300))
        keys = ReadOnlyCredentials(words(any_), words(any_), any_.choice([None, "", words(any_, most=500)]))
        scope = Scope(words(any_, string.ascii_lowercase), words(any_, string.ascii_lowercase))
        now = NOW + timedelta(seconds=any_.randint(0, 10**8))
        expected = of_botocore(monkeypatch, url, headers, body, keys, scope, now)
        signed = sign({**headers, "Host": place_of(url).header}, body, keys, scope, now)
        got = {name.lower(): value for name, value in signed.items() if name != "Host"}
        assert got == expected


def test_a_signing_key_is_derived_once_a_day() -> None:
    signing._key.cache_clear()
    keys = ReadOnlyCredentials("AKIA", "secret", None)
    for hours in (0, 1, 22, 23):
        sign({"Host": "h"}, b"", keys, Scope("r", "s"), NOW + timedelta(hours=hours))
    assert signing._key.cache_info().misses == 2


def test_the_kept_signing_keys_are_bounded() -> None:
    for n in range(signing.KEYS + 10):
        sign({"Host": "h"}, b"", ReadOnlyCredentials("AKIA", f"secret-{n}", None), Scope("r", "s"), NOW)
    assert signing._key.cache_info().currsize == signing.KEYS


def test_the_kept_sets_of_headers_are_bounded() -> None:
    for n in range(signing.SETS + 10):
        sign({"Host": f"h{n}"}, b"", ReadOnlyCredentials("AKIA", "secret", None), Scope("r", "s"), NOW)
    assert signing._canonical.cache_info().currsize == signing.SETS


def test_the_time_of_a_signature_is_that_of_its_call() -> None:
    keys = ReadOnlyCredentials("AKIA", "secret", None)
    first, later = (sign({"Host": "h"}, b"", keys, Scope("r", "s"), NOW + timedelta(minutes=n)) for n in (0, 1))
    assert (first["X-Amz-Date"], later["X-Amz-Date"]) == ("20261126T010203Z", "20261126T010303Z")
    assert first["Authorization"] != later["Authorization"]
