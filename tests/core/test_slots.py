"""Slots: what staff write becomes moments, once each, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.editorial.slots import (
    ScheduleError,
    next_slot,
    parse_cron,
    parse_words,
    read_zone,
    slots_between,
)

if TYPE_CHECKING:
    from publisher.editorial.slots import Schedule

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"  # its clocks change by half an hour
APIA = "Pacific/Apia"  # it had no 2011-12-30
HAVANA = "America/Havana"  # its clocks change at midnight

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def instants(text: str, zone: str, count: int, after: datetime = YEAR[0]) -> list[str]:
    """The first slots of a schedule in words, as wall times with their weekday."""
    slots = slots_between(parse_words(text, zone), after, after + timedelta(days=4000))
    return [f"{slot.local:%a %Y-%m-%d %H:%M}" for slot in islice(slots, count)]


def wall_year(zone: str) -> tuple[datetime, datetime]:
    """The year 2026 of a zone's own calendar, just before its first and its last instant."""
    start = datetime(2025, 12, 31, 23, 59, 59, tzinfo=ZoneInfo(zone))
    return start, start.replace(year=2026)


# ------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every day at 07:30", ["Thu 2026-01-01 07:30", "Fri 2026-01-02 07:30"]),
        (
            "weekday at 9:00",
            ["Thu 2026-01-01 09:00", "Fri 2026-01-02 09:00", "Mon 2026-01-05 09:00"],
        ),
        ("every tuesday at 07:30", ["Tue 2026-01-06 07:30", "Tue 2026-01-13 07:30"]),
        ("every tuesday, friday at 07:30", ["Fri 2026-01-02 07:30", "Tue 2026-01-06 07:30"]),
        ("every tuesday, and friday at 07:30", ["Fri 2026-01-02 07:30", "Tue 2026-01-06 07:30"]),
        ("ON Tue and Thurs AT 07:30", ["Thu 2026-01-01 07:30", "Tue 2026-01-06 07:30"]),
        ("sun at 12:00 and 06:15", ["Sun 2026-01-04 06:15", "Sun 2026-01-04 12:00"]),
        ("sunday,sunday at 06:15,06:15", ["Sun 2026-01-04 06:15", "Sun 2026-01-11 06:15"]),
        ("first monday of the month at 07:30", ["Mon 2026-01-05 07:30", "Mon 2026-02-02 07:30"]),
        (
            "on the first day of the month at 07:30",
            ["Thu 2026-01-01 07:30", "Sun 2026-02-01 07:30"],
        ),
        ("15. of the month at 07:30", ["Thu 2026-01-15 07:30", "Sun 2026-02-15 07:30"]),
        ("the 1st of every month at 07:30", ["Thu 2026-01-01 07:30", "Sun 2026-02-01 07:30"]),
        ("last day of the month at 00:00", ["Sat 2026-01-31 00:00", "Sat 2026-02-28 00:00"]),
    ],
)
def test_words_mean_what_they_say(text: str, expected: list[str]) -> None:
    """Every form of the grammar, with and without its leading word, gives the moments it names."""
    assert instants(text, "UTC", len(expected)) == expected


@pytest.mark.parametrize("day", [29, 30, 31])
def test_a_late_day_falls_on_the_last_day_of_a_shorter_month(day: int) -> None:
    """The 29th, 30th and 31st happen in every month, leap years included, once."""
    schedule = parse_words(f"{day}. of the month at 07:30", "UTC")

    found = [
        slot.local.date()
        for slot in slots_between(
            schedule, datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
        )
    ]

    assert len(found) == 24
    assert date(2027, 2, 28) in found
    assert date(2028, 2, 29) in found
    assert date(2027, 4, min(day, 30)) in found
    assert date(2027, 12, day) in found


