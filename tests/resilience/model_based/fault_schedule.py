"""Which fault each call to a store or to the bus gets, and what other clients do just before it."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple, TypeVar

from chassis.core.errors import Unavailable

T = TypeVar("T")


class Crashed(BaseException):
    """The process has crashed in the middle of its work, so none of its handlers runs."""


class Effect(StrEnum):
    NONE = "no fault"
    REFUSED = "refused without an error"
    NEVER = "never arrived"
    LOST = "answer lost after the effect"
    REPEATED = "answer lost, then repeated by the client library"
    LATE = "no answer, takes effect after the next look"
    CRASH_BEFORE = "process crashes before"
    CRASH_AFTER = "process crashes after"


class Call(StrEnum):
    READ = "read"
    WRITE = "write"
    PUBLISH = "publish"


class Fault(NamedTuple):
    """For one call."""

    effect: Effect = Effect.NONE
    meanwhile: tuple[Callable[[], object], ...] = ()  # what others do just before the call


class FaultSchedule:
    def __init__(self) -> None:
        self._faults: dict[Call, deque[Fault]] = {}
        self._late: list[Callable[[], object]] = []

    @contextmanager
    def during(self, faults: Mapping[Call, Sequence[Fault]]) -> Iterator[None]:
        """The calls in this block get these faults, one each. Calls after the last fault get none."""
        before, self._faults = self._faults, {call: deque(each) for call, each in faults.items()}
        try:
            yield
        finally:
            self._faults = before

    def inject(
        self,
        call: Call,
        do: Callable[[], T],
        refuse: Callable[[], T] | None = None,
        late: Callable[[], object] | None = None,
    ) -> T:
        """Does the call with its fault. `refuse` and `late` are None where a call cannot be refused or be late."""
        scheduled = self._faults.get(call)
        fault = scheduled.popleft() if scheduled else Fault()
        with self.during({}):
            for other in fault.meanwhile:
                other()
        match fault.effect:
            case Effect.NEVER:
                raise Unavailable("It does not answer.")
            case Effect.LATE:
                if late:
                    self._late.append(late)
                raise Unavailable("It does not answer.")
            case Effect.CRASH_BEFORE:
                raise Crashed
            case Effect.REFUSED if refuse:
                return refuse()
        answer = do()
        match fault.effect:
            case Effect.LOST:
                raise Unavailable("It does not answer.")
            case Effect.CRASH_AFTER:
                raise Crashed
            case Effect.REPEATED:
                return do()
        return answer

    def apply_late_writes(self) -> None:
        late, self._late = self._late, []
        for do in late:
            do()
