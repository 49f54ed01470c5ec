"""Plain text: paragraphs wrapped by display columns, and a post's HTML as text a person can read."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from lxml import html as lxml_html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.html import HtmlElement

WIDTH = 72
"""Columns of plain text."""

_NARROWEST = 24
"""Columns left to a text, however deep it is nested."""
_DEEPEST = 80
"""Levels of blocks inside blocks that are laid out; what is deeper is read as one paragraph."""
_LONG_URL = 40
"""Characters of an address that may stand in a line of text; a longer one has its own."""
_ALONE = "\x1e"
"""Stands around an address that gets its own line."""

_BLOCKS = frozenset(
    "address article aside blockquote caption dd details div dl dt figcaption figure "  # noqa: SIM905 - it reads better whole
    "footer h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul".split(),
)
_UNREAD = frozenset({"iframe", "noscript", "object", "script", "style", "svg", "template"})
_MARKS = {"h1": "=", "h2": "-"}
"""What underlines a heading; ``~`` the smaller ones."""
_STARTS = {"blockquote": "> ", "dd": " " * 4}
"""What every line inside begins with."""

# Chinese and Japanese text breaks between any two characters, but a line neither starts with a
# closing mark nor ends with an opening one.
_WIDE = "\u2e80-\u2fff\u3040-\ua4cf\uf900-\ufaff\uff00-\uff60\U00020000-\U0003fffd"
_OPENING = "「『（《〈【〔"  # noqa: RUF001 - full-width on purpose
_CLOSING = "、。，．！？：；」』）》〉】〕ー"  # noqa: RUF001 - the same
_PIECE = re.compile(f"[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^{_WIDE}]+?(?=[{_OPENING}{_WIDE}]|$)")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def readable(text: str) -> str:
    """Return the text without control characters and halves of characters, lines ended alike."""
    whole = text.encode("utf-8", "replace").decode()
    return _UNREADABLE.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def columns(text: str) -> int:
    """Return how many columns of a terminal the text fills (UAX 11)."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def wrap(text: str, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """Return the text in lines of at most ``width`` columns; a longer word stands alone.

    ``first`` and ``rest`` begin the first line and the others. Line breaks of the text are kept.
    """
    room = max(width - columns(rest), _NARROWEST)
    return _hang(
        "\n".join(line for given in text.split("\n") for line in _fold(given, room)), first, rest
    )


def underline(text: str, mark: str, width: int = WIDTH) -> str:
    """Return the text wrapped, and a line of marks as long as its longest line."""
    lines = wrap(text, width=width).split("\n")
    return "\n".join([*lines, mark * max(map(columns, lines))])


def plain_text(html: str) -> str:
    """Return sanitised HTML as plain text of 72 columns, without a line break at its end.

    Links read ``text (address)``, long addresses stand alone on their line; headings, lists,
    quotes, tables, code and the words of images keep their shape.
    """
    root = lxml_html.fragment_fromstring(readable(html), create_parent="div")
    return "\n\n".join(_blocks(root, WIDTH))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fold(text: str, width: int) -> Iterator[str]:
    """Yield the lines of one paragraph."""
    line, used = "", 0
    for gap, piece in _pieces(text):
        size = columns(piece)
        if line and used + len(gap) + size > width:
            yield line
            line, used = piece, size
        else:
            line += gap + piece if line else piece
            used = used + len(gap) + size if used else size
    yield line


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stays together on a line, each with what stands before it."""
    for word in re.findall(r"[^ \t\n]+", text):
        gap = " "
        for piece in [word] if word.isascii() else _PIECE.findall(word):
            yield gap, piece
            gap = ""


def _hang(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        ((rest if number else first) + line).rstrip(" ") for number, line in enumerate(lines)
    )


def _indent(text: str, start: str) -> str:
    return _hang(text, start, start)


def _blocks(element: HtmlElement, width: int, depth: int = 0) -> list[str]:
    """Return the paragraphs and other blocks inside the element."""
    if depth > _DEEPEST:
        return _paragraph(_collapse(element.text_content()), width)
    blocks, run = [], _collapse(element.text)
    for child in element:
        if _is_block(child):
            blocks += _paragraph(run, width) + _block(child, width, depth + 1)
            run = ""
        else:
            run += _inline(child)
        run += _collapse(child.tail)
    return blocks + _paragraph(run, width)


