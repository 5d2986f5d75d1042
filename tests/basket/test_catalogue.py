import itertools
from collections.abc import Collection
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.errors import Unavailable
from services.basket.catalogue import CatalogueItem, ReplicatedCatalogue, RequestCache
from services.basket.models import Listing
from tests.fakes import FakeCatalogue, FakeCatalogueItems

PHONE = Listing("PHONE", Decimal(950))


def entry(product_id: str = "phone", version: int = 1, price: str = "950") -> CatalogueItem:
    return CatalogueItem(
        productId=product_id, version=version, name=product_id.upper(), category="c", price=Decimal(price)
    )


def tombstone(product_id: str = "phone", version: int = 2) -> CatalogueItem:
    return CatalogueItem.tombstone(product_id, version, "2026-11-21T09:30:00.123Z")


class Owner:
    """A product service with the given products. `asked` records each requested product."""

    def __init__(self, *entries: CatalogueItem) -> None:
        self.entries = {each.productId: each for each in entries}
        self.asked: list[str] = []
        self.down = False

    def find(self, product_ids: Collection[str]) -> list[CatalogueItem]:
        if self.down:
            raise Unavailable("The product service does not answer.")
        self.asked += product_ids
        return [self.entries[product_id] for product_id in product_ids if product_id in self.entries]


def test_known_product_needs_no_request() -> None:
    owner = Owner()
    owner.down = True
    assert ReplicatedCatalogue(FakeCatalogueItems(entry()), owner).look_up(["phone"]) == {"phone": PHONE}


def test_unknown_product_is_requested_once_and_then_known() -> None:
    entries, owner = FakeCatalogueItems(entry("case")), Owner(entry("phone"))
    catalogue = ReplicatedCatalogue(entries, owner)
    for _ in range(3):
        assert set(catalogue.look_up(["phone", "case", "phone"])) == {"phone", "case"}
    assert owner.asked == ["phone"]


def test_nonexistent_product_is_not_listed() -> None:
    assert ReplicatedCatalogue(FakeCatalogueItems(), Owner()).look_up(["none"]) == {}


def test_unknown_product_is_unavailable_while_the_product_service_is_down() -> None:
    owner = Owner()
    owner.down = True
    with pytest.raises(Unavailable):
        ReplicatedCatalogue(FakeCatalogueItems(entry()), owner).look_up(["phone", "case"])


def test_deleted_product_is_not_listed_and_not_requested() -> None:
    owner = Owner(entry())
    assert ReplicatedCatalogue(FakeCatalogueItems(tombstone()), owner).look_up(["phone"]) == {}
    assert owner.asked == []


def test_response_older_than_a_later_event_changes_nothing() -> None:
    entries = FakeCatalogueItems()

    class Slow(Owner):
        def find(self, product_ids: Collection[str]) -> list[CatalogueItem]:
            found = super().find(product_ids)
            entries.put_newer(tombstone(version=2))
            return found

    assert ReplicatedCatalogue(entries, Slow(entry(version=1))).look_up(["phone"]) == {}
    assert entries.rows == {"phone": tombstone(version=2)}


def test_request_cache_looks_up_each_product_once() -> None:
    asked = FakeCatalogue(phone="950")
    catalogue = RequestCache(asked)
    for _ in range(3):
        assert set(catalogue.look_up(["phone", "none"])) == {"phone"}
    assert sorted(asked.asked) == ["none", "phone"]


LIVES = [entry(version=1), entry(version=2, price="9"), tombstone(version=3), entry(version=4), entry(version=5)]


@given(st.lists(st.sampled_from(LIVES), max_size=12).map(lambda extra: extra + LIVES).flatmap(st.permutations))
def test_events_in_any_sequence_with_repetitions_give_the_same_catalogue(
    told: list[CatalogueItem],
) -> None:
    entries = FakeCatalogueItems()
    for each in told:
        entries.put_newer(each)
    assert entries.rows == {"phone": LIVES[-1]}


def test_product_never_returns_to_an_earlier_version() -> None:
    for told in itertools.permutations(LIVES):
        entries = FakeCatalogueItems()
        versions = [entries.put_newer(each).version for each in told]
        assert versions == sorted(versions)
