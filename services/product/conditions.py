"""Conditional requests (RFC 9110, 13.1.1 and 13.1.2). The entity tag of a product is its version in double quotes."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import ConfigDict, Field

from chassis.core.fields import Absent, Matching, Model

Condition = Callable[[int], bool]  # true if a product at this version may be changed or returned
TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
# A list may have empty elements, and only empty elements (RFC 9110, 5.6.1.2).
TAGS = Matching(
    rf"\*|[ \t,]*(?:{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*)?",
    'must be * or a list of entity tags in double quotes, such as "3" or "3", "4"',
)


class Conditions(Model):
    """A condition that the request omits is met. A product that does not exist is a 404 in any case (13.2.1)."""

    model_config = ConfigDict(populate_by_name=True)

    if_match: Annotated[str, TAGS] | Absent = Field(
        None, alias="If-Match", examples=['"1"'], description="ETags, one of which the product must have; * means any"
    )
    if_none_match: Annotated[str, TAGS] | Absent = Field(
        None,
        alias="If-None-Match",
        examples=['"2"'],
        description="ETags, none of which the product may have; * means any",
    )

    def meets_if_match(self, version: int) -> bool:
        """Compares strongly (8.8.3.2), so a weak tag is never equal."""
        return self.if_match in {None, "*"} or f'"{version}"' in re.findall(TAG, str(self.if_match))

    def meets_if_none_match(self, version: int) -> bool:
        """Compares weakly, so W/"3" equals "3"."""
        if self.if_none_match in {None, "*"}:
            return self.if_none_match is None
        return f'"{version}"' not in {tag.removeprefix("W/") for tag in re.findall(TAG, str(self.if_none_match))}

    def are_met(self, version: int) -> bool:
        return self.meets_if_match(version) and self.meets_if_none_match(version)
