from decimal import Decimal

import pytest

from chassis.errors import NotFound, PreconditionFailed
from services.product.models import ProductChanges, ProductFields
from services.product.service import ProductService
from tests.fakes import FakeProducts
from tests.samples import PHONE, product


@pytest.fixture
def products() -> FakeProducts:
    return FakeProducts(product("p-1"))


@pytest.fixture
def service(products: FakeProducts) -> ProductService:
    return ProductService(products, lambda: "p-new")


def test_a_new_product_gets_an_id_and_version_1(service: ProductService) -> None:
    created = service.create(ProductFields.model_validate(PHONE))
    assert (created.id, created.version) == ("p-new", 1)
    assert service.get("p-new") == created


def test_a_replacement_also_resets_what_was_left_out(service: ProductService) -> None:
    service.amend("p-1", ProductChanges(description="Nice"), None)
    replaced = service.replace("p-1", ProductFields.model_validate(PHONE | {"name": "IPhone 11"}), 2)
    assert (replaced.name, replaced.description, replaced.version) == ("IPhone 11", "", 3)


def test_a_change_touches_only_what_was_sent(service: ProductService) -> None:
    changed = service.amend("p-1", ProductChanges(price=Decimal("9.90")), None)
    assert changed == product("p-1", price=Decimal("9.90"), version=2)


def test_no_change_at_all_keeps_the_version(service: ProductService) -> None:
    assert service.amend("p-1", ProductChanges(), 1) == product("p-1")


@pytest.mark.parametrize("changes", [{}, {"name": "Newer"}])
def test_a_change_to_another_version_than_the_one_seen_is_refused(
    service: ProductService, changes: dict[str, str]
) -> None:
    with pytest.raises(PreconditionFailed):
        service.amend("p-1", ProductChanges.model_validate(changes), 7)


def test_a_removed_product_is_gone(service: ProductService, products: FakeProducts) -> None:
    service.remove("p-1", None)
    assert products.rows == {}
    with pytest.raises(NotFound):
        service.get("p-1")
