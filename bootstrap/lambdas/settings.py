"""The settings in the environment for `--run lambda`, which become parameters of its templates."""

from collections.abc import Mapping
from pathlib import Path

from bootstrap.errors import Misused
from bootstrap.settings import authentication, login
from bootstrap.templates import ROOT

ADDRESS = "SHOP_LOGIN_ADDRESS"
_WITHOUT = ", and the URLs of the functions take only requests that are signed with AWS credentials"


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names, and `Zips`, the folder of `shop package`."""
    folder = Path(env.get("SHOP_VAR") or ROOT / "var") / "functions"
    address = env.get(ADDRESS, "")
    if env.get("SHOP_LOGIN_CLIENT") and not address.startswith("https://"):
        raise Misused(f"set {ADDRESS} to the address of storefront for browsers, such as its URL in `status`")
    own = {"Zips": str(folder), "LoginAddress": address}
    return own | authentication(env, _WITHOUT) | login(env)
