"""Where a shop's files are."""

from pathlib import Path

from local.home import Home


def test_the_socket_lies_with_the_rest() -> None:
    assert Home(Path("/v/mine")).socket == Path("/v/mine/supervisor.sock")


def test_a_deep_checkout_has_a_socket_short_enough_and_its_own() -> None:
    deep, other = Home(Path("/v" * 60)), Home(Path("/w" * 60))
    assert len(str(deep.socket)) < 104
    assert deep.socket != other.socket
