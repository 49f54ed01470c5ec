"""Deliveries, attempts, chunks and receipts: the durable record of who got what.

The start of a mail is fenced (only the holder of the chunk's newest token may begin one); the fact
of its end never is, since it is true whoever writes it. A receipt is written with the delivery row
and deleted with the end that leaves it unsent.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, assert_never

import sqlalchemy as sa

from publisher.model import (
    Accepted,
    Address,
    Deferred,
    DeliveryState,
    Edition,
    EditionState,
    Outcome,
    Phase,
    Rejected,
    SubscriberState,
    Uncertain,
)
from publisher.store import dialect
from publisher.store.schema import (
    attempts,
    chunks,
    declined_series,
    deliveries,
    editions,
    receipts,
    rehearsal_receipts,
    subscribers,
    subscriptions,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from publisher.store import Transaction

CHUNK_ROWS = 1_000
UNSENT = (
    DeliveryState.REJECTED,
    DeliveryState.SUPPRESSED,
    DeliveryState.EXPIRED,
    DeliveryState.CANCELLED,
)
"""The ends that leave a mail unsent: they give the receipt back."""


def _receipts_of(edition: Edition) -> sa.Table:
    return rehearsal_receipts if edition.rehearsal else receipts


# ------------------------------------------------------------------------------------------ opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person an edition may go to: what they declined and which of its posts they have."""

    subscriber_id: int
    declined: frozenset[str]
    received: frozenset[str]


def begin_opening(tx: Transaction, edition: Edition, *, now: datetime) -> bool:
    """Fix whom an edition may go to: those on the list at this moment; state ``ready``."""
    newest = tx.execute(sa.select(sa.func.max(subscribers.c.id))).scalar() or 0
    changed = tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.SCHEDULED)
        .values(
            state=EditionState.READY,
            version=editions.c.version + 1,
            snapshot_id=newest,
            opened_at=now,
        )
    )
    return changed.rowcount == 1


def opening_range(tx: Transaction, edition: Edition) -> tuple[int, int]:
    """Return how far an opening has come and where it ends, as subscriber ids."""
    row = tx.execute(
        sa.select(editions.c.opened_through, editions.c.snapshot_id).where(
            editions.c.id == edition.id
        )
    ).one()
    return int(row.opened_through), int(row.snapshot_id or 0)


def read_candidates(
    tx: Transaction,
    digest: str,
    post_ids: Sequence[str],
    *,
    rehearsal: bool,
    after: int,
    through: int | None,
    limit: int,
    now: datetime,
) -> list[Candidate]:
    """Return the next people to look at, by id: confirmed, subscribed, not paused or suppressed."""
    chose_any = sa.exists().where(subscriptions.c.subscriber_id == subscribers.c.id)
    chose_this = sa.exists().where(
        subscriptions.c.subscriber_id == subscribers.c.id, subscriptions.c.digest == digest
    )
    suppressed = sa.exists().where(suppressions.c.address_hash == subscribers.c.address_hash)
    query = sa.select(subscribers.c.id).where(
        subscribers.c.id > after,
        subscribers.c.state == SubscriberState.ACTIVE,
        sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= now),
        sa.or_(~chose_any, chose_this),
        ~suppressed,
    )
    if through is not None:
        query = query.where(subscribers.c.id <= through)
    ids = list(tx.scalars(query.order_by(subscribers.c.id).limit(limit)))
    if not ids:
        return []
    declined = _pairs(tx, declined_series.c.series, declined_series, ids[0], ids[-1])
    table = rehearsal_receipts if rehearsal else receipts
    received = _pairs(tx, table.c.post_id, table, ids[0], ids[-1], table.c.post_id.in_(post_ids))
    return [
        Candidate(
            subscriber_id=one,
            declined=frozenset(declined[one]),
            received=frozenset(received[one]),
        )
        for one in ids
    ]


