"""Upkeep: keys are renewed, and what is kept for a while is forgotten in time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from publisher.errors import Problem, UsageError
from publisher.model import SIGN_IN_WITHIN
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


_NOTICES_KEPT = timedelta(days=30)
"""As long as it is counted how often an address was written to."""


def forget_in_time(store: Store, keep: Privacy, *, now: datetime) -> int:
    """Erase what is kept only for a while; return how many records."""
    limits = _limits(keep, now)
    with store.read() as tx:
        if not retention.has_old(tx, limits):
            return 0
    with store.write() as tx:
        return retention.forget(tx, limits)


def count_overdue(store: Store, keep: Privacy, *, now: datetime) -> dict[str, int]:
    """Return by table how many records should have been erased by now."""
    with store.read() as tx:
        return retention.count_old(tx, _limits(keep, now))


def _limits(keep: Privacy, now: datetime) -> retention.Limits:
    return retention.Limits(
        said=now - keep.keep_attempts,
        asked=now - keep.keep_unconfirmed,
        noticed=now - _NOTICES_KEPT,
        let_in=now - SIGN_IN_WITHIN,
        typed=now - keep.keep_drafts,
    )
