"""One reader's courses: begun, paced, skipped in, begun again, stopped; live and rehearsed alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Course, CourseMark
from publisher.store import dialect
from publisher.store.ledger.marks import due_column
from publisher.store.schema import (
    course_marks,
    courses,
    declined_series,
    receipts_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from publisher.store import Transaction

KINDS = (False, True)
"""Live and rehearsed: what a reader wishes is true of both."""


def read_all(tx: Transaction, subscriber_id: int, *, rehearsal: bool) -> dict[str, Course]:
    """Return a reader's courses by series, stopped and finished ones too."""
    rows = tx.execute(
        sa.select(courses, due_column(rehearsal=rehearsal).label("due_on"))
        .where(courses.c.subscriber_id == subscriber_id)
        .order_by(courses.c.series)
    )
    return {
        row.series: Course(
            series=row.series,
            pace=row.pace,
            started_on=row.started_on,
            due_on=row.due_on,
            ended_at=row.ended_at,
        )
        for row in rows
    }


def read_one(
    tx: Transaction, subscriber_id: int, series: str, *, rehearsal: bool
) -> Course | None:
    """Return a reader's course of a series."""
    return read_all(tx, subscriber_id, rehearsal=rehearsal).get(series)


def write(
    tx: Transaction,
    subscriber_id: int,
    course: Course,
    due_on: Mapping[bool, date | None],
) -> None:
    """Write a course, with the day of its next part rehearsed and live (``KINDS``)."""
    row: dict[str, Any] = {
        "subscriber_id": subscriber_id,
        "series": course.series,
        "pace": course.pace,
        "started_on": course.started_on,
        "ended_at": course.ended_at,
    }
    row |= {due_column(rehearsal=kind).name: due_on[kind] for kind in KINDS}
    dialect.upsert(tx, courses, [row])


def stop(tx: Transaction, subscriber_id: int, series: str, *, now: datetime) -> bool:
    """Stop a course; its place is kept. Return whether it ran."""
    stopped = tx.execute(
        sa.update(courses)
        .where(
            courses.c.subscriber_id == subscriber_id,
            courses.c.series == series,
            courses.c.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    return stopped.rowcount == 1


def read_done(
    tx: Transaction, subscriber_id: int, post_ids: Sequence[str], *, rehearsal: bool
) -> frozenset[str]:
    """Return which of these posts a course passes over: had and not wanted again, or skipped."""
    received = read_received(tx, subscriber_id, rehearsal=rehearsal) & set(post_ids)
    rows = tx.execute(
        sa.select(course_marks.c.post_id, course_marks.c.mark).where(
            course_marks.c.subscriber_id == subscriber_id,
            course_marks.c.rehearsal == rehearsal,
            course_marks.c.post_id.in_(post_ids),
        )
    )
    marks = {row.post_id: CourseMark(row.mark) for row in rows}
    again = {one for one, mark in marks.items() if mark is CourseMark.AGAIN}
    return frozenset((received - again) | (marks.keys() - again))


def read_received(tx: Transaction, subscriber_id: int, *, rehearsal: bool) -> frozenset[str]:
    """Return every post a reader has."""
    receipts = receipts_of(rehearsal=rehearsal)
    mine = sa.select(receipts.c.post_id).where(receipts.c.subscriber_id == subscriber_id)
    return frozenset(tx.scalars(mine))


def skip(tx: Transaction, subscriber_id: int, post_id: str) -> None:
    """Note that a part is not to be sent."""
    rows = [
        {
            "subscriber_id": subscriber_id,
            "post_id": post_id,
            "rehearsal": kind,
            "mark": CourseMark.SKIPPED,
        }
        for kind in KINDS
    ]
    dialect.upsert(tx, course_marks, rows)


def ask_again(tx: Transaction, subscriber_id: int, post_ids: Sequence[str]) -> None:
    """Note that these parts are wanted from the beginning: what was had again, nothing skipped.

    Receipts stay until the part goes again: no digest takes it for new meanwhile.
    """
    mine = (course_marks.c.subscriber_id == subscriber_id, course_marks.c.post_id.in_(post_ids))
    tx.execute(sa.delete(course_marks).where(*mine))
    for kind in KINDS:
        received = read_received(tx, subscriber_id, rehearsal=kind)
        rows = [
            {
                "subscriber_id": subscriber_id,
                "post_id": one,
                "rehearsal": kind,
                "mark": CourseMark.AGAIN,
            }
            for one in post_ids
            if one in received
        ]
        dialect.insert_new(tx, course_marks, rows)


def take_up(tx: Transaction, subscriber_id: int, series: str) -> bool:
    """No longer leave a series out; return whether it was left out."""
    removed = tx.execute(
        sa.delete(declined_series).where(
            declined_series.c.subscriber_id == subscriber_id, declined_series.c.series == series
        )
    )
    return removed.rowcount == 1
