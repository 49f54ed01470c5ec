"""A letter's HTML as a mail program meets it: what links, loads, styles and says what, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"})
_CODE = frozenset({"code", "kbd", "pre", "samp"})
_UNREAD = frozenset({"head", "script", "style", "title"})
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{")
_CLASS_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"(#[0-9a-fA-F]{6})(?:\s*!important)?\Z")


class Declaration(NamedTuple):
    """One ``name: value`` of an element's style or a style block."""

    name: str
    value: str
    line: int


class Colours(NamedTuple):
    """Text and ground, each ``#`` and six digits; empty where nothing says."""

    text: str = ""
    ground: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One start tag."""

    tag: str
    attributes: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A run of text that a reader sees."""

    text: str
    line: int
    light: Colours
    dark: Colours
    is_code: bool


@dataclass(slots=True, kw_only=True)
class Anchor:
    """A link and the words that stand for it."""

    href: str
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleBlock:
    """What one ``<style>`` holds."""

    css: str
    line: int


@dataclass(slots=True)
class Document:
    """A letter's HTML, read once."""

    elements: list[Element] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    declarations: list[Declaration] = field(default_factory=list)
    """Of elements, and of style blocks that every mail program reads."""
    blocks: list[StyleBlock] = field(default_factory=list)
    comments: list[tuple[str, int]] = field(default_factory=list)
    """Comments, which Word reads as markup; each with its line."""
    unreadable_at: int | None = None
    """The line on which reading ended before the end."""


_UNPAINTED = Colours()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """What an open element means for the text inside it."""

    tag: str = ""
    light: Colours = _UNPAINTED
    dark: Colours = _UNPAINTED
    is_code: bool = False
    is_unseen: bool = False


def read(html: str) -> Document:
    """Return what the letter holds; lines count from 1."""
    reader = _Reader(_dark_colours(html))
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # older Pythons stumble over marked sections such as <![x]>
        reader.document.unreadable_at = reader.getpos()[0]
    return reader.document


def declarations(css: str, line: int) -> list[Declaration]:
    """Return the declarations of a style attribute, or of the inside of a rule."""
    found = []
    for part in css.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            at = line + css[: css.index(part)].count("\n")
            found.append(Declaration(name.strip().lower(), value.strip().lower(), at))
    return found


def _dark_colours(html: str) -> dict[str, Colours]:
    """Return what each class looks like by night, as the block for it says."""
    found: dict[str, Colours] = {}
    for block in re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL):
        if start := _DARK.search(block):
            for selectors, inside in _CLASS_RULE.findall(block[start.end() :]):
                for selector in selectors.split(","):
                    known = found.get(selector.strip().removeprefix("."), Colours())
                    found[selector.strip().removeprefix(".")] = _paint(known, inside)
    return found


def _paint(before: Colours, css: str) -> Colours:
    """Return the colours after these declarations."""
    for name, value, _ in declarations(css, 0):
        colour = _COLOUR.match(value)
        if colour and name == "color":
            before = before._replace(text=colour[1])
        elif colour and name in {"background-color", "background"}:
            before = before._replace(ground=colour[1])
    return before


class _Reader(HTMLParser):
    def __init__(self, dark: Mapping[str, Colours]) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self._dark = dark
        self._open: list[_Open] = [_Open()]
        self._anchor: Anchor | None = None

    @override
    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        attributes = {name: value or "" for name, value in attrs}
        self.document.elements.append(Element(tag=tag, attributes=attributes, line=line))
        self.document.declarations += declarations(attributes.get("style", ""), line)
        if tag == "a":
            self._anchor = Anchor(href=attributes.get("href", ""), line=line)
            self.document.anchors.append(self._anchor)
        elif tag == "img" and self._anchor:
            self._anchor.text += attributes.get("alt", "")
        if tag not in _VOID:
            self._open.append(self._enter(tag, attributes))

    def _enter(self, tag: str, attributes: Mapping[str, str]) -> _Open:
        outer, style = self._open[-1], attributes.get("style", "")
        light = _paint(outer.light, style)
        # By night a style attribute still holds wherever no rule of the block is against it.
        dark = _paint(outer.dark, style)
        for name in attributes.get("class", "").split():
            night = self._dark.get(name, Colours())
            dark = Colours(night.text or dark.text, night.ground or dark.ground)
        return replace(
            outer,
            tag=tag,
            light=light,
            dark=dark,
            is_code=outer.is_code or tag in _CODE,
            is_unseen=outer.is_unseen
            or tag in _UNREAD
            or re.search(r"display:\s*none", style) is not None,
        )

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._anchor = None
        tags = [one.tag for one in self._open]
        if tag in tags[1:]:
            del self._open[len(tags) - 1 - tags[::-1].index(tag) :]

    @override
    def handle_data(self, data: str) -> None:
        inside, line = self._open[-1], self.getpos()[0]
        if inside.tag == "style":
            self.document.blocks.append(StyleBlock(css=data, line=line))
            return
        if self._anchor:
            self._anchor.text += data
        if data.strip() and not inside.is_unseen:
            self.document.texts.append(
                Text(
                    text=data,
                    line=line + len(data[: len(data) - len(data.lstrip())].split("\n")) - 1,
                    light=inside.light,
                    dark=inside.dark,
                    is_code=inside.is_code,
                )
            )

    @override
    def handle_comment(self, data: str) -> None:
        self.document.comments.append((data, self.getpos()[0]))
