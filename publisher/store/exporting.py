"""Everything the database holds, table by table, as plain values; secrets stay."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.store import Transaction

_KEPT_BACK = {
    *("keys", "staff", "sessions", "staff_links"),
    *("sources", "series_sources", "reviewed_sources"),
}
"""Secrets, and what signs people in; and the sources of posts, which are files."""
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
