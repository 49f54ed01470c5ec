"""HTML that mail programs can show: a post's text fitted in, the style inlined, the result checked.

premailer and cssutils are reached here only. Neither is thread-safe, and both can fetch: hence one
lock, and every way to the network closed (the switch of premailer does not reach ``@import``).
"""

from __future__ import annotations

import logging
import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import cssutils
from cssutils.css import CSSRule
from lxml import html as lxml_html
from lxml.cssselect import CSSSelector, SelectorError
from markupsafe import Markup
from premailer import Premailer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cssutils.css import CSSStyleRule
    from lxml.html import HtmlElement

_KEPT = {
    **dict.fromkeys(
        "b blockquote br caption cite code dd del dfn div dl dt em figcaption figure "  # noqa: SIM905 - it reads better whole
        "hr i ins kbd mark p pre q s samp small span strong sub sup tbody tfoot thead tr u ul var".split(),
        (),
    ),
    "a": ("href",),
    "abbr": ("title",),
    "li": ("value",),
    "ol": ("start",),
    "table": (),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan", "scope"),
}
"""The elements of a post that a letter shows, and their attributes; ``lang`` and ``dir`` besides."""

_CLASSES = {
    "a": "accent",
    "blockquote": "rail",
    "pre": "soft",
    "hr": "stroke",
    "th": "rule",
    "td": "rule",
}
"""The classes that give elements of a post their colours, by day and by night."""

_DROPPED = frozenset(
    "applet audio base button canvas embed form frame frameset head iframe input "  # noqa: SIM905 - the same
    "link math meta noscript object script select source style svg template textarea title track video".split(),
)
"""Elements that go with all they hold; any other stranger goes and leaves its text."""

_HEADINGS = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6", "h6": "h6"}
_LEADS = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)

_LOADERS = _DROPPED - {"head", "meta", "style", "title"} | {"img"}
_LOADING = frozenset({"src", "srcset", "background", "poster", "data", "code", "archive"})
_FETCHES = re.compile(r"url\s*\(|@import|expression\s*\(|\bsrc\s*=", re.IGNORECASE)

_EMPTY_STYLE = len(' style=""')

_LOCK = threading.Lock()

Reason = tuple[str, str, str]
"""A problem's code, what was expected and what was got."""


def _fetch_nothing(_url: str) -> None:
    """Answer cssutils, which follows ``@import`` even where premailer may not load anything."""


cssutils.util._defaultFetcher = _fetch_nothing  # noqa: SLF001 - there is no public switch
cssutils.ser.prefs.minimizeColorHash = False  # some mail programs know six digits only


def fit(html: str) -> Markup:
    """Return a post's HTML as a letter carries it: under its title, without a picture or an anchor.

    Headings go one level down, pictures become their words, notes lose links that mail programs
    cannot follow. Whatever could load, run or style is left out, whoever sanitised it before.
    """
    root = lxml_html.fragment_fromstring(html, create_parent="div")
    for note in root.findall(".//sup[@class='note']"):
        _close_up(note)
        for link in note.findall("a"):
            link.drop_tag()
    for element in list(root.iterdescendants()):
        _fit_element(element)
    text = root.text or ""
    return Markup.escape(text) + Markup("").join(map(_serialise, root))


def inline(page: str) -> str:
    """Return the page with its style in the elements, but for blocks marked to be ignored.

    Run it once a page: a second run would rewrite the blocks that the first one left alone.
    """
    with _LOCK:
        inlined: str = Premailer(
            page,
            method="html",
            allow_network=False,
            allow_loading_external_files=False,
            strip_important=False,
            keep_style_tags=False,
            remove_classes=False,
            disable_validation=True,
            align_floating_images=False,
            disable_leftover_css=False,
            disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
            cssutils_logging_level=logging.CRITICAL,
        ).transform(pretty_print=False)
    return inlined.rstrip("\n") + "\n"


def weigh(page: str) -> int:
    """Return how many octets the page will have once its style is inlined, or a few per cent more.

    It is what lets a letter be composed to a size and inlined once.
    """
    document = lxml_html.document_fromstring(page)
    style = "".join(
        block.text or "" for block in document.iter("style") if not block.get("data-premailer")
    )
    added: dict[HtmlElement, int] = {}
    with _LOCK:
        for select, octets in _read_style(style):
            for element in cast("list[HtmlElement]", select(document)):
                added[element] = added.get(element, _EMPTY_STYLE) + octets
    return len(page.encode()) - len(style.encode()) + sum(added.values())


