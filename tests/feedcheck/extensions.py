"""What is asked of elements that Atom and RSS share: links, media, history, and who may stand where."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.feedcheck.texts import is_iri, is_language, is_mime, is_uri, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
MEDIA = "{http://search.yahoo.com/mrss/}"
XML = "{http://www.w3.org/XML/1998/namespace}"

_PREFIXES = {ATOM: "atom:", CONTENT: "content:", DC: "dc:", HISTORY: "fh:", MEDIA: "media:"}
_PAGING = {"current", "first", "last", "next", "next-archive", "prev-archive", "previous"}
_RELATIONS = _PAGING | {
    "alternate", "describedby", "enclosure", "hub", "license", "payment", "related", "replies",
    "self", "up", "via",
}  # fmt: skip
_LINK_ATTRIBUTES = {"href", "rel", "type", "hreflang", "title", "length"}
_MEDIUMS = {"image", "audio", "video", "document", "executable"}
_MEDIA_ATTRIBUTES = {
    "content": {"url", "fileSize", "type", "medium", "isDefault", "expression", "height", "width", "lang"},
    "thumbnail": {"url", "height", "width", "time"},
    "title": {"type"},
    "description": {"type"},
    "credit": {"role", "scheme"},
    "text": {"type", "lang", "start", "end"},
    "copyright": {"url"},
    "rating": {"scheme"},
}  # fmt: skip


def line_of(element: etree._Element, lines: list[str]) -> str:
    """Return the line of the source that the element begins in."""
    line: Any = element.sourceline
    return lines[line - 1] if line else ""


def name_of(element: etree._Element) -> str:
    """Return the name with the prefix that everybody uses, or in Clark's notation."""
    tag = str(element.tag)
    for space, prefix in _PREFIXES.items():
        if tag.startswith(space):
            return prefix + tag.removeprefix(space)
    return tag


def elements(parent: etree._Element) -> list[etree._Element]:
    """Return the children that are elements."""
    return list(parent.iterchildren("*"))


def text_of(element: etree._Element | None) -> str:
    """Return the element's text; empty where there is no element."""
    return "" if element is None else element.text or ""


def children(
    parent: etree._Element, allowed: Mapping[str, tuple[int, int | None]]
) -> Iterator[str]:
    """Check which children there are and how often; ``allowed`` says at least and at most."""
    counts = Counter(map(name_of, elements(parent)))
    where = name_of(parent)
    for name, count in counts.items():
        most = allowed[name][1] if name in allowed else None
        if name not in allowed:
            yield f"UndefinedElement: {name} in {where}"
        elif most is not None and count > most:
            yield f"DuplicateElement: {name} in {where}"
    for name, (least, _) in allowed.items():
        if counts[name] < least:
            yield f"MissingElement: {name} in {where}"
    stray = [parent.text or "", *(one.tail or "" for one in parent)]
    if any(map(str.strip, stray)):
        yield f"UnexpectedText: in {where}"


def attributes(element: etree._Element, allowed: set[str]) -> Iterator[str]:
    """Check that there are no other attributes than these and the language."""
    for name in map(str, element.attrib):
        if name not in allowed and name != f"{XML}lang":
            yield f"UnexpectedAttribute: {name} of {name_of(element)}"


def link(element: etree._Element, where: str) -> Iterator[str]:
    """Check an ``atom:link`` of a feed, ``where`` "feed", or of an entry, ``where`` "entry"."""
    yield from attributes(element, _LINK_ATTRIBUTES)
    relation = element.get("rel", "alternate")
    if relation not in _RELATIONS and not is_uri(relation):
        yield f"UnregisteredAtomLinkRel: {relation!r}"
    if where == "entry" and relation in _PAGING:
        yield f"FeedHistoryRelInEntry: {relation}"
    if not is_iri(element.get("href", "")):
        yield f"InvalidIRI: link {relation}: {element.get('href')!r}"
    media_type = element.get("type")
    if media_type is not None and not is_mime(media_type):
        yield f"InvalidMIMEType: link {relation}: {media_type!r}"
    if where == "feed" and relation == "self" and media_type not in {
        None, "application/atom+xml", "application/rss+xml",
    }:  # fmt: skip
        yield f"SelfNotAtom: {media_type!r}"
    if not is_language(element.get("hreflang", "en")):
        yield f"InvalidLanguage: link {relation}: {element.get('hreflang')!r}"
    if not element.get("length", "0").isdecimal():
        yield f"InvalidNonNegativeInteger: link {relation}: {element.get('length')!r}"
    if "title" in element.attrib:
        yield from plain(element.get("title", ""), "link title", "")
    if text_of(element).strip() or len(element):
        yield f"AtomLinkNotEmpty: {relation}"


