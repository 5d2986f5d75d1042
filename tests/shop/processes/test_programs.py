"""The table of programs."""

from pathlib import Path

from shop.emulator import ministack
from shop.paths import Paths
from shop.processes.programs import Program, Stage, Task, emptying, plan, programs
from shop.settings import Settings


def the_plan(**changes: object) -> tuple[Stage, ...]:
    return plan(Settings(**changes), Paths(Path("/var/mine")))  # type: ignore[arg-type]


def by_name(**changes: object) -> dict[str, Program]:
    return {program.name: program for program in programs(the_plan(**changes))}


def test_the_emulator_is_first_and_the_services_the_door_and_the_room_are_last() -> None:
    names = [[step.name for step in stage] for stage in the_plan()]
    assert names == [
        ["emulator"],
        ["bootstrap"],
        ["seed"],
        [
            *("product", "basket", "ordering", "stock", "payment", "storefront"),
            *("product-relay", "basket-relay", "basket-consumer"),
            *("ordering-consumer", "ordering-commands", "ordering-relay", "stock-consumer", "payment-consumer"),
            "door",
            "room",
        ],
    ]


def test_the_emulator_is_started_as_in_tests_and_saves() -> None:
    emulator = by_name()["emulator"]
    assert emulator.command == ministack.command(4566)
    assert emulator.env == ministack.environment(4566, Path("/var/mine/emulator"))


def test_a_given_emulator_is_not_started() -> None:
    assert "emulator" not in by_name(given_endpoint="http://there:4566")


def test_basket_gets_the_addresses_of_product_and_ordering() -> None:
    env = by_name()["basket"].env
    assert (env["PRODUCT_URL"], env["ORDERING_URL"]) == ("http://127.0.0.1:8001", "http://127.0.0.1:8003")


def test_web_services_count_as_started_when_they_are_ready() -> None:
    assert by_name()["ordering"].ready == "http://127.0.0.1:8003/health/ready"


def test_services_trust_the_door_and_only_if_there_is_one() -> None:
    assert by_name()["basket"].env["SHOP_TRUSTED_PROXIES"] == "127.0.0.1"
    ports = {name: port for name, port in Settings().ports.items() if name != "door"}
    without = by_name(ports=ports)
    assert "door" not in without
    assert "SHOP_TRUSTED_PROXIES" not in without["basket"].env


def test_the_room_is_one_worker_and_knows_the_supervisor_and_the_address_of_the_pages() -> None:
    room = by_name()["room"]
    assert room.command[-3:] == ("--workers", "1", "shop.room.app:from_env()")
    assert room.env["SHOP_SOCKET"] == str(Paths(Path("/var/mine")).socket)
    assert room.env["SHOP_FILES"] == "/var/mine"
    assert (room.env["PORT"], room.env["STOREFRONT_URL"]) == ("8007", "http://127.0.0.1:8000")


def test_dev_reloads_web_services_and_workers() -> None:
    dev = by_name(dev=True)
    assert "--reload" in dev["product"].command
    assert "watchfiles" in dev["ordering-consumer"].command
    assert dev["ordering-consumer"].command[-2:] == ("services/ordering", "chassis")


def test_run_reloads_nothing() -> None:
    assert not any({"--reload", "watchfiles"} & {*program.command} for program in by_name().values())


def test_all_stops_without_the_emulator_take_less_than_ten_seconds() -> None:
    stages = ([step.stop_seconds for step in stage if isinstance(step, Program)] for stage in the_plan()[1:])
    assert sum(max(seconds, default=0) for seconds in stages) < 10
    assert by_name()["emulator"].stop_seconds >= 300


def test_reset_ends_with_a_seeded_shop() -> None:
    assert [task.command[-1] for task in emptying()] == ["down", "up", "services.product.seed"]
    assert all(isinstance(task, Task) for task in emptying())
