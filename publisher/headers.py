"""What every server says of each file of the site: its type, and what caches and browsers may do.

One table for our own server, ``_headers`` of static hosts and, held to it by the tests, the snippets
in ``docs/deploy/``. Pure: pairs from a path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Pair = tuple[str, str]

HTML: Final = "text/html; charset=utf-8"
XML: Final = "application/xml; charset=utf-8"
JSON_FEED: Final = "application/feed+json"
TYPES: Final = {
    "html": HTML,
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "atom": XML,
    "rss": XML,
    "xml": XML,
    "opml": "text/x-opml; charset=utf-8",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "ico": "image/x-icon",
    "pdf": "application/pdf",
    "woff2": "font/woff2",
}
"""Media types by a name's ending; browsers show feeds that are XML and download what is not."""

FEED_CACHE: Final = "public, max-age=900, stale-while-revalidate=3600, stale-if-error=86400"
"""An honest time to come back in, and leave to show the old feed while we are down (RFC 5861)."""
HASHED_CACHE: Final = "public, max-age=31536000, immutable"
PAGE_CACHE: Final = "public, max-age=300"
ERROR_CACHE: Final = "public, max-age=60"

GUARDS: Final = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
"""What keeps a reader to himself: nothing is sniffed, nothing told to other sites."""
POLICIES: Final = {
    HTML: "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    TYPES["svg"]: "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""What a page, and a drawing opened by itself, may load and do."""

_FEED = re.compile(
    r".*\.(?:atom|rss)|(?:.*/)?(?:feed|archive/\d+|from/\d{4}-\d\d-\d\d/\d+d)\.json", re.ASCII
)
_HASHED = re.compile(r"/assets/.*[.-][0-9a-f]{8,64}\.\w+", re.ASCII)


def is_feed(path: str) -> bool:
    """Whether a feed document stands at this path, an archive or a course's included."""
    return bool(_FEED.fullmatch(path))


def content_type(path: str) -> str:
    """Return the media type of what stands at this path; a directory's is its page's."""
    if path.endswith("/"):
        return HTML
    if path.endswith(".json") and is_feed(path):
        return JSON_FEED
    return TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


def guards(path: str) -> Iterator[Pair]:
    """Yield what protects the reader of whatever stands at this path, whatever its status."""
    yield from GUARDS
    if policy := POLICIES.get(content_type(path)):
        yield "Content-Security-Policy", policy


def policy(path: str, *, hub: str = "", url: str = "") -> Iterator[Pair]:
    """Yield what caches and browsers may do with what stands at this path: the same in a 304.

    A feed names the hub, where there is one, and itself below the site's ``url`` (WebSub §4).
    """
    yield from guards(path)
    is_a_feed = is_feed(path)
    if is_a_feed or path.endswith(".opml"):
        yield "Cache-Control", FEED_CACHE
        yield "Access-Control-Allow-Origin", "*"
    else:
        yield "Cache-Control", HASHED_CACHE if _HASHED.fullmatch(path) else PAGE_CACHE
    if is_a_feed and hub:
        yield "Link", link(hub, f"{url.rstrip('/')}{quote(path)}")


def link(hub: str, address: str) -> str:
    """Return the header by which a feed names its hub and its own address (RFC 8288)."""
    return f'<{hub}>; rel="hub", <{address}>; rel="self"'


# ---------------------------------------------------------------------------- for static hosts


def write_headers(feed_addresses: Iterable[Pair], *, hub: str) -> str:
    """Return ``_headers``, as Netlify and Cloudflare Pages read it.

    Both give a file the headers of every pattern that fits, and join what is said twice by commas:
    so nothing here is said twice of one file, and all files have the policy of pages, since only
    one of the two can tell pages apart. ``feed_addresses`` are paths with their addresses. They
    come last: Cloudflare reads a hundred patterns, and each feed tells its hub itself too.
    """
    shared = (("Cache-Control", FEED_CACHE), ("Access-Control-Allow-Origin", "*"))
    blocks: list[tuple[str, Iterable[Pair]]] = [
        ("/*", (*GUARDS, ("Content-Security-Policy", POLICIES[HTML])))
    ]
    blocks += [(f"/*.{form}", (("Content-Type", XML), *shared)) for form in ("atom", "rss")]
    blocks += [
        (pattern, (("Content-Type", JSON_FEED), *shared))
        for pattern in ("/*feed.json", "/archive/*.json", "/:series/archive/*.json")
    ]
    blocks += [
        ("/*.opml", (("Content-Type", TYPES["opml"]), *shared)),
        ("/assets/site-*", (("Cache-Control", HASHED_CACHE),)),
    ]
    if hub:
        blocks += [(path, (("Link", link(hub, address)),)) for path, address in feed_addresses]
    return "".join(
        f"{pattern}\n" + "".join(f"  {name}: {value}\n" for name, value in pairs)
        for pattern, pairs in blocks
    )


# ----------------------------------------------------------------------------- what people type


_TYPED: Final = {
    "atom": ("feed", "feed.xml", "feed/atom", "atom", "atom.xml", "index.atom"),
    "rss": ("rss", "rss.xml", "index.rss", "index.xml", "feed/rss", "feed/rss2"),
    "json": ("feed/json", "index.json"),
}
"""Where other publishers have their feeds, and readers therefore look for ours."""


def typed_feeds(series: Iterable[str], taken: Iterable[str]) -> Iterator[Pair]:
    """Yield the paths at which people look for feeds, each with the feed it should lead to.

    ``series`` are slugs; a location that is ``taken`` by a post is the post's.
    """
    for form, names in _TYPED.items():
        for name in names:
            yield f"/{name}", f"/feed.{form}"
    posts = set(taken)
    for slug in series:
        if f"{slug}/feed" not in posts:
            yield f"/{slug}/feed", f"/{slug}/feed.atom"
