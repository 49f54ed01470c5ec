"""Footnotes and citations as one numbered list, by first mention."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape, unescape
from typing import TYPE_CHECKING

from publisher.model import Note
from publisher.posts.markdown import CITED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Reference

_DIVISION = re.compile(r"<(/?)div([^>]*)>")
_LABEL = re.compile(r' id="([^"]*)"')
_OWN_NUMBER = re.compile(r'\s*<sup class="footnote-definition-label">\d+</sup>\s*')
_MENTION = re.compile(
    r'<sup class="footnote-reference"><a href="#([^"]*)">\d+</a></sup>'
    rf'|<a href="{re.escape(CITED)}([^"]+)">((?:(?!</?a[ >]).)*)</a>',
    re.DOTALL,
)
_STRAY_LINK = re.compile(rf'<a href="{re.escape(CITED)}[^"]*">')
_STRAY_SUP = re.compile(r'<sup class="footnote-[a-z-]+"')
_SIDE_BY_SIDE = '</a></sup><sup class="note">'
_ONE_PARAGRAPH = re.compile(r"<p>((?:(?!<p>).)*)</p>\Z", re.DOTALL)
_NUMBERED = re.compile(r'\s*<sup class="note">.*?</sup>(?:<sup>,</sup>)?', re.DOTALL)


def number_notes(html: str, references: Mapping[str, Reference]) -> tuple[str, tuple[Note, ...]]:
    """Return the text without its notes and with its mentions numbered, and the notes.

    ``html`` is as ``markdown.convert`` makes it. A footnote that is mentioned nowhere is left
    out; notes that only notes mention follow those of the text.
    """
    text, footnotes = _take_footnotes(html)
    numbering = _Numbering(footnotes=footnotes, references=references)
    text = numbering.write(text)
    contents = {}
    for name in numbering.names:  # grows while it is read: a note may mention notes
        source = references.get(name[1:]) if name not in footnotes else None
        contents[name] = _source(source) if source else numbering.write(footnotes[name])
    notes = (
        Note(number=number, html=contents[name], mentions=tuple(numbering.anchors[name]))
        for number, name in enumerate(numbering.names, start=1)
    )
    return text, tuple(notes)


def without_mentions(html: str) -> str:
    """Return a rendered text without the numbers of its notes."""
    return _NUMBERED.sub("", html)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbering:
    footnotes: Mapping[str, str]
    """By ``^label``."""
    references: Mapping[str, Reference]
    names: list[str] = field(default_factory=list)
    """``^label`` or ``@key``, in the order of first mention."""
    numbers: dict[str, int] = field(default_factory=dict)
    anchors: dict[str, list[str]] = field(default_factory=dict)

    def write(self, html: str) -> str:
        if CITED not in html and '<sup class="footnote-' not in html:
            return html
        html = _MENTION.sub(self._replace, html)
        html = _STRAY_SUP.sub("<sup", _STRAY_LINK.sub("<a>", html))
        return html.replace(_SIDE_BY_SIDE, '</a></sup><sup>,</sup><sup class="note">')

    def _replace(self, found: re.Match[str]) -> str:
        if found[1] is not None:
            name = f"^{unescape(found[1]).casefold()}"
            return self._mention(name) if name in self.footnotes else ""
        key, words = unescape(found[2]), found[3]
        if key not in self.references:
            return words
        if words == f"@{key}":
            return self._mention(words)
        if words[1:] in self.references:  # two side by side: the first is the text of the second
            return self._mention(words) + self._mention(f"@{key}")
        return words + self._mention(f"@{key}")

    def _mention(self, name: str) -> str:
        if name not in self.numbers:
            self.names.append(name)
            self.numbers[name], self.anchors[name] = len(self.names), []
        number, anchors = self.numbers[name], self.anchors[name]
        anchor = f"mention-{number}-{len(anchors) + 1}" if anchors else f"mention-{number}"
        anchors.append(anchor)
        return f'<sup class="note"><a href="#note-{number}" id="{anchor}">{number}</a></sup>'


def _take_footnotes(html: str) -> tuple[str, dict[str, str]]:
    """Take the footnotes' divisions out of the text, and every other division's tags."""
    if "<div" not in html:
        return html, {}
    footnotes: dict[str, str] = {}
    around: list[tuple[str, list[str]]] = []
    pieces: list[str] = []
    end = 0
    for tag in _DIVISION.finditer(html):
        pieces.append(html[end : tag.start()])
        end = tag.end()
        if not tag[1]:
            label = _LABEL.search(tag[2]) if "footnote-definition" in tag[2] else None
            around.append((f"^{unescape(label[1]).casefold()}" if label else "", pieces))
            pieces = pieces if not label else []
        else:
            name, outer = around.pop()
            if name:
                footnotes.setdefault(name, _content("".join(pieces)))
                pieces = outer
                end += html.startswith("\n", end)  # the line that it stood on
    return "".join([*pieces, html[end:]]), footnotes


def _content(html: str) -> str:
    content = _OWN_NUMBER.sub("", html, count=1).strip()
    alone = _ONE_PARAGRAPH.match(content)
    return alone[1] if alone else content


def _source(reference: Reference) -> str:
    """Return a cited source as HTML: its text, and its address without the scheme as a link."""
    text = escape(reference.text, quote=False)
    if not reference.url:
        return text
    shown = escape(reference.url.partition("://")[2].rstrip("/"), quote=False)
    return f'{text} <a href="{escape(reference.url)}">{shown}</a>'
