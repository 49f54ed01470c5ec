"""Notices: who asked for which mail, what became of it, and whether its link was used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import Address
from publisher.store.ledger.marks import is_staff
from publisher.store.schema import notices, staff, subscribers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice as it was asked for."""

    id: int
    kind: str
    subscriber_id: int | None
    consent_id: int | None
    address: str
    """The address itself where it is not the subscriber's own: a new one."""
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice that may be tried now, and to whom."""

    id: int
    kind: str
    subscriber_id: int | None
    consent_id: int | None
    staff_id: int | None = None
    """Whose account it signs in to."""
    to: Address | None
    """Nobody where the person was erased meanwhile."""
    made_at: datetime
    attempts: int
    """How many began before."""


def add(
    tx: Transaction,
    kind: str,
    address_hash: str,
    *,
    now: datetime,
    subscriber_id: int | None = None,
    consent_id: int | None = None,
    staff_id: int | None = None,
    address: str = "",
    withheld: bool = False,
) -> int:
    """Record that a notice is to be mailed; return its number.

    One that is ``withheld`` is never mailed, but counts as one that was asked for.
    """
    made = tx.execute(
        sa.insert(notices)
        .values(
            kind=kind,
            subscriber_id=subscriber_id,
            consent_id=consent_id,
            staff_id=staff_id,
            address_hash=address_hash,
            address=address,
            made_at=now,
            state="withheld" if withheld else "pending",
            next_attempt_at=now,
        )
        .returning(notices.c.id)
    )
    return int(made.scalar_one())


def asked_at(
    tx: Transaction, address_hash: str, kinds: Sequence[str], *, since: datetime
) -> list[datetime]:
    """Return when notices of these kinds were asked for at an address, the newest first."""
    return list(
        tx.scalars(
            sa.select(notices.c.made_at)
            .where(
                notices.c.address_hash == address_hash,
                notices.c.kind.in_(kinds),
                notices.c.made_at > since,
            )
            .order_by(notices.c.made_at.desc())
        )
    )


def ask_again(tx: Transaction, address_hash: str) -> None:
    """Count one more that was asked for and is not mailed: the newest notice has it."""
    newest = (
        sa.select(sa.func.max(notices.c.id))
        .where(notices.c.address_hash == address_hash)
        .scalar_subquery()
    )
    tx.execute(
        sa.update(notices)
        .where(notices.c.id == newest)
        .values(asked_again=notices.c.asked_again + 1)
    )


def count_made(tx: Transaction, kinds: Sequence[str], *, since: datetime) -> int:
    """Return how many notices of these kinds were asked for since then, of anybody."""
    query = (
        sa.select(sa.func.count())
        .select_from(notices)
        .where(notices.c.kind.in_(kinds), notices.c.made_at > since)
    )
    return int(tx.execute(query).scalar_one())


def read_one(tx: Transaction, notice_id: int) -> Notice | None:
    """Return a notice by its number."""
    row = tx.execute(sa.select(notices).where(notices.c.id == notice_id)).one_or_none()
    if row is None:
        return None
    return Notice(
        id=row.id,
        kind=row.kind,
        subscriber_id=row.subscriber_id,
        consent_id=row.consent_id,
        address=row.address,
        made_at=row.made_at,
        used_at=row.used_at,
    )


def use(tx: Transaction, notice_id: int, *, now: datetime) -> bool:
    """Use up the link of a notice; False where it was used before. Its own address is let go."""
    changed = tx.execute(
        sa.update(notices)
        .where(notices.c.id == notice_id, notices.c.used_at.is_(None))
        .values(used_at=now, address="")
    )
    return changed.rowcount == 1


# ----------------------------------------------------------------------------------------- sending


def read_waiting(
    tx: Transaction, *, now: datetime, limit: int, trial: bool = False
) -> list[Waiting]:
    """Return the notices that may be tried now, the one that waits longest first.

    In a trial those to addresses that are not staff's wait on.
    """
    may_go: sa.ColumnElement[bool] = sa.true()
    if trial:
        to = sa.func.coalesce(sa.func.nullif(notices.c.address, ""), subscribers.c.address_key)
        may_go = sa.or_(notices.c.staff_id.is_not(None), to.is_(None), is_staff(to))
    rows = tx.execute(
        sa.select(
            notices.c.id,
            notices.c.kind,
            notices.c.subscriber_id,
            notices.c.consent_id,
            notices.c.staff_id,
            notices.c.address,
            notices.c.made_at,
            notices.c.attempts,
            sa.func.coalesce(subscribers.c.address, staff.c.address).label("own"),
            sa.func.coalesce(subscribers.c.address_key, staff.c.address_key).label("address_key"),
        )
        .outerjoin(subscribers, subscribers.c.id == notices.c.subscriber_id)
        .outerjoin(staff, staff.c.id == notices.c.staff_id)
        .where(notices.c.state == "pending", notices.c.next_attempt_at <= now, may_go)
        .order_by(notices.c.next_attempt_at, notices.c.id)
        .limit(limit)
    )
    return [
        Waiting(
            id=row.id,
            kind=row.kind,
            subscriber_id=row.subscriber_id,
            consent_id=row.consent_id,
            staff_id=row.staff_id,
            to=_recipient(row.address, row.own, row.address_key),
            made_at=row.made_at,
            attempts=row.attempts,
        )
        for row in rows
    ]


def _recipient(named: str, own: str | None, key: str | None) -> Address | None:
    if not own or not key:
        return None
    return Address(typed=named, key=named) if named else Address(typed=own, key=key)


def begin(tx: Transaction, waiting: Waiting, *, next_attempt_at: datetime) -> bool:
    """Say before the mail goes on the wire that it is tried; False where another was first."""
    changed = tx.execute(
        sa.update(notices)
        .where(
            notices.c.id == waiting.id,
            notices.c.state == "pending",
            notices.c.attempts == waiting.attempts,
        )
        .values(attempts=waiting.attempts + 1, next_attempt_at=next_attempt_at)
    )
    return changed.rowcount == 1


def put_back(tx: Transaction, waiting: Waiting, *, reply: str, next_attempt_at: datetime) -> None:
    """Leave a notice to wait for a later moment, and keep what was said."""
    tx.execute(
        sa.update(notices)
        .where(notices.c.id == waiting.id)
        .values(reply=reply, next_attempt_at=next_attempt_at)
    )


def end(tx: Transaction, notice_id: int, state: str, *, reply: str, now: datetime) -> None:
    """Record what a notice came to for good: ``sent`` or ``failed``."""
    tx.execute(
        sa.update(notices)
        .where(notices.c.id == notice_id)
        .values(state=state, reply=reply, ended_at=now)
    )
