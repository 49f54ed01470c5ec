"""``/subscribe``: asking to be on the list, here or from a form on another site.

Whatever we know of an address, the answer is the same; the mail differs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Request
from fastapi import Form as Filled
from fastapi.responses import HTMLResponse, Response

from publisher import subscribing, urls
from publisher.deliverability import mask
from publisher.editorial.moments import tell_day
from publisher.editorial.slots import next_slot
from publisher.errors import UsageError
from publisher.pages import Field, Form, Group
from publisher.subscribing import Age, Barred
from publisher.web.answers import PRIVATE, answer
from publisher.web.visitors import Sender, sender_of, visitor_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config, Digest
    from publisher.model import Address
    from publisher.pages import Pages
    from publisher.store import Store
    from publisher.subscribing import Closed

_log = logging.getLogger(__name__)
_TRAP = "website"
"""The field that people do not see."""
_NO_ADDRESS = "That is no email address. It looks like anna@example.org."
_NO_DIGEST = "Tick at least one letter."
_SAID = {
    "choices.none": _NO_DIGEST,
    "subscriber.role": "A duty or a machine reads that mailbox. Use an address of your own.",
}
_AGAIN = {
    Age.YOUNG: "That was quicker than we can tell from a machine. Press once more.",
    Age.OLD: "The page had been open for long. Press once more.",
}


def add_joining(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for the form."""
    gate, form = subscribing.Gate(), _SubscribeForm(config, store, pages)

    @app.api_route(urls.SUBSCRIBE, methods=["GET", "HEAD"])
    def show_form() -> Response:
        return form.show(now=clock())

    @app.post(urls.SUBSCRIBE)
    def subscribe(
        request: Request,
        email: Annotated[str, Filled()] = "",
        digest: Annotated[list[str] | None, Filled()] = None,
        time: Annotated[str, Filled()] = "",
        website: Annotated[str, Filled()] = "",
    ) -> Response:
        now, chosen = clock(), digest or []
        sender, friend = sender_of(request, config.site.url, config.subscribe.embed_origins)
        if sender is Sender.STRANGER:
            return _refuse_stranger(pages)
        age = Age.RIGHT if friend else subscribing.read_stamp(store, time, now=now)
        if age is not Age.RIGHT and not website:
            stamp = time if age is Age.YOUNG else ""
            return form.show(now=now, email=email, chosen=chosen, stamp=stamp, hint=_AGAIN[age])
        try:
            wish = form.wish(email, chosen, friend)
            if not website:  # a machine is told what a person would be told
                visitor = visitor_of(request, config.web.trusted_proxies)
                if shut := subscribing.admit(store, gate, visitor, now=now):
                    return _refuse_crowd(pages, shut, now=now)
                subscribing.ask(store, wish, now=now)
        except UsageError as error:
            problem = _SAID.get(error.problems[0].code, _NO_ADDRESS)
            return form.show(now=now, email=email, chosen=chosen, problem=problem)
        return form.thank(wish.address, friend)


