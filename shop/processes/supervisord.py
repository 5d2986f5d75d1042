"""Supervisor's process, which ends its programs in order when the launcher is gone, even after `kill -9`."""

import os
import signal
import sys
import threading
from pathlib import Path

from supervisor import supervisord


def main(arguments: list[str]) -> None:
    """Standard input is a pipe whose other end only the launcher holds: it closes when the launcher dies.

    `arguments`: `-c` and the configuration, whose names of files are relative to its own folder.
    """
    os.chdir(Path(arguments[1]).parent)
    threading.Thread(target=_end_when_closed, args=(sys.stdin.fileno(),), daemon=True).start()
    supervisord.main(arguments)


def _end_when_closed(pipe: int) -> None:
    while os.read(pipe, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
