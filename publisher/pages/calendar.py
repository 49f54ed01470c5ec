"""One event as iCalendar (RFC 5545), for whoever keeps a sending in a calendar of their own.

Calendars are shared and read on lock screens: the words are the caller's, who names no post and
nobody on the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

CONTENT_TYPE: Final = "text/calendar; charset=utf-8"
_PRODUCT = "-//publisher//console//EN"
_OCTETS = 75
"""Of a line without its break (RFC 5545, 3.1)."""
_MINUTES = 15
_ESCAPED = re.compile(r"[\\;,]")
_BREAK = re.compile(r"\r\n?|\n")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens at a moment."""

    uid: str
    """The same for ever: taken in again, it moves the event instead of adding one."""
    starts_at: datetime
    summary: str
    description: str
    url: str
    sequence: int = 0
    """Grows with every change."""


def write_event(event: Event, *, now: datetime) -> bytes:
    """Return the event as a file; the same values give the same octets."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{_PRODUCT}",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{escape(event.uid)}",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(event.starts_at)}",
        f"DURATION:PT{_MINUTES}M",
        f"SEQUENCE:{event.sequence}",
        f"SUMMARY:{escape(event.summary)}",
        f"DESCRIPTION:{escape(event.description)}",
        f"URL:{_CONTROLS.sub('', _BREAK.sub('', event.url))}",
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",  # nobody is busy by it
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(fold(line) for line in lines)


def escape(text: str) -> str:
    """Return a text as a value of type TEXT (RFC 5545, 3.3.11); controls are left out."""
    lines = _CONTROLS.sub("", _BREAK.sub("\n", text)).split("\n")
    return r"\n".join(_ESCAPED.sub(r"\\\g<0>", one) for one in lines)


def fold(line: str) -> bytes:
    """Return a line with its break, folded so that none has more than 75 octets.

    No character is cut: readers that unfold after decoding lose nothing.
    """
    folded = [b""]
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(folded[-1]) + len(octets) > _OCTETS:
            folded.append(b" ")
        folded[-1] += octets
    return b"\r\n".join(folded) + b"\r\n"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
