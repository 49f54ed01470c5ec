"""Courses: which part of a series is next for a reader, on which day, and what never came at all.

A place in a series is kept by post id: what a reader has, by whatever way, is passed over, so that
renumbering and moving change nothing, and nobody gets a part twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.editorial.slots import Slot, parse_words, slots_between
from publisher.model import Channel, Course, CourseState, Post, Series

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import time

    from publisher.model import Catalog

_A_DAY_AND_MORE = timedelta(hours=36)


# -------------------------------------------------------------------------------------- the part


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The part that a reader gets next, or what a course waits for."""

    number: int | None
    """Nothing where no part is left, of a finished series or of one that may go on."""
    post: Post | None
    """Nothing where that part is not out yet."""
    is_over: bool = False
    """Whether nothing more will come."""


def find_next(series: Series, had: Collection[str]) -> Next:
    """Return the first part that a reader does not have.

    ``series`` is as the email channel shows it, ``had`` are post ids: what the reader has and what
    they skipped. A withdrawn part is passed over. One that is not out yet, or not for email, is
    waited for while the series goes on, and passed over once it is finished.
    """
    for part in series.parts:
        if part.post is None:
            if not part.withdrawn and not series.finished:
                return Next(number=part.number, post=None)
        elif part.post.id not in had:
            return Next(number=part.number, post=part.post)
    return Next(number=None, post=None, is_over=series.finished)


def state_of(course: Course | None, following: Next) -> CourseState:
    """Return where a course stands whose next part is ``following``."""
    if course is None:
        return CourseState.NONE
    if course.ended_at:
        return CourseState.STOPPED
    if course.due_on is None or following.is_over:
        return CourseState.FINISHED
    return CourseState.RUNNING if following.post else CourseState.WAITING


# --------------------------------------------------------------------------------------- the day


def day_slot(at: time, zone: str, now: datetime) -> Slot | None:
    """Return the slot of courses of the day it is in the zone, once its time has come.

    A slot is good for its own day: the parts of a day that passed go with the next one.
    """
    every_day = parse_words(f"every day at {at:%H:%M}", zone)
    past = list(slots_between(every_day, now - _A_DAY_AND_MORE, now))
    today = day_of(now, zone)
    return past[-1] if past and past[-1].local.date() == today else None


def day_of(now: datetime, zone: str) -> date:
    """Return the day it is in a zone."""
    return now.astimezone(ZoneInfo(zone)).date()


def first_due_on(at: time, zone: str, now: datetime) -> date:
    """Return the day of a course's first letter: today where the time of courses is to come."""
    today = day_of(now, zone)
    return today if day_slot(at, zone, now) is None else today + timedelta(days=1)


def pace_days(pace: str) -> int:
    """Return the days of a pace such as ``3d``."""
    return int(pace.removesuffix("d"))


def spell_pace(days: int) -> str:
    """Return a pace in words: ``every day``, ``every 3 days``, ``every week``."""
    weeks, rest = divmod(days, 7)
    count, unit = (days, "day") if rest else (weeks, "week")
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def due_after(sent_on: date, pace: str) -> date:
    """Return the first day on which the part after one sent on a day may go."""
    return sent_on + timedelta(days=pace_days(pace))


def change_pace_of(course: Course, to: str, today: date) -> date | None:
    """Return the due day of a course whose pace changes: counted from its last letter.

    What is due already stays due, and so does the first part.
    """
    due_on = course.due_on
    if due_on is None or due_on <= today or due_on == course.started_on:
        return due_on
    sent_on = due_on - timedelta(days=pace_days(course.pace))
    return max(due_after(sent_on, to), today)


def not_before(due_on: date | None, first_on: date) -> date:
    """Return the day a part goes that is due since a day, and can go on another at the earliest."""
    return max(due_on, first_on) if due_on else first_on


# --------------------------------------------------------------------------------- what was missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """What a reader will still be sent of what is out."""

    series: frozenset[str]
    """Of these by a course."""
    posts: frozenset[str]
    """These by the next edition of a digest."""


def find_missed(
    catalog: Catalog, *, since: datetime, received: Collection[str], awaited: Awaited
) -> list[Post]:
    """Return what came out since then and was not sent, and will not be.

    In series order: series by title, each from its first part; loose posts by date after them.
    """
    missed = {
        post.id: post
        for post in catalog.posts
        if Channel.WEB in post.channels
        and post.published_at.astimezone(UTC) >= since
        and post.id not in received
        and post.id not in awaited.posts
        and post.series not in awaited.series
    }
    ordered = [post for series in catalog.series for post in series.posts if post.id in missed]
    placed = {post.id for post in ordered}
    loose = [post for post in missed.values() if post.id not in placed]
    return ordered + sorted(loose, key=lambda post: (post.published_at, post.id))
