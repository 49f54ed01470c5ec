"""What the links in a letter do: no address in them, no password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from publisher import tokens
from publisher.errors import NotFound, Problem, Refused
from publisher.store import feedback, joining, subscribers
from publisher.subscribing.addresses import hash_address

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Subscriber
    from publisher.store import Store, Transaction

UNDO_WITHIN = timedelta(hours=24)
"""How long an unsubscribe can be taken back by the same link; later, by subscribing again."""


def find_by_token(store: Store, token: str) -> Subscriber | None:
    """Return the person a link belongs to, or None where the link is not ours."""
    with store.read() as tx:
        return read_owner(tx, token)


def get_by_token(store: Store, token: str) -> Subscriber:
    """Return the person a link belongs to. Raises NotFound for no link of ours."""
    with store.read() as tx:
        return demand_owner(tx, token)


def read_owner(tx: Transaction, token: str) -> Subscriber | None:
    """Return the person a link belongs to, or None where the link is not ours."""
    subscriber_id = tokens.read(token, subscribers.load_keys(tx, "link"), "link")
    return None if subscriber_id is None else subscribers.read_one(tx, subscriber_id)


def demand_owner(tx: Transaction, token: str) -> Subscriber:
    """Return the person a link belongs to. Raises NotFound for no link of ours."""
    person = read_owner(tx, token)
    if person is None:
        raise NotFound(unknown_link())
    return person


def unsubscribe(store: Store, token: str, *, now: datetime) -> bool:
    """End the subscription a link belongs to; again is harmless. Raises NotFound for no link of ours.

    In force for every mail that has not begun (RFC 8058).
    """
    with store.write() as tx:
        person = demand_owner(tx, token)
        changed = subscribers.unsubscribe(tx, person.id, now=now)
        subscribers.suppress(
            tx, [(hash_address(tx, person.address), "unsubscribed", "link")], now=now
        )
        return changed


def undo_unsubscribe(store: Store, token: str, *, now: datetime) -> bool:
    """Take back an unsubscribe of the last 24 hours; again is harmless.

    Returns whether the person is on the list. Raises NotFound for no link of ours, Refused where
    more than the link stands against it.
    """
    with store.write() as tx:
        person = demand_owner(tx, token)
        hashed = hash_address(tx, person.address)
        found = joining.read_suppression(tx, hashed)
        if found and found != ("unsubscribed", "link"):
            raise Refused(_not_by_link())
        if found and joining.restore(tx, person.id, left_since=now - UNDO_WITHIN):
            feedback.remove_suppression(tx, hashed)
            subscribers.note(
                tx, "subscriber", "undo unsubscribe", f"subscriber:{person.id}", now=now
            )
            return True
        return not found


def unknown_link() -> Problem:
    """Return what is said of a link that we did not make."""
    return Problem(
        code="link.unknown",
        path="link",
        expected="a link from one of our letters",
        got="one that is not",
        hint="Use the link in the newest letter.",
    )


def _not_by_link() -> Problem:
    return Problem(
        code="link.undo",
        path="link",
        expected="an unsubscribe by this link",
        got="another reason why no letters come",
        hint="Subscribe again to come back.",
    )
