"""Reports that were taken in, the editions they are about, and the suppressions they led to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, Meaning, ReportKind
from publisher.store import dialect
from publisher.store.schema import deliveries, editions, reports, subscribers, suppressions

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Transaction

_MOST_EDITIONS = 100
"""A reader's bounces are looked for among so many of the newest editions: a daily one's quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A report as it is kept: no address, no text of the mail."""

    sha256: str
    kind: ReportKind
    subscriber_id: int
    edition_id: int | None = None
    meaning: Meaning | None = None
    status: str = ""
    reply: str = ""


def is_known(tx: Transaction, sha256: str) -> bool:
    """Return whether a report was taken in before."""
    return (
        tx.execute(sa.select(reports.c.sha256).where(reports.c.sha256 == sha256)).first()
        is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom a report is about: as much of a person as a verdict needs."""

    id: int
    address_hash: str


def read_reader(tx: Transaction, subscriber_id: int, *, key: str | None = None) -> Reader | None:
    """Return a person, in any state; nothing where there is none any more, or none at that address."""
    asked = sa.select(subscribers.c.address_hash).where(subscribers.c.id == subscriber_id)
    if key is not None:
        asked = asked.where(subscribers.c.address_key == key)
    hashed = tx.execute(asked).scalar()
    return None if hashed is None else Reader(id=subscriber_id, address_hash=hashed)


def add_report(tx: Transaction, row: Row, *, now: datetime) -> bool:
    """Keep a report; False where it was taken in before, and then nothing is changed."""
    values = {
        "sha256": row.sha256,
        "taken_at": now,
        "kind": row.kind,
        "subscriber_id": row.subscriber_id,
        "edition_id": row.edition_id,
        "meaning": row.meaning,
        "status": row.status,
        "reply": row.reply,
    }
    return dialect.insert_new(tx, reports, [values]) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """An edition that went to a reader, and what was reported of it."""

    edition_id: int
    name: str
    at: datetime
    bounces: tuple[tuple[Meaning, str], ...] = ()
    """Meaning and status of each report of it."""


def read_mailed(tx: Transaction, subscriber_id: int, *, until: datetime) -> list[Mailed]:
    """Return the editions whose mail to a reader was accepted until then, the newest first."""
    newest = (
        sa.select(editions.c.id)
        .where(editions.c.rehearsal.is_(False), editions.c.opened_at.is_not(None))
        .order_by(editions.c.opened_at.desc(), editions.c.id.desc())
        .limit(_MOST_EDITIONS)
    )
    rows = tx.execute(
        sa.select(
            deliveries.c.edition_id,
            deliveries.c.first_attempt_at,
            editions.c.digest,
            editions.c.number,
        )
        .join(editions, editions.c.id == deliveries.c.edition_id)
        .where(
            deliveries.c.edition_id.in_(newest),
            deliveries.c.subscriber_id == subscriber_id,
            # A report says that a server has the mail, whatever the ledger knows of it.
            deliveries.c.state.in_([DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN]),
            deliveries.c.first_attempt_at <= until,
        )
        .order_by(deliveries.c.first_attempt_at.desc(), deliveries.c.edition_id.desc())
    ).all()
    told = _bounces(tx, subscriber_id)
    return [
        Mailed(
            edition_id=row.edition_id,
            name=f"{row.digest}/{row.number}",
            at=row.first_attempt_at,
            bounces=tuple(told.get(row.edition_id, ())),
        )
        for row in rows
    ]


def _bounces(tx: Transaction, subscriber_id: int) -> dict[int, list[tuple[Meaning, str]]]:
    rows = tx.execute(
        sa.select(reports.c.edition_id, reports.c.meaning, reports.c.status)
        .where(
            reports.c.subscriber_id == subscriber_id,
            reports.c.kind == ReportKind.BOUNCE,
            reports.c.edition_id.is_not(None),
        )
        .order_by(reports.c.taken_at)
    )
    told: dict[int, list[tuple[Meaning, str]]] = {}
    for edition_id, meaning, status in rows:
        told.setdefault(edition_id, []).append((Meaning(meaning), status))
    return told


# ------------------------------------------------------------------------------------ suppressions


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A standing do-not-mail fact, with the address where the person is still known."""

    address_hash: str
    reason: str
    evidence: str
    suppressed_at: datetime
    address: str = ""


def read_suppressions(tx: Transaction) -> list[Suppression]:
    """Return every suppression, the newest first."""
    rows = tx.execute(
        sa.select(suppressions, subscribers.c.address)
        .outerjoin(subscribers, subscribers.c.address_hash == suppressions.c.address_hash)
        .order_by(suppressions.c.suppressed_at.desc(), suppressions.c.address_hash)
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


def find_suppressions(tx: Transaction, beginning: str) -> list[tuple[str, str]]:
    """Return hash and reason of the suppressions whose hash begins so; two at most."""
    found = tx.execute(
        sa.select(suppressions.c.address_hash, suppressions.c.reason)
        .where(dialect.begins_with(tx, suppressions.c.address_hash, beginning))
        .limit(2)
    )
    return [(row[0], row[1]) for row in found]


def remove_suppression(tx: Transaction, address_hash: str, **like: str) -> bool:
    """Take a suppression back, or one with just this reason and evidence; return whether there was one."""
    statement = sa.delete(suppressions).where(suppressions.c.address_hash == address_hash)
    return tx.execute(statement.filter_by(**like)).rowcount == 1
