"""Atom (RFC 4287) and RSS 2.0 through feedgen 1.0.0, with a way round each of its defects.

feedgen loses the attributes of entry links, stamps the time of building, knows neither hubs nor
archives in RSS, and switches the process's locale to write a date. So entries are ours, every date
is set, and one lock is held while it works. The stylesheet's instruction needs the tree before it
is text, for which feedgen has private methods only: its release is pinned.

Entries are written apart from the feeds they stand in (``plates``): a feed is its head, as feedgen
writes it without entries, with the entries put before its end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree
from typing_extensions import override

from publisher import __version__
from publisher.feeds.entries import Entry, EntryImage, EntrySeries
from publisher.feeds.plates import LINE
from publisher.model import Author

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from publisher.feeds.describe import Feed

_SPACES: Final = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "media": "http://search.yahoo.com/mrss/",
}
_MINUTES_BETWEEN_VISITS = 60

_lock = Lock()


def join_atom(feed: Feed, entries: Iterable[bytes]) -> bytes:
    """Return the feed of these entries as Atom in UTF-8. RFC 4287."""
    with _lock:
        root, document = _generator(feed, "atom", "application/atom+xml")._create_atom()  # noqa: SLF001
        head = _serialise(root, document, feed)
    return _join(head, b"</feed>", entries)


def join_rss(feed: Feed, items: Iterable[bytes]) -> bytes:
    """Return the feed of these items as RSS 2.0 in UTF-8."""
    with _lock:
        root, document = _generator(feed, "rss", "application/rss+xml")._create_rss()  # noqa: SLF001
        head = _serialise(root, document, feed)
    return _join(head, b"</channel>", items)


def plate_xml(entry: Entry) -> tuple[bytes, bytes]:
    """Return an entry as Atom and as RSS have it, open for its standing.

    feedgen writes one entry of each shape; what differs between entries of one shape is filled in.
    """
    atom, rss = _forms_of(_shape(entry))
    values = _values(entry)
    html = _escaped(LINE + entry.html)  # most of an entry, and the same in both
    # RSS takes a description for HTML, Atom and JSON take it for text
    guid, description = entry.raw_id or entry.id, escape(entry.summary, quote=False)
    return (
        atom.fill(values, html),
        rss.fill({**values, "id": guid, "summary": description}, html),
    )


def write_entry(entry: Entry) -> tuple[bytes, bytes]:
    """Return an entry as Atom and as RSS as feedgen writes it, which takes ten times as long."""
    with _lock:
        item = _Item(entry)
        return _alone(item.atom_entry()), _alone(item.rss_entry())


# ---------------------------------------------------------------------------------- the feed


def _generator(feed: Feed, ending: str, media_type: str) -> Any:
    generator = FeedGenerator()
    generator.register_extension("channel", _Channel)
    generator.channel.feed = feed
    generator.channel.links = _links(feed, ending)
    generator.id(feed.id)
    generator.title(feed.title)
    generator.subtitle(feed.subtitle or feed.title)
    generator.author({"name": feed.author})
    generator.language(feed.language)
    generator.rights(feed.rights or None)
    generator.logo(feed.logo or None)
    generator.icon(feed.icon or None)
    generator.generator("publisher", version=__version__)
    generator.ttl(_MINUTES_BETWEEN_VISITS)
    generator.updated(feed.updated_at)
    generator.link(href=f"{feed.address}.{ending}", rel="self", type=media_type)
    for rel, address in generator.channel.links:
        generator.link(href=address, rel=rel)
    # The last link is the one that feedgen makes the RSS channel's own.
    generator.link(href=feed.home_url, rel="alternate", type="text/html")
    return generator


def _links(feed: Feed, ending: str) -> list[tuple[str, str]]:
    """Return relation and address of all links but the feed's own: WebSub and RFC 5005."""
    pages = {
        "current": feed.current,
        "prev-archive": feed.prev_archive,
        "next-archive": feed.next_archive,
    }
    hub = [("hub", feed.hub)] if feed.hub else []
    return hub + [(rel, f"{address}.{ending}") for rel, address in pages.items() if address]


def _serialise(root: etree._Element, document: etree._ElementTree, feed: Feed) -> bytes:
    if feed.stylesheet:
        about = f'type="text/css" href="{escape(feed.stylesheet)}"'
        root.addprevious(etree.ProcessingInstruction("xml-stylesheet", about))
    etree.cleanup_namespaces(document, keep_ns_prefixes=_prefixes(feed, root.tag))
    text = _in_hexadecimal(etree.tostring(document, encoding="UTF-8", xml_declaration=False))
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text + b"\n"