def _is_block(element: HtmlElement) -> bool:
    return any(inner.tag in _BLOCKS for inner in element.iter())


def _block(element: HtmlElement, width: int, depth: int) -> list[str]:
    """Return the blocks that a block-level element prints as."""
    tag = str(element.tag)
    if tag in {"ul", "ol"}:
        return _list(element, width, depth)
    if tag == "table":
        return _table(element, width, depth)
    if tag == "pre":
        return [_indent(element.text_content().strip("\n"), " " * 4)]
    if tag == "hr":
        return ["* * *"]
    return _group(tag, _blocks(element, width - len(_STARTS.get(tag, "")), depth), width)


def _group(tag: str, inside: list[str], width: int) -> list[str]:
    if re.fullmatch("h[1-6]", tag):
        return [underline(text, _MARKS.get(tag, "~"), width) for text in inside]
    if tag == "dl":
        return ["\n".join(inside)]
    return [_indent("\n\n".join(inside), _STARTS[tag])] if tag in _STARTS else inside


def _paragraph(run: str, width: int) -> list[str]:
    """Return the run of text as one block, or as none; long addresses get their own line."""
    moved = re.sub(f" *{_ALONE}([^{_ALONE}]*){_ALONE}([.,;:!?)…]+)", rf"\2{_ALONE}\1{_ALONE}", run)
    parts = [part.strip(" ") for part in moved.strip(f" \n{_ALONE}").split(_ALONE)]
    text = "\n".join(part for part in parts if part)
    return [wrap(text, width=width)] if text else []


def _list(element: HtmlElement, width: int, depth: int) -> list[str]:
    loose = element.find("li/p") is not None
    number = _number(element.get("start"), 1)
    items = []
    for item in element.iterchildren("li"):
        number = _number(item.get("value"), number)
        marker = f"{number}. " if element.tag == "ol" else "- "
        inside = _blocks(item, width - len(marker), depth)
        items.append(_hang(("\n\n" if loose else "\n").join(inside), marker, " " * len(marker)))
        number += 1
    return [("\n\n" if loose else "\n").join(items)] if items else []


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch("[0-9]{1,6}", text) else otherwise


def _table(element: HtmlElement, width: int, depth: int) -> list[str]:
    """Return the caption and one line a row, cells apart by bars, the head underlined."""
    lines = []
    for row in element.iter("caption", "tr"):
        cells = [row] if row.tag == "caption" else list(row.iterchildren("th", "td"))
        texts = [" ".join(" ".join(_blocks(cell, width, depth)).split()) for cell in cells]
        line = wrap(" | ".join(texts), rest="  ", width=width)
        head = bool(cells) and all(cell.tag == "th" for cell in cells)
        lines += [underline(line, "-", width)] if head else [line]
    return ["\n".join(lines)] if lines else []


def _inline(element: HtmlElement) -> str:
    """Return the text of an element inside a paragraph."""
    if not isinstance(element.tag, str) or element.tag in _UNREAD:
        return ""
    text = _collapse(element.text)
    for child in element:
        text += _inline(child) + _collapse(child.tail)
    match element.tag:
        case "br":
            return "\n"
        case "img":
            alt = _collapse(element.get("alt")).strip()
            return f"[Image: {alt}]" if alt else ""
        case "a":
            return _link(text, (element.get("href") or "").strip())
        case "sup":
            return _superscript(element, text)
        case _:
            return text


def _superscript(element: HtmlElement, text: str) -> str:
    """Return a note's number in brackets, and ten to the second not as a hundred and two."""
    if element.get("class") == "note":
        return f"[{element.text_content().strip()}]"
    return f"^{text}" if re.fullmatch(r"[-+\u2212]?[0-9]+", text) else text


def _link(text: str, href: str) -> str:
    address = re.sub("^(?:mailto|tel):", "", href)
    if not address or href.startswith("#") or text.strip() == address != href:
        return text
    shown = _ALONE + address + _ALONE if len(address) > _LONG_URL else f"({address})"
    if text.strip() in {"", href, re.sub("^https?://|/$", "", href)}:
        return shown.strip("()")
    return f"{text.rstrip()} {shown}"


def _collapse(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text or "")
