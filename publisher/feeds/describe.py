"""Feeds as values: which posts, newest first, under which name and at which address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from publisher import urls
from publisher.feeds.entries import Entry, entry
from publisher.feeds.markup import as_line, as_title
from publisher.model import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from publisher.model import Body, Catalog, Post, Series

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed without entries was updated: a moment that no rebuild moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masthead:
    """What all feeds of a site say alike."""

    site_id: str
    name: str
    url: str
    """The root of the site, absolute."""
    language: str
    author: str = ""
    """Empty: the site's name."""
    notice: str = ""
    crisis: str = ""
    rights: str = ""
    hub: str = ""
    """The WebSub hub; empty for none."""
    stylesheet: str = "/assets/feed.css"
    """The path of the CSS for people who open a feed in a browser; empty for none."""
    logo: str = ""
    icon: str = ""
    full: bool = True
    """Whether entries carry the whole text."""
    limit: int = 30
    """How many of the newest posts a feed carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed, in whichever format it is written."""

    id: str
    title: str
    subtitle: str
    home_url: str
    address: str
    """The feed's own address without its ending: ``.atom``, ``.rss`` or ``.json`` follows."""
    language: str
    author: str
    rights: str = ""
    hub: str = ""
    stylesheet: str = ""
    logo: str = ""
    icon: str = ""
    about_url: str
    """The page that says what these feeds are."""
    entries: tuple[Entry, ...]
    """Newest first."""
    updated_at: datetime
    prev_archive: str = ""
    """Addresses without ending, for archives (RFC 5005 §4); empty where there is none."""
    next_archive: str = ""
    current: str = ""
    is_archive: bool = False
    """This document never changes again."""
    is_complete: bool = False
    """Every entry there will ever be is here (RFC 5005 §2)."""


def site_feed(catalog: Catalog, bodies: Callable[[Post], Body], masthead: Masthead) -> Feed:
    """Describe the feed of the newest posts of the site.

    ``bodies`` renders a post's text and is asked once for each post that the feed carries.
    """
    return _describe(
        masthead,
        name="feed:",
        title=masthead.name,
        subtitle=f"Every post of {masthead.name}, newest first.",
        home_path=urls.HOME,
        entries=_entries(catalog, catalog.posts, bodies, masthead),
    )


def series_feed(
    catalog: Catalog, series: Series, bodies: Callable[[Post], Body], masthead: Masthead
) -> Feed:
    """Describe the feed of the newest parts of one series; ``bodies`` as in ``site_feed``."""
    return _describe(
        masthead,
        name=f"feed:series/{series.slug}",
        title=f"{series.title} · {masthead.name}",
        subtitle=series.info.summary or f"Every part of {series.title}, newest first.",
        home_path=urls.post_path(series.slug),
        entries=_entries(catalog, series.posts, bodies, masthead),
    )


def tag_feed(
    catalog: Catalog, tag: str, bodies: Callable[[Post], Body], masthead: Masthead
) -> Feed:
    """Describe the feed of the newest posts with one tag; ``bodies`` as in ``site_feed``."""
    slug = urls.tag_slug(tag)
    tagged = [post for post in catalog.posts if slug in map(urls.tag_slug, post.tags)]
    return _describe(
        masthead,
        name=f"feed:tags/{slug}",
        title=f"{tag} · {masthead.name}",
        subtitle=f"Every post about {tag}, newest first.",
        home_path=urls.tag_path(tag),
        entries=_entries(catalog, tagged, bodies, masthead),
    )


def newest(catalog: Catalog, posts: Iterable[Post], limit: int) -> list[Post]:
    """Return those of the posts that a feed carries, in its order: the newest first.

    Posts of one second are kept by series, later parts first, so that a series published at once
    is never mixed up.
    """

    def place_in_feed(post: Post) -> tuple[float, str, int, str]:
        place = catalog.place(post)
        second = post.published_at.replace(microsecond=0).timestamp()
        return (-second, post.series or "", -place.number if place else 0, post.id)

    shown = (post for post in posts if Channel.FEED in post.channels)
    return sorted(shown, key=place_in_feed)[:limit]


def _describe(
    masthead: Masthead,
    *,
    name: str,
    title: str,
    subtitle: str,
    home_path: str,
    entries: tuple[Entry, ...],
) -> Feed:
    home_url = urls.absolute(masthead.url, home_path)
    return Feed(
        id=urls.post_id(masthead.site_id, name),
        title=as_title(title),
        subtitle=as_line(subtitle),
        home_url=home_url,
        address=f"{home_url}feed",
        language=as_line(masthead.language),
        author=as_line(masthead.author) or as_title(masthead.name),
        rights=as_line(masthead.rights),
        hub=masthead.hub,
        stylesheet=masthead.stylesheet,
        logo=masthead.logo,
        icon=masthead.icon,
        about_url=urls.absolute(masthead.url, urls.FEEDS),
        entries=entries,
        updated_at=max((one.updated_at for one in entries), default=EPOCH),
    )


def _entries(
    catalog: Catalog,
    posts: Iterable[Post],
    bodies: Callable[[Post], Body],
    masthead: Masthead,
) -> tuple[Entry, ...]:
    return tuple(
        entry(
            post,
            bodies(post) if masthead.full else None,
            catalog.place(post),
            site_url=masthead.url,
            notice=masthead.notice,
            crisis=masthead.crisis,
            full=masthead.full,
        )
        for post in newest(catalog, posts, masthead.limit)
    )
