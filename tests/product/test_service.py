import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import deadline, logs
from chassis.core.errors import Conflict, DomainError, NotFound, PreconditionFailed, Refused, Unavailable
from services.product.conditions import Condition
from services.product.models import ProductChanges, ProductFields, Tombstone
from tests.fakes import ProductShop, Write, WriteEffect, after, answer_lost, cancelled, never_arrived, refused
from tests.samples import PHONE, product

NEW = ProductFields.model_validate(PHONE)
CHEAP = ProductChanges(price=Decimal("9.90"))


def at(version: int) -> Condition:
    return lambda now: now == version


@pytest.fixture
def shop() -> ProductShop:
    return ProductShop(product("p-1"))


def data(shop: ProductShop) -> list[dict[str, Any]]:
    return [json.loads(event.detail, parse_float=Decimal)["data"] for event in shop.events]


# ── Products ──


def test_new_product_gets_an_id_and_version_1(shop: ProductShop) -> None:
    created = shop.service.create(NEW)
    assert (created.id, created.version) == ("p-new-1", 1)
    assert shop.service.get("p-new-1") == created


def test_replacement_resets_omitted_fields(shop: ProductShop) -> None:
    shop.service.update("p-1", ProductChanges(description="Nice"), None)
    replaced = shop.service.replace("p-1", ProductFields.model_validate(PHONE | {"name": "IPhone 11"}), at(2))
    assert (replaced.name, replaced.description, replaced.version) == ("IPhone 11", "", 3)


def test_change_affects_only_the_sent_fields(shop: ProductShop) -> None:
    assert shop.service.update("p-1", CHEAP, None) == product("p-1", price=Decimal("9.90"), version=2)


@pytest.mark.parametrize("changes", [{}, {"name": "Newer"}])
def test_change_of_another_version_is_rejected(shop: ProductShop, changes: dict[str, str]) -> None:
    with pytest.raises(PreconditionFailed) as caught:
        shop.service.update("p-1", ProductChanges.model_validate(changes), at(7))
    assert caught.value.members == {"version": 1}
    assert shop.events == []


def test_deleted_product_leaves_a_tombstone(shop: ProductShop) -> None:
    shop.service.remove("p-1", at(1))
    assert shop.products.rows == {"p-1": Tombstone(id="p-1", version=2, deletedAt="2026-11-21T09:30:00.123Z")}
    for call in (shop.service.get, lambda name: shop.service.remove(name, None)):
        with pytest.raises(NotFound):
            call("p-1")


def test_tombstone_lives_longer_than_an_event_can_be_delayed() -> None:
    tombstone = Tombstone(id="p-1", version=2, deletedAt="2026-11-21T09:30:00.123Z")
    assert tombstone.expires_at == 1803029400  # 2027-02-19T09:30:00Z


def test_versions_continue_after_a_deletion(shop: ProductShop) -> None:
    shop.service.remove("p-1", None)
    assert shop.service.add(product("p-1")).version == 3
    with pytest.raises(Conflict):
        shop.service.add(product("p-1"))


# ── The events ──


def test_each_write_publishes_one_event_with_product_and_version(shop: ProductShop) -> None:
    logs.correlate("c-1")
    shop.service.create(NEW)
    shop.service.update("p-new-1", CHEAP, None)
    shop.service.remove("p-new-1", None)
    events = shop.bus.published
    assert [(event.detail_type, event.id) for event in events] == [
        ("ProductCreated", "p-new-1@1"),
        ("ProductChanged", "p-new-1@2"),
        ("ProductDeleted", "p-new-1@3"),
    ]
    assert {(event.source, event.correlation_id) for event in events} == {("com.swn.product", "c-1")}
    assert shop.outbox.rows == {}


def test_empty_change_keeps_the_version_and_publishes_nothing(shop: ProductShop) -> None:
    assert shop.service.update("p-1", ProductChanges(), at(1)) == product("p-1")
    assert shop.events == []


@pytest.mark.parametrize("mode", ["refuses", "raises", "is down", "loses its answer"])
def test_write_succeeds_without_the_bus_and_its_event_waits_for_the_relay(shop: ProductShop, mode: str) -> None:
    shop.bus.mode = mode
    assert shop.service.update("p-1", CHEAP, None).version == 2
    assert set(shop.outbox.rows) == {"p-1@2"}


def test_failed_commit_leaves_the_product_unchanged(shop: ProductShop) -> None:
    shop.products.effects.extend([never_arrived] * 1000)
    deadline.start(0.5)
    with pytest.raises(Unavailable, match="unknown"):
        shop.service.update("p-1", CHEAP, None)
    assert (shop.service.get("p-1").version, shop.events) == (1, [])


