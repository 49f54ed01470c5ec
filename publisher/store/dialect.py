"""Where SQLite and PostgreSQL differ: opening, transactions, upserts."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from publisher.errors import ConfigError, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30
SYNCHRONOUS = "FULL"
"""A commit is on the disk before it is said to be done, so that it survives power loss."""
_OLDEST_SQLITE = (3, 35)  # the first with RETURNING
_TURNS = 20


def make_engine(url: str, path: Path) -> Engine:
    """Return an engine for ``url``, or for the SQLite file at ``path`` where it is empty.

    SQLite: WAL, FULL (a commit survives power loss), foreign keys, 30 s of patience. Raises
    ConfigError where the driver of ``url`` is not there, or this Python's SQLite is too old.
    """
    if url:
        try:
            return sa.create_engine(url, pool_pre_ping=True)
        except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
            raise ConfigError(_no_driver(error)) from error
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise ConfigError(_too_old())
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        # Opening anew for each transaction would cost three flushes instead of one.
        poolclass=sa.pool.QueuePool,
        pool_use_lifo=True,
        max_overflow=-1,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred: a later upgrade to a write would fail at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_wal(cursor: DBAPICursor) -> None:
    """Switch a new file to WAL. SQLite tells the second of two who try at once to go away."""
    for _ in range(_TURNS):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")  # this waits for our turn, as the pragma does not
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options()["writes"]
    # A reader that could write would be told "busy" at once wherever another wrote meanwhile.
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Open one transaction; a writer takes SQLite's lock at its start (``BEGIN IMMEDIATE``).

    Raises Unavailable where the database is locked, full, read-only or damaged.
    """
    try:
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            yield connection
    except sa.exc.DatabaseError as error:
        if type(error) in {sa.exc.OperationalError, sa.exc.DatabaseError}:
            raise Unavailable(_unavailable(error)) from error
        raise  # a promise of the schema was about to be broken: that is our own mistake


def insert_new(
    connection: Connection, table: sa.Table, rows: list[dict[str, Any]], *, key: Sequence[str] = ()
) -> int:
    """Insert the rows that are not there yet, by any unique key or ``key``; return how many."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing(index_elements=key or None)
    return max(connection.execute(statement, rows).rowcount, 0)


def insert_new_returning(
    connection: Connection,
    table: sa.Table,
    rows: list[dict[str, Any]],
    *columns: sa.ColumnElement[Any],
) -> Sequence[sa.Row[Any]]:
    """Insert the rows that are not there yet; return these columns of each that was new."""
    if not rows:
        return []
    statement = _insert(connection, table).on_conflict_do_nothing().returning(*columns)
    return connection.execute(statement, rows).all()


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: list[dict[str, Any]],
    *,
    kept: Collection[str] = (),
) -> None:
    """Insert the rows, or replace all but the ``kept`` columns where the primary key is there."""
    if not rows:
        return
    statement = _insert(connection, table)
    key = [column.name for column in table.primary_key]
    replaced = [name for name in rows[0] if name not in (*key, *kept)]
    changed = {name: statement.excluded[name] for name in replaced}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def _insert(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    # psycopg's own insert and SQLite's share the ON CONFLICT clause, in two classes.
    is_postgresql = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


def _unavailable(error: sa.exc.DatabaseError) -> Problem:
    return Problem(
        code="database.unavailable",
        path="database",
        expected="a database that answers and can be written",
        got=str(error.orig),
        hint="Nothing was lost. Check the disk and whether another program holds the file.",
    )


def _no_driver(error: Exception) -> Problem:
    return Problem(
        code="database.driver",
        path="database.url",
        expected="a database whose driver is installed",
        got=str(error),
        hint='Install the driver that the address names, or leave it empty: url = "" is SQLite.',
    )


def _too_old() -> Problem:
    return Problem(
        code="database.sqlite",
        path="database",
        expected="SQLite 3.35 or newer (of March 2021) in this Python",
        got=f"SQLite {sqlite3.sqlite_version}",
        hint="Use a Python of the operating system's present release, or a newer SQLite library.",
    )
