"""Three texts into one: what two people made of the same beginning, line by line.

Where only one of them changed something, that is taken; where both did, both are kept and marked,
and the person decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

YOURS, BETWEEN, THEIRS = "<<<<<<< yours", "=======", ">>>>>>> on disk"
"""The lines around a place that both changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A proposal, and how many places of it a person must decide."""

    text: str
    conflicts: int


def merge(base: str | None, theirs: str, yours: str) -> Merged:
    """Return what both made of a text; without a base, every difference is to be decided."""
    if yours in (theirs, base):
        return Merged(text=theirs, conflicts=0)
    if theirs == base:
        return Merged(text=yours, conflicts=0)
    new, mine = _lines(theirs), _lines(yours)
    woven = _differ(new, mine) if base is None else _weave(_lines(base), new, mine)
    pieces = list(woven)
    return Merged(
        text="".join(piece for _, piece in pieces),
        conflicts=sum(not is_agreed for is_agreed, _ in pieces),
    )


def is_undecided(text: str) -> bool:
    """Whether a place that both changed still waits for a person."""
    lines = set(text.split("\n"))
    return YOURS in lines or THEIRS in lines


def _lines(text: str) -> list[str]:
    """Split at line feeds alone: other characters that end lines belong to a line."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _weave(
    base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]
) -> Iterator[tuple[bool, str]]:
    """Yield the text piece by piece: what is agreed, and what is not, in marks."""
    at, in_theirs, in_yours = 0, 0, 0
    for start, theirs_start, yours_start, length in _anchors(base, theirs, yours):
        yield from _settle(
            base[at:start], theirs[in_theirs:theirs_start], yours[in_yours:yours_start]
        )
        if length:
            yield True, "".join(base[start : start + length])
        at, in_theirs, in_yours = start + length, theirs_start + length, yours_start + length


def _anchors(
    base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the runs of lines that are in all three, by their places; the last is the end."""
    one, two = _matches(base, theirs), _matches(base, yours)
    first, second = 0, 0
    while first < len(one) and second < len(two):
        (a, a_there, a_length), (b, b_there, b_length) = one[first], two[second]
        start, end = max(a, b), min(a + a_length, b + b_length)
        if start < end:
            yield start, a_there + start - a, b_there + start - b, end - start
        if a + a_length <= b + b_length:
            first += 1
        else:
            second += 1
    yield len(base), len(theirs), len(yours), 0


def _matches(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int, int]]:
    blocks = SequenceMatcher(None, left, right, autojunk=len(left) > _MANY).get_matching_blocks()
    return [(one.a, one.b, one.size) for one in blocks if one.size]


_MANY = 2_000
"""Lines beyond which those that stand everywhere are no anchors: the search would take for ever."""


def _settle(
    base: Sequence[str], theirs: Sequence[str], yours: Sequence[str]
) -> Iterator[tuple[bool, str]]:
    if yours in (theirs, base):
        agreed = theirs
    elif theirs == base:
        agreed = yours
    else:
        yield False, _mark(theirs, yours)
        return
    if agreed:
        yield True, "".join(agreed)


def _differ(theirs: Sequence[str], yours: Sequence[str]) -> Iterator[tuple[bool, str]]:
    """Yield the pieces of two texts of which nobody knows the beginning."""
    at, in_yours = 0, 0
    for start, there, length in [*_matches(theirs, yours), (len(theirs), len(yours), 0)]:
        if start > at or there > in_yours:
            yield False, _mark(theirs[at:start], yours[in_yours:there])
        if length:
            yield True, "".join(theirs[start : start + length])
        at, in_yours = start + length, there + length


def _mark(theirs: Sequence[str], yours: Sequence[str]) -> str:
    return f"{YOURS}\n{_ended(yours)}{BETWEEN}\n{_ended(theirs)}{THEIRS}\n"


def _ended(lines: Sequence[str]) -> str:
    text = "".join(lines)
    return text if not text or text.endswith("\n") else f"{text}\n"
