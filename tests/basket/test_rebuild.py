from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import pytest

from chassis.paging import Page
from services.basket.app import make_catalogue_store
from services.basket.catalogue import Entry
from services.basket.rebuild import PASSES, main, rebuild
from services.product.app import from_env as product_from_env
from services.product.app import make_service, make_store
from services.product.seed import seed
from tests import emulated
from tests.fakes import FakeEntries
from tests.lists import every_row
from tests.machine import free_port
from tests.processes import serving


def entry(product_id: str, version: int = 1) -> Entry:
    return Entry(productId=product_id, version=version, name="P", category="c", price=Decimal(version))


class Owner:
    """Lists its products two a page; `meanwhile` happens before each page is answered."""

    def __init__(self, *entries: Entry, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.entries = list(entries)
        self.meanwhile = meanwhile

    def page(self, cursor: str | None) -> Page[Entry]:
        self.meanwhile()
        start = int(cursor or 0)
        more = start + 2 < len(self.entries)
        return Page(self.entries[start : start + 2], str(start + 2) if more else None)


def test_an_empty_copy_ends_with_every_product_and_every_tombstone() -> None:
    gone = Entry.tombstone("p-5", 3, "2026-11-21T09:30:00.123Z")
    owner, entries, said = Owner(*(entry(f"p-{n}") for n in range(5)), gone), FakeEntries(), list[str]()
    assert rebuild(owner, entries, said.append)
    assert list(entries.rows.values()) == owner.entries
    assert said == [f"pass 1: {n} products read, {n} written" for n in (2, 4, 6)] + [
        f"pass 2: {n} products read, 0 written" for n in (2, 4, 6)
    ]


def test_what_an_event_told_meanwhile_is_kept() -> None:
    entries = FakeEntries()
    owner = Owner(entry("p-1"), meanwhile=lambda: entries.put_newer(entry("p-1", version=9)))
    assert rebuild(owner, entries, lambda _: None)
    assert entries.rows == {"p-1": entry("p-1", version=9)}


def test_a_product_that_changes_during_a_pass_is_taken_by_the_next() -> None:
    versions = iter([1, 2, 3, 3, 3])
    owner = Owner(meanwhile=lambda: owner.entries.__setitem__(slice(None), [entry("p-1", next(versions))]))
    entries = FakeEntries()
    assert rebuild(owner, entries, lambda _: None)
    assert entries.rows == {"p-1": entry("p-1", version=3)}


def test_products_that_never_stand_still_do_not_keep_it_going_for_ever() -> None:
    def versions() -> Iterator[int]:
        yield from range(1, 1000)

    numbers = versions()
    owner = Owner(meanwhile=lambda: owner.entries.__setitem__(slice(None), [entry("p-1", next(numbers))]))
    assert not rebuild(owner, FakeEntries(), lambda _: None)
    assert next(numbers) == PASSES + 1


@pytest.mark.integration
def test_an_emptied_catalogue_is_filled_from_the_product_service(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    products = make_store(stack)
    service = make_service(stack, products)
    seed(service)
    deleted = products.page(None, 1, None).items[0].id
    service.remove(deleted, None)
    with serving(product_from_env(stack)) as url:
        assert main([], {**stack, "PRODUCT_URL": url}) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The catalogue is as the product service has it."
    kept = {row.id: row.version for row in every_row(lambda cursor: products.page_with_tombstones(100, cursor))}
    rows = emulated.table("shop-catalogue").scan()["Items"]
    assert {row["productId"]: row["version"] for row in rows} == kept
    (tombstone,) = make_catalogue_store(stack).get_many([deleted])
    assert (tombstone.deleted, tombstone.version) == (True, 2)


@pytest.mark.integration
def test_without_the_product_service_it_says_what_to_do(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], {**stack, "PRODUCT_URL": f"http://127.0.0.1:{free_port()}"}) == 1
    assert "run it again" in capsys.readouterr().err


@pytest.mark.usefixtures("nowhere")
def test_without_a_region_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {}) == 1
    assert capsys.readouterr().err == (
        "rebuild: There is no AWS region: set AWS_REGION, for example AWS_REGION=eu-west-1.\n"
    )
