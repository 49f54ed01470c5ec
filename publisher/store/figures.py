"""Figures of the whole site: how many of what, how fast, how old; never who, never which post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, EditionState
from publisher.store.schema import deliveries, editions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.store import Transaction

_OPEN = (EditionState.READY, EditionState.SENDING, EditionState.PAUSED, EditionState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How the editions of a site stand, and the deliveries of those that are open."""

    editions: Mapping[EditionState, int]
    deliveries: Mapping[DeliveryState, int]
    """Of the editions that are ready, sending, paused or held."""
    waiting_since: datetime | None
    """When the oldest edition that is sent now should have gone, or a person let it go."""


def read_figures(tx: Transaction) -> Figures:
    """Return the figures of this moment."""
    by_state = tx.execute(
        sa.select(editions.c.state, sa.func.count()).group_by(editions.c.state)
    ).all()
    are_open = sa.select(editions.c.id).where(editions.c.state.in_(_OPEN))
    rows = tx.execute(
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.edition_id.in_(are_open))
        .group_by(deliveries.c.state)
    ).all()
    since = tx.execute(
        sa.select(editions.c.fire_at, editions.c.approved_at).where(
            editions.c.state.in_([EditionState.READY, EditionState.SENDING])
        )
    ).all()
    found, counted = {row[0]: row[1] for row in by_state}, {row[0]: row[1] for row in rows}
    return Figures(
        editions={state: found.get(state, 0) for state in EditionState},
        deliveries={state: counted.get(state, 0) for state in DeliveryState},
        waiting_since=min(
            (max(row.fire_at, row.approved_at or row.fire_at) for row in since), default=None
        ),
    )


def count_begun(
    tx: Transaction, edition_id: int, *, since: datetime
) -> tuple[int, datetime | None]:
    """Return how many mails of an edition were first begun since then, and when the first was."""
    row = tx.execute(
        sa.select(sa.func.count(), sa.func.min(deliveries.c.first_attempt_at)).where(
            deliveries.c.edition_id == edition_id, deliveries.c.first_attempt_at >= since
        )
    ).one()
    return int(row[0]), row[1]