def _prefixes(feed: Feed, root: str) -> list[str]:
    """Return the prefixes that the entries to come use."""
    always = ["atom", "content", "dc"] if root == "rss" and feed.entries else []
    return always + (["media"] if any(listed.post.image for listed in feed.entries) else [])


def _join(head: bytes, end: bytes, entries: Iterable[bytes]) -> bytes:
    before, _, after = head.rpartition(end)
    return b"".join((before, b"\n", *entries, end, after))


class _Channel(BaseExtension):  # type: ignore[misc]
    """What feedgen does not write for a feed: its namespaces, links in RSS, marks of RFC 5005."""

    feed: Feed
    links: list[tuple[str, str]]

    @override
    def extend_ns(self) -> dict[str, str]:
        return {prefix: _SPACES[prefix] for prefix in ("dc", "fh", "media")}

    @override
    def extend_atom(self, feed: etree._Element) -> etree._Element:
        self._mark(feed)
        return feed

    @override
    def extend_rss(self, feed: etree._Element) -> etree._Element:
        channel = feed[0]
        for rel, address in self.links:
            etree.SubElement(channel, _named("atom:link"), rel=rel, href=address)
        self._mark(channel)
        return feed

    def _mark(self, parent: etree._Element) -> None:
        if self.feed.is_archive:
            etree.SubElement(parent, _named("fh:archive"))
        if self.feed.is_complete:
            etree.SubElement(parent, _named("fh:complete"))


# --------------------------------------------------------------------------------- the entries


class _Item(FeedEntry):  # type: ignore[misc]
    """An entry as feedgen writes it, and what feedgen leaves out."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry
        self.id(entry.id)
        self.title(entry.title)
        self.link(href=entry.url, rel="alternate", type="text/html")
        self.published(entry.published_at)
        self.updated(entry.updated_at)
        self.author([_person(author.name, author.url) for author in entry.authors])
        self.category(_categories(entry))
        self.summary(entry.summary)
        self.content(LINE + entry.html, type="html")

    @override
    def atom_entry(self, extensions: bool = True) -> etree._Element:
        element: etree._Element = super().atom_entry(extensions)
        for written, wanted in zip(element.findall("link"), self.link(), strict=True):
            for name in ("rel", "type"):
                written.set(name, wanted[name])
        self._picture(element)
        return element

    @override
    def rss_entry(self, extensions: bool = True) -> etree._Element:
        item: etree._Element = super().rss_entry(extensions)
        for element in item.iterchildren("guid"):
            element.text = self._entry.raw_id or self._entry.id
        for element in item.iterchildren("description"):
            # RSS takes a description for HTML, Atom and JSON take it for text
            element.text = escape(self._entry.summary, quote=False)
        for element in item.iterchildren("pubDate"):
            # feedgen writes the year 999 in three digits
            element.text = format_datetime(self._entry.published_at)
        for author in self._entry.authors:
            etree.SubElement(item, _named("dc:creator")).text = author.name
        updated = etree.SubElement(item, _named("atom:updated"))
        updated.text = self._entry.updated_at.isoformat()
        self._picture(item)
        return item

    def _picture(self, parent: etree._Element) -> None:
        """Name the lead image (Media RSS), for readers that show one beside the title."""
        image = self._entry.image
        if image:
            media = etree.SubElement(
                parent, _named("media:content"), url=image.url, medium="image"
            )
            if image.media_type:
                media.set("type", image.media_type)
            if image.alt:
                etree.SubElement(media, _named("media:description"), type="plain").text = image.alt


def _categories(entry: Entry) -> list[dict[str, str]]:
    tags = [{"term": tag, "scheme": entry.tags_url, "label": tag} for tag in entry.tags]
    series = entry.series
    if series:
        tags.append({"term": series.title, "scheme": series.url, "label": series.title})
    return tags


def _alone(element: etree._Element) -> bytes:
    """Return an entry's bytes with the prefixes that the feed declares, and a line end."""
    root = etree.Element("feed", nsmap=_SPACES)
    root.append(element)
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    start = text.index(b">") + 1  # no prefix's address holds one
    return _in_hexadecimal(text[start : text.rindex(b"</feed>")]) + b"\n"


