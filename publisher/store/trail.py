"""The trail: every act of staff, readers and the service itself, as it was noted, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Event
from publisher.store.schema import editions, events, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection

    from publisher.store import Transaction


def event(row: Any) -> Event:
    """Return a row of the table as a value."""
    return Event(
        id=row.id,
        at=row.at,
        by=row.actor,
        verb=row.verb,
        subject=row.subject,
        detail=row.detail,
    )


def read_trail(
    tx: Transaction, *, limit: int, before: int | None = None, subject: str = ""
) -> list[Event]:
    """Return the newest lines, those before one, or all about one subject."""
    query = sa.select(events).order_by(events.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(events.c.id < before)
    if subject:
        query = query.where(events.c.subject == subject)
    return [event(row) for row in tx.execute(query)]


def name_subjects(tx: Transaction, subjects: Collection[str]) -> dict[str, str]:
    """Return what people call the editions and subscribers that lines are about."""
    ids = {kind: _ids(subjects, kind) for kind in ("edition", "subscriber")}
    named = tx.execute(
        sa.select(editions.c.id, editions.c.digest, editions.c.number).where(
            editions.c.id.in_(ids["edition"])
        )
    )
    found = {f"edition:{row.id}": f"{row.digest}/{row.number or '-'}" for row in named}
    people = tx.execute(
        sa.select(subscribers.c.id, subscribers.c.address).where(
            subscribers.c.id.in_(ids["subscriber"])
        )
    )
    return found | {f"subscriber:{row.id}": row.address for row in people}


def _ids(subjects: Collection[str], kind: str) -> list[int]:
    rest = (one.removeprefix(f"{kind}:") for one in subjects if one.startswith(f"{kind}:"))
    return [int(one) for one in rest if one.isdecimal()]
