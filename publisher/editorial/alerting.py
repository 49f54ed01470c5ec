"""What staff must be told without being asked: an edition that waits for them, and one that is coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from publisher.model import EditionState, HeldReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from publisher.model import Edition

NEWS_FOR: Final = timedelta(days=2)
"""How long the end of an edition is news: a database that comes from elsewhere tells no old ones."""
TRIES: Final = 6
"""How often one channel is tried with one alert before it is left."""
_FIRST_WAIT: Final = timedelta(minutes=1)

WHY_HELD: Final[Mapping[HeldReason, str]] = {
    HeldReason.LATE: "It is later than the digest allows, so it waits for a person.",
    HeldReason.UNAPPROVED: "Its time came, and nobody has approved it.",
    HeldReason.CHANGED: "A post or a template changed since it was approved.",
    HeldReason.PREFLIGHT: "Something in its letters must be mended first.",
    HeldReason.RESTORED: "The database was restored or copied, and it may have gone out already.",
    HeldReason.RELAY: "The mail server refuses our mail for a reason that is ours to mend.",
    HeldReason.VERSIONS: "It comes to more different letters than anybody can look through.",
    HeldReason.STAFF: "A person held it.",
}
"""Why an edition waits, in a sentence."""


class AlertKind(StrEnum):
    """What an alert is about."""

    HELD = "held"
    FAILED = "failed"
    PARTIAL = "partial"
    MISSED = "missed"
    HEADS_UP = "heads-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to tell staff, once."""

    key: str
    """The same for ever for the same occasion."""
    kind: AlertKind
    edition: Edition


def find_alerts(
    editions: Iterable[Edition], heads_up: Mapping[str, timedelta | None], *, now: datetime
) -> Iterator[Alert]:
    """Yield what staff must know of these editions at ``now``.

    ``heads_up``: how long before its slot a digest's edition is announced, by digest; None for not.
    What a person did is no news to the people: an edition that they held or cancelled gives none.
    """
    for edition in editions:
        kind = _kind_of(edition, heads_up.get(edition.digest), now)
        if kind is not None:
            # An edition may be held, released and held again: each time is an occasion.
            time = edition.version if kind is AlertKind.HELD else 0
            yield Alert(key=f"{kind}:{edition.id}:{time}", kind=kind, edition=edition)


_ENDS = {
    EditionState.FAILED: AlertKind.FAILED,
    EditionState.PARTIAL: AlertKind.PARTIAL,
    EditionState.MISSED: AlertKind.MISSED,
}


def _kind_of(edition: Edition, heads_up: timedelta | None, now: datetime) -> AlertKind | None:
    if edition.state is EditionState.HELD:
        return None if edition.reason == HeldReason.STAFF else AlertKind.HELD
    if edition.state in _ENDS:
        ended_at = edition.closed_at or edition.fire_at
        return _ENDS[edition.state] if now - ended_at <= NEWS_FOR else None
    is_coming = edition.state in {EditionState.DRAFT, EditionState.SCHEDULED}
    if is_coming and heads_up and edition.fire_at - heads_up <= now < edition.fire_at:
        return AlertKind.HEADS_UP
    return None


def next_try_at(tries: int, *, now: datetime) -> datetime | None:
    """Return when a channel that failed ``tries`` times is tried again; None for never."""
    return now + _FIRST_WAIT * 4 ** (tries - 1) if tries < TRIES else None
