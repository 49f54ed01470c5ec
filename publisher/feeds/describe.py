"""Feeds as values: which posts, newest first, under which name and at which address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from publisher import urls
from publisher.feeds.entries import Standing, in_utc, standing
from publisher.feeds.markup import as_line, as_title
from publisher.model import Author, Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from publisher.model import Catalog, Place, Post, Series

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""When a feed without entries was updated: a moment that no rebuild moves."""
FEWEST = 10
"""As many posts a feed carries however long they are."""
MOST_WORDS = 60_000
"""About 500 kB of text, beyond which readers and their servers suffer."""


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
    """How many posts a feed carries, and an archive document of it."""

    @property
    def speaker(self) -> Author:
        """Who speaks where a post names no author."""
        return Author(name=as_title(self.author) or as_title(self.name))


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A post in a feed, and what its place among others is said from."""

    post: Post
    place: Place | None
    site_url: str
    redirects: Mapping[str, str]
    settled: bool
    """As in ``standing``."""

    @cached_property
    def standing(self) -> Standing:
        """What the feed says of the post's place: put into words only where it is written."""
        return standing(self.place, self.site_url, redirects=self.redirects, settled=self.settled)


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
    entries: tuple[Listed, ...]
    """Newest first."""
    updated_at: datetime
    prev_archive: str = ""
    """Addresses without ending, for archives (RFC 5005 §4); empty where there is none."""
    next_archive: str = ""
    current: str = ""
    is_archive: bool = False
    """This document holds what was published in one stretch of the past."""
    is_complete: bool = False
    """Every entry there will ever be is here (RFC 5005 §2)."""


def site_feed(catalog: Catalog, masthead: Masthead) -> Feed:
    """Describe the feed of the posts of the site that changed last."""
    return _describe(
        catalog,
        masthead,
        name="feed:",
        title=masthead.name,
        subtitle=f"Every post of {masthead.name}, newest first.",
        home_path=urls.HOME,
        posts=newest(catalog, catalog.posts, masthead.limit),
    )


def series_feed(catalog: Catalog, series: Series, masthead: Masthead) -> Feed:
    """Describe the feed of one series: the parts that changed last; of a whole series all."""
    whole = is_whole(series)
    return _describe(
        catalog,
        masthead,
        name=f"feed:series/{series.slug}",
        title=f"{series.title} · {masthead.name}",
        subtitle=series.info.summary or f"Every part of {series.title}, newest first.",
        home_path=urls.post_path(series.slug),
        posts=newest(catalog, series.posts, None if whole else masthead.limit),
        is_complete=whole,
    )


def tag_feed(catalog: Catalog, tag: str, tagged: Iterable[Post], masthead: Masthead) -> Feed:
    """Describe the feed of the posts with one tag that changed last."""
    return _describe(
        catalog,
        masthead,
        name=f"feed:tags/{urls.tag_slug(tag)}",
        title=f"{tag} · {masthead.name}",
        subtitle=f"Every post about {tag}, newest first.",
        home_path=urls.tag_path(tag),
        posts=newest(catalog, tagged, masthead.limit),
    )


def author_feed(
    catalog: Catalog, author: Author, written: Iterable[Post], masthead: Masthead
) -> Feed:
    """Describe the feed of the posts by one author that changed last."""
    path = urls.author_path(author.name)
    return _describe(
        catalog,
        masthead,
        name=f"feed:{path.strip('/')}",
        title=f"{author.name} · {masthead.name}",
        subtitle=f"Every post by {author.name}, newest first.",
        home_path=path,
        posts=newest(catalog, written, masthead.limit),
    )


