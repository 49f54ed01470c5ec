"""Backup, restore and upgrade of the database."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import site
from publisher.errors import Problem, Refused, Unavailable
from publisher.operating.epoch import hold_restored
from publisher.store import Store, carrying, copying, make_tables, standing, subscribers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from publisher.model import Edition

LOCKS = ("service.lock", "sender.lock", "site.lock")
"""In the state directory: held by the service, by whoever delivers, by whoever writes ``public/``."""
_REMEMBERED = ("epoch", "build.memory", "hub.json")
"""In the state directory: what is only true beside the database that was there."""
_PATIENCE_SECONDS = 1.0
_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore came to."""

    counts: Mapping[str, int]
    """Rows in each table of the backup."""
    held: list[Edition]
    aside: Path | None
    """Where the database is that was there before."""
    left: int | None
    """How many left or were suppressed since the backup, as it says; None where it could not."""


def backup(store: Store, target: Path, *, replace: bool) -> Mapping[str, int]:
    """Copy the database into one file, while it is in use; return the row counts.

    The file is the embedded database's, also where PostgreSQL keeps the site: it can be restored
    into either. Raises Refused where the file exists, unless it may be replaced.
    """
    if target.exists() and not replace:
        raise Refused(_exists(target))
    if not store.url:
        return copying.copy_database(store.path, target)
    if store.schema() != store.newest_schema:
        raise Refused(_other_schema(store))
    carried = target.with_name(f"{site.TEMPORARY}{target.name}.carried")
    with ExitStack() as leaving:
        leaving.callback(_sweep, target.parent, carried.name)
        copying.make_private(carried)
        copy = Store("", carried)
        leaving.callback(copy.close)
        with store.read() as source, copy.write() as tx:
            make_tables(tx)
            carrying.carry(source, tx)
        copy.close()
        return copying.copy_database(carried, target)


def note_backup(store: Store, verb: str, name: str, *, by: str, now: datetime) -> None:
    """Note in the trail that somebody made a backup, or took one away."""
    with store.write() as tx:
        subscribers.note(tx, by, verb, f"backup:{name}", now=now)


def restore(store: Store, source: Path, *, epoch: str, by: str, now: datetime) -> Restored:
    """Put a backup in the database's place, with an epoch of its own: it sends nothing by itself.

    What was open in it is held. The database that was there is kept aside, and whoever left by it
    stays away. Raises Refused while a process is at work here, and for a file that is none of ours
    or of a newer schema.
    """
    state, database = store.path.parent, store.path
    site.ensure_private(state)
    aside = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
    with ExitStack() as locks:
        hold_all(locks, state)
        refuse_in_use(store)
        fresh = state / f"{site.TEMPORARY}restored.sqlite3"
        locks.callback(_sweep, state, fresh.name)
        counts = copying.copy_database(source, fresh)
        was_there = _keep_aside(store, aside)
        with ExitStack() as undoing:
            undoing.callback(copying.forget_aside, aside)
            left = copying.carry_over(aside, fresh) if was_there else None
            held = _make_fit(fresh, epoch=epoch, by=by, now=now)
            undoing.pop_all()
        for name in _REMEMBERED:
            (state / name).unlink(missing_ok=True)
        if store.url:
            _put_on_server(fresh, store)
        else:
            copying.put_in_place(fresh, database)
    return Restored(counts=counts, held=held, aside=aside if was_there else None, left=left)


def _keep_aside(store: Store, aside: Path) -> bool:
    """Keep the database that is there under another name; return whether there is one."""
    if not store.url:
        return copying.set_aside(store.path, aside)
    if store.schema() is None:
        return False
    backup(store, aside, replace=True)
    return True


def _put_on_server(fresh: Path, store: Store) -> None:
    """Let a server's database hold what a file holds, all of it or nothing; it is not at home yet."""
    copy = Store("", fresh)
    try:
        with copy.read() as source, store.write() as tx:
            make_tables(tx)
            carrying.carry(source, tx)
            standing.forget_home(tx)
    finally:
        copy.close()


def _sweep(state: Path, name: str) -> None:
    for one in state.glob(f"{name}*"):
        one.unlink()


def refuse_in_use(store: Store) -> None:
    """Raise Refused where processes elsewhere are at work on a server's database."""
    if not store.is_shared:
        return
    store.close()  # our own connections are nobody's work
    until = time.monotonic() + _PATIENCE_SECONDS
    while others := _count_others(store):
        if time.monotonic() > until:
            raise Refused(_connected(others))
        threading.Event().wait(_AGAIN_SECONDS)  # a server lists who has just left for a moment


def _count_others(store: Store) -> int:
    with store.read() as tx:
        return standing.count_others(tx)


def hold_all(locks: ExitStack, state: Path) -> None:
    """Be alone in a state directory; raises Refused where a process is at work."""
    try:
        for name in LOCKS:
            locks.enter_context(site.hold(state / name, wait_seconds=_PATIENCE_SECONDS))
    except Unavailable as error:
        if error.problems[0].code != "site.locked":
            raise
        raise Refused(_at_work(error.problems[0])) from error


def _make_fit(fresh: Path, *, epoch: str, by: str, now: datetime) -> list[Edition]:
    """Bring a copy to this release's schema, give it an epoch of its own, hold what is open."""
    copy = Store("", fresh)
    try:
        copy.upgrade()
        with copy.write() as tx:
            copy.set_epoch(tx, epoch)
            standing.mark_moved(tx, "")
            held = hold_restored(tx, by=by, now=now)
    finally:
        copy.close()
    copying.settle(fresh)
    return held


def upgrade(store: Store, *, now: datetime) -> tuple[str | None, str, Path | None]:
    """Bring the database to this release's schema; return the one before, the one now, and a copy.

    The copy is made before anything is changed; where nothing is to change there is none. Raises
    Refused while a process is at work here, and for a schema newer than this release.
    """
    before = store.schema()
    if before == store.newest_schema:
        return before, before, None
    with ExitStack() as locks:
        aside = None
        refuse_in_use(store)
        if not store.url:
            hold_all(locks, store.path.parent)
            if before is not None:
                aside = store.path.with_name(
                    f"{store.path.name}.schema-{before}-{now:%Y%m%dT%H%M%SZ}"
                )
                copying.copy_database(store.path, aside)
        store.upgrade()
    return before, store.newest_schema, aside


def _exists(target: Path) -> Problem:
    return Problem(
        code="backup.exists",
        path=str(target),
        expected="a name that is free",
        got="a file that is there",
        hint="Nothing was changed. Name another, or add --yes to replace it.",
    )


def _at_work(problem: Problem) -> Problem:
    return Problem(
        code="restore.at_work",
        path=problem.path,
        expected="no process at work here",
        got=problem.got,
        hint="Nothing was changed. Stop the service and other commands, then run it again.",
    )


def _connected(others: int) -> Problem:
    return Problem(
        code="restore.in_use",
        path="database.url",
        expected="a database that nobody else is connected to",
        got=f"{others} other connections",
        hint="Nothing was changed. Stop web, scheduler and workers on every machine, and other "
        "programs, then run it again.",
    )


def _other_schema(store: Store) -> Problem:
    return Problem(
        code="database.schema",
        path="database",
        expected=f"a database of schema {store.newest_schema}",
        got=f"schema {store.schema() or 'none'}",
        hint="Nothing was changed. Run publisher upgrade first.",
    )
