"""`make run` as a user runs it: real processes, purchases, killed processes and shutdown."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bootstrap.manifests import processes
from shop import tokens
from shop.paths import Paths
from shop.processes import ports, run_state
from shop.settings import CADDY, DOOR, ROOT, Settings
from tests.shops import free_ports, running
from tests.storefront.fakes import visiting

pytestmark = pytest.mark.e2e

OPEN = "The shop is open"


class Terminal:
    """`python -m shop run` with ports and a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.env = os.environ | free_ports() | {"SHOP_VAR": str(path), "SHOP_NAME": "e2e-run"}
        self.env |= {"SHOP_ENDPOINT_URL": "", "LOG_LEVEL": "", "SHOP_AUTH": "on"}  # independent of a developer's `.env`
        self.paths = Paths(path / "e2e-run")
        self.output = path / "terminal"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command("run"), cwd=ROOT, env=self.env, stdout=output, stderr=output, start_new_session=True
            )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "shop", *words]

    def says(self, words: str) -> bool:
        return words in self.output.read_text()

    def pid(self, name: str) -> int:
        known = run_state.read(self.paths.run_state)
        assert known is not None
        return known.processes[name].pid

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=120
        )

    def everything(self) -> list[run_state.Mark]:
        known = run_state.read(self.paths.run_state)
        assert known is not None
        assert known.supervisor is not None
        return [known.launcher, known.supervisor, *known.processes.values()]

    def taken_ports(self) -> list[str]:
        return [
            name
            for name in self.env
            if name.startswith("SHOP_") and name.endswith("_PORT") and ports.is_taken(int(self.env[name]))
        ]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    it = Terminal(tmp_path)
    yield it
    if it.process.poll() is None:
        it.process.terminate()
        it.process.wait(60)
    it.do("stop")


def eventually(true: Callable[[], object], terminal: Terminal, within: float = 150) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, terminal.output.read_text()
        time.sleep(0.1)


def is_open(terminal: Terminal) -> None:
    eventually(lambda: terminal.says(OPEN) or terminal.process.poll() is not None, terminal)
    assert terminal.says(OPEN), terminal.output.read_text()
    doors = [DOOR] if DOOR in Settings.from_env(terminal.env).ports else []
    expected = len([*processes(), *doors, "room", "emulator", "launcher", "supervisor"])
    eventually(lambda: len(terminal.everything()) == expected, terminal)


def stops_in_time(terminal: Terminal, with_signal: signal.Signals) -> None:
    ran = terminal.everything()
    begun = time.monotonic()
    terminal.process.send_signal(with_signal)
    assert terminal.process.wait(30) == 0
    assert time.monotonic() - begun < 20  # about two on an idle machine
    assert [it.command for it in ran if it.lives] == []
    assert terminal.taken_ports() == []


def test_shop_survives_a_killed_consumer_and_stops_on_ctrl_c(terminal: Terminal) -> None:
    is_open(terminal)
    bought = terminal.do("demo")
    assert bought.returncode == 0, bought.stdout + bought.stderr
    correlation_id = bought.stdout.split()[2]
    assert len(processes_that_log(terminal.paths, correlation_id)) >= 3
    order_id = bought.stdout.partition("shop order ")[2].split()[0]
    way = terminal.do("order", order_id).stdout
    assert f"Order {order_id} of demo-" in way
    assert [step in way for step in ("Reserve stock", "Authorize payment", "Confirm order")] == [True] * 3
    assert "payment  AUTHORIZED" in way
    quickest = min(milliseconds_to_confirmed(terminal) for _ in range(3))
    assert quickest < 2000  # about 500 on an idle machine

    buys_with_forms(terminal)

    examined = terminal.do("doctor", "--wait", "60")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert ("✓ door " in examined.stdout) == CADDY.exists()
    assert examined.stdout.count("✓ delivery") == 13  # five events, seven commands and the tick of the sweep

    before = terminal.pid("ordering-consumer")
    os.kill(before, signal.SIGKILL)
    # The long poll of the killed consumer may still receive the message, which becomes visible again after 30 s.
    again = terminal.do("demo", "--deadline", "60")
    assert again.returncode == 0, again.stdout + again.stderr
    eventually(lambda: terminal.says(f"ordering-consumer (pid {before}) ended and was started again"), terminal)

    assert terminal.do("status").returncode == 0
    stops_in_time(terminal, signal.SIGINT)


