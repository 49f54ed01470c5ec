"""Limits that hold for all senders of one database together: the mails of a day, and who shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store import dialect
from publisher.store.ledger.closing import count_begun
from publisher.store.schema import chunks, days

if TYPE_CHECKING:
    from datetime import date, datetime

    from publisher.store import Transaction


def open_day(tx: Transaction, day: date, *, since: datetime) -> int:
    """Count the mails that began on a day, from its first instant on, and keep the number."""
    begun = count_begun(tx, since=since)
    dialect.upsert(tx, days, [{"day": day, "begun": begun}])
    return begun


def read_day(tx: Transaction, day: date) -> int | None:
    """Return how many mails began on a day; None where nobody has counted yet."""
    found: int | None = tx.execute(sa.select(days.c.begun).where(days.c.day == day)).scalar()
    return found


def add_to_day(tx: Transaction, day: date, count: int) -> None:
    """Add mails that begin with this transaction."""
    tx.execute(sa.update(days).where(days.c.day == day).values(begun=days.c.begun + count))


def count_senders(tx: Transaction, *, now: datetime) -> int:
    """Return how many senders have a chunk; at least one, who asks."""
    counted = sa.select(sa.func.count(chunks.c.owner.distinct())).where(
        chunks.c.state == "running", chunks.c.lease_until > now
    )
    return max(1, int(tx.execute(counted).scalar_one()))
