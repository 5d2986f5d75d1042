"""The settings in the environment for `--run fargate`, which become parameters of its templates."""

import re
from collections.abc import Mapping

from bootstrap.errors import Misused
from bootstrap.manifests import manifests
from bootstrap.settings import authentication, login

IMAGES, ARCHITECTURE = "SHOP_IMAGES", "SHOP_ARCHITECTURE"
CERTIFICATE, DOMAIN = "SHOP_RUN_CERTIFICATE", "SHOP_RUN_DOMAIN"
TABLES = "SHOP_TABLES"
WEB_TASKS, RELAYS = "SHOP_RUN_WEB_TASKS", "SHOP_RUN_RELAYS"
PLAIN = "none"
ARCHITECTURES = ("ARM64", "X86_64")
_IMAGE = re.compile(r"([a-z]+)=(\S+@sha256:[0-9a-f]{64})")
_CERTIFICATE = re.compile(r"arn:[^:\s]+:acm:[^:\s]+:\d{12}:certificate/\S+")
_WITHOUT = " for a shop in which everybody may do everything"
_PASSED_ON = {"CorsOrigins": "SHOP_CORS_ORIGINS", "RateLimit": "SHOP_RATE_LIMIT"}


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names. Those of the images are `ImageOf` and the service's name.

    Without SHOP_TABLES there is none for it, so that a stack keeps its own.
    """
    own = {name: env.get(setting, "") for name, setting in _PASSED_ON.items()}
    numbers = {"WebTasks": _number(env, WEB_TASKS, 2, 100), "Relays": _number(env, RELAYS, 1, 4)}
    return own | _tables(env) | numbers | _address(env) | authentication(env, _WITHOUT) | login(env) | _images(env)


def _tables(env: Mapping[str, str]) -> dict[str, str]:
    given = env.get(TABLES, "")
    return {"Tables": "" if given == PLAIN else given} if given else {}


def _address(env: Mapping[str, str]) -> dict[str, str]:
    certificate, domain = env.get(CERTIFICATE, ""), env.get(DOMAIN, "")
    if certificate == PLAIN and not domain:
        return {"Certificate": "", "Domain": ""}
    if not _CERTIFICATE.fullmatch(certificate) or not domain:
        raise Misused(
            f"set {CERTIFICATE} to the ARN of a certificate in this region, and {DOMAIN} to its host name. Or set "
            f"{CERTIFICATE}={PLAIN} alone for plain HTTP, over which tokens and cards can be read"
        )
    return {"Certificate": certificate, "Domain": domain}


def _images(env: Mapping[str, str]) -> dict[str, str]:
    words = env.get(IMAGES, "").split()
    found = {match[1]: match[2] for word in words if (match := _IMAGE.fullmatch(word))}
    known = {manifest.service for manifest in manifests()}
    if len(found) != len(words) or not found.keys() <= known:
        raise Misused(
            f"{IMAGES} has words other than a service with its image by digest, as in product=…/product@sha256:…. "
            "`.venv/bin/shop image push` prints it"
        )
    if (architecture := env.get(ARCHITECTURE) or ARCHITECTURES[0]) not in ARCHITECTURES:
        raise Misused(f"{ARCHITECTURE}={architecture} is neither {' nor '.join(ARCHITECTURES)}")
    return {f"ImageOf{service}": image for service, image in found.items()} | {"Architecture": architecture}


def _number(env: Mapping[str, str], setting: str, default: int, most: int) -> str:
    given = env.get(setting) or str(default)
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= most:
        raise Misused(f"{setting}={given} is not a number from 1 to {most}")
    return given
