"""What is forgotten in time: what relays said, and people who never confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import SubscriberState
from publisher.store.schema import attempts, reports, subscribers

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Transaction


def forget_attempts(tx: Transaction, *, before: datetime) -> int:
    """Erase what relays said before then; return how many records. Receipts are kept for ever."""
    return tx.execute(sa.delete(attempts).where(attempts.c.at < before)).rowcount


def forget_replies(tx: Transaction, *, before: datetime) -> int:
    """Erase what reports said before then; that they came is kept, so that none counts twice."""
    return tx.execute(
        sa.update(reports)
        .where(reports.c.taken_at < before, reports.c.reply != "")
        .values(reply="")
    ).rowcount


def forget_unconfirmed(tx: Transaction, *, before: datetime) -> int:
    """Erase people who asked before then and never confirmed; return how many."""
    waiting = subscribers.c.state == SubscriberState.PENDING
    asked = subscribers.c.subscribed_at < before
    return tx.execute(sa.delete(subscribers).where(waiting, asked)).rowcount


def has_old(tx: Transaction, *, attempts_before: datetime, asked_before: datetime) -> bool:
    """Return whether there is anything to forget: most days there is not."""
    old_attempt = sa.select(sa.literal(1)).where(attempts.c.at < attempts_before).exists()
    old_reply = (
        sa.select(sa.literal(1))
        .where(reports.c.taken_at < attempts_before, reports.c.reply != "")
        .exists()
    )
    waiting = subscribers.c.state == SubscriberState.PENDING
    old_person = (
        sa.select(sa.literal(1))
        .where(waiting, subscribers.c.subscribed_at < asked_before)
        .exists()
    )
    return bool(tx.execute(sa.select(sa.or_(old_attempt, old_reply, old_person))).scalar())
