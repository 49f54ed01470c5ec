"""Where SQLite and PostgreSQL differ: opening, transactions, upserts."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from publisher.errors import Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30


def make_engine(url: str, path: Path) -> Engine:
    """Return an engine for ``url``, or for the SQLite file at ``path`` where it is empty.

    SQLite: WAL, FULL (a commit survives power loss), foreign keys, 30 s of patience.
    """
    if url:
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(
        f"sqlite:///{path}",
        poolclass=sa.pool.NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred: a later upgrade to a write would fail at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Open one transaction; a writer takes SQLite's lock at its start (``BEGIN IMMEDIATE``).

    Raises Unavailable where the database is locked, full or read-only.
    """
    options = {"begin": "IMMEDIATE" if writes else "DEFERRED"}
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except sa.exc.OperationalError as error:
        raise unavailable(error) from error


def unavailable(error: sa.exc.OperationalError) -> Unavailable:
    """Say in plain words why the database cannot be used now."""
    return Unavailable(
        Problem(
            code="database.unavailable",
            path="database",
            expected="a database that answers and can be written",
            got=str(error.orig),
            hint="Nothing was lost. Check the disk and whether another program holds the file.",
        )
    )


def insert_new(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet; return how many were."""
    if not rows:
        return 0
    # psycopg's own insert and SQLite's share this clause, in two classes.
    maker = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    result = connection.execute(maker(table).on_conflict_do_nothing(), rows)
    return max(result.rowcount, 0)


def upsert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows, or replace every other column where the primary key is there."""
    if not rows:
        return
    maker = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = maker(table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def peek_revision(path: Path) -> int | None:
    """Return the site's revision from a SQLite file without building an engine, if it can be.

    The build that finds nothing changed asks only this; it would else spend most of its time on
    loading what it does not use.
    """
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    except sqlite3.Error:
        return None
    try:
        row = connection.execute("SELECT revision FROM site").fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return int(row[0]) if row else None
