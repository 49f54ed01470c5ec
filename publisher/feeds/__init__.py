"""Feeds: one description of posts, three formats, the same bytes for the same posts.

describe     a feed as a value: which posts, in which order, under which name
history      the archives that lead from a feed to its first post
entries      a post as an entry, and what is said of its place among others
plates       an entry written once, for all the feeds it stands in
xml_formats  Atom and RSS; the one module that knows feedgen
json_format  JSON Feed
opml         the list of all feeds
markup       text and HTML as readers can take them

Ids, dates, titles, authors and content are the same in all three formats. Nothing here reads a
clock or a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.feeds.describe import (
    EPOCH,
    Feed,
    Listed,
    Masthead,
    author_feed,
    course_feed,
    is_whole,
    list_posts,
    newest,
    series_feed,
    site_feed,
    tag_feed,
)
from publisher.feeds.entries import (
    Entry,
    EntryImage,
    EntrySeries,
    Standing,
    entry,
    standing,
    standing_facts,
)
from publisher.feeds.history import Archive, cut_archives, cut_history
from publisher.feeds.json_format import join_json, plate_json
from publisher.feeds.opml import write_opml
from publisher.feeds.plates import Fillable, Form, Plates, fill
from publisher.feeds.xml_formats import join_atom, join_rss, plate_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from publisher.model import Body, Place, Post

__all__ = [
    "EPOCH",
    "Archive",
    "Entry",
    "EntryImage",
    "EntrySeries",
    "Feed",
    "Fillable",
    "Form",
    "Listed",
    "Masthead",
    "Plates",
    "Standing",
    "author_feed",
    "course_feed",
    "cut_archives",
    "cut_history",
    "entry",
    "fill",
    "is_whole",
    "list_posts",
    "make_plates",
    "newest",
    "plate",
    "series_feed",
    "site_feed",
    "standing",
    "standing_facts",
    "tag_feed",
    "write",
    "write_opml",
]

_JOINERS = {"atom": join_atom, "rss": join_rss, "json": join_json}


def make_plates(
    post: Post,
    body: Body | None,
    place: Place | None,
    masthead: Masthead,
    *,
    due_at: datetime | None = None,
) -> Plates:
    """Return a post written as an entry in each format; arguments as in ``entry``."""
    return plate([entry(post, body, place, masthead, due_at=due_at)])[0]


def plate(entries: Sequence[Entry]) -> list[Plates]:
    """Return entries written in each format: a format after the other, which takes less time."""
    xml = [plate_xml(one) for one in entries]
    json = [plate_json(one) for one in entries]
    return [
        Plates(atom=atom, rss=rss, json=one) for (atom, rss), one in zip(xml, json, strict=True)
    ]


def write(feed: Feed, form: Form, plates: Callable[[Post], Fillable]) -> bytes:
    """Return the feed in one format, in UTF-8; the same feed and plates give the same bytes."""
    entries = (plates(listed.post).fill(form, listed.standing) for listed in feed.entries)
    return _JOINERS[form](feed, entries)
