"""Properties of the images, seen from inside a running container."""

import json

import pytest

from tests.e2e.compose import PROJECT, SERVICES, WEB, Compose
from tests.environment import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
LARGEST = 260_000_000  # bytes unpacked; python:3.13-slim has about 180 million
NOBODY = "10001"
DEPLOYED = ("template.yaml", "service.toml")
IMPORTABLE = "import sys; from importlib.util import find_spec; print(find_spec(sys.argv[1]) is not None)"


def inside(shop: Compose, service: str, *command: str) -> str:
    return shop("exec", "-T", service, *command).strip()


@pytest.mark.parametrize("service", [*SERVICES, "room"])
def test_container_runs_unprivileged_and_can_write_only_to_tmp(shop: Compose, service: str) -> None:
    assert inside(shop, service, "id", "-u") == NOBODY
    status = inside(shop, service, "cat", "/proc/1/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines())
    assert [told[name] for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")] == ["0" * 16] * 3 + ["1"]
    write = "for d in / /shop /venv /home /var/tmp; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/x && echo ok"
    assert inside(shop, service, "sh", "-c", write) == "ok"


@pytest.mark.parametrize("service", WEB)
def test_image_contains_only_the_chassis_and_its_own_service(shop: Compose, service: str) -> None:
    found = set(inside(shop, service, "sh", "-c", "find /shop -mindepth 1 -maxdepth 2 -type d").splitlines())
    chassis = {f"/shop/chassis/{package}" for package in ("core", "tracing", "web", "aws", "messaging", "functions")}
    assert found == {"/shop/chassis", *chassis, "/shop/services", f"/shop/services/{service}"}
    foreign = [f"services.{other}" for other in WEB if other != service] + ["bootstrap", "shop", "tests", "pytest"]
    for module in foreign:
        assert inside(shop, service, "python", "-c", IMPORTABLE, module) == "False", module
    assert inside(shop, service, "python", "-c", IMPORTABLE, f"services.{service}") == "True"


def test_bootstrap_image_contains_every_template_and_manifest_and_no_code_of_a_service(shop: Compose) -> None:
    find = ["docker", "run", "--rm", "--entrypoint", "find", f"{PROJECT}-bootstrap", "/shop/services", "-type", "f"]
    files = {f"/shop/{path.relative_to(ROOT)}" for name in DEPLOYED for path in ROOT.glob(f"services/*/{name}")}
    assert set(shop.run(*find).splitlines()) == files


def test_room_image_knows_the_services_only_by_their_templates_and_manifests(shop: Compose) -> None:
    files = {f"/shop/{path.relative_to(ROOT)}" for name in DEPLOYED for path in ROOT.glob(f"services/*/{name}")}
    assert set(inside(shop, "room", "find", "/shop/services", "-type", "f").splitlines()) == files


@pytest.mark.parametrize("service", [*WEB, "bootstrap", "room"])
def test_image_is_small_and_has_no_secret(shop: Compose, service: str) -> None:
    name = f"{PROJECT}-{service}"
    (image,) = json.loads(shop.run("docker", "image", "inspect", name))
    assert image["Size"] < LARGEST
    names = {setting.split("=")[0] for setting in image["Config"]["Env"]}
    assert not {name for name in names if name.startswith("AWS_") or "TOKEN" in name or "SECRET" in name}
    assert image["Config"]["User"] == f"{NOBODY}:{NOBODY}"
    history = shop.run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", name)
    assert "SECRET" not in history.upper()
    find = "find / -xdev -name .env -o -xdev -name .git -o -xdev -name credentials -o -path '/shop/*.pem'"
    run = ["docker", "run", "--rm", "--entrypoint", "sh", name, "-c", f"{find} 2>/dev/null; true"]
    assert shop.run(*run) == ""


@pytest.mark.parametrize(
    ("image", "services"),
    [
        ("product", {"product", "product-relay"}),
        ("basket", {"basket", "basket-relay", "basket-consumer"}),
        ("ordering", {"ordering", "ordering-consumer"}),
        ("payment", {"payment", "payment-consumer"}),
        ("stock", {"stock", "stock-consumer"}),
        ("storefront", {"storefront"}),
    ],
)
def test_one_image_runs_web_relay_and_consumer_by_command(shop: Compose, image: str, services: set[str]) -> None:
    (built,) = json.loads(shop.run("docker", "image", "inspect", f"{PROJECT}-{image}"))
    assert {shop.inspect(service)["Image"] for service in services} == {built["Id"]}
    commands = {" ".join(shop.inspect(service)["Config"]["Cmd"]) for service in services}
    assert len(commands) == len(services)


def test_ports_are_published_on_the_loopback_address_only(shop: Compose) -> None:
    published = {
        binding["HostIp"]
        for service in [*SERVICES, "room", "localstack"]
        for bindings in (shop.inspect(service)["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or []
    }
    assert published == {"127.0.0.1"}
