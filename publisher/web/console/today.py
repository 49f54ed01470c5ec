"""Today: what needs a person, what comes next, what came of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.web.console.asking import Ask, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer


def show(_ask: Ask) -> Answer:
    """Show what is to be done today."""
    return Page(name="today", section="today")
