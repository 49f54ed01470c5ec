"""Opening: whom an edition goes to, written in batches that may be cut off and gone on with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import EditionState, SubscriberState
from publisher.store import bump_revision
from publisher.store.ledger.ends import receipts_of
from publisher.store.schema import (
    chunks,
    declined_series,
    deliveries,
    editions,
    subscribers,
    subscriptions,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Transaction

CHUNK_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person an edition may go to: what they declined and which of its posts they have."""

    subscriber_id: int
    declined: frozenset[str]
    received: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A delivery about to be written: which letter, and the posts it gives."""

    subscriber_id: int
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


def read_candidates(
    tx: Transaction,
    digest: str,
    post_ids: Sequence[str],
    *,
    rehearsal: bool,
    after: int,
    through: int | None,
    limit: int,
    now: datetime,
) -> list[Candidate]:
    """Return the next people to look at, by id: confirmed, subscribed, not paused or suppressed."""
    chose_any = sa.exists().where(subscriptions.c.subscriber_id == subscribers.c.id)
    chose_this = sa.exists().where(
        subscriptions.c.subscriber_id == subscribers.c.id, subscriptions.c.digest == digest
    )
    suppressed = sa.exists().where(suppressions.c.address_hash == subscribers.c.address_hash)
    query = sa.select(subscribers.c.id).where(
        subscribers.c.id > after,
        subscribers.c.state == SubscriberState.ACTIVE,
        sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= now),
        sa.or_(~chose_any, chose_this),
        ~suppressed,
    )
    if through is not None:
        query = query.where(subscribers.c.id <= through)
    ids = list(tx.scalars(query.order_by(subscribers.c.id).limit(limit)))
    if not ids:
        return []
    declined = _pairs(tx, declined_series.c.series, declined_series, ids[0], ids[-1])
    table = receipts_of(rehearsal=rehearsal)
    received = _pairs(tx, table.c.post_id, table, ids[0], ids[-1], table.c.post_id.in_(post_ids))
    return [
        Candidate(
            subscriber_id=one,
            declined=frozenset(declined[one]),
            received=frozenset(received[one]),
        )
        for one in ids
    ]


def _pairs(
    tx: Transaction, value: Any, table: sa.Table, lo: int, hi: int, *conditions: Any
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = tx.execute(
        sa.select(table.c.subscriber_id, value).where(
            table.c.subscriber_id.between(lo, hi), *conditions
        )
    )
    for subscriber_id, one in rows:
        found[subscriber_id].append(one)
    return found


def add_deliveries(
    tx: Transaction, edition: Edition, rows: Sequence[NewDelivery], *, through: int
) -> None:
    """Write deliveries with their receipts and chunks, and how far the opening has come.

    What another opener wrote meanwhile is not written twice.
    """
    come = tx.execute(
        sa.select(editions.c.audience, editions.c.opened_through)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.READY)
        .with_for_update()
    ).one_or_none()
    if come is None or through <= come.opened_through:
        return
    fresh = [row for row in rows if row.subscriber_id > come.opened_through]
    _insert(tx, deliveries, _delivery_rows(edition, fresh, first=come.audience + 1))
    # A receipt that is there already would be a post given twice: then nothing is written.
    table = receipts_of(rehearsal=edition.rehearsal)
    _insert(tx, table, _receipt_rows(edition, fresh))
    _insert(tx, chunks, _chunk_rows(tx, edition, fresh))
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id)
        .values(opened_through=through, audience=come.audience + len(fresh))
    )


def _insert(tx: Transaction, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(sa.insert(table), rows)


def _delivery_rows(
    edition: Edition, rows: Sequence[NewDelivery], *, first: int
) -> list[dict[str, Any]]:
    return [
        {
            "edition_id": edition.id,
            "subscriber_id": row.subscriber_id,
            "letter_id": row.letter_id,
            "seq": seq,
        }
        for seq, row in enumerate(rows, start=first)
    ]


def _receipt_rows(edition: Edition, rows: Sequence[NewDelivery]) -> list[dict[str, Any]]:
    return [
        {"subscriber_id": row.subscriber_id, "post_id": post_id, "edition_id": edition.id}
        for row in rows
        for post_id in row.post_ids
    ]


def _chunk_rows(
    tx: Transaction, edition: Edition, rows: Sequence[NewDelivery]
) -> list[dict[str, Any]]:
    count = sa.select(sa.func.count()).where(chunks.c.edition_id == edition.id)
    following = tx.execute(count).scalar_one() + 1
    parts = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
    return [
        {
            "edition_id": edition.id,
            "id": number,
            "lo": part[0].subscriber_id,
            "hi": part[-1].subscriber_id,
        }
        for number, part in enumerate(parts, start=following)
    ]


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
