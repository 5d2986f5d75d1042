"""How `make run` and the tests start MiniStack: which services it offers, and what it must not do."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-emulator" / "bin" / "python"
# What the templates, the services and `bootstrap` call, by the names that MiniStack and LocalStack share. Every other
# service is switched off, so that no request can make the emulator run a program: there is no Lambda and no ECS, which
# Step Functions could call.
SERVICES = ("cloudformation", "cloudwatch", "dynamodb", "events", "iam", "sns", "sqs", "stepfunctions")
PROCESS = "emulator"  # its name among the processes of `make run`
DO_NOT_RESTART = 78  # exit code of a process that would end the same way at every start; EX_CONFIG of sysexits.h
NO_DOCKER = "unix:///nowhere/docker.sock"


def command(port: int, save_every: float = 20) -> tuple[str, ...]:
    """Started in this folder, it listens on `port` of 127.0.0.1.

    It saves what was written every `save_every` seconds, and at its end.
    """
    return str(PYTHON), "-m", "shop.emulator.server", str(port), str(save_every)


def environment(port: int, state: Path | None = None, more: tuple[str, ...] = ()) -> dict[str, str]:
    """MiniStack's variables; without a folder for its `state` it forgets everything at its end.

    `more` are further services. With "lambda" among them, requests can make it run programs, with its own Python.
    """
    return {
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join((*SERVICES, *more)),
        "LAMBDA_STRICT": "0" if "lambda" in more else "1",  # a function that CloudFormation made would need Docker …
        "DOCKER_HOST": NO_DOCKER,  # … which MiniStack does not find; otherwise it also removes containers at its start
        "IOT_MTLS_ENABLED": "0",  # otherwise it listens on port 8883 of every address
        "AUTH": "false",  # a developer's own variables of these names mean something else
        "USE_SSL": "0",
        "LOG_LEVEL": "WARNING",
        "PYTHONUTF8": "1",
        "PERSIST_STATE": "1" if state else "0",
        "STATE_DIR": str(state or ""),
    }


def is_installed() -> bool:
    return PYTHON.with_name("ministack").exists()
