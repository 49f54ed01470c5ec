"""``/u/TOKEN``: leaving by the link in each letter, and taking it back. Nothing ever acts on GET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import PlainTextResponse, Response

from publisher import subscribing, urls
from publisher.errors import Refused
from publisher.model import SubscriberState
from publisher.pages import Form as PageForm
from publisher.web.answers import PRIVATE, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.pages import Pages
    from publisher.store import Store


def add_leaving(app: FastAPI, store: Store, pages: Pages, clock: Callable[[], datetime]) -> None:
    """Let the application answer for the links by which people leave."""

    @app.api_route("/u/{token}", methods=["GET", "HEAD"])
    def show_unsubscribe(token: str) -> Response:
        person = subscribing.get_by_token(store, token)
        if person.state is SubscriberState.UNSUBSCRIBED:
            return answer(
                pages,
                "You are unsubscribed",
                "No letters come. Nothing is left to do.",
                links=((urls.SUBSCRIBE, "Subscribe again"), (urls.HOME, "The first page")),
            )
        return answer(
            pages,
            "Unsubscribe",
            "One press and no more letters come. Nothing has changed yet.",
            forms=[PageForm(action=urls.unsubscribe_path(token), button="Unsubscribe")],
            links=((urls.preferences_path(token), "Get less instead, or pause"),),
        )

    @app.post("/u/{token}")
    def unsubscribe(
        request: Request,
        token: str,
        one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "",
    ) -> Response:
        subscribing.unsubscribe(store, token, now=clock())
        # A mail program asks for one click and reads no page (RFC 8058 section 3.1).
        if one_click and "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("Unsubscribed.\n", headers=PRIVATE)
        undo = PageForm(
            action=urls.undo_path(token),
            button="Undo: keep the letters coming",
            sentence="Pressed by mistake? For a day it can be taken back.",
            is_quiet=True,
        )
        return answer(
            pages, "You are unsubscribed", "You will not hear from us again.", forms=[undo]
        )

    @app.post("/u/{token}/undo")
    def undo(token: str) -> Response:
        try:
            is_back = subscribing.undo_unsubscribe(store, token, now=clock())
        except Refused:
            is_back = False
        if not is_back:
            return answer(
                pages,
                "It is too late to undo this",
                "You are still unsubscribed. To come back, subscribe again.",
                status=409,
                links=((urls.SUBSCRIBE, "Subscribe again"),),
            )
        return answer(
            pages,
            "Undone: you are on the list",
            "The letters keep coming as before.",
            links=((urls.preferences_path(token), "Choose what you get"),),
        )
