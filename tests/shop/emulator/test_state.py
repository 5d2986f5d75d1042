"""Saves are complete or not there."""

import os
from pathlib import Path

import pytest

from shop.emulator.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "emulator")


def save(state: State, content: str) -> None:
    draft = state.draft()
    (draft / "sqs.json").write_text(content)
    state.publish(draft)


def held(state: State) -> str:
    return (state.newest() / "sqs.json").read_text()


def test_only_the_newest_save_is_kept_and_read(state: State) -> None:
    for number in range(12):
        save(state, str(number))
    assert held(state) == "11"
    assert [it.name for it in state.path.iterdir()] == ["12"]


def test_an_interrupted_save_is_ignored(state: State) -> None:
    save(state, "before")
    (state.draft() / "sqs.json").write_text("half of")
    assert held(state) == "before"
    save(state, "after")
    assert held(state) == "after"


def test_a_draft_begins_empty(state: State) -> None:
    (state.draft() / "dynamodb.json").write_text("half of")
    assert list(state.draft().iterdir()) == []


def test_drafts_of_every_process_are_removed(state: State) -> None:
    save(state, "complete")
    (state.draft() / "sqs.json").write_text("half of")
    (state.path / "draft").mkdir()
    state.remove_drafts()
    assert [it.name for it in state.path.iterdir()] == ["1"]


def test_files_of_an_earlier_version_are_read_and_then_replaced(state: State) -> None:
    state.path.mkdir()
    (state.path / "sqs.json").write_text("of old")
    assert held(state) == "of old"
    save(state, "new")
    assert [it.name for it in state.path.iterdir()] == ["1"]


def test_a_save_is_for_its_owner_only(state: State) -> None:
    save(state, "private")
    assert state.newest().stat().st_mode & 0o077 == 0


def test_the_message_about_a_loss_has_the_time_of_the_last_save(state: State) -> None:
    assert state.saved_at() is None
    assert state.loss() == "Nothing was saved yet: what it held is lost."
    save(state, "something")
    assert state.saved_at() == pytest.approx(state.newest().stat().st_mtime)
    os.utime(state.newest(), (0, 0))
    assert "The last save is of " in state.loss()
    assert state.loss().endswith(": what changed since may be lost.")


def test_a_save_under_way_grows(state: State) -> None:
    assert state.drafted() == 0
    (state.draft() / "sqs.json").write_text("12345")
    assert state.drafted() == 5


def test_a_file_that_is_renamed_while_a_draft_is_measured_is_ignored(state: State) -> None:
    """As `sqs.json.tmp` is when it is complete; a link to nothing is listed and not there, too."""
    draft = state.draft()
    (draft / "sqs.json.tmp").symlink_to("renamed")
    (draft / "dynamodb.json").write_text("12345")
    assert state.drafted() == 5


def test_only_the_save_at_the_end_is_final_until_the_next_start(state: State) -> None:
    assert not state.is_final()
    state.publish(state.draft(), final=True)
    assert state.is_final()
    state.reopen()
    assert not state.is_final()
    state.publish(state.draft(), final=True)
    save(state, "of the next one")
    assert not state.is_final()
