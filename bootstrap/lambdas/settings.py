"""The settings in the environment for `--run lambda`, which become parameters of its templates."""

from collections.abc import Mapping
from pathlib import Path

from bootstrap.errors import Misused
from bootstrap.settings import authentication
from bootstrap.templates import ROOT

SESSION_KEY = "SHOP_SESSION_KEY"
SHORTEST_KEY = 16  # characters
_WITHOUT = ", and the URLs of the functions take only requests that are signed with AWS credentials"


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names, and `Zips`, the folder of `shop package`."""
    if len(key := env.get(SESSION_KEY, "")) < SHORTEST_KEY:
        raise Misused(
            f"set {SESSION_KEY} to {SHORTEST_KEY} random characters or more, with which storefront signs cookies"
        )
    folder = Path(env.get("SHOP_VAR") or ROOT / "var") / "functions"
    return {"SessionKey": key, "Zips": str(folder)} | authentication(env, _WITHOUT)