@pytest.mark.parametrize(
    ("text", "expected", "got", "hint"),
    [
        ("every tuesday", "days and a time", '"every tuesday"', "Write it as one of"),
        ("every tusday at 07:30", "a day such as tuesday", '"tusday"', 'Did you mean "tuesday"?'),
        ("every blue moon at 07:30", "a day such as tuesday", '"blue moon"', "Write it as one of"),
        ("every at 07:30", "a day such as tuesday", '"every"', "Write it as one of"),
        ("first moon of the month at 07:30", "a day such as", '"moon"', 'Did you mean "monday"?'),
        ("every tuesday at 24:00", "a time from 00:00 to 23:59", '"24:00"', "24-hour clock"),
        ("every tuesday at 07:30,", "a time from 00:00 to 23:59", '""', "24-hour clock"),
        ("every tuesday at 7am", "a time from 00:00 to 23:59", '"7am"', "24-hour clock"),
        ("0. of the month at 07:30", "a day of the month from 1. to 31.", '"0."', ""),
        ("32. of the month at 07:30", "a day of the month from 1. to 31.", '"32."', ""),
    ],
)
def test_words_that_mean_nothing_are_refused_with_the_fix(
    text: str, expected: str, got: str, hint: str
) -> None:
    """A schedule that cannot be read names the word that is wrong and how to write it."""
    with pytest.raises(ScheduleError, match=r"expected .*; got ") as caught:
        parse_words(text, "UTC")

    assert expected in caught.value.expected
    assert caught.value.got == got
    assert hint in caught.value.hint


# ------------------------------------------------------------------------------------------- cron


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("30 7 * * 2", "Tuesday"),
        ("0 9 * * 1", "Monday"),
        ("0 9 * * 7", "Sunday"),
        ("0 9 * * 0", "Sunday"),
        ("0 9 * * fri", "Friday"),
    ],
)
def test_cron_counts_days_as_cron_does(text: str, day: str) -> None:
    """In the day-of-week field 1 is Monday, and 0 and 7 are both Sunday."""
    slots = list(slots_between(parse_cron(text, NEW_YORK), *YEAR))

    assert {f"{slot.local:%A}" for slot in slots} == {day}
    assert len(slots) == 52


def test_cron_day_fields_are_alternatives_unless_one_has_a_star() -> None:
    """``13 * 5`` is every 13th and every Friday; ``13 * *`` is the 13th alone."""
    either = list(slots_between(parse_cron("0 9 13 * 5", "UTC"), *YEAR))
    only = list(slots_between(parse_cron("0 9 13 * *", "UTC"), *YEAR))

    assert len(either) == 52 + 12 - 3  # three of the year's 13ths are Fridays
    assert len(only) == 12


def test_a_cron_date_that_never_comes_has_no_slots() -> None:
    """30 February ends the iteration instead of searching for ever."""
    schedule = parse_cron("0 9 30 2 *", "UTC")

    assert list(slots_between(schedule, *YEAR)) == []
    assert next_slot(schedule, YEAR[0]) is None


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        ("30 7 * *", "five cron fields", '4 in "30 7 * *"'),
        ("0 30 7 * * 2", "five cron fields", '6 in "0 30 7 * * 2"'),
        ("@daily", "five cron fields", '1 in "@daily"'),
        ("60 7 * * 2", "0 to 59 for the minute", '"60"'),
        ("30 24 * * 2", "0 to 23 for the hour", '"24"'),
        ("30 7 0 * *", "1 to 31 for the day of the month", '"0"'),
        ("30 7 * foo *", "1 to 12 or JAN to DEC for the month", '"FOO"'),
        ("30 7 * * 8", "0 to 7 or SUN to SAT", '"8"'),
        ("30 7 * * fri-mon", "0 to 7 or SUN to SAT", '"FRI-MON"'),
        ("30 7 L * *", "1 to 31 for the day of the month", '"L"'),
        ("30 7 * * 2#1", "0 to 7 or SUN to SAT", '"2#1"'),
        ("*/0 7 * * *", "0 to 59 for the minute", '"*/0"'),
        ("5/15 7 * * *", "0 to 59 for the minute", '"5/15"'),
        (f"{'9' * 5000} 7 * * *", "0 to 59 for the minute", f'"{"9" * 5000}"'),
    ],
)
def test_cron_that_is_not_standard_names_the_field(text: str, expected: str, got: str) -> None:
    """Extensions that other crons read otherwise, and values out of range, are refused."""
    with pytest.raises(ScheduleError) as caught:
        parse_cron(text, "UTC")

    assert caught.value.expected.startswith(expected)
    assert caught.value.got == got
    assert caught.value.hint


