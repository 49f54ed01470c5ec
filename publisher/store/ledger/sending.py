"""Sending: what is due, the start of a mail, and the fact of its end."""

from __future__ import annotations

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
    Rejected,
    SubscriberState,
    Uncertain,
)
from publisher.store import dialect
from publisher.store.ledger.ends import UNSENT, end_if_over, give_again, give_back, row_of
from publisher.store.prepared import Among, Prepared, execute
from publisher.store.schema import (
    BIG,
    attempts,
    chunks,
    deliveries,
    editions,
    subscribers,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from publisher.store import Transaction
    from publisher.store.ledger.claiming import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery that may start now, with what its mail needs."""

    edition_id: int
    subscriber_id: int
    seq: int
    letter_id: int
    address: Address
    """Empty where the person was erased."""
    discreet: bool
    text_only: bool
    confirmed_at: datetime | None
    state: DeliveryState
    """``pending``, ``deferred`` or ``uncertain``."""
    attempts: int
    """How many began before."""
    first_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What became of one attempt, as the remote said it."""

    due: Due
    outcome: Outcome
    next_attempt_at: datetime | None = None
    """When a deferred or uncertain one may start again; at once where nothing is said."""


class Start(StrEnum):
    """The answer to "may this mail begin?"."""

    STARTED = "started"
    SKIPPED = "skipped"  # the person left, or is suppressed, or the row ended meanwhile
    STOPPED = "stopped"  # paused, cancelled, or another worker has the chunk


def read_due(
    tx: Transaction, claim: Claim, *, now: datetime, resend: bool, after: int, limit: int
) -> list[Due]:
    """Return the next deliveries of a chunk that may start now, by subscriber."""
    rows = tx.execute(
        sa.select(
            deliveries.c.subscriber_id,
            deliveries.c.seq,
            deliveries.c.letter_id,
            deliveries.c.state,
            deliveries.c.attempts,
            deliveries.c.first_attempt_at,
            subscribers.c.address,
            subscribers.c.address_key,
            subscribers.c.discreet,
            subscribers.c.plain_text,
            subscribers.c.confirmed_at,
        )
        .outerjoin(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(
            deliveries.c.edition_id == claim.edition_id,
            deliveries.c.subscriber_id > after,
            deliveries.c.subscriber_id.between(claim.lo, claim.hi),
            _may_start(now=now, resend=resend),
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
            text_only=bool(row.plain_text),
            confirmed_at=row.confirmed_at,
            state=row.state,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
        )
        for row in rows
    ]


def _may_start(*, now: datetime, resend: bool) -> sa.ColumnElement[bool]:
    waiting = [DeliveryState.DEFERRED, *([DeliveryState.UNCERTAIN] if resend else [])]
    return sa.or_(
        deliveries.c.state == DeliveryState.PENDING,
        sa.and_(deliveries.c.state.in_(waiting), deliveries.c.next_attempt_at <= now),
    )


def _is_as_read(due: Due) -> sa.ColumnElement[bool]:
    """Match the row while it still is what ``due`` says."""
    return sa.and_(
        row_of(due.edition_id, due.subscriber_id),
        deliveries.c.state == due.state,
        deliveries.c.attempts == due.attempts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """One mail that is about to begin: whose chunk, which row, the second it is dated by."""

    claim: Claim
    due: Due
    at: datetime


def start(tx: Transaction, claim: Claim, due: Due, *, now: datetime, lease: timedelta) -> Start:
    """Say that this mail begins, unless somebody took the chunk, the edition or the person away."""
    (answer,) = start_all(tx, [Beginning(claim=claim, due=due, at=now)])
    if answer is Start.STARTED:
        renew(tx, claim, until=now + lease)
    return answer


def start_all(tx: Transaction, beginnings: Sequence[Beginning]) -> list[Start]:
    """Say of many mails that they begin, as ``start`` does of one; return an answer for each.

    Rows that are alike share a statement, so a commit for all connections costs little more than
    one for a single mail. The lease is renewed apart.
    """
    alike: dict[tuple[Claim, DeliveryState, int, datetime], list[int]] = {}
    for one in beginnings:
        key = (one.claim, one.due.state, one.due.attempts, one.at)
        alike.setdefault(key, []).append(one.due.subscriber_id)
    began: set[tuple[int, int]] = set()
    for (claim, state, attempts_before, at), people in alike.items():
        mine = _name(claim)
        said = {"people": people, "was": state, "attempts_before": attempts_before, "at": at}
        began |= {(claim.edition_id, one) for one in _begin(tx, people, mine | said)}
    return [
        Start.STARTED if (due.edition_id, due.subscriber_id) in began else _why_not(tx, one.claim)
        for one in beginnings
        for due in (one.due,)
    ]


def _begin(tx: Transaction, people: list[int], values: dict[str, Any]) -> list[int]:
    """Begin the mails of those people, and return whose began: as a rule all.

    Only where it is not all are they named one by one: each row that is returned is a turn with
    the thread that sends.
    """
    execute(tx, "SAVEPOINT beginning")
    if _BEGIN.count(tx, values) == len(people):
        execute(tx, "RELEASE SAVEPOINT beginning")
        return people
    execute(tx, "ROLLBACK TO SAVEPOINT beginning")
    return [row[0] for row in _BEGIN_AND_NAME.rows(tx, values)]


def renew(tx: Transaction, claim: Claim, *, until: datetime) -> None:
    """Keep a chunk for longer, where it is still ours."""
    _RENEW.count(tx, {**_name(claim), "until": until})


def _name(claim: Claim) -> dict[str, int]:
    return {"edition": claim.edition_id, "chunk": claim.chunk_id, "mine": claim.token}


def _why_not(tx: Transaction, claim: Claim) -> Start:
    ((is_held,),) = _ASK.rows(tx, _name(claim))
    return Start.SKIPPED if is_held else Start.STOPPED


# Compiled once: to build a statement costs more than to run it.
_EDITION, _CHUNK = sa.bindparam("edition", type_=BIG), sa.bindparam("chunk", type_=sa.Integer)
_TOKEN = sa.bindparam("mine", type_=BIG)
_HELD = sa.and_(
    sa.exists().where(
        chunks.c.edition_id == _EDITION,
        chunks.c.id == _CHUNK,
        chunks.c.token == _TOKEN,
        chunks.c.state == "running",
    ),
    sa.exists().where(editions.c.id == _EDITION, editions.c.state == EditionState.SENDING),
)
_MAILABLE = sa.exists().where(
    subscribers.c.id == deliveries.c.subscriber_id,
    subscribers.c.state == SubscriberState.ACTIVE,
    ~sa.exists().where(suppressions.c.address_hash == subscribers.c.address_hash),
)
_ASK = Prepared(sa.select(_HELD))
_RENEW = Prepared(
    sa.update(chunks)
    .where(chunks.c.edition_id == _EDITION, chunks.c.id == _CHUNK, chunks.c.token == _TOKEN)
    .values(lease_until=sa.bindparam("until", type_=chunks.c.lease_until.type))
)
_TO_BEGIN = (
    sa.update(deliveries)
    .where(
        deliveries.c.edition_id == _EDITION,
        Among(deliveries.c.subscriber_id, "people"),
        deliveries.c.state == sa.bindparam("was", type_=deliveries.c.state.type),
        deliveries.c.attempts == sa.bindparam("attempts_before", type_=sa.SmallInteger),
        _HELD,
        _MAILABLE,
    )
    .values(
        state=DeliveryState.INFLIGHT,
        attempts=deliveries.c.attempts + 1,
        token=_TOKEN,
        first_attempt_at=sa.func.coalesce(
            deliveries.c.first_attempt_at,
            sa.bindparam("at", type_=deliveries.c.first_attempt_at.type),
        ),
    )
)
_BEGIN = Prepared(_TO_BEGIN)
_BEGIN_AND_NAME = Prepared(_TO_BEGIN.returning(deliveries.c.subscriber_id))


def put_back(tx: Transaction, due: Due) -> None:
    """Undo a start whose mail never reached the wire: it is not an attempt.

    The row is again what it was: due at once, and as uncertain as before.
    """
    undone = tx.execute(
        sa.update(deliveries)
        .where(
            row_of(due.edition_id, due.subscriber_id),
            deliveries.c.state == DeliveryState.INFLIGHT,
            deliveries.c.attempts == due.attempts + 1,
        )
        .values(state=due.state, attempts=due.attempts, first_attempt_at=due.first_attempt_at)
    )
    if undone.rowcount:
        end_if_over(tx, due.edition_id, due.subscriber_id)


def postpone(tx: Transaction, due: Due, until: datetime, reason: str) -> None:
    """Let a mail that has not begun wait: no attempt, since nothing was tried.

    Nothing changes where the row is no longer as ``due`` says; what is uncertain stays so.
    """
    state = due.state if due.state is DeliveryState.UNCERTAIN else DeliveryState.DEFERRED
    tx.execute(
        sa.update(deliveries)
        .where(_is_as_read(due))
        .values(state=state, next_attempt_at=until, reply=reason)
    )


def suppress_delivery(tx: Transaction, edition: Edition, due: Due, reason: str) -> None:
    """End a delivery that must not start: the person left, or can never be mailed.

    Nothing changes where the row is no longer as ``due`` says.
    """
    ended = tx.execute(
        sa.update(deliveries)
        .where(_is_as_read(due))
        .values(state=DeliveryState.SUPPRESSED, reply=reason, next_attempt_at=None)
    )
    if ended.rowcount:
        give_back(tx, edition.id, due.subscriber_id, rehearsal=edition.rehearsal)


def record(tx: Transaction, edition: Edition, fact: Fact, *, now: datetime) -> None:
    """Write what became of an attempt, whoever holds the chunk by now; again changes nothing.

    ``accepted`` wins over every other state and is never changed. Any other outcome is the row's
    only where no later attempt began; it is kept as an attempt all the same.
    """
    outcome = fact.outcome
    match outcome:
        case Accepted():
            _accept(tx, edition, fact.due, outcome)
        case Deferred():
            _refuse(tx, edition, fact, outcome, DeliveryState.DEFERRED, now=now)
        case Rejected():
            _refuse(tx, edition, fact, outcome, DeliveryState.REJECTED, now=now)
        case Uncertain():
            _refuse(tx, edition, fact, outcome, DeliveryState.UNCERTAIN, now=now)
        case _:
            assert_never(outcome)


def record_all(tx: Transaction, edition: Edition, facts: Sequence[Fact], *, now: datetime) -> None:
    """Write what became of many attempts, as ``record`` does of one; acceptances share a statement."""
    accepted: dict[int, list[Fact]] = {}
    for fact in facts:
        if isinstance(fact.outcome, Accepted):
            accepted.setdefault(fact.outcome.code, []).append(fact)
        else:
            record(tx, edition, fact, now=now)
    for code, alike in accepted.items():
        people = [fact.due.subscriber_id for fact in alike]
        said = {"edition": edition.id, "people": people, "said": code}
        if _ACCEPT.count(tx, said) == len(people):
            continue
        for fact in alike:  # some were over: who is accepted already stays so
            record(tx, edition, fact, now=now)


_ACCEPT = Prepared(
    sa.update(deliveries)
    .where(
        deliveries.c.edition_id == _EDITION,
        Among(deliveries.c.subscriber_id, "people"),
        *(deliveries.c.state != over for over in (DeliveryState.ACCEPTED, *UNSENT)),
    )
    .values(
        state=DeliveryState.ACCEPTED,
        code=sa.bindparam("said", type_=deliveries.c.code.type),
        enhanced=None,
        reply=None,
        next_attempt_at=None,
    )
)


def _accepted(code: int) -> sa.Update:
    return sa.update(deliveries).values(
        state=DeliveryState.ACCEPTED, code=code, enhanced=None, reply=None, next_attempt_at=None
    )


def _accept(tx: Transaction, edition: Edition, due: Due, outcome: Accepted) -> None:
    row = row_of(edition.id, due.subscriber_id)
    accepted = _accepted(outcome.code)
    over = [DeliveryState.ACCEPTED, *UNSENT]
    if tx.execute(accepted.where(row, deliveries.c.state.not_in(over))).rowcount:
        return
    if tx.execute(accepted.where(row, deliveries.c.state.in_(UNSENT))).rowcount:
        give_again(tx, edition.id, due.subscriber_id, rehearsal=edition.rehearsal)


def _refuse(
    tx: Transaction,
    edition: Edition,
    fact: Fact,
    outcome: Deferred | Rejected | Uncertain,
    state: DeliveryState,
    *,
    now: datetime,
) -> None:
    due, n = fact.due, fact.due.attempts + 1
    said = {
        "code": None if isinstance(outcome, Uncertain) else outcome.code,
        "enhanced": None if isinstance(outcome, Uncertain) else outcome.enhanced or None,
        "reply": outcome.reply,
    }
    attempt = {"edition_id": edition.id, "subscriber_id": due.subscriber_id, "n": n, "at": now}
    attempt |= {"outcome": state.value, "phase": outcome.phase, **said}
    dialect.insert_new(tx, attempts, [attempt])
    next_at = None if state is DeliveryState.REJECTED else fact.next_attempt_at or now
    changed = tx.execute(
        sa.update(deliveries)
        .where(
            row_of(edition.id, due.subscriber_id),
            deliveries.c.attempts == n,
            deliveries.c.state.in_([DeliveryState.INFLIGHT, DeliveryState.UNCERTAIN]),
        )
        .values(state=state, next_attempt_at=next_at, **said)
    )
    if not changed.rowcount:
        return
    if state is DeliveryState.REJECTED:
        give_back(tx, edition.id, due.subscriber_id, rehearsal=edition.rehearsal)
    end_if_over(tx, edition.id, due.subscriber_id)
