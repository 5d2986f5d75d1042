"""Errors with an HTTP status. Services and stores raise them; `chassis.web.problems` turns them into responses."""

from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """A failure to report to the caller. `members` become extra members of the problem document (RFC 9457)."""

    status: ClassVar[int]
    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class Malformed(DomainError):
    status, title = 400, "Malformed request"


class NotFound(DomainError):
    status, title = 404, "Not found"


class Conflict(DomainError):
    status, title = 409, "Conflict"


class PreconditionFailed(DomainError):
    status, title = 412, "Precondition failed"


class Invalid(DomainError):
    status, title = 422, "Invalid request"


class Unavailable(DomainError):
    """A dependency did not answer or was too busy. A write may have taken effect. A later attempt may succeed."""

    status, title = 503, "Dependency unavailable"


class Refused(Unavailable):
    """A dependency refused the call, so nothing was written. A later attempt may succeed."""


class Misconfigured(Exception):
    """A setting is missing or wrong. The text says which one and what to do."""
