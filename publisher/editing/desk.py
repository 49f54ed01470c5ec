"""The desk: what editions are made with, and how one is held for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.config import find_digest
from publisher.editorial.course import day_of
from publisher.errors import Problem
from publisher.model import EditionState, HeldReason, corrected_digest, course_series
from publisher.store import editions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config, Digest
    from publisher.letters import Letters
    from publisher.model import Body, Catalog, Edition, Post
    from publisher.store import Store, Transaction

MOST_LETTERS = 200
"""Different letters of one edition that need nobody's word."""

_HELD_WORDS = {
    HeldReason.LATE: ("a start within late_after of its slot", "a later one"),
    HeldReason.UNAPPROVED: ("an approval before this digest is sent", "none yet"),
    HeldReason.CHANGED: ("posts and templates as they were approved", "a change since"),
    HeldReason.VERSIONS: (f"at most {MOST_LETTERS} different letters", "more than that"),
    HeldReason.PREFLIGHT: ("letters with nothing to mend", ""),
}
_HELD_HINTS = {HeldReason.PREFLIGHT: "Mend it"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What editions are made with: the site, the published posts and their texts."""

    config: Config
    store: Store
    letters: Letters
    catalog: Catalog
    body_of: Callable[[Post], Body]
    source_of: Callable[[Post], str]
    """A published post's source as text, to say on which line of it something stands."""
    ring: Callable[[Transaction, Edition], None] = lambda _tx, _edition: None
    """Calls the workers, in the transaction that lets an edition be sent."""
    trial: bool = False
    """Whether editions made now go to staff alone."""

    def digest(self, name: str) -> Digest | None:
        """Return the digest of a name, a course's and a correction's included; nothing where there is none."""
        titles = {series.slug: series.title for series in self.catalog.series}
        series = course_series(corrected_digest(name) or name)
        return find_digest(self.config, name, titles.get(series or "", ""))

    @property
    def rehearsal(self) -> bool:
        """Whether editions made now only go to the outbox."""
        return self.config.mail.transport == "outbox"

    def makes(self, edition: Edition) -> bool:
        """Whether an edition is of the kind that is made now: rehearsed or not, for staff or all."""
        return (edition.rehearsal, edition.trial) == (self.rehearsal, self.trial)


def hold(store: Store, edition: Edition, reason: HeldReason, detail: str = "") -> list[Problem]:
    """Hold an edition for a person, and say so; nothing where it changed meanwhile."""
    with store.write() as tx:
        if not editions.move(tx, edition, EditionState.HELD, reason=reason):
            return []
    expected, got = _HELD_WORDS[reason]
    return [
        Problem(
            code=f"edition.{reason}",
            path=edition.name,
            level="warning",
            expected=expected,
            got=got + detail,
            hint=f"Held; no one was emailed. {_HELD_HINTS.get(reason, 'Look at it')} and run: "
            f"publisher edition approve {edition.name}",
        )
    ]


def other_kind(edition: Edition, hint: str) -> Problem:
    """Say that an edition went another way than mail goes now: rehearsed, or sent."""
    expected = "outbox" if edition.rehearsal else "smtp"
    return Problem(
        code="edition.transport",
        path=edition.name,
        expected=f'transport = "{expected}", as when this edition was made',
        got="another one",
        hint=hint,
    )


def stop_late(desk: Desk, edition: Edition, *, now: datetime) -> list[Problem]:
    """Hold an edition that is late; a course's is missed, and its parts go with the next one."""
    if not edition.is_course:
        return hold(desk.store, edition, HeldReason.LATE)
    with desk.store.write() as tx:
        editions.move(tx, edition, EditionState.MISSED, closed_at=now)
    return []


def is_late(desk: Desk, edition: Edition, digest: Digest, *, now: datetime) -> bool:
    """Whether an edition is too late to go without a person's word, given since its slot.

    That word is good for as long as letters are sent: a mail that expires at once helps nobody.
    A course's edition is late once its day is over.
    """
    expire_after = desk.config.mail.expire_after
    if edition.approved_at and is_approved_since_slot(edition):
        return now - edition.approved_at > expire_after
    if edition.is_course:
        return day_of(now, digest.zone) > day_of(edition.fire_at, digest.zone)
    return now - edition.fire_at > min(digest.late_after, expire_after)


def is_approved_since_slot(edition: Edition) -> bool:
    """Whether a person let the edition go when it should have gone already."""
    return edition.approved_at is not None and edition.approved_at >= edition.fire_at
