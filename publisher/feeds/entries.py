"""Entries: a post as a feed carries it, whole, with its place in the series on its first line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from publisher import urls
from publisher.feeds.markup import absolute_html, as_line, as_title, clean, link, resolve
from publisher.model import Author

if TYPE_CHECKING:
    from publisher.model import Body, Place, Post


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySeries:
    """The series an entry belongs to, and its place there."""

    title: str
    url: str
    part: int
    total: int


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
    authors: tuple[Author, ...] = ()
    """Empty where the site's author speaks."""
    tags: tuple[str, ...] = ()
    summary: str
    """Plain text."""
    html: str
    """What a reader shows: series line, warnings, correction, text, notes, notice."""
    image: str = ""
    """The lead image's address."""
    series: EntrySeries | None = None


def entry(
    post: Post,
    body: Body | None,
    place: Place | None,
    *,
    site_url: str,
    notice: str,
    full: bool,
    crisis: str = "",
) -> Entry:
    """Return the post as a feed entry; ``body`` is needed for ``full`` only.

    Without ``full`` the summary and a link stand in place of the text.
    """
    url = _page_url(post.location, site_url)
    return Entry(
        id=as_line(post.id),
        raw_id=clean(post.raw_id),
        title=_title(post),
        url=url,
        published_at=_in_utc(post.published_at),
        updated_at=_in_utc(post.changed_at),
        authors=tuple(_author(author) for author in post.authors),
        tags=tuple(dict.fromkeys(tag for tag in map(as_line, post.tags) if tag)),
        summary=_summary(post),
        html=_html(post, body if full else None, place, site_url, [notice, crisis]),
        image=_image(post, site_url),
        series=_series(place, site_url) if place else None,
    )


def _page_url(location: str, site_url: str) -> str:
    return urls.absolute(site_url, urls.post_path(location))


def _in_utc(moment: datetime) -> datetime:
    # feedgen writes fractions and odd offsets as they are, and RFC 3339 forbids the latter
    return moment.astimezone(UTC).replace(microsecond=0)


def _title(post: Post) -> str:
    # Atom refuses an empty title, and one odd title must not stop a feed
    return as_title(post.title) or post.slug


def _summary(post: Post) -> str:
    # feedgen puts the content in the summary's place where there is no summary
    return as_title(post.summary) or _title(post)


def _author(author: Author) -> Author:
    name = ", ".join(filter(None, (as_line(author.name), as_line(author.credentials))))
    url = as_line(author.url)
    return Author(name=name, url=url if urls.is_web_address(url) else "")


def _image(post: Post, site_url: str) -> str:
    if not post.image:
        return ""
    if post.image.src in post.files:
        return urls.absolute(site_url, urls.image_path(post.location, post.image.src))
    page_url = _page_url(post.location, site_url)
    return resolve(post.image.src, site_url=site_url, page_url=page_url)


def _series(place: Place, site_url: str) -> EntrySeries:
    return EntrySeries(
        title=as_title(place.series.title),
        url=_page_url(place.series.slug, site_url),
        part=place.number,
        total=place.series.total,
    )


# ------------------------------------------------------------------------------------ what is read


def _html(
    post: Post, body: Body | None, place: Place | None, site_url: str, notices: list[str]
) -> str:
    """Return the HTML of an entry, one block a line."""
    url = _page_url(post.location, site_url)
    blocks = [_series_line(place, site_url)] if place else []
    if warnings := ", ".join(map(as_line, post.warnings)):
        blocks.append(_paragraph(f"<strong>Content note:</strong> {_text(warnings)}"))
    if correction := as_line(post.correction):
        blocks.append(_paragraph(f"<strong>Correction:</strong> {_text(correction)}"))
    if body is None:
        blocks.append(_paragraph(_text(_summary(post))))
        blocks.append(_paragraph(f"Read the whole post: {link(_title(post), url)}"))
    else:
        written = body.html + _notes(body)
        blocks.append(absolute_html(written, site_url=site_url, page_url=url).strip())
    if notice := " ".join(filter(None, map(as_line, notices))):
        blocks.append(_paragraph(f"<small>{_text(notice)}</small>"))
    return "\n".join(blocks)


def _series_line(place: Place, site_url: str) -> str:
    """Say where the reader is, since a reader's list shows nothing of a series."""
    series = place.series
    where = link(as_title(series.title), _page_url(series.slug, site_url))
    pieces = [f"Part {place.number} of {series.total} in {where}"]
    for word, post in (("Previous", place.previous), ("Next", place.next)):
        if post:
            pieces.append(f"{word}: {link(_title(post), _page_url(post.location, site_url))}")
    return _paragraph(" · ".join(pieces))


def _notes(body: Body) -> str:
    if not body.notes:
        return ""
    lines = "\n".join(f"<li>{note.html}</li>" for note in body.notes)
    return f"\n<h2>Notes</h2>\n<ol>\n{lines}\n</ol>"


def _text(text: str) -> str:
    return escape(text, quote=False)


def _paragraph(html: str) -> str:
    return f"<p>{html}</p>"
