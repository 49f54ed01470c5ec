"""The pages that act: leaving by the link in each letter. Nothing ever acts on GET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from publisher import subscribing, urls
from publisher.deliverability import mask
from publisher.errors import NotFound
from publisher.model import SubscriberState
from publisher.pages import Form as PageForm

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.pages import Pages
    from publisher.store import Store

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


def make_app(store: Store, pages: Pages, clock: Callable[[], datetime]) -> FastAPI:
    """Return the application behind the files: ``/u/TOKEN`` and the health checks."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _add_unsubscribe(app, store, pages, clock)

    @app.api_route("/preferences/{token}", methods=["GET", "HEAD"])
    def show_preferences(token: str) -> Response:
        person = subscribing.find_by_token(store, token)
        if person is None:
            return _unknown(pages)
        gets = "every letter" if not person.digests else ", ".join(person.digests)
        left_out = f", without the series {', '.join(person.series)}" if person.series else ""
        active = person.state is SubscriberState.ACTIVE
        return _page(
            pages,
            "What you get",
            f"{mask(person.address)} gets {gets}{left_out}."
            if active
            else f"{mask(person.address)} gets nothing: unsubscribed.",
            detail="To change what you get, answer any letter; a person reads it.",
            form=PageForm(action=urls.unsubscribe_path(token), button="Unsubscribe")
            if active
            else None,
        )

    @app.get("/healthz")
    def healthz() -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    @app.get("/readyz")
    def readyz() -> Response:
        store.revision()
        return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})

    @app.exception_handler(404)
    def not_found(_request: Request, _error: Exception) -> Response:
        return HTMLResponse(pages.not_found(), status_code=404)

    return app


def _page(
    pages: Pages,
    title: str,
    sentence: str,
    *,
    status: int = 200,
    detail: str = "",
    form: PageForm | None = None,
) -> HTMLResponse:
    text = pages.message(title, sentence, detail=detail, form=form)
    return HTMLResponse(text, status_code=status, headers=PRIVATE)


def _unknown(pages: Pages) -> HTMLResponse:
    return _page(
        pages,
        "This link is not one of ours",
        "It may have been cut in two. Use the link in the newest letter.",
        status=404,
    )


def _add_unsubscribe(
    app: FastAPI, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    @app.api_route("/u/{token}", methods=["GET", "HEAD"])
    def show_unsubscribe(token: str) -> Response:
        if subscribing.find_by_token(store, token) is None:
            return _unknown(pages)
        return _page(
            pages,
            "Unsubscribe",
            "One press and no more letters come. Nothing has changed yet.",
            form=PageForm(action=urls.unsubscribe_path(token), button="Unsubscribe"),
        )

    @app.post("/u/{token}")
    def unsubscribe(
        request: Request,
        token: str,
        one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "",
    ) -> Response:
        try:
            subscribing.unsubscribe(store, token, now=clock())
        except NotFound:
            return _unknown(pages)
        # A mail program asks for one click and reads no page (RFC 8058 section 3.1).
        if one_click and "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("Unsubscribed.\n", headers=PRIVATE)
        return _page(pages, "You are unsubscribed", "You will not hear from us again.")
