"""Carrying a whole database into another, of whichever kind: every row, counted and compared.

Rows are compared as what they mean, in whatever order the two databases give them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.errors import Problem, Refused
from publisher.store import schema, standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from publisher.store import Transaction

_ROWS = 2_000
_STAYS = {"standing"}
"""Tables that are about the place, not about the site."""


def carry(source: Transaction, target: Transaction) -> Mapping[str, int]:
    """Make a database hold the rows of another, and no others; return how many of each table.

    Both are at this release's schema. Raises Refused where what arrived is not what was sent: then
    the transaction of the target must not be kept.
    """
    tables = [one for one in schema.metadata.sorted_tables if one.name not in _STAYS]
    for table in reversed(tables):
        target.execute(sa.delete(table))
    counts = {}
    for table in tables:
        sent = _Sum()
        for rows in _read(source, table):
            sent.add(rows)
            target.execute(sa.insert(table), rows)
        arrived = _Sum()
        for rows in _read(target, table):
            arrived.add(rows)
        if arrived != sent:
            raise Refused(_differs(table.name, sent, arrived))
        counts[table.name] = sent.count
        _carry_numbers(source, target, table)
    return counts


def set_new_epoch(target: Transaction, epoch: str) -> None:
    """Give what was carried an epoch of its own, at home where it is."""
    target.execute(sa.update(schema.site).values(epoch=epoch))
    standing.mark_home(target)
    standing.mark_moved(target, "")


@dataclass(frozen=True, slots=True)
class Origin:
    """By what databases of one site are known, and told apart."""

    made_at: datetime
    epoch: str


def read_origin(tx: Transaction) -> Origin:
    """Return when a site's first database was made, and this one's epoch."""
    row = tx.execute(sa.select(schema.site.c.made_at, schema.site.c.epoch)).one()
    return Origin(made_at=row.made_at, epoch=row.epoch)


def _read(tx: Transaction, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    with tx.execute(sa.select(table), execution_options={"stream_results": True}) as found:
        for rows in found.mappings().partitions(_ROWS):
            yield [dict(row) for row in rows]


@dataclass(slots=True)
class _Sum:
    """How many rows, and the sum of their digests: the same in any order."""

    count: int = 0
    total: int = 0

    def as_text(self) -> str:
        """Return it as an error tells it."""
        return f"{self.count:,} rows of sum {self.total:064x}"

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Take rows in."""
        for row in rows:
            told = repr([(name, _plain(row[name])) for name in sorted(row)]).encode()
            digest = int.from_bytes(hashlib.sha256(told).digest(), "big")
            self.total = (self.total + digest) % (1 << 256)
        self.count += len(rows)


def _plain(value: Any) -> Any:
    """Return a value as both kinds of database can keep it: PostgreSQL keeps no NUL in a text."""
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return bytes(value) if isinstance(value, memoryview) else value


# ------------------------------------------------------------------------------------- next numbers


def _carry_numbers(source: Transaction, target: Transaction, table: sa.Table) -> None:
    """Let numbers go on from where they were: an erased person's is nobody else's."""
    column = table.autoincrement_column
    if column is None or table.name == "site":
        return
    highest = int(source.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())
    last = max(highest, _last_given(source, table, column))
    if target.dialect.name == "postgresql":
        if last and (sequence := _sequence_of(target, table, column)):
            target.execute(sa.select(sa.func.setval(sequence, last)))
    elif _counts_up(target, table):
        target.execute(
            sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
        )
        target.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"),
            {"name": table.name, "last": last},
        )


def _last_given(tx: Transaction, table: sa.Table, column: sa.Column[Any]) -> int:
    if tx.dialect.name == "postgresql":
        sequence = _sequence_of(tx, table, column)
        found = (
            sequence
            and tx.exec_driver_sql(
                f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - the server's own name
            ).scalar()
        )
    elif _counts_up(tx, table):
        asked = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        found = tx.execute(asked, {"name": table.name}).scalar()
    else:
        found = 0
    return int(found or 0)


def _sequence_of(tx: Transaction, table: sa.Table, column: sa.Column[Any]) -> str | None:
    asked = sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
    found: str | None = tx.execute(asked).scalar()
    return found


def _counts_up(tx: Transaction, table: sa.Table) -> bool:
    asked = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    return "AUTOINCREMENT" in (tx.execute(asked, {"name": table.name}).scalar() or "")


def _differs(table: str, sent: _Sum, arrived: _Sum) -> Problem:
    return Problem(
        code="database.differs",
        path=table,
        expected=sent.as_text(),
        got=arrived.as_text(),
        hint="Nothing was changed, here or there. Please report it.",
    )