def _pairs(
    tx: Transaction, value: Any, table: sa.Table, lo: int, hi: int, *conditions: Any
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = tx.execute(
        sa.select(table.c.subscriber_id, value).where(
            table.c.subscriber_id.between(lo, hi), *conditions
        )
    )
    for subscriber_id, one in rows:
        found[subscriber_id].append(one)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A delivery about to be written: which letter, and the posts it gives."""

    subscriber_id: int
    letter_id: int
    post_ids: tuple[str, ...]


def add_deliveries(
    tx: Transaction, edition: Edition, rows: Sequence[NewDelivery], *, through: int
) -> None:
    """Write deliveries with their receipts and chunks, and how far the opening has come."""
    done = tx.execute(
        sa.select(editions.c.audience).where(editions.c.id == edition.id)
    ).scalar_one()
    dialect.insert_new(
        tx,
        deliveries,
        [
            {
                "edition_id": edition.id,
                "subscriber_id": row.subscriber_id,
                "letter_id": row.letter_id,
                "seq": seq,
            }
            for seq, row in enumerate(rows, start=done + 1)
        ],
    )
    dialect.insert_new(
        tx,
        _receipts_of(edition),
        [
            {"subscriber_id": row.subscriber_id, "post_id": post_id, "edition_id": edition.id}
            for row in rows
            for post_id in row.post_ids
        ],
    )
    first_chunk = tx.execute(
        sa.select(sa.func.count()).select_from(chunks).where(chunks.c.edition_id == edition.id)
    ).scalar_one()
    dialect.insert_new(
        tx,
        chunks,
        [
            {
                "edition_id": edition.id,
                "id": first_chunk + n,
                "lo": rows[start].subscriber_id,
                "hi": rows[min(start + CHUNK_ROWS, len(rows)) - 1].subscriber_id,
            }
            for n, start in enumerate(range(0, len(rows), CHUNK_ROWS), start=1)
        ],
    )
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id)
        .values(opened_through=through, audience=editions.c.audience + len(rows))
    )


def finish_opening(tx: Transaction, edition: Edition) -> bool:
    """Let an edition be sent once its rows equal its audience; return whether it may be."""
    rows = (
        sa.select(sa.func.count())
        .select_from(deliveries)
        .where(deliveries.c.edition_id == edition.id)
        .scalar_subquery()
    )
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.state == EditionState.READY,
            editions.c.audience == rows,
        )
        .values(state=EditionState.SENDING, version=editions.c.version + 1)
    )
    return changed.rowcount == 1


# ------------------------------------------------------------------------------------------ sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A chunk taken for a time; the token makes whoever held it before harmless."""

    edition_id: int
    chunk_id: int
    lo: int
    hi: int
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery that may start now, with what its mail needs."""

    edition_id: int
    subscriber_id: int
    seq: int
    letter_id: int
    address: Address
    discreet: bool
    confirmed_at: datetime | None
    attempts: int
    first_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What became of one attempt, as the remote said it."""

    due: Due
    outcome: Outcome
    next_attempt_at: datetime | None = None


class Start(StrEnum):
    """The answer to "may this mail begin?"."""

    STARTED = "started"
    SKIPPED = "skipped"  # the person left, or is suppressed: recorded
    STOPPED = "stopped"  # paused, cancelled, or another worker has the chunk


def claim_chunk(
    tx: Transaction, edition_id: int, *, owner: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Take the next chunk with something due: a ready one, or one whose lease ran out."""
    free = sa.and_(
        chunks.c.edition_id == edition_id,
        sa.or_(chunks.c.not_before.is_(None), chunks.c.not_before <= now),
        sa.or_(
            chunks.c.state == "ready",
            sa.and_(chunks.c.state == "running", chunks.c.lease_until < now),
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


def release_chunks(tx: Transaction, *, now: datetime) -> None:
    """Free every running chunk at once: for the one process that holds the sender's lock."""
    tx.execute(sa.update(chunks).where(chunks.c.state == "running").values(lease_until=now))


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
    tx.execute(
        sa.insert(attempts),
        [
            {
                "edition_id": claim.edition_id,
                "subscriber_id": row.subscriber_id,
                "n": row.attempts,
                "at": now,
                "outcome": "uncertain",
                "phase": Phase.END,
                "reply": "the process ended while this mail was on the wire",
            }
            for row in rows
        ],
    )
    tx.execute(
        sa.update(deliveries)
        .where(*interrupted)
        .values(state=DeliveryState.UNCERTAIN, next_attempt_at=now)
    )


def _is_open(*, now: datetime, resend: bool) -> Any:
    """Match rows that may start now."""
    waiting = [DeliveryState.DEFERRED, *([DeliveryState.UNCERTAIN] if resend else [])]
    return sa.or_(
        deliveries.c.state == DeliveryState.PENDING,
        sa.and_(deliveries.c.state.in_(waiting), deliveries.c.next_attempt_at <= now),
    )


def read_due(
    tx: Transaction, claim: Claim, *, now: datetime, resend: bool, after: int, limit: int
) -> list[Due]:
    """Return the next deliveries of a chunk that may start now, by subscriber."""
    rows = tx.execute(
        sa.select(
            deliveries.c.subscriber_id,
            deliveries.c.seq,
            deliveries.c.letter_id,
            deliveries.c.attempts,
            deliveries.c.first_attempt_at,
            subscribers.c.address,
            subscribers.c.address_key,
            subscribers.c.discreet,
            subscribers.c.confirmed_at,
        )
        .outerjoin(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(
            deliveries.c.edition_id == claim.edition_id,
            deliveries.c.subscriber_id > after,
            deliveries.c.subscriber_id.between(claim.lo, claim.hi),
            _is_open(now=now, resend=resend),
        )
        .order_by(deliveries.c.subscriber_id)
        .limit(limit)
    )
    return [
        Due(
            edition_id=claim.edition_id,
            subscriber_id=row.subscriber_id,
            seq=row.seq,
            letter_id=row.letter_id,
            address=Address(typed=row.address or "", key=row.address_key or ""),
            discreet=bool(row.discreet),
            confirmed_at=row.confirmed_at,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
        )
        for row in rows
    ]


def start(tx: Transaction, claim: Claim, due: Due, *, now: datetime, lease: timedelta) -> Start:
    """Say that this mail begins, unless somebody took the chunk, the edition or the person away."""
    mine = sa.exists().where(
        chunks.c.edition_id == claim.edition_id,
        chunks.c.id == claim.chunk_id,
        chunks.c.token == claim.token,
        chunks.c.state == "running",
    )
    sending = sa.exists().where(
        editions.c.id == claim.edition_id, editions.c.state == EditionState.SENDING
    )
    suppressed = sa.exists().where(suppressions.c.address_hash == subscribers.c.address_hash)
    mailable = sa.exists().where(
        subscribers.c.id == due.subscriber_id,
        subscribers.c.state == SubscriberState.ACTIVE,
        ~suppressed,
    )
    row = (
        deliveries.c.edition_id == claim.edition_id,
        deliveries.c.subscriber_id == due.subscriber_id,
        deliveries.c.state.in_(
            [DeliveryState.PENDING, DeliveryState.DEFERRED, DeliveryState.UNCERTAIN]
        ),
    )
    began = tx.execute(
        sa.update(deliveries)
        .where(*row, mine, sending, mailable)
        .values(
            state=DeliveryState.INFLIGHT,
            attempts=deliveries.c.attempts + 1,
            token=claim.token,
            first_attempt_at=sa.func.coalesce(
                deliveries.c.first_attempt_at, sa.literal(now, deliveries.c.first_attempt_at.type)
            ),
        )
    )
    if began.rowcount == 1:
        tx.execute(
            sa.update(chunks)
            .where(chunks.c.edition_id == claim.edition_id, chunks.c.id == claim.chunk_id)
            .values(lease_until=now + lease)
        )
        return Start.STARTED
    if not tx.execute(sa.select(sa.and_(mine, sending))).scalar():
        return Start.STOPPED
    return Start.SKIPPED


def put_back(tx: Transaction, due: Due) -> None:
    """Undo a start whose mail never reached the wire: it is not an attempt."""
    was_uncertain = due.attempts > 0
    tx.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.edition_id == due.edition_id,
            deliveries.c.subscriber_id == due.subscriber_id,
            deliveries.c.state == DeliveryState.INFLIGHT,
        )
        .values(
            state=DeliveryState.DEFERRED if was_uncertain else DeliveryState.PENDING,
            attempts=due.attempts,
            first_attempt_at=due.first_attempt_at,
        )
    )


def suppress_delivery(tx: Transaction, edition: Edition, due: Due, reason: str) -> None:
    """End a delivery that must not start: the person left, or can never be mailed."""
    _end(tx, edition, due.subscriber_id, {"state": DeliveryState.SUPPRESSED, "reply": reason})


def record(tx: Transaction, edition: Edition, fact: Fact, *, now: datetime) -> None:
    """Write what became of an attempt; ``accepted`` is never changed again."""
    outcome = fact.outcome
    match outcome:
        case Accepted():
            _end(
                tx,
                edition,
                fact.due.subscriber_id,
                {"state": DeliveryState.ACCEPTED, "code": outcome.code, "next_attempt_at": None},
            )
            return
        case Deferred():
            state = DeliveryState.DEFERRED
        case Rejected():
            state = DeliveryState.REJECTED
        case Uncertain():
            state = DeliveryState.UNCERTAIN
        case _:
            assert_never(outcome)
    code = getattr(outcome, "code", None)
    enhanced = getattr(outcome, "enhanced", "") or None
    values = {
        "state": state,
        "code": code,
        "enhanced": enhanced,
        "reply": outcome.reply,
        "next_attempt_at": fact.next_attempt_at,
    }
    _end(tx, edition, fact.due.subscriber_id, values)
    tx.execute(
        sa.insert(attempts).values(
            edition_id=edition.id,
            subscriber_id=fact.due.subscriber_id,
            n=fact.due.attempts + 1,
            at=now,
            outcome=str(state),
            phase=outcome.phase,
            code=code,
            enhanced=enhanced,
            reply=outcome.reply,
        )
    )


def _end(tx: Transaction, edition: Edition, subscriber_id: int, values: dict[str, Any]) -> None:
    tx.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.edition_id == edition.id,
            deliveries.c.subscriber_id == subscriber_id,
            deliveries.c.state != DeliveryState.ACCEPTED,
        )
        .values(**values)
    )
    if values["state"] in UNSENT:
        table = _receipts_of(edition)
        tx.execute(
            sa.delete(table).where(
                table.c.subscriber_id == subscriber_id, table.c.edition_id == edition.id
            )
        )


