"""What is out, in which order, and why the rest is not.

Read top to bottom: each source gets a ruling, each published post that cannot be shown from its
file is recalled from the store, then every series is put in order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from publisher.errors import Problem
from publisher.model import (
    Catalog,
    Channel,
    Part,
    Place,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the files say: the posts that load, and what is wrong with the rest."""

    posts: tuple[Post, ...]
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By path below ``posts/``."""
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


@dataclass(slots=True)
class _Draft:
    """The catalog while it is being decided."""

    shown: dict[str, Post] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    waiting_until: list[datetime] = field(default_factory=list)

    def rule(self, post: Post, verdict: Verdict, reason: str) -> None:
        self.rulings[post.path] = Ruling(
            path=post.path, post_id=post.id, verdict=verdict, reason=reason, title=post.title
        )

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

    ``recall`` gives a published post from the store's last good source. A published post never
    leaves but by withdrawal: where its file cannot be shown, its last good source is.
    """
    draft = _Draft(problems=list(sources.problems))
    for post in _without_doubles(sources.posts, record, draft):
        _rule(post, record, draft, now=now, review_required=review_required)
    for path, problems in sources.broken.items():
        draft.problems.extend(problems)
        draft.rulings[path] = Ruling(
            path=path, post_id=None, verdict=Verdict.ERROR, reason=f"got {problems[0].got}"
        )
    _refuse_changed_ids(sources, record, draft)
    _keep_published(sources, record, recall, draft)
    for slug in sorted({post.series for post in draft.shown.values() if post.series}):
        _settle_doubled_parts(slug, record, recall, draft)
    _drop_blocked_addresses(draft)
    return _arrange(sources, record, draft)


# ----------------------------------------------------------------------------------- one source


def _without_doubles(posts: Sequence[Post], record: Record, draft: _Draft) -> list[Post]:
    """Keep one post for each id and each location: the pinned one, or none where none is pinned."""
    ids = Counter(post.id for post in posts)
    locations = Counter(post.location for post in posts)
    kept = []
    for post in posts:
        pin = record.published.get(post.id)
        pinned = pin is not None and pin.path == post.path
        clash = (ids[post.id] > 1 and "id") or (locations[post.location] > 1 and "address")
        if not clash or pinned:
            kept.append(post)
            continue
        other = next(
            other.path
            for other in posts
            if other is not post and (other.id == post.id or other.location == post.location)
        )
        draft.rule(post, Verdict.ERROR, f"its {clash} is that of posts/{other}")
        draft.blame(
            post.path,
            "post.double",
            f"an {clash} that no other post has",
            f"the {clash} of posts/{other}",
            "Give one of them another slug, or remove the copied id.",
        )
    return kept


def _rule(
    post: Post, record: Record, draft: _Draft, *, now: datetime, review_required: bool
) -> None:
    pin = record.published.get(post.id)
    withdrawn = post.withdrawn or (pin.withdrawn if pin else "")
    approved = (post.id, post.source_sha256) in record.approved
    if withdrawn:
        draft.rule(post, Verdict.WITHDRAWN, withdrawn)
        part = post.part or (pin.part if pin else None)
        draft.withdrawals[post.id] = _withdrawal(post, withdrawn, part)
    elif post.draft:
        draft.rule(post, Verdict.DRAFT, "draft: true")
        if pin:
            draft.blame(
                post.path,
                "post.draft",
                "a published post to stay published",
                "draft: true",
                "It stays as last published. Remove draft, or run: "
                f"publisher withdraw {post.location}",
            )
    elif post.published_at > now:
        due = f"{post.published_at:%Y-%m-%d %H:%M} UTC"
        draft.rule(post, Verdict.FUTURE, f"due {due}")
        draft.waiting_until.append(post.published_at)
        if pin:
            draft.blame(
                post.path,
                "post.date",
                "the date it was published with, or an earlier one",
                f"{due}, in the future",
                "It stays as last published. Set the date back; use updated for a new one.",
            )
    elif (review_required or post.reviewer) and not approved:
        stays = "; the text last published stays" if pin else ""
        draft.rule(post, Verdict.UNREVIEWED, f"this exact source has no approval{stays}")
    else:
        draft.rule(post, Verdict.INCLUDED, "published")
        draft.shown[post.id] = post


