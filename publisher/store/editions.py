"""Digests, slots and editions: drafted, frozen, opened, closed, each step by compare-and-set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.editorial.choice import History
from publisher.model import (
    CorrectedPost,
    DeliveryState,
    Edition,
    EditionContent,
    EditionState,
    Letter,
    LetterPost,
    Link,
    SeriesLine,
)
from publisher.store import bump_revision, dialect
from publisher.store.posts import archived_ids
from publisher.store.schema import (
    chunks,
    deliveries,
    digests,
    edition_posts,
    editions,
    letters,
    receipts_of,
    slots,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from publisher.editorial.slots import Slot
    from publisher.store import Transaction

_UNTAKEN = (
    EditionState.DRAFT,
    EditionState.CANCELLED,
    EditionState.FAILED,
    EditionState.MISSED,
)
"""The posts of these editions are still new: nobody was promised them, or not everybody has them."""
_MAILED = (DeliveryState.INFLIGHT, DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN)


# -------------------------------------------------------------------------------------------- slots


def see_digests(tx: Transaction, names: Iterable[str], *, now: datetime) -> dict[str, datetime]:
    """Note digests the store has not met, and return when it first saw each one."""
    dialect.insert_new(tx, digests, [{"name": name, "seen_at": now} for name in names])
    return {row.name: row.seen_at for row in tx.execute(sa.select(digests))}


def seen_digests(tx: Transaction) -> dict[str, datetime]:
    """Return when the store first saw each digest."""
    return {row.name: row.seen_at for row in tx.execute(sa.select(digests))}


def decided_slots(tx: Transaction, digest: str, *, since: datetime) -> frozenset[str]:
    """Return the keys of slots from ``since`` on that were decided."""
    return frozenset(
        tx.scalars(
            sa.select(slots.c.slot).where(slots.c.digest == digest, slots.c.fire_at >= since)
        )
    )


def last_decided_at(tx: Transaction, digest: str) -> datetime | None:
    """Return the moment of the newest decided slot."""
    newest = sa.select(sa.func.max(slots.c.fire_at)).where(slots.c.digest == digest)
    found: datetime | None = tx.execute(newest).scalar()
    return found


def decide_slot(
    tx: Transaction, digest: str, slot: str, fire_at: datetime, verdict: str, *, now: datetime
) -> bool:
    """Record what a slot came to; return False where another scheduler was first."""
    row = {
        "digest": digest,
        "slot": slot,
        "fire_at": fire_at,
        "verdict": verdict,
        "decided_at": now,
    }
    return dialect.insert_new(tx, slots, [row]) == 1


def read_history(tx: Transaction, digest: str, *, rehearsal: bool, trial: bool = False) -> History:
    """Return what a digest has had before; rehearsals and live editions do not see each other.

    What went to staff in a trial is new to everybody else: only a trial counts it.
    """
    mine = [editions.c.digest == digest, editions.c.rehearsal == rehearsal]
    if not trial:
        mine.append(editions.c.trial.is_(sa.false()))
    taken = editions.c.state.not_in(_UNTAKEN)
    rows = tx.execute(
        sa.select(edition_posts.c.post_id)
        .join(editions, editions.c.id == edition_posts.c.edition_id)
        .where(*mine, taken)
    )
    started = tx.execute(sa.select(sa.func.count(editions.c.id)).where(*mine, taken)).scalar_one()
    return History(
        started=started > 0,
        taken=frozenset(row.post_id for row in rows),
        archived=archived_ids(tx),
    )


# ----------------------------------------------------------------------------------------- editions


def insert(
    tx: Transaction,
    *,
    digest: str,
    rehearsal: bool,
    trial: bool = False,
    slot: Slot,
    state: EditionState,
    reason: str = "",
    now: datetime,
) -> Edition | None:
    """Make the edition of a slot; None where the slot has one. A missed one takes no number."""
    is_missed = state is EditionState.MISSED
    row = {
        "digest": digest,
        "number": None if is_missed else next_number(tx, digest, rehearsal=rehearsal),
        "rehearsal": rehearsal,
        "trial": trial,
        "slot": slot.key,
        "fire_at": slot.fire_at,
        "state": state,
        "reason": reason,
        "drafted_at": now,
    }
    if not dialect.insert_new(tx, editions, [row], key=("digest", "slot")):
        return None
    return read_by_slot(tx, digest, slot.key)


def next_number(tx: Transaction, digest: str, *, rehearsal: bool) -> int:
    """Return the number that the next edition of a digest gets."""
    highest = sa.select(sa.func.max(editions.c.number)).where(
        editions.c.digest == digest, editions.c.rehearsal == rehearsal
    )
    return (tx.execute(highest).scalar() or 0) + 1


def set_posts(
    tx: Transaction,
    edition_id: int,
    chosen: Sequence[tuple[str, str]],
    counted: Collection[str] = (),
) -> None:
    """Write an edition's posts, (id, source SHA-256) in order, and those that count as sent."""
    rows: list[dict[str, Any]] = [
        {"edition_id": edition_id, "post_id": one, "position": position, "source_sha256": sha256}
        for position, (one, sha256) in enumerate(chosen, start=1)
    ]
    rows += [
        {"edition_id": edition_id, "post_id": one, "position": None, "source_sha256": ""}
        for one in counted
    ]
    mine = edition_posts.c.edition_id == edition_id
    before = tx.execute(sa.select(edition_posts).where(mine)).all()
    if {tuple(row) for row in before} == {tuple(row.values()) for row in rows}:
        return
    tx.execute(sa.delete(edition_posts).where(mine))
    dialect.insert_new(tx, edition_posts, rows)
    # Whoever was about to freeze what the edition had before must look again.
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition_id)
        .values(version=editions.c.version + 1)
    )