class _SubscribeForm:
    """The form, and what it answers."""

    def __init__(self, config: Config, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages
        self._digests = tuple(config.digests.values())

    def show(
        self,
        *,
        now: datetime,
        email: str = "",
        chosen: list[str] | None = None,
        stamp: str = "",
        problem: str = "",
        hint: str = "",
    ) -> HTMLResponse:
        """Return the form, as it was filled in and with what was wrong."""
        config = self._config
        wrong = problem if problem != _NO_DIGEST else ""
        fields = (
            Field(
                name="email",
                label="Email address",
                kind="email",
                value=email,
                problem=wrong,
                hint=hint,
                autocomplete="email",
            ),
            Field(name=_TRAP, label="Leave this empty", kind="trap"),
        )
        form = Form(
            action=urls.SUBSCRIBE,
            button="Subscribe",
            hidden={"time": stamp or subscribing.stamp_form(self._store, now=now)},
            fields=fields,
            groups=self._ask_digests(chosen, problem, now=now),
            note=f"By pressing it you say: “{subscribing.say_wording(config.site.name)}”",
        )
        sentence = (
            "A mail asks you to confirm first. We keep your address and what you choose,"
            " and never learn whether you open a letter."
        )
        waits = subscribing.tell_trial(config, self._store, config.subscribe.confirm_within)
        title = f"Get {config.site.name} by email"
        text = self._pages.message(
            title,
            sentence,
            detail=waits,
            forms=[form],
            links=((urls.PRIVACY, "What is kept, and for how long"),),
            path="" if problem or hint else urls.SUBSCRIBE,
            is_error=bool(problem),
        )
        headers = {name: value for name, value in PRIVATE.items() if name != "X-Robots-Tag"}
        return HTMLResponse(text, status_code=422 if problem or hint else 200, headers=headers)

    def _ask_digests(
        self, chosen: list[str] | None, problem: str, *, now: datetime
    ) -> tuple[Group, ...]:
        if len(self._digests) <= 1:
            return ()
        ticked = [self._digests[0].name] if chosen is None else chosen
        fields = tuple(
            Field(
                name="digest",
                label=one.title,
                kind="checkbox",
                value=one.name,
                is_checked=one.name in ticked,
                hint=say_next(one, now=now),
            )
            for one in self._digests
        )
        hint = _NO_DIGEST if problem == _NO_DIGEST else ""
        return (Group(legend="What would you like?", fields=fields, hint=hint),)

    def wish(self, email: str, chosen: list[str], friend: str) -> subscribing.Wish:
        """Return what was asked for.

        Raises UsageError for what is no address, and where there is a choice and none is made.

        A form on another site may ask nothing, and then means the first.
        """
        offered = tuple(self._config.digests)
        if friend and not chosen:
            chosen = list(offered[:1])
        return subscribing.Wish(
            address=subscribing.read_address(email),
            wording=subscribing.say_wording(self._config.site.name),
            source=f"form on {friend}" if friend else f"form {urls.SUBSCRIBE}",
            digests=subscribing.decide_digests(chosen, offered),
        )

    def thank(self, address: Address, friend: str) -> HTMLResponse:
        """Return the one answer to every address."""
        config = self._config
        sender = config.mail.from_.address
        waits = subscribing.tell_trial(config, self._store, config.subscribe.confirm_within)
        links = ((friend, f"Back to {friend.partition('//')[2]}"),) if friend else ()
        return answer(
            self._pages,
            "Check your email",
            f"A mail to {mask(address)} says how to go on. Nothing more comes until you do. {waits}".strip(),
            detail=f"Not there in five minutes? Look in the folder for spam: it comes from {sender}."
            " We write to an address once a day at most, so asking again today brings no second one.",
            links=(*links, (urls.HOME, "The first page")),
        )


def say_next(digest: Digest, *, now: datetime) -> str:
    """Return when a digest goes next, in words; nothing where it has no slot to come."""
    slot = next_slot(digest.schedule, now)
    return f"The next one: {tell_day(slot.local.date())}" if slot else ""


def _refuse_stranger(pages: Pages) -> HTMLResponse:
    return answer(
        pages,
        "That form is not one of ours",
        "It is on a page that may not sign people up here. Nothing was kept and no one was emailed.",
        status=403,
        links=((urls.SUBSCRIBE, "Our own form"),),
    )


def _refuse_crowd(pages: Pages, shut: Closed, *, now: datetime) -> HTMLResponse:
    minutes = max(1, -int(-(shut.until - now).total_seconds() // 60))
    if shut.is_first:
        _log.warning(
            "sign-ups: more than the form takes in an hour; further ones are refused for %d min",
            minutes,
        )
    who = "your network" if shut.why is Barred.NETWORK else "everywhere"
    response = answer(
        pages,
        "Too many sign-ups just now",
        f"Too many came from {who} within the hour. Try again in {minutes} minutes.",
        detail="Your address was not kept and no one was emailed.",
        status=429,
        links=((urls.FEEDS, "Or follow in a feed reader"),),
    )
    response.headers["Retry-After"] = str(minutes * 60)
    return response
