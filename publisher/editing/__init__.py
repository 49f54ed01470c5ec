"""From slots to editions: plan, draft, approve, freeze, open.

Each function reads, decides with the pure judgement of ``editorial``, acts and records. Every step
may run twice and two schedulers may run at once: the slot's key and the edition's version decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher import letters as letters_module
from publisher.editing.content import compose_content
from publisher.editorial.choice import Choice, choose_posts, posts_for, reading_order
from publisher.editorial.slots import Slot, next_slot, slots_between
from publisher.errors import ContentError, Problem, Refused
from publisher.model import Edition, EditionState, HeldReason, Letter, Ruling
from publisher.store import bump_revision, editions, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from publisher.config import Config, Digest
    from publisher.letters import Letters
    from publisher.model import Body, Catalog, EditionContent, Post
    from publisher.store import Store, Transaction

OPENING_BATCH = 10_000
MOST_LETTERS = 200
_SOURCELESS = EditionState.DRAFT, EditionState.HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What editions are made with: the site, the published posts and their texts."""

    config: Config
    store: Store
    letters: Letters
    catalog: Catalog
    body_of: Callable[[Post], Body]

    @property
    def rehearsal(self) -> bool:
        """Whether editions made now only go to the outbox."""
        return self.config.mail.transport == "outbox"


# ----------------------------------------------------------------------------------------- the tick


def advance(desk: Desk, *, now: datetime, one_more: Digest | None = None) -> list[Problem]:
    """Bring every digest to ``now``: decide due slots, keep drafts, freeze and open what may go.

    ``one_more`` gets an edition of its own now, of what its due slots left over.
    """
    seen = _see_digests(desk, now=now)
    for digest in desk.config.digests.values():
        for slot in _due_slots(desk.store, digest, seen[digest.name], now=now):
            _decide_slot(desk, digest, slot.slot, missed=slot.missed, now=now)
    if one_more:
        _make_edition_now(desk, one_more, now=now)
    problems = settle_drafts(desk, now=now)
    for digest in desk.config.digests.values():
        coming = next_slot(digest.schedule, now)
        if coming and coming.fire_at - digest.prepare <= now:
            _keep_draft(desk, digest, coming, now=now)
    return problems + open_editions(desk, now=now)


