"""Oneself: the password, and the browsers one is signed in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import staffing
from publisher.editorial.answers import count
from publisher.errors import UsageError
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer


def show(ask: Ask) -> Answer:
    """Show who one is here, and where one is signed in."""
    return Page(
        name="account",
        values={
            "me": ask.staff,
            "mine": ask.session,
            "has_tour": ask.site.config.mail.transport == "outbox",
            "tour_is_over": staffing.is_tour_over(ask.site.store, ask.staff),
            "sessions": staffing.list_sessions(ask.site.store, ask.staff, now=ask.now),
        },
    )


def show_password(ask: Ask) -> Answer:
    """Show the form for a new password."""
    return Page(name="password", values={"me": ask.staff})


def set_password(ask: Ask) -> Answer:
    """Set a new password; every other browser is signed out."""
    try:
        staffing.set_password(
            ask.site.store,
            ask.staff,
            ask.raw("password"),
            by=ask.by,
            keep_session=ask.session.id,
            now=ask.now,
        )
    except UsageError as error:
        return Page(name="password", values={"me": ask.staff}, problems=error.problems, status=422)
    return Moved(
        to=f"{ROOT}account", said="The password is set. Every other browser is signed out."
    )


def begin_tour(ask: Ask) -> Answer:
    """Show the tour on the first page again."""
    staffing.end_tour(ask.site.store, ask.staff, now=None)
    return Moved(to=ROOT, said="The tour is here again.")


def revoke(ask: Ask) -> Answer:
    """Sign another browser out, or all others."""
    only = ask.text("session")
    ended = staffing.revoke(
        ask.site.store, ask.session, only=int(only) if only.isdecimal() else None, now=ask.now
    )
    return Moved(to=f"{ROOT}account", said=f"{count(ended, 'browser')} signed out.")
