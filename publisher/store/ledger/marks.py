"""Marks: people grouped by what they lack of an edition, each group by a code of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from typing_extensions import override

from publisher.model import CourseMark, SubscriberState
from publisher.store.schema import (
    course_marks,
    courses,
    declined_series,
    receipts_of,
    staff,
    subscribers,
    subscriptions,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from publisher.store import Transaction

_MARKED, _UNMARKED = sa.literal_column("'1'", sa.Text), sa.literal_column("'0'", sa.Text)
_EMPTY, _COLON = sa.literal_column("''", sa.Text), sa.literal_column("':'", sa.Text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who are alike in what they chose and have of an edition's posts."""

    code: str
    """Theirs in this batch, to name them by."""
    declined: frozenset[str] = frozenset()
    on_course: frozenset[str] = frozenset()
    """The series that come to them part by part."""
    received: frozenset[str]
    """For a course: what they have and do not want again, and what they skipped."""
    pace: str = ""
    """Of their course."""
    people: int


class Marks:
    """Marks for series a person declined or is on a course of, and posts they have: 0 or 1."""

    def __init__(
        self,
        posts: Sequence[tuple[str, str]],
        *,
        rehearsal: bool,
        span: tuple[int, int] | None = None,
        on_course: Iterable[str] = (),
    ) -> None:
        self._series = list(dict.fromkeys(series for _, series in posts if series))
        self._on_course = list(on_course)
        self._posts = [post_id for post_id, _ in posts]
        self._rehearsal = rehearsal
        self._span = span

    def is_in_span(self, subscriber_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """Match the people after the first and through the second of the span; or everybody."""
        if self._span is None:
            return sa.true()
        return sa.and_(subscriber_id > self._span[0], subscriber_id <= self._span[1])

    def has_row(self, subscriber_id: sa.ColumnElement[int], *conditions: Any) -> sa.Exists:
        """Match a person of whom another table has such a row."""
        # The span again, for PostgreSQL, which likes to read a table whole and once.
        near = self.is_in_span(subscriber_id)
        return sa.exists().where(subscriber_id == subscribers.c.id, near, *conditions)

    def code(self) -> sa.ColumnElement[str]:
        """Return the marks of one person, one after another."""
        declined = declined_series.c
        rows: list[sa.ColumnElement[bool]] = [
            self.has_row(declined.subscriber_id, declined.series == one) for one in self._series
        ]
        rows += [
            self.has_row(
                courses.c.subscriber_id,
                courses.c.series == one,
                is_running(rehearsal=self._rehearsal),
            )
            for one in self._on_course
        ]
        return _joined(rows + [self._has(one) for one in self._posts])

    def _has(self, post_id: str) -> sa.ColumnElement[bool]:
        received = receipts_of(rehearsal=self._rehearsal).c
        return self.has_row(received.subscriber_id, received.post_id == post_id)

    def read(self, code: str, people: int) -> Group:
        """Return what the marks of a group say."""
        series, coming = len(self._series), len(self._series) + len(self._on_course)
        return Group(
            code=code,
            declined=frozenset(_marked(self._series, code[:series])),
            on_course=frozenset(_marked(self._on_course, code[series:coming])),
            received=frozenset(_marked(self._posts, code[coming:])),
            people=people,
        )


class CourseMarks(Marks):
    """The same for the parts of a course: what its reader need not be sent, and the pace."""

    def __init__(
        self,
        tx: Transaction,
        post_ids: Sequence[str],
        *,
        rehearsal: bool,
        span: tuple[int, int] | None = None,
    ) -> None:
        super().__init__([(one, "") for one in post_ids], rehearsal=rehearsal, span=span)
        self._wishes = self._read_wishes(tx)

    def _read_wishes(self, tx: Transaction) -> frozenset[tuple[str, str]]:
        """Return which parts anybody here skipped or wants again: most are neither, and not asked for."""
        marked = course_marks.c
        rows = tx.execute(
            sa.select(marked.post_id, marked.mark)
            .where(self.is_in_span(marked.subscriber_id), marked.rehearsal == self._rehearsal)
            .distinct()
        )
        return frozenset((row.post_id, row.mark) for row in rows)

    @override
    def code(self) -> sa.ColumnElement[str]:
        marks = [self._is_done(one) for one in self._posts]
        return _joined(marks).concat(_COLON).concat(courses.c.pace)

    def _is_done(self, post_id: str) -> sa.ColumnElement[bool]:
        def marked(mark: CourseMark) -> sa.Exists:
            return self.has_row(
                course_marks.c.subscriber_id,
                course_marks.c.post_id == post_id,
                course_marks.c.rehearsal == self._rehearsal,
                course_marks.c.mark == mark,
            )

        done: sa.ColumnElement[bool] = self._has(post_id)
        if (post_id, CourseMark.AGAIN) in self._wishes:
            done = sa.and_(done, ~marked(CourseMark.AGAIN))
        if (post_id, CourseMark.SKIPPED) in self._wishes:
            done = sa.or_(done, marked(CourseMark.SKIPPED))
        return done

    @override
    def read(self, code: str, people: int) -> Group:
        marks, _, pace = code.partition(":")
        received = frozenset(_marked(self._posts, marks))
        return Group(code=code, received=received, pace=pace, people=people)


def _joined(conditions: Sequence[sa.ColumnElement[bool]]) -> sa.ColumnElement[str]:
    marks = [sa.case((one, _MARKED), else_=_UNMARKED) for one in conditions]
    return reduce(sa.ColumnElement[str].concat, marks, _EMPTY)


def _marked(names: Sequence[str], marks: str) -> list[str]:
    return [name for name, mark in zip(names, marks, strict=True) if mark == "1"]


# ------------------------------------------------------------------------------------------ people


def people_of(digest: str, marks: Marks, *, trial: bool = False, now: datetime) -> sa.Select[Any]:
    """Select everybody an edition may go to: confirmed, subscribed, not away or suppressed.

    In a trial, of these only who is staff.
    """
    chose = subscriptions.c
    chose_any = marks.has_row(chose.subscriber_id)
    chose_this = marks.has_row(chose.subscriber_id, chose.digest == digest)
    return sa.select(subscribers.c.id, marks.code().label("code")).where(
        marks.is_in_span(subscribers.c.id),
        *_may_be_mailed(now, trial=trial),
        sa.or_(~chose_any, chose_this),
    )


def people_on_course(
    series: str, marks: CourseMarks, *, rehearsal: bool, trial: bool, on: date, now: datetime
) -> sa.Select[Any]:
    """Select whose turn it is in a course: due by that day, and nobody who left the series out."""
    declined = declined_series.c
    return (
        sa.select(subscribers.c.id, marks.code().label("code"))
        .join(courses, courses.c.subscriber_id == subscribers.c.id)
        .where(
            is_due(series, rehearsal=rehearsal, on=on),
            marks.is_in_span(courses.c.subscriber_id),
            marks.is_in_span(subscribers.c.id),
            *_may_be_mailed(now, trial=trial),
            ~marks.has_row(declined.subscriber_id, declined.series == series),
        )
    )


def is_staff(address_key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Match an address that belongs to an account of the staff."""
    accounts = staff.alias()  # a query may be about accounts itself
    return sa.exists().where(accounts.c.address_key == address_key)


def _may_be_mailed(now: datetime, *, trial: bool) -> tuple[sa.ColumnElement[bool], ...]:
    is_here = sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= now)
    return (*on_the_list(trial=trial), is_here)


def on_the_list(*, trial: bool) -> tuple[sa.ColumnElement[bool], ...]:
    """Match the people who confirmed, did not leave and are not suppressed; they may be away."""
    suppressed = sa.exists().where(suppressions.c.address_hash == subscribers.c.address_hash)
    return (
        subscribers.c.state == SubscriberState.ACTIVE,
        # A case is asked of each person, by the index. As a join PostgreSQL, which knows nothing of
        # tables that were filled a minute ago, would read all suppressions for each of them.
        sa.case((suppressed, sa.false()), else_=sa.true()),
        *((is_staff(subscribers.c.address_key),) if trial else ()),
    )


# ----------------------------------------------------------------------------------------- courses


def due_column(*, rehearsal: bool) -> sa.Column[Any]:
    """Return the column of the day on which a course's next part may go, live or rehearsed."""
    return courses.c.rehearsed_due_on if rehearsal else courses.c.next_due_on


def is_running(*, rehearsal: bool) -> sa.ColumnElement[bool]:
    """Match a course that is neither stopped nor over."""
    return sa.and_(courses.c.ended_at.is_(None), due_column(rehearsal=rehearsal).is_not(None))


def is_due(series: str, *, rehearsal: bool, on: date) -> sa.ColumnElement[bool]:
    """Match the courses of a series whose next part may go on a day."""
    return sa.and_(
        courses.c.series == series,
        courses.c.ended_at.is_(None),
        due_column(rehearsal=rehearsal) <= on,
    )


def series_on_course(
    tx: Transaction, posts: Sequence[tuple[str, str]], *, rehearsal: bool
) -> list[str]:
    """Return which series of these posts, (id, series), somebody is on a course of."""
    running = sa.select(sa.literal(1)).where(is_running(rehearsal=rehearsal)).limit(1)
    return [
        one
        for one in dict.fromkeys(series for _, series in posts if series)
        if tx.execute(running.where(courses.c.series == one)).first()
    ]
