"""Closing: counts and reasons, and the end of an edition's deliveries and of the edition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, EditionState
from publisher.store.ledger.ends import WAITING
from publisher.store.schema import (
    attempts,
    chunks,
    deliveries,
    editions,
    receipts_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Transaction

_WITHOUT_REASON = (DeliveryState.ACCEPTED, DeliveryState.PENDING, DeliveryState.INFLIGHT)


def read_counts(tx: Transaction, edition_id: int) -> dict[DeliveryState, int]:
    """Return how many deliveries of an edition are in each state."""
    # In one pass: to group them, a database sorts them first.
    states = tuple(DeliveryState)
    counted = (sa.func.count().filter(deliveries.c.state == state) for state in states)
    row = tx.execute(sa.select(*counted).where(deliveries.c.edition_id == edition_id)).one()
    return dict(zip(states, row, strict=True))


def read_reasons(
    tx: Transaction, edition_id: int, counts: Mapping[DeliveryState, int]
) -> list[tuple[DeliveryState, str, int]]:
    """Return why deliveries were not accepted, the most frequent first: state, reason, how many.

    ``counts`` are the edition's: where none of its deliveries has a reason, none is looked at.
    """
    if not any(counts[state] for state in DeliveryState if state not in _WITHOUT_REASON):
        return []
    reason = sa.func.coalesce(deliveries.c.reply, "")
    rows = tx.execute(
        sa.select(deliveries.c.state, reason, sa.func.count())
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.state.not_in(_WITHOUT_REASON),
        )
        .group_by(deliveries.c.state, reason)
        .order_by(sa.func.count().desc(), deliveries.c.state, reason)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def count_uncertain(tx: Transaction, edition_id: int) -> int:
    """Return how many attempts ended without a reply: each may have reached its reader."""
    return int(
        tx.execute(
            sa.select(sa.func.count())
            .select_from(attempts)
            .where(attempts.c.edition_id == edition_id, attempts.c.outcome == "uncertain")
        ).scalar_one()
    )


def count_begun(tx: Transaction, *, since: datetime) -> int:
    """Return how many mails of real editions began for the first time since then."""
    counted = sa.select(sa.func.count()).where(
        deliveries.c.first_attempt_at >= since,
        deliveries.c.edition_id.in_(sa.select(editions.c.id).where(~editions.c.rehearsal)),
    )
    return int(tx.execute(counted).scalar_one())


def end_open(tx: Transaction, edition: Edition, state: DeliveryState, reason: str) -> int:
    """End every delivery that waits, as expired or cancelled; return how many.

    What is on the wire ends as the remote says. What is uncertain may have arrived: it stays so.
    """
    waiting = (deliveries.c.edition_id == edition.id, deliveries.c.state.in_(WAITING))
    table = receipts_of(rehearsal=edition.rehearsal)
    tx.execute(
        sa.delete(table).where(
            table.c.edition_id == edition.id,
            table.c.subscriber_id.in_(sa.select(deliveries.c.subscriber_id).where(*waiting)),
        )
    )
    ended = tx.execute(
        sa.update(deliveries)
        .where(*waiting)
        .values(state=state, reply=reason, next_attempt_at=None)
    )
    return ended.rowcount


def close(
    tx: Transaction, edition: Edition, *, resend: bool, now: datetime
) -> EditionState | None:
    """Close a sending edition whose rows are all at their end and balance with its audience.

    Never inferred from an empty query: the rows are counted. ``partial`` where some are uncertain
    or expired.
    """
    counts = read_counts(tx, edition.id)
    open_states = [*WAITING, DeliveryState.INFLIGHT]
    if resend:
        open_states.append(DeliveryState.UNCERTAIN)
    if any(counts[state] for state in open_states):
        _find_work(tx, edition, open_states)
        return None
    left = counts[DeliveryState.UNCERTAIN] + counts[DeliveryState.EXPIRED]
    state = EditionState.PARTIAL if left else EditionState.SENT
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.state == EditionState.SENDING,
            editions.c.audience == sum(counts.values()),
        )
        .values(state=state, closed_at=now, version=editions.c.version + 1)
    )
    return state if changed.rowcount == 1 else None


def _find_work(tx: Transaction, edition: Edition, open_states: list[DeliveryState]) -> None:
    """Let the chunks of open rows be claimed, where every chunk was done.

    They open again by a late fact, or by a change of ``mail.uncertain`` to resend.
    """
    mine = chunks.c.edition_id == edition.id
    if tx.execute(sa.select(chunks.c.id).where(mine, chunks.c.state != "done").limit(1)).first():
        return
    holds_open = sa.exists().where(
        deliveries.c.edition_id == edition.id,
        deliveries.c.subscriber_id.between(chunks.c.lo, chunks.c.hi),
        deliveries.c.state.in_(open_states),
    )
    tx.execute(sa.update(chunks).where(mine, holds_open).values(state="ready", not_before=None))
