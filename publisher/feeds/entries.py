"""Entries: a post as a feed carries it, whole; and what is said of its place among others.

The entry is the post's own: it changes with the post and with nothing else. Its place is said apart
(``Standing``), since it changes when the series grows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Final

from publisher import urls
from publisher.feeds.markup import absolute_html, as_line, as_title, clean, link, resolve
from publisher.model import Author

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.feeds.describe import Masthead
    from publisher.model import Body, Place, Post

_IMAGE_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
}
# A feed is read by anybody, and what follows a name so is an address to be written to.
_MAILBOX = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySeries:
    """The series an entry belongs to, and its number there."""

    title: str
    url: str
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryImage:
    """An entry's lead image."""

    url: str
    alt: str
    media_type: str = ""
    """Empty where the address does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A post as every feed carries it: plain texts, absolute addresses, UTC in whole seconds."""

    id: str
    raw_id: str = ""
    """An imported id that is no absolute IRI: the RSS guid, verbatim."""
    title: str
    url: str
    published_at: datetime
    updated_at: datetime
    authors: tuple[Author, ...]
    """Never empty: the site's author speaks where the post names none."""
    tags: tuple[str, ...] = ()
    tags_url: str = ""
    """Where the site's tags are: what makes a tag its own."""
    summary: str
    """Plain text."""
    html: str
    """What a reader shows below the line of the series: warnings, correction, text, notes, notice."""
    image: EntryImage | None = None
    series: EntrySeries | None = None
    about_url: str = ""
    """The page that says what these feeds are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is said of an entry's place among others."""

    line: str = ""
    """A paragraph of HTML that stands first; empty for a loose post."""
    total: int | None = None
    """How many parts the series has; nothing where that is not said."""


def entry(
    post: Post,
    body: Body | None,
    place: Place | None,
    masthead: Masthead,
    *,
    due_at: datetime | None = None,
) -> Entry:
    """Return the post as a feed entry; ``body`` is needed only where entries carry the whole text.

    Otherwise the summary and a link stand in place of the text. ``due_at`` is its date where the
    feed has a pace of its own.
    """
    url = _page_url(post.location, masthead.url)
    published_at = due_at or post.published_at
    image = _image(post, masthead.url)
    return Entry(
        id=as_line(post.id),
        raw_id=clean(post.raw_id),
        title=_title(post),
        url=url,
        published_at=in_utc(published_at),
        updated_at=in_utc(max(published_at, post.changed_at)),
        authors=tuple(_author(author) for author in post.authors) or (masthead.speaker,),
        tags=tuple(dict.fromkeys(tag for tag in map(as_title, post.tags) if tag)),
        tags_url=urls.absolute(masthead.url, urls.TAGS),
        summary=_summary(post),
        html=_html(post, body if masthead.full else None, image, masthead),
        image=image,
        series=_series(place, masthead.url) if place else None,
        about_url=urls.absolute(masthead.url, urls.FEEDS),
    )


def standing(
    place: Place | None,
    site_url: str,
    *,
    redirects: Mapping[str, str] | None = None,
    settled: bool = False,
) -> Standing:
    """Say where a reader is in a series, since a reader's list shows nothing of it.

    Neighbours are named by their numbers and linked by the address they had first, where it still
    leads there (``redirects``): so a post's new title or slug changes no entry but its own. What is
    ``settled`` says nothing that a later part could change, for documents that stay as they are.
    """
    if place is None:
        return Standing()
    series = place.series
    where = _series_link(series.title, series.slug, site_url)
    number = f"Part {place.number}" if settled else f"Part {place.number} of {series.total}"
    pieces = [f"{number} in {where}"]
    for word, post in (("Previous", place.previous), ("Next", None if settled else place.next)):
        if post:
            address = _page_url(_first_location(post, redirects or {}), site_url)
            pieces.append(f"{word}: {_part_link(place.number_of(post), address)}")
    return Standing(line=_paragraph(" · ".join(pieces)), total=None if settled else series.total)


def standing_facts(
    place: Place | None, *, redirects: Mapping[str, str], settled: bool
) -> tuple[object, ...]:
    """Return everything that ``standing`` makes its words from but the site's address."""
    if place is None:
        return ()
    series = place.series
    near = (place.previous, None if settled else place.next)
    return (
        *(series.title, series.slug, place.number, None if settled else series.total),
        *(
            (place.number_of(one), _first_location(one, redirects)) if one else None
            for one in near
        ),
    )


