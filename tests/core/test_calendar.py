"""A calendar file is what RFC 5545 asks for: escaped, folded by octets, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from publisher.pages.calendar import Event, fold, write_event

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
TEXTS = st.text(max_size=300)
_UNESCAPED = {"\\n": "\n", "\\\\": "\\", "\\;": ";", "\\,": ","}


def _unfold(data: bytes) -> list[str]:
    """Return the lines of a file as a reader unfolds them: octets first, then characters."""
    return data.replace(b"\r\n ", b"").decode().split("\r\n")


def _value(data: bytes, name: str) -> str:
    line = next(one for one in _unfold(data) if one.startswith(f"{name}:"))
    return re.sub(r"\\[n\\;,]", lambda found: _UNESCAPED[found[0]], line.partition(":")[2])


@given(TEXTS, TEXTS)
def test_what_is_written_is_read_again(summary: str, description: str) -> None:
    """Whatever the words, no line is too long, no line is added, and a reader has the same words."""
    event = Event(
        uid="a@b.example",
        starts_at=NOW,
        summary=summary,
        description=description,
        url="https://b.example/",
    )
    data = write_event(event, now=NOW)
    plain = re.sub("[\x00-\x08\x0b-\x1f\x7f]", "", re.sub("\r\n?", "\n", summary))

    assert data.endswith(b"END:VCALENDAR\r\n")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert len(_unfold(data)) == 18
    assert _value(data, "SUMMARY") == plain
    for line in data.split(b"\r\n"):
        line.decode()  # no character is cut


@given(TEXTS.map(lambda text: re.sub(r"[\r\n]", "", text)))
def test_folding_loses_nothing(line: str) -> None:
    """Unfolded, a line is as it was."""
    folded = fold(line)

    assert folded.replace(b"\r\n ", b"") == line.encode() + b"\r\n"


def test_an_event_has_what_a_calendar_needs() -> None:
    """One event, its moments in UTC, the address that leads to it, and nobody busy by it."""
    there = datetime(2026, 12, 8, 7, 30, tzinfo=timezone(timedelta(hours=-5)))
    event = Event(
        uid="a@b.example",
        starts_at=there,
        summary="One, two; three\\four",
        description="a\nb",
        url="https://b.example/console/editions/1",
        sequence=3,
    )

    assert _unfold(write_event(event, now=NOW)) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//publisher//console//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:a@b.example",
        "DTSTAMP:20261124T120005Z",
        "DTSTART:20261208T123000Z",
        "DURATION:PT15M",
        "SEQUENCE:3",
        "SUMMARY:One\\, two\\; three\\\\four",
        "DESCRIPTION:a\\nb",
        "URL:https://b.example/console/editions/1",
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
