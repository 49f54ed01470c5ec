"""What a letter says: its items, the series list under each, and where a newcomer starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from markupsafe import Markup

from publisher.editorial.moments import tell_day
from publisher.letters.markup import fit
from publisher.model import (
    EditionContent,
    LetterPost,
    Link,
    SeriesLine,
    corrected_digest,
    course_series,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_LONGEST_LIST = 9
_AROUND = 2
"""Lines shown on either side of a new one in a longer list."""
_WORDS_A_MINUTE = 220


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLine:
    """One line of a series list: a part, a run of parts still to come, or an ellipsis."""

    number: str
    title: str
    url: str = ""
    new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A post as a letter prints it, with the words and links around it."""

    post: LetterPost
    place: str
    """``Part 3 of 6``."""
    notes: tuple[str, ...]
    """Who wrote it and how long it takes, what it mentions that may hurt, what was corrected."""
    act: str
    """``Read part 3``; the title follows."""
    html: Markup
    """The full text; empty where the letter has the summary, or the link alone."""
    text: str
    """The same as plain text."""
    summary: str
    """Empty where the letter has the link alone."""
    around: tuple[Link, ...]
    """The parts before and after, where the list does not show them."""
    lines: tuple[ListLine, ...]
    """The series list, under the last post of its series."""


def describe_items(posts: Sequence[LetterPost]) -> tuple[Item, ...]:
    """Return the items of a letter with these posts, in this order."""
    last = {post.series: post for post in posts if post.series}
    new = {post.post_id for post in posts}
    lists = {slug: list_series(post.lines, new) for slug, post in last.items()}
    return tuple(
        Item(
            post=post,
            place=_place(post),
            notes=tuple(_notes(post)),
            act=_act(post, full=bool(post.html)),
            html=fit(post.html),
            text=post.text,
            summary=post.summary,
            around=tuple(_around(post, lists.get(post.series, ()))),
            lines=lists[post.series] if last.get(post.series) is post else (),
        )
        for post in posts
    )


def shortenings(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    """Yield the items as they are, then ever shorter, down to a link each.

    First full texts become summaries, then summaries go; each time the longest one, and of equal
    ones the later. No item, series list or link is ever left out.
    """
    shorter = list(items)
    yield tuple(shorter)
    full = [at for at, item in enumerate(items) if item.html]
    for at in sorted(full, key=lambda at: (-len(items[at].html), -at)):
        act = _act(items[at].post, full=False)
        shorter[at] = replace(items[at], html=Markup(), text="", act=act)
        yield tuple(shorter)
    for at in sorted(range(len(items)), key=lambda at: (-len(items[at].summary), -at)):
        shorter[at] = replace(shorter[at], summary="")
        yield tuple(shorter)


def list_series(lines: Sequence[SeriesLine], new: Collection[str]) -> tuple[ListLine, ...]:
    """Return the series list: parts still to come in one line, a long list as a window on the new."""
    listed = list(_join_coming(lines, new))
    if len(listed) <= _LONGEST_LIST:
        return tuple(listed)
    shown = {0, len(listed) - 1}
    for at, line in enumerate(listed):
        if line.new:
            shown |= set(range(at - _AROUND, at + _AROUND + 1))
    return tuple(_skip_hidden(listed, shown))


def find_starts(posts: Sequence[LetterPost], known: Collection[str] = ()) -> tuple[Link, ...]:
    """Return part 1 of every series of which the letter has later parts only, titled by series.

    Not those in ``known``: posts that its readers have.
    """
    begun = {post.series for post in posts if post.part == 1}
    starts: dict[str, Link] = {}
    for post in posts:
        for line in post.lines:
            if (
                line.number == 1
                and line.url
                and post.series not in begun
                and line.post_id not in known
            ):
                starts[post.series] = Link(title=post.series_title, url=line.url)
    return tuple(starts.values())


def name_edition(content: EditionContent) -> str:
    """Return ``Weekly letter 12``; courses, a day's work each, and corrections go by their title."""
    by_title = course_series(content.digest) or corrected_digest(content.digest)
    return content.title if by_title else f"{content.title} {content.number}"


def spell_date(iso: str) -> str:
    """Return ``Tuesday 24 November 2026``, whatever the locale of the machine."""
    day = date.fromisoformat(iso)
    return tell_day(day)


def name_sender(content: EditionContent) -> tuple[str, ...]:
    """Return who writes, and the postal address line by line."""
    lines = [line.strip() for line in content.postal_address.split("\n") if line.strip()]
    name = content.author or content.site_name
    return tuple(lines if lines and lines[0].startswith(name) else [name, *lines])


def _join_coming(lines: Sequence[SeriesLine], new: Collection[str]) -> Iterator[ListLine]:
    """Yield a line a part, and one line for each run of parts that have no title yet."""
    run: list[int] = []
    for line in lines:
        if line.url or line.title:
            yield from _coming(run)
            run = []
            yield ListLine(
                number=str(line.number),
                title=line.title if line.url else f"{line.title}, coming",
                url=line.url,
                new=line.post_id in new and bool(line.url),
            )
        else:
            run.append(line.number)
    yield from _coming(run)


def _coming(run: Sequence[int]) -> Iterator[ListLine]:
    if len(run) == 1:
        yield ListLine(number=str(run[0]), title="coming")
    elif run:
        yield ListLine(number=f"{run[0]}\u2013{run[-1]}", title="coming")


def _skip_hidden(listed: Sequence[ListLine], shown: Collection[int]) -> Iterator[ListLine]:
    """Yield what is shown, an ellipsis for what is not; a gap of one line is shown after all."""
    hidden: list[ListLine] = []
    for at, line in enumerate(listed):
        if at not in shown:
            hidden.append(line)
            continue
        if len(hidden) > 1:
            yield ListLine(number="\u2026", title=f"{len(hidden)} more")
        else:
            yield from hidden
        hidden = []
        yield line


def _around(post: LetterPost, listed: Sequence[ListLine]) -> Iterator[Link]:
    shown = {line.url for line in listed}
    numbers = {line.url: line.number for line in post.lines}
    for word, link in (("Before", post.previous), ("Next", post.next)):
        if link and link.url not in shown:
            number = numbers.get(link.url)
            yield replace(link, title=f"{f'Part {number}' if number else word}: {link.title}")


def _place(post: LetterPost) -> str:
    if post.part is None:
        return ""
    return f"Part {post.part} of {post.total}" if post.total else f"Part {post.part}"


def _notes(post: LetterPost) -> Iterator[str]:
    minutes = math.ceil(post.words / _WORDS_A_MINUTE)
    time = f"{minutes} minute{'s' if minutes > 1 else ''} to read" if post.words else ""
    if byline := " · ".join(filter(None, (", ".join(post.authors), time))):
        yield byline
    if post.warnings:
        yield f"This mentions {', '.join(post.warnings)}."
    if post.correction:
        yield f"Corrected: {post.correction}"


def _act(post: LetterPost, *, full: bool) -> str:
    what = "Read" if post.part is None else f"Read part {post.part}"
    return f"{what} on the web" if full else what
