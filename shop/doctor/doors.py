"""Whether one address of all services, the door or API Gateway, passes requests on to each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import urllib3

from bootstrap.aws import Aws
from bootstrap.names import FRONT
from bootstrap.stack import SUCCESS, Stack
from shop.doctor.findings import Finding, bad, good
from shop.output import command
from shop.settings import DOOR, Settings

# At a path of each service, OPTIONS needs no token and calls no view.
APIS = {
    "product": "/product",
    "basket": "/basket",
    "ordering": "/order",
    "stock": "/stock/doctor",
    "payment": "/payment/doctor/doctor",
}
PAGES = {"storefront": "/shop"}
_PATIENCE = 15.0  # seconds. The door and API Gateway wait at most 10 s for a service.


@dataclass(frozen=True)
class Door:
    """`paths` are those of the services behind it, and `advice` is what to do if one is not reached."""

    subject: str
    url: str
    paths: Mapping[str, str]
    advice: str

    def findings(self) -> Iterator[Finding]:
        """One if all is well or nothing answers, else one for each service that is not reached."""
        statuses = {service: _status(f"{self.url}{path}") for service, path in self.paths.items()}
        lost = {service: status for service, status in statuses.items() if status != 200}
        if not lost:
            yield good(self.subject, f"{self.url} → {', '.join(self.paths)}")
        elif not any(statuses.values()):
            yield bad(self.subject, f"{self.url} does not answer", self.advice)
        else:
            for service, status in lost.items():
                text = f"{self.url}{self.paths[service]} answers {status or 'nothing'} and does not lead to {service}"
                yield bad(self.subject, text, self.advice)


def of_this_machine(settings: Settings) -> Iterator[Door]:
    """Nothing where Caddy has no package for this machine."""
    if DOOR in settings.ports:
        advice = f"{command('status')}, or `docker compose ps`, shows whether it and the services run"
        yield Door(DOOR, settings.url(DOOR), APIS | PAGES, advice)


def examine_gateway(aws: Aws, stack: Stack) -> Iterator[Finding]:
    """API Gateway, if it is deployed."""
    if not (found := stack.describe()):
        return
    up = command(f"stack up {FRONT}", aws=not aws.emulator)
    if found["StackStatus"] not in SUCCESS:
        yield bad("stack", f"{stack.name} is {found['StackStatus']}", f"{up} deploys it again")
        return
    [url] = [it["OutputValue"] for it in found["Outputs"] if it["OutputKey"] == "Url"]
    advice = f"set SHOP_FRONT_SERVICES to the addresses at which the services answer: {up}"
    # On an emulator it is a path.
    yield from Door(FRONT, urljoin(aws.cloudformation.meta.endpoint_url, url), APIS, advice).findings()


def _status(url: str) -> int:
    """0 if nothing answers."""
    try:
        return urllib3.request("OPTIONS", url, timeout=_PATIENCE, retries=False, redirect=False).status
    except urllib3.exceptions.HTTPError:
        return 0
