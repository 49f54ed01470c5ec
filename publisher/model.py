"""The nouns: frozen values that every layer shares. No behaviour beyond what a value knows of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from publisher.errors import Problem


# ---------------------------------------------------------------------------------------- posts


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


# ------------------------------------------------------------------------- editions and letters


class EditionState(StrEnum):
    """The life of an edition; ``sent partial cancelled failed missed`` are the ends."""

    DRAFT = "draft"  # -> scheduled (frozen), held, cancelled, failed
    SCHEDULED = "scheduled"  # frozen -> ready, held, cancelled
    READY = "ready"  # rows are being made -> sending, held, cancelled
    SENDING = "sending"  # -> paused, held, sent, partial, cancelled
    PAUSED = "paused"  # -> sending, cancelled
    SENT = "sent"
    PARTIAL = "partial"
    HELD = "held"  # needs a person -> draft, scheduled, sending, cancelled
    CANCELLED = "cancelled"
    FAILED = "failed"
    MISSED = "missed"


class HeldReason(StrEnum):
    """Why an edition waits for a person."""

    LATE = "late"
    UNAPPROVED = "unapproved"
    CHANGED = "changed"
    PREFLIGHT = "preflight"
    RESTORED = "restored"
    RELAY = "relay"
    VERSIONS = "versions"
    STAFF = "staff"


class DeliveryState(StrEnum):
    """The life of a delivery; nothing leaves ``accepted``."""

    PENDING = "pending"  # -> inflight, suppressed, expired, cancelled
    INFLIGHT = "inflight"  # -> accepted, deferred, rejected, uncertain
    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # -> inflight, suppressed, expired, cancelled
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    UNCERTAIN = "uncertain"  # -> inflight (resend), accepted, expired, cancelled
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A title and where it leads, absolute."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """One line of a series list in a letter: a part with its link, or one still to come."""

    number: int
    title: str
    url: str
    post_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPost:
    """A post as a letter shows it, frozen with its edition; every address is absolute."""

    post_id: str
    path: str
    source_sha256: str
    title: str
    url: str
    summary: str
    html: str
    """The full text for ``content = "full"``; empty for summaries."""
    text: str
    """The same as plain text; empty for summaries."""
    words: int
    series: str = ""
    series_title: str = ""
    series_url: str = ""
    part: int | None = None
    total: int | None = None
    previous: Link | None = None
    next: Link | None = None
    lines: tuple[SeriesLine, ...] = ()
    """The whole series in order."""
    authors: tuple[str, ...] = ()
    correction: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionContent:
    """Everything a letter of this edition is made of; ``content_sha256`` covers it."""

    digest: str
    number: int
    rehearsal: bool
    title: str
    """The digest's title."""
    dated_on: str
    """The slot's local date, ISO."""
    subject: str
    discreet_subject: str
    preheader: str
    intro: str
    posts: tuple[LetterPost, ...]
    site_name: str
    site_url: str
    language: str
    author: str
    accent: str
    notice: str
    crisis: str
    postal_address: str
    web_url: str
    """The edition's own page."""
    audience_rule: str
    templates_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An edition's mail for one set of its posts: inlined HTML and text, with slots as tokens."""

    key: str
    """SHA-256 over the ids of its posts, in order."""
    post_ids: tuple[str, ...]
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One numbered mailing of a digest for one slot."""

    id: int
    digest: str
    number: int | None
    """Missing only where the edition never was one: ``missed``."""
    rehearsal: bool
    slot: str
    """The natural key: ``2026-11-24T07:30[America/New_York]``, or ``now:`` and an instant."""
    fire_at: datetime
    state: EditionState
    reason: str = ""
    version: int = 1
    subject: str = ""
    content_sha256: str = ""
    audience: int = 0
    letters: int = 0
    approved_by: str = ""
    approved_at: datetime | None = None
    """When a person approved it; nothing where its digest asks for no approval."""
    closed_at: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it: ``weekly/12``."""
        return f"{self.digest}/{self.number if self.number is not None else '-'}"


# ------------------------------------------------------------------------------------- subscribers


class SubscriberState(StrEnum):
    """Whether a person is mailed."""

    PENDING = "pending"  # asked, not confirmed
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An email address that can be mailed: as typed, and as it is compared."""

    typed: str
    """With the domain as A-labels; what goes on the wire."""
    key: str
    """Lower-case A-label domain and case-folded local part: unique."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Proof that a person asked for this."""

    wording: str
    source: str
    requested_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person at an address."""

    id: int
    address: Address
    state: SubscriberState
    subscribed_at: datetime
    confirmed_at: datetime | None
    source: str = ""
    discreet: bool = False
    digests: tuple[str, ...] = ()
    """The digests chosen; empty means every one."""
    series: tuple[str, ...] = ()
    """The series left out."""


# ---------------------------------------------------------------------------------------- sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The RFC 5321 sender and the one recipient."""

    sender: str
    recipient: str
    name: str = ""
    """The delivery's own name for a transport that files mail: ``weekly-12/000001``."""


class Phase(StrEnum):
    """How far an SMTP transaction went; after ``END`` the outcome belongs to the remote."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The remote took the mail."""

    code: int = 250
    reply: str = ""
    phase: Phase = Phase.END


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not now: nothing was stored by the remote, and it may be tried again."""

    code: int
    reply: str
    enhanced: str = ""
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Never: the remote refused this mail to this recipient for good."""

    code: int
    reply: str
    enhanced: str = ""
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The connection ended after the final dot and before the reply: it may have been stored."""

    reply: str
    phase: Phase = Phase.END


Outcome = Accepted | Deferred | Rejected | Uncertain
