"""Staff: their accounts, the browsers they are signed in with, and links that work once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.model import Address, Role, Session, Staff
from publisher.store import dialect
from publisher.store.schema import sessions, staff, staff_links, staff_roles

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from publisher.store import Transaction


# --------------------------------------------------------------------------------------- accounts


def add(
    tx: Transaction,
    address: Address,
    *,
    name: str,
    credentials: str,
    roles: Collection[Role],
    now: datetime,
) -> int | None:
    """Record an account; return its id, or None where the address or the name is taken."""
    row = {
        "address": address.typed,
        "address_key": address.key,
        "name": name,
        "name_key": name.casefold(),
        "credentials": credentials,
        "made_at": now,
    }
    made = dialect.insert_new_returning(tx, staff, [row], staff.c.id)
    if not made:
        return None
    staff_id = int(made[0].id)
    set_roles(tx, staff_id, roles)
    return staff_id


def set_roles(tx: Transaction, staff_id: int, roles: Collection[Role]) -> None:
    """Say anew what a member of staff may do."""
    tx.execute(sa.delete(staff_roles).where(staff_roles.c.staff_id == staff_id))
    rows = [{"staff_id": staff_id, "role": role} for role in sorted(roles)]
    dialect.insert_new(tx, staff_roles, rows)


def set_password(tx: Transaction, staff_id: int, password_hash: str | None) -> None:
    """Keep the hash of a new password, or none."""
    tx.execute(sa.update(staff).where(staff.c.id == staff_id).values(password_hash=password_hash))


def remove(tx: Transaction, staff_id: int) -> bool:
    """Remove an account with its sessions and links; what it did stays in the trail."""
    return tx.execute(sa.delete(staff).where(staff.c.id == staff_id)).rowcount == 1


def count(tx: Transaction) -> int:
    """Return how many accounts there are."""
    return int(tx.execute(sa.select(sa.func.count()).select_from(staff)).scalar_one())


def lock(tx: Transaction) -> None:
    """Keep others from changing accounts until this transaction ends."""
    tx.execute(sa.select(staff.c.id).with_for_update()).all()


def read_all(tx: Transaction) -> list[Staff]:
    """Return every account, by name."""
    return _read(tx, sa.select(staff).order_by(staff.c.name_key))


def read_one(tx: Transaction, staff_id: int) -> Staff | None:
    """Return one account."""
    return next(iter(_read(tx, sa.select(staff).where(staff.c.id == staff_id))), None)


def read_by_key(tx: Transaction, address_key: str) -> Staff | None:
    """Return the account of an address."""
    query = sa.select(staff).where(staff.c.address_key == address_key)
    return next(iter(_read(tx, query)), None)


def end_tour(tx: Transaction, staff_id: int, *, at: datetime | None) -> None:
    """Note that a member of staff has seen enough of the tour, or wants it again."""
    tx.execute(sa.update(staff).where(staff.c.id == staff_id).values(tour_ended_at=at))


def is_tour_over(tx: Transaction, staff_id: int) -> bool:
    """Return whether a member of staff has seen enough of the tour."""
    ended = tx.execute(sa.select(staff.c.tour_ended_at).where(staff.c.id == staff_id)).scalar()
    return ended is not None


def read_password_hash(tx: Transaction, staff_id: int) -> str | None:
    """Return the hash of an account's password."""
    found: str | None = tx.execute(
        sa.select(staff.c.password_hash).where(staff.c.id == staff_id)
    ).scalar()
    return found


def _read(tx: Transaction, query: sa.Select[Any]) -> list[Staff]:
    rows = tx.execute(query).all()
    held = defaultdict[int, set[Role]](set)
    which = staff_roles.c.staff_id.in_([row.id for row in rows])
    for row in tx.execute(sa.select(staff_roles).where(which)):
        held[row.staff_id].add(Role(row.role))
    return [_staff(row, held[row.id]) for row in rows]


def _staff(row: Any, roles: Collection[Role]) -> Staff:
    return Staff(
        id=row.id,
        address=Address(typed=row.address, key=row.address_key),
        name=row.name,
        credentials=row.credentials,
        roles=frozenset(roles),
        has_password=row.password_hash is not None,
        made_at=row.made_at,
    )


# --------------------------------------------------------------------------------------- sessions


