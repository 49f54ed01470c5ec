"""Entrances: signing in by password or by a link that works once, sessions, and proofs."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from publisher import deliverability, tokens
from publisher.model import SIGN_IN_WITHIN
from publisher.staffing import passwords
from publisher.store import notices, staff, subscribers

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Address, Session, Staff
    from publisher.store import Store, Transaction

RESTS_AT_MOST: Final = timedelta(hours=12)
"""A session that was not used for so long is over."""
LASTS_AT_MOST: Final = timedelta(days=7)
PROOF_WITHIN: Final = timedelta(minutes=15)
"""So long after a proof nobody is asked again before export, erasing and accounts."""
LINK_WITHIN: Final = SIGN_IN_WITHIN
SETUP_WITHIN: Final = timedelta(days=1)
REVIEW_WITHIN: Final = timedelta(hours=72)
MOST_LINKS: Final = 3
"""Links to sign in that one person may have at a time."""

_TOKEN_OCTETS = 32
_SEEN_EVERY = timedelta(minutes=2)
_MOST_AGENT = 200


def make_token() -> str:
    """Return 256 random bits as 43 characters that fit into a cookie and an address."""
    return secrets.token_urlsafe(_TOKEN_OCTETS)


def hash_token(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Somebody who came in."""

    token: str
    """The cookie's value."""
    target: str = ""
    """Where the link led, a path; empty for the first page."""


# ------------------------------------------------------------------------------------- passwords


def sign_in(
    store: Store, address_text: str, password: str, *, agent: str, now: datetime
) -> Entrance | None:
    """Sign in by password; None where address and password are not those of one account.

    It takes as long whether there is such an account or not.
    """
    address = _read(address_text)
    with store.read() as tx:
        who = staff.read_by_key(tx, address.key) if address else None
        kept = staff.read_password_hash(tx, who.id) if who else None
    if not passwords.verifies(password, kept) or who is None or kept is None:
        return None
    better = passwords.hash_password(password) if passwords.wants_new_hash(kept) else None
    with store.write() as tx:
        if better:
            staff.set_password(tx, who.id, better)
        return Entrance(token=open_session(tx, who, agent=agent, now=now))


def open_session(tx: Transaction, who: Staff, *, agent: str, now: datetime) -> str:
    """Open a session under a token that nobody knew before; return the token."""
    staff.forget_old(tx, seen_before=now - RESTS_AT_MOST, made_before=now - LASTS_AT_MOST, now=now)
    token = make_token()
    staff.add_session(tx, who.id, hash_token(token), agent=agent[:_MOST_AGENT], now=now)
    subscribers.note(tx, who.name, "sign-in", f"staff:{who.id}", now=now, detail=who.name)
    return token


def prove(store: Store, session: Session, password: str, *, now: datetime) -> bool:
    """Let the person of a session show by password that it is they."""
    with store.read() as tx:
        kept = staff.read_password_hash(tx, session.staff.id)
    if not passwords.verifies(password, kept):
        return False
    with store.write() as tx:
        staff.note_proof(tx, session.id, now=now)
    return True


# ------------------------------------------------------------------------------------------ links


def make_setup_link(store: Store, *, now: datetime) -> str | None:
    """Return the token of a link to the first account; earlier ones work no more.

    None where there is an account.
    """
    token = make_token()
    with store.write() as tx:
        if staff.count(tx):
            return None
        staff.drop_links(tx, staff_id=None)
        staff.add_link(
            tx,
            hash_token(token),
            staff_id=None,
            target="",
            now=now,
            expires_at=now + SETUP_WITHIN,
        )
    return token


def make_link(
    store: Store,
    who: Staff,
    *,
    within: timedelta = LINK_WITHIN,
    target: str = "",
    now: datetime,
) -> str:
    """Return the token of a link that signs a member of staff in once, and leads to a page."""
    token = make_token()
    with store.write() as tx:
        staff.add_link(
            tx,
            hash_token(token),
            staff_id=who.id,
            target=target,
            now=now,
            expires_at=now + within,
        )
    return token


