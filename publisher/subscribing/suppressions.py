"""Standing do-not-mail facts, by staff's hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from publisher.errors import NotFound, Problem, Refused
from publisher.store import feedback, subscribers
from publisher.subscribing.addresses import hash_address, read_address

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Store
    from publisher.store.feedback import Suppression

WILL = subscribers.WILL
"""Reasons that are the person's own: no staff takes them back."""
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")


def list_suppressions(store: Store) -> list[Suppression]:
    """Return every standing do-not-mail fact, the newest first."""
    with store.read() as tx:
        return feedback.read_suppressions(tx)


def suppress_address(
    store: Store, address_text: str, *, evidence: str, by: str = "staff", now: datetime
) -> bool:
    """Mail an address no more, known or not, until staff take it back; False where it is so already.

    In force for every mail that has not begun. Raises UsageError for what is no address.
    """
    address = read_address(address_text)
    with store.write() as tx:
        hashed = hash_address(tx, address)
        added = bool(subscribers.suppress(tx, [(hashed, "staff", evidence)], now=now))
        if added:
            subscribers.note(
                tx, by, "suppress", f"address:{hashed[:12]}", now=now, detail=evidence
            )
        return added


def release_address(store: Store, text: str, *, by: str = "staff", now: datetime) -> str:
    """Take back a suppression, named by its address or the beginning of its hash; return the hash.

    Raises NotFound where there is none, Refused where the person left or complained: only the
    person takes that back.
    """
    with store.write() as tx:
        beginning = text.lower() if _HASH.fullmatch(text) else hash_address(tx, read_address(text))
        found = feedback.find_suppressions(tx, beginning)
        if len(found) != 1:
            raise NotFound(_no_suppression(text, len(found)))
        ((hashed, reason),) = found
        if reason in subscribers.WILL:
            raise Refused(_own_will(text, reason))
        feedback.remove_suppression(tx, hashed)
        subscribers.note(tx, by, "release", f"address:{hashed[:12]}", now=now, detail=reason)
        return hashed


def _no_suppression(text: str, count: int) -> Problem:
    return Problem(
        code="suppression.unknown",
        path="suppressions",
        expected="an address that is suppressed, or the beginning of one hash",
        got=f"{text}: {'more than one' if count else 'none'}",
        hint="publisher suppressions ls lists them. Nothing was changed.",
    )


def _own_will(text: str, reason: str) -> Problem:
    return Problem(
        code="suppression.will",
        path="suppressions",
        expected="a suppression that staff may take back: bounced, cleaned or staff",
        got=f"{text}: {reason}",
        hint="Only the person can come back, by the subscribe form. Nothing was changed.",
    )
