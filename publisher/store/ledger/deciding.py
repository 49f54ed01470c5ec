"""Deciding: a person's word on what became of mails that nobody else can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, EditionState
from publisher.store.ledger.ends import WAITING
from publisher.store.schema import chunks, deliveries, editions

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Edition
    from publisher.store import Transaction

RESTORED = "restored from a backup: it may have been mailed after that"


def doubt_waiting(tx: Transaction, edition: Edition, *, now: datetime) -> int:
    """Call uncertain every delivery that is not at its end: the ledger is older than the facts.

    Returns how many are uncertain now. Their receipts stay.
    """
    open_states = (*WAITING, DeliveryState.INFLIGHT)
    tx.execute(
        sa.update(deliveries)
        .where(deliveries.c.edition_id == edition.id, deliveries.c.state.in_(open_states))
        .values(
            state=DeliveryState.UNCERTAIN,
            next_attempt_at=now,
            code=None,
            enhanced=None,
            reply=RESTORED,
        )
    )
    uncertain = sa.select(sa.func.count()).where(*_uncertain(edition, None))
    return int(tx.execute(uncertain).scalar_one())


def take_as_accepted(tx: Transaction, edition: Edition, subscriber_id: int | None) -> int:
    """Take uncertain deliveries as accepted, one or all; return how many. Receipts stay."""
    changed = tx.execute(
        sa.update(deliveries)
        .where(*_uncertain(edition, subscriber_id))
        .values(state=DeliveryState.ACCEPTED, next_attempt_at=None, reply=None)
    )
    return changed.rowcount


def let_go_again(
    tx: Transaction, edition: Edition, subscriber_id: int | None, *, now: datetime
) -> int:
    """Let uncertain deliveries start again at once, one or all, whatever ``mail.uncertain`` says.

    Returns how many. What began before is the same mail again, octet by octet.
    """
    changed = tx.execute(
        sa.update(deliveries)
        .where(*_uncertain(edition, subscriber_id))
        .values(state=DeliveryState.DEFERRED, next_attempt_at=now)
    )
    deferred = sa.exists().where(
        deliveries.c.edition_id == edition.id,
        deliveries.c.subscriber_id.between(chunks.c.lo, chunks.c.hi),
        deliveries.c.state == DeliveryState.DEFERRED,
        deliveries.c.next_attempt_at <= now,
    )
    # A running chunk is given back by its holder, who looks at its rows then.
    tx.execute(
        sa.update(chunks)
        .where(chunks.c.edition_id == edition.id, chunks.c.state != "running", deferred)
        .values(state="ready", not_before=None)
    )
    return changed.rowcount


def reopen(tx: Transaction, edition: Edition, state: EditionState) -> None:
    """Let an edition that ended with uncertain mails be sent again, or be sent for good."""
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.PARTIAL)
        .values(
            state=state,
            version=editions.c.version + 1,
            closed_at=None if state is EditionState.SENDING else editions.c.closed_at,
        )
    )


def _uncertain(edition: Edition, subscriber_id: int | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [
        deliveries.c.edition_id == edition.id,
        deliveries.c.state == DeliveryState.UNCERTAIN,
    ]
    if subscriber_id is not None:
        conditions.append(deliveries.c.subscriber_id == subscriber_id)
    return conditions