def ask_link(store: Store, address_text: str, *, now: datetime) -> None:
    """Note that a link to sign in is to be mailed to an address; it is made as the mail is.

    Nothing where there is no such account, or it was mailed links enough: nobody learns which.
    """
    address = _read(address_text)
    if address is None:
        return
    with store.write() as tx:
        who = staff.read_by_key(tx, address.key)
        if who is None:
            return
        hashed = tokens.keyed_hash(subscribers.load_keys(tx, "pepper")[0], address.key)
        asked = notices.asked_at(tx, hashed, ("sign-in",), since=now - LINK_WITHIN)
        if len(asked) < MOST_LINKS:
            notices.add(tx, "sign-in", hashed, staff_id=who.id, now=now)


def make_asked_link(store: Store, staff_id: int, *, now: datetime) -> str | None:
    """Return the token of a link for a mail that goes now; None where the account is gone."""
    with store.read() as tx:
        who = staff.read_one(tx, staff_id)
    return make_link(store, who, now=now) if who else None


def look_at_link(store: Store, token: str, *, now: datetime) -> tuple[Staff | None, str] | None:
    """Return whom a link is for, nobody for the first account, and where it leads; it stays good."""
    with store.read() as tx:
        link = staff.read_link(tx, hash_token(token), now=now)
        if link is None:
            return None
        return (staff.read_one(tx, link[0]) if link[0] is not None else None), link[1]


def open_by_link(store: Store, token: str, *, agent: str, now: datetime) -> Entrance | None:
    """Sign in by a link, which works no more then; None where it did not any longer."""
    with store.write() as tx:
        link = staff.read_link(tx, hash_token(token), now=now)
        if link is None or link[0] is None or not staff.use_link(tx, hash_token(token)):
            return None
        who = staff.read_one(tx, link[0])
        if who is None:
            return None
        return Entrance(token=open_session(tx, who, agent=agent, now=now), target=link[1])


# --------------------------------------------------------------------------------------- sessions


def find_session(store: Store, token: str, *, now: datetime) -> tuple[Session, str] | None:
    """Return the session of a cookie, and what it is to be told, which is told once.

    None where there is none or it is over.
    """
    hashed = hash_token(token)
    with store.read() as tx:
        found = staff.read_session(tx, hashed)
    if found is None:
        return None
    session, said = found
    if now - session.seen_at > RESTS_AT_MOST or now - session.made_at > LASTS_AT_MOST:
        return None
    if now - session.seen_at > _SEEN_EVERY:
        with store.write() as tx:
            staff.note_seen(tx, session.id, now=now)
    return session, said


def say_next(store: Store, session: Session, said: str) -> None:
    """Keep what a browser is to be told on its next page; empty once it was told."""
    with store.write() as tx:
        staff.say_next(tx, session.id, said)


def list_sessions(store: Store, who: Staff, *, now: datetime) -> list[Session]:
    """Return where a member of staff is signed in, last seen first."""
    with store.read() as tx:
        found = staff.read_sessions(tx, who)
    return [one for one in found if now - one.seen_at <= RESTS_AT_MOST]


def sign_out(store: Store, session: Session) -> None:
    """End a session: its cookie opens nothing any more."""
    with store.write() as tx:
        staff.end_sessions(tx, session.staff.id, only=session.id)


def revoke(store: Store, session: Session, *, only: int | None, now: datetime) -> int:
    """End one other session of the same person, or all others; return how many ended."""
    whose = session.staff
    with store.write() as tx:
        ended = staff.end_sessions(tx, whose.id, only=only, but=session.id)
        if ended:
            subscribers.note(
                tx, whose.name, "revoke", f"staff:{whose.id}", now=now, detail=whose.name
            )
        return ended


def _read(address_text: str) -> Address | None:
    try:
        return deliverability.parse_address(address_text)
    except ValueError:
        return None
