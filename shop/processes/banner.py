"""What `make run` says once the shop is open: where everything is, and how to buy something."""

from shop import environment
from shop.paths import Paths
from shop.settings import Settings, web_names

TEXT = """
The shop is open{dev}.

{services}
  {emulator_name:<9} {endpoint}
  logs      {logs}/*.log    (JSON lines; `make logs` in another terminal)

Buy something, in another terminal (or all of it at once: `make demo`):

  curl -s '{product}/product?limit=3'
  ID=$(curl -s '{product}/product?limit=1' | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/')
  curl -s {basket}/basket -H 'Content-Type: application/json' \\
    -d '{{"userName": "ada", "items": [{{"productId": "'$ID'", "quantity": 2, "color": "red"}}]}}'
  curl -s {basket}/basket/checkout -H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%s)" \\
    -d '{{"userName": "ada", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com",
         "address": "12 St James Square, London", "cardInfo": "4111111111111111", "paymentMethod": 1}}'
  curl -s {ordering}/order/ada

The AWS CLI on this shop's emulator:

  export {exports}
  aws dynamodb scan --table-name {stack}-order

Ctrl-C stops everything. What you bought is kept for the next `make run`; `make reset` empties the shop.
"""


def text(settings: Settings, paths: Paths, *, dev: bool) -> str:
    return TEXT.format(
        dev=", and reloads what you edit" if dev else "",
        services="\n".join(
            f"  {name:<9} {settings.url(name)}    docs {settings.url(name)}/docs" for name in web_names()
        ),
        emulator_name="emulator",
        endpoint=settings.endpoint,
        logs=paths.logs,
        exports=_exports(settings.endpoint),
        stack=settings.stack,
        **{name: settings.url(name) for name in web_names()},
    )


def _exports(endpoint: str) -> str:
    wanted = (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
    )
    values = environment.aws(endpoint)
    return " ".join(f"{name}={values[name]}" for name in wanted)
