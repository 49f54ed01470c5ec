"""Turns: whose turn it is in a course, in groups and batches, and the day of the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store import dialect
from publisher.store.ledger.marks import (
    CourseMarks,
    Group,
    due_column,
    is_due,
    people_on_course,
)
from publisher.store.ledger.opening import Batch, group_people, keep_people, people
from publisher.store.schema import courses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from publisher.store import Transaction

_moves = dialect.scratch_table(
    "course_moves",
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The courses of one series that are due by a day."""

    series: str
    post_ids: tuple[str, ...]
    """The parts that can be sent, in order."""
    rehearsal: bool
    trial: bool
    """Whether they are those of staff alone."""
    on: date
    now: datetime


def due_series(tx: Transaction, *, rehearsal: bool, on: date) -> list[str]:
    """Return the series of which some course is due by a day."""
    rows = tx.scalars(
        sa.select(courses.c.series)
        .where(courses.c.ended_at.is_(None), due_column(rehearsal=rehearsal) <= on)
        .distinct()
        .order_by(courses.c.series)
    )
    return list(rows)


def count_turns(tx: Transaction, turns: Turns) -> list[Group]:
    """Group everybody whose turn it is."""
    marks = CourseMarks(tx, turns.post_ids, rehearsal=turns.rehearsal)
    found = _select(turns, marks).subquery()
    rows = tx.execute(
        sa.select(found.c.code, sa.func.count())
        .group_by(found.c.code)
        .order_by(sa.func.min(found.c.id))
    )
    return [marks.read(code, number) for code, number in rows]


def gather_turns(
    tx: Transaction, turns: Turns, *, after: int, last: int | None, limit: int
) -> Batch | None:
    """Group the next so many people whose turn it is, by id; None where nobody is left.

    They are what ``add_deliveries`` and ``set_due`` of this transaction are about.
    """
    following = (
        sa.select(courses.c.subscriber_id)
        .where(
            is_due(turns.series, rehearsal=turns.rehearsal, on=turns.on),
            courses.c.subscriber_id > after,
            courses.c.subscriber_id <= last if last is not None else sa.true(),
        )
        .order_by(courses.c.subscriber_id)
        .limit(limit)
        .subquery()
    )
    through = tx.execute(sa.select(sa.func.max(following.c.subscriber_id))).scalar() or 0
    if not through:
        return None
    marks = CourseMarks(tx, turns.post_ids, rehearsal=turns.rehearsal, span=(after, through))
    keep_people(tx, _select(turns, marks))
    groups = tuple(marks.read(code, number) for code, number in group_people(tx))
    return Batch(after=after, through=through, groups=groups)


def _select(turns: Turns, marks: CourseMarks) -> sa.Select[tuple[int, str]]:
    return people_on_course(
        turns.series,
        marks,
        rehearsal=turns.rehearsal,
        trial=turns.trial,
        on=turns.on,
        now=turns.now,
    )


def move_courses(tx: Transaction, before: str, after: str) -> None:
    """Let the courses of a series go on as those of another, which is the same one, moved."""
    there = sa.select(courses.c.subscriber_id).where(courses.c.series == after)
    tx.execute(
        sa.update(courses)
        .where(courses.c.series == before, courses.c.subscriber_id.not_in(there))
        .values(series=after)
    )
    tx.execute(sa.delete(courses).where(courses.c.series == before))


def set_due(tx: Transaction, turns: Turns, due: Mapping[str, date | None]) -> None:
    """Set the day of the next part, by the code of each group; none where its course is over."""
    days = list(dict.fromkeys(due.values()))
    dialect.clear_scratch(tx, _moves)
    rows = [{"code": code, "day": days.index(day)} for code, day in due.items()]
    if rows:
        tx.execute(sa.insert(_moves), rows)
    for number, day in enumerate(days):
        whose = (
            sa.select(people.c.subscriber_id)
            .join(_moves, _moves.c.code == people.c.code)
            .where(_moves.c.day == number)
        )
        tx.execute(
            sa.update(courses)
            .where(courses.c.series == turns.series, courses.c.subscriber_id.in_(whose))
            .values({due_column(rehearsal=turns.rehearsal).name: day})
        )
