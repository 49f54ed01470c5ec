"""Files that were served before, answered where their request is parsed.

uvicorn makes a task, an event and a queue for every request, which costs more than the answer that
nothing is new. Such a request has no body and its answer waits for nothing, so it needs none of
them. Whatever is not as simple as that goes uvicorn's way to the same ``StaticSite``; what comes
back is the same, octet for octet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from publisher.web.site import Answer, StaticSite

_READING = {b"GET": "GET", b"HEAD": "HEAD"}
_MORE_TO_COME = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of a request that does not end with them, or that asks for more than an answer."""


def make_protocol(site: StaticSite) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol class for this site: its ``http``."""

    class SiteProtocol(_FilesFirst):
        recall = staticmethod(site.recall)

    return SiteProtocol


class _FilesFirst(HttpToolsProtocol):
    """One connection."""

    recall: Callable[..., Answer | None]
    _is_answered = False

    @override
    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's own beginning waits until it is needed."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._is_answered = False

    @override
    def on_headers_complete(self) -> None:
        """Answer a request that is simple enough; leave any other to uvicorn."""
        method = _READING.get(self.parser.get_method())
        answer = self.recall(self.url, self.headers) if method and self._is_simple() else None
        if method and answer:
            self._is_answered = True
            self._send(method, answer)
            return
        url, headers, expects_continue = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects_continue
        self.headers += headers  # the list that the scope holds
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        """End a request."""
        if not self._is_answered:
            super().on_message_complete()

    def _is_simple(self) -> bool:
        """Whether nothing is before this request, nothing follows it, and the connection stays."""
        last = cast("RequestResponseCycle | None", self.cycle)  # nothing before the first
        return (
            (last is None or last.response_complete)
            and not self.flow.write_paused
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
            and _MORE_TO_COME.isdisjoint([name for name, _ in self.headers])
            and not self.access_log
            and self.limit_concurrency is None
            and not self.root_path
        )

    def _send(self, method: str, answer: Answer) -> None:
        said: list[tuple[bytes, bytes]] = self.server_state.default_headers
        default = b"".join([b"%b: %b\r\n" % pair for pair in said])
        self.transport.write(STATUS_LINE[answer.status] + default + answer.head)
        if answer.has_body(method):
            self.transport.write(answer.body)
        self.on_response_complete()
