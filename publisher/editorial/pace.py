"""A series at a pace: which parts are due by now, one every so many days from part 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import date

    from publisher.model import Post, Series

LONGEST_PACE_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A part that is due, and since when."""

    post: Post
    due_at: datetime


def due_parts(
    series: Series, *, start_on: date, every_days: int, zone: str, now: datetime
) -> list[Due]:
    """Return the parts that are due at ``now``, by number.

    Part k is due at the beginning of a day of the zone: ``every_days`` times k - 1 after
    ``start_on``; one that is published later is due then. Numbers are kept, so a part that was
    withdrawn leaves its days empty and moves no other.
    """
    due = []
    for part in series.parts:
        if part.post is None:
            continue
        day = start_on + timedelta(days=every_days * (part.number - 1))
        due_at = max(datetime.combine(day, time(), ZoneInfo(zone)), part.post.published_at)
        if due_at <= now:
            due.append(Due(post=part.post, due_at=due_at))
    return due
