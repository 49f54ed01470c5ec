"""Upkeep: keys are renewed, and what is kept for a while is forgotten in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.errors import Problem, UsageError
from publisher.store import retention, subscribers

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Privacy
    from publisher.store import Store

ROTATING = ("link", "bounce", "form", "session")
"""The pepper never rotates: suppressions and logs are found by it."""


def rotate_key(store: Store, purpose: str, secret: bytes, *, now: datetime) -> int:
    """Make a new key for a purpose and retire the one before; return the new key's id.

    Links already mailed stay good: retired keys verify.
    """
    if purpose not in ROTATING:
        raise UsageError(
            Problem(
                code="keys.purpose",
                path="keys rotate",
                expected="one of " + ", ".join(ROTATING),
                got=purpose,
                hint="The pepper never rotates: suppressions are found by it."
                if purpose == "pepper"
                else "Nothing was changed.",
            )
        )
    with store.write() as tx:
        made = subscribers.rotate_key(tx, purpose, secret, now=now)
        subscribers.note(tx, "operator", "rotate", f"key:{purpose}", now=now, detail=str(made))
    return made


def forget_in_time(store: Store, keep: Privacy, *, now: datetime) -> int:
    """Erase what the configuration keeps only for a while; return how many records."""
    attempts_before, asked_before = now - keep.keep_attempts, now - keep.keep_unconfirmed
    with store.read() as tx:
        if not retention.has_old(tx, attempts_before=attempts_before, asked_before=asked_before):
            return 0
    with store.write() as tx:
        return (
            retention.forget_attempts(tx, before=attempts_before)
            + retention.forget_replies(tx, before=attempts_before)
            + retention.forget_unconfirmed(tx, before=asked_before)
        )