def self_link(links: list[etree._Element], address: str) -> Iterator[str]:
    """Check that the feed says where it is, and that it is there."""
    own = [one.get("href", "") for one in links if one.get("rel") == "self"]
    if not own:
        yield "MissingSelf: no link says where this feed is"
    if address and own and own != [address]:
        yield f"SelfDoesntMatchLocation: {own} is served at {address}"


def history(parent: etree._Element, links: list[etree._Element]) -> Iterator[str]:
    """Check the marks of RFC 5005: an archive never changes, a complete feed has no archives."""
    marks = {name_of(one) for one in elements(parent) if name_of(one).startswith("fh:")}
    targets = {one.get("rel", ""): one.get("href", "") for one in links}
    for one in elements(parent):
        if name_of(one).startswith("fh:") and (text_of(one) or len(one) or one.attrib):
            yield f"UnexpectedText: in {name_of(one)}"
    if marks == {"fh:archive", "fh:complete"}:
        yield "HistoryBoth: an archive is not complete"
    if "fh:archive" in marks and "current" not in targets:
        yield "HistoryCurrent: an archive names no current feed"
    if "fh:archive" not in marks and "next-archive" in targets:
        yield "HistoryNext: nothing comes after the current feed"
    if "fh:complete" in marks and targets.keys() & {"prev-archive", "next-archive"}:
        yield "HistoryComplete: a complete feed has no archives"
    for relation in ("prev-archive", "next-archive"):
        if relation in targets and targets[relation] == targets.get("self"):
            yield f"HistoryLoop: {relation} leads to the same document"
    if "fh:archive" in marks and targets.get("current") == targets.get("self"):
        yield "HistoryLoop: an archive calls itself current"


def media(parent: etree._Element) -> Iterator[str]:
    """Check the Media RSS of an entry, at any depth."""
    for one in parent.iter(f"{MEDIA}*"):
        kind = str(one.tag).removeprefix(MEDIA)
        if kind == "group":
            if len(one.findall(f"{MEDIA}content")) < 2:
                yield "MediaGroupWithoutAlternatives: a group is of several"
            continue
        if kind not in _MEDIA_ATTRIBUTES:
            yield f"UndefinedElement: media:{kind}"
            continue
        yield from attributes(one, _MEDIA_ATTRIBUTES[kind])
        yield from _medium(one, kind)


def _medium(one: etree._Element, kind: str) -> Iterator[str]:
    where = f"media:{kind}"
    if kind in {"content", "thumbnail"} and not is_uri(one.get("url", "")):
        yield f"InvalidFullLink: {where}: {one.get('url')!r}"
    for size in ("width", "height", "fileSize"):
        value = one.get(size, "1")
        if not value.isdecimal() or int(value) < 1:
            yield f"InvalidPositiveInteger: {where} {size}={value!r}"
    if kind == "content":
        if one.get("medium", "image") not in _MEDIUMS:
            yield f"InvalidMediaMedium: {one.get('medium')!r}"
        if not is_mime(one.get("type", "image/png")):
            yield f"InvalidMIMEAttribute: {where} type={one.get('type')!r}"
    elif kind in {"title", "description"}:
        if one.get("type", "plain") not in {"plain", "html"}:
            yield f"InvalidMediaTextType: {one.get('type')!r}"
        yield from plain(text_of(one), where, "")
