"""Opening: a frozen edition becomes deliveries, a letter for each distinct set of its posts.

Letters are rendered while no transaction is open: inlining takes long, and others must write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import starmap
from typing import TYPE_CHECKING, ClassVar

from publisher.editing.content import corrected_ids
from publisher.editing.corrections import HolderAudience, holder_audience
from publisher.editing.courses import CourseAudience, Version, course_audience
from publisher.editing.desk import (
    MOST_LETTERS,
    hold,
    is_approved_since_slot,
    is_late,
    stop_late,
)
from publisher.editorial.choice import posts_for
from publisher.editorial.hand import waits_for_live
from publisher.errors import ContentError, Problem
from publisher.letters import letter_key
from publisher.model import EditionState, HeldReason
from publisher.store import editions, ledger, standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from publisher.editing.desk import Desk
    from publisher.model import Edition, EditionContent, Letter
    from publisher.store import Transaction

OPENING_BATCH = 10_000
"""People of one transaction."""

_Version = tuple[tuple[str, ...], tuple[str, ...]] | Version
"""The posts of a letter, the first parts of their series that its readers have; what follows."""


@dataclass(frozen=True, slots=True)
class _DigestAudience:
    """Whom a digest's edition goes to, and which of its letters each gets."""

    edition: Edition
    posts: Sequence[tuple[str, str]]
    firsts: Mapping[str, str]
    corrected: Sequence[str]
    now: datetime

    has_limit: ClassVar[bool] = True
    gives_posts: ClassVar[bool] = True

    def gather(self, tx: Transaction) -> ledger.Batch | None:
        asked = dict.fromkeys((*self.firsts.values(), *self.corrected), "") | dict(self.posts)
        return ledger.gather(
            tx, self.edition, list(asked.items()), limit=OPENING_BATCH, now=self.now
        )

    def choose(self, groups: Iterable[ledger.Group]) -> dict[str, _Version]:
        return _choose(self.posts, self.firsts, groups, self.corrected)

    def settle(
        self, tx: Transaction, batch: ledger.Batch, given: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Nothing is left to note of a reader of digests."""


def open_editions(desk: Desk, *, now: datetime) -> list[Problem]:
    """Open every frozen edition whose slot has come, and finish openings that were cut off."""
    with desk.store.read() as tx:
        waiting = editions.read_all(tx, states=[EditionState.SCHEDULED, EditionState.READY])
    problems: list[Problem] = []
    for edition in waiting:
        if edition.fire_at > now or edition.rehearsal != desk.rehearsal:
            continue
        if desk.trial and not edition.trial:
            problems.append(waits_for_live(edition))
        else:
            problems += _open(desk, edition, now=now)
    return problems


def _open(desk: Desk, edition: Edition, *, now: datetime) -> list[Problem]:
    if edition.state is EditionState.SCHEDULED:
        changed = _changed_since_frozen(desk, edition)
        if changed:
            return hold(desk.store, edition, HeldReason.CHANGED, f" in {', '.join(changed)}")
        digest = desk.digest(edition.digest)
        if digest and is_late(desk, edition, digest, now=now):
            return stop_late(desk, edition, now=now)
        with desk.store.write() as tx:
            if not ledger.begin_opening(tx, edition, now=now):
                return []
    with desk.store.read() as tx:
        opening = editions.read_one(tx, edition.id)
        content = editions.read_content(tx, edition.id)
    try:
        return _write_deliveries(desk, opening, content, now=now)
    except ContentError as error:
        return hold(desk.store, opening, HeldReason.PREFLIGHT, _unmade(error))


def _unmade(error: ContentError) -> str:
    return f"one that cannot be made: {error.problems[0].got}"


def _changed_since_frozen(desk: Desk, edition: Edition) -> list[str]:
    """Name what is no longer as it was approved: posts, or the templates of letters."""
    with desk.store.read() as tx:
        frozen = editions.read_content(tx, edition.id)
    published = {post.id: post.source_sha256 for post in desk.catalog.posts}
    posts = () if edition.is_correction else frozen.posts
    changed = [post.path for post in posts if published.get(post.post_id) != post.source_sha256]
    if frozen.templates_sha256 != desk.letters.fingerprint:
        changed.append("templates")
    return changed


def _write_deliveries(
    desk: Desk, edition: Edition, content: EditionContent, *, now: datetime
) -> list[Problem]:
    """Write batch after batch and let the edition be sent; it may stop and go on anywhere."""
    audience = _audience(desk, edition, content, now=now)
    rendered: dict[_Version, Letter] = {}
    while True:
        with desk.store.write() as tx:
            if editions.read_one(tx, edition.id).state is not EditionState.READY:
                return []
            # A trial that began a moment ago holds from this batch on.
            if not edition.trial and standing.is_trial(tx, configured=desk.config.mail.trial):
                return [waits_for_live(edition)]
            batch = audience.gather(tx)
            if batch is None:
                if ledger.finish_opening(tx, edition):
                    desk.ring(tx, edition)
                return []
            known = editions.letter_ids(tx, edition.id)
            chosen = audience.choose(batch.groups)
            unmade = set(chosen.values()) - rendered.keys()
            if not unmade:
                _write_batch(tx, edition, batch, chosen, rendered, known)
                given = {code: version[0] for code, version in chosen.items()}
                audience.settle(tx, batch, given)
                continue
        letters = {*known, *starmap(letter_key, chosen.values())}
        too_many = audience.has_limit and len(letters) > MOST_LETTERS
        if too_many and not is_approved_since_slot(edition):
            return hold(desk.store, edition, HeldReason.VERSIONS)
        for version in unmade:
            letter = desk.letters.render(content, *version)
            # What a correction has as its item is no post, and nobody has it.
            rendered[version] = letter if audience.gives_posts else replace(letter, post_ids=())


def _audience(
    desk: Desk, edition: Edition, content: EditionContent, *, now: datetime
) -> _DigestAudience | CourseAudience | HolderAudience:
    if edition.is_correction:
        return holder_audience(desk, edition, content)
    if edition.is_course:
        return course_audience(desk, edition, content, now=now)
    posts = [(post.post_id, post.series) for post in content.posts]
    return _DigestAudience(edition, posts, first_parts(content), corrected_ids(content), now)


def _choose(
    posts: Sequence[tuple[str, str]],
    firsts: Mapping[str, str],
    groups: Iterable[ledger.Group],
    corrected: Sequence[str],
) -> dict[str, _Version]:
    """Choose what each group gets, by its code; those who would get nothing are left out."""
    chosen = {
        group.code: (
            posts_for(posts, declined=group.declined | group.on_course, received=group.received),
            group.received,
        )
        for group in groups
    }
    return {
        code: (post_ids, known_of(post_ids, firsts, received, corrected))
        for code, (post_ids, received) in chosen.items()
        if post_ids
    }


def first_parts(content: EditionContent) -> dict[str, str]:
    """Return the first part of the series of each post that has one: post id → post id."""
    return {
        post.post_id: line.post_id
        for post in content.posts
        for line in post.lines
        if line.number == 1 and line.url
    }


def known_of(
    posts: Sequence[str],
    firsts: Mapping[str, str],
    received: Collection[str],
    corrected: Collection[str],
) -> tuple[str, ...]:
    """Return what a reader has of these posts' first parts, and of what was corrected since."""
    asked = {firsts[one] for one in posts if one in firsts} | set(corrected)
    return tuple(sorted(asked & set(received)))


def _write_batch(
    tx: Transaction,
    edition: Edition,
    batch: ledger.Batch,
    chosen: Mapping[str, _Version],
    rendered: Mapping[_Version, Letter],
    known: dict[str, int],
) -> None:
    lots = {}
    for code, version in chosen.items():
        letter = rendered[version]
        if letter.key not in known:
            known[letter.key] = editions.add_letter(tx, edition.id, letter)
        lots[code] = ledger.Lot(letter_id=known[letter.key], post_ids=letter.post_ids)
    ledger.add_deliveries(tx, edition, batch, lots)
