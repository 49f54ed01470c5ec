"""Alerts to staff: what each channel was told, and what it has yet to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store.dialect import insert_new
from publisher.store.schema import alerts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """An alert that a channel has not taken yet."""

    key: str
    channel: str
    facts: str
    """What is told, as JSON."""
    tries: int


def unknown_keys(tx: Transaction, keys: Collection[str]) -> set[str]:
    """Return those of the keys that no alert has."""
    known = tx.scalars(sa.select(alerts.c.key).where(alerts.c.key.in_(keys)))
    return set(keys) - set(known)


def add(
    tx: Transaction,
    key: str,
    edition_id: int,
    facts: str,
    channels: Sequence[str],
    *,
    now: datetime,
) -> None:
    """Keep an alert for each channel; one that is known stays as it is."""
    rows = [
        {
            "key": key,
            "channel": channel,
            "edition_id": edition_id,
            "facts": facts,
            "made_at": now,
            "next_try_at": now,
        }
        for channel in channels
    ]
    insert_new(tx, alerts, rows)


def read_untold(tx: Transaction, *, now: datetime) -> list[Untold]:
    """Return what is to be told now, the oldest first."""
    due = (
        sa.select(alerts.c.key, alerts.c.channel, alerts.c.facts, alerts.c.tries)
        .where(alerts.c.next_try_at <= now)
        .order_by(alerts.c.made_at, alerts.c.key, alerts.c.channel)
    )
    return [
        Untold(key=row.key, channel=row.channel, facts=row.facts, tries=row.tries)
        for row in tx.execute(due)
    ]


def record(
    tx: Transaction, one: Untold, *, told_at: datetime | None, next_try_at: datetime | None
) -> None:
    """Keep what telling came to: told, to be tried again, or given up."""
    tx.execute(
        sa.update(alerts)
        .where(alerts.c.key == one.key, alerts.c.channel == one.channel)
        .values(told_at=told_at, next_try_at=next_try_at, tries=one.tries + 1)
    )
