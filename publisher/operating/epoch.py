"""The epoch: which database sends. A copy or a restored one does not, until a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import site
from publisher.errors import Problem, Refused
from publisher.model import EditionState, HeldReason
from publisher.store import editions, hands, ledger, posts, standing, subscribers

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from publisher.model import Edition
    from publisher.store import Store, Transaction

_OPEN = (
    EditionState.DRAFT,
    EditionState.SCHEDULED,
    EditionState.READY,
    EditionState.SENDING,
    EditionState.PAUSED,
    EditionState.HELD,
)


_NOTHING = "nothing"
_ADOPTS = (
    "This database was copied or restored, so nothing is sent. If this is the one that sends from "
    "now on, run: publisher restore --adopt"
)
_JOINS = (
    "Nothing is sent. If this is one more machine of the site, give --join once: publisher worker "
    "--join. If the database was copied or restored: publisher restore --adopt"
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
        write_epoch(state, epoch)
        return
    found = _read(file)
    if found != epoch:
        raise Refused(
            Problem(
                code="database.epoch",
                path=str(file),
                expected=f"the epoch of this database, {epoch}",
                got=found,
                hint=_JOINS if store.is_shared and found == _NOTHING else _ADOPTS,
            )
        )


def is_sending(store: Store, state: Path) -> bool:
    """Return whether this database is the one that sends."""
    return _read(state / "epoch") == store.epoch()


def join(store: Store, state: Path) -> None:
    """Let one more machine work for the site whose database this is.

    Raises Refused for a copy, a database that is not where it was when it last sent: a mail may go
    from the one it was copied of.
    """
    with store.read() as tx:
        home, here = standing.read_home(tx), standing.find_home(tx)
    if home != here:
        raise Refused(
            Problem(
                code="database.copied",
                path="database.url",
                expected=f"the database in its own place, {home or 'which is not known'}",
                got=f"one at {here}: it was copied or restored",
                hint="Nothing was changed. If this is the one that sends from now on, run on one "
                "machine: publisher restore --adopt",
            )
        )
    write_epoch(state, store.epoch())


def take_over(store: Store, state: Path, *, by: str, now: datetime) -> list[Edition]:
    """Let this database send from now on; return the editions that are held until staff decide.

    Every edition that is not at its end may have gone out by the database that sent before.
    """
    with store.write() as tx:
        held = hold_restored(tx, by=by, now=now)
        standing.mark_home(tx)
        subscribers.note(tx, by, "adopt", "site", now=now)
    write_epoch(state, store.epoch())
    return held


def hold_restored(tx: Transaction, *, by: str, now: datetime) -> list[Edition]:
    """Hold every edition that is not at its end, and call its open deliveries uncertain."""
    held = []
    for edition in editions.read_all(tx, states=_OPEN):
        if edition.letters:
            ledger.doubt_waiting(tx, edition, now=now)
        if edition.reason != HeldReason.RESTORED:
            editions.move(tx, edition, EditionState.HELD, reason=HeldReason.RESTORED)
            hands.note(tx, edition, "hold", by=by, now=now, detail=HeldReason.RESTORED)
        held.append(editions.read_one(tx, edition.id))
    return held


def _read(file: Path) -> str:
    return file.read_text("ascii", "replace").strip() if file.is_file() else _NOTHING


def write_epoch(state: Path, epoch: str) -> None:
    """Note beside a database which epoch sends from here."""
    site.write(state / "epoch", f"{epoch}\n".encode(), root=state, durable=True, private=True)
