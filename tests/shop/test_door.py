"""The shop's one address: Caddy, with the Caddyfile of `make run` and of the containers, in front of echoes."""

import json
import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bootstrap.manifests import processes
from chassis.core.logs import CORRELATION_ID
from shop import door
from shop.paths import Paths
from shop.settings import CADDY, Settings, api_names
from tests.documents import operations
from tests.environment import free_port, wait_for

pytestmark = pytest.mark.skipif(not CADDY.exists(), reason="Caddy has no package for this machine")
WEB = [it.name for it in processes() if it.serve]
DOWN = "payment"


class Echo(BaseHTTPRequestHandler):
    """Answers with what it received."""

    service = ""

    def do_GET(self) -> None:
        seen = {"service": self.service, "path": self.path, "headers": dict(self.headers)}
        body = json.dumps(seen).encode()
        self.send_response(202)
        self.send_header("Location", "/order/ann/1")
        self.send_header("ETag", '"7"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The door of services that all run except DOWN."""
    servers = {
        name: ThreadingHTTPServer(("127.0.0.1", 0), type(name, (Echo,), {"service": name})) for name in {*WEB} - {DOWN}
    }
    for server in servers.values():
        threading.Thread(target=server.serve_forever).start()
    try:
        with opened({name: it.server_port for name, it in servers.items()}, tmp_path_factory.mktemp("door")) as its:
            yield its
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


@contextmanager
def opened(ports: Mapping[str, int], folder: Path) -> Iterator[str]:
    """The address of a door. Nothing answers at the other ports."""
    settings = Settings(ports={name: free_port() for name in (*WEB, "door", "room")} | dict(ports))
    with subprocess.Popen(
        door.command(), env=door.environment(settings, Paths(folder)), stderr=subprocess.DEVNULL
    ) as caddy:
        try:
            wait_for(f"{settings.url('door')}/health/live")
            yield settings.url("door")
        finally:
            caddy.terminate()
    assert caddy.returncode == 0


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, Message, str]:
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10)  # noqa: S310 http
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


@pytest.mark.parametrize("path", sorted({(it.service, it.path) for it in operations() if it.service != DOWN}), ids=str)
def test_each_operation_is_reached_at_its_service(url: str, path: tuple[str, str]) -> None:
    service, template = path
    wanted = template.replace("{", "a%2F").replace("}", "%20z")
    status, _, body = get(f"{url}{wanted}?x=%2F")
    assert (status, json.loads(body)["service"], json.loads(body)["path"]) == (202, service, f"{wanted}?x=%2F")


@pytest.mark.parametrize("service", sorted({*api_names()} - {DOWN}))
def test_documentation_of_each_service_is_linked_and_reached(url: str, service: str) -> None:
    assert f'href="/docs/{service}/swagger"' in get(f"{url}/")[2]
    seen = json.loads(get(f"{url}/docs/{service}/swagger/css/x.css")[2])
    assert (seen["service"], seen["path"]) == (service, "/docs/swagger/css/x.css")


@pytest.mark.parametrize("path", ["/shop", "/shop?category=Phone", "/shop/orders/1"])
def test_pages_are_below_shop_and_linked(url: str, path: str) -> None:
    assert '<a href="/shop">' in get(f"{url}/")[2]
    seen = json.loads(get(url + path)[2])
    assert (seen["service"], seen["path"]) == ("storefront", path)


def test_the_machine_room_is_linked(url: str) -> None:
    assert re.search(r'<a href="http://127.0.0.1:\d+/room">', get(f"{url}/")[2])


def test_service_learns_the_clients_address_and_host_from_the_door_only(url: str) -> None:
    claimed = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}
    seen = json.loads(get(f"{url}/product", claimed)[2])["headers"]
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Host"]) == ("127.0.0.1", url.removeprefix("http://"))
    assert seen["X-Forwarded-Proto"] == "http"


def test_headers_of_a_response_pass_unchanged(url: str) -> None:
    headers = get(f"{url}/basket/ann")[1]
    assert (headers["Location"], headers["ETag"]) == ("/order/ann/1", '"7"')


def test_service_that_does_not_answer_is_a_503_problem(url: str) -> None:
    status, headers, body = get(f"{url}/payment/ann/1")
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "application/problem+json", "2")
    assert json.loads(body)["status"] == 503


def test_browser_gets_a_page_that_asks_again_where_the_shop_does_not_answer(tmp_path: Path) -> None:
    with opened({"room": 8123}, tmp_path) as url:
        status, headers, body = get(f"{url}/shop/orders", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        others = [get(url + path, {"Accept": its}) for path, its in (("/shop", "*/*"), ("/payment", "text/html"))]
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "text/html; charset=utf-8", "2")
    assert '<meta http-equiv="refresh" content="3">' in body
    assert '<a href="http://127.0.0.1:8123/room">' in body
    assert CORRELATION_ID.fullmatch(headers["X-Correlation-Id"])
    assert [(each[0], each[1]["Content-Type"]) for each in others] == [(503, "application/problem+json")] * 2


@pytest.mark.parametrize("path", ["/none", "/productx", "/shopping", "/docs", "/health/ready"])
def test_path_of_no_service_is_a_404_problem(url: str, path: str) -> None:
    status, headers, body = get(url + path)
    assert (status, headers["Content-Type"], json.loads(body)["status"]) == (404, "application/problem+json", 404)


@pytest.mark.parametrize("path", ["/none", "/payment/ann/1", "/product"])
@pytest.mark.parametrize(("given", "kept"), [("my-1", True), ("not valid", False), ("a" * 129, False), (None, False)])
def test_each_request_has_a_correlation_id(url: str, path: str, given: str | None, kept: bool) -> None:
    """The door's own answers have it, and a service gets it."""
    status, headers, body = get(url + path, {"X-Correlation-Id": given} if given else {})
    found = json.loads(body)["headers"]["X-Correlation-Id"] if status == 202 else headers["X-Correlation-Id"]
    assert CORRELATION_ID.fullmatch(found)
    assert (found == given) == kept


def test_door_answers_under_every_name_of_this_machine(url: str) -> None:
    assert get(url.replace("127.0.0.1", "localhost") + "/product")[0] == 202
