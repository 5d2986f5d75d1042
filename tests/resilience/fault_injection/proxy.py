"""A fault proxy between the services and AWS: forwards every call as it is, unless the rules let it go wrong."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from tests.resilience.fault_injection import faults, wire
from tests.resilience.fault_injection.faults import Dice, Fault, Rules
from tests.resilience.fault_injection.upstream import Upstream

BROKEN = (OSError, asyncio.IncompleteReadError)  # what a connection does that the other side has left
SLOWEST = 0.7  # seconds: longer than a publish waits, shorter than a request does
AGAIN_AFTER = 1.0


class Proxy:
    """Give its `url` to the services as AWS_ENDPOINT_URL; change `rules` at any time, from any thread."""

    def __init__(self, upstream: str, seed: int, observe: Callable[[wire.Message, wire.Message], None]) -> None:
        self.rules: Rules = {}
        self.counts: Counter[tuple[str, str]] = Counter()  # by operation and what was done to it
        self.port = 0
        self._upstream = Upstream(upstream)
        self._dice = Dice(seed)
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
    def done(self) -> Counter[str]:
        """How often each fault struck; `calls` are all."""
        kinds: Counter[str] = Counter(calls=sum(self.counts.values()))
        for (_, kind), count in self.counts.items():
            kinds[kind] += count
        return kinds

    def calm(self) -> None:
        """From now on nothing goes wrong here, and nothing is delivered again."""
        self.rules = {}
        self._call(self._forget())

    def refuse(self) -> None:
        """From now on connections are refused, and those that are open break off."""
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
            await self._admit_the_last(self._server)
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _admit_the_last(self, server: asyncio.Server) -> None:
        """Whom asyncio has accepted, but not yet connected, a server that closes would drop without closing it."""
        for listener in server.sockets:
            self._loop.remove_reader(listener.fileno())
        for _ in range(2):  # rounds of the loop: one makes the transport, one tells us
            await asyncio.sleep(0)

    async def _forget(self) -> None:
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
        """Not a coroutine: one that is cancelled before it begins would leave its connection open."""
        self._open.add(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(*BROKEN):
                while request := await wire.read(reader):
                    if (answer := await self._while_here(reader, request)) is None:
                        break
                    writer.write(answer.raw)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _while_here(self, reader: asyncio.StreamReader, request: wire.Message) -> wire.Message | None:
        """Gives a call up whose client has gone: what is sent much later than its sender's death is no fault of AWS."""
        answer, gone = asyncio.ensure_future(self._answer(request)), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    async def _answer(self, request: wire.Message) -> wire.Message | None:
        """None where the client shall hear nothing."""
        if (copy := self._copy_for(request)) is not None:
            self.counts[request.operation, Fault.DELIVERED_AGAIN] += 1
            return copy
        fault = self._dice.fault(request.operation, self.rules)
        self.counts[request.operation, "forwarded" if fault in {None, Fault.DELIVERED_AGAIN} else fault] += 1
        return await self._suffer(fault, request)

    async def _suffer(self, fault: Fault | None, request: wire.Message) -> wire.Message | None:
        dice = self._dice.for_(request.operation)
        if fault in faults.FORGED:
            return faults.FORGED[fault](request, dice)
        match fault:
            case Fault.BLACK_HOLE:
                await asyncio.Event().wait()
            case Fault.GARBLED:
                return faults.garbled(await self._forward(request), dice)
            case Fault.LOST_ANSWER:
                await self._forward(request)
                return None
            case Fault.REFUSED_ENTRIES:
                partial = faults.Partial(request, dice)
                rest = partial.rest()
                return partial.merged(await self._forward(rest) if rest else None)
            case Fault.DELIVERED_AGAIN:
                return await self._deliver_again(request)
            case Fault.PUBLISHED_TWICE:
                await self._forward(request)
            case Fault.LATENCY:
                await asyncio.sleep(dice.uniform(0, SLOWEST))
        return await self._forward(request)

    def _copy_for(self, request: wire.Message) -> wire.Message | None:
        """What the same queue delivered a while ago."""
        copies = self._copies.get(request.json()["QueueUrl"]) if request.operation == faults.RECEIVE else None
        return copies.pop(0)[1] if copies and copies[0][0] < time.monotonic() else None

    async def _deliver_again(self, request: wire.Message) -> wire.Message:
        """Keeps a copy of what is delivered: one of the next receives gets it instead of an answer of its own."""
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
