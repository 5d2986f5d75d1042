"""The settings in the environment that become parameters of the templates."""

import re
from collections.abc import Mapping

from bootstrap.errors import Misused

NOTIFY_EMAIL = "SHOP_NOTIFY_EMAIL"
ALARM_TOPIC = "SHOP_ALARM_TOPIC"
PROTECT = "SHOP_PROTECT"
ARCHIVE_DAYS = "SHOP_ARCHIVE_DAYS"
MOST_DAYS = 60  # as in platform.yaml, which says why
NAMES = (NOTIFY_EMAIL, ALARM_TOPIC, PROTECT, ARCHIVE_DAYS)
_TOKENS = {"AuthIssuer": "AUTH_ISSUER", "AuthAudience": "AUTH_AUDIENCE", "AuthJwks": "AUTH_JWKS"}
_LOGIN = {
    "LoginClient": "SHOP_LOGIN_CLIENT",
    "LoginParameters": "SHOP_LOGIN_PARAMETERS",
    "LoginSecret": "SHOP_LOGIN_PASSWORD_SECRET",
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_TOPIC = re.compile(r"arn:[^:\s]+:sns:[^:\s]+:\d{12}:[^:\s]+")
_SECRET = re.compile(r"arn:[^:\s]+:secretsmanager:[^:\s]+:\d{12}:secret:[^:\s]+")


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters by their names. An empty one is given too, because it takes back an earlier value.

    Without SHOP_PROTECT and SHOP_ARCHIVE_DAYS there is none for them, so that a stack keeps its own.
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
    kept = {name: value for name, value in (("Protect", protect), ("ArchiveDays", _archive_days(env))) if value}
    return {"NotificationEmail": email, "AlarmTopic": topic, "AlarmEmail": "" if topic else alarms} | kept


def _archive_days(env: Mapping[str, str]) -> str:
    days = env.get(ARCHIVE_DAYS, "")
    if days and (not re.fullmatch(r"\d{1,2}", days, re.ASCII) or int(days) > MOST_DAYS):
        raise Misused(f"{ARCHIVE_DAYS}={days} is not a number of days from 0 to {MOST_DAYS}")
    return days


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


def login(env: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters of storefront's login. The secret itself stays in Secrets Manager."""
    found = {name: env.get(setting, "") for name, setting in _LOGIN.items()}
    if env.get("SHOP_LOGIN_PASSWORD") or (found["LoginSecret"] and not _SECRET.fullmatch(found["LoginSecret"])):
        raise Misused(
            "put the secret of the login's client into Secrets Manager, set SHOP_LOGIN_PASSWORD_SECRET to its ARN, and "
            "unset SHOP_LOGIN_PASSWORD"
        )
    if found["LoginClient"] and not env.get("AUTH_ISSUER"):
        raise Misused("SHOP_LOGIN_CLIENT needs AUTH_ISSUER, the provider at which customers sign in. Or unset it")
    return found
