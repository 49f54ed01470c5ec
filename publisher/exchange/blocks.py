"""Plain blocks of text and their Markdown: whatever the words are, it says them and holds no HTML.

What Markdown would take for a mark is escaped, as little as will do. Emphasis that the rules of
CommonMark (0.31, §6.2) would not let begin or end where it stands is left out; the words stay.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, assert_never
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEEPEST = 6
"""Levels of lists and quotations; what is deeper is said at this one."""

_MARKS = re.compile(r"[\\`*\[\]<~|]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)")
_LINE_BEGIN = re.compile(
    r"(?m)^[ \t]*(?:(\d{1,9})([.)])(?=[ \t]|$)|(#{1,6}|[-+])(?=[ \t]|$)|(>)|(=+[ \t]*$|-[- \t]*$))"
)
_PIECES = re.compile(r"\s+|\S(?:.*\S)?", re.DOTALL)
_CLOSING_HASHES = re.compile(r"(?:(?<=[ \t])|\A)#+\Z")
_BREAK = "\n"
_SAFE = ":/?#@!$&'*+,;=%-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Words of one look; a line feed in them is a break of the line."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    code: bool = False
    href: str = ""
    note: int = 0
    """The footnote that is mentioned here, instead of words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph, or a heading where it has a level."""

    runs: tuple[Run, ...]
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list; each item is blocks of its own."""

    items: tuple[tuple[Block, ...], ...]
    is_numbered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """Somebody else's words."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text whose spaces and lines count."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table, its first row the heads."""

    rows: tuple[tuple[tuple[Run, ...], ...], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line across the page."""


Block = Paragraph | Listing | Quotation | Code | Grid | Rule


def write_blocks(blocks: Sequence[Block]) -> str:
    """Return blocks as Markdown, a blank line between them, no line feed at the end."""
    return "\n\n".join(_written(blocks, 0))


def _written(blocks: Sequence[Block], depth: int) -> list[str]:
    return [text for block in blocks if (text := _write(block, depth))]


def _write(block: Block, depth: int) -> str:
    match block:
        case Paragraph():
            text = _write_heading(block) if block.level else write_runs(block.runs)
        case Listing():
            text = _write_list(block, depth)
        case Quotation():
            text = _write_quotation(block, depth)
        case Code():
            text = _write_code(block.text.strip("\n"))
        case Grid():
            text = _write_grid(block)
        case Rule():
            text = "***"
        case _:
            assert_never(block)
    return text


def _write_heading(heading: Paragraph) -> str:
    words = _one_line(heading.runs)
    words = _CLOSING_HASHES.sub(lambda found: f"\\{found[0]}", words)
    return f"{'#' * heading.level} {words}" if words else ""


def _write_quotation(quotation: Quotation, depth: int) -> str:
    inner = "\n\n".join(_written(quotation.blocks, min(depth + 1, DEEPEST)))
    if depth >= DEEPEST or not inner:
        return inner
    return "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))


def _write_code(text: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}\n{text}\n{fence}" if text.strip() else ""


def _write_list(listing: Listing, depth: int) -> str:
    items = [pieces for one in listing.items if (pieces := _written(one, min(depth + 1, DEEPEST)))]
    if depth >= DEEPEST:
        return "\n\n".join(piece for pieces in items for piece in pieces)
    is_tight = all(
        len(one) <= 1 or (len(one) <= 2 and isinstance(one[-1], Listing))  # noqa: PLR2004 - words, then a list below them
        for one in listing.items
    )
    lines = []
    for number, pieces in enumerate(items, listing.start):
        marker = f"{number}. " if listing.is_numbered else "- "
        text = ("\n" if is_tight else "\n\n").join(pieces)
        shifted = text.replace("\n", "\n" + " " * len(marker))
        lines.append("\n".join(line.rstrip() for line in f"{marker}{shifted}".split("\n")))
    return ("\n" if is_tight else "\n\n").join(lines)


def _write_grid(grid: Grid) -> str:
    rows = [[_one_line(cell, in_table=True) for cell in row] for row in grid.rows]
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    full = [row + [""] * (width - len(row)) for row in rows]
    head, *rest = (f"| {' | '.join(row)} |" for row in full)
    return "\n".join([head, f"|{' --- |' * width}", *rest])


# ---------------------------------------------------------------------------------------------- runs


def write_runs(runs: Sequence[Run]) -> str:
    """Return runs as the lines of one paragraph; nothing that begins a line is a mark by accident."""
    text = _say(_joined(runs))
    lines = [" ".join(line.split(" ")).strip(" \t") for line in text.split(_BREAK)]
    kept = [re.sub(r"[ \t]+", " ", line) for line in lines if line]
    return "\\\n".join(map(_guard, kept))


def _one_line(runs: Sequence[Run], *, in_table: bool = False) -> str:
    flat = [
        replace(run, text=run.text.replace(_BREAK, " "), code=run.code and not in_table)
        for run in runs
    ]
    return re.sub(r"[ \t]+", " ", _say(_joined(flat))).strip(" \t")


def _guard(line: str) -> str:
    def escape(found: re.Match[str]) -> str:
        if found[1]:
            return f"{found[1]}\\{found[2]}"
        return f"\\{found[0].strip()}"

    return _LINE_BEGIN.sub(escape, line, count=1)


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Return runs so that neighbours of one look are one, and spaces are outside of any look."""
    apart: list[Run] = []
    for run in runs:
        if run.note:
            apart.append(run)
        elif run.code:  # bold or not: two spans of it side by side would be read together
            apart.append(replace(run, bold=False, italic=False, struck=False))
        else:
            apart += map(partial(_part, run), _PIECES.findall(run.text))
    return _merged(_bridged(apart))


def _part(run: Run, piece: str) -> Run:
    """Return a piece of a run; a space at its edge has the look of nobody."""
    if piece.strip():
        return replace(run, text=piece)
    return Run(text=_BREAK if _BREAK in piece else " ", href=run.href)


def _look(run: Run) -> tuple[bool, bool, bool, bool, str, int]:
    return run.bold, run.italic, run.struck, run.code, run.href, run.note


def _bridged(runs: list[Run]) -> list[Run]:
    """Let a space between two runs of one look have it too, so that they become one."""
    bridged = list(runs)
    for at in range(1, len(runs) - 1):
        before, here, after = bridged[at - 1], bridged[at], runs[at + 1]
        if (
            here.text == " "
            and not after.note
            and _look(before) == _look(after)
            and not before.code
        ):
            bridged[at] = replace(before, text=" ")
    return bridged


def _merged(runs: list[Run]) -> list[Run]:
    merged: list[Run] = []
    for run in runs:
        if merged and not run.note and _look(merged[-1]) == _look(run):
            merged[-1] = replace(run, text=merged[-1].text + run.text)
        else:
            merged.append(run)
    return merged


def _say(runs: list[Run]) -> str:
    """Return runs as Markdown, links around what they lead from."""
    said = ""
    groups = [(href, list(some)) for href, some in groupby(runs, key=lambda run: run.href)]
    for at, (href, some) in enumerate(groups):
        following = groups[at + 1][1][0] if at + 1 < len(groups) else None
        if not href:
            said += _say_looks(some, said, following)
            continue
        # A bracket in code is not escaped: "[`]:`" would begin a definition.
        inside = [replace(run, href="", code=run.code and "]" not in run.text) for run in some]
        words = _say_looks(inside, "[", None).replace(_BREAK, " ")
        bare = words.strip()
        if not bare:
            said += words
            continue
        if said.endswith("!") and not said.endswith("\\!"):
            said = f"{said[:-1]}\\!"  # else it would be an image
        lead = " " if words[0] == " " else ""
        tail = " " if words[-1] == " " else ""
        said += f"{lead}[{bare}]({_address(href)}){tail}"
    return said


def _address(href: str) -> str:
    """Return an address as a link holds it: without spaces, brackets and parentheses."""
    return quote(href, safe=_SAFE)


def _say_looks(runs: list[Run], said: str, following: Run | None) -> str:
    text = ""
    for at, run in enumerate(runs):
        after = runs[at + 1] if at + 1 < len(runs) else following
        before = (said + text)[-1:]
        text += _say_one(run, before, _first_of(after))
    return text


def _first_of(run: Run | None) -> str:
    if run is None:
        return ""
    if run.note or run.href:
        return "["
    return "`" if run.code else run.text[:1]


def _say_one(run: Run, before: str, after: str) -> str:
    if run.note:
        return f"[^{run.note}]"
    if run.code:
        return _say_code(run.text)
    said = _MARKS.sub(lambda mark: f"\\{mark[0]}", run.text)
    for is_on, mark in ((run.struck, "~~"), (run.italic, "_"), (run.bold, "**")):
        if is_on and _may_stand(mark, before, said, after):
            said = f"{mark}{said}{mark}"
    return said


def _say_code(text: str) -> str:
    bare = " ".join(text.split())
    if not bare:
        return " " if text else ""
    fence = "`" * (max(map(len, re.findall("`+", bare)), default=0) + 1)
    pad = " " if bare[0] == "`" or bare[-1] == "`" else ""
    return f"{fence}{pad}{bare}{pad}{fence}"


def _may_stand(mark: str, before: str, said: str, after: str) -> bool:
    """Whether a mark opens before these words and closes after them, by its neighbours."""
    if _BREAK in said or not said.strip():
        return False
    if mark == "~~" and "~" in {before, after}:
        return False
    if mark == "_" and (_kind(before) == "word" or _kind(after) == "word"):
        return False
    opens = _kind(said[0]) == "word" or _kind(before) != "word"
    closes = _kind(said[-1]) == "word" or _kind(after) != "word"
    # A star beside a star, or a word's end that is a mark itself, would be read together.
    return opens and closes and before not in {"*", "_", "~"} and after not in {"*", "_", "~"}


def _kind(character: str) -> str:
    if not character or character.isspace():
        return "space"
    return "mark" if unicodedata.category(character)[0] in "PS" else "word"


def note_lines(notes: Sequence[tuple[int, Sequence[Run]]]) -> Iterator[str]:
    """Yield the definitions of footnotes."""
    for number, runs in notes:
        yield f"[^{number}]: {_one_line(runs) or '…'}"
