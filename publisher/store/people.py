"""People as staff look for them: a page at a time, by the beginning of an address, or one whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Address, Consent, DeliveryState, SubscriberState
from publisher.store import dialect
from publisher.store.feedback import Suppression
from publisher.store.schema import consents, deliveries, editions, subscribers, suppressions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.store import Transaction

_NEWEST_EDITIONS = 300
"""A person's letters are looked for among so many of the newest editions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A person as a list shows them."""

    id: int
    address: Address
    state: SubscriberState
    subscribed_at: datetime
    source: str
    suppressed: str
    """Why they must not be mailed; "" where nothing stands against it."""


def find_newest(tx: Transaction, *, limit: int, before: int | None = None) -> list[Found]:
    """Return the people who came last, the newest first, or those before one."""
    query = _listed().order_by(subscribers.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(subscribers.c.id < before)
    return _found(tx.execute(query).all())


def find_exactly(tx: Transaction, key: str) -> list[Found]:
    """Return the person at an address, as it is compared, where there is one."""
    return _found(tx.execute(_listed().where(subscribers.c.address_key == key)).all())


def find_beginning(tx: Transaction, beginning: str, *, limit: int, after: int = 0) -> list[Found]:
    """Return people whose address, as it is compared, begins so, by id."""
    query = (
        _listed()
        .where(
            dialect.begins_with(tx, subscribers.c.address_key, beginning),
            subscribers.c.id > after,
        )
        .order_by(subscribers.c.id)
        .limit(limit)
    )
    return _found(tx.execute(query).all())


def _listed() -> sa.Select[Any]:
    return sa.select(subscribers, suppressions.c.reason).outerjoin(
        suppressions, suppressions.c.address_hash == subscribers.c.address_hash
    )


def _found(rows: Sequence[Any]) -> list[Found]:
    return [
        Found(
            id=row.id,
            address=Address(typed=row.address, key=row.address_key),
            state=SubscriberState(row.state),
            subscribed_at=row.subscribed_at,
            source=row.source,
            suppressed=row.reason or "",
        )
        for row in rows
    ]


def count_states(tx: Transaction) -> dict[SubscriberState, int]:
    """Return how many people there are in each state."""
    counted = sa.select(subscribers.c.state, sa.func.count()).group_by(subscribers.c.state)
    return {SubscriberState(state): number for state, number in tx.execute(counted)}


# --------------------------------------------------------------------------------------- one whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A letter to one person, and what became of it."""

    edition_id: int
    name: str
    subject: str
    state: DeliveryState
    at: datetime | None
    """When it was begun first."""
    rehearsal: bool
    code: int | None
    reply: str


def read_consents(tx: Transaction, subscriber_id: int) -> list[Consent]:
    """Return every consent of a person, the newest first."""
    rows = tx.execute(
        sa.select(consents)
        .where(consents.c.subscriber_id == subscriber_id)
        .order_by(consents.c.id.desc())
    )
    return [
        Consent(
            wording=row.wording,
            source=row.source,
            requested_at=row.requested_at,
            confirmed_at=row.confirmed_at,
        )
        for row in rows
    ]


def read_letters(tx: Transaction, subscriber_id: int, *, limit: int) -> list[Sent]:
    """Return a person's letters, the newest first."""
    newest = (
        sa.select(editions.c.id)
        .where(editions.c.opened_at.is_not(None))
        .order_by(editions.c.id.desc())
        .limit(_NEWEST_EDITIONS)
    )
    rows = tx.execute(
        sa.select(
            deliveries,
            editions.c.digest,
            editions.c.number,
            editions.c.subject,
            editions.c.rehearsal,
        )
        .join(editions, editions.c.id == deliveries.c.edition_id)
        .where(deliveries.c.edition_id.in_(newest), deliveries.c.subscriber_id == subscriber_id)
        .order_by(deliveries.c.edition_id.desc())
        .limit(limit)
    )
    return [
        Sent(
            edition_id=row.edition_id,
            name=f"{row.digest}/{row.number or '-'}",
            subject=row.subject or "",
            state=row.state,
            at=row.first_attempt_at,
            rehearsal=row.rehearsal,
            code=row.code,
            reply=row.reply or "",
        )
        for row in rows
    ]


_NEWEST_FIRST = (suppressions.c.suppressed_at.desc(), suppressions.c.address_hash.desc())


def read_suppression(tx: Transaction, address_hash: str) -> Suppression | None:
    """Return the standing do-not-mail fact of an address."""
    return next(
        iter(_suppressions(tx, suppressions.c.address_hash == address_hash, limit=1)), None
    )


def read_suppressions(
    tx: Transaction, *, limit: int, after: str | None = None
) -> list[Suppression]:
    """Return standing do-not-mail facts, the newest first, or those after one, named by its hash.

    Each is found by the index, also where a list brought very many at one moment.
    """
    since = sa.select(suppressions.c.suppressed_at).where(suppressions.c.address_hash == after)
    at = tx.execute(since).scalar() if after else None
    if at is None:
        return _suppressions(tx, sa.true(), limit=limit)
    then = sa.and_(suppressions.c.suppressed_at == at, suppressions.c.address_hash < after)
    found = _suppressions(tx, then, limit=limit)
    earlier = suppressions.c.suppressed_at < at
    return found + _suppressions(tx, earlier, limit=limit - len(found))


def find_suppressions(tx: Transaction, beginning: str, *, limit: int) -> list[Suppression]:
    """Return the do-not-mail facts whose hash begins so; a whole hash is at most one."""
    hashed = suppressions.c.address_hash
    begins = dialect.begins_with(tx, hashed, beginning)
    return _suppressions(tx, begins, order=(hashed,), limit=limit)


def _suppressions(
    tx: Transaction,
    wanted: sa.ColumnElement[bool],
    *,
    order: Sequence[sa.ColumnElement[Any]] = _NEWEST_FIRST,
    limit: int,
) -> list[Suppression]:
    rows = tx.execute(
        sa.select(suppressions, subscribers.c.address)
        .outerjoin(subscribers, subscribers.c.address_hash == suppressions.c.address_hash)
        .where(wanted)
        .order_by(*order)
        .limit(limit)
    )
    return [
        Suppression(
            address_hash=row.address_hash,
            reason=row.reason,
            evidence=row.evidence,
            suppressed_at=row.suppressed_at,
            address=row.address or "",
        )
        for row in rows
    ]