def buys_with_forms(terminal: Terminal) -> None:
    """On the pages of the storefront, without JavaScript. A double click makes one order, which is then cancelled."""
    settings = Settings.from_env(terminal.env)
    page = visiting(settings.url(DOOR if DOOR in settings.ports else "storefront"))
    page.open("/shop/sign-in")
    page.submit("/shop/sign-in", who=tokens.token({}, terminal.paths, "bea"))
    page.open("/shop?category=Book")
    page.submit("/shop/basket/add")
    page.open("/shop/checkout")
    form, path = page.page, page.path
    buyer = {"firstName": "Bea", "lastName": "Lee", "email": "bea@example.com", "address": "1 Harbour Street"}
    for _ in range(2):
        page.page, page.path = form, path
        page.submit("/shop/checkout", **buyer, cardInfo="4111111111111111")
        order = page.path
    eventually(lambda: "Your order is confirmed." in page.open(order), terminal)
    assert page.open("/shop/orders").count('href="/shop/orders/') == 1
    page.open(order)
    page.submit(f"{order}/cancel")
    eventually(lambda: "Your order is cancelled." in page.open(order), terminal)
    assert "Your basket is empty." in page.open("/shop/basket")


def milliseconds_to_confirmed(terminal: Terminal) -> int:
    """From the 202 on, for an order of products whose stock is not tracked."""
    bought = terminal.do("demo").stdout
    found = re.search(r"is CONFIRMED, (\d+) ms after the 202", bought)
    assert found, bought
    return int(found[1])


def test_closed_terminal_stops_all_processes_and_the_data_is_kept(terminal: Terminal, tmp_path: Path) -> None:
    is_open(terminal)
    assert buy_as_the_banner_says(terminal)["items"][0]["quantity"] == 2
    stops_in_time(terminal, signal.SIGHUP)

    the_next = Terminal(tmp_path)
    try:
        is_open(the_next)
        assert len(orders_of_ada(the_next)) == 1
        assert the_next.do("reset").returncode == 0
        assert orders_of_ada(the_next) == []
        assert the_next.do("stop").returncode == 0
        assert the_next.process.wait(60) == 0
    finally:
        the_next.do("stop")
        the_next.process.wait(60)


def test_killed_launcher_stops_all_processes(terminal: Terminal) -> None:
    is_open(terminal)
    ran = terminal.everything()
    terminal.process.kill()
    terminal.process.wait()
    eventually(lambda: not any(it.lives for it in ran), terminal)
    assert terminal.taken_ports() == []


def test_suspended_shop_stops_cleanly_and_keeps_its_data(terminal: Terminal) -> None:
    """As after Ctrl-Z and then `make stop`."""
    is_open(terminal)
    assert terminal.do("demo").returncode == 0
    ran = terminal.everything()
    before = terminal.paths.state.newest()
    terminal.process.send_signal(signal.SIGSTOP)
    stopped = terminal.do("stop")
    assert stopped.returncode == 0
    assert stopped.stdout.splitlines()[-1] == "Stopped."
    assert terminal.process.wait(60) == 0
    assert [it.command for it in ran if it.lives] == []
    assert terminal.paths.state.newest() != before
    assert "orderId" in saved(terminal, "dynamodb")
    assert not terminal.says("ended without saving")


def test_killed_emulator_restarts_with_its_last_save_and_reports_it(terminal: Terminal) -> None:
    is_open(terminal)
    assert terminal.do("demo").returncode == 0
    # The save contains the order, because saves are at most this far apart.
    eventually(lambda: "orderId" in saved(terminal, "dynamodb"), terminal)
    os.kill(terminal.pid("emulator"), signal.SIGKILL)
    eventually(lambda: terminal.says("The last save is of "), terminal)
    eventually(lambda: terminal.do("status").returncode == 0, terminal)
    stops_in_time(terminal, signal.SIGINT)


def saved(terminal: Terminal, service: str) -> str:
    file = terminal.paths.state.newest() / f"{service}.json"
    return file.read_text() if file.exists() else ""


