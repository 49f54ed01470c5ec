"""The only SQL: one database, its transactions, and the verbs on what it holds.

``Store.read()`` and ``Store.write()`` open a transaction; the modules beside this one take it as
their first argument. A writer on SQLite takes the lock at its start, so what it reads stays true
until it commits.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from publisher.errors import Problem, Refused
from publisher.store import peeking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection as Transaction  # noqa: TC004 - for annotations only
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool

__all__ = ["SQLITE", "Store", "Transaction", "make_tables"]

SQLITE = "sqlite"
"""The embedded database, where the name of a database is asked for."""


class Store:
    """One database: the embedded SQLite file, or PostgreSQL."""

    def __init__(self, url: str, path: Path) -> None:
        """Name the database; nothing is opened before the first transaction."""
        self.url = url
        self.path = path
        self._made: Engine | None = None
        self._making = threading.Lock()
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._inherited: list[Pool] = []
        if url:
            _ = self._engine  # a driver that is missing is told at once

    @property
    def _engine(self) -> Engine:
        if self._process != os.getpid():
            self._leave_inherited()
        with self._making:
            if self._made is None:
                from publisher.store import dialect  # noqa: PLC0415 - a build of nothing needs none

                self._made = dialect.make_engine(self.url, self.path)
                weakref.finalize(self, self._made.dispose)
            return self._made

    def _leave_inherited(self) -> None:
        """Use none of the connections this copy of a process was born with: they are its parent's."""
        self._process = os.getpid()
        self._making, self._turn = threading.Lock(), threading.Lock()
        if self._made is not None:
            self._inherited.append(self._made.pool)  # not even closed
            self._made.dispose(close=False)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that sees one state of the database and can change nothing."""
        from publisher.store.dialect import transaction  # noqa: PLC0415 - as above

        with transaction(self._engine, writes=False) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that may change it; all of it or none of it is kept."""
        from publisher.store.dialect import transaction  # noqa: PLC0415 - as above

        engine = self._engine
        with self._wait_for_turn(), transaction(engine, writes=True) as tx:
            yield tx

    @contextmanager
    def _wait_for_turn(self) -> Iterator[None]:
        """Let the writers of this process take turns on SQLite, whose own waiting is by sleeping.

        Whoever sleeps comes back when the lock is another's again: with four writers the slowest
        of a hundred waited seconds.
        """
        if self.url:
            yield
            return
        from publisher.store import dialect  # noqa: PLC0415 - as above

        has_turn = self._turn.acquire(timeout=dialect.BUSY_SECONDS)
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()

    def prepare(self) -> bool:
        """Make the tables of an empty database; return whether it was empty.

        Raises Refused where the schema is of another release, or the database moved elsewhere.
        """
        found = None if self.url else peeking.peek_schema(self.path)
        moved = ""
        if found is None:
            with self.read() as tx:
                found = _revision_of(tx)
                moved = _read_moved(tx) if found == peeking.REVISION else ""
        if found is None:
            return self._make()
        if moved:
            raise Refused(_moved(moved))
        if found != peeking.REVISION:
            raise Refused(_other_schema(found))
        return False

    def _make(self) -> bool:
        with self.write() as tx:
            return make_tables(tx)

    @property
    def is_shared(self) -> bool:
        """Whether processes of several machines may use it at once."""
        return self.url.startswith("postgresql")

    @property
    def name(self) -> str:
        """The database as ``database.url`` names it, without a password; a word for the file."""
        from publisher.store import dialect  # noqa: PLC0415 - as above

        return dialect.public_name(self.url) if self.url else SQLITE

    @property
    def newest_schema(self) -> str:
        """Return the schema that this release works with."""
        return peeking.REVISION

    def schema(self) -> str | None:
        """Return the schema the database is at; None where it has no tables."""
        with self.read() as tx:
            return _revision_of(tx)

    def upgrade(self) -> None:
        """Bring the database to this release's schema, all of it or nothing.

        Raises Refused where it is of a newer release.
        """
        with self.write() as tx:
            found = _revision_of(tx)
            if found is None:
                make_tables(tx)
            elif not _is_known(found):
                raise Refused(_other_schema(found))
            elif found != peeking.REVISION:
                _migrate(tx)

    def set_epoch(self, tx: Transaction, epoch: str) -> None:
        """Give a database an epoch of its own: it is no longer the one it was copied from."""
        import sqlalchemy as sa  # noqa: PLC0415 - as above

        from publisher.store import schema  # noqa: PLC0415

        tx.execute(sa.update(schema.site).values(epoch=epoch))

    def epoch(self) -> str:
        """Return this database's epoch: a copy has the same one, a new one another."""
        with self.read() as tx:
            return _site_value(tx, "epoch")

    def revision(self) -> int:
        """Return how often what is public has changed; it costs next to nothing to ask."""
        peeked = None if self.url else peeking.peek_revision(self.path)
        if peeked is not None:
            return peeked
        with self.read() as tx:
            return int(_site_value(tx, "revision"))

    def close(self) -> None:
        """Give back every connection."""
        if self._made is not None:
            self._made.dispose()


def bump_revision(tx: Transaction) -> None:
    """Say that what is public may have changed: the next build looks at everything."""
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    from publisher.store import schema  # noqa: PLC0415

    tx.execute(sa.update(schema.site).values(revision=schema.site.c.revision + 1))


def make_tables(tx: Transaction) -> bool:
    """Make the tables where there are none; return whether there were none."""
    from publisher.store import dialect, founding  # noqa: PLC0415 - as above

    if _revision_of(tx) is not None:  # another process was first
        return False
    dialect.check_encoding(tx)
    founding.found(tx)
    return True


def _site_value(tx: Transaction, column: str) -> str:
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    from publisher.store import schema  # noqa: PLC0415

    return str(tx.execute(sa.select(schema.site.c[column])).scalar_one())


def _read_moved(tx: Transaction) -> str:
    from publisher.store import standing  # noqa: PLC0415 - as above

    return standing.read_moved(tx)


def _revision_of(tx: Transaction) -> str | None:
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _migrate(tx: Transaction) -> None:
    # Loading Alembic costs as much as a whole small build: only an older database pays.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "publisher.store:migrations")
    config.attributes["connection"] = tx
    command.upgrade(config, "head")


def _is_known(revision: str) -> bool:
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "publisher.store:migrations")
    try:
        return ScriptDirectory.from_config(config).get_revision(revision) is not None
    except CommandError:
        return False


def _moved(where: str) -> Problem:
    setting = "" if where == SQLITE else where
    return Problem(
        code="database.moved",
        path="database.url",
        expected="the database that is used",
        got=f"one that moved to {where}",
        hint=f'Write into config.toml:  [database] url = "{setting}"  Here nothing is changed any more.',
    )


def _other_schema(found: str) -> Problem:
    return Problem(
        code="database.schema",
        path="database",
        expected=f"a database of schema {peeking.REVISION}",
        got=f"schema {found}",
        hint="Nothing was changed. An older one: publisher upgrade. A newer one: run the release "
        "that made it.",
    )
