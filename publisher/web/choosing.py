"""``/preferences/TOKEN``: what a person gets, by the link in each letter. Nothing acts on GET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi import Form as Filled
from fastapi.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from publisher import subscribing, urls
from publisher.deliverability import mask
from publisher.editorial.moments import tell_date
from publisher.errors import UsageError
from publisher.model import SubscriberState
from publisher.pages import Field, Form, Group
from publisher.publishing.latest import LatestShelf
from publisher.web.answers import answer
from publisher.web.joining import say_next

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi.responses import HTMLResponse

    from publisher.config import Config
    from publisher.model import Series, Subscriber
    from publisher.pages import Pages
    from publisher.store import Store

_KEEP = "keep"
_NONE_CHOSEN = "Tick at least one, or unsubscribe below. Nothing was changed."


def add_choosing(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for the page of choices."""
    sheet = _Sheet(config, store, pages)

    @app.api_route("/preferences/{token}", methods=["GET", "HEAD"])
    def show_preferences(token: str) -> Response:
        return sheet.show(subscribing.get_by_token(store, token), token, now=clock())

    @app.post("/preferences/{token}")
    def save_preferences(
        token: str,
        digest: Annotated[list[str] | None, Filled()] = None,
        series: Annotated[list[str] | None, Filled()] = None,
        discreet: Annotated[str, Filled()] = "",
        plain_text: Annotated[str, Filled()] = "",
        pause: Annotated[str, Filled()] = "",
    ) -> Response:
        choices = subscribing.Choices(
            digests=tuple(digest or ()),
            series=tuple(series or ()),
            discreet=bool(discreet),
            plain_text=bool(plain_text),
            pause_months=int(pause) if pause.isascii() and pause.isdigit() else None,
        )
        return sheet.save(token, choices, now=clock())

    @app.post("/preferences/{token}/data")
    def mail_data_link(token: str) -> Response:
        person = subscribing.ask_for_link(store, token, now=clock())
        waits = subscribing.tell_trial(config, store, subscribing.LINK_WITHIN)
        return answer(
            pages,
            "Check your email",
            f"A link to what we keep is on its way to {mask(person.address)}. It works for an hour. {waits}".strip(),
            detail="It is mailed and not shown here, since a letter can be passed on: only whoever"
            " reads your mail now can see, move or erase it. Three links go out in a day at most.",
            links=((urls.preferences_path(token), "Back to what you get"),),
        )


