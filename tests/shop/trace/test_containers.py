import subprocess
from typing import Any

import pytest

from chassis import tracing
from shop.trace.containers import read_of_containers


def copied(command: tuple[str, ...], **_: Any) -> None:
    """What `docker compose cp` leaves in its last argument."""
    wanted, folder = command[-2:]
    assert wanted == "room:/traces/."
    tracing.configure("basket", {"SHOP_TRACE": folder})
    with tracing.Span("request", "POST /basket/checkout"):
        tracing.annotate(correlation_id="c-1")


def test_spans_of_containers_are_read_from_a_copy() -> None:
    assert [span.process for span in read_of_containers("c-1", copied)] == ["basket"]
    assert read_of_containers("c-2", copied) == []


@pytest.mark.parametrize("error", [FileNotFoundError("docker"), subprocess.TimeoutExpired("docker", 60)])
def test_without_an_answer_of_docker_there_are_none(error: Exception) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    assert read_of_containers("c-1", fails) == []


def test_containers_that_do_not_run_have_none() -> None:
    assert read_of_containers("c-1", lambda *_, **__: None) == []
