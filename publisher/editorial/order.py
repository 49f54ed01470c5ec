"""The order of a series: which number each post has, what is missing, and who stands beside whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.errors import Problem
from publisher.model import Part, Place, Post, Series

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from publisher.model import PublishedPost, SeriesInfo


def part_of(post: Post, pin: PublishedPost | None) -> int | None:
    """Return the number a post asks for, else the one it holds in this series since published."""
    if post.part is not None:
        return post.part
    return pin.part if pin and pin.series == post.series else None


def order_series(
    info: SeriesInfo,
    members: Iterable[tuple[Post, int | None]],
    *,
    withdrawn: AbstractSet[int],
    asked: int,
) -> Series:
    """Give each post of a series its number; a post without one follows all others.

    ``withdrawn`` are the numbers that withdrawn posts keep, ``asked`` is the highest number that
    any source asks for or any post ever held. Those that follow come by date, then by name.
    """
    numbered: dict[int, Post] = {}
    following = []
    for post, part in sorted(members, key=lambda one: (one[0].published_at, one[0].path)):
        if part is None or part in numbered:
            following.append(post)
        else:
            numbered[part] = post
    numbered.update(enumerate(following, start=asked + 1))
    total = max(info.planned_parts or 0, *numbered, *withdrawn)
    return Series(
        info=info,
        parts=tuple(
            Part(number=n, post=numbered.get(n), withdrawn=n in withdrawn and n not in numbered)
            for n in range(1, total + 1)
        ),
    )


def warn_of_gaps(series: Series) -> list[Problem]:
    """Return a warning where numbers below the last one taken have, and had, no post."""
    taken = [part.number for part in series.parts if part.post or part.withdrawn]
    gaps = sorted(set(range(1, max(taken))).difference(taken))
    if not gaps:
        return []
    return [
        Problem(
            code="series.gap",
            path=f"posts/{series.slug}",
            level="warning",
            expected=f"parts 1 to {max(taken)} without a gap",
            got="no published part " + ", ".join(map(str, gaps)),
            hint="Readers see the missing numbers as still to come.",
        )
    ]


def find_places(series: Iterable[Series]) -> dict[str, Place]:
    """Return where each post stands, by its id; its neighbours are the nearest published parts."""
    places = {}
    for one in series:
        out = [(part.number, part.post) for part in one.parts if part.post]
        before: list[Post | None] = [None, *(post for _, post in out)]
        after: list[Post | None] = [*(post for _, post in out[1:]), None]
        for (number, post), previous, following in zip(out, before, after, strict=False):
            places[post.id] = Place(series=one, number=number, previous=previous, next=following)
    return places
