"""RSS 2.0 as the RSS Advisory Board's profile wants it, with the extensions we write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.feedcheck.extensions import (
    ATOM,
    CONTENT,
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
from tests.feedcheck.texts import is_language, is_mime, is_uri, plain, rfc822, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from lxml import etree

_CHANNEL: Final[Mapping[str, tuple[int, int | None]]] = {
    "title": (1, 1),
    "link": (1, 1),
    "description": (1, 1),
    "language": (1, 1),
    "lastBuildDate": (0, 1),
    "pubDate": (0, 1),
    "copyright": (0, 1),
    "generator": (0, 1),
    "docs": (0, 1),
    "ttl": (0, 1),
    "image": (0, 1),
    "category": (0, None),
    "item": (0, None),
    "atom:link": (1, None),
    "dc:creator": (0, None),
    "fh:archive": (0, 1),
    "fh:complete": (0, 1),
}
_ITEM: Final[Mapping[str, tuple[int, int | None]]] = {
    "title": (0, 1),
    "link": (0, 1),
    "description": (0, 1),
    "guid": (1, 1),
    "pubDate": (0, 1),
    "author": (0, 1),
    "category": (0, None),
    "enclosure": (0, 1),
    "source": (0, 1),
    "comments": (0, 1),
    "content:encoded": (0, 1),
    "dc:creator": (0, None),
    "dc:date": (0, 1),
    "dc:subject": (0, None),
    "atom:link": (0, None),
    "atom:updated": (0, 1),
    "media:content": (0, None),
    "media:thumbnail": (0, None),
    "media:group": (0, None),
}
_IMAGE: Final[Mapping[str, tuple[int, int | None]]] = {
    "url": (1, 1),
    "title": (1, 1),
    "link": (1, 1),
    "width": (0, 1),
    "height": (0, 1),
    "description": (0, 1),
}
_SAME = (("author", "dc:creator"), ("category", "dc:subject"), ("pubDate", "dc:date"))
_PLAIN = {"title", "description", "copyright", "category", "generator"}


def check(root: etree._Element, lines: list[str], *, now: datetime, address: str) -> Iterator[str]:
    """Check an RSS document."""
    if root.tag != "rss" or root.get("version") != "2.0":
        yield f"UndefinedElement: {root.tag} {root.get('version')} is no RSS 2.0"
        return
    yield from attributes(root, {"version"})
    yield from children(root, {"channel": (1, 1)})
    for reference in ("&amp;", "&lt;"):
        if any(reference in line for line in lines):
            yield f"CharacterData: {reference} is not written in hexadecimal"
    for channel in root.findall("channel"):
        yield from _channel(channel, lines, now, address)


def _channel(
    channel: etree._Element, lines: list[str], now: datetime, address: str
) -> Iterator[str]:
    yield from children(channel, _CHANNEL)
    names = [name_of(one) for one in elements(channel)]
    if "item" in names and set(names[names.index("item") :]) != {"item"}:
        yield "MisplacedItem: before the channel's own elements"
    links = channel.findall(f"{ATOM}link")
    for one in links:
        yield from link(one, "feed")
    yield from self_link(links, address)
    yield from history(channel, links)
    yield from _texts(channel, _PLAIN, lines)
    yield from _scalars(channel, now)
    if not is_language(text_of(channel.find("language"))):
        yield f"InvalidLanguage: {text_of(channel.find('language'))!r}"
    minutes = text_of(channel.find("ttl")) or "60"
    if not minutes.isdecimal() or int(minutes) < 1:
        yield f"InvalidPositiveInteger: ttl {minutes!r}"
    for image in channel.findall("image"):
        yield from _image(image, channel)
    items = channel.findall("item")
    for item in items:
        yield from _item(item, lines, now)
    guids = Counter(text_of(item.find("guid")) for item in items)
    yield from (f"DuplicateValue: guid {one!r}" for one, count in guids.items() if count > 1)


def _texts(parent: etree._Element, names: set[str], lines: list[str]) -> Iterator[str]:
    for one in elements(parent):
        if name_of(one) in names:
            where = f"{name_of(one)} of {name_of(parent)}"
            yield from attributes(one, {"domain"} if one.tag == "category" else set())
            yield from plain(text_of(one), where, line_of(one, lines))
            if len(one):
                yield f"UndefinedElement: in {where}"


def _scalars(parent: etree._Element, now: datetime) -> Iterator[str]:
    """Check dates and addresses of a channel or an item."""
    for one in elements(parent):
        name, where = name_of(one), f"{name_of(one)} of {name_of(parent)}"
        if name in {"pubDate", "lastBuildDate"}:
            yield from rfc822(text_of(one), now, where)
        elif name in {"atom:updated", "dc:date"}:
            yield from rfc3339(text_of(one), now, where)
        elif name in {"link", "docs", "comments"} and not is_uri(text_of(one)):
            yield f"InvalidFullLink: {where}: {text_of(one)!r}"
        elif name == "dc:creator" and not text_of(one).strip():
            yield f"NotBlank: {where}"


def _image(image: etree._Element, channel: etree._Element) -> Iterator[str]:
    yield from children(image, _IMAGE)
    if not is_uri(text_of(image.find("url"))):
        yield f"InvalidFullLink: url of image: {text_of(image.find('url'))!r}"
    for name in ("title", "link"):
        if text_of(image.find(name)) != text_of(channel.find(name)):
            yield f"Image{name.title()}DoesntMatch: {text_of(image.find(name))!r}"
    for name, most in (("width", 144), ("height", 400)):
        size = text_of(image.find(name)) or "1"
        if not size.isdecimal() or not 1 <= int(size) <= most:
            yield f"IntegerOverflow: {name} of image: {size!r}"


def _item(item: etree._Element, lines: list[str], now: datetime) -> Iterator[str]:
    yield from children(item, _ITEM)
    yield from attributes(item, set())
    yield from _texts(item, {"title", "category"}, lines)
    yield from _scalars(item, now)
    yield from media(item)
    for one in item.findall(f"{ATOM}link"):
        yield from link(one, "entry")
    yield from _fitting([name_of(one) for one in elements(item)])
    for one in item.findall("description"):
        yield from html(text_of(one), "description")
    for one in item.findall(f"{CONTENT}encoded"):
        if not text_of(one):
            yield "NotBlank: content:encoded"
        yield from html(text_of(one), "content:encoded")
    for one in item.findall("guid"):
        yield from _guid(one)
    for one in item.findall("enclosure"):
        yield from _enclosure(one)
    for one in item.findall("author"):
        if "@" not in text_of(one):
            yield f"InvalidContact: author {text_of(one)!r}"


def _fitting(names: list[str]) -> Iterator[str]:
    """Check which children of an item go together, and in which order."""
    if "title" not in names and "description" not in names:
        yield "ItemMustContainTitleOrDescription: an item has neither"
    if "content:encoded" in names and "description" not in names[: names.index("content:encoded")]:
        yield "NeedDescriptionBeforeContent: an item"
    for core, extension in _SAME:
        if core in names and extension in names:
            yield f"DuplicateItemSemantics: {core} and {extension}"


def _guid(guid: etree._Element) -> Iterator[str]:
    yield from attributes(guid, {"isPermaLink"})
    said, value = guid.get("isPermaLink", "true"), text_of(guid)
    if said not in {"true", "false"}:
        yield f"InvalidBooleanAttribute: isPermaLink={said!r}"
    if said == "true" and not (is_uri(value) and value.startswith(("http:", "https:"))):
        yield f"InvalidPermalink: {value!r}"
    if said == "false" and value.isdecimal() and len(value) < 9:
        yield f"NotSufficientlyUnique: {value!r}"
    if not value.strip() or value != value.strip():
        yield f"NotBlank: guid {value!r}"


def _enclosure(one: etree._Element) -> Iterator[str]:
    yield from attributes(one, {"url", "length", "type"})
    if not is_uri(one.get("url", "")):
        yield f"InvalidURLAttribute: enclosure {one.get('url')!r}"
    if not one.get("length", "").isdecimal():
        yield f"InvalidIntegerAttribute: length of enclosure {one.get('length')!r}"
    if not is_mime(one.get("type", "")):
        yield f"InvalidMIMEAttribute: type of enclosure {one.get('type')!r}"
