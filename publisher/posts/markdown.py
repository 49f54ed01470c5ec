"""Markdown to safe HTML: the two libraries that do it, and nothing else does.

pyromark is pulldown-cmark, a CommonMark parser in Rust. 200 posts take it 11 ms, where
markdown-it-py takes 1,082, mistune 1,208 and markdown 1,864: the engine decides what a full build
costs (``tests/benchmarks/bench_markdown.py``). nh3 is ammonia: it parses as browsers do and lets
through what is listed here, so what an author pastes cannot act in a page, a feed or a letter.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import nh3
import pyromark
from pyromark import Options

from publisher.posts.text import clean, is_clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pyromark.event import BrokenLink, Event

CITED = "#cite:@"
"""What the link of a citation begins with until notes are numbered; its key follows."""

_OPTIONS = (
    Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_SMART_PUNCTUATION
    | Options.ENABLE_TASKLISTS
)

_TEXT_TAGS = (
    "a abbr b blockquote br caption cite code dd del dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s small strong sub sup table tbody td tfoot th thead tr u "
    "ul"
)
_MATH_TAGS = (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover "
    "munderover mmultiscripts mprescripts mtable mtr mtd mpadded mphantom mstyle merror"
)
_CELL = {"colspan", "rowspan"}
_SANITIZER = nh3.Cleaner(
    # Divisions carry the footnotes from one library to the other; `notes` takes them all out.
    tags={*_TEXT_TAGS.split(), *_MATH_TAGS.split(), "div"},
    clean_content_tags={
        "script", "style", "iframe", "noscript", "noembed", "noframes", "svg", "template", "object"
    },
    attributes={
        "*": {"lang", "dir"},
        "a": {"href", "title"},
        "abbr": {"title"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start"},
        "td": _CELL,
        "th": {*_CELL, "scope"},
        "div": {"id"},
        "math": {"display"},
        "mi": {"mathvariant"},
        "mo": {"stretchy", "fence", "separator", "form"},
        "mspace": {"width"},
    },
    tag_attribute_values={
        "td": {"align": {"left", "center", "right"}},
        "th": {"align": {"left", "center", "right"}},
    },
    allowed_classes={
        "div": {"footnote-definition"},
        "sup": {"footnote-reference", "footnote-definition-label"},
    },
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
)  # fmt: skip

_FIRST_OF_TWO = re.compile(rb"\[-?@([^\[\]]*)\]\[")
_CITED_AFTER_BANG = re.compile(r'<img src="(#cite:@[^"]+)" alt="([^"]*)" />')  # "Stop![@key]"
_ALIGNED = re.compile(r'<(t[dh]) style="text-align: (left|center|right)">')
_BOX = re.compile(r'<input disabled="" type="checkbox"( checked="")?/>\n?')
_TAG = re.compile(
    r"""<!--.*?(?:-->|\Z)|<(script|style|textarea|title|iframe|xmp)\b.*?(?:</\1|\Z)
    |<(/?)([A-Za-z][^\s<>/]*)(?:"[^"]*"|'[^']*'|[^<>"'])*>""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_CLOSED_BY_NEXT = {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"}
_EMPTY = {"br", "hr", "img", "input", "wbr", "col", "area", "embed", "source", "link", "meta"}
_FREE = frozenset(_CLOSED_BY_NEXT | _EMPTY)
_NESTING = re.compile("<(?:blockquote|[uo]l|div|em|strong|del)")
MAX_DEPTH = 100


