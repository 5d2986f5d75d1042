"""Why a message goes to the dead-letter queue: the reason in words, and the metric of its class."""

from decimal import DecimalException

from pydantic import ValidationError

from chassis.core.errors import Conflict
from chassis.core.measured import CONFLICTING, OUT_OF_RANGE, UNREADABLE
from chassis.core.metrics import Metric
from chassis.core.validation import faults


class Unprocessable(Exception):
    """No retry can succeed. The text is the reason in the dead-letter queue."""


REFUSALS = (Unprocessable, Conflict, DecimalException, OverflowError)


def class_of(error: Exception) -> Metric:
    """The metric that counts dead letters with this error."""
    if isinstance(error, Conflict):
        return CONFLICTING
    return UNREADABLE if isinstance(error, Unprocessable) else OUT_OF_RANGE


def reason_of(error: Exception) -> str:
    """What is wrong and in which field, without the field's value."""
    if isinstance(error, ValidationError):
        path, text = faults(error)[0]
        return f"{path or 'message'}: {text}"[:500]
    if isinstance(error, ArithmeticError):
        return f"a number or date is out of range: {type(error).__name__}"
    return str(error)[:500] if isinstance(error, Conflict | Unprocessable) else f"not JSON: {error}"[:500]
