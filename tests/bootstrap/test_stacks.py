"""The stacks of one shop."""

import pytest

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.names import Names


@pytest.mark.integration
def test_the_resources_of_a_shop_are_those_of_all_its_stacks(aws: Aws, names: Names) -> None:
    found = {resource["LogicalResourceId"] for resource in stacks.resources(aws, names)}
    assert found >= {"Bus", "ProductTable", "CatalogueQueue", "OrderTable"}
    assert stacks.resources(aws, Names("another")) == []
