"""What `make run` prints once the shop is open: where everything is, and how to buy something."""

from pathlib import Path

from shop import environment
from shop.paths import Paths
from shop.settings import Settings, web_names

TEMPLATE = Path(__file__).with_name("banner.txt")
EXPORTS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def text(settings: Settings, paths: Paths, *, dev: bool) -> str:
    urls = {name: settings.url(name) for name in web_names()}
    variables = environment.aws(settings.endpoint)
    return TEMPLATE.read_text("utf-8").format(
        dev=", and reloads what you edit" if dev else "",
        services="\n".join(f"  {name:<9} {url}    docs {url}/docs" for name, url in urls.items()),
        endpoint=settings.endpoint,
        logs=paths.logs,
        exports=" ".join(f"{name}={variables[name]}" for name in EXPORTS),
        name=settings.name,
        **urls,
    )
