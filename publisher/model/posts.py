"""Posts, series and the catalog they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from publisher.errors import Problem


class Channel(StrEnum):
    """Where a post may appear."""

    WEB = "web"
    EMAIL = "email"
    FEED = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who wrote a post."""

    name: str
    credentials: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A source a post may cite by its key."""

    key: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A post's lead image: a file of its bundle, or an absolute address."""

    src: str
    alt: str
    credit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One Markdown article, as its source says; its body is rendered apart, when it is needed."""

    id: str
    """An absolute IRI, the same in every feed and edition for ever."""
    raw_id: str = ""
    """An imported id that is no absolute IRI: the RSS guid, verbatim."""
    path: str
    """The source file below ``posts/``, with forward slashes."""
    series: str | None
    slug: str
    title: str
    published_at: datetime
    """UTC; when the post is, or was, due to appear."""
    updated_at: datetime | None = None
    summary: str
    """What the front matter says, else the beginning of the text; plain text, never empty."""
    correction: str = ""
    authors: tuple[Author, ...] = ()
    reviewer: str = ""
    review_due: date | None = None
    part: int | None = None
    """The place the source asks for: ``part``, else the ``NN`` of the name."""
    aliases: tuple[str, ...] = ()
    """Earlier paths below the root, ``series/slug`` or ``slug``, oldest first."""
    tags: tuple[str, ...] = ()
    image: Image | None = None
    warnings: tuple[str, ...] = ()
    channels: frozenset[Channel] = frozenset(Channel)
    canonical_url: str = ""
    references: tuple[Reference, ...] = ()
    draft: bool = False
    withdrawn: str = ""
    """``date reason`` where the author took it back."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """The ``x-`` keys, as text."""
    files: tuple[str, ...] = ()
    """The images of its bundle, by name."""
    words: int = 0
    source_sha256: str
    """Over the source and the bundle's images: what a review approves."""

    @property
    def location(self) -> str:
        """The post's path below the root of the site, without slashes around it."""
        return f"{self.series}/{self.slug}" if self.series else self.slug

    @property
    def changed_at(self) -> datetime:
        """When the post last said something new."""
        return self.updated_at or self.published_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One footnote or cited source, numbered by its first mention."""

    number: int
    html: str
    mentions: tuple[str, ...] = ()
    """The anchors in the text that lead here, for back-links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A post's text, rendered and sanitised: safe for a page, a feed and a letter.

    Links and images of the bundle are site paths (``/series/slug/picture.png``); notes are apart,
    because only a page carries back-links. A mention of note n is
    ``<sup class="note"><a href="#note-n" id="mention-n">n</a></sup>``.
    """

    html: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesInfo:
    """What ``series.toml`` says."""

    slug: str
    title: str
    summary: str = ""
    status: str = "ongoing"
    """``ongoing`` or ``finished``."""
    planned_parts: int | None = None
    pace: str = ""
    next_series: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One numbered place of a series; empty where a post is withdrawn, missing or still to come."""

    number: int
    post: Post | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """An ordered run of posts as readers see it: published parts, gaps and what is to come."""

    info: SeriesInfo
    parts: tuple[Part, ...]
    """Ascending, one for each number from 1 to ``total``."""

    @property
    def slug(self) -> str:
        """The series' folder and address."""
        return self.info.slug

    @property
    def title(self) -> str:
        """The series' name."""
        return self.info.title

    @property
    def total(self) -> int:
        """The m of "Part n of m": what is planned, or the last part there is."""
        return len(self.parts)

    @property
    def posts(self) -> tuple[Post, ...]:
        """The published posts, in order."""
        return tuple(part.post for part in self.parts if part.post)

    @property
    def finished(self) -> bool:
        """Whether the last part is out and no more is to come."""
        return self.info.status == "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a post stands in its series, and its published neighbours."""

    series: Series
    number: int
    previous: Post | None
    next: Post | None

    def number_of(self, neighbour: Post) -> int:
        """Return the number of the previous or the next post."""
        parts, step = self.series.parts, -1 if neighbour is self.previous else 1
        at = self.number - 1 + step
        while not parts[at].post:
            at += step
        return parts[at].number


class Verdict(StrEnum):
    """What was decided about one source file, or about one post for one edition."""

    INCLUDED = "included"
    DRAFT = "draft"
    FUTURE = "future"
    UNREVIEWED = "unreviewed"
    ERROR = "error"
    WITHDRAWN = "withdrawn"
    SENT = "sent"
    NOT_FOR_EMAIL = "not_for_email"
    LEFT_OUT = "left_out"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict with its reason, in words for staff."""

    path: str
    post_id: str | None
    verdict: Verdict
    reason: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A post taken back: its addresses answer 410 and its part number is kept."""

    post_id: str
    location: str
    reason: str
    series: str | None
    part: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The published site at one moment: what is out, in which order, and why the rest is not."""

    posts: tuple[Post, ...]
    """Every published post, newest first; ties by id."""
    series: tuple[Series, ...]
    """Every series with a published part, by title."""
    infos: Mapping[str, SeriesInfo] = field(default_factory=dict)
    rulings: tuple[Ruling, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    redirects: Mapping[str, str] = field(default_factory=dict)
    """Earlier location → location now."""
    problems: tuple[Problem, ...] = ()
    next_change_at: datetime | None = None
    """When time alone will change the catalog: the next scheduled post."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """By post id, for posts in a series."""
    recalled: frozenset[str] = frozenset()
    """Ids of the posts shown from the store's last good source instead of their file."""

    def place(self, post: Post) -> Place | None:
        """Return where the post stands in its series, or nothing for a loose post."""
        return self.places.get(post.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPost:
    """What the store pins of a post once it was published; its last good source is kept beside."""

    post_id: str
    path: str
    location: str
    title: str
    series: str | None
    part: int | None
    """The place it holds in its series."""
    source_sha256: str
    sequence: int
    """Its turn of publication, from 1; archives are cut by it."""
    published_at: datetime
    """The post's own date."""
    withdrawn: str = ""
    counts_as_sent: bool = False
