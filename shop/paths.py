"""Where a shop on this machine keeps its files: `var/<shop>/`."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import Failed
from shop.emulator.state import State
from shop.settings import Settings

# A Unix socket's path holds 103 characters on macOS and 107 on Linux; supervisor adds its pid while it binds.
LONGEST_SOCKET_PATH = 90


@dataclass(frozen=True)
class Paths:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def traces(self) -> Path:
        return self.path / "trace"

    @property
    def state(self) -> State:
        """What the emulator saved."""
        return State(self.path / "emulator")

    @property
    def run_state(self) -> Path:
        return self.path / "running.json"

    @property
    def config(self) -> Path:
        return self.path / "supervisord.conf"

    @property
    def supervisor_log(self) -> Path:
        return self.path / "supervisord.log"

    @property
    def socket(self) -> Path:
        here = self.path / "supervisor.sock"
        if len(str(here)) <= LONGEST_SOCKET_PATH:
            return here
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"shopwire-{digest}.sock"

    @property
    def token_key(self) -> Path:
        return self.path / "token-key.pem"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Creates the folder for its owner only, since it holds names and addresses. Raises `Failed`."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise Failed(
                f"{self.path} cannot hold the shop's files: {error.strerror}. SHOP_VAR names another folder."
            ) from error


def paths_of(settings: Settings) -> Paths:
    return Paths(settings.var / settings.name)
