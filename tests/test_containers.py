"""Checks the container files for properties that a run does not show."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bootstrap.__main__ import UNSET
from bootstrap.manifests import Process, processes

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "localstack"}
DOOR = OURS["door"]
WITHOUT_AWS = {"door", *(process.name for process in processes() if not process.allow)}
AWS = [name for name in OURS if name not in WITHOUT_AWS]
WEB = [process.name for process in processes() if process.serve]
ROOM = OURS["room"]
STAGE = r"^FROM (\S+) AS (\S+)$(.*?)(?=^FROM|\Z)"


def test_every_image_has_a_pinned_base_and_stages_of_this_file() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)", DOCKERFILE, flags=re.MULTILINE)
    own = {name for _, name in stages}
    assert {base for base, _ in stages} - own == {"python:3.13-slim"}
    assert set(re.findall(r"--from=(\S+)", DOCKERFILE)) <= own
    assert "# syntax=" not in DOCKERFILE


@pytest.mark.parametrize("image", ["bootstrap", "service", "room", "door"])
def test_no_image_runs_as_root(image: str) -> None:
    """The last USER of a stage or of its base stages applies."""
    stages = {name: (base, body) for base, name, body in re.findall(STAGE, DOCKERFILE, flags=re.MULTILINE | re.DOTALL)}
    users: list[str] = []
    while image in stages:
        image, body = stages[image]
        users = [*re.findall(r"^USER (.+)$", body, flags=re.MULTILINE), *users]
    assert users
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])


def test_service_image_copies_only_the_chassis_and_its_own_service() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--chmod=755 )?(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    tools = ["bootstrap/", "bootstrap/", "shop/"]  # of the images `bootstrap` and `room`
    assert copied == ["pyproject.toml uv.lock", "door/", "chassis/", "services/", *tools, "services/${SERVICE}/"]
    # A build stage copies all services. The images of the tools take only the files that `find` keeps.
    ours = re.findall(r"^COPY --from=templates .*$", DOCKERFILE, flags=re.MULTILINE)
    assert ours == ["COPY --from=templates /services/ services/"] * 2


@pytest.mark.parametrize("name", OURS)
def test_each_image_is_built_by_one_compose_service_and_never_pulled(name: str) -> None:
    image = OURS[name]["image"]
    builders = [each for each, service in OURS.items() if service["image"] == image and "build" in service]
    assert len(builders) == 1
    assert name in builders or OURS[name]["pull_policy"] == "never"


@pytest.mark.parametrize("name", AWS)
def test_former_setting_reaches_the_code_that_rejects_it(name: str) -> None:
    assert OURS[name]["environment"]["SHOP_STACK"] == "${SHOP_STACK-}"


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize("setting", ["SHOP_CORS_ORIGINS", "SHOP_RATE_LIMIT"])
def test_containers_of_web_processes_pass_on_settings_of_the_chassis(name: str, setting: str) -> None:
    assert OURS[name]["environment"][setting] == f"${{{setting}-}}"


@pytest.mark.parametrize("name", AWS)
@pytest.mark.parametrize("setting", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"])
def test_containers_pass_on_where_spans_are_sent(name: str, setting: str) -> None:
    assert OURS[name]["environment"][setting] == f"${{{setting}-}}"


@pytest.mark.parametrize("name", WEB)
def test_containers_have_no_authentication_by_default_and_pass_on_its_settings(name: str) -> None:
    env = OURS[name]["environment"]
    assert env["SHOP_AUTH"] == "${SHOP_AUTH:-off}"
    assert {env[it] for it in ("AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS")} == {
        "${AUTH_ISSUER-}", "${AUTH_AUDIENCE-}", "${AUTH_JWKS-}"
    }  # fmt: skip


def test_bootstrap_container_can_tell_the_default_from_a_choice() -> None:
    assert OURS["bootstrap"]["environment"]["SHOP_AUTH"] == f"${{SHOP_AUTH:-{UNSET}}}"


@pytest.mark.parametrize("name", sorted(WITHOUT_AWS))
def test_container_that_calls_no_aws_gets_no_credentials(name: str) -> None:
    assert [setting for setting in OURS[name]["environment"] if setting.startswith("AWS_")] == []


@pytest.mark.parametrize("process", processes(), ids=lambda process: process.name)
def test_container_of_each_process_records_its_spans_in_the_volume(process: Process) -> None:
    container = OURS[process.name]
    assert container["environment"]["SHOP_TRACE"] == "${SHOP_TRACE:-/traces}"
    assert container["volumes"] == ["traces:/traces"]


def test_room_reads_the_spans_of_all_processes() -> None:
    assert ROOM["volumes"] == ["traces:/traces"]


def test_door_knows_the_services_and_no_credentials() -> None:
    addresses = {f"{name.upper()}_URL": f"{name}:8000" for name in WEB}
    addresses["ROOM_URL"] = "http://127.0.0.1:${SHOP_ROOM_PORT:-8007}"  # a link
    assert {*DOOR["environment"]} == {"NO_PROXY", "no_proxy", *addresses}
    assert DOOR["environment"].items() >= addresses.items()
    assert (DOOR["ports"], DOOR["restart"]) == (["127.0.0.1:${SHOP_DOOR_PORT:-8000}:8000"], "unless-stopped")


@pytest.mark.parametrize("name", WEB)
def test_web_containers_trust_the_door_and_the_storefront_by_their_names(name: str) -> None:
    assert OURS[name]["environment"]["SHOP_TRUSTED_PROXIES"] == "${SHOP_TRUSTED_PROXIES:-door storefront}"


def test_image_can_read_a_clone_made_with_any_umask() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+)/ \S+$", DOCKERFILE, flags=re.MULTILINE)
    assert copied
    assert all(source.startswith("--chmod=755 ") for source in copied)


def test_build_context_has_only_allowed_files() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == {"pyproject.toml", "uv.lock", "chassis", "services", "bootstrap", "shop", "door"}


@pytest.mark.parametrize("name", OURS)
def test_each_container_has_a_read_only_root_and_no_capabilities(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_published_on_the_loopback_address_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", [name for name in OURS if name not in {"bootstrap", "seed", "door"}])
def test_service_restarts_and_waits_for_its_resources(name: str) -> None:
    assert OURS[name]["restart"] == "unless-stopped"
    assert OURS[name]["depends_on"]["bootstrap"] == {"condition": "service_completed_successfully"}
    assert OURS[name]["stop_grace_period"] == "30s"


def test_room_is_at_its_port_and_knows_the_services_that_it_buys_from_and_the_address_of_the_pages() -> None:
    assert ROOM["ports"] == ["127.0.0.1:${SHOP_ROOM_PORT:-8007}:8000"]
    assert ROOM["build"] == {"context": ".", "target": "room"}
    urls = {name: url for name, url in ROOM["environment"].items() if name.endswith("T_URL")}
    assert urls == {
        "PRODUCT_URL": "http://product:8000",
        "BASKET_URL": "http://basket:8000",
        "STOREFRONT_URL": "http://127.0.0.1:${SHOP_DOOR_PORT:-8000}",
        "AWS_ENDPOINT_URL": "${AWS_ENDPOINT_URL-http://localstack:4566}",
    }


@pytest.mark.parametrize("name", [*WEB, "room"])
def test_web_container_checks_its_readiness_without_curl(name: str) -> None:
    check = OURS[name]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "python"]
    assert "/health/ready" in check[-1]


def test_emulator_is_pinned_to_the_last_release_without_an_account() -> None:
    assert SERVICES["localstack"]["image"] == "${LOCALSTACK_IMAGE:-localstack/localstack:4.14.0}"


@pytest.mark.parametrize("name", AWS)
def test_empty_endpoint_stays_empty_and_means_aws(name: str) -> None:
    assert OURS[name]["environment"]["AWS_ENDPOINT_URL"] == "${AWS_ENDPOINT_URL-http://localstack:4566}"


@pytest.mark.parametrize("name", SERVICES)
def test_requests_to_names_of_the_shop_bypass_proxies(name: str) -> None:
    env = SERVICES[name]["environment"]
    assert env["NO_PROXY"] == env["no_proxy"]
    past = env["NO_PROXY"].partition("$")[0].split(",")
    asked = {urlsplit(url).hostname for url in re.findall(r"http://[a-z][^\s}]+", str(SERVICES)) if "127" not in url}
    assert asked == {"localstack", *WEB} - {"storefront"}
    assert asked | {*WEB, "room", "127.0.0.1", "localhost"} <= set(past)


@pytest.mark.parametrize("name", OURS)
def test_image_has_the_name_of_its_project(name: str) -> None:
    assert OURS[name]["image"].startswith("${COMPOSE_PROJECT_NAME:-shopwire}-")
