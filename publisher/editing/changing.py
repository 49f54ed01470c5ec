"""Changing a draft by hand: its order, what waits, its intro, subject and preheader."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from publisher.editing.drafting import follow_edits
from publisher.errors import Problem, Refused
from publisher.model import EditionState
from publisher.store import editions, edits, hands

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.editing.desk import Desk
    from publisher.model import Edition, Edits
    from publisher.store import Store

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_MOST_LINE, _MOST_INTRO = 200, 4_000


def read_edits(store: Store, edition: Edition) -> Edits:
    """Return what staff changed of an edition."""
    with store.read() as tx:
        return edits.read(tx, edition.id)


def change_draft(
    desk: Desk, edition: Edition, wanted: Edits, *, by: str, now: datetime
) -> Edition:
    """Change a draft; one that was approved becomes a draft again, since nobody approved this.

    Raises Refused where it is past that, or where nothing of it would be left.
    """
    tidy = replace(
        wanted,
        subject=tidy_line(wanted.subject, "subject"),
        preheader=tidy_line(wanted.preheader, "preheader"),
        intro=_paragraphs(wanted.intro),
    )
    digest = desk.config.digests.get(edition.digest)
    with desk.store.write() as tx:
        current = hands.lock(tx, edition.id)
        if digest is None or current.state not in {EditionState.DRAFT, EditionState.SCHEDULED}:
            raise Refused(_too_late(current))
        if current.state is EditionState.SCHEDULED:
            editions.move(tx, current, EditionState.DRAFT)
            current = editions.read_one(tx, current.id)
        before = edits.read(tx, current.id)
        edits.write(tx, current.id, tidy)
        if not follow_edits(tx, desk, digest, current):
            raise Refused(_nothing_left(current))
        if before != tidy:
            hands.note(tx, current, "edit", by=by, now=now, detail=_tell(before, tidy))
        return editions.read_one(tx, current.id)


def _tell(before: Edits, after: Edits) -> str:
    names = {
        "subject": "subject",
        "preheader": "preheader",
        "intro": "intro",
        "order": "order",
        "left_out": "what is left out",
    }
    return ", ".join(
        words for name, words in names.items() if getattr(before, name) != getattr(after, name)
    )


def tidy_line(text: str, name: str) -> str:
    """Return a text as one line; raises Refused where it is long or holds what nobody sees."""
    line = " ".join(text.split())
    if len(line) > _MOST_LINE or _CONTROLS.search(line):
        raise Refused(_unfit(name, f"one line of at most {_MOST_LINE} characters"))
    return line


def _paragraphs(text: str) -> str:
    if len(text) > _MOST_INTRO or _CONTROLS.search(text):
        raise Refused(_unfit("intro", f"at most {_MOST_INTRO:,} characters"))
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))
    return "\n\n".join(part for part in parts if part)


def _unfit(name: str, expected: str) -> Problem:
    return Problem(
        code=f"edition.{name}",
        path=name,
        expected=expected,
        got="more, or signs that nobody sees",
        hint="Nothing was changed.",
    )


def _too_late(edition: Edition) -> Problem:
    return Problem(
        code="edition.state",
        path=edition.name,
        expected="an edition that is a draft or waits for its time",
        got=f"one that is {edition.state}",
        hint="Nothing was changed.",
    )


def _nothing_left(edition: Edition) -> Problem:
    return Problem(
        code="edition.posts",
        path=edition.name,
        expected="at least one post",
        got="every one left out",
        hint="Nothing was changed. To send nothing this time, cancel the edition.",
    )
