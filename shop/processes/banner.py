"""What `make run` prints once the shop is open: where everything is, and how to buy something."""

from pathlib import Path

from shop import environment
from shop.paths import Paths
from shop.settings import DOOR, MACHINE_ROOM, Settings, api_names, web_names

TEMPLATE = Path(__file__).with_name("banner.txt")
STOREFRONT = "storefront"
EXPORTS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


OFF = "Authentication is off, so everyone may do everything. `SHOP_AUTH=on make run` switches it on."
ON = "Authentication is on. `.venv/bin/shop token ada` prints a token, and with --admin one of an admin."
GET_HEADER = "  TOKEN=$(.venv/bin/shop token ada --header)\n"
NO_DOOR = "Caddy is not here, as it has no package for this machine. Each service has its own address only.\n\n"
HEADER = ' -H "$TOKEN"'


def text(settings: Settings, paths: Paths, *, dev: bool, authenticates: bool = False) -> str:
    urls = {name: settings.url(name) for name in web_names()}
    variables = environment.aws(settings.endpoint)
    return TEMPLATE.read_text("utf-8").format(
        dev=", and reloads what you edit" if dev else "",
        door=_door(settings),
        pages=_pages(settings),
        room=_room(settings),
        services="\n".join(f"  {name:<13} {urls[name]}    docs {urls[name]}/docs" for name in api_names()),
        endpoint=settings.endpoint,
        logs=paths.logs,
        exports=" ".join(f"{name}={variables[name]}" for name in EXPORTS),
        name=settings.name,
        authentication=ON if authenticates else OFF,
        get_token=GET_HEADER if authenticates else "",
        token=HEADER if authenticates else "",
        **urls,
    )


def _pages(settings: Settings) -> str:
    """The address for a browser: that of the door, if there is one."""
    return f"{settings.url(DOOR if DOOR in settings.ports else STOREFRONT)}/shop"


def _room(settings: Settings) -> str:
    known = MACHINE_ROOM in settings.ports
    return (
        f"  machine room  {settings.url(MACHINE_ROOM)}/room   watch its messages, and stop a part of it\n"
        if known
        else ""
    )


def _door(settings: Settings) -> str:
    """The shop's one address, if there is one."""
    if DOOR not in settings.ports:
        return NO_DOOR
    url = settings.url(DOOR)
    return f"  everything    {url}    docs {url}/\n\n"
