"""Edits: what staff changed of a draft, kept beside it until its content is fixed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import Edits
from publisher.store import dialect
from publisher.store.schema import edition_edits

if TYPE_CHECKING:
    from publisher.store import Transaction


def read(tx: Transaction, edition_id: int) -> Edits:
    """Return what staff changed of an edition; nothing where they changed nothing."""
    row = tx.execute(
        sa.select(edition_edits).where(edition_edits.c.edition_id == edition_id)
    ).one_or_none()
    if row is None:
        return Edits()
    return Edits(
        subject=row.subject,
        preheader=row.preheader,
        intro=row.intro,
        order=tuple(json.loads(row.post_order)),
        left_out=tuple(json.loads(row.left_out)),
    )


def write(tx: Transaction, edition_id: int, edits: Edits) -> None:
    """Keep what staff changed, in place of what they changed before."""
    if edits == read(tx, edition_id):
        return
    row = {
        "edition_id": edition_id,
        "subject": edits.subject,
        "preheader": edits.preheader,
        "intro": edits.intro,
        "post_order": json.dumps(edits.order),
        "left_out": json.dumps(edits.left_out),
    }
    dialect.upsert(tx, edition_edits, [row])