def _named(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{local}"


def _in_hexadecimal(text: bytes) -> bytes:
    """Write ``&`` and ``<`` as the RSS profile wants them; Atom's text is taken for markup less."""
    # There is no CDATA here, so every reference is one that a parser resolves.
    return text.replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;")


def _person(name: str, url: str = "") -> dict[str, str]:
    return {"name": name, "uri": url} if url else {"name": name}


# ---------------------------------------------------------------------------------- the shapes

_Shape = tuple[tuple[bool, ...], int, bool, tuple[bool, bool] | None]
"""Which authors have an address; how many tags; whether there is a series; of an image, whether its
type is known and whether it is described."""

_OPEN = re.compile("\ufdd2([a-z_0-9]+)\ufdd3".encode())
_PUBLISHED = datetime(1987, 1, 2, 3, 4, 5, tzinfo=UTC)
_UPDATED = datetime(1988, 5, 6, 7, 8, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Form:
    """An entry of one shape in one format: what is the same, and between it what is filled in."""

    pieces: tuple[bytes, ...]
    names: tuple[str, ...]
    """Of the value after each piece but the last."""
    in_quotes: tuple[bool, ...]
    """Whether that value is an attribute's."""

    def fill(self, values: Mapping[str, str], html: bytes) -> bytes:
        """Return the entry with these values, and its text as it stands in XML."""
        filled = [self.pieces[0]]
        for name, in_quotes, piece in zip(
            self.names, self.in_quotes, self.pieces[1:], strict=True
        ):
            filled += (
                html if name == "html" else _escaped(values[name], in_quotes=in_quotes),
                piece,
            )
        return b"".join(filled)


def _escaped(value: str, *, in_quotes: bool = False) -> bytes:
    if "&" in value:
        value = value.replace("&", "&#x26;")
    value = value.replace("<", "&#x3C;").replace(">", "&gt;")
    return (value.replace('"', "&quot;") if in_quotes else value).encode()


def _shape(entry: Entry) -> _Shape:
    image = entry.image
    return (
        tuple(bool(author.url) for author in entry.authors),
        len(entry.tags),
        entry.series is not None,
        (bool(image.media_type), bool(image.alt)) if image else None,
    )


def _values(entry: Entry) -> dict[str, str]:
    """Return what differs between entries of one shape beside their text, by name."""
    values = {
        "id": entry.id,
        "title": entry.title,
        "url": entry.url,
        "tags_url": entry.tags_url,
        "summary": entry.summary,
        "published": entry.published_at.isoformat(),
        "published_822": format_datetime(entry.published_at),
        "updated": entry.updated_at.isoformat(),
    }
    for number, author in enumerate(entry.authors):
        values |= {f"name{number}": author.name, f"uri{number}": author.url}
    values |= {f"tag{number}": tag for number, tag in enumerate(entry.tags)}
    if entry.series:
        values |= {"series": entry.series.title, "series_url": entry.series.url}
    if entry.image:
        values |= {"image": entry.image.url, "alt": entry.image.alt}
        values["media_type"] = entry.image.media_type
    return values


@lru_cache(maxsize=256)
def _forms_of(shape: _Shape) -> tuple[_Form, _Form]:
    """Have feedgen write an entry of this shape, and cut it where values differ."""
    authors, tags, has_series, image = shape
    atom, rss = write_entry(
        Entry(
            id=_open("id"),
            title=_open("title"),
            url=_open("url"),
            published_at=_PUBLISHED,
            updated_at=_UPDATED,
            authors=tuple(
                Author(name=_open(f"name{number}"), url=_open(f"uri{number}") if has_url else "")
                for number, has_url in enumerate(authors)
            ),
            tags=tuple(_open(f"tag{number}") for number in range(tags)),
            tags_url=_open("tags_url"),
            summary=_open("summary"),
            html="",
            series=EntrySeries(title=_open("series"), url=_open("series_url"), part=1)
            if has_series
            else None,
            image=EntryImage(
                url=_open("image"),
                media_type=_open("media_type") if image[0] else "",
                alt=_open("alt") if image[1] else "",
            )
            if image
            else None,
        )
    )
    return _cut(atom), _cut(rss)


def _open(name: str) -> str:
    return f"\ufdd2{name}\ufdd3"


def _cut(written: bytes) -> _Form:
    known = {
        LINE: "html",
        _PUBLISHED.isoformat(): "published",
        format_datetime(_PUBLISHED): "published_822",
        _UPDATED.isoformat(): "updated",
    }
    for text, name in known.items():
        written = written.replace(text.encode(), _open(name).encode())
    pieces = _OPEN.split(written)
    return _Form(
        pieces=tuple(pieces[::2]),
        names=tuple(name.decode() for name in pieces[1::2]),
        in_quotes=tuple(piece.endswith(b'="') for piece in pieces[:-1:2]),
    )
