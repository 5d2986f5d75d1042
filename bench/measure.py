"""Runs one scenario with all arms at once. Each round measures each of them, in a new random sequence."""

import json
import random
import resource
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import load
from bench.arms import AWS, ROOT, Arm, Running, free_port, pinned
from bench.load import Request
from bench.scenarios import Web, Worker

LONG_DELAY = 0.1  # seconds: much longer than what a request takes apart from its AWS calls
Slice = dict[str, float]
Results = dict[str, dict[str, Any]]


class Mismatch(Exception):
    """The arms do not answer the same, or one refuses its work."""


class Backend(NamedTuple):
    running: Running
    url: str

    def counted(self, delay: float | None = None) -> dict[str, int]:
        """What it counted so far. Sets its delay in seconds, if there is one."""
        path = "" if delay is None else f"/?delay={delay}"
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 our own URL
            counted: dict[str, int] = json.load(answer)
        return counted


class Plan(NamedTuple):
    delay: float  # seconds that each AWS call takes
    seconds: float  # of a slice
    rounds: int
    folder: Path  # for logs


class Bench:
    def __init__(self, backend: Backend, plan: Plan) -> None:
        self._backend = backend
        self._plan = plan

    def web(self, scenario: Web, arms: Sequence[Arm]) -> Results:
        with ExitStack() as stack:
            running, urls = {}, {}
            for arm in arms:
                running[arm.name], urls[arm.name] = self._start_web(stack, arm, scenario.service)
            trips = self._check(scenario, urls)

            def act(name: str) -> Slice:
                command = load.command(urls[name], scenario.request, self._plan.seconds, self._plan.folder)
                done = load.run(pinned(command, 1))
                return {"units": done["requests"], "seconds": done["seconds"], "p50": done["p50"], "p99": done["p99"]}

            return self._rounds(running, act, trips)

    def worker(self, scenario: Worker, arms: Sequence[Arm]) -> Results:
        """All workers are started, and all but the measured one are stopped by a signal."""
        with ExitStack() as stack:
            running = {}
            for arm in arms:
                running[arm.name] = stack.enter_context(self._start(arm, scenario.kind, 0))
                self._until(scenario.counted)
                running[arm.name].pause()

            def act(name: str) -> Slice:
                before, began = self._backend.counted(), time.perf_counter()
                running[name].resume()
                time.sleep(self._plan.seconds)
                running[name].pause()
                units = self._backend.counted().get(scenario.counted, 0) - before.get(scenario.counted, 0)
                return {"units": units, "seconds": time.perf_counter() - began}

            return self._rounds(running, act, {})

    def starts(self, service: str, arms: Sequence[Arm]) -> Results:
        """The seconds from the start of the process to its first ready answer, and its memory then."""
        results: Results = {arm.name: {"rounds": []} for arm in arms}
        for _ in range(self._plan.rounds + 1):
            for arm in random.sample(arms, len(arms)):
                with ExitStack() as stack:
                    running, _ = self._start_web(stack, arm, service)
                    spent = {"seconds": running.ready_after, "memory": running.memory(), "cpu": running.cpu()}
                    results[arm.name]["rounds"].append(spent)
        return {name: {"rounds": found["rounds"][1:]} for name, found in results.items()}

    def _start(self, arm: Arm, process: str, port: int) -> Running:
        command = [part.replace("{port}", str(port)) for part in arm.commands[process]]
        env = AWS | {"AWS_ENDPOINT_URL": self._backend.url, "PORT": str(port)}
        return Running(command, 0, arm.folder, env, self._plan.folder / f"{arm.name} {process}.log")

    def _start_web(self, stack: ExitStack, arm: Arm, service: str) -> tuple[Running, str]:
        url = f"http://127.0.0.1:{(port := free_port())}"
        running = stack.enter_context(self._start(arm, service, port))
        running.wait_until_ready(f"{url}/health/ready")
        return running, url

    def _until(self, counted: str) -> None:
        """Waits until a worker that was just started works."""
        before, end = self._backend.counted().get(counted, 0), time.perf_counter() + 60
        while self._backend.counted().get(counted, 0) < before + 20:
            if time.perf_counter() > end:
                raise TimeoutError(f"no {counted} within a minute: see the logs in {self._plan.folder}")
            time.sleep(0.05)
        if self._backend.counted().get("dead letters"):
            raise Mismatch(f"a consumer refuses the prepared messages: see the logs in {self._plan.folder}")

    def _check(self, scenario: Web, urls: dict[str, str]) -> dict[str, int]:
        """The AWS round trips of each arm, one after another, before its answer. Raises Mismatch."""
        answers = {name: scenario.comparable(_ask(url, scenario.request)) for name, url in urls.items()}
        if different := [name for name, answer in answers.items() if answer != next(iter(answers.values()))]:
            raise Mismatch(f"{scenario.name}: {different} answer otherwise than the first arm: {answers}")
        self._backend.counted(LONG_DELAY)
        trips = {}
        for name, url in urls.items():
            time.sleep(2 * LONG_DELAY)  # what an earlier answer left to do is done
            began = time.perf_counter()
            _ask(url, scenario.request)
            trips[name] = int((time.perf_counter() - began) / LONG_DELAY)
        self._backend.counted(self._plan.delay)
        return trips

    def _rounds(self, running: dict[str, Running], act: Callable[[str], Slice], trips: dict[str, int]) -> Results:
        results: Results = {name: {"trips": trips.get(name), "rounds": []} for name in running}
        for number in range(self._plan.rounds + 1):
            for name in random.sample(list(running), len(running)):
                measured = self._slice(running[name], lambda name=name: act(name))  # type: ignore[misc] # bound at once
                if number:  # the first round warms up
                    results[name]["rounds"].append(measured)
        for name, each in running.items():
            results[name]["memory"] = each.memory()
        return results

    def _slice(self, running: Running, act: Callable[[], Slice]) -> Slice:
        """`helpers` is the share of a core that the backend and the load used: near 1, they were the limit."""
        helpers, cpu, calls = self._helpers(), running.cpu(), self._backend.counted()["calls"]
        done = act()
        cpu, helpers = running.cpu() - cpu, self._helpers() - helpers
        calls = self._backend.counted()["calls"] - calls
        units = max(1.0, done.pop("units"))
        seconds = done.pop("seconds")
        return done | {
            "rate": units / seconds,
            "cpu": cpu / units * 1e6,
            "calls": calls / units,
            "helpers": helpers / seconds,
        }

    def _helpers(self) -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)  # the load, which has ended
        return self._backend.running.cpu() + spent.ru_utime + spent.ru_stime


@contextmanager
def canned_aws(python: str, delay: float) -> Iterator[Backend]:
    with Running([python, "-m", "bench.canned_aws"], 1, ROOT, AWS, None) as running:
        assert running.process.stdout is not None  # noqa: S101 it is a pipe
        backend = Backend(running, f"http://127.0.0.1:{int(running.process.stdout.readline())}")
        backend.counted(delay)
        yield backend


def _ask(url: str, request: Request) -> bytes:
    body = request.body.encode() if request.body else None
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url + request.path, body, headers, method=request.method)  # noqa: S310 our own URL
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 as well
        content: bytes = answer.read()
    return content
