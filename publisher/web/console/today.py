"""Today: what needs a person, what comes next, what came of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, staffing
from publisher.editorial.moments import tell_clock_change
from publisher.model import Role
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer


def show(ask: Ask) -> Answer:
    """Show what is to be done today."""
    today = ask.survey.today(now=ask.now)
    mail = ask.site.config.mail
    clocks = {
        one.digest.name: tell_clock_change(one.digest.zone, ask.now, one.planned.fire_at)
        for one in today.coming
    }
    return Page(
        name="today",
        section="today",
        values={
            "today": today,
            "needs": len(today.waits) + len(today.unreviewed) + bool(today.problems),
            "clocks": clocks,
            "is_rehearsing": mail.transport == "outbox",
            "relay": mail.smtp.host,
            "trial": app.read_trial(ask.site),
            "may_go_live": ask.may(Role.ADMIN),
            "tour_is_over": staffing.is_tour_over(ask.site.store, ask.staff),
        },
    )


def end_tour(ask: Ask) -> Answer:
    """Hide the tour from whoever has seen enough of it."""
    staffing.end_tour(ask.site.store, ask.staff, now=ask.now)
    return Moved(to=ROOT, said="The tour is hidden. Under your name it can be shown again.")
