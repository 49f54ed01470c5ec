"""Correcting an edition: when it can be, to whom it is said, and the words around what staff write."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from publisher.editorial.answers import people
from publisher.editorial.moments import tell_date
from publisher.model import Channel, EditionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publisher.model import Correction, Edition, EditionContent, Post

PREFIX: Final = "Correction: "
MOST_TEXT: Final = 4_000

_OVER = (EditionState.SENT, EditionState.PARTIAL, EditionState.CANCELLED)


def find_obstacle(edition: Edition, have: int) -> tuple[str, str]:
    """Return what is expected of an edition to be corrected and what it is; "" where it can be.

    While it is being sent, more people get it by the minute, and they would never be told.
    """
    if edition.is_correction:
        return "an edition that is no correction itself", "one that corrects another edition"
    if edition.state not in _OVER:
        return (
            "an edition whose sending is over, or was stopped for good",
            f"one that is {edition.state}",
        )
    if not have:
        return "an edition that somebody has", "one that nobody has"
    return "", ""


def begin_subject(subject: str) -> str:
    """Return the subject that a correction has where staff write no other."""
    return subject if subject.startswith(PREFIX) else f"{PREFIX}{subject}"


def open_letter(dated_on: str) -> str:
    """Return the first sentence of a correction's letter: what it corrects."""
    return f"This corrects the letter we sent you on {tell_date(date.fromisoformat(dated_on))}."


def find_corrected(
    posts: Iterable[Post], before: EditionContent, *, zone: str, until: date
) -> list[Post]:
    """Return the posts that were corrected since an edition, and of which it did not tell."""
    since = date.fromisoformat(before.dated_on)
    told = {(one.post_id, one.text) for one in before.corrected}
    told |= {(one.post_id, one.correction) for one in before.posts}
    return [
        post
        for post in posts
        if post.correction
        and post.updated_at
        # A date alone is its midnight: what was corrected on the day of the edition counts too.
        and since <= post.updated_at.astimezone(ZoneInfo(zone)).date() <= until
        and Channel.EMAIL in post.channels
        and (post.id, post.correction) not in told
    ]


def slot_key(wanted: Correction, turn: int) -> str:
    """Return the natural key of a correction: the same words to the same people are one edition.

    ``turn``: how many with these words were cancelled before.
    """
    said = repr((wanted.subject, wanted.text, wanted.post_id))
    mark = hashlib.sha256(said.encode()).hexdigest()[:16]
    return f"correct:{wanted.corrects_id}:{mark}:{turn}"


def tell_holders(have: int, reach: int) -> str:
    """Say who has an edition, and who of them can be told no more."""
    told = f"{people(have)} {'has' if have == 1 else 'have'} it or may have it"
    gone = have - reach
    if not gone:
        return f"{told}."
    return f"{told}; {gone:,} of them left since, or must not be mailed."
