"""A page of another origin uses an app in a real browser."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import request
from werkzeug.serving import make_server

from chassis.core.errors import Unavailable
from chassis.web import access, auth, openapi
from chassis.web.app import Answer, make_app
from chassis.web.edge import Edge
from tests import tokens
from tests.chassis.web.test_cors import Precondition
from tests.environment import CHROMIUM

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><script>
const names = ["Location", "ETag", "X-Correlation-Id", "Retry-After", "Content-Type", "X-Secret"];
async function read(method, path, headers) {
  try {
    const response = await fetch("SHOP" + path, {method, headers, body: method == "PUT" ? "{}" : undefined});
    const seen = names.filter(name => response.headers.has(name));
    return {status: response.status, seen, body: await response.json()};
  } catch (error) { return {error: error.name}; }
}
(async () => {
  const token = {"Authorization": "Bearer TOKEN", "If-Match": '"1"', "X-Correlation-Id": "mine"};
  const report = {
    open: await read("GET", "/sample/one", {}),
    write: await read("PUT", "/sample/one", {"Content-Type": "application/json", ...token}),
    unknown: await read("PUT", "/sample/one", {"X-Unknown": "1", ...token}),
    refused: await read("PUT", "/sample/one", {"Content-Type": "application/json"}),
    broken: await read("GET", "/sample/broken", {}),
  };
  await fetch("/report", {method: "POST", body: JSON.stringify(report)});
})();
</script>"""


@contextmanager
def shop(origin: str) -> Iterator[str]:
    api = openapi.blueprint("sample", __name__, "Samples", "Sample resources")

    @api.get("/one", security=access.OPEN)
    def read() -> Answer:
        return {"is": "here"}, 200, {"ETag": '"1"', "X-Secret": "1"}

    @api.put("/one", security=access.ADMIN)
    def write(header: Precondition) -> Answer:
        return (
            {"if": header.if_match, "as": request.headers["X-Correlation-Id"]},
            201,
            {"Location": "/one", "ETag": "2"},
        )

    @api.get("/broken", security=access.OPEN)
    def broken() -> Answer:
        raise Unavailable("The table does not answer.")

    app = make_app("sample", "A sample.", lambda: None, edge=Edge(auth.from_env(tokens.env()), frozenset({origin})))
    app.register_api(api)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


class Site(BaseHTTPRequestHandler):
    """Serves PAGE and receives its report."""

    page = ""
    reports: "queue.Queue[Any]"

    def do_GET(self) -> None:
        self._answer(self.page.encode() if self.path == "/" else b"")

    def do_POST(self) -> None:
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def report_of(page_host: str, allowed_host: str, profile: Path) -> Any:
    """What a page of `page_host` reports about a shop that lists the origin of `allowed_host` at the same port."""
    handler: Any = type("Handler", (Site,), {"reports": queue.Queue()})
    site = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=site.serve_forever).start()
    try:
        with shop(f"http://{allowed_host}:{site.server_port}") as url:
            handler.page = PAGE.replace("SHOP", url).replace("TOKEN", tokens.token("root", admin=True))
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
            command = [str(CHROMIUM), *options, "--remote-debugging-port=0", f"http://{page_host}:{site.server_port}/"]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
                try:
                    return handler.reports.get(timeout=60)
                finally:
                    browser.terminate()
    finally:
        site.shutdown()
        site.server_close()


def test_page_of_a_listed_origin_reads_writes_and_sees_the_exposed_headers(tmp_path: Path) -> None:
    report = report_of("127.0.0.1", "127.0.0.1", tmp_path)
    assert report["open"] == {
        "status": 200,
        "seen": ["ETag", "X-Correlation-Id", "Content-Type"],
        "body": {"is": "here"},
    }
    assert report["write"]["status"] == 201
    assert report["write"]["seen"] == ["Location", "ETag", "X-Correlation-Id", "Content-Type"]
    assert report["write"]["body"] == {"if": '"1"', "as": "mine"}
    assert report["unknown"] == {"error": "TypeError"}
    assert (report["refused"]["status"], report["refused"]["body"]["title"]) == (401, "Unauthenticated")
    assert report["broken"]["seen"] == ["X-Correlation-Id", "Retry-After", "Content-Type"]


def test_page_of_another_origin_reads_nothing(tmp_path: Path) -> None:
    report = report_of("localhost", "127.0.0.1", tmp_path)
    assert set(map(str, report.values())) == {"{'error': 'TypeError'}"}
