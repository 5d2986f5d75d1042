"""Docker as builder of images: which architectures it can build, and which digest it pushed."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bootstrap.errors import Failed

# Prints progress on standard error, and returns what the command printed on standard output.
Run = Callable[[Sequence[str], str], str]
PLATFORMS = {"linux/arm64": "ARM64", "linux/amd64": "X86_64"}  # the better one first, by Fargate's names


def run(command: Sequence[str], given: str = "") -> str:
    try:
        done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 fixed
    except FileNotFoundError as error:
        raise Failed(f"There is no {command[0]}: install Docker, which builds the images.") from error
    if done.returncode:
        raise Failed(f"`{' '.join(command[:3])}` failed with exit code {done.returncode}. Its messages are above.")
    return done.stdout


class Builder:
    """Builds in the folder `root`. A builder of BuildKit's own builds for several architectures, Docker for its own."""

    def __init__(self, root: Path, run: Run = run) -> None:
        self._root, self._run = root, run
        self.platforms = [platform for platform in PLATFORMS if platform in self._able()]
        if not self.platforms:
            raise Failed(f"This builder builds neither for {' nor for '.join(PLATFORMS)}, which Fargate has.")

    @property
    def architecture(self) -> str:
        """The better one of those that the images have, by Fargate's name."""
        return PLATFORMS[self.platforms[0]]

    def login(self, registry: str, user: str, password: str) -> None:
        self._run(["docker", "login", "--username", user, "--password-stdin", registry], password)

    def push(self, service: str, repository: str) -> str:
        """The digest of the image that was pushed. It covers all architectures."""
        with TemporaryDirectory() as folder:
            told = Path(folder) / "metadata.json"
            self._run([
                "docker", "buildx", "build", "--platform", ",".join(self.platforms),
                "--build-arg", f"SERVICE={service}", "--target", "service", "--provenance=false",
                "--tag", f"{repository}:latest", "--push", "--metadata-file", str(told), str(self._root),
            ], "")  # fmt: skip
            return str(json.loads(told.read_text("utf-8"))["containerimage.digest"])

    def _able(self) -> list[str]:
        """Docker's own driver cannot build for several architectures at once."""
        lines = self._run(["docker", "buildx", "inspect", "--bootstrap"], "").splitlines()
        told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        if told.get("Driver") == "docker":
            return [self._run(["docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"], "").strip()]
        return [it.strip().rstrip("*") for it in told.get("Platforms", "").split(",")]
