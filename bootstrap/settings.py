"""The settings in the environment that become parameters of the templates."""

import re
from collections.abc import Mapping

from bootstrap.errors import Misused

NOTIFY_EMAIL = "SHOP_NOTIFY_EMAIL"
ALARM_TOPIC = "SHOP_ALARM_TOPIC"
PROTECT = "SHOP_PROTECT"
NAMES = (NOTIFY_EMAIL, ALARM_TOPIC, PROTECT)
_TOKENS = {"AuthIssuer": "AUTH_ISSUER", "AuthAudience": "AUTH_AUDIENCE", "AuthJwks": "AUTH_JWKS"}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_TOPIC = re.compile(r"arn:[^:\s]+:sns:[^:\s]+:\d{12}:[^:\s]+")


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names. An empty one is given too, because it takes back an earlier value.

    Without SHOP_PROTECT there is none for it, so that a stack keeps its own.
    """
    email, alarms, protect = env.get(NOTIFY_EMAIL, ""), env.get(ALARM_TOPIC, ""), env.get(PROTECT, "")
    if email and not _ADDRESS.fullmatch(email):
        raise Misused(
            f"{NOTIFY_EMAIL}={email} is not an e-mail address: write it as ann@example.com, or leave it empty"
        )
    topic = alarms if _TOPIC.fullmatch(alarms) else ""
    if alarms and not topic and not _ADDRESS.fullmatch(alarms):
        raise Misused(
            f"{ALARM_TOPIC}={alarms} is neither an e-mail address nor the ARN of a topic: write it as ann@example.com "
            "or arn:aws:sns:eu-west-1:123456789012:alarms, or leave it empty"
        )
    if protect not in {"", "on", "off"}:
        raise Misused(f"{PROTECT}={protect} is neither on nor off")
    kept = {"Protect": protect} if protect else {}
    return {"NotificationEmail": email, "AlarmTopic": topic, "AlarmEmail": "" if topic else alarms} | kept


def authentication(env: Mapping[str, str], without: str) -> dict[str, str]:
    """The values of the parameters of web processes on AWS. `without` says what SHOP_AUTH=off leads to."""
    mode, tokens = env.get("SHOP_AUTH"), {name: env.get(setting, "") for name, setting in _TOKENS.items()}
    if mode == "off" and not tokens["AuthIssuer"]:
        return {"Auth": "off"} | tokens
    if mode not in ("on", None, "") or not all(tokens.values()):
        raise Misused(
            f"set {', '.join(_TOKENS.values())} to those of the issuer of your users' tokens, and SHOP_AUTH=on. Or set "
            f"SHOP_AUTH=off alone{without}"
        )
    return {"Auth": "on"} | tokens
