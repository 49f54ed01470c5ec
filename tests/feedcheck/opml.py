"""OPML 2.0 subscription lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.feedcheck.extensions import attributes, children, text_of
from tests.feedcheck.texts import is_uri, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree


def check(root: etree._Element) -> Iterator[str]:
    """Check a list of feeds."""
    if root.tag != "opml" or root.get("version") != "2.0":
        yield f"InvalidOPMLVersion: {root.tag} {root.get('version')!r}"
        return
    yield from children(root, {"head": (1, 1), "body": (1, 1)})
    for head in root.findall("head"):
        yield from plain(text_of(head.find("title")), "title", "&#x")
    outlines = list(root.iter("outline"))
    if not outlines:
        yield "MissingElement: outline in body"
    for outline in outlines:
        yield from _outline(outline)
    feeds = Counter(outline.get("xmlUrl") for outline in outlines)
    yield from (f"DuplicateValue: xmlUrl {one}" for one, count in feeds.items() if count > 1)


def _outline(outline: etree._Element) -> Iterator[str]:
    known = {"text", "title", "type", "xmlUrl", "htmlUrl", "description", "language", "version"}
    yield from attributes(outline, known)
    if outline.get("type") != "rss":
        yield f"InvalidOutlineType: {outline.get('type')!r}"
    for name in ("text", "title"):
        if not outline.get(name):
            yield f"Missing{name.title()}Attr: outline of {outline.get('xmlUrl')}"
        else:
            yield from plain(outline.get(name, ""), f"{name} of outline", "&#x")
    for name in ("xmlUrl", "htmlUrl"):
        if not is_uri(outline.get(name, "")):
            yield f"InvalidFullLink: {name} of outline: {outline.get(name)!r}"
