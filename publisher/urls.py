"""Every address of the site, and the ids that grow from them. Pure: strings from strings.

A *location* is a post's or series' path below the root without slashes around it
(``series/slug``); a *path* is what a link holds (``/series/slug/``); an address is absolute.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from datetime import date

FeedFormat = Literal["atom", "rss", "json"]
FEED_FORMATS: tuple[FeedFormat, ...] = ("atom", "rss", "json")

RESERVED = frozenset(
    {
        ".well-known",
        "api",
        "archive",
        "assets",
        "authors",
        "confirm",
        "console",
        "data",
        "editions",
        "feed",
        "feeds",
        "healthz",
        "metrics",
        "preferences",
        "privacy",
        "readyz",
        "rss",
        "subscribe",
        "tags",
        "u",
    }
)
"""The site's own first path segments: no series and no loose post may bear them."""

RESERVED_IN_SERIES = frozenset({"archive", "from"})
"""The same inside a series."""

HOME = "/"
ARCHIVE = "/archive/"
CONSOLE = "/console/"
EDITIONS = "/editions/"
FEEDS = "/feeds/"
OPML = "/feeds.opml"
PRIVACY = "/privacy/"
SITEMAP = "/sitemap.xml"
ROBOTS = "/robots.txt"
SUBSCRIBE = "/subscribe"
TAGS = "/tags/"

