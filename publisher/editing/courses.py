"""Courses: the due parts of a series, one edition a day, a letter a part and pace.

Whoever's turn it is gets the first part they do not have. What a day brings is counted while no
transaction that writes is open; the opening looks at everybody again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from publisher.editorial.catalog import on_channel
from publisher.editorial.course import Next, day_of, day_slot, due_after, find_next
from publisher.editorial.moments import tell_coming_day
from publisher.errors import NotFound, Problem
from publisher.model import (
    COURSE,
    Channel,
    Edition,
    EditionState,
    Series,
    SeriesInfo,
    course_series,
)
from publisher.store import courses, editions, ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from publisher.editing.desk import Desk
    from publisher.editorial.slots import Slot
    from publisher.model import Catalog, EditionContent, Post, Subscriber
    from publisher.store import Store, Transaction

BATCH = 5_000
"""People of one transaction: fewer than of a digest, since each part of a series is asked for."""

_UNOPENED = (EditionState.DRAFT, EditionState.SCHEDULED, EditionState.READY, EditionState.HELD)


# -------------------------------------------------------------------------------------- the day


def decide_courses(desk: Desk, *, now: datetime) -> None:
    """Make the editions of today's courses, once their time has come; a day that passed is over.

    The day itself is decided last, so that a run cut off goes on where it was.
    """
    slot = day_slot(desk.config.courses.at, desk.config.site.timezone, now)
    if slot is None:
        return
    with desk.store.read() as tx:
        decided = editions.decided_slots(tx, COURSE, since=slot.fire_at)
        due = ledger.due_series(tx, rehearsal=desk.rehearsal, on=slot.local.date())
    if slot.key in decided or not due:
        return
    kept = dict.fromkeys(_follow(desk, slug) for slug in due)
    results = [_decide_series(desk, slug, slot, now=now) for slug in kept]
    if all(results):
        with desk.store.write() as tx:
            editions.decide_slot(tx, COURSE, slot.key, slot.fire_at, "edition", now=now)


def _follow(desk: Desk, slug: str) -> str:
    """Return the series of courses; where all of it moved they move along, by its old addresses."""
    if any(one.slug == slug for one in desk.catalog.series):
        return slug
    moved = {
        now_at.partition("/")[0]
        for before, now_at in desk.catalog.redirects.items()
        if before.startswith(f"{slug}/") and "/" in now_at
    }
    if len(moved) != 1:
        return slug
    (following,) = moved
    with desk.store.write() as tx:
        ledger.move_courses(tx, slug, following)
    return following


def _decide_series(desk: Desk, slug: str, slot: Slot, *, now: datetime) -> bool:
    """Draft the day's edition of a series; return False where another one is being opened first."""
    series, digest = email_series(desk.catalog, slug), f"{COURSE}{slug}"
    with desk.store.read() as tx:
        if slot.key in editions.decided_slots(tx, digest, since=slot.fire_at):
            return True
        before = _unopened(tx, digest, desk)
        turns = _turns(desk, series, on=slot.local.date(), now=now) if series else None
        groups = ledger.count_turns(tx, turns) if turns else []
    if any(one.state is EditionState.READY for one in before):
        return False
    is_held = any(one.state is EditionState.HELD for one in before)
    following = [find_next(series, one.received) for one in groups] if series else []
    if series and turns and any(one.is_over for one in following):
        _end(desk.store, series, turns)
    posts = _in_order(series, following) if series and not is_held else []
    with desk.store.write() as tx:
        if slot.key in editions.decided_slots(tx, digest, since=slot.fire_at):
            return True  # another scheduler was first
        if not is_held:
            _miss(tx, before, now=now)
        if posts:
            _draft(tx, desk, digest, slot, posts, now=now)
        verdict = "missed" if is_held else "edition" if posts else "nothing_new"
        editions.decide_slot(tx, digest, slot.key, slot.fire_at, verdict, now=now)
    return True


def _unopened(tx: Transaction, digest: str, desk: Desk) -> list[Edition]:
    found = editions.read_all(tx, states=_UNOPENED)
    return [one for one in found if one.digest == digest and desk.makes(one)]


def _miss(tx: Transaction, before: Iterable[Edition], *, now: datetime) -> None:
    """End what a kill left unopened until this day came: its parts go with this one."""
    for one in before:
        editions.move(tx, one, EditionState.MISSED, closed_at=now)


def _draft(
    tx: Transaction, desk: Desk, digest: str, slot: Slot, posts: list[Post], *, now: datetime
) -> None:
    edition = editions.insert(
        tx,
        digest=digest,
        rehearsal=desk.rehearsal,
        trial=desk.trial,
        slot=slot,
        state=EditionState.DRAFT,
        now=now,
    )
    if edition:
        editions.set_posts(tx, edition.id, [(one.id, one.source_sha256) for one in posts])


def _in_order(series: Series, following: Iterable[Next]) -> list[Post]:
    wanted = {one.post.id for one in following if one.post}
    return [post for post in series.posts if post.id in wanted]


def _turns(desk: Desk, series: Series, *, on: date, now: datetime) -> ledger.Turns:
    return ledger.Turns(
        series=series.slug,
        post_ids=tuple(post.id for post in series.posts),
        rehearsal=desk.rehearsal,
        trial=desk.trial,
        on=on,
        now=now,
    )


def _end(store: Store, series: Series, turns: ledger.Turns) -> None:
    """End the courses of those who have every part of a finished series."""
    after = 0
    while True:
        with store.write() as tx:
            batch = ledger.gather_turns(tx, turns, after=after, last=None, limit=BATCH)
            if batch is None:
                return
            over = [one for one in batch.groups if find_next(series, one.received).is_over]
            ledger.set_due(tx, turns, {one.code: None for one in over})
        after = batch.through


