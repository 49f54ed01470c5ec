"""``/data/TOKEN``: what is kept of a person, theirs to see, move and erase. GET shows buttons only."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI
from fastapi import Form as Filled
from fastapi.responses import Response

from publisher import subscribing, urls
from publisher.deliverability import mask
from publisher.editorial.moments import tell_date
from publisher.errors import UsageError
from publisher.pages import Entry, Field, Form
from publisher.store.describing import PERSONAL
from publisher.web.answers import PRIVATE, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from fastapi.responses import HTMLResponse

    from publisher.config import Config
    from publisher.pages import Pages
    from publisher.store import Store

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):.*\+00:00")
_NO_ADDRESS = "That is no email address. It looks like anna@example.org."


def add_owning(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for the mailed link to one's data."""

    @app.api_route("/data/{token}", methods=["GET", "HEAD"])
    def show_data(token: str) -> Response:
        return _show(store, pages, token, now=clock())

    @app.post("/data/{token}/show")
    def list_data(token: str) -> Response:
        kept = json.loads(subscribing.export_data(store, token, now=clock()))
        return answer(
            pages,
            "All that we keep about you",
            "Every entry, as it is stored. There is nothing else.",
            entries=_list_entries(kept),
            links=((urls.data_path(token), "Back"), (urls.PRIVACY, "Why, and for how long")),
        )

    @app.post("/data/{token}/export")
    def export_data(token: str) -> Response:
        text = subscribing.export_data(store, token, now=clock())
        named = {"Content-Disposition": 'attachment; filename="my-data.json"'}
        return Response(text, media_type="application/json", headers={**PRIVATE, **named})

    @app.post("/data/{token}/move")
    def move(token: str, email: Annotated[str, Filled()] = "") -> Response:
        now = clock()
        try:
            subscribing.ask_to_move(store, token, email, now=now)
        except UsageError:
            return _show(store, pages, token, now=now, email=email, problem=_NO_ADDRESS)
        waits = subscribing.tell_trial(config, store, subscribing.MOVE_WITHIN)
        return answer(
            pages,
            "Check the new mailbox",
            f"A mail there asks to confirm. Until then letters go where they went. {waits}".strip(),
            detail="The link works for a day. We write to an address once a day at most.",
        )

    @app.post("/data/{token}/erase")
    def erase(token: str) -> Response:
        subscribing.erase(store, token, now=clock())
        return answer(
            pages,
            "Everything about you is erased",
            "Address, choices, consent and what was sent to you are gone.",
            detail="One thing is kept: a keyed fingerprint of the address, which cannot be read"
            " back, so that nobody puts it on the list again by mistake. Subscribing again lifts it.",
        )


def _show(
    store: Store,
    pages: Pages,
    token: str,
    *,
    now: datetime,
    email: str = "",
    problem: str = "",
) -> HTMLResponse:
    person = subscribing.find_by_data_token(store, token, now=now)
    path = urls.data_path(token)
    address = Field(
        name="email",
        label="New email address",
        kind="email",
        value=email,
        problem=problem,
        autocomplete="email",
    )
    forms = (
        Form(action=f"{path}/show", button="Show it"),
        Form(
            action=f"{path}/export",
            button="Download it",
            title="Take it with you",
            sentence="One file, in JSON, which programs read.",
            is_quiet=True,
        ),
        Form(
            action=f"{path}/move",
            button="Mail a link there",
            title="Move to another address",
            sentence="A link goes to the new address first. Your choices move along.",
            fields=(address,),
            is_quiet=True,
        ),
        Form(
            action=f"{path}/erase",
            button="Erase everything about me",
            title="Erase it",
            sentence="At once and for good: no letters come after that. A keyed fingerprint of the"
            " address stays, which cannot be read back, so that nobody mails it again by mistake.",
            is_quiet=True,
        ),
    )
    return answer(
        pages,
        "What we keep about you",
        f"This page is for whoever reads the mail of {mask(person.address)}. Nothing has changed yet.",
        detail="The link works for an hour, and once for a move.",
        forms=forms,
        status=422 if problem else 200,
        is_error=bool(problem),
    )


def _list_entries(kept: dict[str, list[dict[str, Any]]]) -> Iterator[Entry]:
    """Yield all that is kept, table by table, in the words of the page on privacy."""
    for table, described in PERSONAL.items():
        rows = tuple(
            tuple(
                (described.columns[name], _spell(value))
                for name, value in row.items()
                if name in described.columns and value not in ("", None)
            )
            for row in kept.get(table, ())
        )
        if rows:
            yield Entry(title=described.title, rows=rows)


def _spell(value: object) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if match := _MOMENT.fullmatch(text):
        return f"{tell_date(date.fromisoformat(match[1]))}, {match[2]} UTC"
    return text
