"""Numbering: which numbers and slots editions have that no schedule asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store.editions import next_number
from publisher.store.schema import editions

if TYPE_CHECKING:
    from publisher.model import Edition
    from publisher.store import Transaction


def change_numbers(tx: Transaction, one: Edition, other: Edition) -> None:
    """Let two editions that are not frozen change numbers; whoever read either must look again."""
    # Through a number that neither has: no two editions have one at any moment.
    free = next_number(tx, one.digest, rehearsal=one.rehearsal)
    for edition, number in ((one, free), (other, one.number), (one, other.number)):
        tx.execute(
            sa.update(editions)
            .where(editions.c.id == edition.id)
            .values(number=number, version=editions.c.version + 1)
        )


def count_slots(tx: Transaction, digest: str, begins: str) -> int:
    """Return how many editions of a digest have a slot that begins so."""
    mine = (editions.c.digest == digest, editions.c.slot.startswith(begins, autoescape=True))
    return int(tx.execute(sa.select(sa.func.count(editions.c.id)).where(*mine)).scalar_one())
