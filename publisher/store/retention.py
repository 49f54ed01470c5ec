"""What is forgotten in time: what relays said, notices, and people who never confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import SubscriberState
from publisher.store.schema import attempts, consents, drafts, notices, reports, subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The moments before which things are forgotten."""

    said: datetime
    """What relays and reports said."""
    asked: datetime
    """What was asked for and never confirmed."""
    noticed: datetime
    """Notices: by them no address gets more than its due."""
    let_in: datetime
    """Notices whose link signs staff in: it works no more."""
    typed: datetime
    """Texts that were never saved."""


def forget(tx: Transaction, limits: Limits) -> int:
    """Erase what is too old; return how many records. Receipts are kept for ever.

    That a report came is kept, so that none counts twice.
    """
    erased = 0
    for table, is_old in _old(limits):
        kept = table is reports
        statement = sa.update(table).values(reply="") if kept else sa.delete(table)
        erased += tx.execute(statement.where(is_old)).rowcount
    return erased


def count_old(tx: Transaction, limits: Limits) -> dict[str, int]:
    """Return how many records are too old, by what they are; most days there are none."""
    return {
        table.name: int(
            tx.execute(sa.select(sa.func.count()).select_from(table).where(is_old)).scalar_one()
        )
        for table, is_old in _old(limits)
    }


def has_old(tx: Transaction, limits: Limits) -> bool:
    """Return whether there is anything to forget."""
    found = [
        sa.select(sa.literal(1)).select_from(table).where(is_old).exists()
        for table, is_old in _old(limits)
    ]
    return bool(tx.execute(sa.select(sa.or_(*found))).scalar())


def _old(limits: Limits) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Yield each table with what in it is too old."""
    yield attempts, attempts.c.at < limits.said
    yield reports, sa.and_(reports.c.taken_at < limits.said, reports.c.reply != "")
    is_waiting = subscribers.c.state == SubscriberState.PENDING
    yield subscribers, sa.and_(is_waiting, subscribers.c.subscribed_at < limits.asked)
    yield (
        consents,
        sa.and_(consents.c.confirmed_at.is_(None), consents.c.requested_at < limits.asked),
    )
    is_of_staff = sa.and_(notices.c.staff_id.is_not(None), notices.c.made_at < limits.let_in)
    yield notices, sa.or_(notices.c.made_at < limits.noticed, is_of_staff)
    yield drafts, drafts.c.changed_at < limits.typed