class _Sheet:
    """The page of choices: all there is to choose, as it is now."""

    def __init__(self, config: Config, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages
        self._latest = LatestShelf(config, store)

    def save(self, token: str, choices: subscribing.Choices, *, now: datetime) -> HTMLResponse:
        """Keep what was chosen, and show it."""
        series = self._latest.mailed_series(now)
        offer = subscribing.Offer(
            digests=tuple(self._config.digests), series=tuple(one.slug for one in series)
        )
        zone = self._config.site.timezone
        try:
            person = subscribing.choose(self._store, token, choices, offer, zone=zone, now=now)
        except UsageError:
            person = subscribing.get_by_token(self._store, token)
            return self.show(person, token, now=now, problem=_NONE_CHOSEN)
        return self.show(person, token, now=now, is_saved=True)

    def show(
        self,
        person: Subscriber,
        token: str,
        *,
        now: datetime,
        is_saved: bool = False,
        problem: str = "",
    ) -> HTMLResponse:
        """Return the page; who left has nothing to choose."""
        if person.state is not SubscriberState.ACTIVE:
            return answer(
                self._pages,
                "You get nothing",
                f"{mask(person.address)} gets nothing: it is "
                + ("unsubscribed." if person.unsubscribed_at else "not confirmed yet."),
                forms=[_data_form(token)],
                links=((urls.SUBSCRIBE, "Subscribe again"),),
            )
        choices = Form(
            action=urls.preferences_path(token),
            button="Save",
            groups=self._groups(person, now=now, problem=problem),
        )
        return answer(
            self._pages,
            "Saved" if is_saved else "What you get",
            self._say(person, now=now),
            forms=[choices, _leave_form(token), _data_form(token)],
            links=(
                (urls.courses_path(token), "A series from part 1, one part after the other"),
                (urls.missed_path(token), "What you were not sent"),
            ),
            status=422 if problem else 200,
            is_error=bool(problem),
        )

    def _say(self, person: Subscriber, *, now: datetime) -> str:
        titles = [one.title for one in self._config.digests.values()]
        chosen = [
            one.title
            for name, one in self._config.digests.items()
            if not person.digests or name in person.digests
        ]
        is_all = len(chosen) == len(titles) > 1
        what = "Every letter" if is_all else _join(chosen)
        verb = "comes" if is_all or len(chosen) <= 1 else "come"
        until = self._pause_day(person, now=now)
        pause = f" Nothing comes before {until}." if until else ""
        return f"{what} {verb} to {mask(person.address)}.{pause}"

    def _pause_day(self, person: Subscriber, *, now: datetime) -> str:
        if person.paused_until is None or person.paused_until <= now:
            return ""
        zone = ZoneInfo(self._config.site.timezone)
        return tell_date(person.paused_until.astimezone(zone).date())

    # ------------------------------------------------------------------------- the questions asked

    def _groups(self, person: Subscriber, *, now: datetime, problem: str) -> tuple[Group, ...]:
        series = self._latest.mailed_series(now)
        return (
            *self._ask_digests(person, now=now, problem=problem),
            *_ask_series(person, series),
            Group(legend="How it looks", fields=_ask_form(person)),
            self._ask_pause(person, now=now),
        )

    def _ask_digests(
        self, person: Subscriber, *, now: datetime, problem: str
    ) -> tuple[Group, ...]:
        digests = self._config.digests
        if len(digests) <= 1:
            return ()
        fields = tuple(
            Field(
                name="digest",
                label=one.title,
                kind="checkbox",
                value=name,
                is_checked=not person.digests or name in person.digests,
                hint=say_next(one, now=now),
            )
            for name, one in digests.items()
        )
        return (Group(legend="Letters", fields=fields, hint=problem),)

    def _ask_pause(self, person: Subscriber, *, now: datetime) -> Group:
        until = self._pause_day(person, now=now)
        lasting = [(_KEEP, f"Until {until}, as it is"), ("0", "End the pause")]
        offered = lasting if until else [(_KEEP, "No pause")]
        offered += [
            (str(count), f"{count} month{'' if count == 1 else 's'} from today")
            for count in subscribing.PAUSE_MONTHS
        ]
        fields = tuple(
            Field(name="pause", label=label, kind="radio", value=value, is_checked=value == _KEEP)
            for value, label in offered
        )
        hint = "Nothing is mailed in a pause. What appears meanwhile is here to read, and not mailed later."
        return Group(legend="A pause", fields=fields, hint=hint)


def _ask_series(person: Subscriber, series: tuple[Series, ...]) -> tuple[Group, ...]:
    fields = tuple(
        Field(
            name="series",
            label=one.title,
            kind="checkbox",
            value=one.slug,
            is_checked=one.slug not in person.series,
        )
        for one in series
    )
    hint = "Untick what you would rather not get. Posts on their own always come."
    return (Group(legend="Series", fields=fields, hint=hint),) if fields else ()


def _ask_form(person: Subscriber) -> tuple[Field, ...]:
    return (
        Field(
            name="discreet",
            label="Discreet",
            kind="checkbox",
            value="yes",
            is_checked=person.discreet,
            hint="Sender and subject say nothing of what is inside, on a locked screen or in a list.",
        ),
        Field(
            name="plain_text",
            label="Plain text only",
            kind="checkbox",
            value="yes",
            is_checked=person.plain_text,
            hint="The same words and links, without any layout.",
        ),
    )


def _leave_form(token: str) -> Form:
    return Form(
        action=urls.unsubscribe_path(token),
        button="Unsubscribe",
        title="Leave",
        sentence="One press and no more letters come.",
        is_quiet=True,
    )


def _data_form(token: str) -> Form:
    return Form(
        action=f"{urls.preferences_path(token)}/data",
        button="Mail me the link",
        title="What we keep about you",
        sentence="To see it, to move to another address or to have all of it erased, you need a"
        " link that we mail to you now.",
        is_quiet=True,
    )


def _join(titles: list[str]) -> str:
    if len(titles) <= 1:
        return titles[0] if titles else "Nothing"
    return f"{', '.join(titles[:-1])} and {titles[-1]}"
