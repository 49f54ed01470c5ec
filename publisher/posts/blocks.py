"""A rendered text taken apart: its blocks, and the sentences that cite a source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

from publisher.posts.body import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.model import Body, Note

_TAG = re.compile(r'<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:[ /](?:[^>"]|"[^"]*")*)?>')
_VOID: Final = frozenset({"br", "hr", "img", "wbr"})
_HEADINGS: Final = [f"h{level}" for level in range(1, 7)]
_BLOCKS: Final = frozenset(
    [*_HEADINGS, "blockquote", "dl", "figure", "hr", "math", "ol", "p", "pre", "table", "ul"]
)
_ALT = re.compile(r'<img [^>]*?alt="([^"]*)"')

_MENTION = re.compile(
    r'(?:<sup>,</sup>)?<sup class="note"><a href="#note-(\d+)"[^>]*>\d+</a></sup>'
)
_LINE_END = re.compile(r"</(?:p|li|t[dhr]|d[dt]|h[1-6]|blockquote|figcaption|pre)>|<br ?/?>")
_MARK = "\ue000"  # from the area for private use: no text that is read has it
_MARKED = re.compile(rf"\s*{_MARK}(\d+){_MARK}")
_SENTENCE_END = re.compile(
    rf"[.!?\u2026][\"'\u201d\u2019)]*(?:\s*{_MARK}\d+{_MARK})*(?=\s+[^\sa-z{_MARK}])"
)
_NO_END = re.compile(
    r"(?:^|[\s(])(?:dr|mr|mrs|ms|prof|st|vs|cf|al|fig|no|approx|ca|e\.g|i\.e)\.$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, heading, list, table or picture of a text, at its outermost level."""

    html: str
    words: str
    """What it says, on one line; of a picture what it shows; empty for a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence that cites something, and what it cites."""

    words: str
    place: int
    """The block it stands in, from 0."""
    notes: tuple[Note, ...]


def take_blocks(html: str) -> tuple[Block, ...]:
    """Return the blocks of a rendered text; put together again they are the text."""
    return tuple(_block(piece) for piece in _cut(html))


def _cut(html: str) -> Iterator[str]:
    begin, depth = 0, 0
    for tag in _TAG.finditer(html):
        name, is_end = tag[2].lower(), bool(tag[1])
        if depth == 0 and not is_end and name in _BLOCKS and html[begin : tag.start()].strip():
            yield html[begin : tag.start()]  # words that stand in no block
            begin = tag.start()
        if name not in _VOID:
            depth = max(0, depth + (-1 if is_end else 1))
        if depth == 0 and name in _BLOCKS and (is_end or name in _VOID):
            yield html[begin : tag.end()]
            begin = tag.end()
    if begin < len(html):
        yield html[begin:]


def _block(html: str) -> Block:
    shown = " ".join(unescape(alt) for alt in _ALT.findall(html))
    lines = _LINE_END.sub(lambda end: f"{end[0]} ", html)
    return Block(html=html, words=plain_text(lines) or " ".join(shown.split()))


def take_claims(body: Body) -> tuple[Claim, ...]:
    """Return the sentences of a text that cite a source or a note, in their order."""
    by_number = {note.number: note for note in body.notes}
    found = []
    for place, block in enumerate(take_blocks(body.html)):
        if _MENTION.search(block.html):
            for words, numbers in _cited(block.html):
                notes = tuple(by_number[one] for one in numbers if one in by_number)
                found.append(Claim(words=words, place=place, notes=notes))
    return tuple(found)


def _cited(html: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the sentences of a block that mention a note, with the numbers of these."""
    marked = _MENTION.sub(rf"{_MARK}\1{_MARK}", html.replace(_MARK, ""))
    for line in _LINE_END.sub("\n", marked).split("\n"):
        for sentence in _sentences(plain_text(line)):
            numbers = dict.fromkeys(map(int, _MARKED.findall(sentence)))
            if numbers:
                yield _MARKED.sub("", sentence).strip(), tuple(numbers)


def _sentences(text: str) -> Iterator[str]:
    begin = 0
    for end in _SENTENCE_END.finditer(text):
        if not _NO_END.search(_MARKED.sub("", text[begin : end.end()])):
            yield text[begin : end.end()]
            begin = end.end()
    yield text[begin:]
