"""The shop in containers, started once for the tests that need it."""

from collections.abc import Iterator

import pytest

from tests.e2e.compose import Compose


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    compose = Compose(tmp_path_factory.mktemp("compose"))
    try:
        compose.build()
        compose("up", "--wait", "--detach")
        yield compose
    finally:
        compose("down", "--volumes", "--remove-orphans")
    assert compose.remains() == ""
