"""What no page may do: ask another host, break its Content-Security-Policy, fail in a script, miss a file."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, WebError

MISSING = "Failed to load resource"  # Chromium says so of each answer with a status from 400 on


class Watch:
    """`complaints` is what all pages of a context did wrong."""

    def __init__(self, context: "BrowserContext", urls: Iterable[str]) -> None:
        self.complaints: list[str] = []
        self._origins = {urlsplit(url).netloc for url in urls}
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("console", self._said)
        context.on("weberror", self._failed)

    def _asked(self, request: "Request") -> None:
        if urlsplit(request.url).netloc not in self._origins:
            self.complaints.append(f"request to another host: {request.url}")

    def _answered(self, answer: "Response") -> None:
        if answer.status >= 400 and not answer.request.is_navigation_request():
            self.complaints.append(f"{answer.status}: {answer.url}")

    def _said(self, message: "ConsoleMessage") -> None:
        """Chromium reports what the Content-Security-Policy forbids as an error on the console."""
        if message.type == "error" and not message.text.startswith(MISSING):
            self.complaints.append(message.text)

    def _failed(self, failure: "WebError") -> None:
        self.complaints.append(str(failure.error))


@contextmanager
def watched(chromium: "Browser", *urls: str, **options: Any) -> Iterator["Page"]:
    """A window with cookies of its own, for pages of these addresses. Fails if it did what no page may do."""
    with chromium.new_context(**options) as context:
        watch = Watch(context, urls)
        yield context.new_page()
    assert watch.complaints == []
