"""The shop's one address on this machine: Caddy, in front of the web services."""

from bootstrap.manifests import processes
from shop.paths import Paths
from shop.settings import CADDY, DOOR, MACHINE_ROOM, ROOT, Settings

CADDYFILE = ROOT / "door" / "Caddyfile"


def command() -> tuple[str, ...]:
    return (str(CADDY), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile")


def environment(settings: Settings, paths: Paths) -> dict[str, str]:
    """Caddy writes a few files of its own, which would otherwise be in the home directory."""
    web = [*(it.name for it in processes() if it.serve), *([MACHINE_ROOM] if MACHINE_ROOM in settings.ports else [])]
    addresses = {f"{name.upper()}_URL": settings.url(name) for name in web}
    files = str(paths.path / DOOR)
    its_own = {"DOOR_HOST": "127.0.0.1", "DOOR_PORT": str(settings.ports[DOOR])}
    return its_own | addresses | {"XDG_DATA_HOME": files, "XDG_CONFIG_HOME": files}