class TooDeep(ValueError):  # noqa: N818 - it reads as the sentence it is
    """The text is nested so deep that neither sanitizer nor readers cope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Html:
    """Sanitised HTML with citations and footnotes still marked, and citations of nothing."""

    html: str
    uncited: tuple[tuple[int, str], ...] = ()
    """Byte offset in the Markdown, and what stands in the brackets."""


def convert(markdown: str, keys: Collection[str]) -> Html:
    """Return Markdown as safe HTML, where ``[@key]`` is a link that begins with ``CITED``.

    ``keys`` are those that can be cited. Raises TooDeep.
    """
    return convert_all([(markdown, keys)])[0]


def convert_all(texts: Iterable[tuple[str, Collection[str]]]) -> list[Html]:
    """Return several texts as ``convert`` does: one library after the other, in less time."""
    read = [_to_html(markdown, keys) for markdown, keys in texts]
    return [Html(html=_sanitize(_adapt(html)), uncited=uncited) for html, uncited in read]


def sketch(markdown: str, keys: Collection[str]) -> Html:
    """Return what ``convert`` does, in half the time, for reading only: it may not be safe.

    Where the Markdown holds no HTML the parser's own is good enough to find what is wrong in it.
    """
    if "<" in markdown:
        return convert(markdown, keys)
    html, uncited = _to_html(markdown, keys)
    return Html(html=_adapt(html), uncited=uncited)


def _to_html(markdown: str, keys: Collection[str]) -> tuple[str, tuple[tuple[int, str], ...]]:
    """Return the parser's HTML and the citations of nothing; raises TooDeep."""
    if "[@" not in markdown and "[-@" not in markdown:
        html = pyromark.html(markdown, options=_OPTIONS)
        _refuse_depth(html, has_html="<" in markdown)
        return html, ()
    source = markdown.encode()
    uncited: set[tuple[int, str]] = set()

    def cite(link: BrokenLink) -> tuple[str, str] | None:
        reference, at = link["reference"], link["span"]["start"]
        if not reference.startswith(("@", "-@")):
            return None
        # Of two citations side by side Markdown makes one link, and the first is its text.
        first = _FIRST_OF_TWO.match(source, at)
        if first and first[1].decode() not in keys:
            uncited.add((at, f"@{first[1].decode()}"))
        if reference[1:] in keys:
            return CITED + reference[1:], ""
        uncited.add((at, reference))
        return None

    html = pyromark.html(markdown, options=_OPTIONS, broken_link_callback=cite)
    _refuse_depth(html, has_html="<" in markdown)
    html = _CITED_AFTER_BANG.sub(r'!<a href="\1">\2</a>', html)
    return html, tuple(sorted(uncited))


def _adapt(html: str) -> str:
    """Say in tags that mail and feeds keep what the parser says in styles and form fields."""
    if " style=" in html:
        html = _ALIGNED.sub(r'<\1 align="\2">', html)
    if "<input" in html:
        html = _BOX.sub(lambda box: "\u2611 " if box[1] else "\u2610 ", html)
    return html


def _sanitize(html: str) -> str:
    """Return the HTML with nothing left that acts, loads or styles."""
    safe = _SANITIZER.clean(html)
    # A forbidden character can hide a scheme from the sanitizer, and its removal bring it back.
    safe = safe if is_clean(safe) else _SANITIZER.clean(clean(safe))
    return safe.replace('<sup class=""', "<sup")


def _refuse_depth(html: str, *, has_html: bool) -> None:
    """Raise TooDeep where a browser might nest the tags deeper than that.

    The sanitizer's time grows with the square of the depth, and lxml gives up at 256. Without
    an author's own HTML few kinds of tags nest, and they are soon counted.
    """
    if html.count("<") <= MAX_DEPTH:
        return
    if not has_html and len(_NESTING.findall(html)) <= MAX_DEPTH:
        return
    unclosed: Counter[str] = Counter()
    depth = 0
    for _, closes, name in _TAG.findall(html):
        tag = name.lower()
        if not tag or tag in _FREE:
            continue
        if not closes:
            unclosed[tag] += 1
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeep
        elif unclosed[tag]:
            unclosed[tag] -= 1
            depth -= 1


# ------------------------------------------------------------------- where something stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Something in the Markdown, and where: only a mistake needs to know."""

    kind: Literal["link", "image", "html", "footnote"]
    target: str
    """The address, the HTML, or the label of a footnote that nothing defines."""
    at: int
    """Byte offset in the Markdown."""
    is_bare: bool = False
    """Whether an image has no description."""


_LABEL = re.compile(rb"\[\^([^\]\n]*)")


def spots(markdown: str) -> list[Spot]:
    """Return where links, images, raw HTML and footnotes without a definition stand."""
    source = markdown.encode()
    found: list[Spot] = []
    before: Event = "Rule"
    for event, place in pyromark.events_with_range(markdown, options=_OPTIONS):
        at = place["start"]
        match event:
            case {"Start": {"Link": {"dest_url": target}}}:
                found.append(Spot(kind="link", target=target, at=at))
            case {"Start": {"Image": {"dest_url": target}}}:
                words = source[at : place["end"]].partition(b"]")[0].strip(b"![ \t\n")
                found.append(Spot(kind="image", target=target, at=at, is_bare=not words))
            case {"Html": str(html)} | {"InlineHtml": str(html)}:
                found.append(Spot(kind="html", target=html, at=at))
            case {"Text": str(text)} if text.startswith("^") and before == {"Text": "["}:
                label = _LABEL.match(source, at - 1)
                found += [Spot(kind="footnote", target=label[1].decode(), at=at)] if label else []
        before = event
    return found
