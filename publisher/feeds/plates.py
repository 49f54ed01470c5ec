"""Plates: an entry written once in each format, open where feeds say different things of it.

A post stands in many feeds: the site's, its series', those of its tags, and archives. What differs
is only what is said of its place among others, so the entry is written once and a feed is the join
of plates. The open places are marked by noncharacters, which no cleaned text can hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from publisher.feeds.entries import Standing

Form = Literal["atom", "rss", "json"]

LINE: Final = "\ufdd0"
"""Stands in an entry's HTML for the line that says its place."""
TOTAL: Final = "\ufdd1"
"""Stands in an entry's JSON for the number of parts."""

_LINE = LINE.encode()
_TOTAL = f',"total":"{TOTAL}"'.encode()


@dataclass(frozen=True, slots=True)
class Plates:
    """One entry in each format."""

    atom: bytes
    rss: bytes
    json: bytes

    def fill(self, form: Form, standing: Standing) -> bytes:
        """Return the entry in one format with what is said of its place."""
        return fill(getattr(self, form), form, standing)


class Fillable(Protocol):
    """Plates, wherever they lie."""

    def fill(self, form: Form, standing: Standing) -> bytes:
        """Return the entry in one format with what is said of its place."""


def fill(plate: bytes, form: Form, standing: Standing) -> bytes:
    """Return an entry with what is said of its place."""
    line = f"{standing.line}\n" if standing.line else ""
    filled = plate.replace(_LINE, _escaped(line, form), 1)
    if form != "json":
        return filled
    total = b"" if standing.total is None else b',"total":%d' % standing.total
    return filled.replace(_TOTAL, total, 1)


def _escaped(html: str, form: Form) -> bytes:
    """Return HTML as it stands inside a document of this format."""
    if form == "json":
        return json.dumps(html, ensure_ascii=False)[1:-1].encode()
    return html.replace("&", "&#x26;").replace("<", "&#x3C;").replace(">", "&gt;").encode()
