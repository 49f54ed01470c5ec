"""How far a sending is: its rate, the time left, and why mails were not accepted, in groups."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publisher.model import DeliveryState

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+")
_MARK = re.compile(r"\b(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{8,}\b")
"""A queue's number for one mail: letters and digits mixed."""
_SAME = "…"
_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast mails begin, and how long the rest takes at that."""

    per_second: float
    seconds_left: float | None
    """Nothing where none began lately."""


def measure_pace(begun: int, seconds: float, waiting: int) -> Pace:
    """Return the pace at which so many began in so many seconds, with so many waiting."""
    per_second = begun / max(seconds, 1.0) if begun else 0.0
    return Pace(per_second=per_second, seconds_left=waiting / per_second if per_second else None)


def tell_pace(pace: Pace) -> str:
    """Say a pace: ``13.5/s, 0:50 left``, or ``40/min, 3:00 left``."""
    if pace.seconds_left is None:
        return "none in the last minute"
    rate = f"{pace.per_second:,.1f}/s"
    if pace.per_second < 1:
        rate = f"{pace.per_second * 60:,.0f}/min"
    return f"{rate}, {tell_duration(pace.seconds_left)} left"


def tell_duration(seconds: float) -> str:
    """Say a duration: ``0:50``, ``12:05``, ``3:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why so many deliveries are where they are."""

    state: DeliveryState
    reason: str
    count: int


def group_reasons(found: Iterable[tuple[DeliveryState, str, int]]) -> list[Reason]:
    """Return reasons that are the same but for an address or a queue's number as one, most first."""
    counts: Counter[tuple[DeliveryState, str]] = Counter()
    for state, reply, number in found:
        counts[state, generalise(reply)] += number
    return [
        Reason(state=state, reason=reason, count=number)
        for (state, reason), number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def generalise(reply: str) -> str:
    """Return what a relay said, without what is about one mail: no address, no queue's number."""
    general = _MARK.sub(_SAME, _ADDRESS.sub(_SAME, " ".join(reply.split())))
    return general if len(general) <= _REASON_LENGTH else general[: _REASON_LENGTH - 1] + _SAME
