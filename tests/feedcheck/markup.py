"""What is asked of the HTML that a reader shows: valid, harmless, and complete on any page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import html5lib  # type: ignore[import-untyped]
from html5lib.html5parser import ParseError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE_NAMES = (
    "a abbr address article aside audio b bdi blockquote br caption cite code col colgroup data "
    "dd del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img "
    "ins kbd li main mark ol p picture pre q rp rt ruby s samp section small source span strong "
    "sub summary sup table tbody td tfoot th thead time tr track u ul var video wbr"
)
_SAFE = frozenset(_SAFE_NAMES.split())
_ACTING_NAMES = (
    "applet base body button embed form frame frameset head html iframe input link meta noframes "
    "noscript object option param plaintext script select style svg template textarea title"
)
_ACTING = frozenset(_ACTING_NAMES.split())
_SAFE_ATTRIBUTES_NAMES = (
    "abbr align alt cite class colspan controls datetime dir headers height href hreflang id lang "
    "loading media name open poster preload rel reversed rowspan scope sizes span src srclang "
    "srcset start title translate type valign value width"
)
_SAFE_ATTRIBUTES = frozenset(_SAFE_ATTRIBUTES_NAMES.split())
_ADDRESSES = frozenset(
    {"href", "src", "poster", "cite", "longdesc", "background", "action", "data"}
)
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_MATHML = "http://www.w3.org/1998/Math/MathML"
_HTML = "http://www.w3.org/1999/xhtml"
_WHERE = re.compile(r"\{(.*)\}(.*)")


def html(text: str, where: str) -> list[str]:
    """Return what is wrong with a text of HTML that is part of a feed."""
    return [f"{rule} (in {where})" for rule in _check(text)]


@lru_cache(maxsize=256)
def _check(text: str) -> tuple[str, ...]:
    """Remember the same text: three formats of several feeds hold it."""
    parser = html5lib.HTMLParser(strict=True)
    try:
        tree = parser.parseFragment(text)
    except ParseError as error:
        return (f"InvalidHTML: {error}",)
    return tuple(dict.fromkeys(finding for one in tree.iter() for finding in _element(one)))


def _element(element: object) -> Iterator[str]:
    tag = getattr(element, "tag", "")
    if not isinstance(tag, str):  # a comment
        return
    found = _WHERE.match(tag)
    if not found:  # the fragment itself
        return
    space, name = found.groups()
    if space == _MATHML:
        yield f"MathML: <{name}>"
    elif space != _HTML or name in _ACTING:
        yield f"SecurityRisk: <{name}>"
    elif name not in _SAFE:
        yield f"NotHtml: <{name}>"
    for attribute, value in element.attrib.items():  # type: ignore[attr-defined]
        yield from _attribute(name, str(attribute), value, is_math=space == _MATHML)


def _attribute(tag: str, name: str, value: str, *, is_math: bool) -> Iterator[str]:
    if name == "style":
        yield f"DangerousStyleAttr: <{tag} style={value!r}>"
    elif name.startswith("on") or (name not in _SAFE_ATTRIBUTES and not is_math):
        yield f"SecurityRiskAttr: <{tag} {name}>"
    if name in _ADDRESSES:
        yield from _address(tag, name, value)
    elif name == "srcset":
        for candidate in value.split(", "):
            yield from _address(tag, name, candidate.split()[0] if candidate.split() else "")


def _address(tag: str, name: str, value: str) -> Iterator[str]:
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        yield f"InvalidUri: <{tag} {name}={value!r}>"
        return
    if not parts.scheme:
        yield f"ContainsRelRef: <{tag} {name}={value!r}>"
    elif parts.scheme not in _SCHEMES:
        yield f"UnsafeScheme: <{tag} {name}={value!r}>"
