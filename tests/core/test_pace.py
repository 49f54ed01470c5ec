"""A series at a pace: a part every so many days, from the first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.pace import due_parts
from publisher.model import Part, Series, SeriesInfo
from tests.factories import make_post

START = date(2026, 3, 7)
ZONE = "America/New_York"


def make_series(count: int, missing: int = 0) -> Series:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    parts = tuple(
        Part(number=number, post=None)
        if number == missing
        else Part(
            number=number,
            post=replace(make_post(slug=f"part-{number}"), published_at=long_ago),
        )
        for number in range(1, count + 1)
    )
    return Series(info=SeriesInfo(slug="sleep", title="Sleep"), parts=parts)


def numbers(series: Series, now: datetime, every_days: int = 1) -> list[int]:
    due = due_parts(series, start_on=START, every_days=every_days, zone=ZONE, now=now)
    by_id = {part.post.id: part.number for part in series.parts if part.post}
    return [by_id[one.post.id] for one in due]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 7, 4, 59, tzinfo=UTC), []),
        (datetime(2026, 3, 7, 5, 0, tzinfo=UTC), [1]),
        (datetime(2026, 3, 8, 5, 0, tzinfo=UTC), [1, 2]),
        (datetime(2026, 3, 9, 3, 59, tzinfo=UTC), [1, 2]),
        (datetime(2026, 3, 9, 4, 0, tzinfo=UTC), [1, 2, 3]),
        (datetime(2027, 1, 1, tzinfo=UTC), [1, 2, 3]),
    ],
)
def test_a_part_is_due_when_its_day_begins(now: datetime, expected: list[int]) -> None:
    """The day begins at midnight in the site's zone, on the short day in March too."""
    assert numbers(make_series(3), now) == expected


def test_a_missing_part_leaves_its_days_empty() -> None:
    """A part that was withdrawn moves no other: nobody gets two at once, or one again."""
    series = make_series(3, missing=2)

    assert numbers(series, datetime(2026, 3, 10, 12, tzinfo=UTC), every_days=3) == [1]
    assert numbers(series, datetime(2026, 3, 13, 12, tzinfo=UTC), every_days=3) == [1, 3]


def test_a_part_that_comes_late_is_due_when_it_is_published() -> None:
    """Who has read all there is waits for the next part, and then gets it."""
    series = make_series(2)
    assert series.parts[1].post
    later = datetime(2026, 5, 1, 12, tzinfo=UTC)
    late = replace(series.parts[1], post=replace(series.parts[1].post, published_at=later))
    waiting = replace(series, parts=(series.parts[0], late))

    assert numbers(waiting, later - timedelta(seconds=1)) == [1]
    due = due_parts(waiting, start_on=START, every_days=1, zone=ZONE, now=later)
    assert [one.due_at for one in due][1] == later


@given(
    count=st.integers(1, 8),
    every_days=st.integers(1, 365),
    hours=st.integers(-48, 24 * 365 * 9),
)
def test_parts_come_in_order_and_stay(count: int, every_days: int, hours: int) -> None:
    """What is due is the beginning of the series, and an hour later it still is."""
    series = make_series(count)
    now = datetime(2026, 3, 7, 5, tzinfo=UTC) + timedelta(hours=hours)

    before = numbers(series, now, every_days)
    after = numbers(series, now + timedelta(hours=1), every_days)

    assert before == list(range(1, len(before) + 1))
    assert after[: len(before)] == before
