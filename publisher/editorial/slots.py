"""The slots of a digest: from staff's words, or cron, to instants.

A schedule is computed over plain wall times, as people mean it, and only then placed on the
world's clock. So a change of the clocks moves no slot to another day, doubles none and drops none:
a wall time shown twice is a slot the first time, and one that is skipped is a slot at the instant
the old offset gives.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from heapq import merge
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

# No zone ever skipped more than a day (Samoa, 2011-12-30); so a slot lies at most this far behind
# the wall time it was meant for.
_LONGEST_SKIP = timedelta(days=1)

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_DAY_NUMBERS = {
    **{name: number for number, name in enumerate(_DAYS)},
    **{name[:3]: number for number, name in enumerate(_DAYS)},
    "tues": 2,
    "weds": 3,
    "thur": 4,
    "thurs": 4,
}
_LAST_OF_MONTH = 31

_EXAMPLES = (
    "Write it as one of: every day at 07:30; every weekday at 07:30; every tuesday, friday at"
    " 07:30, 18:00; first monday of the month at 07:30; 15. of the month at 07:30; last day of the"
    " month at 07:30."
)
_LEAD = re.compile(r"^(?:every|on the|on|the) ")
_SEPARATOR = re.compile(r" ?, ?(?:and )?| and ")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_NUMBERED = re.compile(r"([0-9]{1,2})(?:\.|st|nd|rd|th) of (?:the|every|each) month")
_FIRST = re.compile(r"first (\S+) of (?:the|every|each) month")
_LAST = re.compile(r"last day of (?:the|every|each) month")

_CRON_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, where 0 and 7 are Sunday"),
)
_CRON_VALUE = r"(?:[0-9]{1,2}|[A-Z]{3})"
_CRON_TERM = rf"(?:\*(?:/[0-9]{{1,2}})?|{_CRON_VALUE}(?:-{_CRON_VALUE}(?:/[0-9]{{1,2}})?)?)"
_CRON_FIELD = re.compile(rf"{_CRON_TERM}(?:,{_CRON_TERM})*")

# Names that a machine may have and that mean something else on another one.
_NO_ZONE = re.compile(r"localtime|Factory|posixrules|(?:posix|right)/.*")


class ScheduleError(ValueError):
    """A schedule or a zone that cannot be read: what was expected, what was got, how to mend it."""

    def __init__(self, *, expected: str, got: str, hint: str = "") -> None:
        self.expected = expected
        self.got = got
        self.hint = hint
        super().__init__(f"expected {expected}; got {got}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One planned moment of a digest."""

    key: str
    """The intended wall time and zone, ``2026-11-24T07:30[America/New_York]``; unique per digest."""
    fire_at: datetime
    """The instant, UTC."""
    local: datetime
    """The intended wall time, naive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a digest goes, as written and as it is computed."""

    zone: str
    """An IANA name."""
    text: str
    """As written."""
    crons: tuple[str, ...]
    """Cron expressions that never name the same minute twice; their union is the schedule."""


