"""Dates as people write them in front matter."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LOCAL_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:(?:[Tt]|\s+)(\d\d?:\d\d)(:\d\d)?(?:\.\d+)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?\Z"
)
DATE_HINT = "Such as 2027-01-31, 2027-01-31 09:00 or 2027-01-31T09:00:00-05:00."


def instant(value: object, zone: ZoneInfo) -> datetime:
    """Return the moment that a value of front matter means, in UTC.

    A date alone is 00:00 in the zone, a time without an offset a local time there; of a local
    time that comes twice the first is meant, and one that is skipped is read with the offset
    from before the change (PEP 495, ``fold=0``). Raises ValueError for anything else.
    """
    moment = moment_of(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(DATE_HINT) from error


def moment_of(value: object) -> datetime:
    """Return the moment that a value means, without a zone where it names none.

    Raises ValueError for anything that is no date.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone comes next
    found = _LOCAL_TIME.match(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(DATE_HINT)
    day, minutes, seconds, offset = found.groups(default="")
    return datetime.fromisoformat(f"{day}T{minutes or '00:00':0>5}{seconds}{offset.upper()}")
