"""Settings of gunicorn for every web service: `gunicorn -c python:chassis.web.gunicorn 'services.….app:from_env()'`."""

import importlib
import os
import resource
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from chassis.core import logs
from chassis.web.sockets import MAX_FIELD, MAX_FIELDS, MAX_LINE

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "chassis.web.worker.Worker"
workers = int(os.environ.get("WEB_WORKERS") or "1")
threads = int(os.environ.get("WEB_THREADS") or "16")
graceful_timeout = 10
# Clients get at most half of the file descriptors; calls to AWS need the others. -1 means no limit.
descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
worker_connections = min(1000, descriptors // 2) if descriptors > 0 else 1000
keepalive = 75  # seconds: longer than the 60 s of a load balancer, which must close its idle connections first
# By default gunicorn trusts SCRIPT_NAME, PATH_INFO and X-Forwarded-Proto from every local client. The app needs none of
# them, and `chassis/web/proxies.py` says which clients it trusts.
forwarded_allow_ips = ""
limit_request_line, limit_request_fields, limit_request_field_size = MAX_LINE, MAX_FIELDS, MAX_FIELD
control_socket_disable = True  # gunicorn writes it to the home directory, which is read-only in a container
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 only for gunicorn's heartbeat file
logconfig_dict = logs.configure("gunicorn", os.environ)


class logger_class(Logger):  # type: ignore[misc] # noqa: N801 the name of gunicorn's setting
    """The app logs one line per request. Gunicorn would collect the same facts again for a log without a handler."""

    def access(self, *_: Any) -> None:
        pass


def on_starting(arbiter: Any) -> None:
    """Several workers share the memory of what is imported before the forks. They make connections after them."""
    if arbiter.cfg.workers > 1 and not arbiter.cfg.reload:
        importlib.import_module(arbiter.app.app_uri.partition(":")[0])
