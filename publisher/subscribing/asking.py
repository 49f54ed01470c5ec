"""A person asks to be on the list: whatever we know of the address, the answer is the same.

Each request writes one row and is one transaction, so that nobody learns by asking, or by timing
the answer, who is on the list. The mail differs, and only its reader sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher.deliverability import is_role_address
from publisher.errors import Problem, UsageError
from publisher.model import Consent, SubscriberState
from publisher.store import joining, notices, subscribers
from publisher.store.subscribers import Joining
from publisher.subscribing.addresses import hash_address

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Address, Subscriber
    from publisher.store import Store, Transaction

DAY, MONTH = timedelta(hours=24), timedelta(days=30)
MONTH_MOST = 3
"""Mails that strangers can make us send to one address in 30 days, one a day at most."""
ASKED_FOR = ("confirm", "known", "move")
"""Kinds of notices that anybody can ask for in anybody's name."""
NEVER = "asked never to be written to"
"""What a suppression says of a person who wants no confirmation either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was filled in, and what was agreed to."""

    address: Address
    wording: str
    source: str
    """The form that was filled in, or who filled it in."""
    digests: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()


def say_wording(site_name: str) -> str:
    """Return the words of the consent that the form asks for."""
    return f"Send {site_name} to my address by email. I can leave at any time, by a link in every letter."


def ask(store: Store, wish: Wish, *, now: datetime) -> None:
    """Record a wish to be on the list; the mail it leads to waits to be sent.

    One mail to an address in 24 hours and three in 30 days, whatever comes of them. Raises
    UsageError where a duty or a machine reads the mailbox.
    """
    if is_role_address(wish.address):
        raise UsageError(_role(wish.address.typed))
    with store.write() as tx:
        hashed = hash_address(tx, wish.address)
        if is_enough(tx, hashed, now=now):
            notices.ask_again(tx, hashed)
        elif is_barred(tx, hashed):
            notices.add(tx, "confirm", hashed, now=now, withheld=True)
        else:
            _answer(tx, wish, hashed, now=now)


def is_enough(tx: Transaction, address_hash: str, *, now: datetime) -> bool:
    """Return whether an address was written to as often as strangers may make us."""
    asked = notices.asked_at(tx, address_hash, ASKED_FOR, since=now - MONTH)
    return len(asked) >= MONTH_MOST or (bool(asked) and asked[0] > now - DAY)


def is_barred(tx: Transaction, address_hash: str) -> bool:
    """Return whether an address gets not even a confirmation: staff's word, or its owner's."""
    found = joining.read_suppression(tx, address_hash)
    return found is not None and (found[0] == "staff" or found[1] == NEVER)


def _answer(tx: Transaction, wish: Wish, address_hash: str, *, now: datetime) -> None:
    person = subscribers.read_by_key(tx, wish.address.key)
    if person and person.state is SubscriberState.ACTIVE and not _is_away(tx, address_hash):
        notices.add(tx, "known", address_hash, now=now, subscriber_id=person.id)
        return
    agreed = Consent(wording=wish.wording, source=wish.source, requested_at=now, confirmed_at=None)
    subscriber_id, request = _await(tx, wish, person, agreed, address_hash, now=now)
    notices.add(
        tx, "confirm", address_hash, now=now, subscriber_id=subscriber_id, consent_id=request
    )


def _is_away(tx: Transaction, address_hash: str) -> bool:
    """Return whether a person on the list is mailed nothing, as after bounces: they confirm anew."""
    return joining.read_suppression(tx, address_hash) is not None


def _await(
    tx: Transaction,
    wish: Wish,
    person: Subscriber | None,
    agreed: Consent,
    address_hash: str,
    *,
    now: datetime,
) -> tuple[int, int]:
    """Record a person who is to confirm; return their number and the request's."""
    if person:
        if person.state is SubscriberState.PENDING:
            joining.save_choices(tx, person.id, digests=wish.digests, declined=wish.declined)
            joining.wait_for(tx, person.id, now=now)
        return person.id, joining.add_request(tx, person.id, agreed)
    coming = Joining(
        address=wish.address,
        address_hash=address_hash,
        state=SubscriberState.PENDING,
        consent=agreed,
        digests=wish.digests,
        series=wish.declined,
    )
    subscribers.add(tx, [coming])
    return joining.newest_request(tx, wish.address.key)


def _role(address: str) -> Problem:
    return Problem(
        code="subscriber.role",
        path="address",
        expected="the address of a person",
        got=address,
        hint="A duty or a machine reads that mailbox. Use an address of your own.",
    )
