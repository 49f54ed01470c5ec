"""Moving a site's database to another: from the embedded one to PostgreSQL, or back."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import site
from publisher.errors import NotFound, Problem, Refused
from publisher.operating.epoch import write_epoch
from publisher.operating.keeping import hold_all, refuse_in_use
from publisher.store import (
    SQLITE,
    Store,
    carrying,
    copying,
    ledger,
    make_tables,
    standing,
    subscribers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move came to."""

    where: str
    """The address that ``database.url`` takes from now on, without a password."""
    counts: Mapping[str, int]
    """Rows of each table; empty where it had moved there before."""


def move(store: Store, url: str, *, by: str, now: datetime) -> Moved:
    """Carry a site's database to another, which sends from then on; the old one is not used any more.

    The new one is there whole or not at all, and the old one is kept as it is, but for a mark that
    says where to look. It may be run again after a kill at any moment. Raises Refused while a
    process is at work, and where the other database is in use.
    """
    state = store.path.parent
    target = Store(url, store.path)
    try:
        return _move(store, target, state, by=by, now=now)
    finally:
        target.close()


def _move(store: Store, target: Store, state: Path, *, by: str, now: datetime) -> Moved:
    where = target.name
    if where == store.name:
        raise Refused(_here(where))
    if store.schema() != store.newest_schema:
        raise Refused(_unfit(store)) if store.schema() else NotFound(_nothing(store))
    with ExitStack() as locks:
        hold_all(locks, state)
        refuse_in_use(store)
        # Nobody else can write from here on, until it is said where everything is.
        with store.write() as tx:
            before = standing.read_moved(tx)
            if before and before != where:
                raise Refused(_elsewhere(before))
            epoch = _epoch_there(store, where)
            counts: Mapping[str, int] = {}
            if not before:
                subscribers.note(tx, by, "move", "site", now=now, detail=where)
                put = _put_on_server if target.url else _put_in_file
                counts = put(tx, target, epoch, now=now)
                standing.mark_moved(tx, where)
        if target.epoch() == epoch:
            write_epoch(state, epoch)
    return Moved(where=where, counts=counts)


def _epoch_there(store: Store, where: str) -> str:
    """Return the epoch of the other database: the same one each time the same move is tried."""
    return str(uuid.uuid5(uuid.UUID(store.epoch()), f"moved to {where}"))


def _put_on_server(
    source: Transaction, target: Store, epoch: str, *, now: datetime
) -> Mapping[str, int]:
    found = target.schema()
    if found is not None and found != target.newest_schema:
        raise Refused(_taken(target))
    refuse_in_use(target)
    with target.write() as tx:
        if not make_tables(tx) and not _is_left_over(source, tx, epoch):
            raise Refused(_taken(target))
        return _fill(source, tx, epoch, now=now)


def _is_left_over(source: Transaction, target: Transaction, epoch: str) -> bool:
    """Tell whether a database may be replaced: by a move that was cut off, or that went from there."""
    ours, theirs = carrying.read_origin(source), carrying.read_origin(target)
    was_cut_off = theirs.epoch == epoch
    return ours.made_at == theirs.made_at and (was_cut_off or bool(standing.read_moved(target)))


def _put_in_file(
    source: Transaction, target: Store, epoch: str, *, now: datetime
) -> Mapping[str, int]:
    database = target.path
    fresh = database.with_name(f"{site.TEMPORARY}moved.sqlite3")
    copying.make_private(fresh)
    copy = Store("", fresh)
    try:
        with copy.write() as tx:
            make_tables(tx)
            counts = _fill(source, tx, epoch, now=now)
    finally:
        copy.close()
    copying.settle(fresh)
    copying.set_aside(database, database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}"))
    copying.put_in_place(fresh, database)
    return counts


def _fill(source: Transaction, tx: Transaction, epoch: str, *, now: datetime) -> Mapping[str, int]:
    counts = carrying.carry(source, tx)
    carrying.set_new_epoch(tx, epoch)
    ledger.release_chunks(tx, now=now)  # nobody is at work: what a kill left is uncertain
    return counts


def _here(where: str) -> Problem:
    return Problem(
        code="move.here",
        path="--to",
        expected="another database",
        got=f"{where}, the one that is used",
        hint="Nothing was changed.",
    )


def _nothing(store: Store) -> Problem:
    return Problem(
        code="move.nothing",
        path="database",
        expected="a database to move",
        got=f"{store.name} without tables",
        hint="Nothing was changed. Set [database] url and begin there.",
    )


def _unfit(store: Store) -> Problem:
    return Problem(
        code="database.schema",
        path="database",
        expected=f"a database of schema {store.newest_schema}",
        got=f"schema {store.schema()}",
        hint="Nothing was changed. Run publisher upgrade first.",
    )


def _elsewhere(where: str) -> Problem:
    return Problem(
        code="database.moved",
        path="database",
        expected="a database that is used",
        got=f"one that moved to {'the embedded database' if where == SQLITE else where}",
        hint="Nothing was changed. Move it from there.",
    )


def _taken(target: Store) -> Problem:
    return Problem(
        code="move.taken",
        path="--to",
        expected="an empty database",
        got=f"{target.name}, which has tables of this program",
        hint="Nothing was changed. Make another with createdb.",
    )
