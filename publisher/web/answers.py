"""What every page that acts answers with: no cookie, no cache, no script, and forms of a size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse, PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from publisher.errors import NotFound
    from publisher.pages import Entry, Form, Pages

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}
"""No cookie is ever set here, and nothing of a link is kept by caches or told to other sites."""
_MOST_OCTETS = 64 * 1024


def answer(
    pages: Pages,
    title: str,
    sentence: str,
    *,
    status: int = 200,
    detail: str = "",
    forms: Iterable[Form] = (),
    entries: Iterable[Entry] = (),
    links: Iterable[tuple[str, str]] = (),
    is_error: bool = False,
) -> HTMLResponse:
    """Return a page that says one thing, and asks for an act where it has a form."""
    text = pages.message(
        title,
        sentence,
        detail=detail,
        forms=forms,
        entries=entries,
        links=links,
        is_error=is_error,
    )
    return HTMLResponse(text, status_code=status, headers=PRIVATE)


def unknown_link(pages: Pages, error: NotFound) -> HTMLResponse:
    """Return the page of a link that we did not make, or that is used up."""
    if error.problems[0].code == "link.used":
        return answer(
            pages,
            "This link no longer works",
            "It is too old, was used, or is not one of ours. Nothing was changed.",
            detail="Ask for another one: “Change what you get” in any letter leads there.",
            status=404,
        )
    return answer(
        pages,
        "This link is not one of ours",
        "It may have been cut in two, or used up. Use the link in the newest letter.",
        status=404,
    )


class Bounded:
    """Reads a request's body before the application does, and refuses one longer than any form."""

    def __init__(self, app: App, *, most: int = _MOST_OCTETS) -> None:
        self._app = app
        self._most = most

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                refusal = PlainTextResponse("Too long\n", status_code=413, headers=PRIVATE)
                await refusal(scope, receive, send)
                return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def give() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, give, send)
