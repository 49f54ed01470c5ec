"""Claiming: a chunk for one worker at a time, until its lease runs out; the token fences it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import DeliveryState, EditionState, Phase
from publisher.store import dialect
from publisher.store.schema import attempts, chunks, deliveries, editions

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from publisher.store import Transaction

_INTERRUPTED = "the process ended while this mail was on the wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A chunk taken for a time; the token makes whoever held it before harmless."""

    edition_id: int
    chunk_id: int
    lo: int
    hi: int
    token: int


def claim_chunk(
    tx: Transaction, edition_id: int, *, owner: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Take the next chunk with something due: a ready one, or one whose lease ran out.

    None where there is none, or the edition is not being sent. What an earlier holder began and
    never ended is called uncertain.
    """
    free = sa.and_(
        chunks.c.edition_id == edition_id,
        is_sending(edition_id),
        sa.or_(chunks.c.not_before.is_(None), chunks.c.not_before <= now),
        sa.or_(
            chunks.c.state == "ready",
            sa.and_(chunks.c.state == "running", chunks.c.lease_until <= now),
        ),
    )
    first = (
        sa.select(chunks.c.id)
        .where(free)
        .order_by(chunks.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = tx.execute(
        sa.update(chunks)
        .where(chunks.c.edition_id == edition_id, chunks.c.id == first)
        .values(
            state="running",
            owner=owner,
            token=chunks.c.token + 1,
            lease_until=now + lease,
            takeovers=chunks.c.takeovers + sa.case((chunks.c.state == "running", 1), else_=0),
        )
        .returning(chunks.c.id, chunks.c.lo, chunks.c.hi, chunks.c.token)
    ).one_or_none()
    if row is None:
        return None
    claim = Claim(edition_id=edition_id, chunk_id=row.id, lo=row.lo, hi=row.hi, token=row.token)
    _name_interrupted(tx, claim, now=now)
    return claim


def is_sending(edition_id: int) -> sa.Exists:
    """Match while an edition is being sent: neither paused, held nor over."""
    return sa.exists().where(editions.c.id == edition_id, editions.c.state == EditionState.SENDING)


def release_chunks(tx: Transaction, *, now: datetime, owner: str | None = None) -> None:
    """Free every running chunk at once, or an owner's: for whoever knows that nobody is at work.

    What was on the wire is called uncertain, also in editions that ended meanwhile.
    """
    whose = sa.true() if owner is None else chunks.c.owner == owner
    rows = tx.execute(
        sa.update(chunks)
        .where(chunks.c.state == "running", whose)
        .values(
            state="ready",
            owner="",
            token=chunks.c.token + 1,
            lease_until=None,
            takeovers=chunks.c.takeovers + 1,
        )
        .returning(chunks.c.edition_id, chunks.c.id, chunks.c.lo, chunks.c.hi, chunks.c.token)
    ).all()
    for row in rows:
        claim = Claim(
            edition_id=row.edition_id, chunk_id=row.id, lo=row.lo, hi=row.hi, token=row.token
        )
        _name_interrupted(tx, claim, now=now)


def _name_interrupted(tx: Transaction, claim: Claim, *, now: datetime) -> None:
    """Call uncertain what an earlier holder began and never ended."""
    interrupted = (
        deliveries.c.edition_id == claim.edition_id,
        deliveries.c.subscriber_id.between(claim.lo, claim.hi),
        deliveries.c.state == DeliveryState.INFLIGHT,
        deliveries.c.token != claim.token,
    )
    rows = tx.execute(
        sa.select(deliveries.c.subscriber_id, deliveries.c.attempts).where(*interrupted)
    ).all()
    if not rows:
        return
    facts = [
        {
            "edition_id": claim.edition_id,
            "subscriber_id": row.subscriber_id,
            "n": row.attempts,
            "at": now,
            "outcome": "uncertain",
            "phase": Phase.END,
            "reply": _INTERRUPTED,
        }
        for row in rows
    ]
    dialect.insert_new(tx, attempts, facts)
    tx.execute(
        sa.update(deliveries)
        .where(*interrupted)
        .values(
            state=DeliveryState.UNCERTAIN,
            next_attempt_at=now,
            code=None,
            enhanced=None,
            reply=_INTERRUPTED,
        )
    )


def finish_chunk(tx: Transaction, claim: Claim, *, resend: bool) -> None:
    """Give a chunk back: done where every row is at its end, else until the next one is due.

    Nothing changes where another worker has it by now.
    """
    open_states = [DeliveryState.PENDING, DeliveryState.DEFERRED, DeliveryState.INFLIGHT]
    if resend:
        open_states.append(DeliveryState.UNCERTAIN)
    row = tx.execute(
        sa.select(
            sa.func.count().label("open"),
            sa.func.count().filter(deliveries.c.state == DeliveryState.PENDING).label("pending"),
            sa.func.min(deliveries.c.next_attempt_at).label("next_at"),
        ).where(
            deliveries.c.edition_id == claim.edition_id,
            deliveries.c.subscriber_id.between(claim.lo, claim.hi),
            deliveries.c.state.in_(open_states),
        )
    ).one()
    tx.execute(
        sa.update(chunks)
        .where(
            chunks.c.edition_id == claim.edition_id,
            chunks.c.id == claim.chunk_id,
            chunks.c.token == claim.token,
        )
        .values(
            state="ready" if row.open else "done",
            not_before=None if row.pending else row.next_at,
            lease_until=None,
            owner="",
        )
    )


def rest_chunks(tx: Transaction, edition_id: int, *, until: datetime) -> None:
    """Let nothing of an edition be claimed before ``until``: its relay wants to be left alone."""
    tx.execute(
        sa.update(chunks)
        .where(chunks.c.edition_id == edition_id, chunks.c.state == "ready")
        .values(not_before=until)
    )