def _withdrawal(where: Post | PublishedPost, reason: str, part: int | None) -> Withdrawal:
    return Withdrawal(
        post_id=where.id if isinstance(where, Post) else where.post_id,
        location=where.location,
        reason=reason,
        series=where.series,
        part=part,
    )


# ------------------------------------------------------------------- what was published before


def _refuse_changed_ids(sources: Sources, record: Record, draft: _Draft) -> None:
    """Refuse a post that is a published one under another id: readers would get it twice."""
    present = {post.id for post in sources.posts}
    lost = [
        pin
        for pin in record.published.values()
        if pin.post_id not in present and pin.path not in sources.broken and not pin.withdrawn
    ]
    by_slug = {pin.location.rsplit("/", 1)[-1]: pin for pin in lost}
    by_title = {pin.title: pin for pin in lost}
    for post in list(draft.shown.values()):
        pin = by_slug.get(post.slug) or by_title.get(post.title)
        if pin is None or post.id in record.published:
            continue
        del draft.shown[post.id]
        draft.rule(post, Verdict.ERROR, f"it is posts/{pin.path} under another id")
        folder, _, slug = pin.location.rpartition("/")
        alias = slug if folder == (post.series or "") else f"/{pin.location}"
        draft.blame(
            post.path,
            IDENTITY,
            f"the id of the published post posts/{pin.path}: {pin.post_id}",
            f"{post.id}, so every reader would get it again",
            f"Add to its front matter:  aliases: [{alias}]  (or  id: {pin.post_id})",
        )


def _keep_published(
    sources: Sources, record: Record, recall: Callable[[str], Post | None], draft: _Draft
) -> None:
    present = {post.id for post in sources.posts}
    for pin in record.published.values():
        if pin.post_id in draft.shown or pin.post_id in draft.withdrawals:
            continue
        if pin.withdrawn:
            draft.withdrawals[pin.post_id] = _withdrawal(pin, pin.withdrawn, pin.part)
            continue
        _show_last_good(pin, recall, draft)
        if pin.post_id not in present and pin.path not in sources.broken:
            draft.blame(
                pin.path,
                "post.gone",
                "the file of a published post",
                "no such file",
                "It stays as last published. Put it back, or run: "
                f"publisher withdraw {pin.location}",
            )


def _show_last_good(
    pin: PublishedPost, recall: Callable[[str], Post | None], draft: _Draft
) -> None:
    post = recall(pin.post_id)
    if post is None:
        draft.blame(
            pin.path,
            "post.lost",
            "a source that loads, in its file or in the store",
            "neither",
            "Restore the file from a backup.",
        )
        return
    draft.shown[pin.post_id] = replace(post, part=pin.part if post.series else None)
    draft.recalled.add(pin.post_id)


# ---------------------------------------------------------------------------------- the order


def _settle_doubled_parts(
    slug: str, record: Record, recall: Callable[[str], Post | None], draft: _Draft
) -> None:
    """Leave a series with two equal parts exactly as it was last published."""
    members = [post for post in draft.shown.values() if post.series == slug]
    by_part = defaultdict(list)
    for post in members:
        if post.part is not None:
            by_part[post.part].append(post.path)
    doubled = {part: sorted(paths) for part, paths in by_part.items() if len(paths) > 1}
    for part, paths in sorted(doubled.items()):
        draft.blame(
            paths[1],
            "series.double_part",
            f"a part of its own in {slug}",
            f"part {part}, as posts/{paths[0]} has",
            f"Give one of them another number. Nothing new of {slug} is published until then.",
        )
    for post in members if doubled else ():
        pin = record.published.get(post.id)
        del draft.shown[post.id]
        if pin:
            _show_last_good(pin, recall, draft)
        else:
            draft.rule(post, Verdict.ERROR, f"two equal parts in {slug}")


def _drop_blocked_addresses(draft: _Draft) -> None:
    """Take out loose posts that would stand where a series stands."""
    slugs = {post.series for post in draft.shown.values() if post.series}
    for post in [p for p in draft.shown.values() if p.series is None and p.slug in slugs]:
        del draft.shown[post.id]
        draft.rule(post, Verdict.ERROR, f"its address is that of the series {post.slug}")
        draft.blame(
            post.path,
            "post.slug",
            "an address that no series has",
            f"the address of the series {post.slug}",
            "Give it another slug.",
        )


