"""Everything the database holds, table by table, as plain values; secrets stay."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.store.describing import PERSONAL
from publisher.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.store import Transaction

_KEPT_BACK = {"keys", "staff", "sessions", "staff_links", "sources", "series_sources"}
"""Secrets, and what signs people in; and the sources of posts, which are files."""
_OF_STAFF = {"staff"}
"""About those who operate, not about readers."""
_AT_ONCE = 1_000


def table_names() -> list[str]:
    """Return the tables that are exported."""
    return sorted(metadata.tables.keys() - _KEPT_BACK)


def read_table(tx: Transaction, name: str) -> Iterator[dict[str, Any]]:
    """Return a table's rows by its key, a thousand in memory at a time; times are ISO 8601."""
    table = metadata.tables[name]
    rows = tx.execution_options(yield_per=_AT_ONCE).execute(
        sa.select(table).order_by(*table.primary_key)
    )
    for row in rows.mappings():
        yield {key: _plain(value) for key, value in row.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


# ------------------------------------------------------------------------------ what is about people


def count_rows(tx: Transaction) -> dict[str, int]:
    """Return how many rows each of these tables has."""
    return {
        name: int(
            tx.execute(sa.select(sa.func.count()).select_from(metadata.tables[name])).scalar_one()
        )
        for name in PERSONAL
    }


_ABOUT = {"subscriber_id", "address", "address_hash", "address_key", "email"}
"""Columns by which a table is known to be about people."""


def undescribed() -> list[str]:
    """Return what of people is kept and has no words, as ``table`` or ``table.column``."""
    missing = [
        table.name
        for table in metadata.sorted_tables
        if table.name not in {*PERSONAL, *_OF_STAFF} and _ABOUT & set(table.c.keys())
    ]
    return missing + [
        f"{name}.{column}"
        for name, described in PERSONAL.items()
        for column in metadata.tables[name].c.keys() ^ described.columns.keys()
    ]
