"""Opening: whom an edition goes to, written in batches that may be cut off and gone on with.

The database groups people by what they lack, a letter is chosen for each group, and the database
writes the rows: nobody's row passes through this process, so a million take no more memory than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import CourseMark, EditionState
from publisher.store import bump_revision, dialect
from publisher.store.ledger.marks import Group, Marks, people_of, series_on_course
from publisher.store.schema import (
    BIG,
    chunks,
    course_marks,
    deliveries,
    editions,
    receipts_of,
    subscribers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Transaction

CHUNK_ROWS = 1_000

people = dialect.scratch_table(
    "opening_people",
    sa.Column("subscriber_id", BIG, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
)
_letters = dialect.scratch_table(
    "opening_letters",
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("letter_id", sa.Integer, nullable=False),
)
_contents = dialect.scratch_table(
    "opening_contents",
    sa.Column("letter_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("post_id", sa.Text, primary_key=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The next people of an opening, in groups."""

    after: int
    """The last person looked at before, by id."""
    through: int
    """The last of these."""
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What a group gets: which letter, and the posts it gives."""

    letter_id: int
    post_ids: tuple[str, ...]


def begin_opening(tx: Transaction, edition: Edition, *, now: datetime) -> bool:
    """Fix whom an edition may go to: those on the list at this moment; state ``ready``.

    Its page is public from now on. False where the edition is no longer as ``edition`` says.
    """
    newest = tx.execute(sa.select(sa.func.max(subscribers.c.id))).scalar() or 0
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.version == edition.version,
            editions.c.state == EditionState.SCHEDULED,
        )
        .values(
            state=EditionState.READY,
            version=editions.c.version + 1,
            snapshot_id=newest,
            opened_at=now,
        )
    )
    if changed.rowcount:
        bump_revision(tx)
    return changed.rowcount == 1


def opening_range(tx: Transaction, edition: Edition) -> tuple[int, int]:
    """Return how far an opening has come and where it ends, as subscriber ids."""
    row = tx.execute(
        sa.select(editions.c.opened_through, editions.c.snapshot_id).where(
            editions.c.id == edition.id
        )
    ).one()
    return int(row.opened_through), int(row.snapshot_id or 0)


# ------------------------------------------------------------------------------------------ groups


def count_groups(
    tx: Transaction,
    digest: str,
    posts: Sequence[tuple[str, str]],
    *,
    rehearsal: bool,
    trial: bool = False,
    now: datetime,
) -> list[Group]:
    """Group everybody an edition of these posts, (id, series), would be for; in a trial, of staff."""
    on_course = series_on_course(tx, posts, rehearsal=rehearsal)
    marks = Marks(posts, rehearsal=rehearsal, on_course=on_course)
    found = people_of(digest, marks, trial=trial, now=now).subquery()
    rows = tx.execute(
        sa.select(found.c.code, sa.func.count())
        .group_by(found.c.code)
        .order_by(sa.func.min(found.c.id))
    )
    return [marks.read(code, number) for code, number in rows]


def gather(
    tx: Transaction,
    edition: Edition,
    posts: Sequence[tuple[str, str]],
    *,
    limit: int,
    now: datetime,
) -> Batch | None:
    """Group the next so many people on the list, for ``add_deliveries`` in this transaction.

    People who are pending, away, suppressed or of another digest are in no group. None where
    nobody is left.
    """
    after, last = opening_range(tx, edition)
    through = _last_of(tx, after, last, limit)
    if not through:
        return None
    marks = Marks(
        posts,
        rehearsal=edition.rehearsal,
        span=(after, through),
        on_course=series_on_course(tx, posts, rehearsal=edition.rehearsal),
    )
    keep_people(tx, people_of(edition.digest, marks, trial=edition.trial, now=now))
    groups = tuple(marks.read(code, number) for code, number in group_people(tx))
    return Batch(after=after, through=through, groups=groups)


def keep_people(tx: Transaction, chosen: sa.Select[Any]) -> None:
    """Keep the people of a batch, (id, code), for the rest of this transaction."""
    dialect.clear_scratch(tx, people, _letters, _contents)
    tx.execute(sa.insert(people).from_select(["subscriber_id", "code"], chosen))


def group_people(tx: Transaction) -> list[tuple[str, int]]:
    """Return how many people of the batch have each code."""
    rows = tx.execute(
        sa.select(people.c.code, sa.func.count())
        .group_by(people.c.code)
        .order_by(sa.func.min(people.c.subscriber_id))
    )
    return [(row[0], row[1]) for row in rows]


def _last_of(tx: Transaction, after: int, last: int, limit: int) -> int:
    """Return the id of the last of the next people, whatever their state; 0 where there are none."""
    following = (
        sa.select(subscribers.c.id)
        .where(subscribers.c.id > after, subscribers.c.id <= last)
        .order_by(subscribers.c.id)
        .limit(limit)
        .subquery()
    )
    return tx.execute(sa.select(sa.func.max(following.c.id))).scalar() or 0


def read_received(
    tx: Transaction, subscriber_id: int, post_ids: Sequence[str], *, rehearsal: bool
) -> frozenset[str]:
    """Return which of these posts one person has."""
    receipts = receipts_of(rehearsal=rehearsal)
    rows = tx.execute(
        sa.select(receipts.c.post_id).where(
            receipts.c.subscriber_id == subscriber_id, receipts.c.post_id.in_(post_ids)
        )
    )
    return frozenset(rows.scalars())


# -------------------------------------------------------------------------------------------- rows


def add_deliveries(
    tx: Transaction, edition: Edition, batch: Batch, lots: Mapping[str, Lot]
) -> None:
    """Write the deliveries of a batch with their receipts and chunks, and how far it has come.

    ``lots`` says what each group gets, by its code; a group without one gets nothing. Nothing is
    written where the edition is not being opened, or this batch is written already.
    """
    mine = editions.c.id == edition.id
    before = tx.execute(
        sa.update(editions)
        .where(
            mine,
            editions.c.state == EditionState.READY,
            editions.c.opened_through == batch.after,
        )
        .values(opened_through=batch.through)
        .returning(editions.c.audience)
    ).scalar()
    if before is None or not lots:
        return
    _keep_lots(tx, lots)
    count = _insert_deliveries(tx, edition, before)
    if edition.is_course:
        _take_back(tx, edition)
    # A receipt that is there already would be a post given twice: then nothing is written.
    _insert_receipts(tx, edition)
    _insert_chunks(tx, edition, batch, before)
    tx.execute(sa.update(editions).where(mine).values(audience=before + count))


def _keep_lots(tx: Transaction, lots: Mapping[str, Lot]) -> None:
    letters = [{"code": code, "letter_id": lot.letter_id} for code, lot in lots.items()]
    contents = {lot.letter_id: lot.post_ids for lot in lots.values()}
    tx.execute(sa.insert(_letters), letters)
    rows = [
        {"letter_id": letter_id, "post_id": post_id}
        for letter_id, post_ids in contents.items()
        for post_id in post_ids
    ]
    if rows:  # a correction gives no post
        tx.execute(sa.insert(_contents), rows)


def _insert_deliveries(tx: Transaction, edition: Edition, before: int) -> int:
    number = sa.func.row_number().over(order_by=people.c.subscriber_id)
    rows = (
        sa.select(
            sa.literal(edition.id), people.c.subscriber_id, number + before, _letters.c.letter_id
        )
        .join(_letters, _letters.c.code == people.c.code)
        .order_by(people.c.subscriber_id)
    )
    columns = ["edition_id", "subscriber_id", "seq", "letter_id"]
    return dialect.insert_selected(tx, deliveries, columns, rows)


def _take_back(tx: Transaction, edition: Edition) -> None:
    """Take back the receipts of parts that their readers asked for again: new ones take their place."""
    receipts = receipts_of(rehearsal=edition.rehearsal)
    asked = (
        sa.select(people.c.subscriber_id, _contents.c.post_id)
        .join(_letters, _letters.c.code == people.c.code)
        .join(_contents, _contents.c.letter_id == _letters.c.letter_id)
        .join(
            course_marks,
            sa.and_(
                course_marks.c.subscriber_id == people.c.subscriber_id,
                course_marks.c.post_id == _contents.c.post_id,
            ),
        )
        .where(
            course_marks.c.rehearsal == edition.rehearsal, course_marks.c.mark == CourseMark.AGAIN
        )
    )
    again = sa.tuple_(receipts.c.subscriber_id, receipts.c.post_id).in_(asked)
    tx.execute(sa.delete(receipts).where(again))
    given = (
        sa.select(people.c.subscriber_id, _contents.c.post_id)
        .join(_letters, _letters.c.code == people.c.code)
        .join(_contents, _contents.c.letter_id == _letters.c.letter_id)
    )
    tx.execute(
        sa.delete(course_marks).where(
            sa.tuple_(course_marks.c.subscriber_id, course_marks.c.post_id).in_(given),
            course_marks.c.rehearsal == edition.rehearsal,
        )
    )


def _insert_receipts(tx: Transaction, edition: Edition) -> None:
    rows = (
        sa.select(people.c.subscriber_id, _contents.c.post_id, sa.literal(edition.id))
        .join(_letters, _letters.c.code == people.c.code)
        .join(_contents, _contents.c.letter_id == _letters.c.letter_id)
        .order_by(people.c.subscriber_id, _contents.c.post_id)
    )
    columns = ["subscriber_id", "post_id", "edition_id"]
    dialect.insert_selected(tx, receipts_of(rehearsal=edition.rehearsal), columns, rows)


def _insert_chunks(tx: Transaction, edition: Edition, batch: Batch, before: int) -> None:
    count = sa.select(sa.func.count()).where(chunks.c.edition_id == edition.id)
    following = tx.execute(count).scalar_one() + 1
    one = deliveries.c
    number = (one.seq - before - 1) // CHUNK_ROWS
    rows = (
        sa.select(
            sa.literal(edition.id),
            number + following,
            sa.func.min(one.subscriber_id),
            sa.func.max(one.subscriber_id),
        )
        .where(
            one.edition_id == edition.id,
            one.subscriber_id > batch.after,
            one.subscriber_id <= batch.through,
        )
        .group_by(number)
    )
    dialect.insert_selected(tx, chunks, ["edition_id", "id", "lo", "hi"], rows)


def finish_opening(tx: Transaction, edition: Edition) -> bool:
    """Let an edition be sent once its rows equal its audience; return whether it may be."""
    rows = (
        sa.select(sa.func.count())
        .select_from(deliveries)
        .where(deliveries.c.edition_id == edition.id)
        .scalar_subquery()
    )
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.state == EditionState.READY,
            editions.c.audience == rows,
        )
        .values(state=EditionState.SENDING, version=editions.c.version + 1)
    )
    return changed.rowcount == 1
