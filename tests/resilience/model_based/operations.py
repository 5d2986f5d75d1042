"""What clients do, as values that Hypothesis can draw and the model can run at any moment."""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st

from services.basket.models import BasketInput, LineInput
from tests.resilience.model_based.fault_schedule import Call, Effect, Fault
from tests.resilience.model_based.ledger import Request, Units, everything, units
from tests.resilience.model_based.shop_model import ShopModel

Operation = Callable[[ShopModel, str], None]  # by a user
Faults = dict[Call, list[tuple[Effect, tuple[Operation, ...]]]]  # with what others do just before the call
PRODUCTS = ("phone", "case", "cable")


@dataclass(frozen=True)
class Add:
    product: str
    color: str
    quantity: int

    def __call__(self, shop: ShopModel, user: str) -> None:
        line = LineInput(productId=self.product, color=self.color, quantity=self.quantity)
        shop.edit(Request(user, "add", units([astuple(self)])), lambda: shop.service.add(user, line))


@dataclass(frozen=True)
class Replace:
    lines: tuple[Add, ...]

    def __call__(self, shop: ShopModel, user: str) -> None:
        lines = [LineInput(productId=line.product, color=line.color, quantity=line.quantity) for line in self.lines]
        request = Request(user, "replace", units(map(astuple, self.lines)), everything)
        shop.edit(request, lambda: shop.service.replace(BasketInput(userName=user, items=lines)))


@dataclass(frozen=True)
class RemoveLine:
    product: str
    color: str | None

    def __call__(self, shop: ShopModel, user: str) -> None:
        request = Request(user, "remove line", takes=self._matching)
        shop.edit(request, lambda: shop.service.remove_line(user, self.product, self.color))

    def _matching(self, had: Units) -> Units:
        return Units({line: n for line, n in had.items() if line[0] == self.product and self.color in {None, line[1]}})


@dataclass(frozen=True)
class RemoveBasket:
    def __call__(self, shop: ShopModel, user: str) -> None:
        shop.edit(Request(user, "remove basket", takes=everything), lambda: shop.service.remove(user))


@dataclass(frozen=True)
class CheckOut:
    key: str | None
    address: str
    with_expected_total: bool

    def __call__(self, shop: ShopModel, user: str) -> None:
        shop.check_out(user, self.key, self.address, with_expected_total=self.with_expected_total)


@dataclass(frozen=True)
class SetPrice:
    """None: the product is no longer sold."""

    product: str
    price: Decimal | None

    def __call__(self, shop: ShopModel, user: str) -> None:
        shop.set_price(self.product, self.price)


@dataclass(frozen=True)
class Repeat:
    """Stands for the operation that is under way: a concurrent repetition of the request."""

    def __call__(self, shop: ShopModel, user: str) -> None: ...


products = st.sampled_from(PRODUCTS)
additions = st.builds(Add, products, st.sampled_from(["", "Red"]), st.integers(1, 9))
amounts = st.decimals(0, 1000, places=2)
prices = st.builds(SetPrice, products, st.one_of(*[amounts] * 7, st.none()))
edits = st.one_of(
    additions,
    additions,
    st.builds(Replace, st.lists(additions, max_size=3).map(tuple)),
    st.builds(RemoveLine, products, st.sampled_from(["", "Red", None])),
    st.builds(RemoveBasket),
)
checkouts = st.builds(CheckOut, st.sampled_from([None, "k1", "k2"]), st.sampled_from("AAAB"), st.booleans())
meanwhile = st.lists(st.one_of(checkouts, st.builds(Repeat), edits, prices), max_size=2).map(tuple)
effects = st.sampled_from([Effect.NONE] * 10 + list(Effect))
fault = st.tuples(effects, st.one_of(st.just(()), st.just(()), meanwhile))
faults = st.fixed_dictionaries(
    {}, optional={call: st.lists(fault, min_size=1, max_size=size) for call, size in zip(Call, (5, 3, 2), strict=True)}
)


def nothing(shop: ShopModel, user: str) -> None:
    pass


def schedule(shop: ShopModel, user: str, faults: Faults, operation: Operation = nothing) -> dict[Call, list[Fault]]:
    """`faults` for an operation of that user."""

    def bound(others: tuple[Operation, ...]) -> tuple[Callable[[], object], ...]:
        return tuple(partial(operation if isinstance(each, Repeat) else each, shop, user) for each in others)

    return {call: [Fault(effect, bound(others)) for effect, others in each] for call, each in faults.items()}
