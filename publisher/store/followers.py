"""What services that read feeds for many said of how many they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from publisher.store.dialect import upsert
from publisher.store.schema import followers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from publisher.store import Transaction

KEPT: Final = timedelta(days=30)
"""How long a service counts that has not come again."""
MOST: Final = 500
"""Rows that are kept: whoever makes up names fills no disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How many people of one service follow one feed."""

    path: str
    name: str
    people: int
    seen_on: date


def note(tx: Transaction, seen: Mapping[tuple[str, str], int], *, on: date) -> None:
    """Keep what was said last, by path and name, and forget who has not come for long."""
    tx.execute(sa.delete(followers).where(followers.c.seen_on < on - KEPT))
    room = MOST - tx.execute(sa.select(sa.func.count()).select_from(followers)).scalar_one()
    known = {tuple(row) for row in tx.execute(sa.select(followers.c.path, followers.c.name))}
    new = [pair for pair in seen if pair not in known]
    kept = [pair for pair in seen if pair in known] + new[: max(room, 0)]
    rows = [
        {"path": path, "name": name, "people": seen[path, name], "seen_on": on}
        for path, name in kept
    ]
    upsert(tx, followers, rows)


def read_all(tx: Transaction) -> list[Following]:
    """Return who follows what, the feeds by path, each with its largest service first."""
    rows = tx.execute(
        sa.select(followers).order_by(
            followers.c.path, followers.c.people.desc(), followers.c.name
        )
    )
    return [Following(**row) for row in rows.mappings()]
