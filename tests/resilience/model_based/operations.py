"""What people in a market do, as values that a test can draw, and do in a user's name at any moment."""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st

from services.basket.models import BasketInput, LineInput
from tests.resilience.model_based.fault_schedule import Blow, Fate, Kind
from tests.resilience.model_based.ledger import Task, Units, everything, units
from tests.resilience.model_based.shop_model import Market

Deed = Callable[[Market, str], None]
Blows = dict[Kind, list[tuple[Fate, tuple[Deed, ...]]]]
PRODUCTS = ("phone", "case", "cable")


@dataclass(frozen=True)
class Add:
    product: str
    color: str
    quantity: int

    def __call__(self, market: Market, user: str) -> None:
        line = LineInput(productId=self.product, color=self.color, quantity=self.quantity)
        market.edit(Task(user, "an addition", units([astuple(self)])), lambda: market.service.add(user, line))


@dataclass(frozen=True)
class Replace:
    lines: tuple[Add, ...]

    def __call__(self, market: Market, user: str) -> None:
        lines = [LineInput(productId=line.product, color=line.color, quantity=line.quantity) for line in self.lines]
        task = Task(user, "a replacement", units(map(astuple, self.lines)), everything)
        market.edit(task, lambda: market.service.replace(BasketInput(userName=user, items=lines)))


@dataclass(frozen=True)
class Drop:
    product: str
    color: str | None

    def __call__(self, market: Market, user: str) -> None:
        task = Task(user, "a drop", takes=self._matching)
        market.edit(task, lambda: market.service.remove_line(user, self.product, self.color))

    def _matching(self, had: Units) -> Units:
        return Units({line: n for line, n in had.items() if line[0] == self.product and self.color in {None, line[1]}})


@dataclass(frozen=True)
class Remove:
    def __call__(self, market: Market, user: str) -> None:
        market.edit(Task(user, "a removal", takes=everything), lambda: market.service.remove(user))


@dataclass(frozen=True)
class CheckOut:
    key: str | None
    address: str
    agreed: bool

    def __call__(self, market: Market, user: str) -> None:
        market.check_out(user, self.key, self.address, agreed=self.agreed)


@dataclass(frozen=True)
class Price:
    """A new price for a product, or none: it is no longer sold."""

    product: str
    price: Decimal | None

    def __call__(self, market: Market, user: str) -> None:
        market.list_(self.product, self.price)


@dataclass(frozen=True)
class Again:
    """The same that is being done just now: a twin of the request."""

    def __call__(self, market: Market, user: str) -> None: ...


products = st.sampled_from(PRODUCTS)
additions = st.builds(Add, products, st.sampled_from(["", "Red"]), st.integers(1, 9))
amounts = st.decimals(0, 1000, places=2)
prices = st.builds(Price, products, st.one_of(*[amounts] * 7, st.none()))
edits = st.one_of(
    additions,
    additions,
    st.builds(Replace, st.lists(additions, max_size=3).map(tuple)),
    st.builds(Drop, products, st.sampled_from(["", "Red", None])),
    st.builds(Remove),
)
checkouts = st.builds(CheckOut, st.sampled_from([None, "k1", "k2"]), st.sampled_from("AAAB"), st.booleans())
meanwhile = st.lists(st.one_of(checkouts, st.builds(Again), edits, prices), max_size=2).map(tuple)
fates = st.sampled_from([Fate.FINE] * 10 + list(Fate))
blow = st.tuples(fates, st.one_of(st.just(()), st.just(()), meanwhile))
blows = st.fixed_dictionaries(
    {}, optional={kind: st.lists(blow, min_size=1, max_size=size) for kind, size in zip(Kind, (5, 3, 2), strict=True)}
)


def _nothing(market: Market, user: str) -> None:
    pass


def amid(market: Market, user: str, blows: Blows, deed: Deed = _nothing) -> dict[Kind, list[Blow]]:
    def bound(deeds: tuple[Deed, ...]) -> tuple[Callable[[], object], ...]:
        return tuple(partial(deed if isinstance(each, Again) else each, market, user) for each in deeds)

    return {kind: [Blow(fate, bound(deeds)) for fate, deeds in dealt] for kind, dealt in blows.items()}
