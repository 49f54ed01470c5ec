"""Going live: what is ready and what is not, the end of a trial, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, probes
from publisher.errors import Refused
from publisher.model import Role, SubscriberState
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.web.console.asking import Answer

_PAGE = f"{ROOT}settings/live"
_PLACES = {
    "dns": ("settings/dns", "The records"),
    "test": ("digests", "The digests"),
    "reviewer": ("settings/staff", "Staff"),
    "doctor": ("doctor", "The doctor"),
}
"""Where each thing is mended, besides config.toml."""


def show(ask: Ask) -> Answer:
    """Show what has to be there before everybody is emailed; DNS is asked where one wants it."""
    return _show(ask)


def _show(ask: Ask, problems: Sequence[Problem] = ()) -> Page:
    asks_dns = ask.query.get("dns") == "1"
    lookup = probes.make_lookup() if asks_dns else None
    steps = app.list_steps(ask.site, now=ask.now, lookup=lookup)
    return Page(
        name="live",
        section="settings",
        status=409 if problems else 200,
        problems=problems,
        values={
            "trial": app.read_trial(ask.site),
            "steps": steps,
            "lacking": sum(one.is_needed and not one.is_ready for one in steps),
            "places": _PLACES,
            "asks_dns": asks_dns,
            "may_go": ask.may(Role.ADMIN),
            "active": ask.survey.states(now=ask.now).get(SubscriberState.ACTIVE, 0),
        },
    )


def note_arrival(ask: Ask) -> Answer:
    """Note that somebody saw a test in their own mail."""
    try:
        app.note_arrival(ask.site, by=ask.by, now=ask.now)
    except Refused as error:
        return _show(ask, error.problems)
    return Moved(to=_PAGE, said="Noted: a test arrived.")


def go(ask: Ask) -> Answer:
    """End the trial."""
    try:
        app.go_live(ask.site, by=ask.by, now=ask.now)
    except Refused as error:
        return _show(ask, error.problems)
    ask.changed()
    return Moved(to=_PAGE, said="Live. From now on everybody on the list is emailed.")


def go_back(ask: Ask) -> Answer:
    """Email staff alone again."""
    try:
        app.go_back(ask.site, by=ask.by, now=ask.now)
    except Refused as error:
        return _show(ask, error.problems)
    ask.changed()
    return Moved(to=_PAGE, said="Back to the trial. Only staff are emailed from now on.")
