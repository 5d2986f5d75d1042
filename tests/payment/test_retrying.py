from collections.abc import Callable
from decimal import Decimal

import pytest

from chassis.core.errors import Conflict, Unavailable
from services.payment.provider import Authorized
from services.payment.retrying import RetryingProvider
from tests.payment.fakes import DoubleProvider

CALLS: dict[str, Callable[[RetryingProvider], object]] = {
    "authorize": lambda provider: provider.authorize("o-1", Decimal(1), "tok_approved"),
    "void": lambda provider: provider.void("o-1"),
}


def retrying(errors: int) -> tuple[RetryingProvider, DoubleProvider, list[float]]:
    provider, waited = DoubleProvider(Authorized("a-1"), errors=errors), list[float]()
    return RetryingProvider(provider, waited.append), provider, waited


@pytest.mark.parametrize("name", CALLS)
def test_call_without_an_answer_is_repeated_once_with_the_same_key(name: str) -> None:
    provider, called, waited = retrying(errors=1)
    CALLS[name](provider)
    assert len(called.calls) == 2
    assert called.calls[0] == called.calls[1]
    assert len(waited) == 1
    assert 0 <= waited[0] <= 0.4


@pytest.mark.parametrize("name", CALLS)
def test_second_failure_is_raised(name: str) -> None:
    provider, called, _ = retrying(errors=9)
    with pytest.raises(Unavailable):
        CALLS[name](provider)
    assert len(called.calls) == 2


def test_answer_is_passed_on_after_one_call() -> None:
    provider, called, _ = retrying(errors=0)
    assert CALLS["authorize"](provider) == (Authorized("a-1"),)
    assert len(called.calls) == 1


def test_check_is_not_repeated() -> None:
    provider, called, _ = retrying(errors=9)
    with pytest.raises(Unavailable):
        provider.check()
    assert called.calls == [("check",)]


def test_refusal_is_not_repeated() -> None:
    class Refusing(DoubleProvider):
        def void(self, idempotency_key: str) -> None:
            super().void(idempotency_key)
            raise Conflict("no")

    called = Refusing()
    with pytest.raises(Conflict):
        RetryingProvider(called).void("o-1")
    assert len(called.calls) == 1
