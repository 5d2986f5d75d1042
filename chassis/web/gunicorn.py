"""Gunicorn's settings for every web service: `gunicorn -c python:chassis.web.gunicorn 'services.….app:from_env()'`."""

import os
import resource
from pathlib import Path

from chassis.core import logs
from chassis.web.sockets import MAX_FIELD, MAX_FIELDS, MAX_LINE

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "chassis.web.worker.Worker"
workers = int(os.environ.get("WEB_WORKERS") or "1")
threads = int(os.environ.get("WEB_THREADS") or "16")
graceful_timeout = 10
# At most half of the file descriptors are for clients, so that there are some left for calls to AWS (-1: no limit).
descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
worker_connections = min(1000, descriptors // 2) if descriptors > 0 else 1000
keepalive = 75  # longer than a load balancer's 60 s: whoever closes first must be the one that asks
# By default gunicorn takes SCRIPT_NAME, PATH_INFO and X-Forwarded-Proto from any client on this machine. No answer of
# ours needs an absolute URL of its own, so there is nothing to take from a proxy either.
forwarded_allow_ips = ""
limit_request_line, limit_request_fields, limit_request_field_size = MAX_LINE, MAX_FIELDS, MAX_FIELD
control_socket_disable = True  # it would be written to a home directory, and containers are read-only
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 gunicorn's heartbeat file, not data
logconfig_dict = logs.configure("gunicorn", os.environ)
