"""Backup, restore and upgrade of the database."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import site
from publisher.errors import Problem, Refused, Unavailable
from publisher.operating.epoch import hold_restored
from publisher.store import Store, copying

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


def backup(store: Store, target: Path, *, replace: bool) -> Mapping[str, int] | None:
    """Copy the database into one file, while it is in use; return the row counts, if they are known.

    Raises Refused where the file exists, unless it may be replaced.
    """
    if target.exists() and not replace:
        raise Refused(_exists(target))
    if store.url:
        copying.dump_database(store.url, target)
        return None
    return copying.copy_database(store.path, target)


def restore(store: Store, source: Path, *, epoch: str, by: str, now: datetime) -> Restored:
    """Put a backup in the database's place, with an epoch of its own: it sends nothing by itself.

    What was open in it is held. The database that was there is kept aside, and whoever left by it
    stays away. Raises Refused while a process is at work here, and for a file that is none of ours
    or of a newer schema.
    """
    if store.url:
        raise Refused(_not_here(source))
    state, database = store.path.parent, store.path
    site.ensure_private(state)
    aside = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
    with ExitStack() as locks:
        _hold_all(locks, state)
        fresh = state / f"{site.TEMPORARY}restored.sqlite3"
        locks.callback(_sweep, state, fresh.name)
        counts = copying.copy_database(source, fresh)
        was_there = copying.set_aside(database, aside)
        with ExitStack() as undoing:
            undoing.callback(copying.forget_aside, aside)
            left = copying.carry_over(aside, fresh) if was_there else None
            held = _make_fit(fresh, epoch=epoch, by=by, now=now)
            undoing.pop_all()
        for name in _REMEMBERED:
            (state / name).unlink(missing_ok=True)
        copying.put_in_place(fresh, database)
    return Restored(counts=counts, held=held, aside=aside if was_there else None, left=left)


def _sweep(state: Path, name: str) -> None:
    for one in state.glob(f"{name}*"):
        one.unlink()


def _hold_all(locks: ExitStack, state: Path) -> None:
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
        if not store.url:
            _hold_all(locks, store.path.parent)
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


def _not_here(source: Path) -> Problem:
    return Problem(
        code="restore.postgresql",
        path="database.url",
        expected="the embedded database",
        got="PostgreSQL, whose own tool restores",
        hint=f"Stop the service, run pg_restore --clean --if-exists --dbname=… {source}, remove "
        "var/epoch, then run publisher restore --adopt",
    )
