"""Keep the site in order: its keys, its epoch, what is forgotten in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import site
from publisher.errors import Problem, Refused, UsageError
from publisher.store import editions, posts, retention, subscribers

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

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


def is_unused(store: Store) -> bool:
    """Return whether a database has neither people nor digests nor published posts."""
    with store.read() as tx:
        return not (subscribers.count(tx) or editions.seen_digests(tx) or posts.sequences(tx))


def adopt_epoch(store: Store, state: Path, *, is_new: bool) -> None:
    """Write a new database's epoch beside it; an older database must find its own there.

    Raises Refused where it does not: a copy or a restored backup must not mail by itself.
    """
    epoch, file = store.epoch(), state / "epoch"
    if is_new:
        site.write(file, f"{epoch}\n".encode(), root=state, durable=True)
        file.chmod(0o600)
        return
    found = file.read_text("ascii", "replace").strip() if file.is_file() else "nothing"
    if found != epoch:
        raise Refused(
            Problem(
                code="database.epoch",
                path=str(file),
                expected=f"the epoch of this database, {epoch}",
                got=found,
                hint="This database was copied or restored, so nothing is sent. If this is the "
                f"one that sends from now on, write {epoch} into the file.",
            )
        )
