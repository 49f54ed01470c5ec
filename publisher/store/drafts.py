"""Posts as people are writing them, not saved yet: a crash loses nothing, and colleagues see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.store import dialect
from publisher.store.schema import drafts

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person has written since they opened a post."""

    editor: str
    path: str
    began_sha256: str
    """Of the file as it was when they opened it."""
    began: bytes
    text: str
    """The whole source, front matter and Markdown."""
    began_at: datetime
    changed_at: datetime


def keep(tx: Transaction, draft: Draft) -> None:
    """Keep a draft; when it was begun stays as it was, while it is of the same file."""
    row = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    known = read_one(tx, draft.editor, draft.path)
    if known and known.began_sha256 == draft.began_sha256:
        row["began_at"] = known.began_at
    dialect.upsert(tx, drafts, [row])


def read_one(tx: Transaction, editor: str, path: str) -> Draft | None:
    """Return what a person has written of a post."""
    found = tx.execute(
        sa.select(drafts).where(drafts.c.editor == editor, drafts.c.path == path)
    ).first()
    return _draft(found) if found else None


def read_of(tx: Transaction, path: str) -> list[Draft]:
    """Return everybody's draft of a post, the one changed last first."""
    query = sa.select(drafts).where(drafts.c.path == path)
    return [_draft(row) for row in tx.execute(query.order_by(drafts.c.changed_at.desc()))]


def _draft(row: sa.Row[tuple[object, ...]]) -> Draft:
    facts = dict(row._mapping)  # noqa: SLF001 - the documented name of it
    return Draft(**facts | {"began": bytes(facts["began"])})


def forget(tx: Transaction, editor: str, path: str) -> bool:
    """Forget what a person has written of a post; return whether there was anything."""
    gone = tx.execute(sa.delete(drafts).where(drafts.c.editor == editor, drafts.c.path == path))
    return gone.rowcount == 1
