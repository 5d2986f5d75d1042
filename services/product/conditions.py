"""Conditional requests (RFC 9110, 13.1.1 and 13.1.2): the entity tag of a product is its version in double quotes."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import ConfigDict, Field

from chassis.core.fields import Absent, Matching, Model

Condition = Callable[[int], bool]  # whether a product at this version may be changed, or shown
TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
# A list as its reader must take it (RFC 9110, 5.6.1.2): elements may be empty, and all of them may be.
TAGS = Matching(
    rf"\*|[ \t,]*(?:{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*)?",
    'must be * or a list of entity tags in double quotes, such as "3" or "3", "4"',
)


class Conditions(Model):
    """Both hold for a request that has neither. A product that does not exist is a 404 whatever they say (13.2.1)."""

    model_config = ConfigDict(populate_by_name=True)

    if_match: Annotated[str, TAGS] | Absent = Field(
        None, alias="If-Match", examples=['"1"'], description="ETags, one of which the product must have, or * for any"
    )
    if_none_match: Annotated[str, TAGS] | Absent = Field(
        None,
        alias="If-None-Match",
        examples=['"2"'],
        description="ETags, none of which the product may have, or * for any",
    )

    def matches(self, version: int) -> bool:
        """If-Match: a strong comparison (8.8.3.2), so a weak tag equals nothing."""
        return self.if_match in {None, "*"} or f'"{version}"' in re.findall(TAG, str(self.if_match))

    def is_new(self, version: int) -> bool:
        """If-None-Match: a weak comparison, so W/"3" is as good as "3"."""
        if self.if_none_match in {None, "*"}:
            return self.if_none_match is None
        return f'"{version}"' not in {tag.removeprefix("W/") for tag in re.findall(TAG, str(self.if_none_match))}

    def hold(self, version: int) -> bool:
        return self.matches(version) and self.is_new(version)
