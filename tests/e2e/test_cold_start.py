"""The first customers after a start, where AWS speaks TLS and the container has a quarter of a processor."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import urllib3
from botocore.httpsession import where
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bootstrap.clock import Clock
from tests.e2e.compose import PROJECT, Compose
from tests.e2e.tls_aws import PORT
from tests.environment import ROOT, free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
AT_ONCE = 16
HOST = "aws.test"
NETWORK = f"{PROJECT}-tls"
CHECKOUT = {
    "userName": "ann", "firstName": "Ann", "lastName": "Lee", "email": "ann@example.com",
    "address": "1 Harbour Street", "cardInfo": "5554443322", "paymentMethod": 1,
}  # fmt: skip
MOST = 1.0  # seconds of processor time for all of them. They need 0.1 to 0.2.
USED = """
import glob
stats = [open(path).read().rpartition(")")[2].split() for path in glob.glob("/proc/[0-9]*/stat")]
print(sum(int(ticks) for stat in stats for ticks in stat[11:13]) / 100)
"""
SILENT = """
import socket, time
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
began = time.monotonic()
try:
    socket.getaddrinfo("aws.example", 443)
except OSError:
    print(time.monotonic() - began)
"""


class Started(NamedTuple):
    container: str
    url: str

    def checkout(self) -> int:
        asked = urllib3.request("POST", f"{self.url}/basket/checkout", json=CHECKOUT, timeout=10, retries=False)
        return asked.status

    def is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/health/ready", timeout=6, retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False


@pytest.fixture
def basket(shop: Compose, tmp_path: Path) -> Iterator[Started]:
    """basket as on a small Fargate task, and an AWS that answers after 4 ms."""
    port, image = free_port(), f"{PROJECT}-basket"
    tree = _tree(tmp_path / "aws")
    with ExitStack() as stack:

        def start(name: str, *options: str, command: tuple[str, ...] = ()) -> str:
            container = f"{NETWORK}-{name}"
            shop.run("docker", "create", "--name", container, "--network", NETWORK, *options, image, *command)
            stack.callback(shop.run, "docker", "rm", "--force", container)
            shop.run("docker", "cp", f"{tree}/.", f"{container}:/aws")
            shop.run("docker", "start", container)
            return container

        shop.run("docker", "network", "create", NETWORK)
        stack.callback(shop.run, "docker", "network", "rm", NETWORK)
        aws = ("--network-alias", HOST, "--workdir", "/aws", "--env", "PYTHONPATH=/aws")
        start("aws", *aws, command=("python", "tls_aws.py"))
        env = {
            "AWS_ENDPOINT_URL": f"https://{HOST}:{PORT}", "AWS_CA_BUNDLE": "/aws/ca.pem", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SHOP_AUTH": "off",
        }  # fmt: skip
        settings = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        limits = ("--cpus", "0.25", "--memory", "512m", "--publish", f"127.0.0.1:{port}:8000")
        started = Started(start("basket", *limits, *settings), f"http://127.0.0.1:{port}")
        assert any(started.is_ready() for _ in Clock().polls(60, longest=0.2)), "basket is not ready"
        yield started


def _tree(folder: Path) -> Path:
    """What the container needs of this repository, and its certificate."""
    for name in ("bench/canned_aws.py", "tests/events/checkout_basket.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "tests" / "e2e" / "tls_aws.py", folder)
    # With all authorities that botocore trusts, because loading them is what costs most.
    (folder / "ca.pem").write_bytes(Path(where()).read_bytes() + _certificate(folder / "aws.pem"))
    folder.chmod(0o755)
    return folder


def _certificate(path: Path) -> bytes:
    """Writes the server's key and certificate to `path`. The certificate is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()) + pem)
    path.chmod(0o644)
    return pem


def test_the_first_customers_after_a_start_are_served_and_their_events_published(
    shop: Compose, basket: Started
) -> None:
    """A connection with TLS costs processor time, which a small task has little of."""

    def used() -> float:
        return float(shop.run("docker", "exec", basket.container, "python", "-c", USED))

    before = used()
    with ThreadPoolExecutor(AT_ONCE) as customers:
        statuses = [*customers.map(lambda _: basket.checkout(), range(AT_ONCE))]
    assert statuses == [202] * AT_ONCE
    assert used() - before < MOST
    assert "left to the relay" not in shop.run("sh", "-c", f"docker logs {basket.container} 2>&1")


def test_a_name_server_that_does_not_answer_is_given_up_before_the_deadline(shop: Compose) -> None:
    """The C library waits for 10 s by default. A request has 3 s, in which another name server could answer."""
    own = ("--dns", "127.0.0.1", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0")
    seconds = float(shop.run("docker", "run", "--rm", *own, f"{PROJECT}-basket", "python", "-c", SILENT))
    assert 1 < seconds < 3
