"""Optimistic writes: retried after a lost race, and never reported as failed if one may have taken effect."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

import structlog

from chassis.core import deadline
from chassis.core.errors import Conflict, NotFound, PreconditionFailed, Refused, Unavailable

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)


class Attempts:
    """The attempts at one write, within the request's deadline.

        with Attempts(unknown) as attempts:
            for _ in attempts:
                row = read()  # also shows whether an attempt without an answer took effect
                if attempts.write(lambda: save(change(row), row)):
                    break

    An attempt that got no answer may have taken effect. A later error would wrongly say that it did not, so `unknown`
    is raised instead. Raises Unavailable when the deadline passes.
    """

    def __init__(self, unknown: Unavailable) -> None:
        self._unknown = unknown
        self.possibly_written = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self.possibly_written and isinstance(error, Unavailable | Conflict | NotFound | PreconditionFailed):
            raise self._unknown from error

    def __iter__(self) -> Iterator[int]:
        return deadline.attempts()

    def write(self, save: Callable[[], T]) -> T | None:
        """What `save` returns, or None if it got no answer. The next read shows whether it took effect.

        `save` must return a false value only if it wrote nothing. Raises Refused.
        """
        try:
            return save()
        except Refused:
            raise
        except Unavailable as error:
            log.warning("write not answered", detail=error.detail)
            self.possibly_written = True
            return None

    def none_took_effect(self) -> None:
        """Call it when a later read shows that no attempt took effect. Later errors are then raised unchanged."""
        self.possibly_written = False
