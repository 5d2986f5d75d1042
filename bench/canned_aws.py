"""A DynamoDB, EventBridge and SQS that answer each call with prepared bytes after a fixed delay. It prints its port.

It stores nothing. Baskets always have two lines, the order queue always has ten messages, and the outbox never ends.
`GET /?delay=SECONDS` sets the delay. `GET /` returns what was counted.
"""

import asyncio
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

EVENT = json.loads((Path(__file__).parent.parent / "tests" / "events" / "checkout_basket.json").read_text("utf-8"))
FIELD = re.compile(rb"\r\n(x-amz-target|content-length): *(\S+)", re.IGNORECASE)
Row = dict[str, dict[str, Any]]
Call = dict[str, Any]


def _strings(**fields: str) -> Row:
    return {name: {"S": value} for name, value in fields.items()}


def product(product_id: str, category: str) -> Row:
    text = {"id": product_id, "name": "IPhone X", "description": "d" * 200, "imageFile": "p.png", "category": category}
    return _strings(**text) | {"price": {"N": "950.40"}, "version": {"N": "3"}}


def listing(product_id: str) -> Row:
    text = {"productId": product_id, "name": "IPhone X", "category": "20"}
    return _strings(**text) | {"version": {"N": "3"}, "price": {"N": "950.40"}, "deleted": {"BOOL": False}}


def line(product_id: str, color: str) -> dict[str, Any]:
    text = {"productId": product_id, "productName": "IPhone X", "color": color}
    return {"M": _strings(**text) | {"quantity": {"N": "1"}, "addedPrice": {"N": "950.40"}}}


LINES = {"L": [line("p-1", "Red"), line("p-2", "Blue")]}
BASKET = {"userName": {"S": "ann"}, "version": {"S": "v"}, "items": LINES}
ROWS = {"product": product("p-1", "20"), "basket": BASKET}


def pending(number: int) -> Row:
    """A row of the outbox."""
    text = {"source": EVENT["source"], "detail_type": EVENT["detail-type"], "detail": json.dumps(EVENT["detail"])}
    return _strings(id=f"e-{number}", **text) | {"createdAt": {"N": "1"}}


def message(number: int) -> dict[str, Any]:
    """A message of the order queue. Each of a batch is another order."""
    data = EVENT["detail"]["data"] | {"orderId": f"{EVENT['detail']['data']['orderId'][:-12]}{number:012}"}
    body = EVENT | {"detail": EVENT["detail"] | {"data": data}}
    attributes = {"ApproximateReceiveCount": "1"}
    return {"MessageId": f"m-{number}", "ReceiptHandle": "r" * 180, "Body": json.dumps(body), "Attributes": attributes}


@cache
def response(build: Callable[..., Any], *arguments: Any) -> bytes:
    content = json.dumps(build(*arguments)).encode()
    headers = {
        "Server": "Server",
        "Date": formatdate(usegmt=True),
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": len(content),
        "x-amzn-RequestId": "A" * 52,
        "x-amz-crc32": zlib.crc32(content),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + content


def one_row(table: str) -> Any:
    return {"Item": ROWS[table]} if table in ROWS else {}


def some_rows(table: str, *ids: str) -> Any:
    return {"Responses": {table: [listing(each) for each in ids]}, "UnprocessedKeys": {}}


def category_page(category: str, after: str, limit: int) -> Any:
    """The category `20` has 20 rows, and so on."""
    first = int(after or "-1") + 1
    rows = [product(f"{number:04}", category) for number in range(first, min(first + limit, int(category)))]
    more = first + limit < int(category)
    return {"Items": rows, "Count": len(rows)} | ({"LastEvaluatedKey": rows[-1]} if more else {})


def outbox_page(limit: int) -> Any:
    return {"Items": [pending(number) for number in range(limit)], "LastEvaluatedKey": {"id": {"S": "e-0"}}}


def all_written() -> Any:
    return {"UnprocessedItems": {}}


def messages(count: int) -> Any:
    return {"Messages": [message(number) for number in range(count)]}


def queue_url() -> Any:
    return {"QueueUrl": "http://127.0.0.1/000000000000/order"}


def results(name: str, count: int) -> Any:
    """One result per entry, which says that it was accepted."""
    return {"FailedEntryCount": 0, name: [{"EventId": "e" * 36, "Id": str(number)} for number in range(count)]}


def looked_up(call: Call) -> bytes:
    ((table, wanted),) = call["RequestItems"].items()
    return response(some_rows, table, *(key["productId"]["S"] for key in wanted["Keys"]))


def queried(call: Call) -> bytes:
    (category,) = call["ExpressionAttributeValues"].values()
    after = call.get("ExclusiveStartKey", {}).get("id", {}).get("S", "")
    return response(category_page, category["S"], after, call["Limit"])


# What each operation answers. The others are writes that succeed.
ANSWERS: dict[str, Callable[[Call], bytes]] = {
    "GetItem": lambda call: response(one_row, call["TableName"].partition("-")[2]),
    "BatchGetItem": looked_up,
    "BatchWriteItem": lambda _: response(all_written),
    "Query": queried,
    "Scan": lambda call: response(outbox_page, call.get("Limit", 100)),
    "PutEvents": lambda call: response(results, "Entries", len(call["Entries"])),
    "ReceiveMessage": lambda call: response(messages, call.get("MaxNumberOfMessages", 1)),
    "DeleteMessageBatch": lambda call: response(results, "Successful", len(call["Entries"])),
    "GetQueueUrl": lambda _: response(queue_url),
}
FINISHED = {"PutEvents": "events", "DeleteMessage": "messages", "DeleteMessageBatch": "messages"}
FINISHED |= {"SendMessage": "dead letters"}


class Backend:
    def __init__(self) -> None:
        self._delay = 0.0
        self._counted: Counter[str] = Counter()

    def serve(self, target: str, body: bytes) -> tuple[float, bytes]:
        """The seconds to wait and the response. Counts calls, and what FINISHED names."""
        operation, call = target.partition(".")[2], json.loads(body)
        self._counted["calls"] += 1
        if operation in FINISHED:
            self._counted[FINISHED[operation]] += len(call.get("Entries", [None]))
        return self._delay, ANSWERS[operation](call) if operation in ANSWERS else response(dict)

    def control(self, path: str) -> tuple[float, bytes]:
        if "delay=" in path:
            self._delay = float(path.partition("delay=")[2])
        content = json.dumps(self._counted).encode()
        return 0.0, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content


class Connection(asyncio.Protocol):
    """One request at a time, as every client here sends them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        fields = {name.lower(): value for name, value in FIELD.findall(head)}
        if not end or len(body) < int(fields.get(b"content-length", 0)):
            return
        self._data = b""
        if head.startswith(b"GET "):
            delay, content = self._backend.control(head.split()[1].decode())
        else:
            delay, content = self._backend.serve(fields[b"x-amz-target"].decode(), body)
        asyncio.get_running_loop().call_later(delay, self._transport.write, content)


async def main() -> None:
    backend = Backend()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(backend), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if find_spec("uvloop"):
        asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
    asyncio.run(main())
