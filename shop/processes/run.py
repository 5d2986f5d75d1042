"""`make run`: the shop in a terminal, from the first line to the last process gone."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from types import FrameType

from bootstrap.errors import Failed
from shop import environment, tokens
from shop.emulator import ministack
from shop.logs.follow import Follower
from shop.output import say
from shop.paths import paths_of
from shop.processes import banner
from shop.processes.launcher import Launcher
from shop.processes.monitor import Monitor
from shop.processes.programs import plan
from shop.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """A signal asked for the end. It is no Exception, so no code on the way handles it as a failure."""


def run(settings: Settings, env: Mapping[str, str]) -> int:
    launcher = prepare(settings, env)
    follower = Follower(launcher.paths, launcher.plan, env, say, terminal=sys.stdout.isatty())
    with _stopping(launcher), closing(follower):
        say(f"Starting the shop `{settings.name}` (Ctrl-C stops it)")
        launcher.start()
        say(banner.text(settings, launcher.paths, dev=settings.dev, authenticates=tokens.are_needed(env)))
        follower.start()
        _keep(Monitor(launcher, say), follower)
    return 0


def prepare(settings: Settings, env: Mapping[str, str], say: Callable[[str], None] = say) -> Launcher:
    """Raises `Failed` where no emulator can be used."""
    _refuse_unusable(settings)
    paths = paths_of(settings)
    its = environment.for_processes(env, settings) | tokens.for_processes(env, paths)
    return Launcher(settings, paths, plan(settings, paths), its, say)


def _refuse_unusable(settings: Settings) -> None:
    if settings.given_endpoint:
        environment.refuse_unless_emulator(settings)
    elif not ministack.is_installed():
        raise Failed(
            "MiniStack, the embedded emulator, is not installed: run `make install`, "
            "or set SHOP_ENDPOINT_URL to an emulator that runs elsewhere."
        )


def _keep(monitor: Monitor, follower: Follower) -> None:
    looked = 0.0
    while True:
        follower.show()
        if time.monotonic() - looked > 1:
            monitor.look()
            looked = time.monotonic()
        time.sleep(0.1)


@contextmanager
def _stopping(launcher: Launcher) -> Iterator[None]:
    """The first signal stops the shop in order, a second Ctrl-C kills it. Both leave nothing behind."""
    _on(SIGNALS, _request_stop)
    # After Ctrl-Z this is a background process, which some terminals suspend again at its next line.
    _on((signal.SIGTTOU,), signal.SIG_IGN)
    try:
        yield
    except StopRequested:
        say("\nStopping the shop (Ctrl-C again ends it at once)")
    finally:
        _stop(launcher)
        _on(SIGNALS, signal.SIG_DFL)


def _stop(launcher: Launcher) -> None:
    # A closed terminal sends its signal more than once. Only a second Ctrl-C means "at once".
    _on((signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)
    if not launcher.has_something_to_stop:
        return
    begun = time.monotonic()
    try:
        launcher.stop()
        say(f"Stopped, {time.monotonic() - begun:.1f} s. Nothing is left running.")
    except StopRequested:
        _on(SIGNALS, signal.SIG_IGN)
        launcher.kill()
        say("Ended at once.")


def _request_stop(_signum: int, _frame: FrameType | None) -> None:
    raise StopRequested


def _on(signals: Iterable[signal.Signals], action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for one in signals:
        signal.signal(one, action)
