"""Holders: who has an edition, or may have it, and can be told what was wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from publisher.model import DeliveryState
from publisher.store.ledger.marks import Group, on_the_list
from publisher.store.ledger.opening import Batch, group_people, keep_people, opening_range
from publisher.store.schema import deliveries, subscribers

if TYPE_CHECKING:
    from publisher.model import Edition
    from publisher.store import Transaction

MAY_HAVE: Final = (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN, DeliveryState.INFLIGHT)
"""Accepted, and what nobody knows of: whoever may have the mistake is told of it."""

_ALL = "1"


def count_holders(tx: Transaction, corrected_id: int, *, trial: bool) -> int:
    """Return how many of those who have an edition can be told: still here, and may be mailed.

    A pause, and what they chose since, is no matter: they have it already.
    """
    found = _select(corrected_id, sa.true(), trial=trial).subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def gather_holders(
    tx: Transaction, edition: Edition, corrected_id: int, *, limit: int
) -> Batch | None:
    """Group the next so many of them, for ``add_deliveries`` in this transaction; None at the end."""
    after, last = opening_range(tx, edition)
    one = deliveries.c
    following = (
        sa.select(one.subscriber_id)
        .where(_has(corrected_id), one.subscriber_id > after, one.subscriber_id <= last)
        .order_by(one.subscriber_id)
        .limit(limit)
        .subquery()
    )
    through = tx.execute(sa.select(sa.func.max(following.c.subscriber_id))).scalar() or 0
    if not through:
        return None
    span = sa.and_(one.subscriber_id > after, one.subscriber_id <= through)
    keep_people(tx, _select(corrected_id, span, trial=edition.trial))
    groups = tuple(
        Group(code=code, received=frozenset(), people=number) for code, number in group_people(tx)
    )
    return Batch(after=after, through=through, groups=groups)


def _has(corrected_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(deliveries.c.edition_id == corrected_id, deliveries.c.state.in_(MAY_HAVE))


def _select(corrected_id: int, span: sa.ColumnElement[bool], *, trial: bool) -> sa.Select[Any]:
    return (
        sa.select(subscribers.c.id, sa.literal(_ALL).label("code"))
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .where(_has(corrected_id), span, *on_the_list(trial=trial))
    )
