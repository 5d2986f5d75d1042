"""Keep-alive connections that send one request again and again: by wrk where it is installed, else from this file."""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CONNECTIONS = 32
TIMEOUT = "20s"  # of a request. A page of 100 products takes the slowest peer more than wrk's two on a busy machine.
SCRIPT = """wrk.method, wrk.body = "{method}", [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}}', summary.requests,
    summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Request(NamedTuple):
    method: str
    path: str
    body: str = ""


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "Python (wrk is not installed)"


def command(url: str, request: Request, seconds: float, folder: Path) -> list[str]:
    """The process that sends `request`. The last line of its output is what `result` reads."""
    if not shutil.which("wrk"):
        return [sys.executable, "-m", "bench.load", url, str(seconds), *request]
    script = folder / "load.lua"
    script.write_text(SCRIPT.format(method=request.method, body=request.body), encoding="utf-8")
    count = str(CONNECTIONS)
    duration = f"{max(1, round(seconds))}s"
    wrk = ["wrk", "-t1", "-c", count, "-d", duration, "--timeout", TIMEOUT, "--latency", "-s", str(script)]
    return [*wrk, url + request.path]


def run(load: list[str]) -> dict[str, Any]:
    """Times in `p50` and `p99` are in milliseconds. Raises ValueError if a request failed."""
    output = subprocess.run(load, check=True, capture_output=True, text=True).stdout  # noqa: S603 our own command
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    if result["failed"]:
        raise ValueError(f"{result['failed']} of {result['requests']} requests failed: {load}")
    return result


async def _client(url: str, request: bytes, until: float, taken: list[float]) -> int:
    """Sends requests one after the other. Returns how many were not answered by a 2xx."""
    target, failed = urlsplit(url), 0
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        taken.append(time.perf_counter() - began)
        failed += not head.startswith(b"HTTP/1.1 2")
    writer.close()
    return failed


async def main(url: str, seconds: str, *parts: str) -> None:
    request = Request(*parts)
    fields = f"Host: bench\r\nContent-Type: application/json\r\nContent-Length: {len(request.body)}"
    content = f"{request.method} {request.path} HTTP/1.1\r\n{fields}\r\n\r\n{request.body}".encode()
    taken: list[float] = []
    began = time.perf_counter()
    clients = [_client(url, content, began + float(seconds), taken) for _ in range(CONNECTIONS)]
    failed = sum(await asyncio.gather(*clients))
    percentiles = statistics.quantiles(taken, n=100)
    result = {"requests": len(taken), "seconds": time.perf_counter() - began, "failed": failed}
    print(json.dumps(result | {"p50": percentiles[49] * 1000, "p99": percentiles[98] * 1000}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
