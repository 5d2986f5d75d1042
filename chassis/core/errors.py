"""Errors that carry an HTTP status: services and stores raise them, `problems` alone turns them into answers."""

from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """A failure the caller can be told about; `members` become extra members of the problem document (RFC 9457)."""

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
    """A dependency did not answer, or was too busy: trying again later may help."""

    status, title = 503, "Dependency unavailable"


class Refused(Unavailable):
    """A dependency answered that it did not do this: surely nothing was written, and trying again later may help."""


class Misconfigured(Exception):
    """Whoever runs this has something to set first; the text says what."""
