from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.chassis.web.sample import Readiness, Served, make_app, serving


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
def client(readiness: Readiness) -> FlaskClient:
    return make_app(readiness).test_client()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("gunicorn") / "log") as served:
        yield served
