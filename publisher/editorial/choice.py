"""Which posts the next edition of a digest carries, and why not the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.model import Channel, Post, Ruling, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from publisher.model import Catalog

PREHEADER_LENGTH = 130
"""Characters that a mail program shows beside a subject, at most."""

_FIELD = re.compile(r"\{(\w+)\}")
_HEADER_BREAKS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


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
    The first edition introduces the site with the newest posts; later ones take the oldest new
    posts first, so that no part overtakes an earlier one.
    """
    new = [
        post
        for post in catalog.posts
        if Channel.EMAIL in post.channels
        and post.id not in history.taken
        and post.id not in history.archived
    ]
    oldest_first = reading_order(catalog, new)
    if history.started:
        chosen, rest = oldest_first[:max_posts], oldest_first[max_posts:]
    else:
        newest = {post.id for post in new[:max_posts]}
        chosen = [post for post in oldest_first if post.id in newest]
        rest = [post for post in oldest_first if post.id not in newest]
    included = {post.id for post in chosen}
    waiting = {post.id for post in rest}
    rulings = [_rule(post, history, included=included, waiting=waiting) for post in catalog.posts]
    shown = {post.id for post in catalog.posts}
    held = [ruling for ruling in catalog.rulings if ruling.post_id not in shown]
    return Choice(
        posts=tuple(chosen),
        rulings=tuple(sorted([*rulings, *held], key=lambda ruling: ruling.path)),
        counted=() if history.started else tuple(post.id for post in rest),
    )


def _rule(post: Post, history: History, *, included: set[str], waiting: set[str]) -> Ruling:
    if post.id in included:
        verdict, reason = Verdict.INCLUDED, "new"
    elif Channel.EMAIL not in post.channels:
        verdict, reason = Verdict.NOT_FOR_EMAIL, "its channels leave out email"
    elif post.id in history.archived:
        verdict, reason = Verdict.SENT, "counts as sent: it came with an archive"
    elif post.id in waiting and history.started:
        verdict, reason = Verdict.LATER, "the edition is full; it comes in the next one"
    elif post.id in waiting:
        verdict, reason = Verdict.SENT, "older than what the first edition introduces"
    else:
        verdict, reason = Verdict.SENT, "in an earlier edition of this digest"
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
        "date": f"{on.day} {on:%B %Y}",
        "number": str(number),
    }
    filled = _FIELD.sub(lambda match: values.get(match[1], match[0]), template)
    return _HEADER_BREAKS.sub(" ", filled).strip()


def compose_preheader(posts: Sequence[Post]) -> str:
    """Say what is inside beyond the first title: short, never a bare repeat."""
    if len(posts) == 1:
        text = posts[0].summary
    else:
        text = "Also: " + "; ".join(post.title for post in posts[1:])
    if len(text) <= PREHEADER_LENGTH:
        return text
    return text[: PREHEADER_LENGTH - 1].rsplit(" ", 1)[0].rstrip(",;:. ") + "…"


def posts_for(
    posts: Sequence[tuple[str, str]], *, declined: frozenset[str], received: frozenset[str]
) -> tuple[str, ...]:
    """Return which of an edition's posts, (id, series), one person gets, in order."""
    return tuple(
        post_id for post_id, series in posts if series not in declined and post_id not in received
    )
