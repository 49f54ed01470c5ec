"""series.toml: every key, every mistake with its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import ContentError
from publisher.model import SeriesInfo
from publisher.posts import parse_series


def told(text: str) -> list[tuple[int | None, str, str]]:
    """Line, code and hint of every problem."""
    with pytest.raises(ContentError) as raised:
        parse_series("sleep", text.encode())
    assert {one.path for one in raised.value.problems} == {"posts/sleep/series.toml"}
    return [(one.line, one.code, one.hint) for one in raised.value.problems]


def test_parse_series_takes_every_key() -> None:
    """All keys of the contract arrive."""
    text = """
title = "Sleep, slowly"
summary = "Four parts."
status = "finished"
planned_parts = 4
pace = "7d"
next_series = "mind"
"""

    assert parse_series("sleep", text.encode()) == SeriesInfo(
        slug="sleep",
        title="Sleep, slowly",
        summary="Four parts.",
        status="finished",
        planned_parts=4,
        pace="7d",
        next_series="mind",
    )


def test_parse_series_needs_nothing() -> None:
    """Without a file the folder's name is the title."""
    info = parse_series("understanding-treatment", b"")

    assert info == SeriesInfo(slug="understanding-treatment", title="Understanding treatment")


@pytest.mark.parametrize(
    ("text", "line", "code", "hint"),
    [
        ('\ntitel = "x"', 2, "series.unknown_key", "Did you mean title?"),
        ('zzz = "x"', 1, "series.unknown_key", "Known are title, summary, status, planned_parts, pace, next_series."),
        ('status = "done"', 1, "series.status", ""),
        ("title = 12", 1, "series.title", 'Put it in quotes:  title: "12"'),
        ("# c\nplanned_parts = 0", 2, "series.planned_parts", ""),
        ("planned_parts = true", 1, "series.planned_parts", ""),
        ('pace = "weekly"', 1, "series.pace", ""),
        ('next_series = "A B"', 1, "series.next_series", "a-b would do."),
        ("title = Sleep", 1, "series.toml", "TOML says: Invalid value. Text stands in quotes."),
        ('title = "a', 1, "series.toml", "TOML says: Unterminated string. Text stands in quotes."),
        ("a = 1\nb", 2, "series.toml", "TOML says: Expected '=' after a key in a key/value pair. Text stands in quotes."),
    ],
)  # fmt: skip
def test_parse_series_tells_a_mistake(text: str, line: int, code: str, hint: str) -> None:
    """A mistake is told with its line and the fix."""
    assert told(text) == [(line, code, hint)]


def test_parse_series_tells_all_mistakes() -> None:
    """All mistakes of the file come at once."""
    assert [line for line, _, _ in told('status = 1\npace = "x"\n[table]\na = 1')] == [1, 2, 3]


def test_parse_series_bounds_the_depth() -> None:
    """Brackets without end are a mistake like any other."""
    ((_, code, _),) = told("title = " + "[" * 100_000)

    assert code == "series.toml"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_parse_series_never_fails_otherwise(data: bytes) -> None:
    """Any bytes are a series or told to be none."""
    try:
        info = parse_series("sleep", data)
    except ContentError:
        return

    assert info.title
