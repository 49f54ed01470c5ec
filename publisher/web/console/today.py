"""Today: what needs a person, what comes next, what came of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.editorial.moments import tell_clock_change
from publisher.web.console.asking import Ask, Page

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
        },
    )