def course_feed(
    catalog: Catalog,
    series: Series,
    due: list[tuple[Post, datetime]],
    masthead: Masthead,
    *,
    start_on: date,
    every_days: int,
) -> Feed:
    """Describe the feed of one series from part 1, of the parts that are ``due`` and since when."""
    pace = "a day" if every_days == 1 else f"every {every_days} days"
    path = urls.course_feed_path(series.slug, start_on, every_days, "atom")
    shown = due[-masthead.limit :][::-1]
    feed = _describe(
        catalog,
        masthead,
        name=f"feed:{path.strip('/').removesuffix('.atom')}",
        title=f"{series.title}, from part 1 · {masthead.name}",
        subtitle=f"{series.title} from part 1, one part {pace} from {start_on.isoformat()}.",
        home_path=urls.post_path(series.slug),
        posts=[post for post, _ in shown],
    )
    changes = (in_utc(max(due_at, post.changed_at)) for post, due_at in shown)
    return replace(
        feed,
        hub="",  # it knows nothing of feeds that are made when they are asked for
        address=urls.absolute(masthead.url, path).removesuffix(".atom"),
        updated_at=max(changes, default=EPOCH),
    )


def is_whole(series: Series) -> bool:
    """Whether a series is finished and each of its parts is out, or was taken back."""
    return series.finished and all(part.post or part.withdrawn for part in series.parts)


def newest(catalog: Catalog, posts: Iterable[Post], limit: int | None) -> list[Post]:
    """Return those of the posts that a feed carries, in its order: the newest first.

    Chosen are those that changed last, so that a correction of an old post reaches readers too; at
    most ``limit``, and fewer where they are long. Posts of one second are kept by series, later
    parts first, so that a series published at once is never mixed up.
    """

    def place_in_feed(post: Post) -> tuple[float, str, int, str]:
        place = catalog.place(post)
        second = post.published_at.timestamp() // 1
        return (-second, post.series or "", -place.number if place else 0, post.id)

    fed = [post for post in posts if Channel.FEED in post.channels]
    if limit is None:
        return sorted(fed, key=place_in_feed)
    if len(fed) > limit:  # most of a large site need no place
        last = sorted((post.changed_at for post in fed), reverse=True)[limit - 1]
        fed = [post for post in fed if post.changed_at >= last]
    shown = sorted(fed, key=place_in_feed)
    changed_last = sorted(shown, key=lambda post: post.changed_at, reverse=True)[:limit]
    chosen = {post.id for post in _within_measure(changed_last)}
    return [post for post in shown if post.id in chosen]


def _within_measure(posts: list[Post]) -> list[Post]:
    """Return as many of the first posts as a reader's server takes without complaint."""
    words = 0
    for number, post in enumerate(posts):
        words += post.words
        if number >= FEWEST and words > MOST_WORDS:
            return posts[:number]
    return posts


def list_posts(
    catalog: Catalog, posts: Iterable[Post], masthead: Masthead, *, settled: bool = False
) -> tuple[Listed, ...]:
    """Return posts with what a feed says of their places; ``settled`` as in ``standing``."""
    return tuple(
        Listed(
            post=post,
            place=catalog.place(post),
            site_url=masthead.url,
            redirects=catalog.redirects,
            settled=settled,
        )
        for post in posts
    )


def _describe(
    catalog: Catalog,
    masthead: Masthead,
    *,
    name: str,
    title: str,
    subtitle: str,
    home_path: str,
    posts: list[Post],
    is_complete: bool = False,
) -> Feed:
    home_url = urls.absolute(masthead.url, home_path)
    return Feed(
        id=urls.post_id(masthead.site_id, name),
        title=as_title(title),
        subtitle=as_title(subtitle),
        home_url=home_url,
        address=f"{home_url}feed",
        language=as_line(masthead.language),
        author=masthead.speaker.name,
        rights=as_title(masthead.rights),
        hub=masthead.hub,
        stylesheet=masthead.stylesheet,
        logo=masthead.logo,
        icon=masthead.icon,
        about_url=urls.absolute(masthead.url, urls.FEEDS),
        entries=list_posts(catalog, posts, masthead),
        updated_at=last_change(posts),
        is_complete=is_complete,
    )


def last_change(posts: Iterable[Post]) -> datetime:
    """Return when the newest of the posts last changed, or the epoch without any."""
    return max((in_utc(post.changed_at) for post in posts), default=EPOCH)