def email_series(catalog: Catalog, slug: str) -> Series | None:
    """Return a series as letters can bring it: a part that is not for email is still to come."""
    shown = on_channel(catalog, Channel.EMAIL)
    return next((one for one in shown.series if one.slug == slug), None)


# ---------------------------------------------------------------------------------- the audience


Version = tuple[tuple[str, ...], tuple[str, ...], str]
"""The part of a letter, the first parts its readers need not be led to, and what it says is next."""


@dataclass(frozen=True, slots=True)
class CourseAudience:
    """Whom a course's edition goes to, and which of its letters each gets."""

    edition: Edition
    series: Series
    turns: ledger.Turns
    post_ids: frozenset[str]
    firsts: tuple[str, ...]

    gives_posts: ClassVar[bool] = True
    has_limit: ClassVar[bool] = False
    """A letter a part and pace is what a course is made of: nobody need look at their number."""

    def gather(self, tx: Transaction) -> ledger.Batch | None:
        """Return the next people, in groups."""
        after, last = ledger.opening_range(tx, self.edition)
        return ledger.gather_turns(tx, self.turns, after=after, last=last, limit=BATCH)

    def choose(self, groups: Iterable[ledger.Group]) -> dict[str, Version]:
        """Choose the letter of each group, by its code; a part that is not in the edition waits."""
        following = {one.code: (one, find_next(self.series, one.received)) for one in groups}
        return {
            code: self.version(found.post, group.received, group.pace)
            for code, (group, found) in following.items()
            if found.post and found.post.id in self.post_ids
        }

    def version(self, post: Post, received: Collection[str], pace: str) -> Version:
        """Return the letter of a part: it says what comes after it, and when."""
        after = find_next(self.series, {*received, post.id})
        return (post.id,), self.firsts, tell_next(after, due_after(self.turns.on, pace))

    def settle(
        self, tx: Transaction, batch: ledger.Batch, given: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Set the day of the part after this one; after the last, the course is over."""
        due: dict[str, date | None] = {}
        for group in batch.groups:
            if group.code not in given:
                continue
            after = find_next(self.series, {*group.received, *given[group.code]})
            due[group.code] = None if after.is_over else due_after(self.turns.on, group.pace)
        ledger.set_due(tx, self.turns, due)


def course_audience(
    desk: Desk, edition: Edition, content: EditionContent, *, now: datetime
) -> CourseAudience:
    """Return whom a course's edition goes to; nobody where its series is no more."""
    slug = course_series(edition.digest) or ""
    series = email_series(desk.catalog, slug) or Series(
        info=SeriesInfo(slug=slug, title=slug), parts=()
    )
    turns = _turns(desk, series, on=day_of(now, desk.config.site.timezone), now=now)
    return CourseAudience(
        edition=edition,
        series=series,
        turns=replace(turns, rehearsal=edition.rehearsal, trial=edition.trial),
        post_ids=frozenset(post.post_id for post in content.posts),
        firsts=tuple(sorted(one.post_id for post in content.posts for one in post.lines[:1])),
    )


# ------------------------------------------------------------------------------------ the preview


def next_of(desk: Desk, slug: str, person: Subscriber | None) -> Post:
    """Return the part a person gets next, else the first that is out; raises NotFound for none."""
    series = email_series(desk.catalog, slug)
    if series is None:
        raise NotFound(_no_series(desk, slug))
    done = _done(desk, series, person) if person else frozenset()
    return find_next(series, done).post or series.posts[0]


def course_version(
    desk: Desk, content: EditionContent, person: Subscriber | None, *, at: datetime
) -> Version:
    """Return the letter of a course's one part as a person gets it, at their pace."""
    edition = Edition(
        id=0,
        digest=content.digest,
        number=content.number,
        rehearsal=content.rehearsal,
        slot="preview",
        fire_at=at,
        state=EditionState.DRAFT,
    )
    audience = course_audience(desk, edition, content, now=at)
    series, part = audience.series, content.posts[0].post_id
    offered = [f"{pace.days}d" for pace in desk.config.courses.paces]
    course = None
    if person:
        with desk.store.read() as tx:
            course = courses.read_one(tx, person.id, series.slug, rehearsal=desk.rehearsal)
    done = _done(desk, series, person) if person else _before(series, part)
    shown = next(post for post in series.posts if post.id == part)
    return audience.version(shown, done, course.pace if course else (offered or ["7d"])[0])


def _done(desk: Desk, series: Series, person: Subscriber) -> frozenset[str]:
    ids = [post.id for post in series.posts]
    with desk.store.read() as tx:
        return courses.read_done(tx, person.id, ids, rehearsal=desk.rehearsal)


def _before(series: Series, post_id: str) -> frozenset[str]:
    ids = [post.id for post in series.posts]
    return frozenset(ids[: ids.index(post_id)])


def _no_series(desk: Desk, slug: str) -> Problem:
    return Problem(
        code="series.unknown",
        path=f"{COURSE}{slug}",
        expected="a series with a part for email",
        got=slug,
        hint=", ".join(one.slug for one in desk.catalog.series) or "There is no series yet.",
    )


def tell_next(after: Next, due_on: date) -> str:
    """Say what comes after a part, and on which day where that part is out."""
    if after.post:
        return f"Part {after.number} comes on {tell_coming_day(due_on)}."
    if after.is_over:
        return "This was the last part."
    if after.number:
        return f"Part {after.number} comes once it is out."
    return "The next part comes once it is out."
