"""Quoted-printable (RFC 2045 section 6.7): a body as lines that no server changes."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOKENS = ("@@UNSUBSCRIBE_URL@@", "@@PREFERENCES_URL@@", "@@REASON@@", "@@PREHEADER@@")
"""The open places of a letter, by the number of their slot; in HTML they are numbered on."""
_TOKEN = re.compile("|".join(TOKENS).join("()"))

_SPECIAL = re.compile("[&<>\"']")
"""What HTML writes otherwise."""

_LINE = 75
"""Octets of a quoted line before its soft break (RFC 2045 section 6.7: 76 with it)."""
_PLAIN = re.compile(rf"(?!\.|From )[ -<>-~]{{0,{_LINE - 1}}}[!-<>-~]")
"""A line that is its own quoted-printable."""


def quote(text: str) -> str:
    """Return the text as quoted-printable in ASCII, its lines ended by CRLF."""
    return "\r\n".join(map(_quote_line, _end_lines(text).split("\n")))


def quote_around_slots(body: str, first_slot: int) -> Iterator[str | int]:
    """Yield quoted text and the numbers of slots in turn.

    A soft break stands between a slot and the text of its line, so that each is encoded apart.
    """
    pieces = _TOKEN.split(_end_lines(body))
    for at, piece in enumerate(pieces):
        if at % 2:
            yield first_slot + TOKENS.index(piece)
            continue
        is_last = at == len(pieces) - 1
        before = (
            "=\r\n" if at and not piece.startswith("\n") and not (is_last and not piece) else ""
        )
        quoted = before + quote(piece)
        yield quoted if is_last or not quoted or quoted.endswith("\n") else f"{quoted}=\r\n"


def quote_values(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Return what fills the slots of the text, and then, escaped, what fills those of the HTML."""
    plain = [_quote_value(text) for text in texts]
    escaped = [html.escape(text) if _SPECIAL.search(text) else text for text in texts]
    in_html = (
        quoted if text == other else _quote_value(other)
        for text, other, quoted in zip(texts, escaped, plain, strict=True)
    )
    return (*plain, *in_html)


def _quote_value(text: str) -> bytes:
    return text.encode() if _PLAIN.fullmatch(text) else _quote_text_value(text)


@lru_cache(maxsize=1024)
def _quote_text_value(text: str) -> bytes:
    return quote(text).encode("ascii")


def _quote_line(line: str) -> str:
    if not line or _PLAIN.fullmatch(line):
        return line
    taken, used = [], 0
    for at, character in enumerate(line):
        # A dot or "From " that begins a line is changed by some servers, which breaks signatures.
        begins = not used and (character == "." or line.startswith("From ", at))
        ends = character in " \t" and at == len(line) - 1
        unit = f"={ord(character):02X}" if begins or ends else _quote_character(character)
        if used + len(unit) > _LINE:
            taken.append("=\r\n")
            used = 0
            if character == "." or line.startswith("From ", at):
                unit = f"={ord(character):02X}"
        taken.append(unit)
        used += len(unit)
    return "".join(taken)


@lru_cache(maxsize=4096)
def _quote_character(character: str) -> str:
    if character == "\t" or (" " <= character <= "~" and character != "="):
        return character
    return "".join(f"={octet:02X}" for octet in character.encode(errors="replace"))


def _end_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
