"""A token issuer for the shop on this machine: a private key under `var/`, and no process."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from bootstrap.errors import Failed
from shop.output import command
from shop.paths import Paths

ISSUER, AUDIENCE = "shopwire-local", "shopwire"
LIFETIME = 12 * 3600  # seconds


def for_processes(env: Mapping[str, str], paths: Paths) -> dict[str, str]:
    """The settings of authentication for web processes. Raises `Failed`.

    Without SHOP_AUTH and AUTH_ISSUER, authentication is off. That is refused where the environment means real AWS.
    """
    if are_needed(env):
        return {"SHOP_AUTH": "on"} if env.get("AUTH_ISSUER") else settings(paths)
    mode = env.get("SHOP_AUTH")
    if not mode and env.get("AWS_ENDPOINT_URL") == "":
        raise Failed(
            "AWS_ENDPOINT_URL is empty, which means real AWS, and SHOP_AUTH is not set. "
            "Set SHOP_AUTH=on, or SHOP_AUTH=off for a shop without authentication."
        )
    return {"SHOP_AUTH": mode or "off", "AUTH_ISSUER": ""}


def are_needed(env: Mapping[str, str]) -> bool:
    """Whether `make run` starts a shop that authenticates its users."""
    return (env.get("SHOP_AUTH") or ("on" if env.get("AUTH_ISSUER") else "")) == "on"


def settings(paths: Paths) -> dict[str, str]:
    """Settings with which web processes accept the tokens of this issuer."""
    keys = json.dumps({"keys": [_public(_key(paths))]}, separators=(",", ":"))
    return {"SHOP_AUTH": "on", "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_JWKS": keys}


def token(env: Mapping[str, str], paths: Paths, user: str, *, admin: bool = False) -> str:
    """A token like Cognito's access tokens, for twelve hours. Raises `Failed` for a shop of another issuer."""
    key = _key(paths)
    public = _public(key)
    if (issuer := env.get("AUTH_ISSUER") or ISSUER) != ISSUER:
        raise Failed(
            f"AUTH_ISSUER is {issuer}: get tokens there. "
            f"{command('token')} and {command('demo')} sign only for a shop on this machine."
        )
    if (known := env.get("AUTH_JWKS")) and public["kid"] not in known:
        right = f"{command('token --settings')} prints the right one"
        raise Failed(f"AUTH_JWKS has another key than {paths.token_key}. {right}.")
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "client_id": AUDIENCE,
        "token_use": "access",
        "sub": user,
        "username": user,
        "cognito:groups": ["admin"] if admin else [],
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, key, "ES256", headers={"kid": public["kid"]})


def _public(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    its = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    thumbprint = hashlib.sha256(json.dumps(its, sort_keys=True).encode()).hexdigest()[:16]
    return {**its, "kid": thumbprint, "use": "sig", "alg": "ES256"}


def _key(paths: Paths) -> ec.EllipticCurvePrivateKey:
    """Makes the key at the first call. Of two commands that do so at once, both get the same key."""
    if not paths.token_key.exists():
        paths.make()
        _write_once(paths.token_key)
    try:
        key = load_pem_private_key(paths.token_key.read_bytes(), None)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        written = f"the key that {command('token')} wrote"
        raise Failed(f"{paths.token_key} is not {written}. Remove it, and a new one is made.")
    return key


def _write_once(file: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, draft = tempfile.mkstemp(dir=file.parent)  # only its owner can read it
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
    with suppress(FileExistsError):
        os.link(draft, file)
    Path(draft).unlink()
