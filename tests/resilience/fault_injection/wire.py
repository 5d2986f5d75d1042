"""HTTP/1.1 messages on asyncio streams, as much of it as AWS clients and emulators use."""

import asyncio
import json
import re
from typing import Any, NamedTuple

END_OF_HEAD = b"\r\n\r\n"
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"\r\nx-amz-target: *([\w.]+)", re.IGNORECASE)
BODY_HEADERS = re.compile(
    rb"\r\n(content-length|transfer-encoding|x-amz-crc32|x-amz-content-sha256):[^\r]*", re.IGNORECASE
)


class Message(NamedTuple):
    """A request or an answer; `head` is everything before the empty line."""

    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + END_OF_HEAD + self.body

    @property
    def operation(self) -> str:
        """Such as `DynamoDB_20120810.PutItem`; empty for services that do not send it in a header."""
        found = TARGET.search(self.head)
        return found[1].decode() if found else ""

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def with_json(self, value: Any) -> "Message":
        return self.with_body(json.dumps(value).encode())

    def with_body(self, body: bytes) -> "Message":
        head = BODY_HEADERS.sub(b"", self.head)
        return Message(head + b"\r\nContent-Length: %d" % len(body), body)


def answer(status: int, value: Any, **headers: str) -> Message:
    lines = [f"HTTP/1.1 {status} -", "Content-Type: application/x-amz-json-1.1"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return Message("\r\n".join(lines).encode(), b"").with_json(value)


async def read(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None if the other side closed the connection instead."""
    try:
        head = (await stream.readuntil(END_OF_HEAD)).removesuffix(END_OF_HEAD)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    if CHUNKED.search(head):
        return Message(head, b"").with_body(await _chunks(stream))
    length = LENGTH.search(head)
    return Message(head, await stream.readexactly(int(length[1])) if length else b"")


async def _chunks(stream: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await stream.readline()).split(b";")[0], 16):
        body += await stream.readexactly(size)
        await stream.readline()
    await stream.readline()
    return body
