"""Comments on single paragraphs of a post, what was answered, and which are settled."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.model import Comment, Reply
from publisher.store.schema import review_comments, review_replies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import RowMapping

    from publisher.store import Transaction


def add(
    tx: Transaction,
    *,
    post_id: str,
    source_sha256: str,
    place: int,
    words: str,
    by: str,
    text: str,
    now: datetime,
) -> int:
    """Record what a person said of a paragraph of an exact text; return the comment's id."""
    row = {
        "post_id": post_id,
        "source_sha256": source_sha256,
        "place": place,
        "words": words,
        "said_by": by,
        "said": text,
        "said_at": now,
    }
    made = tx.execute(sa.insert(review_comments).values(**row).returning(review_comments.c.id))
    return int(made.scalar_one())


def add_reply(tx: Transaction, comment_id: int, *, by: str, text: str, now: datetime) -> None:
    """Record an answer to a comment."""
    row = {"comment_id": comment_id, "said_by": by, "said": text, "said_at": now}
    tx.execute(sa.insert(review_replies).values(**row))


def set_settled(tx: Transaction, comment_id: int, *, by: str, now: datetime | None) -> bool:
    """Mark a comment as settled, or without a moment as open again; return whether it was not."""
    settled = review_comments.c.settled_at
    changed = tx.execute(
        sa.update(review_comments)
        .where(
            review_comments.c.id == comment_id,
            settled.is_(None) if now else settled.is_not(None),
        )
        .values(settled_at=now, settled_by=by if now else "")
    )
    return changed.rowcount == 1


def read_all(tx: Transaction, post_id: str) -> list[Comment]:
    """Return the comments on a post with their answers, oldest first."""
    which = review_comments.c.post_id == post_id
    replies = defaultdict[int, list[Reply]](list)
    for row in tx.execute(
        sa.select(review_replies)
        .join(review_comments, review_comments.c.id == review_replies.c.comment_id)
        .where(which)
        .order_by(review_replies.c.id)
    ):
        replies[row.comment_id].append(Reply(by=row.said_by, text=row.said, at=row.said_at))
    rows = tx.execute(sa.select(review_comments).where(which).order_by(review_comments.c.id))
    return [_comment(row, replies[row["id"]]) for row in rows.mappings()]


def count_open(tx: Transaction) -> dict[str, int]:
    """Return how many comments are open, by the id of their post."""
    rows = tx.execute(
        sa.select(review_comments.c.post_id, sa.func.count())
        .where(review_comments.c.settled_at.is_(None))
        .group_by(review_comments.c.post_id)
    )
    return {post_id: int(count) for post_id, count in rows}


def _comment(row: RowMapping, replies: Sequence[Reply]) -> Comment:
    return Comment(
        id=row["id"],
        post_id=row["post_id"],
        source_sha256=row["source_sha256"],
        place=row["place"],
        words=row["words"],
        by=row["said_by"],
        text=row["said"],
        at=row["said_at"],
        replies=tuple(replies),
        settled_by=row["settled_by"],
        settled_at=row["settled_at"],
    )
