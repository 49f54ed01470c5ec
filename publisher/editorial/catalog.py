"""What is out, in which order, and why the rest is not.

Each source gets its ruling, and what was published stays (``rulings``); what two posts cannot both
have stays with the one that had it (``clashes``); the parts of a series get their numbers
(``order``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from publisher.editorial import clashes, rulings
from publisher.editorial.order import find_places, order_series, part_of, warn_of_gaps
from publisher.editorial.rulings import IDENTITY, Record, Sources
from publisher.model import Catalog, Channel, SeriesInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from publisher.editorial.rulings import Work
    from publisher.errors import Problem
    from publisher.model import Post, PublishedPost, Series, Withdrawal

__all__ = ["IDENTITY", "Record", "Sources", "decide_catalog", "on_channel"]


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
    pins = sorted(record.published.values(), key=lambda pin: pin.sequence)
    absent = [pin for pin in pins if pin.post_id not in present and not pin.withdrawn]
    missing = [pin for pin in absent if pin.path not in sources.broken]
    work = rulings.begin(sources, record, recall)
    for post in clashes.without_doubles(posts, work):
        rulings.rule(post, work, now=now, review_required=review_required)
    rulings.rule_broken(sources.broken, absent, work)
    rulings.keep_published(work)
    found = rulings.refuse_changed_ids(posts, missing, work)
    rulings.report_missing(missing, found, work)
    clashes.settle(work)
    return _arrange(sources, work)


def _arrange(sources: Sources, work: Work) -> Catalog:
    posts = sorted(work.shown.values(), key=lambda post: post.id)
    posts.sort(key=lambda post: post.published_at, reverse=True)
    withdrawals = _withdrawals(posts, work)
    series = _order(posts, withdrawals, sources, work)
    problems = {*work.problems, *(warning for one in series for warning in warn_of_gaps(one))}
    return Catalog(
        posts=tuple(posts),
        series=tuple(series),
        infos=dict(sources.infos),
        rulings=tuple(work.rulings[path] for path in sorted(work.rulings)),
        withdrawals=tuple(withdrawals),
        redirects=_redirects(posts, withdrawals, sources, work),
        problems=tuple(sorted(problems, key=_where)),
        next_change_at=min(work.due_at, default=None),
        places=find_places(series),
        recalled=frozenset(work.recalled),
    )


def _withdrawals(posts: Iterable[Post], work: Work) -> list[Withdrawal]:
    """List the withdrawals by address: none where something is live, a published post's first."""
    answered = {place for post in posts for place in (post.location, post.series)}
    published = work.record.published
    gone: dict[str, Withdrawal] = {}
    for one in sorted(
        work.withdrawals.values(), key=lambda one: (one.post_id not in published, one.post_id)
    ):
        if one.location not in answered:
            gone.setdefault(one.location, one)
    return [gone[location] for location in sorted(gone)]


def _where(problem: Problem) -> tuple[str, int, str, str]:
    return problem.path, problem.line or 0, problem.code, problem.as_text()


def _order(
    posts: Iterable[Post], withdrawals: Iterable[Withdrawal], sources: Sources, work: Work
) -> list[Series]:
    """Put every series with a published part in order; return them by title."""
    members: defaultdict[str, list[tuple[Post, int | None]]] = defaultdict(list)
    kept: defaultdict[str | None, set[int]] = defaultdict(set)
    asked: defaultdict[str | None, int] = defaultdict(int)
    for post in posts:
        if post.series:
            members[post.series].append((post, part_of(post, work.pin(post))))
    for gone in withdrawals:
        if gone.part:
            kept[gone.series].add(gone.part)
    asking: list[Post | PublishedPost] = [*sources.posts, *work.record.published.values()]
    for where in asking:
        asked[where.series] = max(asked[where.series], where.part or 0)
    series = [
        order_series(
            sources.infos.get(slug) or SeriesInfo(slug=slug, title=_title_from(slug)),
            members[slug],
            withdrawn=kept[slug],
            asked=asked[slug],
        )
        for slug in members
    ]
    return sorted(series, key=lambda one: (one.title.casefold(), one.slug))


def _title_from(slug: str) -> str:
    return slug.replace("-", " ").capitalize()


def _redirects(
    posts: Sequence[Post], withdrawals: Sequence[Withdrawal], sources: Sources, work: Work
) -> dict[str, str]:
    """Map each earlier location to the one now; a live address is never redirected.

    The earlier ones of a withdrawn post lead to where it says so.
    """
    gone_at = {one.post_id: one.location for one in withdrawals}
    now_at = gone_at | {post.id: post.location for post in posts}
    answered = {*now_at.values(), *(post.series for post in posts)}
    withdrawn = sorted((p for p in sources.posts if p.id in gone_at), key=lambda p: p.path)
    earlier = [(alias, post.id) for post in [*posts, *withdrawn] for alias in post.aliases]
    redirects: dict[str, str] = {}
    for location, post_id in [*earlier, *work.record.locations.items()]:
        if post_id in now_at and location not in answered:
            redirects.setdefault(location, now_at[post_id])
    return dict(sorted(redirects.items()))


def on_channel(catalog: Catalog, channel: Channel) -> Catalog:
    """Return the catalog as one channel shows it: the posts of other channels are not there.

    The numbers of the others stay; neighbours are the nearest that the channel shows.
    """
    hidden = {post.id for post in catalog.posts if channel not in post.channels}
    if not hidden:
        return catalog
    away = {post.location for post in catalog.posts if post.id in hidden}
    series = [_without(one, hidden) for one in catalog.series]
    series = [one for one in series if one.posts]
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
