"""Lists of posts: a series with its parts, whole or as a window around one; posts in groups."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from publisher import urls
from publisher.pages.words import spell_month

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from publisher.model import Catalog, LetterPost, Part, Place, Post, Series, SeriesLine

WHOLE = 15
"""A series of up to so many parts is shown whole, a longer one as a window."""

_AROUND = 5
_COMING = "coming"
_WITHDRAWN = "withdrawn"


class Line(NamedTuple):
    """One line of a list of parts."""

    number: int
    state: str
    """``out``, ``here``, ``new``, ``coming``, ``withdrawn``, or ``gap`` for parts left out."""
    title: str
    """The part's title, or the word for its state."""
    href: str
    """Empty where there is nothing to read."""
    post: Post | None = None


def list_parts(series: Series) -> list[Line]:
    """List every part of a series."""
    return [_line(part) for part in series.parts]


def list_around(series: Series, at: int) -> list[Line]:
    """List the parts around part ``at``: all of a short series, else a window and its gaps."""
    return _around(series, list_parts(series), at)


def list_here(series: Series, parts: Sequence[Line], here: int) -> list[Line]:
    """List the parts around the one that is read, as above; ``parts`` are all its lines."""
    return [
        line._replace(state="here") if line.number == here and line.post else line
        for line in _around(series, parts, here)
    ]


def _around(series: Series, parts: Sequence[Line], at: int) -> list[Line]:
    lines: list[Line] = []
    for first, last in _windows(series.total, at):
        if lines:
            lines.append(_gap(lines[-1].number + 1, first - 1, urls.post_path(series.slug)))
        lines += parts[first - 1 : last]
    return lines


def list_letter_parts(post: LetterPost, new: frozenset[str]) -> list[Line]:
    """List the parts around a post of an edition, with what is ``new`` in it, by post id."""
    at = next((turn for turn, one in enumerate(post.lines, 1) if one.number == post.part), 1)
    lines: list[Line] = []
    for first, last in _windows(len(post.lines), at):
        window = post.lines[first - 1 : last]
        if lines:
            lines.append(_gap(lines[-1].number + 1, window[0].number - 1, post.series_url))
        lines += [_letter_line(one, new) for one in window]
    return lines


def latest_number(series: Series) -> int:
    """Return the number of the last part that is out, 1 where none is."""
    return next((part.number for part in reversed(series.parts) if part.post), 1)


def neighbour(place: Place, post: Post | None) -> tuple[int, Post] | None:
    """Return a published neighbour with its number; gaps may lie between."""
    return (place.number_of(post), post) if post else None


def following(series: Series, catalog: Catalog) -> Series | None:
    """Return the series that a finished one leads to, where that one has something to read."""
    if not (series.finished and series.info.next_series):
        return None
    return next((one for one in catalog.series if one.slug == series.info.next_series), None)


def _windows(total: int, at: int) -> list[tuple[int, int]]:
    """Return the runs of lines to show, ascending; what lies between two runs is a gap."""
    if total <= WHOLE:
        return [(1, total)]
    first, last = at - _AROUND, at + _AROUND
    first = 1 if first <= 1 + 2 else first  # a gap of one part would be longer than the part
    last = total if last >= total - 2 else last
    runs = [(1, 1), (first, last), (total, total)]
    return runs[first == 1 : len(runs) - (last == total)]


def _line(part: Part) -> Line:
    post = part.post
    if post:
        return Line(part.number, "out", post.title, urls.post_path(post.location), post)
    state = _WITHDRAWN if part.withdrawn else _COMING
    return Line(part.number, state, state, "")


def _letter_line(one: SeriesLine, new: frozenset[str]) -> Line:
    if not one.url:
        return Line(one.number, _COMING, one.title or _COMING, "")
    return Line(one.number, "new" if one.post_id in new else "out", one.title, one.url)


def _gap(first: int, last: int, href: str) -> Line:
    return Line(first, "gap", f"parts {first} to {last}", href)


def by_year(posts: Iterable[Post], zone: tzinfo) -> list[tuple[int, list[tuple[str, list[Post]]]]]:
    """Group posts, newest first, by the year and month of a zone."""
    dated = [(post.published_at.astimezone(zone), post) for post in posts]
    years = []
    for year, of_year in groupby(dated, key=lambda pair: pair[0].year):
        months = groupby(of_year, key=lambda pair: spell_month(pair[0]))
        years.append((year, [(name, [post for _, post in group]) for name, group in months]))
    return years


def by_series(posts: Iterable[Post], catalog: Catalog) -> list[list[tuple[Place | None, Post]]]:
    """Group posts that follow one another in a series, each with its place."""
    places = [(catalog.place(post), post) for post in posts]
    groups = groupby(places, key=lambda one: one[0].series.slug if one[0] else "")
    return [list(group) for _, group in groups]
