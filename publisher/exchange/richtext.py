"""Text with looks, as Word, Google Docs, Pages and browsers put it on the clipboard, to Markdown.

Headings, emphasis, lists, links, tables and footnotes are kept; scripts, styles, tracking and
whatever only looks are not. Images are left out and counted: each needs words of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from lxml import etree
from lxml import html as lxml_html

from publisher.errors import ContentError, Problem
from publisher.exchange.blocks import (
    Block,
    Code,
    Grid,
    Listing,
    Paragraph,
    Quotation,
    Rule,
    Run,
    note_lines,
    write_blocks,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml.html import HtmlElement

MOST_CHARACTERS = 5_000_000

_DROPPED_TAGS = (
    "script style head title meta link noscript iframe object embed svg math template form input "
    "button select textarea audio video canvas map colgroup xml"
)
_BLOCK_TAGS = (
    "address article aside body caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer header html li main nav p section summary tbody td tfoot th thead tr"
)
_DROPPED, _BLOCKS = frozenset(_DROPPED_TAGS.split()), frozenset(_BLOCK_TAGS.split())
_SHAPED = frozenset({"ul", "ol", "table", "blockquote", "pre", "hr"})
_APART = _BLOCKS | _SHAPED
_HEADING = re.compile(r"h([1-6])\Z")
_WORD_HEADING = re.compile(r"\bMso(Title|Heading([1-6]))\b")
_STYLE = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
_LEVEL = re.compile(r"level(\d+)")
_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_FRAGMENT = re.compile(r"<!--\s*StartFragment\s*-->(.*?)<!--\s*EndFragment\s*-->", re.DOTALL)
_MENTION = re.compile(r"#_?(ftn|edn|ftnt|footnote-|endnote-)(\d+)\Z")
_BACK = re.compile(r"#_?(ftn|edn|ftnt_?|footnote-|endnote-)ref-?(\d+)\Z")
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|msclkid|mc_[ce]id|_hs\w+|igshid\Z", re.IGNORECASE)
_BOLD_FROM = 600
_START = re.compile(r"\d{1,8}\Z")
_NUMBERED = re.compile(r"\(?[\divxlcA-Za-z]{1,4}[.)]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What rich text came to."""

    markdown: str
    """One line feed at its end; empty where there were no words."""
    images: int = 0
    """How many images were left out."""
    notes: tuple[str, ...] = ()
    """What was left out, a sentence each, for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A paragraph that Word means as an item of a list."""

    level: int
    is_numbered: bool
    runs: tuple[Run, ...]


@dataclass(slots=True)
class _Reading:
    first_note: int
    definitions: dict[tuple[str, str], HtmlElement] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    images: int = 0

    def number(self, key: tuple[str, str]) -> int:
        return self.numbers.setdefault(key, self.first_note + len(self.numbers))


def read_rich_text(html: str, *, first_note: int = 1) -> Pasted:
    """Return rich text as Markdown; ``first_note`` is the number of its first footnote.

    Raises ContentError for more than anybody pastes.
    """
    if len(html) > MOST_CHARACTERS:
        raise ContentError(_too_much(len(html)))
    root = _parse(html)
    if root is None:
        return Pasted(markdown="")
    reading = _Reading(first_note=first_note)
    _take_notes(root, reading)
    blocks = _level_headings(_fold(_blocks_of(root, reading, Run(text=""))))
    text = write_blocks(blocks)
    notes = _read_notes(reading)
    parts = [part for part in (text, "\n\n".join(note_lines(notes))) if part]
    return Pasted(
        markdown="\n\n".join(parts) + "\n" if parts else "",
        images=reading.images,
        notes=tuple(_tell(reading.images)),
    )


