"""JSON Feed 1.1 (jsonfeed.org/version/1.1), written from the same values as the XML formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from publisher.feeds.plates import LINE, TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from publisher.feeds.describe import Feed
    from publisher.feeds.entries import Entry
    from publisher.model import Author

_COMMENT = "This is a feed. Copy its address into a feed reader, and new posts will appear there."


def join_json(feed: Feed, items: Iterable[bytes]) -> bytes:
    """Return the feed of these items as JSON Feed 1.1 in UTF-8."""
    head = _without_blanks(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "description": feed.subtitle,
            "user_comment": f"{_COMMENT} {feed.about_url}",
            "home_page_url": feed.home_url,
            "feed_url": f"{feed.address}.json",
            "next_url": f"{feed.prev_archive}.json" if feed.prev_archive else "",
            "language": feed.language,
            "icon": feed.logo,
            "favicon": feed.icon,
            "authors": [{"name": feed.author}],
            "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else [],
            "expired": feed.is_complete,
        }
    )
    return _dump(head)[:-1] + b',"items":[' + b",".join(items) + b"]}\n"


def plate_json(entry: Entry) -> bytes:
    """Return an entry as an item of a JSON Feed, open for its standing."""
    item = _without_blanks(
        {
            "id": entry.id,
            "url": entry.url,
            "title": entry.title,
            "summary": entry.summary,
            "image": entry.image.url if entry.image else "",
            "date_published": _rfc3339(entry.published_at),
            "date_modified": _rfc3339(entry.updated_at),
            "authors": [_author(author) for author in entry.authors],
            "tags": list(entry.tags),
        }
    )
    item["content_html"] = LINE + entry.html
    if entry.series:
        item["_series"] = {
            "about": entry.about_url,
            "title": entry.series.title,
            "url": entry.series.url,
            "part": entry.series.part,
            "total": TOTAL,
        }
    return _dump(item)


def _dump(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _author(author: Author) -> dict[str, object]:
    return _without_blanks({"name": author.name, "url": author.url})


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _without_blanks(fields: dict[str, object]) -> dict[str, object]:
    """Leave out what has nothing to say: an empty address is no address."""
    return {key: value for key, value in fields.items() if value}
