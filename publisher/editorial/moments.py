"""Moments as staff read them: the wall time with its zone, how far off, and whether clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import date

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)  # strftime would follow the machine's locale
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONGEST_LOOK = timedelta(days=400)


def tell_date(day: date) -> str:
    """Return ``24 November 2026``."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def tell_day(day: date) -> str:
    """Return ``Tuesday 24 November 2026``."""
    return f"{DAYS[day.weekday()]} {tell_date(day)}"


def tell_coming_day(day: date) -> str:
    """Return ``Tuesday 24 November``, for a day that is near."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def tell_moment(at: datetime, zone: str) -> str:
    """Return ``Tuesday 24 November 2026, 07:30 EST``."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{tell_day(there)}, {there:%H:%M} {there.tzname()}"


def tell_briefly(at: datetime, zone: str, *, now: datetime) -> str:
    """Return ``Tue 24 Nov, 07:30``, with the year where it is another than now."""
    there = at.astimezone(ZoneInfo(zone))
    year = "" if there.year == now.astimezone(ZoneInfo(zone)).year else f" {there.year}"
    day = f"{DAYS[there.weekday()][:3]} {there.day} {MONTHS[there.month - 1][:3]}{year}"
    return f"{day}, {there:%H:%M}"


def tell_gap(at: datetime, *, now: datetime) -> str:
    """Return how far off a moment is: ``in 3 days``, ``in 2 h 5 min``, ``20 minutes ago``, ``now``."""
    seconds = (at - now).total_seconds()
    words = _tell_stretch(abs(seconds))
    if not words:
        return "now"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def _tell_stretch(seconds: float) -> str:
    if seconds < _MINUTE / 2:
        return ""
    if seconds < _HOUR - _MINUTE / 2:
        return _count(round(seconds / _MINUTE), "minute")
    if seconds < 6 * _HOUR:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes else _count(hours, "hour")
    if seconds < 2 * _DAY:
        return _count(round(seconds / _HOUR), "hour")
    return _count(round(seconds / _DAY), "day")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def find_clock_change(zone: str, start: datetime, end: datetime) -> datetime | None:
    """Return when the clocks of a zone first change between two moments; None where they do not."""
    there = ZoneInfo(zone)
    end = min(end, start + _LONGEST_LOOK)
    day = start
    while day < end:
        following = min(day + timedelta(days=1), end)
        if _offset(day, there) != _offset(following, there):
            return _narrow(day, following, there)
        day = following
    return None


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _narrow(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the minute of the change between two moments that lie on both sides of it."""
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after.replace(second=0, microsecond=0)


def tell_clock_change(zone: str, start: datetime, end: datetime) -> str:
    """Say that clocks change between two moments, and that the hour stays; "" where they do not."""
    change = find_clock_change(zone, start, end)
    if change is None:
        return ""
    there = ZoneInfo(zone)
    before = _offset(change - timedelta(minutes=2), there) or timedelta()
    after = _offset(change, there) or timedelta()
    way = "forward" if after > before else "back"
    day = tell_day((change - timedelta(minutes=2)).astimezone(there))
    return f"The clocks go {way} before that, on {day}; it goes at the same hour all the same."
