"""Atom (RFC 4287) and RSS 2.0 through feedgen 1.0.0, with a way round each of its defects.

feedgen loses the attributes of entry links, stamps the time of building, knows neither hubs nor
archives in RSS, and switches the process's locale to write a date. So entries are ours, every date
is set, and one lock is held while it works. The stylesheet's instruction needs the tree before it
is text, for which feedgen has private methods only: its release is pinned.
"""

from __future__ import annotations

from html import escape
from threading import Lock
from typing import TYPE_CHECKING, Any

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree
from typing_extensions import override

if TYPE_CHECKING:
    from publisher.feeds.describe import Feed
    from publisher.feeds.entries import Entry

_ATOM = "{http://www.w3.org/2005/Atom}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_HISTORY = "{http://purl.org/syndication/history/1.0}"
_MINUTES_BETWEEN_VISITS = 60

_lock = Lock()


def write_atom(feed: Feed) -> bytes:
    """Return the feed as Atom in UTF-8; the same feed gives the same bytes. RFC 4287."""
    with _lock:
        root, document = _generator(feed, "atom", "application/atom+xml")._create_atom()  # noqa: SLF001
        return _serialise(root, document, feed)


def write_rss(feed: Feed) -> bytes:
    """Return the feed as RSS 2.0 in UTF-8; the same feed gives the same bytes.

    ``&`` and ``<`` are written in hexadecimal, as the RSS profile wants them.
    """
    with _lock:
        root, document = _generator(feed, "rss", "application/rss+xml")._create_rss()  # noqa: SLF001
        text = _serialise(root, document, feed)
    # There is no CDATA here, so every reference is one that a parser resolves.
    return text.replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;")


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
    generator.generator("publisher")
    generator.ttl(_MINUTES_BETWEEN_VISITS)
    generator.updated(feed.updated_at)
    generator.link(href=f"{feed.address}.{ending}", rel="self", type=media_type)
    for rel, address in generator.channel.links:
        generator.link(href=address, rel=rel)
    # The last link is the one that feedgen makes the RSS channel's own.
    generator.link(href=feed.home_url, rel="alternate", type="text/html")
    for entry in feed.entries:
        generator.add_entry(_Item(entry, feed.author), order="append")
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
    etree.cleanup_namespaces(document)
    text = etree.tostring(document, encoding="UTF-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text + b"\n"


class _Channel(BaseExtension):  # type: ignore[misc]
    """What feedgen does not write for a feed: its namespaces, links in RSS, marks of RFC 5005."""

    feed: Feed
    links: list[tuple[str, str]]

    @override
    def extend_ns(self) -> dict[str, str]:
        return {"dc": _DC.strip("{}"), "fh": _HISTORY.strip("{}")}

    @override
    def extend_atom(self, feed: etree._Element) -> etree._Element:
        self._mark(feed)
        return feed

    @override
    def extend_rss(self, feed: etree._Element) -> etree._Element:
        channel = feed[0]
        for rel, address in self.links:
            etree.SubElement(channel, f"{_ATOM}link", rel=rel, href=address)
        self._mark(channel)
        return feed

    def _mark(self, parent: etree._Element) -> None:
        if self.feed.is_archive:
            etree.SubElement(parent, f"{_HISTORY}archive")
        if self.feed.is_complete:
            etree.SubElement(parent, f"{_HISTORY}complete")


class _Item(FeedEntry):  # type: ignore[misc]
    """An entry as feedgen writes it, and what feedgen leaves out."""

    def __init__(self, entry: Entry, author: str) -> None:
        super().__init__()
        self._entry = entry
        self.id(entry.id)
        self.title(entry.title)
        self.link(href=entry.url, rel="alternate", type="text/html")
        self.published(entry.published_at)
        self.updated(entry.updated_at)
        self.author([_person(one.name, one.url) for one in entry.authors] or [_person(author)])
        self.category([{"term": tag} for tag in entry.tags])
        self.summary(entry.summary)
        self.content(entry.html, type="html")

    @override
    def atom_entry(self, extensions: bool = True) -> etree._Element:
        element: etree._Element = super().atom_entry(extensions)
        for written, wanted in zip(element.findall("link"), self.link(), strict=True):
            for name in ("rel", "type"):
                written.set(name, wanted[name])
        element.tail = "\n"
        return element

    @override
    def rss_entry(self, extensions: bool = True) -> etree._Element:
        item: etree._Element = super().rss_entry(extensions)
        for element in item.iterchildren("guid"):
            element.text = self._entry.raw_id or self._entry.id
        for element in item.iterchildren("description"):
            # RSS takes a description for HTML, Atom and JSON take it for text
            element.text = escape(self._entry.summary, quote=False)
        for author in self.author():
            etree.SubElement(item, f"{_DC}creator").text = author["name"]
        etree.SubElement(item, f"{_ATOM}updated").text = self._entry.updated_at.isoformat()
        item.tail = "\n"
        return item


def _person(name: str, url: str = "") -> dict[str, str]:
    return {"name": name, "uri": url} if url else {"name": name}
