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


def test_the_emulator_is_first_and_what_needs_a_shop_is_last() -> None:
    names = [[step.name for step in stage] for stage in the_plan()]
    assert names == [
        ["emulator"],
        ["bootstrap"],
        ["seed"],
        [
            *("product", "basket", "ordering"),
            *("product-relay", "basket-relay", "basket-consumer", "ordering-consumer"),
        ],
    ]


def test_the_emulator_is_started_as_the_tests_start_it_and_remembers() -> None:
    emulator = by_name()["emulator"]
    assert emulator.command == ministack.command(4566)
    assert emulator.env == ministack.environment(4566, Path("/var/mine/emulator"))


def test_an_emulator_of_elsewhere_is_not_started() -> None:
    assert "emulator" not in by_name(given_endpoint="http://there:4566")


def test_basket_knows_where_its_peers_are() -> None:
    env = by_name()["basket"].env
    assert (env["PRODUCT_URL"], env["ORDERING_URL"]) == ("http://127.0.0.1:8001", "http://127.0.0.1:8003")


def test_web_services_count_as_started_when_they_are_ready() -> None:
    assert by_name()["ordering"].ready == "http://127.0.0.1:8003/health/ready"


def test_an_edit_reloads_web_services_and_workers_alike_in_dev() -> None:
    dev = by_name(dev=True)
    assert "--reload" in dev["product"].command
    assert "watchfiles" in dev["ordering-consumer"].command
    assert dev["ordering-consumer"].command[-2:] == ("services/ordering", "chassis")


def test_nothing_reloads_otherwise() -> None:
    assert not any({"--reload", "watchfiles"} & {*program.command} for program in by_name().values())


def test_all_stops_together_stay_below_ten_seconds_but_for_the_emulator_which_saves_its_data_first() -> None:
    stages = ([step.stop_seconds for step in stage if isinstance(step, Program)] for stage in the_plan()[1:])
    assert sum(max(seconds, default=0) for seconds in stages) < 10
    assert by_name()["emulator"].stop_seconds >= 300


def test_emptying_ends_with_a_seeded_shop() -> None:
    assert [task.command[-1] for task in emptying()] == ["down", "up", "services.product.seed"]
    assert all(isinstance(task, Task) for task in emptying())
