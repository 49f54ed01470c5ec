"""Feeds: one description of posts, three writers, the same bytes for the same posts.

``site_feed`` and ``series_feed`` describe a feed as a value; ``write_atom``, ``write_rss`` and
``write_json`` turn that value into bytes. Ids, dates, titles, authors and content are the same in
all three. Nothing here reads a clock or a file; feedgen is imported by one module of this package.
"""

from publisher.feeds.describe import (
    EPOCH,
    Feed,
    Masthead,
    newest,
    series_feed,
    site_feed,
    tag_feed,
)
from publisher.feeds.entries import Entry, EntrySeries, entry
from publisher.feeds.json_format import write_json
from publisher.feeds.opml import write_opml
from publisher.feeds.xml_formats import write_atom, write_rss

__all__ = [
    "EPOCH",
    "Entry",
    "EntrySeries",
    "Feed",
    "Masthead",
    "entry",
    "newest",
    "series_feed",
    "site_feed",
    "tag_feed",
    "write_atom",
    "write_json",
    "write_opml",
    "write_rss",
]
