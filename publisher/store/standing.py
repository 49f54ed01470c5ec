"""Where a database stands: which server keeps it, where it moved to, since when it is live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store import schema

if TYPE_CHECKING:
    from publisher.store import Transaction

_HOME = "SELECT system_identifier || ':' || d.oid FROM pg_control_system(), pg_database d WHERE d.datname = current_database()"
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"  # the server's own work has nobody
)


def find_home(tx: Transaction) -> str:
    """Return the server and the place in it where this database is; nothing for a file.

    A dump that was restored elsewhere, or beside the first one, is at another.
    """
    if tx.dialect.name != "postgresql":
        return ""
    return str(tx.execute(sa.text(_HOME)).scalar_one())


def read_home(tx: Transaction) -> str:
    """Return where this database was when it was made, or last said to be the one that sends."""
    return str(tx.execute(sa.select(schema.standing.c.home)).scalar_one())


def mark_home(tx: Transaction) -> None:
    """Note that this database is at home where it is."""
    tx.execute(sa.update(schema.standing).values(home=find_home(tx)))


def forget_home(tx: Transaction) -> None:
    """Say that nobody has said yet that this database is the one that sends."""
    tx.execute(sa.update(schema.standing).values(home="", moved_to=""))


def read_moved(tx: Transaction) -> str:
    """Return where this database moved to; nothing while it is the one to use."""
    return str(tx.execute(sa.select(schema.standing.c.moved_to)).scalar_one())


def mark_moved(tx: Transaction, where: str) -> None:
    """Say where this database moved to: from then on it is not used."""
    tx.execute(sa.update(schema.standing).values(moved_to=where))


def count_others(tx: Transaction) -> int:
    """Return how many other connections a server has to this database; a file cannot say."""
    if tx.dialect.name != "postgresql":
        return 0
    return int(tx.execute(sa.text(_OTHERS)).scalar_one())


def read_live(tx: Transaction) -> tuple[datetime, str] | None:
    """Return since when a trial is over, and who ended it; None before."""
    row = tx.execute(sa.select(schema.site.c.live_at, schema.site.c.live_by)).one()
    return (row.live_at, row.live_by) if row.live_at else None


def is_trial(tx: Transaction, *, configured: bool) -> bool:
    """Whether only staff are mailed: the configuration says so, and nobody ended it."""
    return configured and read_live(tx) is None


def mark_live(tx: Transaction, by: str, *, now: datetime) -> bool:
    """Note that the trial is over; False where it was before."""
    changed = tx.execute(
        sa.update(schema.site)
        .where(schema.site.c.live_at.is_(None))
        .values(live_at=now, live_by=by, revision=schema.site.c.revision + 1)
    )
    return changed.rowcount == 1


def mark_trial(tx: Transaction) -> bool:
    """Note that the trial goes on; False where it did."""
    changed = tx.execute(
        sa.update(schema.site)
        .where(schema.site.c.live_at.is_not(None))
        .values(live_at=None, live_by="", revision=schema.site.c.revision + 1)
    )
    return changed.rowcount == 1


def read_clock(tx: Transaction) -> datetime:
    """Return the time of the database's own clock."""
    told: datetime = tx.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return told.astimezone(UTC)
