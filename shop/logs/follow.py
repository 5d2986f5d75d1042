"""The logs of all processes in one stream."""

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter

from shop.logs.lines import Printer, Tail, timestamp
from shop.paths import Paths
from shop.processes.programs import Plan

SUPERVISOR = "supervisor"
NEWS = ("exited: ", "gave up: ")  # the rest of what supervisor logs is about itself


class Follower:
    """`LOG_FORMAT=json` shows the lines as they are; on a terminal the names have colours, unless NO_COLOR is set."""

    def __init__(
        self, paths: Paths, plan: Plan, env: Mapping[str, str], say: Callable[[str], None], *, terminal: bool
    ) -> None:
        self.names = list(dict.fromkeys(step.name for stage in plan for step in stage))
        self._paths = paths
        self._say = say
        pretty = (env.get("LOG_FORMAT") or ("pretty" if terminal else "json")) == "pretty"
        self._printer = Printer([*self.names, SUPERVISOR], pretty=pretty, colour=terminal and not env.get("NO_COLOR"))
        self._tails: dict[str, Tail] = {}

    def start(self, names: list[str] | None = None, last: int = 0) -> None:
        """Shows new lines from now on, after the `last` lines of each process, of all processes or only of `names`."""
        self.close()
        self._tails = {name: Tail(self._paths.log(name), last=last) for name in names or self.names}
        self._tails[SUPERVISOR] = Tail(self._paths.supervisor_log)

    def show(self) -> None:
        """Prints the lines since the last call, in the order of their timestamps."""
        for _, name, line in sorted(self._new(), key=itemgetter(0)):
            self._say(self._printer.line(name, line))

    def close(self) -> None:
        for tail in self._tails.values():
            tail.close()

    def _new(self) -> Iterator[tuple[str, str, str]]:
        for name, tail in self._tails.items():
            stamp = ""  # a line without one, as of a traceback, belongs to the line before
            for line in tail.lines():
                stamp = timestamp(line) or stamp
                if name != SUPERVISOR or any(news in line for news in NEWS):
                    yield stamp, name, line
