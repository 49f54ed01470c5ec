"""Atom 1.0 (RFC 4287), with the extensions we write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.feedcheck.extensions import (
    ATOM,
    XML,
    attributes,
    children,
    elements,
    history,
    line_of,
    link,
    media,
    name_of,
    self_link,
    text_of,
)
from tests.feedcheck.markup import html
from tests.feedcheck.texts import (
    has_mailbox,
    is_canonical,
    is_iri,
    is_language,
    is_uri,
    plain,
    rfc3339,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from lxml import etree

_FEED: Final[Mapping[str, tuple[int, int | None]]] = {
    "atom:id": (1, 1),
    "atom:title": (1, 1),
    "atom:updated": (1, 1),
    "atom:subtitle": (0, 1),
    "atom:rights": (0, 1),
    "atom:generator": (0, 1),
    "atom:icon": (0, 1),
    "atom:logo": (0, 1),
    "atom:link": (0, None),
    "atom:author": (0, None),
    "atom:contributor": (0, None),
    "atom:category": (0, None),
    "atom:entry": (0, None),
    "fh:archive": (0, 1),
    "fh:complete": (0, 1),
}
_ENTRY: Final[Mapping[str, tuple[int, int | None]]] = {
    "atom:id": (1, 1),
    "atom:title": (1, 1),
    "atom:updated": (1, 1),
    "atom:published": (0, 1),
    "atom:summary": (0, 1),
    "atom:content": (0, 1),
    "atom:rights": (0, 1),
    "atom:link": (0, None),
    "atom:author": (0, None),
    "atom:contributor": (0, None),
    "atom:category": (0, None),
    "dc:creator": (0, None),
    "media:content": (0, None),
    "media:thumbnail": (0, None),
    "media:group": (0, None),
}
_PERSON: Final[Mapping[str, tuple[int, int | None]]] = {
    "atom:name": (1, 1),
    "atom:uri": (0, 1),
    "atom:email": (0, 1),
}
_PLAIN = ("title", "subtitle", "summary", "rights")


def check(root: etree._Element, lines: list[str], *, now: datetime, address: str) -> Iterator[str]:
    """Check an Atom document."""
    if root.tag != f"{ATOM}feed":
        yield f"UndefinedElement: {root.tag} is no Atom feed"
        return
    yield from attributes(root, {f"{XML}base"})
    if not is_language(root.get(f"{XML}lang", "")):
        yield "MissingDCLanguage: xml:lang of feed"
    yield from children(root, _FEED)
    names = [name_of(one) for one in elements(root)]
    if "atom:entry" in names and set(names[names.index("atom:entry") :]) != {"atom:entry"}:
        yield "MisplacedMetadata: after the first entry"
    links = root.findall(f"{ATOM}link")
    yield from _same_links(links)
    for one in links:
        yield from link(one, "feed")
    yield from self_link(links, address)
    yield from history(root, links)
    yield from _metadata(root, lines, now)
    for name in ("icon", "logo"):
        for one in root.findall(f"{ATOM}{name}"):
            if not is_uri(text_of(one)):
                yield f"InvalidFullLink: {name}: {text_of(one)!r}"
    entries = root.findall(f"{ATOM}entry")
    for one in entries:
        yield from _entry(one, lines, now)
    yield from _twice(entries)
    yield from _order(root, entries)


def _same_links(links: list[etree._Element]) -> Iterator[str]:
    kinds = Counter(
        (one.get("rel", "alternate"), one.get("type"), one.get("hreflang")) for one in links
    )
    yield from (f"DuplicateAtomLink: {kind}" for kind, count in kinds.items() if count > 1)


def _metadata(parent: etree._Element, lines: list[str], now: datetime) -> Iterator[str]:
    """Check what feeds and entries have alike."""
    for one in elements(parent):
        name, where = name_of(one).removeprefix("atom:"), f"{name_of(one)} of {name_of(parent)}"
        text = text_of(one)
        if name in {"id", "uri"}:
            yield from _id(text, where)
        elif name in {"updated", "published"}:
            yield from rfc3339(text, now, where)
        elif name in _PLAIN:
            yield from _text(one, line_of(one, lines), where)
        elif name in {"author", "contributor"}:
            yield from _person(one, line_of(one, lines))
        elif name == "category":
            yield from _category(one)
        elif name == "generator":
            yield from attributes(one, {"uri", "version"})
            yield from plain(text, where, "")


def _id(text: str, where: str) -> Iterator[str]:
    if not is_uri(text):
        yield f"InvalidFullLink: {where}: {text!r}"
    elif not is_canonical(text):
        yield f"NonCanonicalURI: {where}: {text!r}"


def _text(one: etree._Element, line: str, where: str) -> Iterator[str]:
    yield from attributes(one, {"type"})
    if one.get("type", "text") != "text":
        yield f"TextType: {where} is {one.get('type')!r}, and only text is read alike everywhere"
    if len(one):
        yield f"UndefinedElement: in {where}"
    yield from plain(text_of(one), where, line)


def _person(one: etree._Element, line: str) -> Iterator[str]:
    yield from children(one, _PERSON)
    name = text_of(one.find(f"{ATOM}name"))
    yield from plain(name, "name of author", line)
    if has_mailbox(name):
        yield f"ContainsEmail: {name!r}"
    for uri in one.findall(f"{ATOM}uri"):
        if not is_iri(text_of(uri)):
            yield f"InvalidIRI: uri of author: {text_of(uri)!r}"


def _category(one: etree._Element) -> Iterator[str]:
    yield from attributes(one, {"term", "scheme", "label"})
    if not one.get("term"):
        yield "MissingAttribute: term of category"
    if "scheme" in one.attrib and not is_uri(one.get("scheme", "")):
        yield f"InvalidFullLink: scheme of category: {one.get('scheme')!r}"
    if "label" in one.attrib:
        yield from plain(one.get("label", ""), "label of category", "")


def _entry(entry: etree._Element, lines: list[str], now: datetime) -> Iterator[str]:
    yield from children(entry, _ENTRY)
    yield from attributes(entry, set())
    yield from _metadata(entry, lines, now)
    yield from media(entry)
    links = entry.findall(f"{ATOM}link")
    for one in links:
        yield from link(one, "entry")
    yield from _same_links([one for one in links if one.get("rel", "alternate") == "alternate"])
    feed = entry.getparent()
    if entry.find(f"{ATOM}author") is None and (
        feed is None or feed.find(f"{ATOM}author") is None
    ):
        yield "MissingElement: author of an entry, and of the feed"
    content = entry.find(f"{ATOM}content")
    if content is None and not any(one.get("rel", "alternate") == "alternate" for one in links):
        yield "MissingContentOrAlternate: an entry with neither"
    if content is None and entry.find(f"{ATOM}summary") is None:
        yield "MissingTextualContent: an entry with nothing to read"
    if content is not None:
        yield from _content(content)


def _content(content: etree._Element) -> Iterator[str]:
    yield from attributes(content, {"type", "src"})
    if content.get("type") != "html":
        yield f"InvalidMIMEType: content is {content.get('type')!r}, not html"
    if len(content):
        yield "UndefinedElement: in content, whose markup is not escaped"
    if not text_of(content):
        yield "NotBlank: content"
    yield from html(text_of(content), "content")


def _twice(entries: list[etree._Element]) -> Iterator[str]:
    ids = Counter(text_of(one.find(f"{ATOM}id")) for one in entries)
    yield from (f"DuplicateEntries: {one}" for one, count in ids.items() if count > 1)
    moments = Counter(text_of(one.find(f"{ATOM}updated")) for one in entries)
    yield from (f"DuplicateUpdated: {one}" for one, count in moments.items() if count > 1)


def _order(root: etree._Element, entries: list[etree._Element]) -> Iterator[str]:
    """Check our own: newest first, and a feed that is as old as its newest change."""
    published = [text_of(one.find(f"{ATOM}published")) for one in entries]
    if published != sorted(published, reverse=True):
        yield "Order: entries are not newest first"
    newest = max((text_of(one.find(f"{ATOM}updated")) for one in entries), default="")
    if newest and text_of(root.find(f"{ATOM}updated")) != newest:
        yield "FeedUpdated: not the newest entry's"
