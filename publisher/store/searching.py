"""Searching people: by a piece of their address, and what one of them was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import Address, DeliveryState, Subscriber, SubscriberState
from publisher.store.schema import consents, deliveries, editions, subscribers, suppressions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.store import Transaction


def find_people(tx: Transaction, piece: str, *, limit: int, after: int = 0) -> list[Subscriber]:
    """Return people whose address has this piece, by id; the newest first where it is empty."""
    query = sa.select(subscribers).limit(limit)
    if piece:
        key = subscribers.c.address_key
        query = query.where(key.contains(piece.casefold(), autoescape=True))
    if after:
        query = query.where(subscribers.c.id < after)
    rows = tx.execute(query.order_by(subscribers.c.id.desc())).all()
    return [
        Subscriber(
            id=row.id,
            address=Address(typed=row.address, key=row.address_key),
            state=SubscriberState(row.state),
            subscribed_at=row.subscribed_at,
            confirmed_at=row.confirmed_at,
            source=row.source,
            discreet=row.discreet,
        )
        for row in rows
    ]


def count_by_state(tx: Transaction) -> Mapping[SubscriberState, int]:
    """Return how many people are in each state."""
    rows = tx.execute(
        sa.select(subscribers.c.state, sa.func.count()).group_by(subscribers.c.state)
    )
    found = {row[0]: int(row[1]) for row in rows}
    return {state: found.get(state, 0) for state in SubscriberState}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One letter to one person."""

    edition_id: int
    name: str
    subject: str
    at: datetime
    state: DeliveryState
    reply: str
    letter_id: int


def read_sent(tx: Transaction, subscriber_id: int, *, limit: int) -> list[Sent]:
    """Return what one person was sent, the newest first."""
    newest = sa.select(editions.c.id).order_by(editions.c.id.desc()).limit(500)
    rows = tx.execute(
        sa.select(
            deliveries.c.edition_id,
            editions.c.digest,
            editions.c.number,
            editions.c.subject,
            editions.c.fire_at,
            deliveries.c.first_attempt_at,
            deliveries.c.state,
            deliveries.c.reply,
            deliveries.c.letter_id,
        )
        .join(editions, editions.c.id == deliveries.c.edition_id)
        # By the key of a delivery, which begins with its edition.
        .where(deliveries.c.edition_id.in_(newest), deliveries.c.subscriber_id == subscriber_id)
        .order_by(deliveries.c.edition_id.desc())
        .limit(limit)
    )
    return [
        Sent(
            edition_id=row.edition_id,
            name=f"{row.digest}/{row.number or '-'}",
            subject=row.subject,
            at=row.first_attempt_at or row.fire_at,
            state=row.state,
            reply=row.reply or "",
            letter_id=row.letter_id,
        )
        for row in rows
    ]


def read_consents(
    tx: Transaction, subscriber_id: int
) -> list[tuple[datetime, datetime | None, str, str]]:
    """Return a person's consents, the newest first: asked, confirmed, by what, in which words."""
    rows = tx.execute(
        sa.select(consents)
        .where(consents.c.subscriber_id == subscriber_id)
        .order_by(consents.c.id.desc())
    )
    return [(row.requested_at, row.confirmed_at, row.source, row.wording) for row in rows]


def read_suppression(tx: Transaction, subscriber_id: int) -> tuple[str, str] | None:
    """Return why a person must not be mailed, and what proves it; nothing where they may be."""
    row = tx.execute(
        sa.select(suppressions.c.reason, suppressions.c.evidence)
        .join(subscribers, subscribers.c.address_hash == suppressions.c.address_hash)
        .where(subscribers.c.id == subscriber_id)
    ).one_or_none()
    return (row.reason, row.evidence) if row else None
