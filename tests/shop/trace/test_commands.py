import re
from pathlib import Path

import pytest

from chassis import tracing
from shop import cli
from tests.shops import free_ports


def env(tmp_path: Path) -> dict[str, str]:
    return free_ports() | {"SHOP_VAR": str(tmp_path)}


def test_trace_of_a_correlation_id_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracing.configure("basket", {"SHOP_TRACE": str(tmp_path / "shopwire" / "trace")})
    with tracing.Span("request", "POST /basket/checkout"):
        tracing.annotate(correlation_id="c-1", status=202)
    assert cli.main(["trace", "c-1"], env(tmp_path)) == 0
    said = capsys.readouterr().out.splitlines()
    assert "1 spans of 1 processes in " in said[0]
    assert re.fullmatch(r"POST /basket/checkout 202  basket +0\.0 +\d+\.\d ms  █+", said[2])


def test_of_several_traces_those_of_one_process_get_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for process in ("basket", "ordering"):
        tracing.configure(process, {"SHOP_TRACE": str(tmp_path / "shopwire" / "trace")})
        for name in ("GET /", "GET /basket"):
            with tracing.Span("request", name):
                tracing.annotate(correlation_id="c-1")
    assert cli.main(["trace", "c-1"], env(tmp_path)) == 0
    said = [line.partition(": ")[2].partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == [f"{name} in {it}" for it in ("basket", "ordering") for name in ("GET /", "GET /basket")]


def test_an_unknown_id_is_an_error_that_says_where_spans_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["trace", "c-1"], env(tmp_path)) == 1
    assert f"No span belongs to c-1, neither in {tmp_path}/shopwire/trace nor in the volume" in capsys.readouterr().err


def test_what_is_no_id_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trace", "a b"], env(tmp_path)) == 2
    assert "a b is not an id" in capsys.readouterr().err
