"""The trail: who did what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from publisher import app
from publisher.web.console.asking import Ask, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer

_LINES: Final = 100


def show(ask: Ask) -> Answer:
    """Show the newest lines of the trail, or those before one."""
    before = ask.query.get("before", "")
    lines = app.read_trail(
        ask.site, limit=_LINES + 1, before=int(before) if before.isdecimal() else None
    )
    may_see_people = ask.may(*app.SEES_PEOPLE)
    return Page(
        name="trail",
        section="settings",
        values={
            "lines": [one if may_see_people else one.without_person() for one in lines[:_LINES]],
            "older": lines[_LINES - 1].id if len(lines) > _LINES else None,
        },
    )
