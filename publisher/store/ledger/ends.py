"""Ends: which of them leave a mail unsent, and the receipts those give back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, EditionState
from publisher.store import dialect
from publisher.store.schema import deliveries, editions, letters, receipts_of

if TYPE_CHECKING:
    from publisher.store import Transaction

WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED)
"""Rows that are not on the wire and were never stored by the remote."""
UNSENT = (
    DeliveryState.REJECTED,
    DeliveryState.SUPPRESSED,
    DeliveryState.EXPIRED,
    DeliveryState.CANCELLED,
)
"""The ends that leave a mail unsent: they give the receipt back."""
_ENDS = {
    EditionState.CANCELLED: DeliveryState.CANCELLED,
    EditionState.SENT: DeliveryState.EXPIRED,
    EditionState.PARTIAL: DeliveryState.EXPIRED,
}


def row_of(edition_id: int, subscriber_id: int) -> sa.ColumnElement[bool]:
    """Match one delivery."""
    return sa.and_(
        deliveries.c.edition_id == edition_id, deliveries.c.subscriber_id == subscriber_id
    )


def give_back(tx: Transaction, edition_id: int, subscriber_id: int, *, rehearsal: bool) -> None:
    """Delete the receipts of one delivery: this reader does not have its posts."""
    table = receipts_of(rehearsal=rehearsal)
    tx.execute(
        sa.delete(table).where(
            table.c.subscriber_id == subscriber_id, table.c.edition_id == edition_id
        )
    )


def give_again(tx: Transaction, edition_id: int, subscriber_id: int, *, rehearsal: bool) -> None:
    """Write the receipts of one delivery anew: what was thought unsent had been accepted."""
    listed = tx.execute(
        sa.select(letters.c.post_ids)
        .join(
            deliveries,
            sa.and_(
                deliveries.c.edition_id == letters.c.edition_id,
                deliveries.c.letter_id == letters.c.id,
            ),
        )
        .where(row_of(edition_id, subscriber_id))
    ).scalar()
    rows = [
        {"subscriber_id": subscriber_id, "post_id": post_id, "edition_id": edition_id}
        for post_id in json.loads(listed or "[]")
    ]
    dialect.insert_new(tx, receipts_of(rehearsal=rehearsal), rows)


def end_if_over(tx: Transaction, edition_id: int, subscriber_id: int) -> None:
    """End a delivery that waits in an edition that ended meanwhile: nothing else would."""
    over = tx.execute(
        sa.select(editions.c.state, editions.c.rehearsal).where(
            editions.c.id == edition_id, editions.c.state.in_(_ENDS)
        )
    ).one_or_none()
    if over is None:
        return
    ended = tx.execute(
        sa.update(deliveries)
        .where(row_of(edition_id, subscriber_id), deliveries.c.state.in_(WAITING))
        .values(
            state=_ENDS[EditionState(over.state)],
            reply="the edition ended while this mail was on the wire",
            next_attempt_at=None,
        )
    )
    if ended.rowcount:
        give_back(tx, edition_id, subscriber_id, rehearsal=over.rehearsal)
