"""A token issuer for tests: keys, their JWKS, and tokens with any claims."""

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE, KEY_ID = "https://issuer.test/pool", "shop-client", "key-1"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def jwk(key: Key, key_id: str = KEY_ID, **members: object) -> dict[str, Any]:
    public = key.public_key()
    text = ECAlgorithm.to_jwk(public) if isinstance(public, ec.EllipticCurvePublicKey) else RSAAlgorithm.to_jwk(public)
    return {**json.loads(text), "kid": key_id, **members}


def jwks(*keys: Mapping[str, Any]) -> str:
    return json.dumps({"keys": keys or [jwk(ec_key())]})


def env() -> dict[str, str]:
    return {"SHOP_AUTH": "on", "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_JWKS": jwks()}


def claims(user: str = "ann", *, admin: bool = False, **others: Any) -> dict[str, Any]:
    """As in an access token of Cognito. A claim that is None is left out."""
    now = int(time.time())
    its: dict[str, Any] = {
        "iss": ISSUER,
        "client_id": AUDIENCE,
        "token_use": "access",
        "sub": f"{user}-sub",
        "username": user,
        "cognito:groups": ["admin"] if admin else ["buyers"],
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in (its | others).items() if value is not None}


def sign(payload: Mapping[str, Any], key: Any = None, key_id: str | None = KEY_ID, alg: str = "ES256") -> str:
    header = {} if key_id is None else {"kid": key_id}
    return jwt.encode(dict(payload), key if key is not None else ec_key(), alg, headers=header)


def token(user: str = "ann", *, admin: bool = False, **others: Any) -> str:
    return sign(claims(user, admin=admin, **others))


def bearer(user: str = "ann", *, admin: bool = False, **others: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user, admin=admin, **others)}"}


def unsigned(payload: Mapping[str, Any]) -> str:
    return jwt.encode(dict(payload), "", "none", headers={"kid": KEY_ID})


def signed_with_public_key(payload: Mapping[str, Any], key: Key) -> str:
    """HS256 with the public key as the secret: a verifier that trusts the header's `alg` would accept it."""
    secret = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
    parts = [json.dumps(header).encode(), json.dumps(dict(payload)).encode()]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head, secret)
    return b".".join((head, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()
