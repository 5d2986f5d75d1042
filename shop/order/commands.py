"""The arguments of `shop order`."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.errors import Failed, Misused
from shop.target import OnAws

if TYPE_CHECKING:
    from shop.connection import Connection
    from shop.demo.client import Client
    from shop.order.executions import Execution
    from shop.order.sources import Sources

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CONSOLES = {"aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn"}


def order(
    context: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="The order's id, from the checkout's answer.")],
    user: Annotated[str | None, typer.Option(help="Whose order it is, if Step Functions no longer knows it.")] = None,
    *,
    aws: OnAws = False,
) -> None:
    """Show an order's way, with times.

    Each status, each step of the state machine, what stock holds, what payment says, and what the order waits for.
    """
    from shop.connection import open_connection
    from shop.order.report import report

    if not ORDER_ID.fullmatch(order_id):
        raise Misused(f"{order_id} is not an order's id, which has 1 to 64 letters, digits, _ or -.")
    urls = _addresses(context.obj, aws=aws)
    shop = open_connection(on_aws=aws)
    way = _sources(shop, context.obj, urls, _client_of(context.obj, shop.say, aws=aws)).way(order_id, user)
    for line in report(way, datetime.now(UTC)):
        shop.out(line)
    for link in [] if shop.aws.emulator else _links(way.executions):
        shop.out(f"  console  {link}")


def _addresses(env: Mapping[str, str], *, aws: bool) -> Mapping[str, str]:
    """On AWS only the environment knows them."""
    from shop import commands
    from shop.settings import Settings

    needed = ("ORDERING_URL", "PAYMENT_URL")
    if aws and not all(env.get(name) for name in needed):
        raise Misused(f"Set {' and '.join(needed)} to the addresses of these services on AWS.")
    return commands.addresses(Settings.from_env(env), env)


def _client_of(env: Mapping[str, str], say: Callable[[str], None], *, aws: bool) -> Callable[[str], "Client"]:
    """The token is the one in SHOP_TOKEN. Without it, this machine signs one for a shop that runs here."""
    from shop import tokens
    from shop.demo.client import Client
    from shop.paths import paths_of
    from shop.settings import Settings

    given = env.get("SHOP_TOKEN", "")
    if given or aws:
        return lambda _user: Client("shop-order", say, given)
    paths = paths_of(Settings.from_env(env))
    return lambda user: Client("shop-order", say, tokens.token(env, paths, user))


def _sources(
    shop: "Connection", env: Mapping[str, str], urls: Mapping[str, str], client_of: Callable[[str], "Client"]
) -> "Sources":
    from bootstrap.clock import Clock
    from bootstrap.stack import Stack
    from chassis.core.names import table_names
    from shop.order.executions import Executions
    from shop.order.sources import Reservations, Sources

    stack = shop.names.stack_of("ordering")
    found = Stack(shop.aws.cloudformation, stack, Clock()).describe()
    if found is None:
        raise Failed(f"{stack} is not deployed at {shop.aws.where}. {shop.command('stack up')} deploys it.")
    _, partition, _, region, account, _ = found["StackId"].split(":", 5)
    machine = f"arn:{partition}:states:{region}:{account}:stateMachine:{shop.names.state_machine}"
    reservations = Reservations(shop.aws.dynamodb, table_names(env)("reservation"))
    return Sources(client_of, urls, Executions(shop.aws.stepfunctions, machine), reservations)


def _links(executions: "list[Execution]") -> Iterator[str]:
    """The page of each execution in the console of its partition and region."""
    for execution in executions:
        _, partition, _, region, _ = execution.arn.split(":", 4)
        host = f"{region}.{CONSOLES.get(partition, 'console.aws.amazon.com')}"
        yield f"https://{host}/states/home?region={region}#/v2/executions/details/{execution.arn}"
