"""Reach: whom an edition went to or would go to, by letter, and who gets nothing of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import SubscriberState
from publisher.store.schema import (
    deliveries,
    letters,
    subscribers,
    subscriptions,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterReach:
    """One letter of an edition, and how many people it is for."""

    id: int
    post_ids: tuple[str, ...]
    people: int


def count_letters(tx: Transaction, edition_id: int) -> list[LetterReach]:
    """Return the letters of an edition that was opened, the one for most people first."""
    grouped = tx.execute(
        sa.select(deliveries.c.letter_id, sa.func.count())
        .where(deliveries.c.edition_id == edition_id)
        .group_by(deliveries.c.letter_id)
    )
    counted = {row[0]: int(row[1]) for row in grouped}
    rows = tx.execute(
        sa.select(letters.c.id, letters.c.post_ids).where(letters.c.edition_id == edition_id)
    )
    found = [
        LetterReach(
            id=row.id, post_ids=tuple(json.loads(row.post_ids)), people=counted.get(row.id, 0)
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (-one.people, one.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How everybody in the database stands to one digest."""

    states: Mapping[SubscriberState, int]
    elsewhere: int
    """Active, and chose other digests only."""
    suppressed: int
    """Active and of this digest, and must not be mailed."""

    @property
    def listed(self) -> int:
        """How many could get a letter of this digest, if they have not all of its posts."""
        return self.states[SubscriberState.ACTIVE] - self.elsewhere - self.suppressed


def count_people(tx: Transaction, digest: str) -> People:
    """Return how everybody stands to a digest at this moment."""
    rows = tx.execute(
        sa.select(subscribers.c.state, sa.func.count()).group_by(subscribers.c.state)
    )
    found = {row[0]: int(row[1]) for row in rows}
    active = subscribers.c.state == SubscriberState.ACTIVE
    chosen = sa.exists().where(subscriptions.c.subscriber_id == subscribers.c.id)
    this_one = sa.exists().where(
        subscriptions.c.subscriber_id == subscribers.c.id, subscriptions.c.digest == digest
    )
    is_elsewhere = sa.and_(chosen, ~this_one)
    elsewhere = sa.select(sa.func.count()).where(active, is_elsewhere)
    # From the suppressions, which are few beside the people.
    suppressed = (
        sa.select(sa.func.count())
        .select_from(suppressions)
        .join(subscribers, subscribers.c.address_hash == suppressions.c.address_hash)
        .where(active, ~is_elsewhere)
    )
    return People(
        states={state: found.get(state, 0) for state in SubscriberState},
        elsewhere=int(tx.execute(elsewhere).scalar_one()),
        suppressed=int(tx.execute(suppressed).scalar_one()),
    )
