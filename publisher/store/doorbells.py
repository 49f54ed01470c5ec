"""Where the jobs that call workers are kept: a place of their own in the database.

A job only says "look": the chunks are the truth, so this place may be lost, emptied or made anew at
any time and nobody misses a mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.store import dialect
from publisher.store.schema import chunks

if TYPE_CHECKING:
    from publisher.store import Store, Transaction

PLACE = "publisher_jobs"
"""The schema, in PostgreSQL's sense of the word."""


def connect_args(store: Store) -> dict[str, Any]:
    """Return how the driver connects to a store's database, looking at this place first."""
    found = dialect.driver_args(store.url)
    return found | {"options": f"{found.get('options', '')} -c search_path={PLACE}".strip()}


def make_place(store: Store, version: str, statements: str) -> None:
    """Make the place where there is none or it is of another version; two who try make one."""
    with store.write() as tx:
        asked = sa.text("SELECT obj_description(to_regnamespace(:place), 'pg_namespace')")
        if tx.execute(asked, {"place": PLACE}).scalar() == version:
            return
        tx.exec_driver_sql(f"DROP SCHEMA IF EXISTS {PLACE} CASCADE")
        tx.exec_driver_sql(f"CREATE SCHEMA {PLACE}")
        open_place(tx).execute(statements.encode())
        tx.exec_driver_sql(f"COMMENT ON SCHEMA {PLACE} IS '{version}'")


def open_place(tx: Transaction) -> Any:
    """Return the driver's own connection of a transaction, with this place in its view."""
    tx.exec_driver_sql(
        "SELECT set_config('search_path', %s || ',' || current_setting('search_path'), true)",
        (PLACE,),
    )
    return tx.connection.driver_connection


def read_chunks(tx: Transaction, edition_id: int) -> list[int]:
    """Return the chunks of an edition that somebody has to send."""
    rows = sa.select(chunks.c.id).where(
        chunks.c.edition_id == edition_id, chunks.c.state != "done"
    )
    return list(tx.scalars(rows.order_by(chunks.c.id)))
