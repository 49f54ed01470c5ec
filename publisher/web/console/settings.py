"""Settings: where they lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app
from publisher.model import Role
from publisher.web.console.asking import Ask, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer


def show(ask: Ask) -> Answer:
    """Show what there is to look after."""
    trial = app.read_trial(ask.site)
    return Page(
        name="settings",
        section="settings",
        values={
            "is_admin": ask.may(Role.ADMIN),
            "sees_people": ask.may(*app.SEES_PEOPLE),
            "is_trial": trial.is_configured,
            "trial_told": app.tell_trial(trial, now=ask.now),
        },
    )
