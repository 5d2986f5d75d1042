"""The check of the shop's one address, in front of the services' own routes."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.wrappers import Response

from bootstrap import front
from bootstrap.clock import Clock
from bootstrap.stack import Stack
from shop.doctor.doors import APIS, PAGES, Door, examine_gateway, of_this_machine
from shop.settings import Settings
from tests.bootstrap.fakes import FakeCloudFormation, aws_of
from tests.documents import APPS
from tests.environment import free_port
from tests.processes import serving

PARTS = {path.split("/")[1]: service for service, path in APIS.items()}


def front_door(services: Mapping[str, Any], elsewhere: int = 503) -> Any:
    """Passes requests on by the first part of the path, and answers itself for a service that is not there."""

    def app(environ: Any, start: Any) -> Any:
        service = PARTS.get(environ["PATH_INFO"].split("/")[1], "")
        return services.get(service, Response("no service", elsewhere))(environ, start)

    return app


def examined(url: str) -> list[tuple[bool, str]]:
    return [(it.ok, it.text.removeprefix(url)) for it in Door("door", url, APIS, "look").findings()]


def test_a_door_that_leads_to_every_service_is_one_good_finding() -> None:
    with serving(front_door(APPS)) as url:
        assert examined(url) == [(True, " → product, basket, ordering, stock, payment")]


@pytest.mark.parametrize("status", [404, 503])
def test_each_service_that_the_door_does_not_lead_to_is_named(status: int) -> None:
    some = {name: app for name, app in APPS.items() if name not in ("stock", "payment")}
    with serving(front_door(some, status)) as url:
        assert examined(url) == [
            (False, f"/stock/doctor answers {status} and does not lead to stock"),
            (False, f"/payment/doctor/doctor answers {status} and does not lead to payment"),
        ]


def test_a_door_that_does_not_answer_is_one_finding() -> None:
    assert examined(f"http://127.0.0.1:{free_port()}") == [(False, " does not answer")]


def test_every_service_behind_the_front_is_asked_for() -> None:
    assert [*APIS] == sorted(APIS, key=front.services().index)
    assert {*APIS} == {*front.services()}


def test_a_machine_without_a_door_has_none_to_examine() -> None:
    ports = Settings().ports
    [door] = of_this_machine(Settings())
    assert (door.url, door.paths) == (f"http://127.0.0.1:{ports['door']}", APIS | PAGES)
    assert [*of_this_machine(Settings(ports={"product": 1}))] == []


def gateway(status: str | None, endpoint: str = "", **outputs: str) -> list[tuple[bool, str, str]]:
    cloudformation: Any = FakeCloudFormation(status=status, outputs=outputs)
    cloudformation.meta = SimpleNamespace(endpoint_url=endpoint)
    stack = Stack(cloudformation, "shop-front", Clock())
    return [(it.ok, it.subject, it.text) for it in examine_gateway(aws_of(cloudformation), stack)]


def test_a_gateway_that_is_not_deployed_is_no_fault() -> None:
    assert gateway(None) == []


def test_a_gateway_whose_deployment_failed_is_not_asked() -> None:
    assert gateway("UPDATE_ROLLBACK_COMPLETE") == [(False, "stack", "shop-front is UPDATE_ROLLBACK_COMPLETE")]


def test_a_gateway_is_asked_at_its_address() -> None:
    services = ", ".join(APIS)
    with serving(front_door(APPS)) as url:
        assert gateway("CREATE_COMPLETE", "https://aws", Url=url) == [(True, "front", f"{url} → {services}")]


def test_the_address_of_a_gateway_on_an_emulator_follows_the_emulators() -> None:
    emulator, path = f"http://127.0.0.1:{free_port()}", "/_aws/execute-api/1/live"
    found = gateway("CREATE_COMPLETE", emulator, Url=path)
    assert found == [(False, "front", f"{emulator}{path} does not answer")]