SLUG_LIMIT = 80
"""The length of the slugs we make; a person's own may be longer."""

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_LONGEST_SLUG = 200  # leaves room for a number and an ending within a file name of 255 bytes
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+\Z")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc]")
_UNFOLDED = str.maketrans(
    {"æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "\u0131": "i"}
)  # Unicode gives these no decomposition
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_IRI = re.compile(
    r"""[A-Za-z][A-Za-z0-9+.-]*:
        (?:%[0-9A-Fa-f]{2}|[^\x00-\x20\x7f-\xa0<>"{}|\\^`%\[\]\s\ud800-\uf8ff\ufdd0-\ufdef\ufff0-\uffff])+\Z""",
    re.VERBOSE,
)
_WEB = re.compile(r"https?://[^/?#@\s]+", re.IGNORECASE)


# --------------------------------------------------------------------------------- identities


def post_id(site_id: str, location: str) -> str:
    """Return the id that grows from the site's id and a post's first location (RFC 9562 §5.5).

    ``location`` may also be an imported id that is no IRI.
    """
    return f"urn:uuid:{uuid.uuid5(_namespace(site_id), location)}"


@lru_cache(maxsize=8)
def _namespace(site_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(site_id)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, site_id)


def is_iri(text: str) -> bool:
    """Whether the text is an absolute IRI that feeds may carry as an id (RFC 3987 §2.2)."""
    if not _IRI.match(text):
        return False
    scheme = text.partition(":")[0].lower()
    return scheme not in {"http", "https"} or is_web_address(text)


def is_web_address(text: str) -> bool:
    """Whether the text is an absolute http or https address with a host."""
    return bool(_WEB.match(text) and _IRI.match(text))


# -------------------------------------------------------------------------------------- slugs


def slug_of(title: str) -> str:
    """Return lower-case ASCII words joined by hyphens, at most 80 characters.

    Empty where the title holds no letter that folds to ASCII and no digit.
    """
    bare = _APOSTROPHES.sub("", title.casefold())
    if not bare.isascii():
        apart = unicodedata.normalize("NFKD", bare.translate(_UNFOLDED))
        bare = apart.encode("ascii", "ignore").decode().casefold()
    slug = _NOT_SLUG.sub("-", bare).strip("-")
    if len(slug) <= SLUG_LIMIT:
        return slug
    whole_words = slug[: SLUG_LIMIT + 1].rpartition("-")[0]
    return whole_words or slug[:SLUG_LIMIT]


def is_slug(text: str) -> bool:
    """Whether the text can be an address: a to z, digits, single hyphens between them."""
    return len(text) <= _LONGEST_SLUG and bool(_SLUG.match(text))


@lru_cache(maxsize=4096)
def tag_slug(tag: str) -> str:
    """Return the address of a tag, or of a name; letters that do not fold to ASCII are told by code point."""
    return slug_of(tag) or "-".join(f"u{ord(letter):x}" for letter in tag if not letter.isspace())


def is_reserved(location: str) -> bool:
    """Whether the location is one of the site's own paths, or lies below one."""
    first, _, rest = location.partition("/")
    return first in RESERVED or rest.partition("/")[0] in RESERVED_IN_SERIES


def alias_location(alias: str, series: str | None) -> str:
    """Return the earlier location that an alias names; empty where it can be no address.

    A name alone was a slug of the same series (of no series for a loose post); with a slash it
    is a whole path below the root.
    """
    location = alias.strip("/")
    segments = location.split("/")
    if any(part in {".", ".."} or not _SEGMENT.match(part) for part in segments):
        return ""
    return location if "/" in alias or series is None else f"{series}/{location}"


# -------------------------------------------------------------------------------------- paths


def post_path(location: str) -> str:
    """Return the page of a post or a series: ``/series/slug/``."""
    return f"/{location}/"


def image_path(location: str, name: str) -> str:
    """Return where an image of a post's bundle is served."""
    return f"/{location}/{quote(name)}"


def tag_path(tag: str) -> str:
    """Return the page of a tag."""
    return f"/tags/{tag_slug(tag)}/"


def author_path(name: str) -> str:
    """Return the page of an author."""
    return f"/authors/{tag_slug(name)}/"


def edition_path(digest: str, number: int) -> str:
    """Return the public page of an edition."""
    return f"/editions/{digest}/{number}/"


def feed_path(folder: str, form: FeedFormat) -> str:
    """Return the feed of a folder: ``/``, ``/series/``, ``/tags/tag/`` or ``/authors/name/``."""
    return f"{folder}feed.{form}"


def archive_feed_path(folder: str, number: int, form: FeedFormat) -> str:
    """Return one archive document (RFC 5005) of the site (``/``) or of a series."""
    return f"{folder}archive/{number}.{form}"


def course_feed_path(series: str, from_on: date, every_days: int, form: FeedFormat) -> str:
    """Return the feed that gives a series from part 1, one part every ``every_days`` days."""
    return f"/{series}/from/{from_on.isoformat()}/{every_days}d.{form}"


def confirm_path(token: str) -> str:
    """Return where a person confirms a subscription."""
    return f"/confirm/{token}"


def unsubscribe_path(token: str) -> str:
    """Return where a person leaves; POST acts (RFC 8058)."""
    return f"/u/{token}"


def undo_path(token: str) -> str:
    """Return where a person takes an unsubscribe back; POST acts."""
    return f"/u/{token}/undo"


def courses_path(token: str) -> str:
    """Return where a reader starts, skips and stops series from part 1."""
    return f"{preferences_path(token)}/courses"


def missed_path(token: str) -> str:
    """Return where a reader sees what they were not sent."""
    return f"{preferences_path(token)}/missed"


def preferences_path(token: str) -> str:
    """Return where a person chooses what comes."""
    return f"/preferences/{token}"


def data_path(token: str) -> str:
    """Return where a person sees, moves or erases what is stored."""
    return f"/data/{token}"


def return_path(token: str, domain: str) -> str:
    """Return where a mail that fails goes back to, by a token in its spelling for addresses."""
    return f"b+{token}@{domain}"


def unsubscribe_mailto(token: str, domain: str) -> str:
    """Return the mail that leaves a list (RFC 2369), by a token in its spelling for addresses."""
    return f"mailto:u+{token}@{domain}?subject=unsubscribe"


def absolute(site_url: str, path: str) -> str:
    """Return the address of a site path; what is absolute already stays as it is."""
    return f"{site_url.rstrip('/')}{path}" if path.startswith("/") else path


def output_file(path: str) -> str:
    """Return the file below ``public/`` that a site path is served from."""
    name = unquote(path).lstrip("/")
    return f"{name}index.html" if not name or name.endswith("/") else name
