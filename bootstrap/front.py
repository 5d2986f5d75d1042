"""The stack of API Gateway, `front.yaml`: its settings, and where it cannot be deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from bootstrap.errors import Failed, Misused
from bootstrap.lambdas.stacks import public_url, require_tokens, stack_of
from bootstrap.manifests import processes
from bootstrap.names import FRONT, Names
from bootstrap.templates import ROOT, Template

if TYPE_CHECKING:
    from bootstrap.aws import Aws

SERVICES, WAF, DOMAIN, CERTIFICATE = (
    "SHOP_FRONT_SERVICES",
    "SHOP_FRONT_WAF",
    "SHOP_FRONT_DOMAIN",
    "SHOP_FRONT_CERTIFICATE",
)
FUNCTIONS = "functions"  # the word for the URLs of `--run lambda`
_OWN_ADDRESS = re.compile(r"([a-z]+)=(.+)")
# As much of a URL as a stage variable may hold ("Amazon API Gateway stage variables reference")
_ADDRESS = re.compile(r"(https?)://([A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?)/?")
_EXAMPLE = (
    "https://{service}.example.com, or product=https://… basket=https://… and so on, separated by spaces, or "
    "`functions` for those of --run lambda"
)
_DROPS = (
    "MiniStack's API Gateway drops ETag, Location and most other headers of a response. Use LocalStack or AWS. "
    "`make run` has all services at one address without it"
)


def template(names: Names, root: Path = ROOT, settings: Mapping[str, str] | None = None) -> Template:
    """`load` leaves it out, because the stack needs the addresses of the services, and MiniStack cannot have it."""
    return Template(names, FRONT, root / "bootstrap" / "front.yaml", settings or {})


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of its parameters, or nothing without SHOP_FRONT_SERVICES. Raises Misused for what cannot be right."""
    if not (given := env.get(SERVICES, "").split()):
        return {}
    if bool(env.get(DOMAIN)) != bool(env.get(CERTIFICATE)):
        raise Misused(f"{DOMAIN} and {CERTIFICATE} belong together: set both or neither")
    if (waf := env.get(WAF) or "off") not in ("on", "off"):
        raise Misused(f"{WAF}={waf} is neither on nor off")
    own = {"Waf": waf, "Domain": env.get(DOMAIN, ""), "Certificate": env.get(CERTIFICATE, "")}
    if given == [FUNCTIONS]:
        return own | {FUNCTIONS: "", "Protocol": "https"}
    return own | _addresses(given, services())


def prepared(aws: Aws, template: Template, coming: Mapping[str, Template]) -> Template:
    """As it is. Raises Failed for a function that cannot be called, or will not be when those `coming` are deployed."""
    for name in services() if FUNCTIONS in template.settings else []:
        if (function := coming.get(stack_of(name))) is None:
            public_url(aws, template.names, name)
        else:
            require_tokens(aws, template.names, function.service, function.parameters())
    return template


def completed(aws: Aws, template: Template) -> Template:
    """With the URLs of the functions, if SHOP_FRONT_SERVICES says so. Raises Failed for one that cannot be called."""
    if FUNCTIONS not in template.settings:
        return template
    urls = {name: public_url(aws, template.names, name) for name in services()}
    return replace(template, settings={**template.settings, **_addresses([f"{k}={v}" for k, v in urls.items()], urls)})


def services() -> list[str]:
    """Those behind it, by the names of their web processes."""
    return [it.name for it in processes() if it.serve and not it.pages]


def refusal(aws: Aws, given: Mapping[str, str]) -> str | None:
    """Why the stack cannot be deployed with these settings here, or None."""
    if "Protocol" not in given:
        return f"set {SERVICES} to the addresses of the services: {_EXAMPLE}"
    if aws.emulator:
        return _emulator_refusal(str(aws.cloudformation.meta.endpoint_url))
    if given["Protocol"] == "http":
        return f"on AWS the gateway calls the services over the internet: give {SERVICES} addresses with https"
    return None


def _addresses(given: list[str], services: Iterable[str]) -> dict[str, str]:
    """The parameter of each service, and the protocol, which they share."""
    own = {match[1]: match[2] for word in given if (match := _OWN_ADDRESS.fullmatch(word))}
    common = [word for word in given if not _OWN_ADDRESS.fullmatch(word)]
    urls = {name: own.pop(name, *common[:1] or [""]).replace("{service}", name) for name in services}
    found = {name: _ADDRESS.fullmatch(url) for name, url in urls.items()}
    protocols = {match and match[1] for match in found.values()}
    if own or common[1:] or None in protocols or len(protocols) > 1:
        raise Misused(
            f"{SERVICES}={' '.join(given)} does not give each service one address, all by http or all by https. "
            f"Write {_EXAMPLE}"
        )
    addresses = {name.capitalize(): match[2] for name, match in found.items() if match}
    return addresses | {"Protocol": str(protocols.pop())}


def _emulator_refusal(url: str) -> str | None:
    try:
        health = urllib3.request("GET", f"{url}/_localstack/health", timeout=10.0, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise Failed(f"{url} does not answer: {' '.join(str(error).split())}") from error
    if "x-localstack" not in health.headers:
        return _DROPS
    if health.json()["services"].get("apigateway", "disabled") == "disabled":
        return f"{url} has no API Gateway: start LocalStack with apigateway among its SERVICES"
    return None
