"""The pages that act, and the health checks. Nothing ever acts on GET, and no script runs.

joining      the form, here or on another site
confirming   the second step
choosing     what a person gets
leaving      the way out, and back
owning       what is kept of a person
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from publisher.errors import NotFound
from publisher.web.answers import answer, unknown_link
from publisher.web.choosing import add_choosing
from publisher.web.confirming import add_confirming
from publisher.web.joining import add_joining
from publisher.web.leaving import add_leaving
from publisher.web.owning import add_owning

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config
    from publisher.pages import Pages
    from publisher.store import Store


def make_app(config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]) -> FastAPI:
    """Return the application behind the files."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_joining(app, config, store, pages, clock)
    add_confirming(app, config, store, pages, clock)
    add_choosing(app, config, store, pages, clock)
    add_leaving(app, store, pages, clock)
    add_owning(app, config, store, pages, clock)

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

    @app.exception_handler(NotFound)
    def unknown(_request: Request, error: NotFound) -> Response:
        return unknown_link(pages, error)

    @app.exception_handler(RequestValidationError)
    def unread(_request: Request, _error: Exception) -> Response:
        return answer(
            pages,
            "That form could not be read",
            "It is not as our pages send it. Nothing was changed.",
            status=400,
        )

    return app
