"""What two posts cannot both have: an id, an address, a number in a series.

It stays with the post that had it. A new post goes without, a published one back to what was last
published of it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from publisher.editorial.order import part_of
from publisher.editorial.rulings import show_last_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from publisher.editorial.rulings import Work
    from publisher.model import Post


# ------------------------------------------------------------------------------ file against file


def without_doubles(posts: Sequence[Post], work: Work) -> list[Post]:
    """Keep one source for each id and for each address, or none where nothing tells which."""
    by_id, by_address = defaultdict(list), defaultdict(list)
    for post in posts:
        by_id[post.id].append(post)
        by_address[post.location].append(post)
    left_out: set[str] = set()
    for what, groups in (("id", by_id), ("address", by_address)):
        for rivals in groups.values():
            owner = rivals[0] if len(rivals) == 1 else _owner(rivals, work)
            for post in rivals:
                if post is not owner and post.path not in left_out:
                    left_out.add(post.path)
                    other = next(one for one in rivals if one is not post)
                    _blame_double(post, what, f"posts/{other.path}", work)
    return [post for post in posts if post.path not in left_out]


def _owner(rivals: Sequence[Post], work: Work) -> Post | None:
    """Return the one that stood there, else had that file, else is withdrawn, else is no draft."""

    def stood_there(post: Post) -> bool:
        pin = work.pin(post)
        return pin is not None and pin.location == post.location

    def had_that_file(post: Post) -> bool:
        pin = work.pin(post)
        return pin is not None and pin.path == post.path

    tests: tuple[Callable[[Post], object], ...] = (
        stood_there,
        had_that_file,
        lambda post: post.withdrawn,
        lambda post: not post.draft,
    )
    for test in tests:
        rivals = [post for post in rivals if test(post)] or rivals
    return rivals[0] if len(rivals) == 1 else None


def _blame_double(post: Post, what: str, other: str, work: Work) -> None:
    work.rule_error(post, f"its {what} is that of {other}")
    work.blame(
        post.path,
        "post.double",
        f"an {what} that nothing else has",
        f"the {what} of {other}",
        "Remove the copied id, or give one of them another slug.",
    )


# -------------------------------------------------------------------------- against what was out


def settle(work: Work) -> None:
    """Take new things back until no two shown posts have one address or one number.

    What comes back may itself stand where something new is, so it is looked at again; each round
    takes back something new, so it ends. What was published before is never taken back.
    """
    while any([_settle_addresses(work), _settle_parts(work)]):
        pass


def _settle_addresses(work: Work) -> bool:
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


def _precedence(post: Post, work: Work) -> tuple[int, int, str]:
    """Sort what stood at its address first, by turn of publication; a series before a loose post."""
    pin = work.pin(post)
    if pin and pin.location == post.location:
        return 0, pin.sequence, post.path
    return (1 if post.series else 2), 0, post.path


def _settle_parts(work: Work) -> bool:
    """Leave a series with two equal parts as it was; return whether anything was taken back."""
    slugs = set()
    for slug, part, post, other in _doubled_parts(work):
        slugs.add(slug)
        work.blame(
            post.path,
            "series.double_part",
            f"a part of its own in {slug}",
            f"part {part}, as {other} has",
            f"Give one of them another number. Nothing new of {slug} is published until then.",
        )
    changed = [
        post
        for post in work.shown.values()
        if _series_touched(post, work) & slugs and not work.is_as_published(post)
    ]
    for post in changed:
        _take_back(post, work)
        work.rule_error(post, "its series has two equal parts")
    return bool(changed)


def _doubled_parts(work: Work) -> Iterator[tuple[str, int, Post, str]]:
    """Yield each series, number and post that asks for what another has: of two, the newer."""
    held = {
        (one.series, one.part): (one.post_id, f"the withdrawn /{one.location}/")
        for one in work.withdrawals.values()
    }
    for pin in work.record.published.values():
        if pin.post_id not in work.shown:
            held.setdefault((pin.series, pin.part), (pin.post_id, f"posts/{pin.path}"))
    for post in sorted(work.shown.values(), key=lambda post: (not work.pin(post), post.path)):
        part = part_of(post, work.pin(post))
        if post.series is None or part is None:
            continue
        holder, words = held.setdefault((post.series, part), (post.id, f"posts/{post.path}"))
        if holder != post.id:
            yield post.series, part, post, words


def _series_touched(post: Post, work: Work) -> set[str | None]:
    """Return the series that a post is in or comes from."""
    pin = work.pin(post)
    return {post.series, pin.series if pin else None}


def _take_back(post: Post, work: Work) -> None:
    """Return a post to what was last published of it: nothing, where it is new."""
    del work.shown[post.id]
    pin = work.pin(post)
    if pin:
        show_last_good(pin, work)
