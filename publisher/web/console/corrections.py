"""Corrections: written to those who have an edition, looked at, and sent as any edition is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, editing
from publisher.editorial.correcting import MOST_TEXT, find_obstacle, tell_holders
from publisher.errors import ContentError, NotFound, Refused
from publisher.model import Correction, EditionState
from publisher.web.console.asking import Ask, Moved, Page
from publisher.web.console.editions import find, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.app import Correcting
    from publisher.errors import Problem
    from publisher.model import Edition
    from publisher.web.console.asking import Answer

_WRITTEN = (EditionState.DRAFT, EditionState.SCHEDULED)


def show(ask: Ask) -> Answer:
    """Show the form of a correction of an edition, or of one that is written already."""
    edition = find(ask)
    return _form(edition, _describe(ask, edition))


def _describe(ask: Ask, edition: Edition) -> Correcting:
    again = ask.query.get("again", "")
    begin_with = app.read_edition(ask.site, int(again)) if again.isdecimal() else None
    return app.describe_correcting(ask.site, edition, begin_with=begin_with)


def _form(
    edition: Edition,
    told: Correcting,
    said: Correction | None = None,
    problems: Sequence[Problem] = (),
) -> Page:
    expected, got = find_obstacle(told.corrected, told.have)
    return Page(
        name="edition-correct",
        section="digests",
        status=422 if problems else 200,
        problems=problems,
        values={
            "edition": edition,
            "path": path_of(edition),
            "told": told,
            "said": said or told.said,
            "holders": tell_holders(told.have, told.reach),
            "obstacle": f"It takes {expected}; this is {got}." if expected else "",
            "most": MOST_TEXT,
            "rehearses": told.corrected.rehearsal,
        },
    )


def write(ask: Ask) -> Answer:
    """Keep a correction as a draft, or change one; nobody is emailed by that."""
    edition = find(ask)
    told = _describe(ask, edition)
    said = Correction(
        corrects_id=told.corrected.id,
        subject=ask.text("subject"),
        text=ask.raw("text"),
        post_id=ask.text("post"),
    )
    desk, _ = ask.survey.open(ask.now)
    try:
        if edition.is_correction:
            made = editing.change_correction(desk, edition, said, by=ask.by, now=ask.now)
        else:
            made = editing.draft_correction(desk, edition, said, by=ask.by, now=ask.now)
    except (Refused, NotFound, ContentError) as error:
        return _form(edition, told, said, error.problems)
    ask.changed()
    if made.state not in _WRITTEN:
        return Moved(
            to=path_of(made),
            said=f"This very correction is {made.state} already. Nothing was changed.",
        )
    again = (
        " It was approved as it said before: approve it again."
        if edition.is_correction and edition.state is EditionState.SCHEDULED
        else " It goes to nobody until you say so."
    )
    return Moved(to=path_of(made), said=f"Written. No one was emailed.{again}")
