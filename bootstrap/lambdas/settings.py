"""The settings in the environment for `--run lambda`, which become parameters of its templates."""

from collections.abc import Mapping
from pathlib import Path

from bootstrap.settings import authentication
from bootstrap.templates import ROOT

_WITHOUT = ", and the URLs of the functions take only requests that are signed with AWS credentials"


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names, and `Zips`, the folder of `shop package`."""
    folder = Path(env.get("SHOP_VAR") or ROOT / "var") / "functions"
    return {"Zips": str(folder)} | authentication(env, _WITHOUT)
