"""Where SQLite and PostgreSQL differ: opening, transactions, upserts."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from typing_extensions import override

from publisher.errors import ConfigError, Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from psycopg.abc import Buffer
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30
"""How long a writer waits for its turn."""
SYNCHRONOUS = "FULL"
"""A commit is on the disk before it is said to be done, so that it survives power loss."""
_OLDEST_SQLITE = (3, 35)  # the first with RETURNING
_TURNS = 20
_WRITERS = 0x7075_626C
"""The advisory lock of writers on PostgreSQL: any number that nobody else in the database takes."""
_FOR_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_FOR_WRITING = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
_CONNECTING = {
    "connect_timeout": 10,
    "application_name": "publisher",
    "client_encoding": "utf8",
}
_NOT_ALLOWED = "42501"  # PostgreSQL's insufficient_privilege


def make_engine(url: str, path: Path) -> Engine:
    """Return an engine for ``url``, or for the SQLite file at ``path`` where it is empty.

    SQLite: WAL, FULL (a commit survives power loss), foreign keys, 30 s of patience. Raises
    ConfigError where ``url`` is none or its driver is not there, or this Python's SQLite is too old.
    """
    return _make_postgresql(url) if url else _make_sqlite(path)


def _make_postgresql(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
        asked = {name: value for name, value in _CONNECTING.items() if name not in parsed.query}
        engine = sa.create_engine(
            parsed, pool_pre_ping=True, pool_use_lifo=True, max_overflow=-1, connect_args=asked
        )
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        raise ConfigError(_no_driver(error)) from error
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigError(_no_address(error)) from error
    sa.event.listen(engine, "connect", _prepare_postgresql)
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def driver_args(url: str) -> dict[str, Any]:
    """Return what PostgreSQL's driver is told to connect to ``url``."""
    parsed = sa.make_url(url)
    _, told = parsed.get_dialect()().create_connect_args(parsed)
    return {**_CONNECTING, **told}


def public_name(url: str) -> str:
    """Return an address without its password, as it may be shown and kept."""
    return sa.make_url(url)._replace(password=None).render_as_string(hide_password=False)


def _prepare_postgresql(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415 - a site on SQLite needs none

    class Text(StrDumperUnknown):
        """A text without NUL, which PostgreSQL keeps in none: a relay may say one."""

        @override
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(obj.replace("\0", "\ufffd"))

    connection.adapters.register_dumper(str, Text)
    # A server in a zone of its own would hand the ends of the calendar over as no time at all.
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    # Compiling a query that marks every part of a series takes longer than all the rest of it.
    cursor.execute("SET jit = off")
    cursor.close()
    connection.commit()


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options()["writes"]:
        # One writer at a time, as on SQLite: what it reads stays true until it commits. Each of
        # its statements sees what is committed by then, so the lock comes before them.
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{max(BUSY_SECONDS * 1000, 1):.0f}ms';"
            f" SELECT pg_advisory_xact_lock({_WRITERS})"
        )


def _make_sqlite(path: Path) -> Engine:
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
    if connection.info.get("writes") is not writes:
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.info["writes"] = writes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Open one transaction: writers one after another, readers beside them.

    A writer takes its turn at the start: SQLite's own lock, an advisory lock on PostgreSQL. Raises
    Unavailable where the database is away, or refuses, or is locked, full, read-only or damaged.
    """
    try:
        with _connect(engine, writes=writes) as connection, connection.begin():
            yield connection
    except sa.exc.DatabaseError as error:
        if _is_about_the_database(error):
            raise Unavailable(_unavailable(engine, error)) from error
        raise  # a promise of the schema was about to be broken: that is our own mistake


def _connect(engine: Engine, *, writes: bool) -> Connection:
    options: dict[str, Any] = {"writes": writes}
    if engine.dialect.name == "postgresql":
        options |= _FOR_WRITING if writes else _FOR_READING
    try:
        return engine.connect().execution_options(**options)
    except sa.exc.ProgrammingError as error:  # an option in the address that the driver lacks
        raise ConfigError(_no_address(error.orig)) from error


def _is_about_the_database(error: sa.exc.DatabaseError) -> bool:
    """Tell what the server or the disk is to blame for from what our own statement is."""
    blamed = {sa.exc.OperationalError, sa.exc.DatabaseError, sa.exc.InternalError}
    return type(error) in blamed or getattr(error.orig, "sqlstate", None) == _NOT_ALLOWED


def check_encoding(connection: Connection) -> None:
    """Raise ConfigError where a database cannot keep every text; SQLite's always can."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise ConfigError(_narrow(encoding))


def insert_new(
    connection: Connection, table: sa.Table, rows: list[dict[str, Any]], *, key: Sequence[str] = ()
) -> int:
    """Insert the rows that are not there yet, by any unique key or ``key``; return how many."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing(index_elements=key or None)
    kept = {"preserve_rowcount": True}  # else the count is asked of a cursor that is closed
    return max(connection.execute(statement, rows, execution_options=kept).rowcount, 0)


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


def insert_selected(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: sa.Select[Any]
) -> int:
    """Insert what a query returns, none of which passes through this process; return how many."""
    kept = {"preserve_rowcount": True}
    statement = sa.insert(table).from_select(columns, rows)
    return connection.execute(statement, execution_options=kept).rowcount


def scratch_table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Return a table of one connection's own, to be made by ``clear_scratch``."""
    return sa.Table(
        name,
        sa.MetaData(),  # none of the schema's
        *columns,
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
        postgresql_on_commit="DROP",
    )


def clear_scratch(connection: Connection, *tables: sa.Table) -> None:
    """Make tables of this connection's own, or empty those there are."""
    for table in tables:
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        connection.execute(sa.delete(table))


def begins_with(
    connection: Connection, column: sa.Column[str], beginning: str
) -> sa.ColumnElement[bool]:
    """Return the condition that a column begins so, by letters as they are: an index finds it."""
    end = f"{beginning}{chr(0x10FFFF)}"
    if connection.dialect.name == "postgresql":
        return sa.and_(column.op("~>=~")(beginning), column.op("~<~")(end))
    return sa.and_(column >= beginning, column < end)


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
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - brings asyncio: not every site needs it

    return postgresql.insert(table)


def _unavailable(engine: Engine, error: sa.exc.DatabaseError) -> Problem:
    is_file = engine.dialect.name == "sqlite"
    whose = (
        "the disk and whether another program holds the file"
        if is_file
        else "database.url, that the server runs, and what its log says"
    )
    return Problem(
        code="database.unavailable",
        path="database",
        expected="a database that answers and can be written",
        got=" ".join(str(error.orig).split()),
        hint=f"Nothing was lost. Check {whose}.",
    )


def _narrow(encoding: str) -> Problem:
    return Problem(
        code="database.encoding",
        path="database.url",
        expected="a database with the encoding UTF8",
        got=encoding,
        hint="Nothing was written. Make another one: createdb --encoding UTF8 --template template0.",
    )


def _no_address(error: object) -> Problem:
    return Problem(
        code="database.url",
        path="database.url",
        expected="postgresql+psycopg://user@host/database",
        got=" ".join(str(error).split()),
        hint='Name the server, the user and the database, or leave it empty: url = "" is SQLite.',
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