@lru_cache(maxsize=4096)
def _part_link(number: int, address: str) -> str:
    return link(f"Part {number}", address)


@lru_cache(maxsize=1024)
def _series_link(title: str, slug: str, site_url: str) -> str:
    return link(as_title(title), _page_url(slug, site_url))


def in_utc(moment: datetime) -> datetime:
    """Return the moment as feeds write it: UTC in whole seconds."""
    # feedgen writes fractions and odd offsets as they are, and RFC 3339 forbids the latter
    return moment.astimezone(UTC).replace(microsecond=0)


def _first_location(post: Post, redirects: Mapping[str, str]) -> str:
    location = post.location
    if post.aliases and redirects.get(post.aliases[0]) == location:
        return post.aliases[0]
    return location


@lru_cache(maxsize=4096)
def _page_url(location: str, site_url: str) -> str:
    return urls.absolute(site_url, urls.post_path(location))


def _title(post: Post) -> str:
    # Atom refuses an empty title, and one odd title must not stop a feed
    return as_title(post.title) or post.slug


def _summary(post: Post) -> str:
    # feedgen puts the content in the summary's place where there is no summary
    return as_title(post.summary) or _title(post)


def _author(author: Author) -> Author:
    name = ", ".join(filter(None, (as_title(author.name), as_title(author.credentials))))
    name = _MAILBOX.sub("", name) or name.strip("<>")
    url = as_line(author.url)
    return Author(name=name, url=url if urls.is_web_address(url) else "")


def _image(post: Post, site_url: str) -> EntryImage | None:
    if not post.image:
        return None
    if post.image.src in post.files:
        url = urls.absolute(site_url, urls.image_path(post.location, post.image.src))
    else:
        page_url = _page_url(post.location, site_url)
        url = resolve(post.image.src, site_url=site_url, page_url=page_url)
    ending = url.rpartition(".")[2].lower()
    alt = as_title(post.image.alt)
    return EntryImage(url=url, alt=alt, media_type=_IMAGE_TYPES.get(ending, "")) if url else None


def _series(place: Place, site_url: str) -> EntrySeries:
    return EntrySeries(
        title=as_title(place.series.title),
        url=_page_url(place.series.slug, site_url),
        part=place.number,
    )


# ------------------------------------------------------------------------------------ what is read


def _html(post: Post, body: Body | None, image: EntryImage | None, masthead: Masthead) -> str:
    """Return the HTML of an entry, one block a line."""
    url = _page_url(post.location, masthead.url)
    blocks = []
    if warnings := ", ".join(map(as_line, post.warnings)):
        blocks.append(_paragraph(f"<strong>Content note:</strong> {_text(warnings)}"))
    if correction := as_line(post.correction):
        blocks.append(_paragraph(f"<strong>Correction:</strong> {_text(correction)}"))
    if image and post.image:
        blocks.append(_figure(image, as_line(post.image.credit)))
    if body is None:
        blocks.append(_paragraph(_text(_summary(post))))
        blocks.append(_paragraph(f"Read the whole post: {link(_title(post), url)}"))
    else:
        written = body.html + _notes(body)
        blocks.append(absolute_html(written, site_url=masthead.url, page_url=url).strip())
    if notice := " ".join(filter(None, map(as_line, (masthead.notice, masthead.crisis)))):
        blocks.append(_paragraph(f"<small>{_text(notice)}</small>"))
    # A reader with nothing to show takes the feed for broken.
    return "\n".join(filter(None, blocks)) or _paragraph(_text(_summary(post)))


def _figure(image: EntryImage, credit: str) -> str:
    picture = f'<img src="{escape(image.url)}" alt="{escape(image.alt)}">'
    below = f"<figcaption>{_text(credit)}</figcaption>" if credit else ""
    return f"<figure>{picture}{below}</figure>"


def _notes(body: Body) -> str:
    if not body.notes:
        return ""
    lines = "\n".join(f"<li>{note.html}</li>" for note in body.notes)
    return f"\n<h2>Notes</h2>\n<ol>\n{lines}\n</ol>"


def _text(text: str) -> str:
    return escape(text, quote=False)


def _paragraph(html: str) -> str:
    return f"<p>{html}</p>"
