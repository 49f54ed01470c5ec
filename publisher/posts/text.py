"""Bytes to text that every format can carry: UTF-8, line feeds, the characters of XML 1.0."""

from __future__ import annotations

import codecs
import re

from publisher.errors import ContentError, Problem

_CONTROL = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0D})
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 §2.2
_EMPTY_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST_TOLD = 5


def is_clean(text: str) -> bool:
    """Whether XML 1.0 allows every character of the text."""
    if text.isprintable():
        return True
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return False
    if "\ufffe" in text or "\uffff" in text:
        return False
    return len(data.translate(None, _CONTROL)) == len(data)


def clean(text: str) -> str:
    """Return the text without the characters that XML 1.0 forbids."""
    return text if is_clean(text) else _ILLEGAL.sub("", text)


def decode(data: bytes, where: str) -> str:
    """Return a source as text with line feeds alone, without a byte order mark.

    Raises ContentError with the lines that hold what cannot be published.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentError(_not_utf8(data, error.start, where)) from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    refuse_unclean(text, where)
    return text


def refuse_unclean(text: str, where: str) -> None:
    """Raise ContentError with the lines of a text that hold what no format can carry."""
    if not is_clean(text):
        raise ContentError(*_illegal(text, where))


def empty_lines(text: str) -> int:
    """Return how many characters of a text are empty lines at its beginning."""
    found = _EMPTY_LINES.match(text)
    return found.end() if found else 0


def _not_utf8(data: bytes, at: int, where: str) -> Problem:
    coding = "UTF-16" if data.startswith(_UTF_16) else f"the byte 0x{data[at]:02X}"
    return Problem(
        code="post.encoding",
        path=where,
        line=data.count(b"\n", 0, at) + 1,
        expected="text in UTF-8",
        got=coding,
        hint="Save the file again with the encoding UTF-8.",
    )


def _illegal(text: str, where: str) -> list[Problem]:
    """Name the first few characters that have no place in a text, a line each."""
    by_line: dict[int, str] = {}
    for found in _ILLEGAL.finditer(text):
        by_line.setdefault(text.count("\n", 0, found.start()) + 1, found[0])
        if len(by_line) == _MOST_TOLD:
            break
    return [
        Problem(
            code="post.control",
            path=where,
            line=line,
            expected="text without control characters",
            got=f"U+{ord(character):04X}",
            hint="Remove it; it cannot be seen, so retype the words around it.",
        )
        for line, character in by_line.items()
    ]
