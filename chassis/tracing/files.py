"""Spans as JSON lines in a file of bounded size, for `shop trace`."""

import json
import logging
import os
from pathlib import Path
from threading import Lock

from chassis.tracing.spans import Finished

LIMIT = 4_000_000  # bytes. The file before this one is kept too.

log = logging.getLogger(__name__)


class SpanFile:
    """Appends the spans of one process, each at its end, so that a crash loses only those that have not ended.

    After about `limit` bytes of a process the file gets the suffix `.1`, and a new one begins. Processes may share it.
    """

    def __init__(self, path: Path, process: str, limit: int = LIMIT) -> None:
        self._path = path
        self._process = process
        self._limit = limit
        self._lock = Lock()
        self._file: int | None = None
        self._room = limit
        self._has_failed = False

    def record(self, span: Finished) -> None:
        line = json.dumps({"process": self._process} | span._asdict(), default=str).encode() + b"\n"
        with self._lock:
            try:
                os.write(self._open(), line)
                self._room -= len(line)
            except OSError as error:  # a full disk costs the trace, never the request
                if not self._has_failed:
                    log.warning("spans are not recorded in %s: %s", self._path, error)
                self._has_failed = True

    def _open(self) -> int:
        if self._file is not None and self._room <= 0:
            os.close(self._file)
            self._file = None
            if self._path.stat().st_size >= self._limit:  # otherwise another process has begun the new file
                self._path.replace(f"{self._path}.1")
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._room = self._limit - os.fstat(self._file).st_size
        return self._file
