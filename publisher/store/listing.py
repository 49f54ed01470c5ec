"""Lists of editions, as staff leaf through them: the newest, the last that ended, and their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store.editions import SHOWN, as_edition
from publisher.store.schema import editions

if TYPE_CHECKING:
    from collections.abc import Collection

    from publisher.model import Edition, EditionState
    from publisher.store import Transaction


def find_one(tx: Transaction, edition_id: int) -> Edition | None:
    """Return an edition by its id, nothing where there is none."""
    row = tx.execute(sa.select(*SHOWN).where(editions.c.id == edition_id)).one_or_none()
    return as_edition(row) if row else None


def read_newest(
    tx: Transaction, *, digest: str = "", limit: int, before: int | None = None
) -> list[Edition]:
    """Return editions, the newest made first, of one digest or all."""
    query = sa.select(*SHOWN).order_by(editions.c.id.desc()).limit(limit)
    if digest:
        query = query.where(editions.c.digest == digest)
    if before is not None:
        query = query.where(editions.c.id < before)
    return [as_edition(row) for row in tx.execute(query)]


def read_last(tx: Transaction, *, states: Collection[EditionState]) -> Edition | None:
    """Return the edition that came to one of these ends last, courses and corrections left out."""
    row = tx.execute(
        sa.select(*SHOWN)
        .where(
            editions.c.state.in_(states),
            editions.c.opened_at.is_not(None),
            editions.c.digest.not_like("course:%"),
            editions.c.digest.not_like("correction:%"),
        )
        .order_by(editions.c.closed_at.desc(), editions.c.id.desc())
        .limit(1)
    ).one_or_none()
    return as_edition(row) if row else None


def version_of(tx: Transaction, digest: str) -> tuple[int, int]:
    """Return what changes whenever an edition of a digest does: how many, and how often changed."""
    row = tx.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(editions.c.version), 0)).where(
            editions.c.digest == digest
        )
    ).one()
    return int(row[0]), int(row[1])
