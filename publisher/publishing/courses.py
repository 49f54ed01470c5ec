"""The feeds that give a series from part 1, one part every few days: made when they are asked for.

Nothing is stored of who asks: the address says everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher import feeds
from publisher.editorial.catalog import on_channel
from publisher.editorial.pace import due_parts
from publisher.model import Channel
from publisher.publishing.latest import LatestShelf
from publisher.publishing.press import masthead_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from publisher.config import Config
    from publisher.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFeed:
    """A feed as it is now."""

    data: bytes
    changed_at: int
    """Seconds since 1970: when it may last have changed."""


class CourseFeeds:
    """Makes these feeds from the posts as they were last built; safe for threads."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._latest = LatestShelf(config, store)

    def make(
        self, slug: str, form: feeds.Form, *, start_on: date, every_days: int, now: datetime
    ) -> CourseFeed | None:
        """Return the feed of a series from part 1, or nothing where there is no such series.

        The newest posts come first, as in any feed, each dated when it was due.
        """
        built_at, shelf = self._latest.open(now)
        catalog = on_channel(shelf.catalog, Channel.FEED)
        series = next((one for one in catalog.series if one.slug == slug), None)
        if series is None:
            return None
        masthead = masthead_of(self._config)
        zone = self._config.site.timezone
        due = due_parts(series, start_on=start_on, every_days=every_days, zone=zone, now=now)
        due_at = {one.post.id: one.due_at for one in due}
        feed = feeds.course_feed(
            catalog,
            series,
            [(one.post, one.due_at) for one in due],
            masthead,
            start_on=start_on,
            every_days=every_days,
        )
        data = feeds.write(
            feed,
            form,
            lambda post: feeds.make_plates(
                post,
                shelf.body(post) if masthead.full else None,
                catalog.place(post),
                masthead,
                due_at=due_at[post.id],
            ),
        )
        return CourseFeed(data=data, changed_at=max(built_at, int(feed.updated_at.timestamp())))
