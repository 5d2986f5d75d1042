"""What may become of a call to a store or the bus, and what others do meanwhile: dealt out call by call."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple, TypeVar

from chassis.core.errors import Unavailable

T = TypeVar("T")


class Died(BaseException):
    """The process is gone in the middle of its work: no handler of its own runs."""


class Fate(StrEnum):
    FINE = "fine"
    REFUSED = "refused without an error"
    NEVER = "never arrived"
    LOST = "answer lost after the effect"
    REPEATED = "answer lost, and the client library tried again"
    LATE = "no answer, and takes effect after the next look"
    DIES_BEFORE = "the process dies before"
    DIES_AFTER = "the process dies after"


class Kind(StrEnum):
    READ = "read"
    WRITE = "write"
    PUBLISH = "publish"


class Blow(NamedTuple):
    """For one call: what others do just before it, and its fate."""

    fate: Fate = Fate.FINE
    meanwhile: tuple[Callable[[], object], ...] = ()


class Weather:
    def __init__(self) -> None:
        self._blows: dict[Kind, deque[Blow]] = {}
        self._late: list[Callable[[], object]] = []

    @contextmanager
    def of(self, blows: Mapping[Kind, Sequence[Blow]]) -> Iterator[None]:
        """The fates of the calls in this block, one each; when they are used up, all is fine."""
        before, self._blows = self._blows, {kind: deque(dealt) for kind, dealt in blows.items()}
        try:
            yield
        finally:
            self._blows = before

    def strike(
        self,
        kind: Kind,
        do: Callable[[], T],
        refuse: Callable[[], T] | None = None,
        late: Callable[[], object] | None = None,
    ) -> T:
        """`refuse` is what the call does when it is refused, `late` what it does long after; None where it cannot."""
        dealt = self._blows.get(kind)
        blow = dealt.popleft() if dealt else Blow()
        with self.of({}):
            for other in blow.meanwhile:
                other()
        match blow.fate:
            case Fate.NEVER:
                raise Unavailable("It does not answer.")
            case Fate.LATE:
                if late:
                    self._late.append(late)
                raise Unavailable("It does not answer.")
            case Fate.DIES_BEFORE:
                raise Died
            case Fate.REFUSED if refuse:
                return refuse()
        answer = do()
        match blow.fate:
            case Fate.LOST:
                raise Unavailable("It does not answer.")
            case Fate.DIES_AFTER:
                raise Died
            case Fate.REPEATED:
                return do()
        return answer

    def land(self) -> None:
        """Writes that were long under way take effect."""
        late, self._late = self._late, []
        for do in late:
            do()
