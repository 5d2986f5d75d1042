"""The emulator is killed in the middle of sagas and starts with its last save. The sweep continues every order."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from shop.emulator import ministack
from shop.emulator.state import State
from tests import aws_clients
from tests.environment import ROOT, free_port, wait_for
from tests.processes import eventually
from tests.resilience.saga.fulfilling import Fulfilment, fulfilling
from tests.stacks import deploy

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(300)]
ORDERS = 9
VISIBILITY = 6  # seconds until messages that were received before the restart are delivered again
RecordProperty = Callable[[str, object], None]


class Emulator:
    """MiniStack with saves, as `make run` starts it."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._state = State(folder / "saves")
        self._log = folder / "emulator.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {"PATH": os.environ["PATH"]} | ministack.environment(self._port, self._state.path)
        with self._log.open("ab") as log:
            command = ministack.command(self._port, save_every=0.2)
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        wait_for(f"{self.url}/_localstack/health")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def has_saved(self, text: str) -> bool:
        file = self._state.newest() / "dynamodb.json"
        return file.exists() and text in file.read_text()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path)
    emulator.start()
    yield emulator
    emulator.kill()


@pytest.fixture
def emulator_url(emulator: Emulator) -> str:
    """The account of the test is one of this emulator."""
    return emulator.url


def restart(emulator: Emulator, shop: Fulfilment, marker: str) -> int:
    """Returns how many executions ran in the save from which it starts. A save is of one moment."""
    shop.put_stock(marker, 1)
    eventually(lambda: emulator.has_saved(marker))
    emulator.kill()
    emulator.start()
    return lost_executions()


def lost_executions() -> int:
    states = aws_clients.client("stepfunctions")
    (machine,) = states.list_state_machines()["stateMachines"]
    ended = states.list_executions(stateMachineArn=machine["stateMachineArn"], statusFilter="FAILED")["executions"]
    reasons = [states.describe_execution(executionArn=one["executionArn"])["error"] for one in ended]
    return reasons.count("States.ServiceRestart")


def test_no_order_stays_open_after_the_emulator_was_killed_during_reservations_and_voids(
    emulator: Emulator, aws_env: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    deploy(aws_env, "VisibilityTimeout", VISIBILITY)
    with fulfilling(aws_env, tmp_path) as shop:
        shop.put_stock("tea", 100)
        shop.kill("stock-consumer")
        orders = [shop.place("tok_declined" if n % 3 == 2 else "tok_approved", tea=1) for n in range(ORDERS)]
        eventually(lambda: waiting("stock") == ORDERS)
        assert restart(emulator, shop, "first save") == ORDERS
        shop.start("stock-consumer")
        shop.sweep()
        eventually(lambda: shop.books().ends["CONFIRMED"] == ORDERS * 2 // 3)
        shop.kill("payment-consumer")
        for order in orders[:2]:
            shop.cancel(order)
        eventually(lambda: waiting("payment") >= 2)
        assert restart(emulator, shop, "second save") >= ORDERS + 2
        shop.start("payment-consumer")
        differences, seconds = shop.settle(ORDERS, within=120)
        ends, crashed = shop.books().ends, shop.crashed
    record_property("figures", f"emulator killed twice: {dict(ends)}, final {seconds:.1f} s after the second time")
    assert differences == []
    assert crashed == []
    assert ends["CANCELLED"] == 2


def waiting(queue: str) -> int:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName=f"shop-{queue}")["QueueUrl"]
    asked = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[asked])["Attributes"][asked])
