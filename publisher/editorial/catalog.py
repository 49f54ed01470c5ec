"""What is out, in which order, and why the rest is not.

Read top to bottom: each source gets a ruling from its own words; a published post that its file
cannot show is shown from its last good source; what two posts cannot both have stays with the one
that had it; then ``order`` numbers the parts of every series.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from publisher.editorial.order import find_gaps, find_places, order_series, part_of
from publisher.errors import Problem
from publisher.model import (
    Catalog,
    Channel,
    Post,
    PublishedPost,
    Ruling,
    Series,
    SeriesInfo,
    Verdict,
    Withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

IDENTITY = "post.identity"
"""The code of the one problem that refuses: a published post's id would change."""

_STAYS = "it stays as last published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the files say: the posts that load, and what is wrong with the rest."""

    posts: tuple[Post, ...]
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By path below ``posts/``; each with a problem at least."""
    infos: Mapping[str, SeriesInfo] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """What belongs to no single post: links out of the folder, a broken ``series.toml``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the store knows: pins by post id, every location ever public, approvals."""

    published: Mapping[str, PublishedPost] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    """Location → post id."""
    approved: frozenset[tuple[str, str]] = frozenset()
    """Pairs of post id and source SHA-256."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """The catalog while it is being decided."""

    record: Record
    recall: Callable[[str], Post | None]
    problems: list[Problem]
    unchanged: Mapping[str, Post]
    """By id, the posts whose file is still what was published: they need no recall."""
    shown: dict[str, Post] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    due_at: list[datetime] = field(default_factory=list)

    def pin(self, post: Post) -> PublishedPost | None:
        return self.record.published.get(post.id)

    def is_as_published(self, post: Post) -> bool:
        return post.id in self.recalled or post.id in self.unchanged

    def rule(self, post: Post, verdict: Verdict, reason: str) -> None:
        self.rulings[post.path] = Ruling(
            path=post.path, post_id=post.id, verdict=verdict, reason=reason, title=post.title
        )

    def rule_error(self, post: Post, reason: str) -> None:
        self.rule(post, Verdict.ERROR, f"{reason}; {_STAYS}" if self.pin(post) else reason)

    def blame(self, path: str, code: str, expected: str, got: str, hint: str) -> None:
        self.problems.append(
            Problem(code=code, path=f"posts/{path}", expected=expected, got=got, hint=hint)
        )


def decide_catalog(
    sources: Sources,
    record: Record,
    recall: Callable[[str], Post | None],
    *,
    now: datetime,
    review_required: bool,
) -> Catalog:
    """Decide the published site at ``now``.

    ``recall`` gives a published post from the store's last good source, by id. A published post
    never leaves but by withdrawal: where its file cannot be shown, its last good source is.
    """
    posts = sorted(sources.posts, key=lambda post: post.path)
    present = {post.id for post in posts}
    absent = [pin for pin in _by_path(record) if pin.post_id not in present and not pin.withdrawn]
    missing = [pin for pin in absent if pin.path not in sources.broken]
    work = _Work(
        record=record,
        recall=recall,
        problems=list(sources.problems),
        unchanged=_unchanged(posts, record),
    )
    for post in _without_doubles(posts, work):
        _rule(post, work, now=now, review_required=review_required)
    _rule_broken(sources.broken, absent, work)
    _keep_published(work)
    _report_missing(missing, _refuse_changed_ids(posts, missing, work), work)
    while any([_settle_addresses(work), _settle_parts(work)]):
        pass  # each round takes something new back, so this ends
    return _arrange(sources, work)


def _by_path(record: Record) -> list[PublishedPost]:
    return sorted(record.published.values(), key=lambda pin: (pin.path, pin.post_id))


def _unchanged(posts: Iterable[Post], record: Record) -> dict[str, Post]:
    return {
        post.id: post
        for post in posts
        if (pin := record.published.get(post.id))
        and (pin.path, pin.location, pin.source_sha256)
        == (post.path, post.location, post.source_sha256)
    }


# ------------------------------------------------------------------------------------- one source


def _without_doubles(posts: Sequence[Post], work: _Work) -> list[Post]:
    """Keep one post for each id and for each address, or none where nothing tells which."""
    by_id, by_address = defaultdict(list), defaultdict(list)
    for post in posts:
        by_id[post.id].append(post)
        by_address[post.location].append(post)
    kept = []
    for post in posts:
        for what, rivals in (("id", by_id[post.id]), ("address", by_address[post.location])):
            if post is not _owner(rivals, work):
                other = next(one for one in rivals if one is not post)
                _blame_double(post, what, f"posts/{other.path}", work)
                break
        else:
            kept.append(post)
    return kept


def _owner(rivals: Sequence[Post], work: _Work) -> Post | None:
    """Return the one post that stood there, else was at that path, else is taken back or ready."""

    def stood_there(post: Post) -> bool:
        pin = work.pin(post)
        return pin is not None and pin.location == post.location

    def had_the_path(post: Post) -> bool:
        pin = work.pin(post)
        return pin is not None and pin.path == post.path

    tests: tuple[Callable[[Post], object], ...] = (
        stood_there,
        had_the_path,
        lambda post: post.withdrawn,
        lambda post: not post.draft,
    )
    for test in tests:
        rivals = [post for post in rivals if test(post)] or rivals
    return rivals[0] if len(rivals) == 1 else None


def _blame_double(post: Post, what: str, other: str, work: _Work) -> None:
    work.rule_error(post, f"its {what} is that of {other}")
    work.blame(
        post.path,
        "post.double",
        f"an {what} that nothing else has",
        f"the {what} of {other}",
        "Remove the copied id, or give one of them another slug.",
    )


def _rule(post: Post, work: _Work, *, now: datetime, review_required: bool) -> None:
    pin = work.pin(post)
    verdict, reason = _judge(post, work.record, now=now, review_required=review_required)
    if verdict is Verdict.INCLUDED:
        work.shown[post.id] = post
    elif verdict is Verdict.WITHDRAWN:
        work.withdrawals[post.id] = _withdrawal(pin or post, reason)
    elif pin:
        reason = f"{reason}; {_STAYS}"
        _blame_unpublishing(post, verdict, work)
    if verdict is Verdict.FUTURE:
        work.due_at.append(post.published_at)
    work.rule(post, verdict, reason)


def _judge(
    post: Post, record: Record, *, now: datetime, review_required: bool
) -> tuple[Verdict, str]:
    """Return what a source by itself comes to, and why."""
    pin = record.published.get(post.id)
    withdrawn = post.withdrawn or (pin.withdrawn if pin else "")
    approved = (post.id, post.source_sha256) in record.approved
    waits = bool(review_required or post.reviewer) and not approved
    unapproved = "this exact source has no approval"
    if withdrawn:
        return Verdict.WITHDRAWN, withdrawn
    if post.draft:
        return Verdict.DRAFT, "draft: true"
    if post.published_at > now:
        due = f"due {post.published_at:%Y-%m-%d %H:%M} UTC"
        return Verdict.FUTURE, f"{due}; {unapproved}" if waits else due
    if waits:
        return Verdict.UNREVIEWED, unapproved
    return Verdict.INCLUDED, "published"


def _blame_unpublishing(post: Post, verdict: Verdict, work: _Work) -> None:
    """Report a published post whose file would unpublish it; to await a review is no mistake."""
    if verdict is Verdict.DRAFT:
        work.blame(
            post.path,
            "post.draft",
            "a published post to stay published",
            "draft: true",
            f"It stays as last published. Remove draft, or run: publisher withdraw {post.location}",
        )
    elif verdict is Verdict.FUTURE:
        work.blame(
            post.path,
            "post.date",
            "the date it was published with, or another in the past",
            f"{post.published_at:%Y-%m-%d %H:%M} UTC, in the future",
            "It stays as last published. Set the date back; use updated for a new one.",
        )


def _rule_broken(
    broken: Mapping[str, tuple[Problem, ...]], absent: Iterable[PublishedPost], work: _Work
) -> None:
    pins = {pin.path: pin for pin in absent}
    for path, problems in broken.items():
        work.problems.extend(problems)
        pin = pins.get(path)
        reason = f"it does not load: expected {problems[0].expected}; got {problems[0].got}"
        work.rulings[path] = Ruling(
            path=path,
            post_id=pin.post_id if pin else None,
            verdict=Verdict.ERROR,
            reason=f"{reason}; {_STAYS}" if pin else reason,
            title=pin.title if pin else "",
        )


# ---------------------------------------------------------------------- what was published before


def _keep_published(work: _Work) -> None:
    """Show every published post that its file does not show; note those taken back."""
    for pin in _by_path(work.record):
        if pin.post_id in work.shown or pin.post_id in work.withdrawals:
            continue
        if pin.withdrawn:
            work.withdrawals[pin.post_id] = _withdrawal(pin, pin.withdrawn)
        else:
            _show_last_good(pin, work)


def _withdrawal(where: Post | PublishedPost, reason: str) -> Withdrawal:
    """Note a withdrawal at the place that readers know: the published one where there is one."""
    return Withdrawal(
        post_id=where.id if isinstance(where, Post) else where.post_id,
        location=where.location,
        reason=reason,
        series=where.series,
        part=where.part,
    )


def _show_last_good(pin: PublishedPost, work: _Work) -> None:
    post = work.unchanged.get(pin.post_id)
    if post is None:
        post = work.recall(pin.post_id)
        if post is None:
            work.blame(
                pin.path,
                "post.lost",
                "a source that loads, in its file or in the store",
                "neither",
                "Restore the file from a backup.",
            )
            return
        work.recalled.add(pin.post_id)
    slug = pin.location.rpartition("/")[2]
    work.shown[pin.post_id] = replace(
        post, id=pin.post_id, series=pin.series, slug=slug, part=pin.part
    )


def _refuse_changed_ids(
    posts: Iterable[Post], missing: Iterable[PublishedPost], work: _Work
) -> set[str]:
    """Refuse posts that are missing ones under another id: readers would get them twice.

    Returns the ids of the missing posts so found.
    """
    known: dict[tuple[str, str], PublishedPost] = {}
    for pin in missing:
        for name in _names(pin):
            known.setdefault(name, pin)
    found = set()
    for post in posts:
        pin = next((known[name] for name in _names(post) if name in known), None)
        if pin and work.rulings[post.path].verdict in _COMES_OUT and not work.pin(post):
            found.add(pin.post_id)
            work.shown.pop(post.id, None)
            work.rule_error(post, f"it is posts/{pin.path} under another id")
            _blame_identity(post, pin, work)
    return found


_COMES_OUT = frozenset({Verdict.INCLUDED, Verdict.FUTURE, Verdict.UNREVIEWED})


def _names(where: Post | PublishedPost) -> tuple[tuple[str, str], ...]:
    """Return what a post is known by, the surest first."""
    location = where.location
    return ("address", location), ("slug", location.rpartition("/")[2]), ("title", where.title)


def _blame_identity(post: Post, pin: PublishedPost, work: _Work) -> None:
    folder, _, slug = pin.location.rpartition("/")
    alias = slug if folder == (post.series or "") else f"/{pin.location}"
    kept = work.shown.get(pin.post_id)
    id_to_write = (kept.raw_id if kept else "") or pin.post_id
    work.blame(
        post.path,
        IDENTITY,
        f"the id of the published post posts/{pin.path}: {id_to_write}",
        f"{post.id}, so every reader would get it again",
        f"Add to its front matter:  aliases: [{alias}]  (or, where that does not do, "
        f" id: {id_to_write} ). If it is another post, run: publisher withdraw {pin.location}",
    )


def _report_missing(missing: Iterable[PublishedPost], found: set[str], work: _Work) -> None:
    for pin in missing:
        if pin.post_id in work.shown and pin.post_id not in found:
            work.blame(
                pin.path,
                "post.gone",
                "the file of a published post",
                "no file with its id",
                f"It stays as last published. Put it back, or run: "
                f"publisher withdraw {pin.location}",
            )


# ------------------------------------------------------------------ what two posts cannot both have


def _settle_addresses(work: _Work) -> bool:
    """Leave each address to what stood there; return whether anything was taken back."""
    held = {
        pin.location: (pin.post_id, f"posts/{pin.path}")
        for pin in work.record.published.values()
        if pin.post_id not in work.shown
    }
    taken_back = False
    for post in sorted(work.shown.values(), key=lambda post: _precedence(post, work)):
        claims = {post.location: (post.id, f"posts/{post.path}")}
        if post.series:
            claims[post.series] = (post.series, f"the series {post.series}")
        others = [held[at] for at, claim in claims.items() if held.get(at, claim) != claim]
        if not others:
            held.update(claims)
        elif not work.is_as_published(post):
            taken_back = True
            _take_back(post, work)
            _blame_double(post, "address", others[0][1], work)
    return taken_back


def _precedence(post: Post, work: _Work) -> tuple[int, int, str]:
    """Sort what stood at its address first, in order of publication; a series before its like."""
    pin = work.pin(post)
    if pin and pin.location == post.location:
        return 0, pin.sequence, post.path
    return (1 if post.series else 2), 0, post.path


def _settle_parts(work: _Work) -> bool:
    """Leave a series with two equal parts as it was; return whether anything was taken back."""
    doubled = _doubled_parts(work)
    for (slug, part), (post, other) in doubled.items():
        work.blame(
            post.path,
            "series.double_part",
            f"a part of its own in {slug}",
            f"part {part}, as {other} has",
            f"Give one of them another number. Nothing new of {slug} is published until then.",
        )
    slugs = {slug for slug, _ in doubled}
    changed = [
        post
        for post in work.shown.values()
        if _series_touched(post, work) & slugs and not work.is_as_published(post)
    ]
    for post in changed:
        _take_back(post, work)
        work.rule_error(post, "its series has two equal parts")
    return bool(changed)


def _doubled_parts(work: _Work) -> dict[tuple[str, int], tuple[Post, str]]:
    """Return each number that a second post asks for: the post, the newer one, and the other."""
    held = {
        (one.series, one.part): f"the withdrawn /{one.location}/"
        for one in work.withdrawals.values()
    }
    for pin in work.record.published.values():
        if pin.post_id not in work.shown:
            held.setdefault((pin.series, pin.part), f"posts/{pin.path}")
    doubled = {}
    for post in sorted(work.shown.values(), key=lambda post: (not work.pin(post), post.path)):
        part = part_of(post, work.pin(post))
        if post.series is None or part is None:
            continue
        other = held.setdefault((post.series, part), f"posts/{post.path}")
        if other != f"posts/{post.path}":
            doubled[post.series, part] = post, other
    return doubled


def _series_touched(post: Post, work: _Work) -> set[str | None]:
    """Return the series that a post is in or comes from."""
    pin = work.pin(post)
    return {post.series, pin.series if pin else None}


def _take_back(post: Post, work: _Work) -> None:
    """Return a post to what was last published of it: nothing, where it is new."""
    del work.shown[post.id]
    pin = work.pin(post)
    if pin:
        _show_last_good(pin, work)


# ----------------------------------------------------------------------------------- the whole site


def _arrange(sources: Sources, work: _Work) -> Catalog:
    posts = sorted(work.shown.values(), key=lambda post: post.id)
    posts.sort(key=lambda post: post.published_at, reverse=True)
    live = {post.location for post in posts} | {post.series for post in posts if post.series}
    withdrawals = [one for one in work.withdrawals.values() if one.location not in live]
    series = _order(posts, withdrawals, sources, work)
    problems = [*work.problems, *(gap for one in series for gap in _warn_of_gaps(one))]
    return Catalog(
        posts=tuple(posts),
        series=tuple(series),
        infos=dict(sources.infos),
        rulings=tuple(work.rulings[path] for path in sorted(work.rulings)),
        withdrawals=tuple(sorted(withdrawals, key=lambda one: one.location)),
        redirects=_redirects(posts, withdrawals, sources, work, live),
        problems=tuple(sorted(problems, key=_by_place)),
        next_change_at=min(work.due_at, default=None),
        places=find_places(series),
        recalled=frozenset(work.recalled),
    )


def _by_place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.path, problem.line or 0, problem.code, problem.got


def _order(
    posts: Iterable[Post], withdrawals: Iterable[Withdrawal], sources: Sources, work: _Work
) -> list[Series]:
    """Put every series with a published part in order; return them by title."""
    members, kept, asked = defaultdict(list), defaultdict(set), defaultdict(int)
    for post in posts:
        if post.series:
            members[post.series].append((post, part_of(post, work.pin(post))))
    for one in withdrawals:
        if one.series and one.part:
            kept[one.series].add(one.part)
    for where in [*sources.posts, *work.record.published.values()]:
        if where.series:
            asked[where.series] = max(asked[where.series], where.part or 0)
    series = [
        order_series(
            sources.infos.get(slug) or _plain_info(slug),
            members[slug],
            withdrawn=kept[slug],
            asked=asked[slug],
        )
        for slug in members
    ]
    return sorted(series, key=lambda one: (one.title.casefold(), one.slug))


def _plain_info(slug: str) -> SeriesInfo:
    return SeriesInfo(slug=slug, title=slug.replace("-", " ").capitalize())


def _warn_of_gaps(series: Series) -> list[Problem]:
    gaps = find_gaps(series)
    if not gaps:
        return []
    return [
        Problem(
            code="series.gap",
            path=f"posts/{series.slug}",
            level="warning",
            expected="parts from 1 without a gap",
            got="no published part " + ", ".join(map(str, gaps)),
            hint="Readers see the missing numbers as still to come.",
        )
    ]


def _redirects(
    posts: Sequence[Post],
    withdrawals: Iterable[Withdrawal],
    sources: Sources,
    work: _Work,
    live: set[str],
) -> dict[str, str]:
    """Map each earlier location to the one now; a live address is never redirected.

    The earlier ones of a withdrawn post lead to where it says so.
    """
    now_at = {one.post_id: one.location for one in withdrawals}
    taken_back = [post for post in sources.posts if post.id in now_at]
    now_at |= {post.id: post.location for post in posts}
    redirects: dict[str, str] = {}
    earlier = [(alias, post.id) for post in [*posts, *taken_back] for alias in post.aliases]
    for location, post_id in [*earlier, *work.record.locations.items()]:
        if post_id in now_at and location not in live | set(...):
            redirects.setdefault(location, now_at[post_id])
    return dict(sorted(redirects.items()))


def on_channel(catalog: Catalog, channel: Channel) -> Catalog:
    """Return the catalog as one channel shows it: the posts of other channels are not there.

    The numbers of the others stay; neighbours are the nearest that the channel shows.
    """
    hidden = {post.id for post in catalog.posts if channel not in post.channels}
    if not hidden:
        return catalog
    series = [_without(one, hidden) for one in catalog.series]
    series = [one for one in series if one.posts]
    away = {post.location for post in catalog.posts if post.id in hidden}
    return replace(
        catalog,
        posts=tuple(post for post in catalog.posts if post.id not in hidden),
        series=tuple(series),
        redirects={old: new for old, new in catalog.redirects.items() if new not in away},
        places=find_places(series),
    )


def _without(series: Series, hidden: set[str]) -> Series:
    parts = (
        replace(part, post=None) if part.post and part.post.id in hidden else part
        for part in series.parts
    )
    return replace(series, parts=tuple(parts))
