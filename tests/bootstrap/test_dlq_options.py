"""What the `dlq` commands can be told, and what they refuse to be told."""

import pytest

from bootstrap.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["redrive"], "one of the arguments --message --limit --all is required"),
        (["redrive", "--all", "--limit", "3"], "not allowed with argument"),
        (["redrive", "--limit", "0"], "'0' is not a number from 1 to 1000000"),
        (["show", "--limit", "²"], "'²' is not a number"),
        (["drop", "order-dlq"], "the following arguments are required: --message"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["dlq", *arguments], {})
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err
