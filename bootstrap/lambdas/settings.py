"""The settings in the environment for `--run lambda`, which become parameters of its templates."""

from collections.abc import Mapping
from pathlib import Path

from bootstrap.errors import Misused
from bootstrap.templates import ROOT

SESSION_KEY = "SHOP_SESSION_KEY"
SHORTEST_KEY = 16  # characters
_TOKENS = {"AuthIssuer": "AUTH_ISSUER", "AuthAudience": "AUTH_AUDIENCE", "AuthJwks": "AUTH_JWKS"}


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names, and `Zips`, the folder of `shop package`."""
    if len(key := env.get(SESSION_KEY, "")) < SHORTEST_KEY:
        raise Misused(
            f"set {SESSION_KEY} to {SHORTEST_KEY} random characters or more, with which storefront signs cookies"
        )
    folder = Path(env.get("SHOP_VAR") or ROOT / "var") / "functions"
    return {"SessionKey": key, "Zips": str(folder)} | _authentication(env)


def _authentication(env: Mapping[str, str]) -> dict[str, str]:
    mode, tokens = env.get("SHOP_AUTH"), {name: env.get(setting, "") for name, setting in _TOKENS.items()}
    if mode == "off" and not tokens["AuthIssuer"]:
        return {"Auth": "off"} | tokens
    if mode not in ("on", None, "") or not all(tokens.values()):
        raise Misused(
            f"set {', '.join(_TOKENS.values())} to those of the issuer of your users' tokens, and SHOP_AUTH=on. Or set "
            "SHOP_AUTH=off alone, and the URLs of the functions take only requests that are signed with AWS credentials"
        )
    return {"Auth": "on"} | tokens
