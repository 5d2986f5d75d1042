"""All logs in one stream."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop.logs.follow import Follower
from shop.paths import Paths
from shop.processes.programs import Program

PLAN = ((Program("basket", ("true",)), Program("product", ("true",))),)


class Following:
    def __init__(self, path: Path) -> None:
        self.paths = Paths(path)
        self.paths.make()
        self.said: list[str] = []
        self.follower = Follower(self.paths, PLAN, {}, self.said.append, terminal=False)
        self.follower.start()


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    it = Following(tmp_path)
    yield it
    it.follower.close()


def event(second: int, name: str) -> str:
    return json.dumps({"timestamp": f"2026-11-02T10:00:{second:02}Z", "event": name}) + "\n"


def test_lines_of_two_processes_are_sorted_by_time(following: Following) -> None:
    paths, follower, said = following.paths, following.follower, following.said
    paths.log("basket").write_text(event(2, "second") + "a traceback's line\n")
    paths.log("product").write_text(event(1, "first") + event(3, "third"))
    follower.show()
    assert [line.split("│")[0].strip() for line in said] == ["product", "basket", "basket", "product"]
    assert "a traceback's line" in said[2]


def test_supervisors_log_shows_only_what_exited(following: Following) -> None:
    paths, follower, said = following.paths, following.follower, following.said
    paths.supervisor_log.write_text("INFO spawned: 'basket'\nWARN exited: basket (exit status 1; not expected)\n")
    follower.show()
    assert len(said) == 1
    assert "exited: basket" in said[0]


def test_only_the_named_processes_are_shown(following: Following) -> None:
    paths, follower, said = following.paths, following.follower, following.said
    follower.start(["product"])
    paths.log("basket").write_text("no\n")
    paths.log("product").write_text("yes\n")
    follower.show()
    assert [line[-3:] for line in said] == ["yes"]
