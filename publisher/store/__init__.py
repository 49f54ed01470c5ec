"""The only SQL: one database, its transactions, and the verbs on what it holds.

``Store.read()`` and ``Store.write()`` open a transaction; the modules beside this one take it as
their first argument. A writer on SQLite takes the lock at its start, so what it reads stays true
until it commits.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Transaction

from publisher.errors import Problem, Refused
from publisher.store import dialect, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Store", "Transaction"]


class Store:
    """One database: the embedded SQLite file, or PostgreSQL."""

    def __init__(self, url: str, path: Path) -> None:
        """Name the database; nothing is opened before the first transaction."""
        self.url = url
        self.path = path
        self._engine = dialect.make_engine(url, path)
        weakref.finalize(self, self._engine.dispose)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that sees one state of the database and can change nothing."""
        with dialect.transaction(self._engine, writes=False) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that may change it; all of it or none of it is kept."""
        with dialect.transaction(self._engine, writes=True) as tx:
            yield tx

    def prepare(self) -> bool:
        """Make the tables of an empty database; return whether it was empty.

        Raises Refused where the schema is of another release.
        """
        with self.read() as tx:
            found = _revision_of(tx)
        if found is None:
            return self._make()
        if found != schema.REVISION:
            raise Refused(_other_schema(found))
        return False

    def _make(self) -> bool:
        with self.write() as tx:
            if _revision_of(tx) is not None:  # another process was first
                return False
            _migrate(tx)
            return True

    def epoch(self) -> str:
        """Return this database's epoch: a copy has the same one, a new one another."""
        with self.read() as tx:
            return str(tx.execute(sa.select(schema.site.c.epoch)).scalar_one())

    def revision(self) -> int:
        """Return how often what is public has changed; it costs next to nothing to ask."""
        peeked = None if self.url else dialect.peek_revision(self.path)
        if peeked is not None:
            return peeked
        with self.read() as tx:
            return int(tx.execute(sa.select(schema.site.c.revision)).scalar_one())

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()


def bump_revision(tx: Transaction) -> None:
    """Say that what is public may have changed: the next build looks at everything."""
    tx.execute(sa.update(schema.site).values(revision=schema.site.c.revision + 1))


def _revision_of(tx: Transaction) -> str | None:
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _migrate(tx: Transaction) -> None:
    # Loading Alembic costs as much as a whole small build: only a new database pays.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "publisher.store:migrations")
    config.attributes["connection"] = tx
    command.upgrade(config, "head")


def _other_schema(found: str) -> Problem:
    return Problem(
        code="database.schema",
        path="database",
        expected=f"a database of schema {schema.REVISION}",
        got=f"schema {found}",
        hint="Run the release that made it, or: publisher upgrade",
    )
