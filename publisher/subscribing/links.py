"""What the links in a letter do: no address in them, no password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import tokens
from publisher.errors import NotFound, Problem
from publisher.store import subscribers
from publisher.subscribing.addresses import hash_address

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Subscriber
    from publisher.store import Store


def find_by_token(store: Store, token: str) -> Subscriber | None:
    """Return the person a link belongs to, or None where the link is not ours."""
    with store.read() as tx:
        subscriber_id = tokens.read(token, subscribers.load_keys(tx, "link"), "link")
        return None if subscriber_id is None else subscribers.read_one(tx, subscriber_id)


def unsubscribe(store: Store, token: str, *, now: datetime) -> bool:
    """End the subscription a link belongs to; again is harmless. Raises NotFound for no link of ours.

    In force for every mail that has not begun (RFC 8058).
    """
    with store.write() as tx:
        subscriber_id = tokens.read(token, subscribers.load_keys(tx, "link"), "link")
        person = None if subscriber_id is None else subscribers.read_one(tx, subscriber_id)
        if person is None:
            raise NotFound(_unknown_link())
        changed = subscribers.unsubscribe(tx, person.id, now=now)
        subscribers.suppress(
            tx, [(hash_address(tx, person.address), "unsubscribed", "link")], now=now
        )
        return changed


def _unknown_link() -> Problem:
    return Problem(
        code="link.unknown",
        path="link",
        expected="a link from one of our letters",
        got="one that is not",
        hint="Use the link in the newest letter.",
    )
