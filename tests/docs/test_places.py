"""Templates are filled from manifests, and a place without a value is an error."""

import pytest
from jinja2 import UndefinedError

from docs.places import filled


@pytest.mark.parametrize("template", ["fargate.yaml.j2", "functions.yaml.j2"])
def test_place_without_a_value_is_an_error_and_not_an_empty_text(template: str) -> None:
    with pytest.raises(UndefinedError, match="'service' is undefined"):
        filled(template, processes=[])
