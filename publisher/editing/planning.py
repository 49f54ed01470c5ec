"""Planning: what would go when, to how many and why, and how it would look. Nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.editing.content import compose_content, corrected_ids, for_everybody
from publisher.editing.corrections import corrected_since
from publisher.editing.courses import course_version, next_of
from publisher.editing.opening import first_parts, known_of
from publisher.editorial.choice import Choice, arrange, choose_posts, posts_for, reading_order
from publisher.editorial.slots import next_slot, slots_between
from publisher.model import Edition, EditionState, Verdict, course_series
from publisher.store import courses, editions, edits, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from publisher.config import Digest
    from publisher.editing.desk import Desk
    from publisher.editorial.slots import Slot
    from publisher.model import Catalog, EditionContent, Post, Ruling, Subscriber
    from publisher.store import Transaction

ON_A_COURSE = "on a course"
"""Why a digest leaves a series out for a reader: its parts come to them one by one."""


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
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Why people get less than they chose → how many."""
    everybody: int = 0
    """How many it would be for were the site live; in a trial more than its audience."""


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
    with desk.store.read() as tx:
        for slot in slots:
            edition = editions.read_by_slot(tx, digest.name, slot.key)
            choice = _choose(tx, desk, digest, catalog_at(slot.fire_at), edition, given)
            sets, left_out = _count_sets(
                tx, desk, digest, choice.posts, trial=desk.trial, now=slot.fire_at
            )
            everybody = sum(sets.values())
            if desk.trial:
                all_sets, _ = _count_sets(
                    tx, desk, digest, choice.posts, trial=False, now=slot.fire_at
                )
                everybody = sum(all_sets.values())
            planned.append(_planned(digest, slot, edition, choice, sets, left_out, everybody))
            given |= {post.id for post in choice.posts} | set(choice.counted)
    return planned


def _planned(
    digest: Digest,
    slot: Slot,
    edition: Edition | None,
    choice: Choice,
    sets: Mapping[tuple[str, ...], int],
    left_out: Mapping[str, int],
    everybody: int,
) -> PlannedEdition:
    return PlannedEdition(
        digest=digest.name,
        slot=slot.key,
        fire_at=slot.fire_at,
        audience=sum(sets.values()),
        letters=sets,
        rulings=choice.rulings,
        state=str(edition.state) if edition else "planned",
        left_out=left_out,
        everybody=everybody,
    )


def _choose(
    tx: Transaction,
    desk: Desk,
    digest: Digest,
    catalog: Catalog,
    edition: Edition | None,
    given: frozenset[str],
) -> Choice:
    """Choose what is new for a slot after what earlier ones give; what is frozen stays."""
    history = editions.read_history(tx, digest.name, rehearsal=desk.rehearsal, trial=desk.trial)
    own: list[str] = []
    if edition and edition.state is EditionState.SCHEDULED:
        own = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
    history = replace(
        history,
        taken=(history.taken | given) - set(own),
        started=history.started or bool(given),
    )
    choice = choose_posts(catalog, history, max_posts=digest.max_posts)
    if own:
        return _as_frozen(choice, catalog, own)
    return arrange(choice, edits.read(tx, edition.id)) if edition else choice


def _as_frozen(choice: Choice, catalog: Catalog, own: Sequence[str]) -> Choice:
    """Return the choice of a frozen edition: its own posts; what is new besides comes later."""
    published = {post.id: post for post in catalog.posts}
    posts = tuple(published[post_id] for post_id in own if post_id in published)
    return Choice(
        posts=posts, rulings=tuple(_rule_frozen(ruling, own) for ruling in choice.rulings)
    )


def _rule_frozen(ruling: Ruling, own: Sequence[str]) -> Ruling:
    if ruling.post_id in own:
        return replace(ruling, verdict=Verdict.INCLUDED, reason="frozen with this edition")
    if ruling.verdict is Verdict.INCLUDED:
        reason = "new since this edition was frozen; it comes in a later one"
        return replace(ruling, verdict=Verdict.LATER, reason=reason)
    return ruling


def count_reach(
    desk: Desk, edition: Edition, *, trial: bool | None = None, now: datetime
) -> dict[tuple[str, ...], int]:
    """Return how many people each letter of an edition would be for, were it opened now.

    Of a trial's, how many of staff; with ``trial`` false, how many in all.
    """
    only_staff = edition.trial if trial is None else trial
    digest = desk.config.digests.get(edition.digest)
    published = {post.id: post for post in desk.catalog.posts}
    with desk.store.read() as tx:
        chosen = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
        posts = [published[post_id] for post_id in chosen if post_id in published]
        if digest is None:
            return {}
        return _count_sets(tx, desk, digest, posts, trial=only_staff, now=now)[0]


