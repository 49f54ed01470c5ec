"""What a person's hand on an edition reads and writes: its lock, its standing, its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.editorial.hand import Standing
from publisher.model import DeliveryState, EditionState, Event, HeldReason
from publisher.store import editions as editions_of
from publisher.store import subscribers, trail
from publisher.store.schema import deliveries, editions, events, posts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Transaction


def lock(tx: Transaction, edition_id: int) -> Edition:
    """Return an edition as it is, and keep others from changing it until this transaction ends."""
    tx.execute(sa.select(editions.c.id).where(editions.c.id == edition_id).with_for_update())
    return editions_of.read_one(tx, edition_id)


def read_standing(
    tx: Transaction, edition: Edition, *, needs_approval: bool, now: datetime
) -> Standing:
    """Return how an edition stands, as far as an act of staff depends on it."""
    opened_at = tx.execute(
        sa.select(editions.c.opened_at).where(editions.c.id == edition.id)
    ).scalar_one()
    return Standing(
        state=edition.state,
        reason=edition.reason,
        is_frozen=bool(edition.content_sha256),
        is_opened=opened_at is not None,
        is_due=edition.fire_at <= now,
        needs_approval=needs_approval,
        undecided=_count_undecided(tx, edition),
    )


def _count_undecided(tx: Transaction, edition: Edition) -> int:
    if edition.state is not EditionState.HELD or edition.reason != HeldReason.RESTORED:
        return 0
    query = sa.select(sa.func.count()).where(
        deliveries.c.edition_id == edition.id, deliveries.c.state == DeliveryState.UNCERTAIN
    )
    return int(tx.execute(query).scalar_one())


def note_word(tx: Transaction, edition: Edition, *, by: str, now: datetime) -> None:
    """Record that a person let an edition go at this moment: it is neither late nor old news."""
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id)
        .values(approved_by=by, approved_at=now)
    )


def note(
    tx: Transaction, edition: Edition, verb: str, *, by: str, now: datetime, detail: str = ""
) -> None:
    """Add one line to an edition's history."""
    subscribers.note(tx, by, verb, f"edition:{edition.id}", now=now, detail=detail)


def read_events(tx: Transaction, edition_id: int) -> list[Event]:
    """Return an edition's history, oldest first."""
    rows = tx.execute(
        sa.select(events).where(events.c.subject == f"edition:{edition_id}").order_by(events.c.id)
    )
    return [trail.event(row) for row in rows]


def count_as_sent(tx: Transaction, post_ids: Sequence[str]) -> int:
    """Mark published posts as sent, for every digest; return how many are."""
    marked = tx.execute(
        sa.update(posts).where(posts.c.post_id.in_(post_ids)).values(counts_as_sent=True)
    )
    return marked.rowcount