def read_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name; raises ScheduleError for any other name."""
    try:
        if not _NO_ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        pass
    close = get_close_matches(name, available_timezones(), n=1)
    raise ScheduleError(
        expected="an IANA time zone such as Europe/Berlin",
        got=f'"{name}"',
        hint=f"Did you mean {close[0]}?" if close else "",
    )


def parse_words(text: str, zone: str) -> Schedule:
    """Return the schedule that words such as ``every tuesday at 07:30`` mean.

    The 29th to 31st fall on the last day of a shorter month. Raises ScheduleError.
    """
    read_zone(zone)
    words = " ".join(text.lower().split())
    days, at, times = words.rpartition(" at ")
    if not at:
        raise ScheduleError(
            expected='days and a time, such as "every tuesday at 07:30"',
            got=f'"{text}"',
            hint=_EXAMPLES,
        )
    clocks = sorted({_read_time(time) for time in _SEPARATOR.split(times)})
    dates = _read_days(_LEAD.sub("", days))
    crons = tuple(f"{minute} {hour} {date}" for hour, minute in clocks for date in dates)
    return Schedule(zone=zone, text=text, crons=crons)


def parse_cron(text: str, zone: str) -> Schedule:
    """Return the schedule of a standard five-field cron expression, 0 and 7 both Sunday.

    As in cron, a day matches when either day field does, unless one of them begins with a star.
    A date that no year has (30 February) is a schedule without slots. Raises ScheduleError.
    """
    read_zone(zone)
    fields = text.upper().split()
    if len(fields) != len(_CRON_FIELDS):
        raise ScheduleError(
            expected="five cron fields: minute, hour, day of the month, month, day of the week",
            got=f'{len(fields)} in "{text}"',
            hint='"30 7 * * 2" is every Tuesday at 07:30.',
        )
    for place, field in enumerate(fields):
        _check_cron_field(place, field)
    return Schedule(zone=zone, text=text, crons=(" ".join(fields),))


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Slot]:
    """Yield the slots with ``after < fire_at <= until``, both aware, in order.

    Each has its own key and its own instant.
    """
    for slot in _slots_after(schedule, after):
        if slot.fire_at > until:
            return
        yield slot


def next_slot(schedule: Schedule, after: datetime) -> Slot | None:
    """Return the first slot after an aware instant, or nothing where the schedule has no slots."""
    return next(_slots_after(schedule, after), None)


def _slots_after(schedule: Schedule, after: datetime) -> Iterator[Slot]:
    zone = ZoneInfo(schedule.zone)
    start = (after - _LONGEST_SKIP).astimezone(zone).replace(tzinfo=None)
    times = merge(*(_wall_times(cron, start) for cron in schedule.crons))
    return (slot for slot in _place(times, zone) if slot.fire_at > after)


def _wall_times(cron: str, start: datetime) -> Iterator[datetime]:
    try:
        times = CronSim(cron, start)
    except CronSimError:  # the fields are sound, so it is a date that no year has
        return
    yield from times


def _place(times: Iterator[datetime], zone: ZoneInfo) -> Iterator[Slot]:
    """Put wall times on the world's clock, in its order.

    A skipped wall time is shown later than it was meant, behind others perhaps, so it waits for its
    turn; where another slot is meant for just that moment, that one stands for both. Wall times
    come without end or not at all, so none is left waiting.
    """
    waiting: deque[tuple[datetime, Slot]] = deque()
    for local in times:
        while waiting and waiting[0][0] < local:
            yield waiting.popleft()[1]
        slot = _slot_at(local, zone)
        shown = slot.fire_at.astimezone(zone).replace(tzinfo=None)
        if shown != local:
            waiting.append((shown, slot))
            continue
        if waiting and waiting[0][0] == local:
            waiting.popleft()
        yield slot


def slot_of_moment(key: str, at: datetime, zone: str) -> Slot:
    """Return a moment that no schedule gives, but a person or a draft, as a slot by that key."""
    return Slot(key=key, fire_at=at, local=at.astimezone(ZoneInfo(zone)).replace(tzinfo=None))


def _slot_at(local: datetime, zone: ZoneInfo) -> Slot:
    # Fold 0 is the first of two equal wall times, and the old offset for one that does not exist
    # (PEP 495).
    fire_at = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return Slot(key=f"{local:%Y-%m-%dT%H:%M}[{zone.key}]", fire_at=fire_at, local=local)


def _read_time(text: str) -> tuple[int, int]:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ScheduleError(
            expected="a time from 00:00 to 23:59",
            got=f'"{text}"',
            hint="Write hours and minutes of a 24-hour clock, such as 07:30 or 18:00.",
        )
    return int(match[1]), int(match[2])


def _read_days(words: str) -> tuple[str, ...]:
    """Return the last three fields of the cron expressions that the words for days mean."""
    if words == "day":
        return ("* * *",)
    if words == "weekday":
        return ("* * 1-5",)
    if _LAST.fullmatch(words):
        return ("L * *",)
    if match := _NUMBERED.fullmatch(words):
        return _read_number(int(match[1]))
    if match := _FIRST.fullmatch(words):
        return ("1 * *",) if match[1] == "day" else (f"* * {_read_day(match[1])}#1",)
    numbers = {_read_day(word) for word in _SEPARATOR.split(words)}
    return (f"* * {','.join(map(str, sorted(numbers)))}",)


def _read_number(day: int) -> tuple[str, ...]:
    if not 1 <= day <= _LAST_OF_MONTH:
        raise ScheduleError(expected="a day of the month from 1. to 31.", got=f'"{day}."')
    if day == _LAST_OF_MONTH:
        return ("L * *",)
    if day <= 28:  # noqa: PLR2004 - every month has 28 days
        return (f"{day} * *",)
    return (f"{day} 1,3-12 *", "L 2 *")


def _read_day(word: str) -> int:
    number = _DAY_NUMBERS.get(word)
    if number is None:
        close = get_close_matches(word, [*_DAYS, "weekday", "day"], n=1)
        raise ScheduleError(
            expected="a day such as tuesday",
            got=f'"{word}"',
            hint=f'Did you mean "{close[0]}"? {_EXAMPLES}' if close else _EXAMPLES,
        )
    return number


def _check_cron_field(place: int, field: str) -> None:
    name, allowed = _CRON_FIELDS[place]
    probe = ["*"] * len(_CRON_FIELDS)
    probe[place] = field
    try:
        if _CRON_FIELD.fullmatch(field):
            CronSim(" ".join(probe), datetime(2000, 1, 1))  # noqa: DTZ001 - wall time
            return
    except CronSimError:
        pass
    raise ScheduleError(
        expected=f"{allowed} for the {name}, with * , - and /",
        got=f'"{field}"',
        hint='"30 7 * * 2" is every Tuesday at 07:30.',
    )