def _parse(html: str) -> HtmlElement | None:
    fragment = _FRAGMENT.search(html)
    text = _UNSEEN.sub("", fragment[1] if fragment else html)
    if not text.strip():
        return None
    parser = lxml_html.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        return lxml_html.fragment_fromstring(text, create_parent="div", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def _tell(images: int) -> Iterator[str]:
    if images == 1:
        yield "An image was left out: add it with words for those who do not see it."
    elif images:
        yield f"{images} images were left out: add each with words for those who do not see it."


def _too_much(size: int) -> Problem:
    return Problem(
        code="paste.size",
        path="paste",
        expected=f"at most {MOST_CHARACTERS // 1_000_000} million characters",
        got=f"{size / 1e6:.1f} million",
        hint="Paste it in parts.",
    )


# --------------------------------------------------------------------------------------- footnotes


def _take_notes(root: HtmlElement, reading: _Reading) -> None:
    """Take the texts of footnotes out of the tree: what holds the way back to the mention."""
    for link in list(root.iter("a")):
        back = _BACK.match(link.get("href") or "")
        if not back or link.getparent() is None:
            continue
        holder = _holder(link)
        link.drop_tree()
        key = (back[1].rstrip("_"), back[2])
        if holder is not None and holder.getparent() is not None:
            reading.definitions[key] = holder
            holder.drop_tree()


def _holder(link: HtmlElement) -> HtmlElement | None:
    """Return what holds one footnote: its item, Word's division for it, or its paragraph."""
    paragraph = None
    for above in link.iterancestors():
        if above.tag == "li" or "mso-element:" in _style_text(above):
            return above
        if paragraph is None and above.tag in {"p", "div"}:
            paragraph = above
    return paragraph if paragraph is not None and paragraph.getparent() is not None else None


def _read_notes(reading: _Reading) -> list[tuple[int, list[Run]]]:
    """Return the footnotes that were mentioned, also those within others, by number."""
    found: dict[int, list[Run]] = {}
    while len(found) < len(reading.numbers):
        for key, number in list(reading.numbers.items()):
            if number not in found:
                found[number] = list(_runs_of(reading.definitions[key], reading, Run(text="")))
    return sorted(found.items())


# ------------------------------------------------------------------------------------------ blocks


def _blocks_of(element: HtmlElement, reading: _Reading, look: Run) -> list[Block | _Item]:
    """Return what an element holds as blocks; words between blocks are paragraphs."""
    found: list[Block | _Item] = []
    waiting: list[Run] = [*_words(element.text, look)]
    for child in element:
        made = _block(child, reading, look)
        if made is None:
            waiting += _inline(child, reading, look)
        else:
            found += [*_paragraph(waiting), *made]
            waiting = []
        waiting += _words(child.tail, look)
    return [*found, *_paragraph(waiting)]


def _paragraph(runs: list[Run], level: int = 0) -> list[Block | _Item]:
    if not any(run.note or run.text.strip() for run in runs):
        return []
    return [Paragraph(runs=tuple(runs), level=level)]


def _block(element: HtmlElement, reading: _Reading, look: Run) -> list[Block | _Item] | None:
    """Return an element as blocks, or nothing where it stands among words."""
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in _DROPPED or _is_hidden(element):
        return None
    if level := _level(element, tag):
        return _paragraph(list(_runs_of(element, reading, look)), level)
    if tag in _SHAPED:
        return _shaped(element, reading, look)
    item = _word_item(element, reading, look) if tag in _BLOCKS else None
    if item:
        return [item]
    # Docs puts everything in one <b>.
    if tag in _BLOCKS or any(
        one.tag in _APART or _HEADING.match(str(one.tag)) for one in element.iter()
    ):
        return _blocks_of(element, reading, _looked(element, look))
    return None


def _shaped(element: HtmlElement, reading: _Reading, look: Run) -> list[Block | _Item]:
    """Return what is more than paragraphs: a list, a table, a quotation, code, a line."""
    found: list[Block | _Item]
    match element.tag:
        case "ul" | "ol":
            found = [_listing(element, reading, look)]
        case "table":
            found = _table(element, reading, look)
        case "blockquote":
            found = [Quotation(blocks=tuple(_fold(_blocks_of(element, reading, look))))]
        case "pre":
            found = [Code(text=_UNSEEN.sub("", element.text_content()))]
        case _:
            found = [Rule()]
    return found


def _level(element: HtmlElement, tag: str) -> int:
    heading = _HEADING.match(tag)
    if heading:
        return int(heading[1])
    named = _WORD_HEADING.search(element.get("class") or "")
    return int(named[2] or 1) if named else 0


def _level_headings(blocks: list[Block]) -> list[Block]:
    """Move headings down where one is of the first level: that is the post's title."""
    levels = [one.level for one in blocks if isinstance(one, Paragraph) and one.level]
    down = 1 if levels and min(levels) == 1 else 0
    return [
        replace(one, level=min(one.level + down, 6))
        if isinstance(one, Paragraph) and one.level
        else one
        for one in blocks
    ]


def _listing(element: HtmlElement, reading: _Reading, look: Run) -> Listing:
    items: list[tuple[Block, ...]] = [tuple(_fold(_paragraph(_words(element.text, look))))]
    for child in element:
        if child.tag in {"ul", "ol"} and items[-1]:
            # Word and Docs put the inner list beside its item.
            items[-1] = (*items[-1], _listing(child, reading, look))
        else:
            blocks = _block(child, reading, look)
            words = _paragraph(list(_inline(child, reading, look))) if blocks is None else blocks
            items.append(tuple(_fold(words)))
        items.append(tuple(_fold(_paragraph(_words(child.tail, look)))))
        if not items[-1]:
            items.pop()
    start = element.get("start") or ""
    return Listing(
        items=tuple(item for item in items if item),
        is_numbered=element.tag == "ol",
        start=int(start) if _START.match(start) else 1,
    )


def _table(element: HtmlElement, reading: _Reading, look: Run) -> list[Block | _Item]:
    rows = [row for row in element.iter("tr") if _table_of(row) is element]
    cells = [[cell for cell in row if cell.tag in {"td", "th"}] for row in rows]
    if max(map(len, cells), default=0) <= 1:  # it only arranges
        return _blocks_of(element, reading, look)
    return [
        Grid(
            rows=tuple(
                tuple(tuple(_runs_of(cell, reading, look)) for cell in row) for row in cells
            )
        )
    ]


def _table_of(row: HtmlElement) -> HtmlElement | None:
    return next(row.iterancestors("table"), None)


# ------------------------------------------------------------------------------------ Word's lists


def _word_item(element: HtmlElement, reading: _Reading, look: Run) -> _Item | None:
    """Return a paragraph that Word's style makes an item; its mark is text, and no part of it."""
    style = _style_text(element)
    level = _LEVEL.search(style)
    if "mso-list:" not in style or not level:
        return None
    mark = ""
    for one in list(element.iter("span")):
        if "mso-list:ignore" in _style_text(one):
            mark += one.text_content()
            one.drop_tree()
    return _Item(
        level=int(level[1]),
        is_numbered=bool(_NUMBERED.match(mark.strip())),
        runs=tuple(_runs_of(element, reading, look)),
    )


def _fold(blocks: Iterable[Block | _Item]) -> list[Block]:
    """Make lists of the items that stand together."""
    folded: list[Block] = []
    items: list[_Item] = []
    for block in blocks:
        if isinstance(block, _Item):
            items.append(block)
            continue
        folded += _nest(items)
        items = []
        folded.append(block)
    return folded + _nest(items)


def _nest(items: list[_Item]) -> list[Block]:
    """Return items as lists within lists, by their levels."""
    if not items:
        return []
    top = min(one.level for one in items)
    first = next(one for one in items if one.level == top)
    found: list[tuple[Block, ...]] = []
    inner: list[_Item] = []
    for at, item in enumerate(items):
        if item.level == top and item.is_numbered is not first.is_numbered:
            _close(found, inner)
            listing = Listing(items=tuple(found), is_numbered=first.is_numbered)
            return [listing, *_nest(items[at:])]
        if item.level > top:
            inner.append(item)
            continue
        _close(found, inner)
        inner = []
        found.append((Paragraph(runs=item.runs),))
    _close(found, inner)
    return [Listing(items=tuple(found), is_numbered=first.is_numbered)]


def _close(found: list[tuple[Block, ...]], inner: list[_Item]) -> None:
    if inner and found:
        found[-1] = (*found[-1], *_nest(inner))
    elif inner:
        found.append(tuple(_nest(inner)))


# ------------------------------------------------------------------------------------------- words


def _runs_of(element: HtmlElement, reading: _Reading, look: Run) -> Iterator[Run]:
    """Yield everything an element says as words; blocks within it are set apart by a space."""
    inner = _looked(element, look)
    yield from _words(element.text, inner)
    for child in element:
        apart = " " if child.tag in _APART else ""
        yield from _words(apart, inner)
        yield from _inline(child, reading, inner)
        yield from _words(apart, inner)
        yield from _words(child.tail, inner)


def _inline(element: HtmlElement, reading: _Reading, look: Run) -> Iterator[Run]:
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in _DROPPED or _is_hidden(element):
        return
    if tag == "img":
        reading.images += 1
        return
    if tag == "br":
        yield replace(look, text="\n", code=False)
        return
    mention = _MENTION.match(element.get("href") or "") if tag == "a" else None
    if mention and (key := (mention[1], mention[2])) in reading.definitions:
        yield Run(text="", note=reading.number(key))
        return
    yield from _runs_of(element, reading, look)


def _words(text: str | None, look: Run) -> list[Run]:
    return [replace(look, text=_SPACE.sub(" ", text))] if text else []


def _looked(element: HtmlElement, look: Run) -> Run:
    """Return the look of what is within an element."""
    tag = element.tag if isinstance(element.tag, str) else ""
    style = dict(_STYLE.findall(_style_text(element)))
    bold = look.bold or tag in {"b", "strong"}
    weight = style.get("font-weight", "").strip()
    if weight in {"bold", "bolder"} or (weight.isdecimal() and int(weight) >= _BOLD_FROM):
        bold = True
    elif weight:
        bold = False
    italic = look.italic or tag in {"i", "em", "cite"}
    slant = style.get("font-style", "").strip()
    italic = slant in {"italic", "oblique"} if slant else italic
    decoration = style.get("text-decoration", "") + style.get("text-decoration-line", "")
    return replace(
        look,
        bold=bold,
        italic=italic,
        struck=look.struck or tag in {"s", "strike", "del"} or "line-through" in decoration,
        code=look.code or tag in {"code", "kbd", "samp", "tt"},
        href=_href(element) if tag == "a" else look.href,
    )


def _href(link: HtmlElement) -> str:
    """Return where a link leads, without what it would tell of whoever follows it."""
    href = (link.get("href") or "").strip()
    try:
        parts = urlsplit(href)
        if parts.netloc.endswith("google.com") and parts.path == "/url":
            href = parse_qs(parts.query).get("q", [""])[0]
            parts = urlsplit(href)
    except ValueError:
        return ""
    if parts.scheme in {"mailto", "tel"}:
        return href
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    if not parts.query:
        return href
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if not _TRACKING.match(name)]
    return href if kept == asked else urlunsplit(parts._replace(query=urlencode(kept)))


def _style_text(element: HtmlElement) -> str:
    return re.sub(r"\s*:\s*", ":", (element.get("style") or "").lower())


def _is_hidden(element: HtmlElement) -> bool:
    style = _style_text(element)
    is_tracked = element.tag == "del" and (element.get("cite") or element.get("datetime"))
    return "display:none" in style or "mso-hide:all" in style or bool(is_tracked)
