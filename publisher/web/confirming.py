"""``/confirm/TOKEN``: the second step of coming in or of moving. GET shows a button, POST acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from publisher import subscribing, urls
from publisher.deliverability import mask, parse_address
from publisher.editorial.moments import tell_day
from publisher.editorial.slots import next_slot
from publisher.errors import NotFound, Refused
from publisher.pages import Form
from publisher.subscribing import Standing
from publisher.web.answers import answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    from publisher.config import Config
    from publisher.model import Subscriber
    from publisher.pages import Pages
    from publisher.store import Store
    from publisher.subscribing import Confirmation


def add_confirming(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for the links that confirm."""
    step = _SecondStep(config, store, pages)

    @app.api_route("/confirm/{token}", methods=["GET", "HEAD"])
    def show_confirm(token: str) -> Response:
        return step.show(token, now=clock())

    @app.post("/confirm/{token}")
    def confirm(token: str) -> Response:
        return step.take(token, now=clock())

    @app.post("/confirm/{token}/again")
    def send_again(token: str) -> Response:
        within = config.subscribe.confirm_within
        subscribing.ask_again(store, token, within=within, now=clock())
        waits = subscribing.tell_trial(config, store, within)
        return answer(
            pages,
            "Check your email",
            f"A new link is on its way, unless one was mailed within the last day. {waits}".strip(),
        )

    @app.api_route("/confirm/{token}/never", methods=["GET", "HEAD"])
    def show_never(token: str) -> Response:
        within = config.subscribe.confirm_within
        subscribing.find_request(store, token, within=within, now=clock())
        return answer(
            pages,
            "Never write to you again",
            "One press and nothing is ever mailed to this address again, whoever asks for it.",
            detail="Nothing has changed yet. If you do nothing at all, nothing more comes either.",
            forms=[Form(action=f"{urls.confirm_path(token)}/never", button="Never write to me")],
        )

    @app.post("/confirm/{token}/never")
    def never(token: str) -> Response:
        within = config.subscribe.confirm_within
        subscribing.refuse_for_ever(store, token, within=within, now=clock())
        return answer(
            pages,
            "We will not write to you again",
            "We keep a fingerprint of the address, which cannot be read back, and nothing else.",
        )


class _SecondStep:
    """What a link to confirm shows and does; one confirms a new address of somebody on the list."""

    def __init__(self, config: Config, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages
        self._within = config.subscribe.confirm_within

    def show(self, token: str, *, now: datetime) -> HTMLResponse:
        """Say what a press would do; nothing changes."""
        try:
            found = subscribing.find_request(self._store, token, within=self._within, now=now)
        except NotFound:
            return self._show_move(token, now=now)
        if found.standing is not Standing.OPEN:
            return self._tell(found, token, now=now)
        name = self._config.site.name
        return answer(
            self._pages,
            "Confirm your address",
            f"One press, and {name} comes to {mask(found.person.address)}.",
            detail=f"By pressing you say: “{subscribing.say_wording(name)}”",
            forms=[Form(action=urls.confirm_path(token), button="Yes, send it to me")],
            links=((f"{urls.confirm_path(token)}/never", "Never write to this address again"),),
        )

    def take(self, token: str, *, now: datetime) -> HTMLResponse:
        """Put the person on the list, or move them; say how it stands."""
        try:
            found = subscribing.confirm(self._store, token, within=self._within, now=now)
        except NotFound:
            return self._take_move(token, now=now)
        except Refused as error:
            return answer(
                self._pages, "You are not on the list", error.problems[0].hint, status=409
            )
        return self._tell(found, token, now=now)

    def _tell(self, found: Confirmation, token: str, *, now: datetime) -> HTMLResponse:
        match found.standing:
            case Standing.EXPIRED:
                again = Form(action=f"{urls.confirm_path(token)}/again", button="Mail a new link")
                days = subscribing.say_duration(self._within)
                return answer(
                    self._pages,
                    "This link is too old",
                    f"A link to confirm works for {days}. Nothing was changed.",
                    forms=[again],
                    status=410,
                )
            case Standing.LEFT:
                return answer(
                    self._pages,
                    "This link was used before",
                    "You confirmed by it once, and have unsubscribed since. No letters come.",
                    links=((urls.SUBSCRIBE, "Subscribe again"),),
                )
            case _:
                return answer(
                    self._pages,
                    "You are on the list",
                    f"{self._say_first(found.person, now=now)} {self._say_trial()}".strip(),
                    detail="A mail with your own links comes in a minute: keep it to change what"
                    " you get, or to leave.",
                    links=(
                        (urls.HOME, "Start reading"),
                        (urls.ARCHIVE, "Every post, in the archive"),
                        (urls.FEEDS, "The same posts in a feed reader"),
                    ),
                )

    def _say_trial(self) -> str:
        config = self._config
        return subscribing.tell_trial(config, self._store, config.mail.expire_after)

    def _say_first(self, person: Subscriber, *, now: datetime) -> str:
        digests = self._config.digests
        names = person.digests or tuple(digests)
        slots = [next_slot(digests[one].schedule, now) for one in names if one in digests]
        first = min((slot for slot in slots if slot), key=lambda slot: slot.fire_at, default=None)
        when = f" The next one goes on {tell_day(first.local.date())}." if first else ""
        return f"{self._config.site.name} comes to {mask(person.address)} from now on.{when}"

    # ------------------------------------------------------------------------------ a new address

    def _show_move(self, token: str, *, now: datetime) -> HTMLResponse:
        person, address = subscribing.find_move(self._store, token, now=now)
        new = mask(parse_address(address))
        return answer(
            self._pages,
            "Confirm your new address",
            f"One press, and letters go to {new} instead of {mask(person.address)}.",
            detail="Nothing has changed yet.",
            forms=[Form(action=urls.confirm_path(token), button="Yes, send them here")],
        )

    def _take_move(self, token: str, *, now: datetime) -> HTMLResponse:
        try:
            person = subscribing.move(self._store, token, now=now)
        except Refused as error:
            problem = error.problems[0]
            return answer(
                self._pages,
                "Nothing was moved",
                f"We need {problem.expected}; this is {problem.got}.",
                detail=problem.hint,
                status=409,
            )
        return answer(
            self._pages,
            "Your letters have moved",
            f"They come to {mask(person.address)} from now on.",
        )
