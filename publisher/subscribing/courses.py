"""Courses by a reader's hand, or by staff's: start, skip, begin again, stop, another pace.

Each is one transaction, and twice is as good as once. What a course does next is judged from what
the reader has, by post id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from publisher.editorial.catalog import on_channel
from publisher.editorial.course import (
    Awaited,
    Next,
    change_pace_of,
    day_of,
    find_missed,
    find_next,
    first_due_on,
    not_before,
    pace_days,
    state_of,
)
from publisher.editorial.pace import LONGEST_PACE_DAYS
from publisher.errors import NotFound, Problem, Refused, UsageError
from publisher.model import (
    Catalog,
    Channel,
    Course,
    CourseState,
    Post,
    Series,
    Subscriber,
    SubscriberState,
)
from publisher.store import courses, editions, subscribers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, time

    from publisher.config import Config
    from publisher.store import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When the letters of courses go, at which paces, and whether any leaves this machine."""

    at: time
    zone: str
    paces: tuple[str, ...]
    """Those on offer: ``1d``, ``3d``."""
    rehearsal: bool


def read_timetable(config: Config) -> Timetable:
    """Return the timetable of a site."""
    return Timetable(
        at=config.courses.at,
        zone=config.site.timezone,
        paces=tuple(f"{pace.days}d" for pace in config.courses.paces),
        rehearsal=config.mail.transport == "outbox",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """A series and where a reader's course of it stands."""

    series: Series
    state: CourseState
    next: Next
    """The first part the reader does not have."""
    at: int
    """The number of the part before that one, which they had or skipped; 0 for none."""
    pace: str
    """Theirs; where there is no course that of the series, else the first on offer."""
    paces: tuple[str, ...]
    """Those they may choose, the shortest first."""
    comes_on: date | None
    """The day of the next part, where it has one."""


# ---------------------------------------------------------------------------------------- looking


def list_courses(
    store: Store, subscriber_id: int, catalog: Catalog, timetable: Timetable, *, now: datetime
) -> list[CourseView]:
    """Return every series that letters can bring, by title, and a reader's course of it."""
    with store.read() as tx:
        mine = courses.read_all(tx, subscriber_id, rehearsal=timetable.rehearsal)
        return [
            _view(tx, subscriber_id, series, mine.get(series.slug), timetable, now=now)
            for series in _offered(catalog)
        ]


def _view(
    tx: Transaction,
    subscriber_id: int,
    series: Series,
    course: Course | None,
    timetable: Timetable,
    *,
    now: datetime,
) -> CourseView:
    post_ids = [post.id for post in series.posts]
    done = courses.read_done(tx, subscriber_id, post_ids, rehearsal=timetable.rehearsal)
    following = find_next(series, done)
    state = state_of(course, following)
    first_on = first_due_on(timetable.at, timetable.zone, now)
    before = [
        part.number
        for part in series.parts
        if part.post
        and part.post.id in done
        and (following.number is None or part.number < following.number)
    ]
    pace = course.pace if course else series.info.pace or (timetable.paces or ("7d",))[0]
    return CourseView(
        series=series,
        state=state,
        next=following,
        at=max(before, default=0),
        pace=pace,
        paces=tuple(sorted({*timetable.paces, pace}, key=pace_days)) if timetable.paces else (),
        comes_on=not_before(course.due_on, first_on)
        if course and state is CourseState.RUNNING
        else None,
    )


def _offered(catalog: Catalog) -> list[Series]:
    return list(on_channel(catalog, Channel.EMAIL).series)


def list_missed(
    store: Store, subscriber_id: int, catalog: Catalog, config: Config
) -> tuple[list[Post], datetime]:
    """Return what came out since a reader joined and will not be sent, in series order; since when.

    What a course or the next edition of a digest brings is not missed. Raises NotFound.
    """
    rehearsal = config.mail.transport == "outbox"
    with store.read() as tx:
        person = _find(tx, subscriber_id)
        since = person.confirmed_at or person.subscribed_at
        missed = find_missed(
            catalog,
            since=since,
            received=courses.read_received(tx, person.id, rehearsal=rehearsal),
            awaited=_awaited(tx, person, catalog, config, rehearsal=rehearsal),
        )
    return missed, since


def _awaited(
    tx: Transaction, person: Subscriber, catalog: Catalog, config: Config, *, rehearsal: bool
) -> Awaited:
    if person.state is not SubscriberState.ACTIVE:
        return Awaited(series=frozenset(), posts=frozenset())
    mine = courses.read_all(tx, person.id, rehearsal=rehearsal).values()
    running = frozenset(one.series for one in mine if one.is_running)
    coming: set[str] = set()
    for name in person.digests or config.digests:
        history = editions.read_history(tx, name, rehearsal=rehearsal)
        coming |= {
            post.id
            for post in catalog.posts
            if post.id not in history.taken
            and post.id not in history.archived
            and post.series not in person.series
            and Channel.EMAIL in post.channels
        }
    return Awaited(series=running - set(person.series), posts=frozenset(coming))


# ---------------------------------------------------------------------------------------- choosing


def start_course(
    store: Store,
    subscriber_id: int,
    slug: str,
    pace: str,
    catalog: Catalog,
    timetable: Timetable,
    *,
    now: datetime,
) -> bool:
    """Start a course, or go on with one where it stopped; False where it runs at this pace already.

    A series that was left out no longer is. Raises NotFound for no such series, UsageError for no
    pace, Refused for a reader who left.
    """
    series = _find_series(catalog, slug)
    _check_pace(pace)
    with store.write() as tx:
        _refuse_gone(_find(tx, subscriber_id))
        taken_up = courses.take_up(tx, subscriber_id, slug)
        course = courses.read_one(tx, subscriber_id, slug, rehearsal=timetable.rehearsal)
        if course and course.is_running:
            return _set_pace(tx, subscriber_id, slug, pace, timetable, now=now) or taken_up
        first_on = first_due_on(timetable.at, timetable.zone, now)
        before = _by_kind(tx, subscriber_id, slug)
        due_on = {
            kind: not_before(one.due_on if one else None, first_on) for kind, one in before.items()
        }
        made = Course(
            series=series.slug,
            pace=pace,
            started_on=due_on[timetable.rehearsal],
            due_on=None,
            ended_at=None,
        )
        courses.write(tx, subscriber_id, made, due_on)
        _note(tx, subscriber_id, "start course", slug, now=now)
        return True


def change_pace(
    store: Store,
    subscriber_id: int,
    slug: str,
    pace: str,
    timetable: Timetable,
    *,
    now: datetime,
) -> bool:
    """Give a course another pace, counted from its last letter; False where it has it already.

    Raises NotFound for no such course, UsageError for no pace.
    """
    _check_pace(pace)
    with store.write() as tx:
        return _set_pace(tx, subscriber_id, slug, pace, timetable, now=now)


def _set_pace(
    tx: Transaction,
    subscriber_id: int,
    slug: str,
    pace: str,
    timetable: Timetable,
    *,
    now: datetime,
) -> bool:
    course = _find_course(tx, subscriber_id, slug, timetable)
    if course.pace == pace:
        return False
    today = day_of(now, timetable.zone)
    due_on = {
        kind: change_pace_of(one, pace, today) if one else None
        for kind, one in _by_kind(tx, subscriber_id, slug).items()
    }
    courses.write(tx, subscriber_id, replace(course, pace=pace), due_on)
    _note(tx, subscriber_id, "pace course", slug, now=now)
    return True


def skip_part(
    store: Store,
    subscriber_id: int,
    slug: str,
    post_id: str | None,
    catalog: Catalog,
    timetable: Timetable,
    *,
    now: datetime,
) -> bool:
    """Pass over a part that was not sent yet, by post id, or the next one.

    The part after it comes on the day this one would have. False where it is passed over already,
    or where none is out. Raises NotFound for no such course or part.
    """
    series = _find_series(catalog, slug)
    post_ids = [post.id for post in series.posts]
    if post_id is not None and post_id not in post_ids:
        raise NotFound(_no_part(slug, post_id))
    with store.write() as tx:
        _find_course(tx, subscriber_id, slug, timetable)
        done = courses.read_done(tx, subscriber_id, post_ids, rehearsal=timetable.rehearsal)
        following = find_next(series, done).post
        chosen = post_id or (following.id if following else None)
        if chosen is None or chosen in done:
            return False
        courses.skip(tx, subscriber_id, chosen)
        _note(tx, subscriber_id, "skip part", slug, now=now)
        return True


def restart_course(
    store: Store,
    subscriber_id: int,
    slug: str,
    catalog: Catalog,
    timetable: Timetable,
    *,
    now: datetime,
) -> bool:
    """Begin a course again at part 1: every part comes once more, what was skipped too.

    Raises NotFound for no such course or series, Refused for a reader who left.
    """
    series = _find_series(catalog, slug)
    with store.write() as tx:
        _refuse_gone(_find(tx, subscriber_id))
        course = _find_course(tx, subscriber_id, slug, timetable)
        courses.ask_again(tx, subscriber_id, [post.id for post in series.posts])
        first_on = first_due_on(timetable.at, timetable.zone, now)
        begun = replace(course, started_on=first_on, ended_at=None)
        courses.write(tx, subscriber_id, begun, dict.fromkeys(courses.KINDS, first_on))
        _note(tx, subscriber_id, "restart course", slug, now=now)
        return True


def stop_course(store: Store, subscriber_id: int, slug: str, *, now: datetime) -> bool:
    """Stop a course; its place is kept. False where it runs no more, or never did."""
    with store.write() as tx:
        stopped = courses.stop(tx, subscriber_id, slug, now=now)
        if stopped:
            _note(tx, subscriber_id, "stop course", slug, now=now)
        return stopped


# ---------------------------------------------------------------------------------------- finding


def _by_kind(tx: Transaction, subscriber_id: int, slug: str) -> Mapping[bool, Course | None]:
    return {
        kind: courses.read_one(tx, subscriber_id, slug, rehearsal=kind) for kind in courses.KINDS
    }


def _find(tx: Transaction, subscriber_id: int) -> Subscriber:
    person = subscribers.read_one(tx, subscriber_id)
    if person is None:
        raise NotFound(_no_person())
    return person


def _find_series(catalog: Catalog, slug: str) -> Series:
    offered = _offered(catalog)
    series = next((one for one in offered if one.slug == slug), None)
    if series is None:
        raise NotFound(_no_series(slug, [one.slug for one in offered]))
    return series


def _find_course(tx: Transaction, subscriber_id: int, slug: str, timetable: Timetable) -> Course:
    course = courses.read_one(tx, subscriber_id, slug, rehearsal=timetable.rehearsal)
    if course is None:
        raise NotFound(_no_course(slug))
    return course


def _check_pace(pace: str) -> None:
    number = pace.removesuffix("d")
    is_pace = pace.endswith("d") and number.isascii() and number.isdecimal() and len(number) < 4  # noqa: PLR2004 - up to three digits
    if not is_pace or not 1 <= pace_days(pace) <= LONGEST_PACE_DAYS:
        raise UsageError(_no_pace(pace))


def _refuse_gone(person: Subscriber) -> None:
    if person.state is not SubscriberState.ACTIVE:
        raise Refused(_not_active(person.state))


def _note(tx: Transaction, subscriber_id: int, verb: str, slug: str, *, now: datetime) -> None:
    subscribers.note(
        tx, "subscriber", verb, f"subscriber:{subscriber_id}", now=now, detail=f"series:{slug}"
    )


# --------------------------------------------------------------------------------------- problems


def _no_person() -> Problem:
    return Problem(
        code="subscriber.unknown",
        path="subscriber",
        expected="somebody on the list",
        got="nobody",
        hint="Nothing was changed.",
    )


def _no_series(slug: str, offered: list[str]) -> Problem:
    return Problem(
        code="series.unknown",
        path="series",
        expected=f"a series with a part for email: {', '.join(offered) or 'there is none'}",
        got=slug,
        hint="Nothing was changed.",
    )


def _no_course(slug: str) -> Problem:
    return Problem(
        code="course.unknown",
        path="course",
        expected="a course that was started",
        got=f"none of {slug}",
        hint="Start it first. Nothing was changed.",
    )


def _no_part(slug: str, post_id: str) -> Problem:
    return Problem(
        code="course.part",
        path="course",
        expected=f"a part of {slug} that is out",
        got=post_id,
        hint="Nothing was changed.",
    )


def _no_pace(pace: str) -> Problem:
    return Problem(
        code="course.pace",
        path="pace",
        expected=f"whole days, from 1d to {LONGEST_PACE_DAYS}d",
        got=f'"{pace}"',
        hint="Nothing was changed.",
    )


def _not_active(state: SubscriberState) -> Problem:
    return Problem(
        code="subscriber.state",
        path="subscriber",
        expected="somebody who gets letters",
        got=f"somebody who is {state}",
        hint="Only the person can come back, by the subscribe form. Nothing was changed.",
    )
