"""The stacks of `--run lambda`, and what each needs of those before."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.aws import emulates
from bootstrap.clock import Clock
from bootstrap.deployed import parameters
from bootstrap.errors import Failed, Misused
from bootstrap.manifests import manifests
from bootstrap.stack import SUCCESS, Stack
from bootstrap.templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootstrap.aws import Aws
    from bootstrap.names import Names

CODE = "functions"
BUCKET = "AWS::S3::Bucket"
_SUFFIX = f"-{CODE}"
# The ends of `shop package`'s zips. An emulator takes the first only, AWS the newest of the others.
_IN_USE = timedelta(hours=1)
_HERE, _PROCESSORS = "here", ("arm64", "x86_64")


def templates(names: Names, root: Path, settings: Mapping[str, str]) -> list[Template]:
    """The bucket first. A service comes after those whose addresses it needs."""
    folder = root / "bootstrap" / "lambdas"
    services = TopologicalSorter({service: {*urls.values()} for service, urls in _urls(root).items()}).static_order()
    own = [Template(names, stack_of(service), folder / f"{service}.yaml", settings) for service in services]
    return [Template(names, CODE, folder / "code.yaml", settings), *own]


def prepared(aws: Aws, template: Template, coming: Mapping[str, Template]) -> Template:
    """As it is. Raises Failed or Misused for what `completed` will miss. The stacks `coming` are deployed before it."""
    if template.service == CODE:
        return template
    zip_of(template, emulator=aws.emulator)
    needed = {CODE: "CodeBucket"} | dict.fromkeys(addresses(template).values(), "Url")
    for stack, key in needed.items():
        if stack not in coming:
            output(aws, template.names, stack, key)
    return template


def completed(aws: Aws, template: Template) -> Template:
    """With the code, which it uploads, and the addresses of other services."""
    if template.service == CODE:
        return template
    path = zip_of(template, emulator=aws.emulator)
    bucket = output(aws, template.names, CODE, "CodeBucket")
    code = {"CodeBucket": bucket, "CodeKey": _upload(aws, bucket, path), "Architecture": processor_of(path)}
    urls = {name: output(aws, template.names, it, "Url").rstrip("/") for name, it in addresses(template).items()}
    return replace(template, settings={**template.settings, **code, **urls})


def refusal(aws: Aws, _names: Names) -> str | None:
    """Why the functions cannot be deployed here, or None."""
    if aws.emulator and not emulates(aws, "lambda"):
        return "this emulator runs no functions. `.venv/bin/shop lambda` starts one that does, with the shop"
    return None


def delete_old_code(aws: Aws, template: Template) -> None:
    """Deletes zips that the deployed functions of the template's service do not use. Without functions it does nothing.

    CloudFormation returns to the zip that was deployed before only while it deploys, so this comes afterwards. A zip
    of the last hour may belong to another deployment that is under way.
    """
    if not (used := template.parameters().get("CodeKey")):
        return
    bucket, prefix = template.settings["CodeBucket"], f"{_service_of(template)}-"
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    uploaded = {it["Key"]: it["LastModified"] for page in pages for it in page.get("Contents", [])}
    for key, when in uploaded.items():
        if when < uploaded[used] - _IN_USE:
            aws.s3.delete_object(Bucket=bucket, Key=key)


def empty(aws: Aws, bucket: str) -> None:
    """CloudFormation deletes no bucket that has objects."""
    for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            aws.s3.delete_object(Bucket=bucket, Key=found["Key"])


def addresses(template: Template) -> dict[str, str]:
    """By the name of a parameter, the stack whose output `Url` is its value, without the shop's name."""
    urls = _urls()[_service_of(template)]
    return {setting.title().replace("_", ""): stack_of(other) for setting, other in urls.items()}


def _urls(root: Path | None = None) -> dict[str, dict[str, str]]:
    """By service, its settings for the addresses of other services. A web process has the name of its service."""
    found = manifests(root) if root else manifests()
    return {it.service: {k: v for process in it.process for k, v in process.urls.items()} for it in found}


def stack_of(service: str) -> str:
    """The name of the stack with the service's functions, without the shop's name."""
    return f"{service}{_SUFFIX}"


def has(template: Template) -> bool:
    """Whether it is one of a service's functions."""
    return template.service.endswith(_SUFFIX)


def _service_of(template: Template) -> str:
    return template.service.removesuffix(_SUFFIX)


def zip_of(template: Template, *, emulator: bool) -> Path:
    """The newest that fits. Raises Misused if there is none."""
    folder, service = Path(template.settings["Zips"]), _service_of(template)
    paths = [folder / f"{service}-{end}.zip" for end in ([_HERE] if emulator else _PROCESSORS)]
    if found := [path for path in paths if path.exists()]:
        return max(found, key=lambda path: path.stat().st_mtime)
    option = f" --for {_HERE}" if emulator else ""
    raise Misused(
        f"there is no zip of {service} in {folder}: `.venv/bin/shop package{option}` makes one for each service"
    )


def processor_of(path: Path) -> str:
    """An emulator ignores it."""
    end = path.stem.rpartition("-")[2]
    return end if end in _PROCESSORS else _PROCESSORS[0]


def _upload(aws: Aws, bucket: str, path: Path) -> str:
    """The object's key, which has a hash: CloudFormation updates a function only if the key is another."""
    body = path.read_bytes()
    key = f"{path.stem}-{hashlib.sha256(body).hexdigest()[:16]}.zip"
    aws.s3.put_object(Bucket=bucket, Key=key, Body=body)
    return key


def output(aws: Aws, names: Names, stack: str, key: str) -> str:
    """Raises Failed for a stack that is not complete, or has no such output because it is of another shop."""
    name = names.stack_of(stack)
    found = Stack(aws.cloudformation, name, Clock()).describe()
    outputs = {it["OutputKey"]: it["OutputValue"] for it in (found.get("Outputs", []) if found else [])}
    if found is None or found["StackStatus"] not in SUCCESS or key not in outputs:
        raise Failed(f"{name} comes first: {aws.command(f'up {stack} --run lambda', names.shop)}")
    return outputs[key]


def public_url(aws: Aws, names: Names, service: str) -> str:
    """Of a web function. Raises Failed if there is none, or if it takes only signed requests."""
    stack = stack_of(service)
    url = output(aws, names, stack, "Url").rstrip("/")
    require_tokens(aws, names, stack, parameters(Stack(aws.cloudformation, names.stack_of(stack), Clock()).describe()))
    return url


def require_tokens(aws: Aws, names: Names, stack: str, parameters: Mapping[str, str]) -> None:
    """Raises Failed if functions with these parameters take only signed requests."""
    if parameters.get("Auth") != "on":
        raise Failed(
            f"the URL of {names.stack_of(stack)} takes only signed requests, which API Gateway does not send. Deploy "
            f"it with AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS: {aws.command(f'up {stack} --run lambda', names.shop)}"
        )