# ── Races and lost answers ──


def test_change_after_a_lost_race_is_applied_to_the_new_version(shop: ProductShop) -> None:
    shop.products.effects.append(after(lambda: shop.service.update("p-1", ProductChanges(name="Other"), None)))
    changed = shop.service.update("p-1", CHEAP, None)
    assert (changed.name, changed.price, changed.version) == ("Other", Decimal("9.90"), 3)
    assert [(each["version"], each["oldPrice"]) for each in data(shop)] == [(2, 950), (3, 950)]


def test_conditional_change_after_a_lost_race_is_rejected(shop: ProductShop) -> None:
    shop.products.effects.append(after(lambda: shop.service.update("p-1", ProductChanges(name="Other"), None)))
    with pytest.raises(PreconditionFailed):
        shop.service.update("p-1", CHEAP, at(1))


WRITES: list[Callable[[ProductShop], Any]] = [
    lambda shop: shop.service.create(NEW),
    lambda shop: shop.service.update("p-1", CHEAP, at(1)),
    lambda shop: shop.service.replace("p-1", NEW, None),
    lambda shop: shop.service.remove("p-1", at(1)),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("effects", [[answer_lost], [never_arrived], [cancelled, answer_lost], [never_arrived] * 3])
def test_write_with_a_lost_answer_happens_once_with_one_event(
    write: Callable[[ProductShop], Any], effects: list[WriteEffect]
) -> None:
    calm, shop_with_faults = ProductShop(product("p-1")), ProductShop(product("p-1"))
    logs.correlate("c-1")
    expected = write(calm)
    shop_with_faults.products.effects.extend(effects)
    assert write(shop_with_faults) == expected
    assert (shop_with_faults.products.rows, shop_with_faults.events) == (calm.products.rows, calm.events)


@pytest.mark.parametrize(
    ("meanwhile", "write"),
    [
        (lambda shop: shop.service.remove("p-1", None), WRITES[1]),
        (lambda shop: shop.service.add(product("p-1")), WRITES[3]),
        (lambda shop: shop.service.update("p-1", ProductChanges(name="Other"), None), WRITES[1]),
    ],
)
def test_errors_after_an_unanswered_write_become_unknown_outcome(
    shop: ProductShop, meanwhile: Callable[[ProductShop], Any], write: Callable[[ProductShop], Any]
) -> None:
    def lost_and_overtaken(commit: Write) -> bool:
        commit()
        meanwhile(shop)
        raise Unavailable("DynamoDB does not answer.")

    shop.products.effects.append(lost_and_overtaken)
    with pytest.raises(Unavailable, match="unknown"):
        write(shop)


@pytest.mark.parametrize(("before", "known"), [([], True), ([cancelled], True), ([never_arrived], False)])
def test_refused_write_is_certain_unless_an_earlier_attempt_was_unanswered(
    shop: ProductShop, before: list[WriteEffect], known: bool
) -> None:
    shop.products.effects.extend([*before, refused])
    with pytest.raises(Unavailable) as caught:
        shop.service.update("p-1", CHEAP, None)
    assert isinstance(caught.value, Refused) is known
    assert ("unknown" in caught.value.detail) is not known
    assert (shop.service.get("p-1").version, shop.events) == (1, [])


def test_unavailable_database_before_the_write_is_no_unknown_outcome(shop: ProductShop) -> None:
    shop.products.down = True
    with pytest.raises(DomainError) as caught:
        shop.service.update("p-1", CHEAP, None)
    assert "unknown" not in caught.value.detail


steps = st.tuples(
    st.sampled_from(["add", "update", "remove"]),
    st.lists(st.sampled_from([answer_lost, never_arrived, cancelled, refused]), max_size=2),
    st.sampled_from(["takes", "refuses", "is down", "loses its answer"]),
)


@given(st.lists(steps, max_size=12))
def test_every_version_has_exactly_one_event(history: list[Any]) -> None:
    shop = ProductShop()
    for what, effects, mode in history:
        shop.products.effects.extend(effects)
        shop.bus.mode = mode
        try:
            if what == "add":
                shop.service.add(product("p-1"))
            elif what == "update":
                shop.service.update("p-1", CHEAP, None)
            else:
                shop.service.remove("p-1", None)
        except (NotFound, Conflict, Unavailable):
            shop.products.recover()
    row = shop.products.rows.get("p-1")
    told = {event.id: event for event in shop.events}
    assert sorted(told) == sorted(f"p-1@{version}" for version in range(1, (row.version if row else 0) + 1))