@lru_cache(maxsize=16)
def _read_style(style: str) -> tuple[tuple[CSSSelector, int], ...]:
    """Return each selector of a style sheet, with the octets of what it declares."""
    cssutils.log.setLevel(logging.CRITICAL)
    rules = cssutils.parseString(style, validate=False).cssRules.rulesOfType(CSSRule.STYLE_RULE)
    pairs = ((one.selectorText, _declared(rule)) for rule in rules for one in rule.selectorList)
    return tuple((select, octets) for text, octets in pairs if (select := _selector(text)))


def _selector(text: str) -> CSSSelector | None:
    """Return a selector, or None for one that picks no element of a page at rest (``:hover``)."""
    try:
        return CSSSelector(text, translator="html")
    except SelectorError:
        return None


def _declared(rule: CSSStyleRule) -> int:
    return sum(len(f"{one.name}:{one.propertyValue.cssText}; ") for one in rule.style)


def find_loads(page: str) -> Iterator[Reason]:
    """Yield what in the page would make a mail program, or the inliner, fetch something."""
    for element in lxml_html.document_fromstring(page).iter():
        if callable(element.tag):  # a comment, which Word reads
            yield from map(_load, _FETCHES.findall(element.text or ""))
            continue
        if element.tag in _LOADERS:
            yield _load(f"<{element.tag}>")
        yield from (_load(f"{name}=") for name in element.keys() if name in _LOADING)  # noqa: SIM118 - an element is no mapping
        yield from map(_load, _FETCHES.findall(_style(element)))


def find_faults(
    page: str, inlined: str, tokens: Sequence[str], *, many: Collection[str] = ()
) -> Iterator[Reason]:
    """Yield what inlining lost or a template left out, given the page before and after."""
    if not inlined.startswith("<!DOCTYPE html>"):
        yield "letter.doctype", "<!DOCTYPE html> first", repr(inlined[:30])
    if inlined.count("<!--[if") != inlined.count("<![endif]-->"):
        yield "letter.comments", "every <!--[if …]> closed by <![endif]-->", "one that is not"
    for block in re.findall(r'<style data-premailer="ignore">(.*?)</style>', page, re.DOTALL):
        if block not in inlined:
            yield "letter.style", "every style block kept as written", "one that changed"
    if any(
        "var(" in _style(element) for element in lxml_html.document_fromstring(inlined).iter("*")
    ):
        yield "letter.style", "colours and sizes written out", "var("
    yield from find_miscounts(inlined, tokens, many=many)


def find_miscounts(
    text: str, tokens: Sequence[str], *, many: Collection[str] = ()
) -> Iterator[Reason]:
    """Yield each token that is not there exactly once; those in ``many`` may stand more often."""
    for token in tokens:
        count = text.count(token)
        if count == 0 or (count > 1 and token not in many):
            often = "at least once" if token in many else "exactly once"
            yield "letter.token", f"{token} {often}", f"{count} times" if count else "none"


def _style(element: HtmlElement) -> str:
    """Return the CSS that an element has or holds."""
    return f"{element.get('style', '')} {(element.text or '') if element.tag == 'style' else ''}"


def _load(got: str) -> Reason:
    return "letter.loads", "a letter that loads nothing when it is opened", got


def _close_up(note: HtmlElement) -> None:
    """Take out the space before a note's number, so that it never begins a line."""
    before, parent = note.getprevious(), note.getparent()
    if before is not None and before.tail:
        before.tail = before.tail.rstrip(" ")
    elif before is None and parent is not None and parent.text:
        parent.text = parent.text.rstrip(" ")


def _fit_element(element: HtmlElement) -> None:
    tag = element.tag
    if not isinstance(tag, str) or tag in _DROPPED:
        element.drop_tree()
    elif tag == "img":
        _name_picture(element)
    elif tag in _HEADINGS:
        element.tag = _HEADINGS[tag]
        _keep(element, ())
    elif tag not in _KEPT or (
        tag == "a" and not _LEADS.match((element.get("href") or "").strip())
    ):
        element.drop_tag()
    else:
        _keep(element, _KEPT[tag])


def _name_picture(element: HtmlElement) -> None:
    """Put the picture's words in its place; one that only adorns leaves nothing."""
    alt = (element.get("alt") or "").strip()
    if not alt:
        element.drop_tree()
        return
    element.tag = "em"
    element.text = f"[Image: {alt}]"
    _keep(element, ())


def _keep(element: HtmlElement, names: Sequence[str]) -> None:
    for name in element.keys():  # noqa: SIM118 - an element is no mapping
        if name not in names and name not in {"lang", "dir"}:
            del element.attrib[name]
    if element.tag in _CLASSES:
        element.set("class", _CLASSES[element.tag])


def _serialise(element: HtmlElement) -> Markup:
    return Markup(lxml_html.tostring(element, encoding="unicode"))  # noqa: S704 - only kept elements
