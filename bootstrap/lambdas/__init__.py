"""Runs the services as Lambda functions: one stack for the bucket with their code, and one for each service."""

from bootstrap.lambdas.settings import settings
from bootstrap.lambdas.stacks import completed, prepared, refusal, templates

__all__ = ["completed", "prepared", "refusal", "settings", "templates"]
