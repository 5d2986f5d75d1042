"""One run: Locust as a process of its own, the queue sampled beside it, the outage, and then the books."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.errors import Failed
from load import record
from load.conclusion import Conclusion, Wishes
from load.outage import Outage
from load.record import Written
from load.series import Sample
from load.target import Target
from shop.connection import Connection
from shop.settings import ROOT

LOCUST = ROOT / ".venv-load" / "bin" / "locust"
FILE = ROOT / "load" / "locustfile.py"
STARTS_WITHIN = 60.0  # seconds
VISIT = 20  # seconds that a visit may take to end after the time of the run
GRACE = 45.0  # seconds after that time when Locust is ended
EVERY = 1.0  # seconds between two samples
LONGEST_ON_PAGE = 1800  # seconds of a run that the web page starts
Locust = subprocess.Popen[bytes]


@dataclass
class Session:
    """`folder` gets the record. `web_port` is None without the web page."""

    wishes: Wishes
    web_port: int | None
    target: Target
    shop: Connection
    folder: Path
    say: Callable[[str], None]
    samples: list[Sample] = field(default_factory=list)

    def run(self) -> int:
        """Returns an exit code: 1 if an order is missing, doubled or open, or if a request failed."""
        if not LOCUST.exists():
            raise Failed("Locust is not installed here: `make load` installs it into .venv-load.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._record.write_text("", encoding="utf-8")
        self._plan.touch(mode=0o600)  # it has tokens
        self._plan.write_text(json.dumps(self.target.plan(self.wishes.seed, str(self._record))), encoding="utf-8")
        try:
            outage, code = self._send()
        finally:
            self._plan.unlink()
        return Conclusion(self.wishes, self.target, self.folder, self.say).write(
            self._written(), self.samples, outage
        ) or abs(code)

    @property
    def _record(self) -> Path:
        return self.folder / "record.jsonl"

    @property
    def _plan(self) -> Path:
        return self.folder / "plan.json"

    def _written(self) -> Written:
        with self._record.open(encoding="utf-8") as lines:
            return record.read(lines)

    def _command(self) -> list[str]:
        its = self.wishes
        rate = max(1, its.users // 5)  # all are there after about five seconds; one more is the merchandiser
        common = ["-f", str(FILE), "--plan", str(self._plan), "--host", self.target.urls["basket"]]
        common += ["-u", str(its.users + 1), "-r", str(rate), "--stop-timeout", str(VISIT)]
        common += ["--csv", str(self.folder / "locust")]
        if self.web_port:
            where = ["--web-host", "127.0.0.1", "--web-port", str(self.web_port)]
            return [str(LOCUST), *common, *where, "-t", f"{LONGEST_ON_PAGE}s"]
        return [str(LOCUST), *common, "--headless", "--only-summary", "-t", f"{its.seconds}s"]

    def _send(self) -> tuple[Outage | None, int]:
        """Until the load has ended. Starts the stopped process again, and ends Locust, whatever happens."""
        env = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
        outage = None
        with subprocess.Popen(self._command(), cwd=ROOT, env=env) as locust, _passing_signals_on(locust):  # noqa: S603
            try:
                started = self._await_start(locust)
                outage = self._planned(started)
                self._watch(locust, started, outage)
            finally:
                if outage:
                    outage.end(time.time())
                if locust.poll() is None:
                    locust.terminate()
        return outage, locust.returncode

    def _planned(self, started: float) -> Outage | None:
        seconds = self.wishes.outage
        begin = started + (self.wishes.seconds - seconds) / 2
        return Outage(self.target.processes, begin, seconds, self.say) if seconds else None

    def _await_start(self, locust: Locust) -> float:
        """On the web page the user starts the load, whenever that is."""
        deadline = time.monotonic() + STARTS_WITHIN
        while locust.poll() is None:
            if started := self._written().started:
                return started
            if not self.web_port and time.monotonic() > deadline:
                raise Failed(f"Locust did not start within {STARTS_WITHIN:.0f} s.")
            time.sleep(0.1)
        return time.time()

    def _watch(self, locust: Locust, started: float, outage: Outage | None) -> None:
        while locust.poll() is None:
            now = time.time()
            if not self.web_port and now > started + self.wishes.seconds + GRACE:
                raise Failed(f"Locust did not end within {GRACE:.0f} s after its time.")
            if outage:
                outage.step(now, self._sample)
            self._sample()
            time.sleep(0.05)

    def _sample(self) -> None:
        """Does nothing if the last sample is less than a second old."""
        now = time.time()
        if self.samples and now - self.samples[-1].at < EVERY:
            return
        queue = self.shop.aws.sqs.get_queue_url(QueueName=f"{self.shop.names.shop}-order")["QueueUrl"]
        found = self.shop.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        waiting = int(found["ApproximateNumberOfMessages"])
        self.samples.append(Sample(now, waiting, int(found["ApproximateNumberOfMessagesNotVisible"])))


@contextmanager
def _passing_signals_on(locust: Locust) -> Iterator[None]:
    """Locust gets a Ctrl-C from the terminal and ends in order. The books follow."""

    def pass_on(signum: int, _frame: Any) -> None:
        if signum == signal.SIGTERM:
            locust.terminate()

    before = {each: signal.signal(each, pass_on) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
