"""JSON numbers as various clients write them, and whether DynamoDB can store their values."""

from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import strategies as st

ODD = [
    "-0", "-0.0", "0e99", "0e-99999999999999999999", "1e1000000000000000000", "-1e99999999999999999999", "1e-31",
    "1e5", "1E+2", "10e-1", "1.0", "1." + "0" * 60, "1" + "0" * 38, "1" + "0" * 60, "9" * 39, "9" * 5000,
    "0.1000000000000000055511151231257827021181583404541015625", "36.900000000000006", "1e126", "1e-130", "1e308",
]  # fmt: skip


def _numeral(digits: int, places: int, zeros: int, exponent: int | None) -> str:
    text = str(digits)
    if places:
        text = f"{digits}.{'7' * places}{'0' * zeros}"
    return text if exponent is None else f"{text}e{exponent}"


NUMERALS = st.sampled_from(ODD) | st.builds(
    _numeral,
    st.integers(-1000, 1000) | st.integers(-(10**45), 10**45),
    st.integers(0, 3),
    st.integers(0, 50),
    st.none() | st.integers(-140, 140),
)


def meant(numeral: str) -> Decimal:
    """The value. `Decimal` alone rejects a zero with a large exponent."""
    return Decimal(numeral) if float(numeral) else Decimal(0)


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """`row` as DynamoDB returns it. Raises if boto3 would refuse to send it."""
    write, read = TypeSerializer().serialize, TypeDeserializer().deserialize
    return {name: read(write(value)) for name, value in row.items()}
