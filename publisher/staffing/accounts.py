"""Accounts: who may sign in and what they may do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from publisher import deliverability
from publisher.errors import NotFound, Problem, Refused, UsageError
from publisher.model import Role
from publisher.staffing import passwords
from publisher.staffing.entrances import hash_token, open_session
from publisher.store import staff, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from publisher.model import Address, Staff
    from publisher.store import Store, Transaction

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MOST = 100


def has_staff(store: Store) -> bool:
    """Whether anybody may sign in."""
    with store.read() as tx:
        return staff.count(tx) > 0


def list_staff(store: Store) -> list[Staff]:
    """Return every account, by name."""
    with store.read() as tx:
        return staff.read_all(tx)


def find(store: Store, address_text: str) -> Staff:
    """Return the account of an address; raises NotFound."""
    address = _read_address(address_text)
    with store.read() as tx:
        found = staff.read_by_key(tx, address.key)
    if found is None:
        raise NotFound(_unknown(address.typed))
    return found


def add(
    store: Store,
    address_text: str,
    *,
    name: str,
    credentials: str = "",
    roles: Collection[Role],
    by: str,
    now: datetime,
) -> Staff:
    """Add an account without a password: it is set by the link that the person gets.

    Raises UsageError for what is no address or no name, Refused where one of them is taken.
    """
    address = _read_address(address_text)
    name, credentials = read_name(name, "name"), _read_line(credentials, "credentials")
    with store.write() as tx:
        return _insert(
            tx, address, name=name, credentials=credentials, roles=roles, by=by, now=now
        )


def make_first(
    store: Store,
    token: str,
    address_text: str,
    *,
    name: str,
    password: str,
    agent: str,
    now: datetime,
) -> str | None:
    """Make the first account, which may do everything, by its link; return the cookie's value.

    None where the link works no more: it was used, is out of date, or somebody was faster.
    """
    address, name = _read_address(address_text), read_name(name, "name")
    passwords.check_password(password, address)
    hashed = passwords.hash_password(password)
    with store.write() as tx:
        link = staff.read_link(tx, hash_token(token), now=now)
        if link is None or link[0] is not None or not staff.use_link(tx, hash_token(token)):
            return None
        if staff.count(tx):
            return None
        made = _insert(tx, address, name=name, credentials="", roles=list(Role), by=name, now=now)
        staff.set_password(tx, made.id, hashed)
        return open_session(tx, made, agent=agent, now=now)


def _insert(
    tx: Transaction,
    address: Address,
    *,
    name: str,
    credentials: str,
    roles: Collection[Role],
    by: str,
    now: datetime,
) -> Staff:
    staff_id = staff.add(tx, address, name=name, credentials=credentials, roles=roles, now=now)
    made = staff.read_one(tx, staff_id) if staff_id is not None else None
    if made is None:
        raise Refused(_taken(address.typed, name))
    note(tx, by, "add", made, now=now, detail=_tell_roles(roles))
    return made


def set_password(
    store: Store, who: Staff, password: str, *, by: str, keep_session: int | None, now: datetime
) -> None:
    """Give an account another password; every session but one ends, and links work no more.

    Raises UsageError for one that is too easy to guess.
    """
    passwords.check_password(password, who.address)
    hashed = passwords.hash_password(password)
    with store.write() as tx:
        staff.set_password(tx, who.id, hashed)
        staff.end_sessions(tx, who.id, but=keep_session)
        staff.drop_links(tx, staff_id=who.id)
        note(tx, by, "password", who, now=now)


def set_roles(
    store: Store, who: Staff, roles: Collection[Role], *, by: str, now: datetime
) -> None:
    """Say anew what a member of staff may do; raises Refused where no admin would be left."""
    with store.write() as tx:
        staff.lock(tx)
        if Role.ADMIN not in roles:
            _keep_an_admin(tx, who)
        staff.set_roles(tx, who.id, roles)
        note(tx, by, "roles", who, now=now, detail=_tell_roles(roles))


def remove(store: Store, who: Staff, *, by: str, now: datetime) -> bool:
    """Remove an account and sign it out everywhere; what it did stays in the trail.

    Raises Refused where no admin would be left to look after the others.
    """
    with store.write() as tx:
        staff.lock(tx)
        _keep_an_admin(tx, who)
        removed = staff.remove(tx, who.id)
        if removed:
            note(tx, by, "remove", who, now=now)
        return removed


def _keep_an_admin(tx: Transaction, but: Staff) -> None:
    others = [one for one in staff.read_all(tx) if one.id != but.id]
    if others and not any(Role.ADMIN in one.roles for one in others):
        raise Refused(_last_admin(but))
    if not others and Role.ADMIN in but.roles:
        raise Refused(_last_admin(but))


def note(
    tx: Transaction, by: str, verb: str, who: Staff, *, now: datetime, detail: str = ""
) -> None:
    """Add one line to the trail; it names whom it is about, who may be gone one day."""
    told = f"{who.name}{': ' if detail else ''}{detail}"
    subscribers.note(tx, by, verb, f"staff:{who.id}", now=now, detail=told)


def _tell_roles(roles: Collection[Role]) -> str:
    return ", ".join(role for role in Role if role in roles) or "no role"


def _read_address(text: str) -> Address:
    try:
        return deliverability.parse_address(text)
    except ValueError as error:
        raise UsageError(
            Problem(
                code="staff.address",
                path="address",
                expected="an email address such as anna@example.org",
                got=f"{text!r}: {error}",
                hint="Nothing was changed.",
            )
        ) from error


def read_name(text: str, field: str) -> str:
    """Return a name as one line; raises UsageError where there is none."""
    name = _read_line(text, field)
    if not name:
        raise UsageError(
            Problem(
                code="staff.name",
                path=field,
                expected="a name, as it stands beside what the person approves",
                got="nothing",
                hint="Nothing was changed.",
            )
        )
    return name


def _read_line(text: str, field: str) -> str:
    line = " ".join(text.split())
    if _CONTROLS.search(line) or len(line) > _MOST:
        raise UsageError(
            Problem(
                code=f"staff.{field}",
                path=field,
                expected=f"one line of at most {_MOST} characters",
                got=f"{len(line)} characters" if len(line) > _MOST else "control characters",
                hint="Nothing was changed.",
            )
        )
    return line


def _taken(address: str, name: str) -> Problem:
    return Problem(
        code="staff.taken",
        path=address,
        expected="an address and a name that no other account has",
        got=f"{address}, {name}: one of them is taken",
        hint="publisher staff ls lists the accounts. Nothing was changed.",
    )


def _unknown(address: str) -> Problem:
    return Problem(
        code="staff.unknown",
        path=address,
        expected="the address of an account",
        got=f"{address}, which has none",
        hint="publisher staff ls lists them. Nothing was changed.",
    )


def _last_admin(who: Staff) -> Problem:
    return Problem(
        code="staff.last_admin",
        path=who.address.typed,
        expected="another admin, to look after the accounts",
        got="none",
        hint="Make somebody else an admin first. Nothing was changed.",
    )


# ------------------------------------------------------------------------------------------ tour


def is_tour_over(store: Store, who: Staff) -> bool:
    """Return whether somebody has seen enough of the tour on the first page."""
    with store.read() as tx:
        return staff.is_tour_over(tx, who.id)


def end_tour(store: Store, who: Staff, *, now: datetime | None) -> None:
    """Show somebody no tour any more; without a moment, show it again."""
    with store.write() as tx:
        staff.end_tour(tx, who.id, at=now)