def finish_chunk(tx: Transaction, claim: Claim, *, resend: bool) -> None:
    """Give a chunk back: done where every row is at its end, else until the next one is due."""
    waiting = [
        DeliveryState.PENDING,
        DeliveryState.DEFERRED,
        DeliveryState.INFLIGHT,
        *([DeliveryState.UNCERTAIN] if resend else []),
    ]
    row = tx.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(deliveries.c.state == DeliveryState.PENDING),
            sa.func.min(deliveries.c.next_attempt_at),
        ).where(
            deliveries.c.edition_id == claim.edition_id,
            deliveries.c.subscriber_id.between(claim.lo, claim.hi),
            deliveries.c.state.in_(waiting),
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
            state="ready" if row[0] else "done",
            not_before=None if row[1] else row[2],
            lease_until=None,
            owner="",
        )
    )


# ------------------------------------------------------------------------------------------ closing


def read_counts(tx: Transaction, edition_id: int) -> dict[DeliveryState, int]:
    """Return how many deliveries of an edition are in each state."""
    rows = tx.execute(
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.edition_id == edition_id)
        .group_by(deliveries.c.state)
    )
    counts: Mapping[DeliveryState, int] = dict(map(tuple, rows))
    return {state: counts.get(state, 0) for state in DeliveryState}


