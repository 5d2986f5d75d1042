"""Pushes the images to Amazon ECR, and says with which settings `up --run fargate` uses them."""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.errors import Failed
from bootstrap.fargate import NETWORK
from bootstrap.fargate.settings import ARCHITECTURE, IMAGES
from shop.images.builder import PLATFORMS, Builder


def push(ecr: Any, builder: Builder, shop: str, services: Iterable[str], say: Callable[[str], None]) -> Iterator[str]:
    """The lines that a shell evaluates. `say` gets the progress."""
    repositories = _repositories(ecr, shop, services)
    _login(ecr, builder)
    if missing := [it for it in PLATFORMS if it not in builder.platforms]:
        say(f"This builder cannot build for {', '.join(missing)} too. `docker buildx create --use` makes one that can.")
    pushed = {}
    for service, repository in repositories.items():
        say(f"building and pushing {service} for {', '.join(builder.platforms)}")
        pushed[service] = f"{repository}@{builder.push(service, repository)}"
    say("Next, after these settings: python -m bootstrap up --run fargate")
    yield f"export {IMAGES}='{' '.join(f'{service}={image}' for service, image in pushed.items())}'"
    yield f"export {ARCHITECTURE}={builder.architecture}"


def _repositories(ecr: Any, shop: str, services: Iterable[str]) -> dict[str, str]:
    """The address of each service's repository."""
    names = {f"{shop}/{service}": service for service in services}
    try:
        found = ecr.describe_repositories(repositoryNames=[*names])["repositories"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
        first = f"SHOP_NAME={shop} python -m bootstrap up {NETWORK} --run fargate"
        raise Failed(f"There are no repositories for the images yet. `{first}` makes them.") from error
    return {names[it["repositoryName"]]: it["repositoryUri"] for it in found}


def _login(ecr: Any, builder: Builder) -> None:
    [given] = ecr.get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(given["authorizationToken"]).decode().split(":", 1)
    builder.login(given["proxyEndpoint"].removeprefix("https://"), user, password)