def fix_posts(tx: Transaction, edition_id: int, chosen: Sequence[tuple[str, str]]) -> None:
    """Note the exact sources an edition's posts were frozen with; a post left out stays new."""
    mine = edition_posts.c.edition_id == edition_id
    tx.execute(
        sa.delete(edition_posts).where(
            mine,
            edition_posts.c.position.is_not(None),
            edition_posts.c.post_id.not_in([post_id for post_id, _ in chosen]),
        )
    )
    for post_id, sha256 in chosen:
        tx.execute(
            sa.update(edition_posts)
            .where(mine, edition_posts.c.post_id == post_id)
            .values(source_sha256=sha256)
        )


def freeze(
    tx: Transaction,
    edition: Edition,
    content: EditionContent,
    sha256: str,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Fix an edition's content; return False where somebody changed the edition meanwhile.

    A held edition that was opened is opened anew, with letters of the new content; False where a
    mail of it began, because then the content can no longer change.
    """
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.version == edition.version,
            editions.c.state.in_([EditionState.DRAFT, EditionState.HELD]),
            ~_has_begun(edition.id),
        )
        .values(
            state=EditionState.SCHEDULED,
            reason="",
            version=edition.version + 1,
            subject=content.subject,
            content=json.dumps(asdict(content), ensure_ascii=False, sort_keys=True),
            content_sha256=sha256,
            approved_by=by,
            approved_at=now if by else None,
            audience=0,
            snapshot_id=None,
            opened_through=0,
            opened_at=None,
        )
    )
    if changed.rowcount != 1:
        return False
    _undo_opening(tx, edition)
    return True


def _has_begun(edition_id: int) -> sa.Exists:
    return sa.exists().where(
        deliveries.c.edition_id == edition_id, deliveries.c.state != DeliveryState.PENDING
    )


def _undo_opening(tx: Transaction, edition: Edition) -> None:
    given = receipts_of(rehearsal=edition.rehearsal)
    whose = sa.select(deliveries.c.subscriber_id).where(deliveries.c.edition_id == edition.id)
    tx.execute(
        sa.delete(given).where(given.c.subscriber_id.in_(whose), given.c.edition_id == edition.id)
    )
    for table in (deliveries, chunks, letters):
        tx.execute(sa.delete(table).where(table.c.edition_id == edition.id))


def move(
    tx: Transaction,
    edition: Edition,
    state: EditionState,
    *,
    reason: str = "",
    closed_at: datetime | None = None,
) -> bool:
    """Change an edition's state; return False where it is no longer as ``edition`` says.

    Whoever cancels one that was opened ends its deliveries too (``ledger.end_open``).
    """
    changed = tx.execute(
        sa.update(editions)
        .where(
            editions.c.id == edition.id,
            editions.c.version == edition.version,
            editions.c.state == edition.state,
        )
        .values(state=state, reason=reason, version=edition.version + 1, closed_at=closed_at)
    )
    if changed.rowcount and state is EditionState.CANCELLED:
        bump_revision(tx)  # its page may go
    return changed.rowcount == 1


def discard_draft(tx: Transaction, edition: Edition) -> bool:
    """Remove a draft that came to nothing, and free its number; return whether it was a draft."""
    removed = tx.execute(
        sa.delete(editions).where(
            editions.c.id == edition.id, editions.c.state == EditionState.DRAFT
        )
    )
    return removed.rowcount == 1


def set_kind(tx: Transaction, edition: Edition, *, rehearsal: bool, trial: bool) -> None:
    """Make a draft a rehearsal, or live, with the next number of that kind; for staff, or for all."""
    number = edition.number
    if edition.rehearsal != rehearsal:
        number = next_number(tx, edition.digest, rehearsal=rehearsal)
    tx.execute(
        sa.update(editions)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.DRAFT)
        .values(
            rehearsal=rehearsal,
            trial=trial,
            number=number,
            version=editions.c.version + 1,
        )
    )


_LETTER_COUNT = (
    sa.select(sa.func.count())
    .select_from(letters)
    .where(letters.c.edition_id == editions.c.id)
    .scalar_subquery()
)
SHOWN = (
    editions.c.id,
    editions.c.digest,
    editions.c.number,
    editions.c.rehearsal,
    editions.c.trial,
    editions.c.slot,
    editions.c.fire_at,
    editions.c.state,
    editions.c.reason,
    editions.c.version,
    editions.c.subject,
    editions.c.content_sha256,
    editions.c.audience,
    editions.c.approved_by,
    editions.c.approved_at,
    editions.c.closed_at,
    _LETTER_COUNT.label("letter_count"),
)
"""What is read of an edition wherever it is listed."""


def as_edition(row: Any) -> Edition:
    """Return a row of those columns as a value."""
    return Edition(
        id=row.id,
        digest=row.digest,
        number=row.number,
        rehearsal=row.rehearsal,
        trial=row.trial,
        slot=row.slot,
        fire_at=row.fire_at,
        state=EditionState(row.state),
        reason=row.reason,
        version=row.version,
        subject=row.subject,
        content_sha256=row.content_sha256 or "",
        audience=row.audience,
        letters=row.letter_count,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        closed_at=row.closed_at,
    )


def read_one(tx: Transaction, edition_id: int) -> Edition:
    """Return an edition as it is now."""
    return as_edition(tx.execute(sa.select(*SHOWN).where(editions.c.id == edition_id)).one())


def read_by_slot(tx: Transaction, digest: str, slot: str) -> Edition | None:
    """Return the edition of a slot."""
    row = tx.execute(
        sa.select(*SHOWN).where(editions.c.digest == digest, editions.c.slot == slot)
    ).one_or_none()
    return as_edition(row) if row else None


def read_by_number(
    tx: Transaction, digest: str, number: int, *, rehearsal: bool
) -> Edition | None:
    """Return a numbered edition of the kind asked for, else of the other kind."""
    rows = tx.execute(
        sa.select(*SHOWN).where(editions.c.digest == digest, editions.c.number == number)
    ).all()
    found = sorted(map(as_edition, rows), key=lambda one: one.rehearsal != rehearsal)
    return found[0] if found else None


def read_all(tx: Transaction, *, states: Collection[EditionState] = ()) -> list[Edition]:
    """Return editions in the order of their slots, of some states or all."""
    query = sa.select(*SHOWN).order_by(editions.c.fire_at, editions.c.id)
    if states:
        query = query.where(editions.c.state.in_(states))
    return [as_edition(row) for row in tx.execute(query)]


def read_posts(tx: Transaction, edition_id: int) -> list[tuple[str, str]]:
    """Return an edition's posts in order: (post id, source SHA-256)."""
    rows = tx.execute(
        sa.select(edition_posts.c.post_id, edition_posts.c.source_sha256)
        .where(edition_posts.c.edition_id == edition_id, edition_posts.c.position.is_not(None))
        .order_by(edition_posts.c.position)
    )
    return [(row.post_id, row.source_sha256) for row in rows]


def read_content(tx: Transaction, edition_id: int) -> EditionContent:
    """Return what an edition was frozen with."""
    text = tx.execute(
        sa.select(editions.c.content).where(editions.c.id == edition_id)
    ).scalar_one()
    return _content(text)


def _content(text: str) -> EditionContent:
    values = json.loads(text)
    values["posts"] = tuple(_letter_post(post) for post in values["posts"])
    values["corrected"] = tuple(CorrectedPost(**one) for one in values.get("corrected", ()))
    return EditionContent(**values)


def _letter_post(values: dict[str, Any]) -> LetterPost:
    values["lines"] = tuple(SeriesLine(**line) for line in values["lines"])
    for neighbour in ("previous", "next"):
        if values[neighbour]:
            values[neighbour] = Link(**values[neighbour])
    for listed in ("authors", "warnings"):
        values[listed] = tuple(values[listed])
    return LetterPost(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEdition:
    """An edition that has a page of its own."""

    edition: Edition
    content: EditionContent


def read_public(tx: Transaction, *, rehearsal: bool) -> list[PublicEdition]:
    """Return the editions that readers may look up, oldest first: those that were opened.

    One cancelled since stays where a mail of it links here.
    """
    mailed = sa.exists().where(
        deliveries.c.edition_id == editions.c.id, deliveries.c.state.in_(_MAILED)
    )
    rows = tx.execute(
        sa.select(*SHOWN, editions.c.content)
        .where(
            editions.c.rehearsal == rehearsal,
            editions.c.opened_at.is_not(None),
            sa.or_(editions.c.state != EditionState.CANCELLED, mailed),
            editions.c.digest.not_like("course:%"),
            editions.c.digest.not_like("correction:%"),
        )
        .order_by(editions.c.id)
    )
    return [PublicEdition(edition=as_edition(row), content=_content(row.content)) for row in rows]


# ------------------------------------------------------------------------------------------ letters


def letter_ids(tx: Transaction, edition_id: int) -> dict[str, int]:
    """Return an edition's letters: key → id."""
    rows = tx.execute(
        sa.select(letters.c.key, letters.c.id).where(letters.c.edition_id == edition_id)
    )
    return {row.key: row.id for row in rows}


def add_letter(tx: Transaction, edition_id: int, letter: Letter) -> int:
    """Keep one more letter of an edition; return its id, counted from 1."""
    following = len(letter_ids(tx, edition_id)) + 1
    tx.execute(
        sa.insert(letters).values(
            edition_id=edition_id,
            id=following,
            key=letter.key,
            post_ids=json.dumps(letter.post_ids),
            html=letter.html,
            text=letter.text,
        )
    )
    return following


def read_letter(tx: Transaction, edition_id: int, letter_id: int) -> Letter:
    """Return one letter."""
    row = tx.execute(
        sa.select(letters).where(letters.c.edition_id == edition_id, letters.c.id == letter_id)
    ).one()
    return Letter(
        key=row.key, post_ids=tuple(json.loads(row.post_ids)), html=row.html, text=row.text
    )
