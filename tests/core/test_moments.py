"""Moments as staff read them, across the changes of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from publisher.editorial import moments

NEW_YORK = "America/New_York"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def test_a_moment_has_its_day_and_zone() -> None:
    """A time is told in the zone of those who read it, with the zone's own name."""
    slot = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

    assert moments.tell_moment(slot, NEW_YORK) == "Tuesday 24 November 2026, 07:30 EST"
    assert moments.tell_moment(slot, "UTC") == "Tuesday 24 November 2026, 12:30 UTC"
    assert moments.tell_day(date(2027, 3, 1)) == "Monday 1 March 2027"


def test_a_brief_moment_names_the_year_only_where_it_is_another() -> None:
    """What is of this year needs no year; the year is that of the zone."""
    old_year = datetime(2027, 1, 1, 4, 0, tzinfo=UTC)

    assert moments.tell_briefly(NOW, NEW_YORK, now=NOW) == "Sat 21 Nov, 07:30"
    assert moments.tell_briefly(old_year, NEW_YORK, now=NOW) == "Thu 31 Dec, 23:00"
    assert moments.tell_briefly(old_year, "UTC", now=NOW) == "Fri 1 Jan 2027, 04:00"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "now"),
        (29, "now"),
        (31, "in 1 minute"),
        (-125, "2 minutes ago"),
        (3599, "in 1 hour"),
        (2 * 3600 + 5 * 60, "in 2 h 5 min"),
        (-7200, "2 hours ago"),
        (7 * 3600, "in 7 hours"),
        (47 * 3600, "in 47 hours"),
        (3 * 86400 + 3600, "in 3 days"),
        (-86400 * 40, "40 days ago"),
    ],
)
def test_a_gap_is_as_exact_as_it_is_near(seconds: int, told: str) -> None:
    """Minutes while it is near, hours and then days where it is far."""
    assert moments.tell_gap(NOW + timedelta(seconds=seconds), now=NOW) == told


def test_the_change_of_clocks_is_found_to_the_minute() -> None:
    """Clocks in New York go forward at 2 in the morning of 14 March 2027, and back in November."""
    spring = datetime(2027, 3, 14, 7, 0, tzinfo=UTC)
    autumn = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    october = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)

    assert moments.find_clock_change(NEW_YORK, NOW, spring + timedelta(days=1)) == spring
    assert moments.find_clock_change(NEW_YORK, october, NOW) == autumn
    assert moments.find_clock_change(NEW_YORK, NOW, spring - timedelta(days=1)) is None
    assert moments.find_clock_change("UTC", NOW, spring + timedelta(days=300)) is None


def test_the_change_of_clocks_is_told_once_with_its_day() -> None:
    """Whoever plans across a change is told the day and that the hour stays."""
    october = datetime(2026, 10, 27, 11, 30, tzinfo=UTC)
    told = moments.tell_clock_change(NEW_YORK, october, october + timedelta(days=7))
    spring = moments.tell_clock_change(NEW_YORK, NOW, NOW + timedelta(days=150))

    assert told == (
        "The clocks go back before that, on Sunday 1 November 2026; it goes at the same hour all "
        "the same."
    )
    assert "go forward" in spring and "Sunday 14 March 2027" in spring
    assert moments.tell_clock_change(NEW_YORK, NOW, NOW + timedelta(days=7)) == ""
