"""The second step of coming in: the person who reads the address's mail says yes, or never."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from publisher import tokens
from publisher.errors import NotFound, Problem, Refused
from publisher.model import SubscriberState
from publisher.store import feedback, joining, notices, subscribers
from publisher.subscribing.addresses import hash_address
from publisher.subscribing.asking import NEVER, Wish, ask
from publisher.subscribing.links import unknown_link

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from publisher.model import Subscriber
    from publisher.store import Store, Transaction
    from publisher.store.joining import Request


class Standing(StrEnum):
    """Where a request to confirm stands."""

    OPEN = "open"
    DONE = "done"  # confirmed, and on the list
    LEFT = "left"  # confirmed, and gone since
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a link to confirm leads to."""

    person: Subscriber
    standing: Standing


def confirm_token(tx: Transaction, request_id: int) -> str:
    """Return the token of the link that confirms a request."""
    return tokens.make(tokens.lend(subscribers.load_keys(tx, "link"), "confirm")[0], request_id)


def find_request(store: Store, token: str, *, within: timedelta, now: datetime) -> Confirmation:
    """Return what a link to confirm leads to; nothing changes. Raises NotFound for no link of ours."""
    with store.read() as tx:
        return _find(tx, token, within=within, now=now)[1]


def confirm(store: Store, token: str, *, within: timedelta, now: datetime) -> Confirmation:
    """Put a person on the list who says yes; again is harmless, and a link too old changes nothing.

    Their own word lifts what they, or their server, once said against mail. Raises NotFound for no
    link of ours, Refused where staff keep the address out.
    """
    with store.write() as tx:
        request, found = _find(tx, token, within=within, now=now)
        if found.standing is not Standing.OPEN:
            return found
        hashed = hash_address(tx, found.person.address)
        standing_fact = joining.read_suppression(tx, hashed)
        if standing_fact and standing_fact[0] == "staff":
            raise Refused(_kept_out())
        was_active = found.person.state is SubscriberState.ACTIVE
        joining.confirm(tx, request, now=now)
        feedback.remove_suppression(tx, hashed)
        subscribers.note(tx, "subscriber", "confirm", f"subscriber:{found.person.id}", now=now)
        if not (was_active and standing_fact is None):
            notices.add(tx, "welcome", hashed, now=now, subscriber_id=found.person.id)
        return _find(tx, token, within=within, now=now)[1]


def ask_again(store: Store, token: str, *, within: timedelta, now: datetime) -> None:
    """Mail another link to whom an expired one was mailed. Raises NotFound for no link of ours."""
    with store.read() as tx:
        request, found = _find(tx, token, within=within, now=now)
        wording, source = joining.read_wording(tx, request.id)
    if found.standing is Standing.EXPIRED:
        person = found.person
        wish = Wish(
            address=person.address,
            wording=wording,
            source=source,
            digests=person.digests,
            declined=person.series,
        )
        ask(store, wish, now=now)


def refuse_for_ever(store: Store, token: str, *, within: timedelta, now: datetime) -> None:
    """Never write to an address again, at its owner's word: not even to ask. Again is harmless.

    Raises NotFound for no link of ours.
    """
    with store.write() as tx:
        _, found = _find(tx, token, within=within, now=now)
        hashed = hash_address(tx, found.person.address)
        joining.replace_suppression(tx, hashed, "complained", NEVER, now=now)
        subject = f"subscriber:{found.person.id}"
        if found.person.state is SubscriberState.PENDING:
            joining.erase(tx, found.person.id)
        else:
            subscribers.unsubscribe(tx, found.person.id, now=now)
        subscribers.note(tx, "subscriber", "never write", subject, now=now)


def _find(
    tx: Transaction, token: str, *, within: timedelta, now: datetime
) -> tuple[Request, Confirmation]:
    keys = tokens.lend(subscribers.load_keys(tx, "link"), "confirm")
    request_id = tokens.read(token, keys, "confirm")
    request = None if request_id is None else joining.read_request(tx, request_id)
    person = request and subscribers.read_one(tx, request.subscriber_id)
    if not request or not person:
        raise NotFound(unknown_link())
    return request, Confirmation(person=person, standing=_stand(request, person, within, now))


def _stand(request: Request, person: Subscriber, within: timedelta, now: datetime) -> Standing:
    if request.confirmed_at:
        left = person.state is not SubscriberState.ACTIVE
        return Standing.LEFT if left else Standing.DONE
    return Standing.EXPIRED if now > request.requested_at + within else Standing.OPEN


def _kept_out() -> Problem:
    return Problem(
        code="subscriber.kept_out",
        path="address",
        expected="an address that may be mailed",
        got="one that staff keep off the list",
        hint="Write to us: a person can lift it. Nothing was changed.",
    )
