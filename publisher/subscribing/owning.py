"""What is kept about a person, theirs to see, to move and to erase: only by a freshly mailed link.

A letter can be forwarded, so the links in it show no address and erase nothing.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from publisher import tokens
from publisher.deliverability import is_role_address
from publisher.errors import NotFound, Problem, Refused
from publisher.store import feedback, joining, notices, subscribers
from publisher.subscribing.addresses import hash_address, nobody, read_address
from publisher.subscribing.asking import is_barred, is_enough
from publisher.subscribing.links import demand_owner

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Subscriber
    from publisher.store import Store, Transaction
    from publisher.store.notices import Notice

LINK_WITHIN = timedelta(hours=1)
"""How long a mailed link to one's data works."""
MOVE_WITHIN = timedelta(hours=24)
"""How long a new address can be confirmed."""
_DAY, _DAY_MOST = timedelta(hours=24), 3


def ask_for_link(store: Store, token: str, *, now: datetime) -> Subscriber:
    """Mail a link to a person's data to their own address, three times a day at most.

    Raises NotFound for no link of ours.
    """
    with store.write() as tx:
        person = demand_owner(tx, token)
        hashed = hash_address(tx, person.address)
        asked = notices.asked_at(tx, hashed, ("erase",), since=now - _DAY)
        if len(asked) >= _DAY_MOST or is_barred(tx, hashed):
            notices.ask_again(tx, hashed)
        else:
            notices.add(tx, "erase", hashed, now=now, subscriber_id=person.id)
        return person


def data_token(tx: Transaction, notice_id: int) -> str:
    """Return the token of the mailed link to a person's data."""
    return _make(tx, "data", notice_id)


def move_token(tx: Transaction, notice_id: int) -> str:
    """Return the token of the link that confirms a new address."""
    return _make(tx, "move", notice_id)


def find_by_data_token(store: Store, token: str, *, now: datetime) -> Subscriber:
    """Return whose data a mailed link leads to. Raises NotFound where it is not ours, old or used."""
    with store.read() as tx:
        return _demand(tx, token, now=now)[1]


def export_data(store: Store, token: str, *, now: datetime) -> str:
    """Return everything that is kept about a person, as JSON. Raises NotFound as above."""
    with store.read() as tx:
        _, person = _demand(tx, token, now=now)
        return describe_data(tx, person)


def describe_data(tx: Transaction, person: Subscriber) -> str:
    """Return every row about a person, table by table, as JSON; times are ISO 8601."""
    kept: dict[str, Any] = {
        name: [{key: _plain(value) for key, value in row.items()} for row in rows]
        for name, rows in joining.read_kept(tx, person.id, hash_address(tx, person.address))
        if rows
    }
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def erase(store: Store, token: str, *, now: datetime) -> None:
    """Erase everything about a person but a keyed hash, by which nobody mails them again.

    Raises NotFound where the link is not ours, old or used.
    """
    with store.write() as tx:
        notice, person = _demand(tx, token, now=now)
        notices.use(tx, notice.id, now=now)
        erase_person(tx, person, by="subscriber", now=now)


def erase_by_address(store: Store, address_text: str, *, by: str = "staff", now: datetime) -> None:
    """Erase a person at their word to staff, of whom the trail names one. Raises NotFound where nobody is at the address."""
    address = read_address(address_text)
    with store.write() as tx:
        person = subscribers.read_by_key(tx, address.key)
        if person is None:
            raise NotFound(nobody(address_text))
        erase_person(tx, person, by="staff", actor=by, now=now)


def erase_person(
    tx: Transaction, person: Subscriber, *, by: str, actor: str = "", now: datetime
) -> None:
    """Erase a person's rows and keep the keyed hash; a hash that staff set stays theirs."""
    hashed = hash_address(tx, person.address)
    if not is_barred(tx, hashed):
        joining.replace_suppression(tx, hashed, "erased", by, now=now)
    joining.erase(tx, person.id)
    subscribers.note(tx, actor or by, "erase", f"subscriber:{person.id}", now=now)


# ------------------------------------------------------------------------------------------ moving


def ask_to_move(store: Store, token: str, address_text: str, *, now: datetime) -> None:
    """Mail a link to a new address, which confirms that letters go there; until then nothing moves.

    The link to the data is used up by that. Raises UsageError for what is no address, NotFound
    where the link is not ours, old or used.
    """
    address = read_address(address_text)
    with store.write() as tx:
        notice, person = _demand(tx, token, now=now)
        hashed = hash_address(tx, address)
        notices.use(tx, notice.id, now=now)
        withheld = is_barred(tx, hashed) or is_role_address(address)
        if is_enough(tx, hashed, now=now):
            notices.ask_again(tx, hashed)
            return
        notices.add(
            tx,
            "move",
            hashed,
            now=now,
            subscriber_id=person.id,
            address="" if withheld else address.typed,
            withheld=withheld,
        )


def find_move(store: Store, token: str, *, now: datetime) -> tuple[Subscriber, str]:
    """Return who moves and to which address. Raises NotFound where the link is not ours, old or used."""
    with store.read() as tx:
        notice, person = _demand(tx, token, "move", now=now)
        return person, notice.address


def move(store: Store, token: str, *, now: datetime) -> Subscriber:
    """Let a person's letters go to the new address from now on; return the person as they are then.

    Raises NotFound where the link is not ours, old or used, Refused where the address has a
    subscription of its own or staff keep it out.
    """
    with store.write() as tx:
        notice, person = _demand(tx, token, "move", now=now)
        address = read_address(notice.address)
        hashed = hash_address(tx, address)
        other = subscribers.read_by_key(tx, address.key)
        if (other and other.id != person.id) or is_barred(tx, hashed):
            raise Refused(_taken())
        feedback.remove_suppression(tx, hashed)
        joining.move(tx, person.id, address, hashed)
        notices.use(tx, notice.id, now=now)
        subscribers.note(tx, "subscriber", "move", f"subscriber:{person.id}", now=now)
        return subscribers.read_one(tx, person.id) or person


# ------------------------------------------------------------------------------------------- links


def _make(tx: Transaction, purpose: str, notice_id: int) -> str:
    return tokens.make(tokens.lend(subscribers.load_keys(tx, "link"), purpose)[0], notice_id)


_KINDS = {"data": ("erase", LINK_WITHIN), "move": ("move", MOVE_WITHIN)}


def _demand(
    tx: Transaction, token: str, purpose: str = "data", *, now: datetime
) -> tuple[Notice, Subscriber]:
    kind, within = _KINDS[purpose]
    keys = tokens.lend(subscribers.load_keys(tx, "link"), purpose)
    notice_id = tokens.read(token, keys, purpose)
    notice = None if notice_id is None else notices.read_one(tx, notice_id)
    if not notice or notice.kind != kind or notice.used_at or now > notice.made_at + within:
        raise NotFound(_used_up())
    person = notice.subscriber_id and subscribers.read_one(tx, notice.subscriber_id)
    if not person:
        raise NotFound(_used_up())
    return notice, person


def _used_up() -> Problem:
    return Problem(
        code="link.used",
        path="link",
        expected="a link that was mailed just now, and not used yet",
        got="one that is old, used, or not ours",
        hint="Ask for another on the page that each letter links to.",
    )


def _taken() -> Problem:
    return Problem(
        code="subscriber.taken",
        path="address",
        expected="an address without a subscription of its own",
        got="one that has one, or may not be mailed",
        hint="Nothing was changed: letters go where they went.",
    )