def read_reasons(tx: Transaction, edition_id: int) -> list[tuple[DeliveryState, str, int]]:
    """Return why deliveries were not accepted, grouped: state, reason, how many."""
    reason = sa.func.coalesce(deliveries.c.reply, "")
    rows = tx.execute(
        sa.select(deliveries.c.state, reason, sa.func.count())
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.state.not_in([DeliveryState.ACCEPTED, DeliveryState.PENDING]),
        )
        .group_by(deliveries.c.state, reason)
        .order_by(sa.func.count().desc())
    )
    return [(row[0], row[1], row[2]) for row in rows]


def end_open(tx: Transaction, edition: Edition, state: DeliveryState, reason: str) -> int:
    """End every delivery that has not begun, as expired or cancelled; return how many."""
    rows = (
        deliveries.c.edition_id == edition.id,
        deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.DEFERRED]),
    )
    ids = list(tx.scalars(sa.select(deliveries.c.subscriber_id).where(*rows)))
    table = _receipts_of(edition)
    for start_at in range(0, len(ids), 500):
        batch = ids[start_at : start_at + 500]
        tx.execute(
            sa.delete(table).where(
                table.c.edition_id == edition.id, table.c.subscriber_id.in_(batch)
            )
        )
    tx.execute(sa.update(deliveries).where(*rows).values(state=state, reply=reason))
    return len(ids)


def close(
    tx: Transaction, edition: Edition, *, resend: bool, now: datetime
) -> EditionState | None:
    """Close a sending edition whose rows are all at their end and balance with its audience.

    Never inferred from an empty query: the rows are counted.
    """
    counts = read_counts(tx, edition.id)
    waiting = counts[DeliveryState.PENDING] + counts[DeliveryState.INFLIGHT]
    waiting += counts[DeliveryState.DEFERRED]
    waiting += counts[DeliveryState.UNCERTAIN] if resend else 0
    audience = tx.execute(
        sa.select(editions.c.audience).where(editions.c.id == edition.id)
    ).scalar_one()
    if waiting or sum(counts.values()) != audience:
        return None
    left = counts[DeliveryState.UNCERTAIN] + counts[DeliveryState.EXPIRED]
    state = EditionState.PARTIAL if left else EditionState.SENT
    changed = tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.SENDING)
        .values(state=state, closed_at=now, version=editions.c.version + 1)
    )
    return state if changed.rowcount == 1 else None
