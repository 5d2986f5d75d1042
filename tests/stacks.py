"""The shop's resources for a test, as the template has them or with one setting changed."""

import re
from collections.abc import Mapping

from tests import emulated
from tests.machine import ROOT


def deploy(env: Mapping[str, str], setting: str = "", value: int = 0) -> None:
    """`setting`, a number, gets `value` wherever the template has it."""
    body = (ROOT / "bootstrap" / "shop.yaml").read_text()
    if setting:
        body, found = re.subn(rf"{setting}: \d+", f"{setting}: {value}", body)
        assert found, f"the template has no {setting}"
    cloudformation = emulated.client("cloudformation")
    cloudformation.create_stack(StackName=env["SHOP_NAME"], TemplateBody=body)
    settings = {"Delay": 1, "MaxAttempts": 120}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=env["SHOP_NAME"], WaiterConfig=settings)
