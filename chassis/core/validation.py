"""Describes pydantic's validation errors without the invalid values, which may be personal data."""

from pydantic import ValidationError


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """The path of each invalid field, such as `items.0.amount`, and what is wrong with it."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [(".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")) for each in details]


def invalid_fields(error: ValidationError) -> list[str]:
    """The paths alone."""
    return [path for path, _ in faults(error)]