def _see_digests(desk: Desk, *, now: datetime) -> dict[str, datetime]:
    """Return when the store first saw each digest: its slots begin there."""
    with desk.store.read() as tx:
        seen = editions.seen_digests(tx)
    unseen = [name for name in desk.config.digests if name not in seen]
    if not unseen:
        return seen
    with desk.store.write() as tx:
        return editions.see_digests(tx, unseen, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DueSlot:
    slot: Slot
    missed: bool


def _due_slots(
    store: Store, digest: Digest, seen_at: datetime, *, now: datetime
) -> list[_DueSlot]:
    """Return the undecided slots up to now; of several, only the latest is not missed."""
    with store.read() as tx:
        since = max(seen_at, editions.last_decided_at(tx, digest.name) or seen_at)
        decided = editions.decided_slots(tx, digest.name, since=since)
    due = [slot for slot in slots_between(digest.schedule, since, now) if slot.key not in decided]
    return [_DueSlot(slot=slot, missed=slot is not due[-1]) for slot in due]


def _decide_slot(desk: Desk, digest: Digest, slot: Slot, *, missed: bool, now: datetime) -> None:
    if missed:
        with desk.store.write() as tx:
            if editions.decide_slot(tx, digest.name, slot.key, slot.fire_at, "missed", now=now):
                _miss(tx, desk, digest, slot, now=now)
        return
    edition = _keep_draft(desk, digest, slot, now=now)
    verdict = "edition" if edition else "nothing_new"
    with desk.store.write() as tx:
        editions.decide_slot(tx, digest.name, slot.key, slot.fire_at, verdict, now=now)


def _miss(tx: Transaction, desk: Desk, digest: Digest, slot: Slot, *, now: datetime) -> None:
    """Record a missed slot; a draft made for it becomes the record."""
    draft = editions.read_by_slot(tx, digest.name, slot.key)
    if draft is None:
        editions.insert(
            tx,
            digest=digest.name,
            rehearsal=desk.rehearsal,
            slot=slot,
            state=EditionState.MISSED,
            now=now,
        )
    elif draft.state in {EditionState.DRAFT, EditionState.SCHEDULED}:
        editions.move(tx, draft, EditionState.MISSED, closed_at=now)


def _keep_draft(desk: Desk, digest: Digest, slot: Slot, *, now: datetime) -> Edition | None:
    """Make or refresh the draft of a slot, following the files; None where nothing is new."""
    with desk.store.write() as tx:
        edition = editions.read_by_slot(tx, digest.name, slot.key)
        if edition and edition.state is not EditionState.DRAFT:
            return edition
        choice = _choose(tx, desk, digest)
        if not choice.posts:
            if edition:
                editions.discard_draft(tx, edition)
            return None
        if edition is None:
            edition = editions.insert(
                tx,
                digest=digest.name,
                rehearsal=desk.rehearsal,
                slot=slot,
                state=EditionState.DRAFT,
                now=now,
            )
        elif edition.rehearsal != desk.rehearsal:
            editions.set_rehearsal(tx, edition, rehearsal=desk.rehearsal)
        if edition is None:
            return editions.read_by_slot(tx, digest.name, slot.key)
        _write_choice(tx, edition, choice)
        return editions.read_one(tx, edition.id)


def _choose(tx: Transaction, desk: Desk, digest: Digest) -> Choice:
    history = editions.read_history(tx, digest.name, rehearsal=desk.rehearsal)
    return choose_posts(desk.catalog, history, max_posts=digest.max_posts)


def _write_choice(tx: Transaction, edition: Edition, choice: Choice) -> None:
    chosen = [(post.id, post.source_sha256) for post in choice.posts]
    editions.set_posts(tx, edition.id, chosen, choice.counted)


def _make_edition_now(desk: Desk, digest: Digest, *, now: datetime) -> None:
    """Draft one edition more, of what is new now; nothing where nothing is."""
    slot = Slot(
        key=f"now:{now:%Y-%m-%dT%H:%M:%SZ}",
        fire_at=now,
        local=now.astimezone(ZoneInfo(digest.zone)).replace(tzinfo=None),
    )
    with desk.store.write() as tx:
        choice = _choose(tx, desk, digest)
        if not choice.posts:
            return
        edition = editions.insert(
            tx,
            digest=digest.name,
            rehearsal=desk.rehearsal,
            slot=slot,
            state=EditionState.DRAFT,
            now=now,
        )
        if edition:
            _write_choice(tx, edition, choice)


# --------------------------------------------------------------------------------------- freezing


def settle_drafts(desk: Desk, *, now: datetime) -> list[Problem]:
    """Freeze the drafts whose moment has come, or hold those that need a person."""
    with desk.store.read() as tx:
        drafts = editions.read_all(tx, states=[EditionState.DRAFT])
    problems: list[Problem] = []
    for edition in drafts:
        if edition.fire_at > now:
            continue
        digest = desk.config.digests.get(edition.digest)
        if digest is None:
            continue
        if _is_late(edition, digest, now=now):
            problems.append(_hold(desk.store, edition, HeldReason.LATE))
        elif digest.approval == "required":
            problems.append(_hold(desk.store, edition, HeldReason.UNAPPROVED))
        else:
            problems += freeze(desk, edition, by="", now=now)
    return problems


def _is_late(edition: Edition, digest: Digest, *, now: datetime) -> bool:
    """Whether an edition is too late to go by itself; a person's approval after its slot counts."""
    approved_since = edition.approved_at is not None and edition.approved_at >= edition.fire_at
    return now - edition.fire_at > digest.late_after and not approved_since


_HELD_WORDS = {
    HeldReason.LATE: ("a start within late_after of its slot", "a later one"),
    HeldReason.UNAPPROVED: ("an approval before this digest is sent", "none yet"),
    HeldReason.CHANGED: ("the posts as they were approved", "a change since"),
    HeldReason.VERSIONS: (f"at most {MOST_LETTERS} different letters", "more than that"),
}


def _hold(store: Store, edition: Edition, reason: HeldReason, detail: str = "") -> Problem:
    """Hold an edition for a person, and say so; nobody is emailed meanwhile."""
    with store.write() as tx:
        editions.move(tx, edition, EditionState.HELD, reason=reason)
    expected, got = _HELD_WORDS[reason]
    return Problem(
        code=f"edition.{reason}",
        path=edition.name,
        level="warning",
        expected=expected,
        got=got + detail,
        hint="Held; no one was emailed. Look at it and run: "
        f"publisher edition approve {edition.name}",
    )


def freeze(desk: Desk, edition: Edition, *, by: str, now: datetime) -> list[Problem]:
    """Fix an edition's content and try its letter; a template that fails makes it ``failed``."""
    try:
        content = current_content(desk, edition)
        desk.letters.render(content, [post.post_id for post in content.posts])
    except ContentError as error:
        with desk.store.write() as tx:
            editions.move(
                tx, edition, EditionState.FAILED, reason=error.problems[0].got, closed_at=now
            )
        return list(error.problems)
    sha256 = letters_module.content_sha256(content)
    with desk.store.write() as tx:
        if editions.freeze(tx, edition, content, sha256, by=by, now=now):
            chosen = [(post.post_id, post.source_sha256) for post in content.posts]
            editions.fix_posts(tx, edition.id, chosen)
            bump_revision(tx)
    return []


def current_content(desk: Desk, edition: Edition) -> EditionContent:
    """Return what an edition would be frozen with now."""
    digest = _digest_of(desk.config, edition)
    with desk.store.read() as tx:
        chosen = editions.read_posts(tx, edition.id)
    published = {post.id: post for post in desk.catalog.posts}
    posts = [published[post_id] for post_id, _ in chosen if post_id in published]
    return compose_content(
        desk.config,
        digest,
        edition,
        posts,
        desk.catalog,
        desk.body_of,
        dated_on=edition.fire_at.astimezone(ZoneInfo(digest.zone)).date(),
        templates_sha256=desk.letters.fingerprint,
    )


def _digest_of(config: Config, edition: Edition) -> Digest:
    digest = config.digests.get(edition.digest)
    if digest is None:
        raise Refused(
            Problem(
                code="edition.digest",
                path=edition.name,
                expected=f"a table [digests.{edition.digest}] in the configuration",
                got="none",
                hint="Put it back, or cancel the edition.",
            )
        )
    return digest


def approve(desk: Desk, edition: Edition, *, by: str, now: datetime) -> list[Problem]:
    """Approve an edition as it is now: a draft is frozen, a held one freed to go.

    A frozen edition whose posts changed is frozen anew. Raises Refused where it is past that.
    """
    if edition.state is EditionState.SCHEDULED:
        return []
    if edition.state in _SOURCELESS:
        return freeze(desk, edition, by=by, now=now)
    raise Refused(
        Problem(
            code="edition.state",
            path=edition.name,
            expected="an edition that is a draft or held",
            got=f"one that is {edition.state}",
            hint="Nothing was changed.",
        )
    )


# ---------------------------------------------------------------------------------------- opening


def open_editions(desk: Desk, *, now: datetime) -> list[Problem]:
    """Open every frozen edition whose slot has come, and finish openings that were cut off."""
    with desk.store.read() as tx:
        waiting = editions.read_all(tx, states=[EditionState.SCHEDULED, EditionState.READY])
    problems: list[Problem] = []
    for edition in waiting:
        if edition.fire_at <= now and edition.rehearsal == desk.rehearsal:
            problems += _open(desk, edition, now=now)
    return problems


def _open(desk: Desk, edition: Edition, *, now: datetime) -> list[Problem]:
    if edition.state is EditionState.SCHEDULED:
        changed = _changed_since_frozen(desk, edition)
        if changed:
            detail = " in " + ", ".join(changed)
            return [_hold(desk.store, edition, HeldReason.CHANGED, detail)]
        digest = desk.config.digests.get(edition.digest)
        if digest and _is_late(edition, digest, now=now):
            return [_hold(desk.store, edition, HeldReason.LATE)]
        with desk.store.write() as tx:
            if not ledger.begin_opening(tx, edition, now=now):
                return []
    with desk.store.read() as tx:
        content = editions.read_content(tx, edition.id)
    rendered: dict[tuple[str, ...], Letter] = {}
    while True:
        with desk.store.write() as tx:
            if editions.read_one(tx, edition.id).state is not EditionState.READY:
                return []
            more = _open_batch(tx, desk, edition, content, rendered, now=now)
            if more is False:
                ledger.finish_opening(tx, edition)
                return []
            opened = editions.read_one(tx, edition.id)
        if more is None:
            return [_hold(desk.store, opened, HeldReason.VERSIONS)]


def _open_batch(
    tx: Transaction,
    desk: Desk,
    edition: Edition,
    content: EditionContent,
    rendered: dict[tuple[str, ...], Letter],
    *,
    now: datetime,
) -> bool | None:
    """Write the next deliveries; False at the end, None where there would be too many letters."""
    after, through = ledger.opening_range(tx, edition)
    candidates = ledger.read_candidates(
        tx,
        edition.digest,
        [post.post_id for post in content.posts],
        rehearsal=edition.rehearsal,
        after=after,
        through=through,
        limit=OPENING_BATCH,
        now=now,
    )
    if not candidates:
        return False
    pairs = [(post.post_id, post.series) for post in content.posts]
    known = editions.letter_ids(tx, edition.id)
    rows = []
    for candidate in candidates:
        chosen = posts_for(pairs, declined=candidate.declined, received=candidate.received)
        if not chosen:
            continue
        if chosen not in rendered:
            rendered[chosen] = desk.letters.render(content, chosen)
        letter = rendered[chosen]
        if letter.key not in known:
            if len(known) == MOST_LETTERS:
                return None
            known[letter.key] = editions.add_letter(tx, edition.id, letter)
        rows.append(
            ledger.NewDelivery(
                subscriber_id=candidate.subscriber_id,
                letter_id=known[letter.key],
                post_ids=chosen,
            )
        )
    ledger.add_deliveries(tx, edition, rows, through=candidates[-1].subscriber_id)
    return True


def _changed_since_frozen(desk: Desk, edition: Edition) -> list[str]:
    """Return the paths of an edition's posts that are no longer as they were approved."""
    with desk.store.read() as tx:
        frozen = editions.read_posts(tx, edition.id)
    published = {post.id: post for post in desk.catalog.posts}
    gone = [post_id for post_id, _ in frozen if post_id not in published]
    edited = [
        published[post_id].path
        for post_id, sha256 in frozen
        if post_id in published and published[post_id].source_sha256 != sha256
    ]
    return edited + gone


# ----------------------------------------------------------------------------------------- planning


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEdition:
    """What a slot would send, were nothing to change until then."""

    digest: str
    slot: str
    fire_at: datetime
    audience: int
    letters: Mapping[tuple[str, ...], int]
    """Post ids → how many people get just these."""
    rulings: tuple[Ruling, ...]
    state: str
    """``planned``, or the state of the edition the slot has."""


def plan(
    desk: Desk,
    digest: Digest,
    catalog_at: Callable[[datetime], Catalog],
    *,
    now: datetime,
    until: datetime | None,
) -> list[PlannedEdition]:
    """Say which editions of a digest will go when, with which posts and why, and to how many."""
    coming = next_slot(digest.schedule, now)
    slots = [coming] if coming else []
    if until is not None:
        slots = list(slots_between(digest.schedule, now, until))
    planned = []
    given: frozenset[str] = frozenset()
    for slot in slots:
        with desk.store.read() as tx:
            history = editions.read_history(tx, digest.name, rehearsal=desk.rehearsal)
            history = replace(
                history, taken=history.taken | given, started=history.started or bool(given)
            )
            choice = choose_posts(catalog_at(slot.fire_at), history, max_posts=digest.max_posts)
            sets = _count_sets(tx, desk, digest, choice, now=slot.fire_at)
            edition = editions.read_by_slot(tx, digest.name, slot.key)
        planned.append(
            PlannedEdition(
                digest=digest.name,
                slot=slot.key,
                fire_at=slot.fire_at,
                audience=sum(sets.values()),
                letters=sets,
                rulings=choice.rulings,
                state=str(edition.state) if edition else "planned",
            )
        )
        given |= {post.id for post in choice.posts} | set(choice.counted)
    return planned


def _count_sets(
    tx: Transaction, desk: Desk, digest: Digest, choice: Choice, *, now: datetime
) -> dict[tuple[str, ...], int]:
    sets: dict[tuple[str, ...], int] = {}
    pairs = [(post.id, post.series or "") for post in choice.posts]
    after = 0
    while pairs:
        candidates = ledger.read_candidates(
            tx,
            digest.name,
            [post_id for post_id, _ in pairs],
            rehearsal=desk.rehearsal,
            after=after,
            through=None,
            limit=OPENING_BATCH,
            now=now,
        )
        for one in candidates:
            chosen = posts_for(pairs, declined=one.declined, received=one.received)
            if chosen:
                sets[chosen] = sets.get(chosen, 0) + 1
        if not candidates:
            break
        after = candidates[-1].subscriber_id
    return sets


def preview(
    desk: Desk, digest: Digest, *, at: datetime, number: int | None = None
) -> EditionContent:
    """Return the content the digest would have at a moment: what is new then, else the newest.

    A digest with nothing new is shown with its newest posts, so that there is a letter to see.
    """
    with desk.store.read() as tx:
        choice = _choose(tx, desk, digest)
        highest = [
            one.number or 0
            for one in editions.read_all(tx)
            if one.digest == digest.name and one.rehearsal == desk.rehearsal
        ]
    newest = desk.catalog.posts[: digest.max_posts]
    posts = list(choice.posts) or reading_order(desk.catalog, newest)
    edition = Edition(
        id=0,
        digest=digest.name,
        number=number or max(highest, default=0) + 1,
        rehearsal=desk.rehearsal,
        slot="preview",
        fire_at=at,
        state=EditionState.DRAFT,
    )
    return compose_content(
        desk.config,
        digest,
        edition,
        posts,
        desk.catalog,
        desk.body_of,
        dated_on=at.astimezone(ZoneInfo(digest.zone)).date(),
        templates_sha256=desk.letters.fingerprint,
    )
