"""Drafting: the slots that are due, and the drafts that follow the files until they are frozen.

A slot is decided in the same commit that makes its draft; the draft waits in the store for whoever
freezes it, so a kill between the two loses neither.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from publisher.editorial.choice import Choice, arrange, choose_posts
from publisher.editorial.slots import Slot, next_slot, slot_of_moment, slots_between
from publisher.model import EditionState, Edits
from publisher.store import editions, edits

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Digest
    from publisher.editing.desk import Desk
    from publisher.editorial.choice import History
    from publisher.model import Edition
    from publisher.store import Store, Transaction

_NOW = "now:"
"""Begins the slot of an edition that no schedule asked for."""


# ------------------------------------------------------------------------------------------ slots


def see_digests(desk: Desk, *, now: datetime) -> dict[str, datetime]:
    """Return when the store first saw each digest: its slots begin there."""
    with desk.store.read() as tx:
        seen = editions.seen_digests(tx)
    unseen = [name for name in desk.config.digests if name not in seen]
    if not unseen:
        return seen
    with desk.store.write() as tx:
        return editions.see_digests(tx, unseen, now=now)


def decide_due_slots(desk: Desk, digest: Digest, *, seen_at: datetime, now: datetime) -> None:
    """Decide the slots up to now: of several the latest gets a draft, the others are missed."""
    due = _due_slots(desk.store, digest, seen_at, now=now)
    for slot in due:
        _decide(desk, digest, slot, missed=slot is not due[-1], now=now)


def _due_slots(store: Store, digest: Digest, seen_at: datetime, *, now: datetime) -> list[Slot]:
    with store.read() as tx:
        decided_at = editions.last_decided_at(tx, digest.name)
    return list(slots_between(digest.schedule, max(seen_at, decided_at or seen_at), now))


def _decide(desk: Desk, digest: Digest, slot: Slot, *, missed: bool, now: datetime) -> None:
    with desk.store.write() as tx:
        if slot.key in editions.decided_slots(tx, digest.name, since=slot.fire_at):
            return  # another scheduler was first
        if missed:
            _miss(tx, desk, digest, slot, now=now)
            verdict = "missed"
        else:
            _miss_older_drafts(tx, desk, digest, slot, now=now)
            verdict = "edition" if _keep_draft(tx, desk, digest, slot, now=now) else "nothing_new"
        editions.decide_slot(tx, digest.name, slot.key, slot.fire_at, verdict, now=now)


def _miss(tx: Transaction, desk: Desk, digest: Digest, slot: Slot, *, now: datetime) -> None:
    """Record a missed slot; an edition made ahead for it becomes the record."""
    ahead = editions.read_by_slot(tx, digest.name, slot.key)
    if ahead is None:
        _insert(tx, desk, digest, slot, EditionState.MISSED, now=now)
    elif ahead.state in {EditionState.DRAFT, EditionState.SCHEDULED}:
        editions.move(tx, ahead, EditionState.MISSED, closed_at=now)


def _miss_older_drafts(
    tx: Transaction, desk: Desk, digest: Digest, slot: Slot, *, now: datetime
) -> None:
    """Free the posts of drafts that a kill left unfrozen until this slot came."""
    for draft in _due_drafts(tx, desk, digest, until=slot.fire_at, but=slot.key):
        if not draft.slot.startswith(_NOW):
            editions.move(tx, draft, EditionState.MISSED, closed_at=now)


# ----------------------------------------------------------------------------------------- drafts


def keep_coming_draft(desk: Desk, digest: Digest, *, now: datetime) -> None:
    """Make or refresh the draft of the next slot, and remove those of slots that are no more."""
    coming = next_slot(digest.schedule, now)
    with desk.store.write() as tx:
        for draft in _drafts(tx, digest):
            if draft.fire_at > now and (coming is None or draft.slot != coming.key):
                editions.discard_draft(tx, draft)
        # One that staff made ahead of its time follows its posts too.
        if coming and (
            coming.fire_at - digest.prepare <= now
            or editions.read_by_slot(tx, digest.name, coming.key)
        ):
            _keep_draft(tx, desk, digest, coming, now=now)


def draft_ahead(desk: Desk, digest: Digest, *, now: datetime) -> Edition | None:
    """Make the draft of the next slot before its time, for staff to change; None where nothing is new."""
    coming = next_slot(digest.schedule, now)
    if coming is None:
        return None
    with desk.store.write() as tx:
        return _keep_draft(tx, desk, digest, coming, now=now)


def draft_now(
    desk: Desk, digest: Digest, *, at: datetime | None = None, now: datetime
) -> Edition | None:
    """Draft one edition more, of what is new now; nothing where nothing is.

    It takes the posts of a draft for a slot to come, and the number; it is to go ``at`` once.
    """
    fire_at = at or now
    moment = fire_at.astimezone(UTC)
    if at is None:  # what is asked for twice within a second by a command is one edition
        moment = moment.replace(microsecond=0)
    key = f"{_NOW}{moment.replace(tzinfo=None).isoformat()}Z"
    slot = slot_of_moment(key, fire_at, digest.zone)
    with desk.store.write() as tx:
        choice = _choose(tx, desk, digest, slot)
        if not choice.posts:
            return None
        kept = Edits()
        for draft in _drafts(tx, digest):
            if draft.fire_at > now and desk.makes(draft):
                kept = edits.read(tx, draft.id)
                editions.discard_draft(tx, draft)
        made = _make_draft(tx, desk, digest, slot, arrange(choice, kept), now=now)
        if made:
            edits.write(tx, made.id, kept)
        return made


def follow_edits(tx: Transaction, desk: Desk, digest: Digest, draft: Edition) -> bool:
    """Bring a draft to what staff changed of it; return whether a post is left in it."""
    slot = slot_of_moment(draft.slot, draft.fire_at, digest.zone)
    choice = arrange(_choose(tx, desk, digest, slot), edits.read(tx, draft.id))
    if choice.posts:
        _write_choice(tx, draft, choice)
    return bool(choice.posts)


def _keep_draft(
    tx: Transaction, desk: Desk, digest: Digest, slot: Slot, *, now: datetime
) -> Edition | None:
    """Make or refresh the draft of a slot, following the files; None where nothing is new."""
    edition = editions.read_by_slot(tx, digest.name, slot.key)
    if edition and not desk.makes(edition):
        edition = _change_kind(tx, desk, edition)
    if edition and edition.state is not EditionState.DRAFT:
        return edition
    choice = _choose(tx, desk, digest, slot)
    if edition:
        choice = arrange(choice, edits.read(tx, edition.id))
    if not choice.posts:
        if edition:
            editions.discard_draft(tx, edition)
        return None
    if edition is None:
        return _make_draft(tx, desk, digest, slot, choice, now=now)
    _write_choice(tx, edition, choice)
    return edition


def _change_kind(tx: Transaction, desk: Desk, edition: Edition) -> Edition:
    """Make what was drafted for a slot of the kind that is made now; an approval was of the other."""
    if edition.state is EditionState.SCHEDULED:
        editions.move(tx, edition, EditionState.DRAFT)
    editions.set_kind(tx, edition, rehearsal=desk.rehearsal, trial=desk.trial)
    return editions.read_one(tx, edition.id)


def _make_draft(
    tx: Transaction, desk: Desk, digest: Digest, slot: Slot, choice: Choice, *, now: datetime
) -> Edition | None:
    edition = _insert(tx, desk, digest, slot, EditionState.DRAFT, now=now)
    if edition:
        _write_choice(tx, edition, choice)
    return edition


def _insert(
    tx: Transaction,
    desk: Desk,
    digest: Digest,
    slot: Slot,
    state: EditionState,
    *,
    now: datetime,
) -> Edition | None:
    return editions.insert(
        tx,
        digest=digest.name,
        rehearsal=desk.rehearsal,
        trial=desk.trial,
        slot=slot,
        state=state,
        now=now,
    )


def _write_choice(tx: Transaction, edition: Edition, choice: Choice) -> None:
    chosen = [(post.id, post.source_sha256) for post in choice.posts]
    editions.set_posts(tx, edition.id, chosen, choice.counted)


# ----------------------------------------------------------------------------------------- choice


def _choose(tx: Transaction, desk: Desk, digest: Digest, slot: Slot) -> Choice:
    """Choose what is new for a slot: also in no draft that goes before it."""
    history = editions.read_history(tx, digest.name, rehearsal=desk.rehearsal, trial=desk.trial)
    before = _due_drafts(tx, desk, digest, until=slot.fire_at, but=slot.key)
    if before:
        history = _with_promised(tx, desk, history, before)
    return choose_posts(desk.catalog, history, max_posts=digest.max_posts)


def _with_promised(
    tx: Transaction, desk: Desk, history: History, drafts: list[Edition]
) -> History:
    promised = {post_id for one in drafts for post_id, _ in editions.read_posts(tx, one.id)}
    if not history.started:  # a first edition brings the newest, and the older ones count as sent
        promised = {post.id for post in desk.catalog.posts}
    return replace(history, started=True, taken=history.taken | promised)


def _due_drafts(
    tx: Transaction, desk: Desk, digest: Digest, *, until: datetime, but: str
) -> list[Edition]:
    return [
        one
        for one in _drafts(tx, digest)
        if desk.makes(one) and one.fire_at <= until and one.slot != but
    ]


def _drafts(tx: Transaction, digest: Digest) -> list[Edition]:
    drafts = editions.read_all(tx, states=[EditionState.DRAFT])
    return [one for one in drafts if one.digest == digest.name]