def add_session(
    tx: Transaction, staff_id: int, token_sha256: str, *, agent: str, now: datetime
) -> None:
    """Record a browser that is signed in from now on."""
    tx.execute(
        sa.insert(sessions).values(
            token_sha256=token_sha256,
            staff_id=staff_id,
            made_at=now,
            seen_at=now,
            proved_at=now,
            agent=agent,
        )
    )


def read_session(tx: Transaction, token_sha256: str) -> tuple[Session, str] | None:
    """Return the session of a cookie, and what it is to be told next."""
    row = tx.execute(
        sa.select(sessions).where(sessions.c.token_sha256 == token_sha256)
    ).one_or_none()
    whose = read_one(tx, row.staff_id) if row else None
    return (_session(row, whose), row.said) if row and whose else None


def read_sessions(tx: Transaction, whose: Staff) -> list[Session]:
    """Return where a member of staff is signed in, last seen first."""
    rows = tx.execute(
        sa.select(sessions)
        .where(sessions.c.staff_id == whose.id)
        .order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
    )
    return [_session(row, whose) for row in rows]


def _session(row: Any, whose: Staff) -> Session:
    return Session(
        id=row.id,
        staff=whose,
        made_at=row.made_at,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        agent=row.agent,
    )


def note_seen(tx: Transaction, session_id: int, *, now: datetime) -> None:
    """Note that a browser was here."""
    tx.execute(sa.update(sessions).where(sessions.c.id == session_id).values(seen_at=now))


def note_proof(tx: Transaction, session_id: int, *, now: datetime) -> None:
    """Note that the person showed again that it is they."""
    tx.execute(sa.update(sessions).where(sessions.c.id == session_id).values(proved_at=now))


def say_next(tx: Transaction, session_id: int, said: str) -> None:
    """Keep what a browser is to be told on its next page; nothing once it was."""
    tx.execute(sa.update(sessions).where(sessions.c.id == session_id).values(said=said))


def end_sessions(
    tx: Transaction, staff_id: int, *, only: int | None = None, but: int | None = None
) -> int:
    """End one session of a member of staff, all but one, or all; return how many ended."""
    query = sa.delete(sessions).where(sessions.c.staff_id == staff_id)
    if only is not None:
        query = query.where(sessions.c.id == only)
    if but is not None:
        query = query.where(sessions.c.id != but)
    return tx.execute(query).rowcount


def forget_old(
    tx: Transaction, *, seen_before: datetime, made_before: datetime, now: datetime
) -> None:
    """Remove sessions that rested or lasted too long, and links that are out of date."""
    tx.execute(
        sa.delete(sessions).where(
            sa.or_(sessions.c.seen_at < seen_before, sessions.c.made_at < made_before)
        )
    )
    tx.execute(sa.delete(staff_links).where(staff_links.c.expires_at <= now))


# ------------------------------------------------------------------------------------------ links


def add_link(
    tx: Transaction,
    token_sha256: str,
    *,
    staff_id: int | None,
    target: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Record a link that works once, until then; without a person it makes the first account."""
    tx.execute(
        sa.insert(staff_links).values(
            token_sha256=token_sha256,
            purpose="sign-in" if staff_id is not None else "setup",
            staff_id=staff_id,
            target=target,
            made_at=now,
            expires_at=expires_at,
        )
    )


def drop_links(tx: Transaction, *, staff_id: int | None) -> None:
    """Make the links of a member of staff, or those to the first account, work no more."""
    whose = staff_links.c.staff_id
    tx.execute(
        sa.delete(staff_links).where(whose.is_(None) if staff_id is None else whose == staff_id)
    )


def read_link(
    tx: Transaction, token_sha256: str, *, now: datetime
) -> tuple[int | None, str] | None:
    """Return whose a link is, and where it leads; None where it works no more, or never did."""
    row = tx.execute(
        sa.select(staff_links).where(
            staff_links.c.token_sha256 == token_sha256, staff_links.c.expires_at > now
        )
    ).one_or_none()
    return (row.staff_id, row.target) if row else None


def use_link(tx: Transaction, token_sha256: str) -> bool:
    """Use a link up; return False where somebody was faster."""
    used = tx.execute(sa.delete(staff_links).where(staff_links.c.token_sha256 == token_sha256))
    return used.rowcount == 1