def _arrange(sources: Sources, record: Record, draft: _Draft) -> Catalog:
    posts = sorted(draft.shown.values(), key=lambda post: post.id)
    posts.sort(key=lambda post: post.published_at, reverse=True)
    members = defaultdict(list)
    for post in posts:
        if post.series:
            members[post.series].append(post)
    series = [
        _order_series(slug, members[slug], sources, record, draft) for slug in sorted(members)
    ]
    series.sort(key=lambda one: (one.title.casefold(), one.slug))
    return Catalog(
        posts=tuple(posts),
        series=tuple(series),
        infos=dict(sources.infos),
        rulings=tuple(draft.rulings[path] for path in sorted(draft.rulings)),
        withdrawals=tuple(sorted(draft.withdrawals.values(), key=lambda one: one.location)),
        redirects=_redirects(posts, record, draft),
        problems=tuple(sorted(draft.problems, key=lambda p: (p.path, p.line or 0, p.code))),
        next_change_at=min(draft.waiting_until, default=None),
        places=_places(series),
        recalled=frozenset(draft.recalled),
    )


def _order_series(
    slug: str, members: Sequence[Post], sources: Sources, record: Record, draft: _Draft
) -> Series:
    numbered: dict[int, Post] = {}
    unnumbered = []
    for post in sorted(members, key=lambda post: (post.part is None, post.published_at)):
        pin = record.published.get(post.id)
        part = post.part or (pin.part if pin and pin.series == slug else None)
        if part is None or part in numbered:
            unnumbered.append(post)
        else:
            numbered[part] = post
    withdrawn = {one.part for one in draft.withdrawals.values() if one.series == slug and one.part}
    following = max([*numbered, *withdrawn], default=0) + 1
    unnumbered.sort(key=lambda post: (post.published_at, post.path))
    numbered.update(enumerate(unnumbered, start=following))
    _warn_of_gaps(slug, {*numbered, *withdrawn}, draft)
    info = sources.infos.get(slug) or SeriesInfo(
        slug=slug, title=slug.replace("-", " ").capitalize()
    )
    total = max(info.planned_parts or 0, *numbered, *withdrawn)
    return Series(
        info=info,
        parts=tuple(
            Part(number=n, post=numbered.get(n), withdrawn=n in withdrawn and n not in numbered)
            for n in range(1, total + 1)
        ),
    )


def _warn_of_gaps(slug: str, taken: set[int], draft: _Draft) -> None:
    gaps = [n for n in range(1, max(taken)) if n not in taken]
    if gaps:
        draft.problems.append(
            Problem(
                code="series.gap",
                path=f"posts/{slug}",
                level="warning",
                expected=f"parts 1 to {max(taken)} without a gap",
                got="no published part " + ", ".join(map(str, gaps)),
                hint="Readers see the missing numbers as still to come.",
            )
        )


def _redirects(posts: Iterable[Post], record: Record, draft: _Draft) -> dict[str, str]:
    """Map each earlier location to the one now; a live address is never redirected."""
    now_at = {post.id: post.location for post in posts}
    live = set(now_at.values()) | {post.series for post in posts if post.series}
    live |= {one.location for one in draft.withdrawals.values()}
    redirects = {
        alias: post.location for post in posts for alias in post.aliases if alias not in live
    }
    for location, post_id in record.locations.items():
        if location not in live and post_id in now_at:
            redirects.setdefault(location, now_at[post_id])
    return dict(sorted(redirects.items()))


def _places(series: Iterable[Series]) -> dict[str, Place]:
    places = {}
    for one in series:
        published = [(part.number, part.post) for part in one.parts if part.post]
        for index, (number, post) in enumerate(published):
            places[post.id] = Place(
                series=one,
                number=number,
                previous=published[index - 1][1] if index else None,
                next=published[index + 1][1] if index + 1 < len(published) else None,
            )
    return places


def on_channel(catalog: Catalog, channel: Channel) -> Catalog:
    """Return the catalog as one channel shows it: the posts of other channels are not there."""
    hidden = {post.id for post in catalog.posts if channel not in post.channels}
    if not hidden:
        return catalog
    series = tuple(
        replace(
            one,
            parts=tuple(
                replace(part, post=None) if part.post and part.post.id in hidden else part
                for part in one.parts
            ),
        )
        for one in catalog.series
    )
    series = tuple(one for one in series if one.posts)
    return replace(
        catalog,
        posts=tuple(post for post in catalog.posts if post.id not in hidden),
        series=series,
        places=_places(series),
    )
