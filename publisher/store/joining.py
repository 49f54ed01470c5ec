"""People coming, choosing and going by their own hand: requests, choices, moving, erasing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Address, SubscriberState
from publisher.store import dialect
from publisher.store.schema import (
    attempts,
    consents,
    declined_series,
    deliveries,
    events,
    metadata,
    notices,
    receipts,
    rehearsal_receipts,
    reports,
    subscribers,
    subscriptions,
    suppressions,
)
from publisher.store.subscribers import consent_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from publisher.model import Consent
    from publisher.store import Transaction


# ---------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One consent that was asked for, confirmed or not."""

    id: int
    subscriber_id: int
    requested_at: datetime
    confirmed_at: datetime | None


def add_request(tx: Transaction, subscriber_id: int, consent: Consent) -> int:
    """Record what a person is asked to confirm; return its number."""
    values = consent_row(subscriber_id, consent)
    made = tx.execute(sa.insert(consents).values(**values).returning(consents.c.id))
    return int(made.scalar_one())


def read_request(tx: Transaction, request_id: int) -> Request | None:
    """Return a request by its number."""
    row = tx.execute(sa.select(consents).where(consents.c.id == request_id)).one_or_none()
    if row is None:
        return None
    return Request(
        id=row.id,
        subscriber_id=row.subscriber_id,
        requested_at=row.requested_at,
        confirmed_at=row.confirmed_at,
    )


def newest_request(tx: Transaction, address_key: str) -> tuple[int, int]:
    """Return who is at an address and their newest request, as numbers."""
    row = tx.execute(
        sa.select(subscribers.c.id, sa.func.max(consents.c.id))
        .join(consents, consents.c.subscriber_id == subscribers.c.id)
        .where(subscribers.c.address_key == address_key)
        .group_by(subscribers.c.id)
    ).one()
    return row[0], row[1]


def read_wording(tx: Transaction, request_id: int) -> tuple[str, str]:
    """Return the words of a request and where it came from."""
    row = tx.execute(
        sa.select(consents.c.wording, consents.c.source).where(consents.c.id == request_id)
    ).one()
    return row.wording, row.source


def wait_for(tx: Transaction, subscriber_id: int, *, now: datetime) -> None:
    """Give a person who has not confirmed the whole time again: they asked anew."""
    tx.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id, subscribers.c.state == SubscriberState.PENDING)
        .values(subscribed_at=now)
    )


def confirm(tx: Transaction, request: Request, *, now: datetime) -> bool:
    """Record that a person confirmed, and put them on the list; False where it was done before."""
    changed = tx.execute(
        sa.update(consents)
        .where(consents.c.id == request.id, consents.c.confirmed_at.is_(None))
        .values(confirmed_at=now)
    )
    if changed.rowcount:
        tx.execute(
            sa.update(subscribers)
            .where(subscribers.c.id == request.subscriber_id)
            .values(state=SubscriberState.ACTIVE, confirmed_at=now, unsubscribed_at=None)
        )
    return changed.rowcount == 1


def restore(tx: Transaction, subscriber_id: int, *, left_since: datetime) -> bool:
    """Take back an unsubscribe that is no older than that; return whether there was one."""
    changed = tx.execute(
        sa.update(subscribers)
        .where(
            subscribers.c.id == subscriber_id,
            subscribers.c.state == SubscriberState.UNSUBSCRIBED,
            subscribers.c.confirmed_at.is_not(None),
            subscribers.c.unsubscribed_at >= left_since,
        )
        .values(state=SubscriberState.ACTIVE, unsubscribed_at=None)
    )
    return changed.rowcount == 1


# ------------------------------------------------------------------------------------ suppressions


def read_suppression(tx: Transaction, address_hash: str) -> tuple[str, str] | None:
    """Return why an address must not be mailed, as reason and evidence; None where it may."""
    row = tx.execute(
        sa.select(suppressions.c.reason, suppressions.c.evidence).where(
            suppressions.c.address_hash == address_hash
        )
    ).one_or_none()
    return None if row is None else (row.reason, row.evidence)


def replace_suppression(
    tx: Transaction, address_hash: str, reason: str, evidence: str, *, now: datetime
) -> None:
    """Record why an address must not be mailed, whatever was recorded before."""
    row = {
        "address_hash": address_hash,
        "reason": reason,
        "evidence": evidence,
        "suppressed_at": now,
    }
    dialect.upsert(tx, suppressions, [row])


# ----------------------------------------------------------------------------------------- choices


def save_choices(
    tx: Transaction,
    subscriber_id: int,
    *,
    digests: Sequence[str],
    declined: Sequence[str],
    **columns: Any,
) -> None:
    """Put a person's choices in the place of those before; ``columns`` are the person's own."""
    for table, column, chosen in (
        (subscriptions, "digest", digests),
        (declined_series, "series", declined),
    ):
        tx.execute(sa.delete(table).where(table.c.subscriber_id == subscriber_id))
        rows = [{"subscriber_id": subscriber_id, column: one} for one in chosen]
        dialect.insert_new(tx, table, rows)
    if columns:
        tx.execute(
            sa.update(subscribers).where(subscribers.c.id == subscriber_id).values(**columns)
        )


def move(tx: Transaction, subscriber_id: int, address: Address, address_hash: str) -> None:
    """Give a person another address, which nobody else has."""
    tx.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(address=address.typed, address_key=address.key, address_hash=address_hash)
    )


# ------------------------------------------------------------------------------- what is kept of one


def personal_tables() -> list[sa.Table]:
    """Return the tables that have rows about one person, by name."""
    return [
        table
        for table in metadata.sorted_tables
        if "subscriber_id" in table.c or table is subscribers
    ]


def read_kept(
    tx: Transaction, subscriber_id: int, address_hash: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every table's name with the rows about one person; none is left out."""
    about = {
        table: (table.c.id if table is subscribers else table.c.subscriber_id) == subscriber_id
        for table in personal_tables()
    }
    about[suppressions] = suppressions.c.address_hash == address_hash
    about[events] = events.c.subject == f"subscriber:{subscriber_id}"
    for table, is_theirs in about.items():
        rows = tx.execute(sa.select(table).where(is_theirs).order_by(*table.primary_key))
        yield table.name, [dict(row) for row in rows.mappings()]


def read_proofs(tx: Transaction) -> list[dict[str, Any]]:
    """Return every consent with the address it is of, the oldest first."""
    rows = tx.execute(
        sa.select(
            subscribers.c.address,
            subscribers.c.state,
            consents.c.requested_at,
            consents.c.confirmed_at,
            consents.c.source,
            consents.c.wording,
            consents.c.wording_sha256,
        )
        .join(subscribers, subscribers.c.id == consents.c.subscriber_id)
        .order_by(consents.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def erase(tx: Transaction, subscriber_id: int) -> bool:
    """Erase a person; return whether there was one.

    Deliveries stay as numbers, so that an edition's counts still balance; what servers said of
    them, which may name the address, goes.
    """
    for table in (deliveries, attempts, reports, notices):
        tx.execute(sa.update(table).where(table.c.subscriber_id == subscriber_id).values(reply=""))
    for table in (receipts, rehearsal_receipts):
        tx.execute(sa.delete(table).where(table.c.subscriber_id == subscriber_id))
    tx.execute(
        sa.update(notices)
        .where(notices.c.subscriber_id == subscriber_id)
        .values(subscriber_id=None, consent_id=None, address="")
    )
    gone = tx.execute(sa.delete(subscribers).where(subscribers.c.id == subscriber_id))
    return gone.rowcount == 1
