"""The handler of every function. Lambda imports this module when it makes an execution environment: the cold start."""

import os

from chassis.functions.handlers import from_env

handle = from_env(os.environ)
