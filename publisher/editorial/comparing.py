"""What changed between two texts, paragraph by paragraph and word by word, as values."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["kept", "inserted", "deleted"]

_BREAK = re.compile(r"(?<=\n\n)(?=[^\n])")
_WORD = re.compile(r"\s+|\w+(?:['\u2019]\w+)*|[^\w\s]")
_MOST_WORDS = 4_000
"""Words of one paragraph that are compared one by one; longer ones are shown whole."""
_ALIKE = 0.6
"""How much of its words and spaces a paragraph keeps at least, else it is another one."""
_NEAR = 8
"""How many paragraphs on the same one is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Words that stayed, came or went."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph of the earlier text, the later one or both, in runs."""

    runs: tuple[Run, ...]

    @property
    def is_kept(self) -> bool:
        """Whether nothing changed in it."""
        return all(run.kind == "kept" for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All paragraphs of two texts, in order."""

    paragraphs: tuple[Paragraph, ...]

    @property
    def changed(self) -> int:
        """How many paragraphs changed, came or went."""
        return sum(not one.is_kept for one in self.paragraphs)

    @property
    def earlier(self) -> str:
        """The text that was compared, exactly."""
        return self._without("inserted")

    @property
    def later(self) -> str:
        """The text it was compared with, exactly."""
        return self._without("deleted")

    def _without(self, kind: Kind) -> str:
        runs = (run for one in self.paragraphs for run in one.runs)
        return "".join(run.text for run in runs if run.kind != kind)


def compare(earlier: str, later: str) -> Difference:
    """Return what changed from one text to the other; both can be read back from it exactly."""
    old, new = _paragraphs(earlier), _paragraphs(later)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    found: list[Paragraph] = []
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            found += [_one("kept", text) for text in old[start:end]]
        else:
            found += _pair(old[start:end], new[new_start:new_end])
    return Difference(paragraphs=tuple(found))


def _paragraphs(text: str) -> list[str]:
    """Split a text after its blank lines; the pieces together are the text."""
    return [piece for piece in _BREAK.split(text) if piece]


def _one(kind: Kind, text: str) -> Paragraph:
    return Paragraph(runs=(Run(kind=kind, text=text),))


def _pair(old: Sequence[str], new: Sequence[str]) -> Iterator[Paragraph]:
    """Yield replaced paragraphs: those alike as one, word by word, the rest as gone or come."""
    at = 0
    for before in old:
        near = range(at, min(at + _NEAR, len(new)))
        there = next((n for n in near if _is_alike(before, new[n])), None)
        if there is None:
            yield _one("deleted", before)
            continue
        for after in new[at:there]:
            yield _one("inserted", after)
        yield Paragraph(runs=tuple(_compare_words(before, new[there])))
        at = there + 1
    for after in new[at:]:
        yield _one("inserted", after)


def _is_alike(before: str, after: str) -> bool:
    old, new = Counter(_WORD.findall(before)), Counter(_WORD.findall(after))
    most = max(old.total(), new.total())
    return most <= _MOST_WORDS and (old & new).total() >= _ALIKE * most


def _compare_words(before: str, after: str) -> Iterator[Run]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        gone, came = "".join(old[start:end]), "".join(new[new_start:new_end])
        if tag == "equal":
            yield Run(kind="kept", text=gone)
            continue
        if gone:
            yield Run(kind="deleted", text=gone)
        if came:
            yield Run(kind="inserted", text=came)