# ------------------------------------------------------------------------------------------ zones


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berlim", "Did you mean Europe/Berlin?"),
        ("Europe", ""),
        ("", ""),
        ("../Europe/Berlin", "Did you mean Europe/Berlin?"),
        ("localtime", ""),
        ("right/Europe/Berlin", "Did you mean Europe/Berlin?"),
        ("\0", ""),
        ("\udc80", ""),
    ],
)
def test_only_iana_names_are_zones(name: str, hint: str) -> None:
    """A name that is no zone, or another zone on another machine, is refused with a suggestion."""
    with pytest.raises(ScheduleError) as caught:
        read_zone(name)

    assert hint in caught.value.hint


def test_a_schedule_needs_a_zone() -> None:
    """Neither form of schedule is read for a zone that does not exist."""
    with pytest.raises(ScheduleError, match="IANA"):
        parse_words("every day at 07:30", "Mars/Olympus")
    with pytest.raises(ScheduleError, match="IANA"):
        parse_cron("30 7 * * *", "Mars/Olympus")


# ------------------------------------------------------------------------------ changes of the clocks


@pytest.mark.parametrize("time", ["01:30", "02:00", "02:15", "02:30"])
@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
def test_every_local_day_has_exactly_one_slot(zone: str, time: str) -> None:
    """Over a whole year with both changes of the clocks no day is doubled and none is left out."""
    slots = list(slots_between(parse_words(f"every day at {time}", zone), *wall_year(zone)))

    days = [slot.local.date() for slot in slots]
    assert days == [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert {f"{slot.local:%H:%M}" for slot in slots} == {time}


@pytest.mark.parametrize(
    ("zone", "time", "day", "fire_at"),
    [
        (BERLIN, "02:30", "2026-10-25", "2026-10-25T00:30:00+00:00"),  # shown twice: the first
        (BERLIN, "02:30", "2026-03-29", "2026-03-29T01:30:00+00:00"),  # skipped: 03:30 new time
        (NEW_YORK, "01:30", "2026-11-01", "2026-11-01T05:30:00+00:00"),
        (NEW_YORK, "02:30", "2026-03-08", "2026-03-08T07:30:00+00:00"),
        (LORD_HOWE, "01:45", "2026-04-05", "2026-04-04T14:45:00+00:00"),
        (LORD_HOWE, "02:15", "2026-10-04", "2026-10-03T15:45:00+00:00"),
    ],
)
def test_a_doubled_time_is_its_first_and_a_skipped_one_moves_on(
    zone: str, time: str, day: str, fire_at: str
) -> None:
    """A wall time shown twice fires the first time; a skipped one when the old offset says."""
    schedule = parse_words(f"every day at {time}", zone)

    found = {slot.key: slot.fire_at.isoformat() for slot in slots_between(schedule, *YEAR)}

    assert found[f"{day}T{time}[{zone}]"] == fire_at


def test_a_skipped_time_gives_way_to_the_slot_meant_for_its_moment() -> None:
    """Where 02:30 is skipped and 03:30 is a slot too, one slot stands for both: no two mailings."""
    schedule = parse_words("every day at 02:30, 02:45, 03:15, 03:30", BERLIN)
    night = datetime(2026, 3, 29, tzinfo=UTC)

    found = list(slots_between(schedule, night, night + timedelta(hours=4)))

    assert [f"{slot.local:%H:%M} {slot.fire_at:%H:%M}" for slot in found] == [
        "03:15 01:15",
        "03:30 01:30",
        "02:45 01:45",
    ]


def test_a_schedule_of_skipped_times_only_still_fires() -> None:
    """Half past two on the night the clocks go forward is a slot every year, not a search."""
    schedule = parse_cron("30 2 8-14 3 */7", NEW_YORK)

    found = list(slots_between(schedule, YEAR[0], datetime(2029, 1, 1, tzinfo=UTC)))

    assert [slot.key for slot in found] == [
        "2026-03-08T02:30[America/New_York]",
        "2027-03-14T02:30[America/New_York]",
        "2028-03-12T02:30[America/New_York]",
    ]


def test_a_schedule_of_years_is_found_without_walking_minutes() -> None:
    """29 February on a Sunday comes every 28 years, and 40 apart round 2100; all are found."""
    schedule = parse_cron("30 2 29 2 */7", "UTC")

    found = slots_between(schedule, YEAR[0], datetime(2130, 1, 1, tzinfo=UTC))

    assert [slot.local.year for slot in found] == [2032, 2060, 2088, 2128]


def test_a_skipped_day_is_no_day() -> None:
    """Samoa had no 30 December 2011: its daily slot and the next day's are one."""
    schedule = parse_words("every day at 07:30", APIA)

    found = slots_between(
        schedule, datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    )

    assert [f"{slot.local:%d}" for slot in found] == ["29", "31", "01"]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE, HAVANA])
