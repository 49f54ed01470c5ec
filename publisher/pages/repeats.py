"""What many pages of a site say alike, written once: a series' feeds, and the lines of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from publisher import urls
from publisher.pages.contents import list_parts
from publisher.pages.views import FeedGroup

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from publisher.model import Series
    from publisher.pages.contents import Line
    from publisher.pages.templating import Templates

_PACE_DAYS = 7
"""Days from part to part where a series says nothing of its pace."""
_MOST_LINES = 10_000


class OfSeries(NamedTuple):
    """What the pages of all parts of a series say of it."""

    series: Series
    parts: list[Line]
    feeds: FeedGroup


class Repeats:
    """Writes what repeats from page to page, and keeps it for the next."""

    def __init__(self, templates: Templates, zone: tzinfo) -> None:
        self._templates = templates
        self._zone = zone
        self._series: dict[str, OfSeries] = {}
        self._feeds: dict[FeedGroup, Markup] = {}
        self._lines: dict[tuple[object, ...], Markup] = {}

    def of_series(self, series: Series) -> OfSeries:
        """Return what the pages of all its parts say of a series."""
        found = self._series.get(series.slug)
        if found is None or found.series is not series:
            found = OfSeries(series, list_parts(series), self.series_feeds(series))
            self._series[series.slug] = found
        return found

    def series_feeds(self, series: Series) -> FeedGroup:
        """Return the feeds of a series that has a post."""
        first = series.posts[0].published_at
        return FeedGroup(
            title=series.title,
            path=urls.post_path(series.slug),
            series=series.slug,
            begun_on=first.astimezone(self._zone).date(),
            every_days=int(series.info.pace.removesuffix("d") or _PACE_DAYS),
        )

    def name_feeds(self, group: FeedGroup) -> Markup:
        """Return a folder's feeds as a page names them to programs."""
        if group not in self._feeds:
            self._feeds[group] = self._templates.fill("pages/frame.html", "group", group)
        return self._feeds[group]

    def write_parts(self, lines: Iterable[Line]) -> Markup:
        """Return the lines of a post's list of parts; most stand on the pages of all parts around."""
        return Markup("\n".join(map(self._write_part, lines)))  # noqa: S704 - of our own template

    def _write_part(self, line: Line) -> Markup:
        key = line[:4]  # all that is told of it
        if key in self._lines:
            return self._lines[key]
        written = self._templates.fill("pages/lists.html", "part", line)
        if line.state != "here":  # of which there is one
            if len(self._lines) >= _MOST_LINES:
                self._lines.clear()
            self._lines[key] = written
        return written
