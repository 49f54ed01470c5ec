"""What is being written and not saved yet: kept through a crash, and shown to colleagues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher import posts
from publisher.store import drafts
from publisher.writing.folder import refuse_large, sha256_of

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Store
    from publisher.store.drafts import Draft

PRESENT_FOR = timedelta(minutes=10)
"""How long after their last change somebody counts as writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """Somebody else with an unsaved text of the same post."""

    name: str
    since: datetime
    changed_at: datetime
    is_present: bool
    """Whether they changed something lately; else they left a text behind."""


def keep_draft(
    store: Store, editor: str, path: str, *, began: bytes, text: str, now: datetime
) -> None:
    """Keep what a person has written so far; nothing in the folder changes.

    ``began`` is the file as they opened it. Raises ContentError for more than a post should be.
    """
    where = f"posts/{path}"
    posts.refuse_unclean(text, where)
    refuse_large(text.encode(), where)
    draft = drafts.Draft(
        editor=editor,
        path=path,
        began_sha256=sha256_of(began),
        began=began,
        text=text,
        began_at=now,
        changed_at=now,
    )
    with store.write() as tx:
        drafts.keep(tx, draft)


def read_draft(store: Store, editor: str, path: str) -> Draft | None:
    """Return what a person has written and not saved."""
    with store.read() as tx:
        return drafts.read_one(tx, editor, path)


def forget_draft(store: Store, editor: str, path: str) -> bool:
    """Throw away what a person has written and not saved; return whether there was anything."""
    with store.write() as tx:
        return drafts.forget(tx, editor, path)


def look_around(store: Store, path: str, *, but: str, now: datetime) -> list[Colleague]:
    """Return who else has an unsaved text of a post, the latest first."""
    with store.read() as tx:
        found = drafts.read_of(tx, path)
    return [
        Colleague(
            name=one.editor,
            since=one.began_at,
            changed_at=one.changed_at,
            is_present=now - one.changed_at <= PRESENT_FOR,
        )
        for one in found
        if one.editor != but
    ]
