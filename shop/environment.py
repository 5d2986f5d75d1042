"""The environment of the shop's processes: an emulator, made-up credentials, and nothing of a real account."""

from collections.abc import Mapping
from types import SimpleNamespace
from urllib.parse import urlsplit

from bootstrap.errors import Failed
from bootstrap.settings import NAMES
from chassis.aws.emulator import REGION, is_emulator
from shop.paths import paths_of
from shop.settings import Settings

FAKE_KEY = "test"
UTF8 = "PYTHONUTF8"
PASSED_ON = (
    *("SHOP_TRANSPORT", "SHOP_AWS_TIMEOUT", "SHOP_METRICS", "SHOP_CORS_ORIGINS", "SHOP_RATE_LIMIT"),
    *("SHOP_LATE_PAYMENT", "SHOP_SESSION_KEY", "SHOP_TABLES"),
    *("SHOP_LOGIN_CLIENT", "SHOP_LOGIN_PASSWORD", "SHOP_LOGIN_PARAMETERS", "SHOP_LOGIN_ADDRESS"),
)
# Only the launcher reads SHOP_*. The others would lead a process to another address, or make it import other modules.
UNWANTED = (
    *("AWS_", "SHOP_", "GUNICORN_CMD_ARGS", "PORT", "HOST", "LOG_FORMAT"),
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUSERBASE", "PYTHONINSPECT", "PYTHONOPTIMIZE"),
)


def for_processes(env: Mapping[str, str], settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if not _is_unwanted(name)}
    return (
        kept
        | aws(settings.endpoint)
        | _past_proxies(env, settings)
        | {name: env.get(name, "") for name in (*PASSED_ON, *NAMES)}
        | {
            "SHOP_NAME": settings.name,
            "SHOP_TRACE": env.get("SHOP_TRACE") or str(paths_of(settings).traces),
            "LOG_FORMAT": "json",  # the log files are for machines; the launcher makes them readable
            "PYTHONUNBUFFERED": "1",
            UTF8: "1",  # the log files are UTF-8 wherever the terminal is not
        }
    )


def aws(endpoint: str) -> dict[str, str]:
    """With these variables no profile, config file or instance role can lead to a real account."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": FAKE_KEY,
        "AWS_SECRET_ACCESS_KEY": FAKE_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _is_unwanted(name: str) -> bool:
    return any(name.startswith(it) if it.endswith("_") else name == it for it in UNWANTED)


def _past_proxies(env: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """boto3 would otherwise send its calls to the emulator through a company's proxy."""
    given = env.get("no_proxy") or env.get("NO_PROXY") or ""
    hosts = dict.fromkeys(["127.0.0.1", "localhost", urlsplit(settings.endpoint).hostname or ""])
    local = ",".join(filter(None, [given, *hosts]))
    return {"no_proxy": local, "NO_PROXY": local}


def refuse_unless_emulator(settings: Settings) -> None:
    """The shop on this machine is seeded and emptied, so it must not be a real account. Raises `Failed`."""
    endpoint = settings.endpoint
    asked = SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint))  # a real client would read AWS_PROFILE
    if is_emulator(asked):
        return
    if settings.given_endpoint:
        raise Failed(
            f"No emulator answers at {endpoint}: start it (MiniStack or LocalStack), "
            "or unset SHOP_ENDPOINT_URL to use the embedded one."
        )
    raise Failed(f"No emulator answers at {endpoint}: `make run` or `make up` starts one, with the shop.")
