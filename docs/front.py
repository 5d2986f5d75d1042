"""Writes the routes of bootstrap/front.yaml from the OpenAPI documents. `make docs` renews them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shop.settings import ROOT

TEMPLATE = ROOT / "bootstrap" / "front.yaml"
ROUTES = re.compile(
    r"(?<=# What follows is written by `make docs`\.\n).*?(?=^ *# End of what `make docs` writes\.$)",
    re.DOTALL | re.MULTILINE,
)
DEPLOYED = re.compile(r"^  Api:\n.*?(?=^  Deployment)", re.DOTALL | re.MULTILINE)
DEPLOYMENT = re.compile(r"\bDeployment[0-9a-f]{8}\b")
METHODS = ("get", "post", "put", "patch", "delete")
# Only tokens of Cognito's users have this scope, and an authorizer without a scope would not take access tokens.
USERS = "!If [OnAws, [{user: [aws.cognito.signin.user.admin]}], []]"
PARTNERS = "[{partner: []}]"
PREFIX = "/partner"
TIMEOUT = 10_000  # milliseconds. A service answers within 5 s.

Documents = Mapping[str, Mapping[str, Any]]


def template(text: str, documents: Documents) -> str:
    """The template with the routes as the documents have them.

    The logical id of its deployment ends in a hash of the API. API Gateway deploys what has changed only where
    CloudFormation creates another deployment, and answers a new route with 403 until then.
    """
    written = ROUTES.sub(lambda _: "".join(f"{line}\n" for line in _routes(documents)), text)
    [deployed] = DEPLOYED.findall(written)
    return DEPLOYMENT.sub(f"Deployment{hashlib.sha256(deployed.encode()).hexdigest()[:8]}", written)


def _routes(documents: Documents) -> Iterator[str]:
    for service, document in documents.items():
        for path, item in document["paths"].items():
            yield f"          {path}:"
            for method in (it for it in METHODS if it in item):
                yield from _method(service, path, method, "" if _is_open(item[method]) else USERS)
            # HEAD, OPTIONS, and methods that the service answers with 405
            yield from _method(service, path, "x-amazon-apigateway-any-method", "")
    for service, path in _open_to_partners(documents):
        yield f"          {PREFIX}{path}:"
        yield from _method(service, path, "get", PARTNERS)


def _method(service: str, path: str, method: str, security: str) -> Iterator[str]:
    names = re.findall(r"\{(\w+)\}", path)
    yield f"            {method}:"
    if security:
        yield f"              security: {security}"
    if names:
        declared = ", ".join(f"{{name: {it}, in: path, required: true, schema: {{type: string}}}}" for it in names)
        yield f"              parameters: [{declared}]"
    yield "              responses: {}"
    yield "              x-amazon-apigateway-integration:"
    yield "                type: http_proxy"
    yield f"                httpMethod: {method.upper() if method in METHODS else 'ANY'}"
    # Not `!Sub`, in which LocalStack takes `${!stageVariables…}` for a resource
    yield f'                uri: !Join ["", [!Ref Protocol, "://${{stageVariables.{service}}}{path}"]]'
    if names:
        passed = ", ".join(f"integration.request.path.{it}: method.request.path.{it}" for it in names)
        yield f"                requestParameters: {{{passed}}}"
    yield f"                timeoutInMillis: {TIMEOUT}"


def _open_to_partners(documents: Documents) -> Iterator[tuple[str, str]]:
    for service, document in documents.items():
        for path, item in document["paths"].items():
            if "get" in item and _is_open(item["get"]):
                yield service, path


def _is_open(operation: Mapping[str, Any]) -> bool:
    return operation.get("security") == []
