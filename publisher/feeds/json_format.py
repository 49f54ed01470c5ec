"""JSON Feed 1.1 (jsonfeed.org/version/1.1), written from the same value as the XML formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.feeds.describe import Feed
    from publisher.feeds.entries import Entry
    from publisher.model import Author

_COMMENT = "This is a feed. Copy its address into a feed reader, and new posts will appear there."


def write_json(feed: Feed) -> bytes:
    """Return the feed as JSON Feed 1.1 in UTF-8; the same feed gives the same bytes."""
    document = _without_blanks(
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
    document["items"] = [_item(entry, feed) for entry in feed.entries]
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode()


def _item(entry: Entry, feed: Feed) -> dict[str, object]:
    item = _without_blanks(
        {
            "id": entry.id,
            "url": entry.url,
            "title": entry.title,
            "summary": entry.summary,
            "image": entry.image,
            "date_published": _rfc3339(entry.published_at),
            "date_modified": _rfc3339(entry.updated_at),
            "authors": [_author(author) for author in entry.authors] or [{"name": feed.author}],
            "tags": list(entry.tags),
        }
    )
    item["content_html"] = entry.html
    if entry.series:
        item["_series"] = {
            "about": feed.about_url,
            "title": entry.series.title,
            "url": entry.series.url,
            "part": entry.series.part,
            "total": entry.series.total,
        }
    return item


def _author(author: Author) -> dict[str, object]:
    return _without_blanks({"name": author.name, "url": author.url})


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _without_blanks(fields: dict[str, object]) -> dict[str, object]:
    """Leave out what has nothing to say: an empty address is no address."""
    return {key: value for key, value in fields.items() if value}
