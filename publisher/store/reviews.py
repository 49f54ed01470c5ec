"""Reviews: who was asked about which text, what they answered, who saved what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from publisher.editorial.reviewing import Save
from publisher.model import Approval, ReviewAnswer, ReviewRequest
from publisher.store import subscribers
from publisher.store.schema import (
    approved_texts,
    drafts,
    events,
    imports,
    review_requests,
    reviews,
    saves,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.engine import RowMapping

    from publisher.store import Transaction

_FACTS = [
    one for one in review_requests.columns if one.name not in {"token_sha256", "token_until"}
]


# --------------------------------------------------------------------------------------- requests


def ask(
    tx: Transaction,
    *,
    post_id: str,
    path: str,
    source_sha256: str,
    asked_by: str,
    reviewer: str,
    note: str,
    due_on: date | None,
    now: datetime,
) -> int:
    """Ask a person to review a post; the same asked before is overtaken. Return the request's id."""
    overtake(tx, post_id, now=now, reviewer=reviewer)
    made = tx.execute(
        sa.insert(review_requests)
        .values(
            post_id=post_id,
            path=path,
            source_sha256=source_sha256,
            asked_by=asked_by,
            reviewer=reviewer,
            note=note,
            due_on=due_on,
            asked_at=now,
        )
        .returning(review_requests.c.id)
    )
    return int(made.scalar_one())


def overtake(tx: Transaction, post_id: str, *, now: datetime, reviewer: str | None = None) -> None:
    """End the open requests of a post, or of one reviewer for it, without an answer of theirs."""
    which = [review_requests.c.post_id == post_id, review_requests.c.answer.is_(None)]
    if reviewer is not None:
        which.append(review_requests.c.reviewer == reviewer)
    tx.execute(
        sa.update(review_requests)
        .where(*which)
        .values(answer=ReviewAnswer.OVERTAKEN, answered_at=now, token_sha256=None)
    )


def answer(
    tx: Transaction,
    post_id: str,
    answered: ReviewAnswer,
    *,
    by: str,
    path: str,
    source_sha256: str,
    now: datetime,
) -> None:
    """Answer every open request of a post, about the text there is now.

    Whoever asks for changes without being asked is recorded as if they had been, by nobody.
    """
    said = {
        "answer": answered,
        "answered_by": by,
        "answered_at": now,
        "source_sha256": source_sha256,
    }
    changed = tx.execute(
        sa.update(review_requests)
        .where(review_requests.c.post_id == post_id, review_requests.c.answer.is_(None))
        .values(**said, token_sha256=None)
    )
    if not changed.rowcount and answered is ReviewAnswer.CHANGES:
        facts = {"post_id": post_id, "path": path, "asked_by": "", "reviewer": by, "asked_at": now}
        tx.execute(sa.insert(review_requests).values(**facts, **said))


def read_requests(
    tx: Transaction, post_id: str | None = None, *, is_open: bool = False
) -> list[ReviewRequest]:
    """Return the requests, of one post or of all, oldest first."""
    query = sa.select(*_FACTS).order_by(review_requests.c.id)
    if post_id is not None:
        query = query.where(review_requests.c.post_id == post_id)
    if is_open:
        query = query.where(review_requests.c.answer.is_(None))
    return [_request(row) for row in tx.execute(query).mappings()]


def _request(row: RowMapping) -> ReviewRequest:
    answered = row["answer"]
    facts = dict(row) | {"answer": ReviewAnswer(answered) if answered else None}
    return ReviewRequest(**facts)


# ------------------------------------------------------------------------------------- the link


def set_token(tx: Transaction, request_id: int, token_sha256: str, *, until: datetime) -> None:
    """Give an open request a link that works once, until then; an earlier one works no more."""
    tx.execute(
        sa.update(review_requests)
        .where(review_requests.c.id == request_id, review_requests.c.answer.is_(None))
        .values(token_sha256=token_sha256, token_until=until)
    )


def find_by_token(tx: Transaction, token_sha256: str, *, now: datetime) -> ReviewRequest | None:
    """Return the open request that a link is for; None where it is used, old or unknown."""
    query = sa.select(*_FACTS).where(
        review_requests.c.token_sha256 == token_sha256,
        review_requests.c.token_until > now,
        review_requests.c.answer.is_(None),
    )
    row = tx.execute(query).mappings().first()
    return _request(row) if row else None


def use_token(tx: Transaction, token_sha256: str, *, now: datetime) -> ReviewRequest | None:
    """Use a link up and return its request; None where it was used, or is old or unknown."""
    found = find_by_token(tx, token_sha256, now=now)
    used = tx.execute(
        sa.update(review_requests)
        .where(review_requests.c.token_sha256 == token_sha256)
        .values(token_sha256=None, token_until=None)
    )
    return found if used.rowcount else None


# -------------------------------------------------------------------------------------- approvals


def read_approvals(tx: Transaction, post_id: str) -> list[Approval]:
    """Return the approvals of a post, oldest first."""
    rows = tx.execute(
        sa.select(reviews, approved_texts.c.data)
        .outerjoin(
            approved_texts,
            sa.and_(
                approved_texts.c.post_id == reviews.c.post_id,
                approved_texts.c.source_sha256 == reviews.c.source_sha256,
            ),
        )
        .where(reviews.c.post_id == post_id)
        .order_by(reviews.c.approved_at, reviews.c.source_sha256)
    )
    return [
        Approval(
            source_sha256=row.source_sha256,
            reviewer=row.reviewer,
            approved_at=row.approved_at,
            note=row.note,
            checked=tuple(json.loads(row.checked)),
            changes_since=row.changes_since,
            data=None if row.data is None else bytes(row.data),
        )
        for row in rows
    ]


# ------------------------------------------------------------------------------------------ saves


def record_save(tx: Transaction, path: str, source_sha256: str, *, by: str, now: datetime) -> None:
    """Remember who saved a source."""
    row = {"path": path, "source_sha256": source_sha256, "saved_by": by, "saved_at": now}
    tx.execute(sa.insert(saves).values(**row))


def read_saves(tx: Transaction, path: str) -> list[Save]:
    """Return who saved a post's file, oldest first."""
    rows = tx.execute(sa.select(saves).where(saves.c.path == path).order_by(saves.c.id))
    return [Save(source_sha256=row.source_sha256, saved_by=row.saved_by) for row in rows]


def move_path(tx: Transaction, before: str, after: str) -> None:
    """Follow a post's file to its new name."""
    for table, column in (
        (saves, saves.c.path),
        (review_requests, review_requests.c.path),
        (drafts, drafts.c.path),
        (imports, imports.c.post_path),
    ):
        tx.execute(sa.update(table).where(column == before).values({column.name: after}))


# ---------------------------------------------------------------------------------------- history


def note(
    tx: Transaction, post_id: str, verb: str, *, by: str, now: datetime, detail: str = ""
) -> None:
    """Add one line to a post's history."""
    subscribers.note(tx, by, verb, f"post:{post_id}", now=now, detail=detail)


def read_history(tx: Transaction, post_id: str) -> list[tuple[datetime, str, str, str]]:
    """Return a post's history, oldest first: when, who, what, and more of it."""
    rows = tx.execute(
        sa.select(events).where(events.c.subject == f"post:{post_id}").order_by(events.c.id)
    )
    return [(row.at, row.actor, row.verb, row.detail) for row in rows]
