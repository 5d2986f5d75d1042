"""What a stack that exists tells `up` and `down`: which shop made it, and which of its settings stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bootstrap.errors import Misused
from bootstrap.stack import EMPTY

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

    from bootstrap.stack import Stack
    from bootstrap.templates import Template

# Parameters that keep their deployed value while their setting is not given. Their defaults would lose data: tables
# could be deleted again, a service would return to a table that was replaced by a restored one, or events were gone.
KEPT = ("Protect", "Tables", "ArchiveDays")


def belongs_to(shop: str, found: StackTypeDef | None) -> bool:
    """Whether the stack exists and is of this shop. A stack that was never deployed may not tell, and has nothing."""
    return found is not None and (_owner(found) == shop or (_owner(found) is None and found["StackStatus"] == EMPTY))


def refuse_foreign(stack: Stack, shop: str) -> StackTypeDef | None:
    """The stack, if there is one. Raises Misused if it is not of this shop.

    The names of two shops can lead to one stack: a-product-functions has the functions of product in the shop a, and
    the zips of the shop a-product. Other programs name stacks too.
    """
    found = stack.describe()
    if found and not belongs_to(shop, found):
        raise Misused(f"refused: the stack {stack.name} {_whose(found)}. Choose another SHOP_NAME than {shop}")
    return found


def keeping(stack: Stack, template: Template) -> Template:
    """With the deployed values of those KEPT parameters that have no value here. Raises Misused as `refuse_foreign`."""
    deployed = parameters(refuse_foreign(stack, template.names.shop))
    kept = {name: deployed[name] for name in KEPT if name in deployed}
    return replace(template, settings={**kept, **template.settings})


def parameters(found: StackTypeDef | None) -> dict[str, str]:
    """The values with which a stack was deployed, and none where there is no stack."""
    return {it["ParameterKey"]: it["ParameterValue"] for it in (found.get("Parameters", []) if found else [])}


def _owner(found: StackTypeDef) -> str | None:
    """The shop by its tag. A stack that was made from our template without `bootstrap` has only the parameter."""
    tagged = (tag["Value"] for tag in found.get("Tags", []) if tag["Key"] == "shop")
    return next(tagged, parameters(found).get("Shop"))


def _whose(found: StackTypeDef) -> str:
    owner = _owner(found)
    return (
        f"belongs to the shop {owner}" if owner else "has no tag with the key shop, so it may belong to another program"
    )
