"""Runs the services as containers on Amazon ECS with Fargate: one stack for the network, and one for each service."""

from bootstrap.fargate.settings import settings
from bootstrap.fargate.stacks import NETWORK, completed, prepared, refusal, run_of, templates

__all__ = ["NETWORK", "completed", "prepared", "refusal", "run_of", "settings", "templates"]
