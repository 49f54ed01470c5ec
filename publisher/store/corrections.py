"""Corrections: what each says, which edition it corrects, and when it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import ALONE, Correction, EditionState
from publisher.store import dialect
from publisher.store.editions import SHOWN, as_edition, read_content
from publisher.store.schema import corrections, editions

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Edition, EditionContent
    from publisher.store import Transaction


def read(tx: Transaction, edition_id: int) -> Correction | None:
    """Return what a correction says; nothing where the edition is none."""
    row = tx.execute(
        sa.select(corrections).where(corrections.c.edition_id == edition_id)
    ).one_or_none()
    if row is None:
        return None
    return Correction(
        corrects_id=row.corrects_id, subject=row.subject, text=row.text, post_id=row.post_id
    )


def write(tx: Transaction, edition_id: int, wanted: Correction) -> None:
    """Keep what a correction says, in place of what it said before."""
    row = {
        "edition_id": edition_id,
        "corrects_id": wanted.corrects_id,
        "subject": wanted.subject,
        "text": wanted.text,
        "post_id": wanted.post_id,
    }
    dialect.upsert(tx, corrections, [row])


def read_of(tx: Transaction, corrects_id: int) -> list[Edition]:
    """Return the corrections of an edition, oldest first."""
    rows = tx.execute(
        sa.select(*SHOWN)
        .join(corrections, corrections.c.edition_id == editions.c.id)
        .where(corrections.c.corrects_id == corrects_id)
        .order_by(editions.c.id)
    )
    return [as_edition(row) for row in rows]


def read_before(tx: Transaction, edition: Edition) -> EditionContent | None:
    """Return what the edition before this one brought, of the same digest and kind; None for none.

    One that brought a post alone told of no correction, and few may have got it.
    """
    found = tx.execute(
        sa.select(editions.c.id)
        .where(
            editions.c.digest == edition.digest,
            editions.c.rehearsal == edition.rehearsal,
            editions.c.id != edition.id,
            editions.c.fire_at < edition.fire_at,
            editions.c.slot.not_like(f"{ALONE}%"),
            editions.c.opened_at.is_not(None),
            editions.c.state != EditionState.CANCELLED,
        )
        .order_by(editions.c.fire_at.desc(), editions.c.id.desc())
        .limit(1)
    ).scalar()
    return read_content(tx, found) if found is not None else None


def set_moment(tx: Transaction, edition: Edition, fire_at: datetime) -> None:
    """Give an edition that is not frozen the moment at which it goes."""
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id, editions.c.version == edition.version)
        .values(fire_at=fire_at, version=edition.version + 1)
    )