def test_half_hourly_slots_keep_unique_keys_through_both_changes(zone: str) -> None:
    """``*/30 * * * *`` never gives one key or one instant twice, and never goes backwards."""
    schedule = parse_cron("*/30 * * * *", zone)
    spring, autumn = datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 9, 25, tzinfo=UTC)

    slots = [
        slot
        for start in (spring, autumn)
        for slot in slots_between(schedule, start, start + timedelta(days=45))
    ]

    assert len({slot.key for slot in slots}) == len(slots)
    assert all(one.fire_at < two.fire_at for one, two in pairwise(slots))


# ------------------------------------------------------------------------------------- the interval


def test_an_interval_excludes_its_start_and_includes_its_end() -> None:
    """A slot belongs to the interval that ends with it."""
    schedule = parse_words("every day at 07:30", "UTC")
    at = datetime(2026, 5, 4, 7, 30, tzinfo=UTC)

    assert list(slots_between(schedule, at, at)) == []
    assert [slot.fire_at for slot in slots_between(schedule, at - timedelta(seconds=1), at)] == [
        at
    ]
    assert [slot.fire_at for slot in slots_between(schedule, at, at + timedelta(days=1))] == [
        at + timedelta(days=1)
    ]


def test_the_next_slot_is_the_first_of_the_interval() -> None:
    """``next_slot`` is what ``slots_between`` would give first."""
    schedule = parse_words("every tuesday at 07:30", NEW_YORK)

    assert next_slot(schedule, YEAR[0]) == next(slots_between(schedule, *YEAR))


def test_schedules_are_values() -> None:
    """Equal words in one zone are one schedule, usable as a key."""
    one = parse_words("every tuesday at 07:30", BERLIN)
    two = parse_words("every tuesday at 07:30", BERLIN)

    assert {one: 1} == {two: 1}
    assert (one.zone, one.text) == (BERLIN, "every tuesday at 07:30")


SCHEDULES = st.one_of(
    st.builds(
        parse_words,
        st.sampled_from(
            [
                "every day at 01:30, 02:00, 02:15, 02:30, 03:30",
                "weekday at 00:00",
                "sunday at 00:30, 02:30, 03:00",
                "last day of the month at 23:59",
                "29. of the month at 02:30",
            ]
        ),
        st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, APIA, HAVANA]),
    ),
    st.builds(
        parse_cron,
        st.sampled_from(["*/20 1-3 * 3,4,10-12 *", "30 2 8-14 3 */7", "0 0 29 2 *", "1 * * * 0"]),
        st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, APIA, HAVANA]),
    ),
)
# Round changes of the clocks, and round the day that Samoa never had.
NIGHTS = st.sampled_from(
    [
        datetime(2026, 3, 8, 6, tzinfo=UTC),
        datetime(2026, 3, 29, 0, tzinfo=UTC),
        datetime(2026, 4, 4, 14, tzinfo=UTC),
        datetime(2026, 10, 3, 15, tzinfo=UTC),
        datetime(2026, 10, 25, 0, tzinfo=UTC),
        datetime(2026, 11, 1, 4, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
    ]
)
MINUTES = st.lists(st.integers(-2000, 2000), min_size=3, max_size=3)


@settings(deadline=None)
@given(SCHEDULES, NIGHTS, MINUTES)
def test_intervals_join_without_seam(
    schedule: Schedule, night: datetime, minutes: list[int]
) -> None:
    """Looking twice finds what looking once finds: the ticks of a scheduler lose and repeat none."""
    a, b, c = sorted(night + timedelta(minutes=minute) for minute in minutes)

    halves = [*slots_between(schedule, a, b), *slots_between(schedule, b, c)]
    whole = list(slots_between(schedule, a, c))

    assert halves == whole
    assert all(one.fire_at < two.fire_at for one, two in pairwise(whole))
    assert len({slot.key for slot in whole}) == len(whole)
    assert all(a < slot.fire_at <= c for slot in whole)
