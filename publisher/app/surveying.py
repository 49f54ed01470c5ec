"""Surveying: what staff look at first, and what is costly to find out, kept while it holds.

The catalog is read again when a source, the store's public part or the minute of its next change is
another; how many people an edition is for is counted again after a while.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from publisher.app.opening import open_desk
from publisher.config import find_digest
from publisher.editorial.answers import count_waiting
from publisher.editorial.slots import slots_between
from publisher.model import DeliveryState, EditionState, HeldReason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.config import Digest
    from publisher.editing import Desk, PlannedEdition
    from publisher.errors import Problem
    from publisher.model import Edition, SubscriberState
    from publisher.publishing import Shelf
    from publisher.store.reach import LetterReach, People

COUNTS_HOLD: Final = timedelta(seconds=30)
_CATALOG_HOLDS = timedelta(seconds=2)
_WAITS = (EditionState.HELD, EditionState.PARTIAL, EditionState.FAILED, EditionState.PAUSED)
_OVER = (EditionState.SENT, EditionState.PARTIAL, EditionState.CANCELLED)
_GOING = (EditionState.READY, EditionState.SENDING)
_NEWS = timedelta(days=14)
"""How long what failed or stayed uncertain is put before staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """An edition with what its deliveries came to."""

    edition: Edition
    title: str
    zone: str
    counts: Mapping[DeliveryState, int]

    @property
    def waiting(self) -> int:
        """How many mails are still to begin."""
        return count_waiting(self.counts)

    @property
    def uncertain(self) -> int:
        """How many mails nobody knows of whether they arrived."""
        return self.counts[DeliveryState.UNCERTAIN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What a digest sends next."""

    digest: Digest
    planned: PlannedEdition
    edition: Edition | None
    """The slot's edition, where it is made already."""

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of its posts."""
        rulings = self.planned.rulings
        return tuple(one.title or one.path for one in rulings if one.verdict is Verdict.INCLUDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What is to be done, what comes next, what came of the last."""

    waits: tuple[Numbered, ...]
    """Editions that wait for a person."""
    going: tuple[Numbered, ...]
    coming: tuple[Coming, ...]
    last: Numbered | None
    problems: tuple[Problem, ...]
    """Of posts and series."""
    unreviewed: tuple[tuple[str, str], ...]
    """Paths and titles of posts that wait for an approval."""
    sends: bool
    """Whether this database is the one that sends."""
    people: int


@dataclass(slots=True)
class Survey:
    """One site, looked at by many; safe to use from several threads."""

    site: Site
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: tuple[object, datetime, Desk, Shelf] | None = None
    _planned: dict[tuple[object, ...], tuple[datetime, list[PlannedEdition]]] = field(
        default_factory=dict
    )

    _people: dict[str, tuple[datetime, People]] = field(default_factory=dict)
    _states: tuple[datetime, Mapping[SubscriberState, int]] | None = None
    _letters: dict[tuple[object, ...], list[LetterReach]] = field(default_factory=dict)

    def open(self, now: datetime) -> tuple[Desk, Shelf]:
        """Return what editions are made with, as the posts are now."""
        with self._lock:
            return self._open(now)

    def _open(self, now: datetime) -> tuple[Desk, Shelf]:
        kept = self._kept
        if kept and timedelta(0) <= now - kept[1] < _CATALOG_HOLDS:
            return kept[2], kept[3]
        mark = self._mark()
        if kept and kept[0] == mark and not _has_turned(kept[2], now):
            self._kept = (mark, now, kept[2], kept[3])
            return kept[2], kept[3]
        desk, shelf = open_desk(self.site, now=now)
        self._kept = (mark, now, desk, shelf)
        self._planned.clear()
        return desk, shelf

    def _mark(self) -> object:
        from publisher.publishing import mark_sources  # noqa: PLC0415

        return self.site.store.revision(), mark_sources(self.site.config)

    def people(self, digest: str, *, now: datetime) -> People:
        """Return how everybody stands to a digest, counted again after a while."""
        from publisher.store import reach  # noqa: PLC0415

        known = self._people.get(digest)
        if known and timedelta(0) <= now - known[0] < COUNTS_HOLD:
            return known[1]
        with self.site.store.read() as tx:
            counted = reach.count_people(tx, digest)
        self._people[digest] = (now, counted)
        return counted

    def letters(self, edition: Edition) -> list[LetterReach]:
        """Return the letters of an edition with whom they are for, which is fixed once it is opened."""
        from publisher.store import reach  # noqa: PLC0415

        key = (edition.id, edition.content_sha256, edition.audience)
        if key in self._letters:
            return self._letters[key]
        with self.site.store.read() as tx:
            counted = reach.count_letters(tx, edition.id) if edition.letters else []
        if edition.state is not EditionState.READY and edition.letters:
            self._letters[key] = counted
        return counted

    def states(self, *, now: datetime) -> Mapping[SubscriberState, int]:
        """Return how many people there are in each state, as it was a while ago at most."""
        from publisher.store import people  # noqa: PLC0415

        known = self._states
        if known and timedelta(0) <= now - known[0] < COUNTS_HOLD:
            return known[1]
        with self.site.store.read() as tx:
            counted = people.count_states(tx)
        self._states = (now, counted)
        return counted

    def forget_people(self) -> None:
        """Count people anew: somebody came or left by staff's hand."""
        with self._lock:
            self._planned.clear()
            self._people.clear()
            self._states = None

    def forget(self) -> None:
        """Look at everything anew: something was just changed here."""
        with self._lock:
            self._kept = None
            self._planned.clear()
            self._people.clear()
            self._states = None

    def plan(
        self, digest: Digest, *, now: datetime, until: datetime | None = None
    ) -> list[PlannedEdition]:
        """Return the next edition of a digest, or all up to a moment, with whom they are for."""
        from publisher import editing  # noqa: PLC0415

        with self._lock:
            desk, shelf = self._open(now)
            key = (digest.name, until, self._version_of(digest))
            known = self._planned.get(key)
            if (
                known
                and timedelta(0) <= now - known[0] < COUNTS_HOLD
                and _are_ahead(known[1], now)
            ):
                return known[1]
            planned = editing.plan(desk, digest, shelf.catalog_at, now=now, until=until)
            self._planned[key] = (now, planned)
            return planned

    def _version_of(self, digest: Digest) -> object:
        """Return what changes whenever an edition of a digest does."""
        from publisher.store import listing  # noqa: PLC0415

        with self.site.store.read() as tx:
            return listing.version_of(tx, digest.name)

    # ---------------------------------------------------------------------------------- today

    def today(self, *, now: datetime) -> Today:
        """Return what staff look at first."""
        from publisher.operating import is_sending  # noqa: PLC0415
        from publisher.store import editions, listing, subscribers  # noqa: PLC0415

        _, shelf = self.open(now)
        with self.site.store.read() as tx:
            waits = editions.read_all(tx, states=_WAITS)
            written = editions.read_all(tx, states=[EditionState.DRAFT])
            going = editions.read_all(tx, states=_GOING)
            last = listing.read_last(tx, states=_OVER)
            people = subscribers.count(tx)
        coming = [self.coming(digest, now=now) for digest in self.site.config.digests.values()]
        return Today(
            waits=tuple(one for one in map(self.number, (*waits, *written)) if _needs(one, now)),
            going=tuple(self.number(edition) for edition in going),
            coming=tuple(
                sorted((one for one in coming if one), key=lambda one: one.planned.fire_at)
            ),
            last=self.number(last) if last else None,
            problems=tuple(shelf.catalog.problems),
            unreviewed=tuple(
                (ruling.path, ruling.title)
                for ruling in shelf.catalog.rulings
                if ruling.verdict is Verdict.UNREVIEWED
            ),
            sends=is_sending(self.site.store, self.site.config.paths.state),
            people=people,
        )

    def coming(self, digest: Digest, *, now: datetime) -> Coming | None:
        """Return what a digest sends next; nothing where it has no slot to come."""
        from publisher.store import editions  # noqa: PLC0415

        planned = self.plan(digest, now=now)
        if not planned:
            return None
        with self.site.store.read() as tx:
            edition = editions.read_by_slot(tx, digest.name, planned[0].slot)
        return Coming(digest=digest, planned=planned[0], edition=edition)

    def number(self, edition: Edition) -> Numbered:
        """Return an edition with what its deliveries came to."""
        from publisher.store import ledger  # noqa: PLC0415

        with self.site.store.read() as tx:
            counts = ledger.read_counts(tx, edition.id)
        digest = find_digest(self.site.config, edition.digest)
        return Numbered(
            edition=edition,
            title=digest.title if digest else edition.digest,
            zone=digest.zone if digest else self.site.config.site.timezone,
            counts=counts,
        )


def list_slots(digest: Digest, *, now: datetime, count: int) -> list[datetime]:
    """Return the next moments of a digest, in order."""
    found: list[datetime] = []
    for slot in slots_between(digest.schedule, now, now + timedelta(days=400)):
        found.append(slot.fire_at)
        if len(found) == count:
            break
    return found


def _needs(one: Numbered, now: datetime) -> bool:
    """Whether an edition waits for a person: held and paused ones always, ends while they are news."""
    edition = one.edition
    written = edition.is_correction and edition.state is EditionState.DRAFT
    if written or edition.state in {EditionState.HELD, EditionState.PAUSED}:
        return True
    is_news = now - (edition.closed_at or edition.fire_at) <= _NEWS
    return is_news and (edition.state is EditionState.FAILED or one.uncertain > 0)


def _has_turned(desk: Desk, now: datetime) -> bool:
    """Whether time alone changed the catalog."""
    turns_at = desk.catalog.next_change_at
    return turns_at is not None and turns_at <= now


def _are_ahead(planned: list[PlannedEdition], now: datetime) -> bool:
    return all(one.fire_at > now for one in planned)


def is_restored(edition: Edition) -> bool:
    """Whether an edition waits since its database was restored."""
    return edition.state is EditionState.HELD and edition.reason == HeldReason.RESTORED