def _count_sets(
    tx: Transaction,
    desk: Desk,
    digest: Digest,
    posts: Sequence[Post],
    *,
    trial: bool,
    now: datetime,
) -> tuple[dict[tuple[str, ...], int], dict[str, int]]:
    """Count who gets which posts, and who is left without some because a course brings them."""
    pairs = [(post.id, post.series or "") for post in posts]
    if not pairs:
        return {}, {}
    groups = ledger.count_groups(
        tx, digest.name, pairs, rehearsal=desk.rehearsal, trial=trial, now=now
    )
    sets: Counter[tuple[str, ...]] = Counter()
    left_out: Counter[str] = Counter()
    for group in groups:
        without = group.declined | group.on_course
        chosen = posts_for(pairs, declined=without, received=group.received)
        if chosen:
            sets[chosen] += group.people
        if chosen != posts_for(pairs, declined=group.declined, received=group.received):
            left_out[ON_A_COURSE] += group.people
    return dict(sets), dict(left_out)


def preview(
    desk: Desk,
    digest: Digest,
    *,
    at: datetime,
    number: int | None = None,
    person: Subscriber | None = None,
    only: Sequence[Post] = (),
) -> EditionContent:
    """Return the content the digest would have at a moment: what is new then, else the newest.

    A digest with nothing new is shown with its newest posts, so that there is a letter to see. A
    course is shown with the part that ``person`` gets next, else with the first. ``only`` are posts
    to be shown in place of those.
    """
    with desk.store.read() as tx:
        history = editions.read_history(
            tx, digest.name, rehearsal=desk.rehearsal, trial=desk.trial
        )
        made = editions.read_all(tx)
    slug = course_series(digest.name)
    if only:
        posts = list(only)
    elif slug is not None:
        posts = [next_of(desk, slug, person)]
    else:
        choice = choose_posts(desk.catalog, history, max_posts=digest.max_posts)
        newest = desk.catalog.posts[: digest.max_posts]
        posts = list(choice.posts) or reading_order(desk.catalog, newest)
    edition = Edition(
        id=0,
        digest=digest.name,
        number=number or _next_number(made, digest, rehearsal=desk.rehearsal),
        rehearsal=desk.rehearsal,
        slot="preview",
        fire_at=at,
        state=EditionState.DRAFT,
    )
    with desk.store.read() as tx:
        corrected = corrected_since(tx, desk, digest, edition, {post.id for post in posts})
    return compose_content(
        desk.config,
        digest,
        edition,
        posts,
        desk.catalog,
        desk.body_of,
        dated_on=at.astimezone(ZoneInfo(digest.zone)).date(),
        templates_sha256=desk.letters.fingerprint,
        corrected=corrected,
    )


def version_for(
    desk: Desk, content: EditionContent, person: Subscriber | None, *, at: datetime
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return which posts one person would get, which first parts they have, what follows.

    Who has all of them already is shown them all the same, so that there is a letter to see;
    nobody in particular gets every post.
    """
    if course_series(content.digest):
        return course_version(desk, content, person, at=at)
    if person is None:
        posts, known = for_everybody(content)
        return posts, known, ""
    pairs, firsts = [(post.post_id, post.series) for post in content.posts], first_parts(content)
    asked = [*(post_id for post_id, _ in pairs), *firsts.values(), *corrected_ids(content)]
    with desk.store.read() as tx:
        received = ledger.read_received(tx, person.id, asked, rehearsal=desk.rehearsal)
        mine = courses.read_all(tx, person.id, rehearsal=desk.rehearsal).values()
    declined = frozenset(person.series) | {one.series for one in mine if one.is_running}
    everything = posts_for(pairs, declined=declined, received=frozenset())
    chosen = posts_for(pairs, declined=declined, received=received) or everything
    return chosen, known_of(chosen, firsts, received, corrected_ids(content)), ""


def _next_number(made: Sequence[Edition], digest: Digest, *, rehearsal: bool) -> int:
    """Return the number of the next edition to be frozen: that of its draft, where there is one."""
    numbers = [
        one.number or 0
        for one in made
        if one.digest == digest.name
        and one.rehearsal == rehearsal
        and one.state is not EditionState.DRAFT
    ]
    return max(numbers, default=0) + 1
