"""What a page or a letter tells others of who reads it: nothing, or each place where it would.

Whoever opens it must ask no other machine for anything, run nothing, and follow no link that says
who followed it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from publisher.preflight.document import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.preflight.document import Document, Element

_LOADING = ("src", "srcset", "background", "poster", "data", "lowsrc", "dynsrc")
_LOADED_LINKS = frozenset(
    {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}
)
_FRAMES = frozenset({"iframe", "embed", "object", "portal"})
_DATA_SCRIPT = "application/ld+json"
"""What is in a script element for search engines to read, and runs nowhere."""
_FETCHED = re.compile(r"(?:url\s*\(|@import)\s*['\"]?\s*([^'\")\s;]+)", re.IGNORECASE)
_TRACKING = re.compile(
    r"utm_\w+|mc_[ce]id|fbclid|gclid|_hsenc|mkt_tok|subscriber|recipient|email", re.IGNORECASE
)


def find_trackers(html: str, *, site_url: str, may_load: bool) -> list[tuple[int, str]]:
    """Return each thing that would tell on a reader, with its line.

    ``may_load`` lets it load what the site itself has, as pages do and letters do not.
    """
    document = read(html)
    found = [*_loads(document, site_url, may_load=may_load), *_runs(document), *_links(document)]
    return sorted(dict.fromkeys(found))


def _loads(document: Document, site_url: str, *, may_load: bool) -> Iterator[tuple[int, str]]:
    fetched = [
        (element.line, f"<{element.tag}> loads {address}", address)
        for element in document.elements
        for address in _addresses(element)
    ]
    fetched += [
        (block.line, f"a style loads {address}", address)
        for block in document.blocks
        for address in _FETCHED.findall(block.css)
    ]
    fetched += [
        (one.line, f"a style loads {address}", address)
        for one in document.declarations
        for address in _FETCHED.findall(one.value)
    ]
    for line, words, address in fetched:
        if not (address.startswith("data:") or (may_load and _is_own(address, site_url))):
            yield line, words


def _addresses(element: Element) -> Iterator[str]:
    for name in _LOADING:
        value = element.attributes.get(name, "")
        pieces = value.split(",") if name == "srcset" else [value]
        yield from (piece.split()[0] for piece in pieces if piece.split())
    kinds = element.attributes.get("rel", "").lower().split()
    if element.tag == "link" and _LOADED_LINKS & set(kinds):
        yield element.attributes.get("href", "")


def _is_own(address: str, site_url: str) -> bool:
    """Whether an address is a path, or leads to the site's own origin."""
    try:
        parts, own = urlsplit(address), urlsplit(site_url)
    except ValueError:
        return False
    return not (parts.scheme or parts.netloc) or parts[:2] == own[:2]


def _runs(document: Document) -> Iterator[tuple[int, str]]:
    for element in document.elements:
        named = element.attributes
        if element.tag == "script" and named.get("type", "").lower() != _DATA_SCRIPT:
            yield element.line, "a script"
        if element.tag in _FRAMES:
            yield element.line, f"<{element.tag}>: a page of somebody else's inside"
        if element.tag == "meta" and named.get("http-equiv", "").lower() == "refresh":
            yield element.line, "a page that leads away by itself"
        yield from (
            (element.line, f"<{element.tag} {name}>: it runs on an occasion")
            for name in named
            if name.startswith("on")
        )
        if "ping" in named:
            yield element.line, f"<{element.tag} ping>: it tells who follows it"


def _links(document: Document) -> Iterator[tuple[int, str]]:
    for anchor in document.anchors:
        try:
            query = parse_qsl(urlsplit(anchor.href).query)
        except ValueError:
            continue
        if any(_TRACKING.fullmatch(name) for name, _ in query):
            yield anchor.line, f"a link that says who follows it: {anchor.href}"
