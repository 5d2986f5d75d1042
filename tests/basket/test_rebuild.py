from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from chassis.core.paging import Page
from services.basket.catalogue import CatalogueItem
from services.basket.rebuild import MAX_PASSES, main, rebuild
from services.basket.wiring import Wiring as BasketWiring
from services.product.app import from_env as product_from_env
from services.product.models import ProductFields
from services.product.seed import seed
from services.product.wiring import Wiring as ProductWiring
from tests import aws_clients
from tests.environment import free_port
from tests.fakes import FakeCatalogueItems
from tests.paging import every_row
from tests.processes import serving

FIELDS = ProductFields(name="P", category="c", price=Decimal("12.30"))


def entry(product_id: str, version: int = 1) -> CatalogueItem:
    return CatalogueItem(productId=product_id, version=version, name="P", category="c", price=Decimal(version))


class Owner:
    """Returns its products in pages of two. Calls `meanwhile` before each page."""

    def __init__(self, *entries: CatalogueItem, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.entries = list(entries)
        self.meanwhile = meanwhile

    def page(self, cursor: str | None) -> Page[CatalogueItem]:
        self.meanwhile()
        start = int(cursor or 0)
        more = start + 2 < len(self.entries)
        return Page(self.entries[start : start + 2], str(start + 2) if more else None)


def test_empty_copy_gets_every_product_and_tombstone() -> None:
    gone = CatalogueItem.tombstone("p-5", 3, "2026-11-21T09:30:00.123Z")
    owner, entries, said = Owner(*(entry(f"p-{n}") for n in range(5)), gone), FakeCatalogueItems(), list[str]()
    assert rebuild(owner, entries, said.append)
    assert list(entries.rows.values()) == owner.entries
    assert said == [f"pass 1: {n} products compared, {n} added" for n in (2, 4, 6)] + [
        f"pass 2: {n} products compared, {n} equal" for n in (2, 4, 6)
    ]


def test_item_of_a_concurrent_event_is_kept() -> None:
    """The page was read before the change and the row after it."""
    later = entry("p-1", version=2)
    owner, said = Owner(entry("p-1")), list[str]()

    class Behind(FakeCatalogueItems):
        def get_many(self, product_ids: Collection[str]) -> list[CatalogueItem]:
            owner.entries = [later]
            self.put_newer(later)
            return super().get_many(product_ids)

    entries = Behind()
    assert rebuild(owner, entries, said.append)
    assert entries.rows == {"p-1": later}
    assert said == ["pass 1: 1 products compared, 1 newer"]


@pytest.mark.parametrize(
    "wrong",
    [
        entry("p-1", version=1_000_000_000),  # no event of the product service can be newer
        entry("p-1", version=4),
        CatalogueItem.tombstone("p-1", 4, "2026-11-21T09:30:00.123Z"),
        entry("p-1", version=3).model_copy(update={"price": Decimal("0.01")}),
        entry("p-1", version=3).model_copy(update={"name": "Another"}),
        entry("p-1", version=3).model_copy(update={"deleted": True}),
    ],
)
def test_row_that_differs_from_product_is_repaired(wrong: CatalogueItem) -> None:
    entries, said = FakeCatalogueItems(wrong, entry("p-2")), list[str]()
    assert rebuild(Owner(entry("p-1", version=3), entry("p-2")), entries, said.append)
    assert entries.rows == {"p-1": entry("p-1", version=3), "p-2": entry("p-2")}
    assert said == ["pass 1: 2 products compared, 1 equal, 1 repaired", "pass 2: 2 products compared, 2 equal"]
    assert entries.put_newer(entry("p-1", version=4)).version == 4


def test_deleted_product_restored_by_a_false_row_is_deleted_again() -> None:
    gone = CatalogueItem.tombstone("p-1", 3, "2026-11-21T09:30:00.123Z")
    entries = FakeCatalogueItems(entry("p-1", version=99))
    assert rebuild(Owner(gone), entries, lambda _: None)
    assert entries.rows == {"p-1": gone}


def test_row_of_a_nonexistent_product_is_removed() -> None:
    entries, said = FakeCatalogueItems(entry("p-0"), entry("p-1")), list[str]()
    assert rebuild(Owner(entry("p-1")), entries, said.append)
    assert entries.rows == {"p-1": entry("p-1")}
    assert said[1:] == [
        "pass 1: 1 products compared, 1 equal, 1 removed",
        "pass 2: 1 products compared, 1 equal",
    ]


def test_product_created_during_a_pass_is_not_removed() -> None:
    """Its event arrives after the versions were read, and the pages were read before it was created."""
    entries = FakeCatalogueItems()
    made = entry("p-new")
    owner = Owner(meanwhile=lambda: entries.put_newer(made))
    assert rebuild(owner, entries, lambda _: None)
    assert entries.rows == {"p-new": made}


def test_event_hidden_by_a_false_row_is_repaired_in_the_next_pass() -> None:
    owner = Owner(entry("p-1", version=3))

    class Changing(FakeCatalogueItems):
        def overwrite(self, row: CatalogueItem, seen: Any) -> bool:
            owner.entries = [entry("p-1", version=4)]
            self.put_newer(entry("p-1", version=4))  # the event of the change comes now, and is taken for an old one
            return super().overwrite(row, seen)

    entries = Changing(entry("p-1", version=99))
    assert rebuild(owner, entries, lambda _: None)
    assert entries.rows == {"p-1": entry("p-1", version=4)}


def test_row_that_changes_before_its_repair_is_repaired_in_the_next_pass() -> None:
    class Racing(FakeCatalogueItems):
        def overwrite(self, row: CatalogueItem, seen: Any) -> bool:
            if seen == 99:
                self.rows["p-1"] = entry("p-1", version=100)
            return super().overwrite(row, seen)

    entries, said = Racing(entry("p-1", version=99)), list[str]()
    assert rebuild(Owner(entry("p-1")), entries, said.append)
    assert entries.rows == {"p-1": entry("p-1")}
    assert [text.partition("compared, ")[2] for text in said] == ["1 overtaken", "1 repaired", "1 equal"]


def test_product_changed_during_a_pass_is_updated_in_the_next() -> None:
    versions = iter([1, 2, 3, 3, 3])
    owner = Owner(meanwhile=lambda: owner.entries.__setitem__(slice(None), [entry("p-1", next(versions))]))
    entries = FakeCatalogueItems()
    assert rebuild(owner, entries, lambda _: None)
    assert entries.rows == {"p-1": entry("p-1", version=3)}


def test_rebuild_ends_after_ten_passes_if_products_keep_changing() -> None:
    def versions() -> Iterator[int]:
        yield from range(1, 1000)

    numbers = versions()
    owner = Owner(meanwhile=lambda: owner.entries.__setitem__(slice(None), [entry("p-1", next(numbers))]))
    assert not rebuild(owner, FakeCatalogueItems(), lambda _: None)
    assert next(numbers) == MAX_PASSES + 1


@pytest.mark.integration
def test_emptied_catalogue_is_filled_from_the_product_service(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    owner = ProductWiring(stack)
    products, service = owner.store, owner.service(owner.publish_now)
    seed(service)
    deleted = products.page(None, 1, None).items[0].id
    service.remove(deleted, None)
    with serving(product_from_env(stack)) as url:
        assert main([], {**stack, "PRODUCT_URL": url}) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The copy now equals the catalogue."
    kept = {row.id: row.version for row in every_row(lambda cursor: products.page_with_tombstones(100, cursor))}
    rows = aws_clients.table("shop-catalogue").scan()["Items"]
    assert {row["productId"]: row["version"] for row in rows} == kept
    (tombstone,) = BasketWiring(stack).catalogue_store.get_many([deleted])
    assert (tombstone.deleted, tombstone.version) == (True, 2)


@pytest.mark.integration
def test_price_blocked_by_a_false_event_is_repaired_and_changes_again(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    owner, catalogue = ProductWiring(stack), BasketWiring(stack).catalogue_store
    service = owner.service(owner.publish_now)
    frozen, forged = service.create(FIELDS), service.create(FIELDS)
    catalogue.put_newer(entry(frozen.id, version=1_000_000_000))
    catalogue.put_newer(entry(forged.id, version=1))  # the true version, another content
    catalogue.put_newer(entry("p-unknown", version=7))
    with serving(product_from_env(stack)) as url:
        assert main([], {**stack, "PRODUCT_URL": url}) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-3:] == [
        "pass 1: 2 products compared, 2 repaired, 1 removed",
        "pass 2: 2 products compared, 2 equal",
        "The copy now equals the catalogue.",
    ]
    assert {row.productId: row.price for row in catalogue.get_many([frozen.id, forged.id, "p-unknown"])} == {
        frozen.id: FIELDS.price,
        forged.id: FIELDS.price,
    }
    assert catalogue.put_newer(entry(frozen.id, version=2)).version == 2


@pytest.mark.integration
def test_rebuild_without_the_product_service_says_what_to_do(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], {**stack, "PRODUCT_URL": f"http://127.0.0.1:{free_port()}"}) == 1
    assert "Run this command again" in capsys.readouterr().err


@pytest.mark.usefixtures("nowhere")
def test_rebuild_without_a_region_names_the_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {}) == 1
    assert capsys.readouterr().err == (
        "rebuild: No AWS region is set. Set AWS_REGION, for example AWS_REGION=eu-west-1.\n"
    )


@pytest.mark.integration
@pytest.mark.parametrize("broken", [{"version": 1, "price": "dear"}, {"version": "x"}, {}])
def test_unreadable_row_is_unknown_and_repaired(stack: Mapping[str, str], broken: dict[str, Any]) -> None:
    row = aws_clients.table("shop-catalogue")
    copy, true = BasketWiring(stack).catalogue_store, entry("p-1")
    row.put_item(Item={"productId": "p-1"} | broken)
    assert copy.get_many(["p-1"]) == []
    assert copy.put_newer(true) == true
    row.put_item(Item={"productId": "p-1"} | broken)
    said: list[str] = []
    assert rebuild(Owner(true), copy, said.append)
    assert copy.get_many(["p-1"]) == [true]
    assert [text.partition("compared, ")[2] for text in said] == ["1 repaired", "1 equal"]


@pytest.mark.integration
def test_row_without_a_version_of_a_nonexistent_product_is_removed(stack: Mapping[str, str]) -> None:
    row = aws_clients.table("shop-catalogue")
    row.put_item(Item={"productId": "p-1"})
    assert rebuild(Owner(), BasketWiring(stack).catalogue_store, lambda _: None)
    assert "Item" not in row.get_item(Key={"productId": "p-1"})
