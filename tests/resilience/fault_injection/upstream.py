"""The real endpoint behind the fault proxy, over a pool of connections."""

import asyncio
from urllib.parse import urlsplit

from tests.resilience.fault_injection import wire

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Upstream:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = str(parts.hostname), int(parts.port or 80)
        self._idle: list[Stream] = []

    async def ask(self, request: wire.Message) -> wire.Message:
        reader, writer = await self._stream()
        try:
            writer.write(request.raw)
            await writer.drain()
            answer = await wire.read(reader)
        except BaseException:
            writer.transport.abort()
            raise
        if answer is None:
            writer.transport.abort()
            raise ConnectionResetError("the endpoint closed instead of answering")
        self._idle.append((reader, writer))
        return answer

    async def _stream(self) -> Stream:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection(*self._address, limit=1 << 20)

    def close(self) -> None:
        for _, writer in self._idle:
            writer.transport.abort()
