"""Which posts the next edition of a digest carries, and why not the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from publisher.editorial.moments import tell_date
from publisher.model import Channel, Post, Ruling, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from publisher.model import Catalog, Edits

PREHEADER_LENGTH = 130
"""Characters that a mail program shows beside a subject, at most."""

_FIELD = re.compile(r"\{(\w+)\}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a digest has had before, live and rehearsed apart."""

    started: bool
    """Whether it ever had an edition."""
    taken: frozenset[str]
    """Post ids in any edition of this digest that was not cancelled or failed, and those that
    counted as sent when it began."""
    archived: frozenset[str]
    """Post ids marked as sent for every digest: an imported archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The posts of one edition in reading order, a ruling for every post, and the older ones."""

    posts: tuple[Post, ...]
    rulings: tuple[Ruling, ...]
    counted: tuple[str, ...] = ()
    """At a digest's first edition: the ids of older posts that count as sent from now on."""


def choose_posts(catalog: Catalog, history: History, *, max_posts: int) -> Choice:
    """Choose what is new for a digest.

    New is published, for the email channel, in no edition of this digest and not counted as sent.
    The first edition introduces the site with the newest posts, and the older ones count as sent;
    later editions take the oldest new posts first, so that no part overtakes an earlier one.
    """
    new = [
        post
        for post in catalog.posts
        if Channel.EMAIL in post.channels
        and post.id not in history.taken
        and post.id not in history.archived
    ]
    order = reading_order(catalog, new)
    if not history.started:
        newest = {post.id for post in _newest_first(catalog, new)[:max_posts]}
        order.sort(key=lambda post: post.id not in newest)
    chosen, rest = order[:max_posts], order[max_posts:]
    included, waiting = {post.id for post in chosen}, {post.id for post in rest}
    decided = [_rule(post, history, included=included, waiting=waiting) for post in catalog.posts]
    shown = {post.path for post in catalog.posts}
    held = [ruling for ruling in catalog.rulings if ruling.path not in shown]
    return Choice(
        posts=tuple(chosen),
        rulings=tuple(sorted([*decided, *held], key=lambda ruling: ruling.path)),
        counted=() if history.started else tuple(post.id for post in rest),
    )


def arrange(choice: Choice, edits: Edits) -> Choice:
    """Return a choice as staff changed it: in their order, without what they left out, which stays new."""
    left_out = frozenset(edits.left_out)
    turns = {post_id: turn for turn, post_id in enumerate(edits.order)}
    kept = [post for post in choice.posts if post.id not in left_out]
    return Choice(
        posts=tuple(sorted(kept, key=lambda post: turns.get(post.id, len(turns)))),
        rulings=tuple(
            replace(ruling, verdict=Verdict.LEFT_OUT, reason="left out of this one; it stays new")
            if ruling.verdict is Verdict.INCLUDED and ruling.post_id in left_out
            else ruling
            for ruling in choice.rulings
        ),
        counted=choice.counted,
    )


def _newest_first(catalog: Catalog, posts: Sequence[Post]) -> list[Post]:
    """Sort by date; of one day's parts the later one is the newer."""
    return sorted(
        posts,
        key=lambda post: (post.published_at, _part(catalog, post), post.id),
        reverse=True,
    )


def _rule(post: Post, history: History, *, included: set[str], waiting: set[str]) -> Ruling:
    if post.id in included:
        verdict, reason = Verdict.INCLUDED, "new"
    elif Channel.EMAIL not in post.channels:
        verdict, reason = Verdict.NOT_FOR_EMAIL, "its channels leave out email"
    elif post.id in history.archived:
        verdict, reason = Verdict.SENT, "counts as sent: it came with an archive"
    elif post.id in waiting and history.started:
        verdict, reason = Verdict.LATER, "the edition is full; it comes in a later one"
    elif post.id in waiting:
        verdict, reason = Verdict.SENT, "counts as sent: older than what the first edition brings"
    else:
        verdict, reason = Verdict.SENT, "in an earlier edition, or older than the first one"
    return Ruling(
        path=post.path, post_id=post.id, verdict=verdict, reason=reason, title=post.title
    )


def reading_order(catalog: Catalog, posts: Sequence[Post]) -> list[Post]:
    """Order posts for a reader: the parts of a series together and ascending, oldest first.

    A series stands where its earliest post of this set stands.
    """
    dated = sorted(posts, key=lambda post: (post.published_at, post.id))
    groups: dict[str, list[Post]] = {}
    for post in dated:
        groups.setdefault(post.series or post.id, []).append(post)
    for group in groups.values():
        group.sort(key=lambda post: (_part(catalog, post), post.published_at, post.id))
    return [post for group in groups.values() for post in group]


def _part(catalog: Catalog, post: Post) -> int:
    place = catalog.place(post)
    return place.number if place else 0


def fill_subject(
    template: str, *, title: str, first: str, count: int, on: date, number: int
) -> str:
    """Fill the fields of a subject; line breaks in a title cannot reach a header."""
    values = {
        "title": title,
        "first": first,
        "count": str(count),
        "date": tell_date(on),
        "number": str(number),
    }
    filled = _FIELD.sub(lambda match: values.get(match[1], match[0]), template)
    return one_line(filled)


def compose_preheader(posts: Sequence[Post]) -> str:
    """Say on one short line what is inside beyond the first title, which is in the subject."""
    if len(posts) == 1:
        return shorten(posts[0].summary)
    text = "; ".join(one_line(post.title) for post in posts[1:])
    return shorten(f"Also: {text}" if text else "")


def shorten(given: str) -> str:
    """Return as much of a text as a mail program shows, on one line and by whole words."""
    text = one_line(given)
    if len(text) <= PREHEADER_LENGTH:
        return text
    words = text[:PREHEADER_LENGTH].rpartition(" ")[0] or text[: PREHEADER_LENGTH - 1]
    return words.rstrip(",;:. ") + "…"


def one_line(text: str) -> str:
    """Return a text without line breaks and controls: it can stand in a header."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def posts_for(
    posts: Sequence[tuple[str, str]], *, declined: frozenset[str], received: frozenset[str]
) -> tuple[str, ...]:
    """Return which of an edition's posts, (id, series), one person gets, in order."""
    return tuple(
        post_id for post_id, series in posts if series not in declined and post_id not in received
    )
