"""Foreign formats in and out: one file a format, and what they have in common.

A reader takes the bytes and the name of a file and returns values; it fetches nothing, writes
nothing and asks for no time. What it takes off, repairs or refuses, it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from publisher.errors import ContentError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPost:
    """A post as a foreign file tells it, before it has an id, a place and a path."""

    title: str
    body: str
    """Markdown, one newline at its end."""
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Key → ``text`` and, where there is one, ``url``: plain text, in the order of the list."""
    date: datetime | None = None
    """Missing where the file does not say; the caller dates it."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """``x-`` keys for the front matter."""
    slug: str
    source_sha256: str
    """Over the bytes read; the caller keeps it as ``x-source``."""
    notes: tuple[str, ...] = ()
    """What was taken off or repaired, a sentence each, for staff."""


class ImportedState(StrEnum):
    """What a list says of a person, the milder first."""

    ACTIVE = "active"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"
    """The mailbox refused mail for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A foreign format: what it is called, and how its files are known."""

    name: str
    title: str
    fits: Callable[[str, bytes], bool]
    """Takes the file's name, lower case, and the beginning of its bytes."""


_BEGINNING_BYTES = 4096
_MAIL_COLUMN = re.compile(
    rb"(?:^|[,;\t])\"?(?:e-?mail|e-?mail[ _]address)\"?(?:$|[,;\t])", re.IGNORECASE
)


def _is_table(name: str, beginning: bytes) -> bool:
    if name.endswith((".csv", ".tsv")):
        return True
    head, row = _two_lines(beginning)
    return _is_plain(name) and b"@" in row and bool(_MAIL_COLUMN.search(head))


def _is_page_text(name: str, beginning: bytes) -> bool:
    head, _ = _two_lines(beginning)
    return _is_plain(name) and not head.startswith((b"<", b"{", b"[", b"---"))


def _is_plain(name: str) -> bool:
    return name.endswith((".txt", ".text"))


def _two_lines(beginning: bytes) -> tuple[bytes, bytes]:
    """Return the first two lines with anything in them."""
    lines = beginning.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    filled = [line.strip() for line in lines if line.strip()]
    head, row, *_ = (*filled, b"", b"")
    return head, row


FORMATS = (
    Format(name="subscribers-csv", title="a list of subscribers (CSV)", fits=_is_table),
    Format(name="page-text", title="the plain text of an article page", fits=_is_page_text),
)
"""Every format that can be recognised, the more particular ones first."""


def recognise(name: str, data: bytes) -> str | None:
    """Return the name of the format this file is in, or nothing where none fits."""
    beginning = data[:_BEGINNING_BYTES]
    fitting = (known.name for known in FORMATS if known.fits(name.lower(), beginning))
    return next(fitting, None)


def read_encoding(data: bytes, name: str, *, most_bytes: int) -> tuple[str, tuple[str, ...]]:
    """Return the encoding these bytes are to be read in, and a note where that was a guess.

    Raises:
        ContentError: nothing in it, more than ``most_bytes``, a NUL, or neither UTF-8 nor
            Windows-1252.
    """
    _refuse_unreadable(data, name, most_bytes)
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _fall_back(data, name)
    return "utf-8-sig", ()


def _refuse_unreadable(data: bytes, name: str, most_bytes: int) -> None:
    if not data.removeprefix(b"\xef\xbb\xbf").strip():
        raise ContentError(
            _problem("import.empty", name, expected="a file with text in it", got="an empty file"),
        )
    if len(data) > most_bytes:
        expected = f"at most {most_bytes // 1_000_000} MB"
        got = f"{len(data) / 1_000_000:.1f} MB"
        hint = "split the file and import its parts"
        raise ContentError(_problem("import.size", name, expected=expected, got=got, hint=hint))
    if (place := data.find(b"\0")) >= 0:
        raise ContentError(
            _problem(
                "import.binary",
                name,
                line=_line_at(data, place),
                expected="plain text",
                got="a NUL byte",
                hint="save the file again as plain text in UTF-8",
            ),
        )


def _fall_back(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    try:
        data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise ContentError(
            _problem(
                "import.encoding",
                name,
                line=_line_at(data, error.start),
                expected="UTF-8 or Windows-1252",
                got=f"the byte 0x{data[error.start]:02x}",
                hint="save the file again as UTF-8",
            ),
        ) from None
    return "cp1252", ("The file is not UTF-8; it was read as Windows-1252.",)


def _line_at(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def _problem(
    code: str,
    path: str,
    *,
    line: int | None = None,
    expected: str,
    got: str,
    hint: str = "",
) -> Problem:
    return Problem(code=code, path=path, line=line, expected=expected, got=got, hint=hint)
