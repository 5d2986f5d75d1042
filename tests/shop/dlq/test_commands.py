"""Options of the `dlq` commands that make no sense are refused before anything is asked."""

import pytest
from typer.testing import CliRunner

from shop.dlq.commands import dlq


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Usage"),
        (["redrive"], "give exactly one of --message, --limit and --all"),
        (["redrive", "--all", "--limit", "3"], "give exactly one of --message, --limit and --all"),
        (["redrive", "--limit", "0"], "0 is not in the range 1<=x<=1000000"),
        (["show", "--limit", "²"], "'²' is not a valid int"),
        (["drop", "order-dlq"], "Missing option '--message'"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str], complaint: str) -> None:
    answer = CliRunner().invoke(dlq, arguments, env={"COLUMNS": "200"})
    assert answer.exit_code == 2
    assert complaint in answer.output