def test_commands_of_the_readme_buy_a_teapot(tmp_path: Path) -> None:
    orders, cancelled = map(json.loads, typed_as_the_readme_says(tmp_path, example=1, mode="off"))
    assert [(o["totalPrice"], o["userName"], o["cardLast4"]) for o in orders["items"]] == [(36.9, "ann", "3322")]
    assert [change["status"] for change in cancelled["history"]] == ["PLACED", "CONFIRMED", "CANCELLING"]


def test_commands_of_the_readme_buy_a_teapot_with_tokens(tmp_path: Path) -> None:
    (orders,) = map(json.loads, typed_as_the_readme_says(tmp_path, example=2, mode="on"))
    assert [(o["totalPrice"], o["userName"], o["status"]) for o in orders["items"]] == [(36.9, "ann", "CONFIRMED")]


def typed_as_the_readme_says(var: Path, example: int, mode: str) -> list[str]:
    """The lines that the commands of an example print from the list of orders on."""
    env = os.environ | free_ports() | {"SHOP_VAR": str(var), "SHOP_NAME": "borrowed", "SHOP_AUTH": mode}
    settings = Settings.from_env(env)
    lines = commands_of_the_readme(example, settings)
    # On a busy machine the saga may take longer than the two seconds that the README waits.
    confirmed = f'curl -s {settings.url("ordering")}/order/ann -H "$TOKEN" | grep -q CONFIRMED'
    assert lines.count("sleep 2 ") == 1
    lines = lines.replace("sleep 2 ", f"until {confirmed}; do sleep 0.2; done ")
    with running(settings, env) as launcher:
        assert {p.state for p in launcher.client.processes().values()} == {"RUNNING"}
        typed = shell(lines, env)
    assert "202 ACCEPTED" in typed
    assert ("must be that of your token" in typed) == (mode == "on")
    assert not any(ports.is_taken(port) for port in settings.ports.values())
    return typed[typed.index('{"items":[{"orderId"') :].splitlines()


def commands_of_the_readme(example: int, settings: Settings) -> str:
    lines = (ROOT / "README.md").read_text().split("<!-- a test runs")[example]
    lines = lines.partition("```sh\n")[2].partition("```")[0]
    for port, name in ((8001, "product"), (8002, "basket"), (8003, "ordering")):
        lines = lines.replace(f"127.0.0.1:{port}", f"127.0.0.1:{settings.ports[name]}")
    return lines.replace(".venv/bin/shop", f"{sys.executable} -m shop")


def test_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    env = os.environ | free_ports() | {"SHOP_VAR": str(tmp_path)}
    with socket.create_server(("127.0.0.1", int(env["SHOP_BASKET_PORT"]))):
        ended = subprocess.run(
            [sys.executable, "-m", "shop", "run"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"Port {env['SHOP_BASKET_PORT']} (basket) is in use")
    assert "SHOP_BASKET_PORT=" in line


def processes_that_log(paths: Paths, correlation_id: str) -> set[str]:
    return {log.stem for log in paths.logs.glob("*.log") if correlation_id in log.read_text()}


def shell(lines: str, env: Mapping[str, str] | None = None) -> str:
    command = ["/bin/sh", "-ec", lines]
    return subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=120
    ).stdout


def buy_as_the_banner_says(terminal: Terminal) -> Any:
    """Runs the commands that the launcher printed, then waits for the order."""
    printed = terminal.output.read_text()
    block = printed[printed.index("  TOKEN=") : printed.index("The AWS CLI")]
    typed = shell(block.replace(".venv/bin/shop", " ".join(terminal.command())), terminal.env)
    assert '"orderId"' in typed, typed
    eventually(lambda: orders_of_ada(terminal), terminal)
    return orders_of_ada(terminal)[0]


def orders_of_ada(terminal: Terminal) -> list[Any]:
    url = f"http://127.0.0.1:{terminal.env['SHOP_ORDERING_PORT']}/order/ada"
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        token = tokens.token({}, terminal.paths, "ada")
        items: list[Any] = pool.request("GET", url, headers={"Authorization": f"Bearer {token}"}).json()["items"]
    return items
