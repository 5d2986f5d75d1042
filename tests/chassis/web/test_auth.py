"""Which tokens are accepted, who they name, and the settings."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.errors import Misconfigured
from chassis.web import verifier as verifying
from chassis.web.auth import Principal, TokenInvalid, from_env
from chassis.web.jwks import Jwks, Keys, parse
from chassis.web.verifier import CACHE_SIZE, CACHED, LEEWAY, Verifier
from tests import tokens

BOTH = parse(tokens.jwks(tokens.jwk(tokens.ec_key()), tokens.jwk(tokens.rsa_key(), "rsa")))


def verifier(keys: Keys = BOTH, **clock: Any) -> Verifier:
    return Verifier(tokens.ISSUER, tokens.AUDIENCE, Jwks(lambda: keys), **clock)


def test_token_names_its_user() -> None:
    assert verifier()(tokens.token("ann")) == Principal("ann", admin=False)


def test_rs256_and_es256_are_accepted() -> None:
    by_rsa = tokens.sign(tokens.claims("bob"), tokens.rsa_key(), "rsa", "RS256")
    assert verifier()(by_rsa) == Principal("bob")


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({}, "ann"),
        ({"username": None, "cognito:username": "ann-c"}, "ann-c"),
        ({"username": None}, "ann-sub"),
        ({"username": ""}, "ann-sub"),
    ],
)
def test_user_is_username_else_cognito_username_else_sub(claims: dict[str, Any], user: str) -> None:
    assert verifier()(tokens.token("ann", **claims)).user == user


@pytest.mark.parametrize(
    ("claims", "admin"),
    [
        ({"cognito:groups": ["buyers", "admin"]}, True),
        ({"cognito:groups": None, "groups": ["admin"]}, True),
        ({"cognito:groups": []}, False),
        ({"cognito:groups": None}, False),
        ({"cognito:groups": "administrators"}, False),
        ({"cognito:groups": ["administrators"]}, False),
    ],
)
def test_admin_is_a_member_of_the_group_admin(claims: dict[str, Any], *, admin: bool) -> None:
    assert verifier()(tokens.token(**claims)).admin is admin


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": None, "token_use": "id", "aud": tokens.AUDIENCE},
        {"client_id": None, "token_use": None, "aud": ["other", tokens.AUDIENCE]},
    ],
)
def test_audience_may_be_in_aud(claims: dict[str, Any]) -> None:
    assert verifier()(tokens.token(**claims)).user == "ann"


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": NOW - LEEWAY - 60}, "it has expired"),
    "no end": ({"exp": None}, "form"),
    "endless": ({"exp": float("inf")}, "form"),
    "of tomorrow": ({"nbf": NOW + 86400}, "not valid yet"),
    "other issuer": ({"iss": "https://other.test"}, "another issuer"),
    "similar issuer": ({"iss": tokens.ISSUER[:-1]}, "another issuer"),
    "no issuer": ({"iss": None}, "form"),
    "other client": ({"client_id": "other"}, "another audience"),
    "other aud": ({"aud": "other"}, "another audience"),
    "no audience": ({"client_id": None}, "another audience"),
    "client of no access token": ({"token_use": "id"}, "another audience"),
    "no user": ({"username": None, "sub": None}, "names no user"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_claims_are_refused_with_the_reason(name: str) -> None:
    claims, reason = WRONG[name]
    with pytest.raises(TokenInvalid, match=reason) as raised:
        verifier()(tokens.token(**claims))
    assert (raised.value.status, raised.value.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_clocks_may_differ_by_the_leeway() -> None:
    assert verifier()(tokens.token(exp=int(time.time()) - LEEWAY // 2)).user == "ann"


FORGED = {
    "none": tokens.unsigned(tokens.claims(admin=True)),
    "hs256 with the public key": tokens.signed_with_public_key(tokens.claims(admin=True), tokens.ec_key()),
    "another key of this id": tokens.sign(tokens.claims(), ec.generate_private_key(ec.SECP256R1())),
    "unknown key": tokens.sign(tokens.claims(), key_id="unknown"),
    "no key id": tokens.sign(tokens.claims(), key_id=None),
    "rs256 with the id of an ES256 key": tokens.sign(tokens.claims(), tokens.rsa_key(), alg="RS256"),
    "rs512": tokens.sign(tokens.claims(), tokens.rsa_key(), "rsa", "RS512"),
    "cut": tokens.token()[:-4],
    "changed": ".".join([tokens.token("ann").split(".")[0], *tokens.token("eve").split(".")[1:2], "AAAA"]),
    "nested header": f"{jwt.utils.base64url_encode(b'[' * 5000).decode()}.e30.AAAA",
    "empty": "",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_tokens_are_refused(name: str) -> None:
    with pytest.raises(TokenInvalid, match="form, its key or its signature"):
        verifier()(FORGED[name])


@given(st.text(alphabet=st.characters(max_codepoint=255)) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_junk_is_refused_and_no_error_of_another_kind_occurs(junk: str) -> None:
    with pytest.raises(TokenInvalid):
        verifier()(junk)


def test_token_with_an_algorithm_that_is_never_accepted_causes_no_fetch() -> None:
    def fail() -> Keys:
        raise AssertionError

    hs256 = tokens.signed_with_public_key(tokens.claims(), tokens.ec_key())
    with pytest.raises(TokenInvalid):
        Verifier(tokens.ISSUER, tokens.AUDIENCE, Jwks(fail))(hs256)


class Counted(Jwks):
    asked = 0

    def find(self, key_id: str) -> jwt.PyJWK | None:
        self.asked += 1
        return super().find(key_id)


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def test_signature_of_a_token_is_verified_once_until_the_cache_forgets_it() -> None:
    keys, clock = Counted(lambda: BOTH), Clock()
    verify = Verifier(tokens.ISSUER, tokens.AUDIENCE, keys, clock)
    token = tokens.token(exp=NOW + 3600)
    assert [verify(token).user for _ in range(3)] == ["ann"] * 3
    assert keys.asked == 1
    clock.now += CACHED
    assert verify(token).user == "ann"
    assert keys.asked == 2


def test_cached_token_is_verified_again_when_it_expires() -> None:
    keys, clock = Counted(lambda: BOTH), Clock()
    verify = Verifier(tokens.ISSUER, tokens.AUDIENCE, keys, clock)
    clock.now = time.time()
    token = tokens.token(exp=int(clock.now) + 5)
    verify(token)
    clock.now += 6
    verify(token)  # PyJWT reads the real clock
    assert keys.asked == 2


def test_refused_tokens_are_not_cached_and_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    verify = verifier()
    with pytest.raises(TokenInvalid):
        verify(FORGED["cut"])
    assert verify._cache == {}
    monkeypatch.setattr(verifying, "CACHE_SIZE", 3)
    for number in range(10):
        verify(tokens.token(f"user-{number}"))
        assert 1 <= len(verify._cache) <= 3
    assert CACHE_SIZE == 1000


def test_settings_with_inline_keys_make_a_verifier() -> None:
    verify = from_env(tokens.env())
    assert verify is not None
    assert verify(tokens.token("ann", admin=True)) == Principal("ann", admin=True)


def test_off_verifies_nothing() -> None:
    assert from_env({"SHOP_AUTH": "off"}) is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"AUTH_ISSUER": "", "SHOP_AUTH": ""}, "needs AUTH_ISSUER. Or set SHOP_AUTH=off"),
        ({"AUTH_AUDIENCE": "", "AUTH_JWKS": ""}, "needs AUTH_AUDIENCE, AUTH_JWKS"),
        ({"SHOP_AUTH": "off"}, "contradicts AUTH_ISSUER"),
        ({"SHOP_AUTH": "no"}, "SHOP_AUTH=no is neither on nor off"),
        ({"AUTH_JWKS": "{}"}, "AUTH_JWKS is neither a URL nor usable JSON"),
        ({"AUTH_JWKS": "file:///keys"}, "AUTH_JWKS is neither"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, str], error: str) -> None:
    with pytest.raises(Misconfigured, match=error):
        from_env(tokens.env() | change)


def test_authentication_is_on_by_default() -> None:
    with pytest.raises(Misconfigured, match="needs AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS"):
        from_env({})
