"""A fault proxy between the services and AWS. It forwards every call unchanged unless a rule gives it a fault."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tests.resilience.fault_injection import faults, wire
from tests.resilience.fault_injection.faults import Fault, Rules, SeededFaults
from tests.resilience.fault_injection.upstream import Upstream

BROKEN = (OSError, asyncio.IncompleteReadError)  # raised where the other side has closed the connection
SLOWEST = 0.7  # seconds: longer than a publish waits, shorter than a request does
AGAIN_AFTER = 1.0


class Proxy:
    """Give its `url` to the services as AWS_ENDPOINT_URL; change `rules` at any time, from any thread."""

    def __init__(self, upstream: str, seed: int, observe: Callable[[wire.Message, wire.Message], None]) -> None:
        self.rules: Rules = {}
        self.counts: Counter[tuple[str, str]] = Counter()  # by operation and what was done to it
        self.port = 0
        self._upstream = Upstream(upstream)
        self._faults = SeededFaults(seed)
        self._observe = observe
        self._copies: dict[str, list[tuple[float, wire.Message]]] = {}  # by queue
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them only weakly
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def totals(self) -> Counter[str]:
        """How many calls there were, how many were forwarded, and how many got each fault."""
        kinds: Counter[str] = Counter(calls=sum(self.counts.values()))
        for (_, kind), count in self.counts.items():
            kinds[kind] += count
        return kinds

    def stop_faults(self) -> None:
        """From now on no call gets a fault, and no message is delivered again."""
        self.rules = {}
        self._call(self._clear_copies())

    def refuse(self) -> None:
        """From now on connections are refused. Open connections are closed."""
        self._call(self._close())

    def accept(self) -> None:
        self._call(self._listen())

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        thread.start()
        try:
            self.accept()
            yield self
        finally:
            self.refuse()
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        if self._server is not None and self._server.is_serving():
            return
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=1 << 20, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            await self._finish_accepting(self._server)
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _finish_accepting(self, server: asyncio.Server) -> None:
        """Otherwise closing the server would leak connections that asyncio has accepted but not yet handed over."""
        for listener in server.sockets:
            self._loop.remove_reader(listener.fileno())
        for _ in range(2):  # one round of the loop makes the transport, one calls us
            await asyncio.sleep(0)

    async def _clear_copies(self) -> None:
        self._copies.clear()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._close()
        self._upstream.close()
        await asyncio.sleep(0)  # transports close in the loop's next round

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Not a coroutine, because one that is cancelled before it starts would leave its connection open."""
        self._open.add(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(*BROKEN):
                while request := await wire.read(reader):
                    if (answer := await self._unless_closed(reader, request)) is None:
                        break
                    writer.write(answer.raw)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _unless_closed(self, reader: asyncio.StreamReader, request: wire.Message) -> wire.Message | None:
        """Cancels a call whose client has closed the connection: AWS gets no call long after its sender crashed."""
        answer, gone = asyncio.ensure_future(self._answer(request)), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    async def _answer(self, request: wire.Message) -> wire.Message | None:
        """None: close the connection without an answer."""
        if (copy := self._copy_for(request)) is not None:
            self.counts[request.operation, Fault.DELIVERED_AGAIN] += 1
            return copy
        fault = self._faults.next(request.operation, self.rules)
        self.counts[request.operation, "forwarded" if fault in {None, Fault.DELIVERED_AGAIN} else fault] += 1
        return await self._with_fault(fault, request)

    async def _with_fault(self, fault: Fault | None, request: wire.Message) -> wire.Message | None:
        chooser = self._faults.random(request.operation)
        if fault in faults.FORGED:
            return faults.FORGED[fault](request, chooser)
        match fault:
            case Fault.BLACK_HOLE:
                await asyncio.Event().wait()
            case Fault.GARBLED:
                return faults.garbled(await self._forward(request), chooser)
            case Fault.LOST_ANSWER:
                await self._forward(request)
                return None
            case Fault.REFUSED_ENTRIES:
                partial = faults.Partial(request, chooser)
                rest = partial.rest()
                return partial.merged(await self._forward(rest) if rest else None)
            case Fault.DELIVERED_AGAIN:
                return await self._deliver_again(request)
            case Fault.PUBLISHED_TWICE:
                await self._forward(request)
            case Fault.LATENCY:
                await asyncio.sleep(chooser.uniform(0, SLOWEST))
        return await self._forward(request)

    def _copy_for(self, request: wire.Message) -> wire.Message | None:
        """An earlier answer of the same queue that is due again."""
        copies = self._copies.get(request.json()["QueueUrl"]) if request.operation == faults.RECEIVE else None
        return copies.pop(0)[1] if copies and copies[0][0] < time.monotonic() else None

    async def _deliver_again(self, request: wire.Message) -> wire.Message:
        """Keeps a copy of the answer. A later receive from this queue gets it instead of an answer of its own."""
        answer = await self._forward(request)
        if answer.json().get("Messages"):
            queue = request.json()["QueueUrl"]
            self._copies.setdefault(queue, []).append((time.monotonic() + AGAIN_AFTER, answer))
        return answer

    async def _forward(self, request: wire.Message) -> wire.Message:
        answer = await self._upstream.ask(request)
        self._observe(request, answer)
        return answer


@contextmanager
def proxy_of(
    upstream: str, seed: int = 0, observe: Callable[[wire.Message, wire.Message], None] = lambda _, __: None
) -> Iterator[Proxy]:
    with Proxy(upstream, seed, observe).running() as proxy:
        yield proxy
