"""What all senders of one database share: the mails of a day, and the rate a relay allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.store import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.deliverability import Pace
    from publisher.store import Transaction

_COUNT_AFTER = timedelta(seconds=5)
"""How often it is asked how many share the rate."""


@dataclass(slots=True, kw_only=True)
class Limits:
    """The limits of one edition that is being sent, by this sender and perhaps by others."""

    daily_limit: int
    """How many mails may begin on a day of the site's, by all senders; 0 for any number."""
    timezone: str
    pace: Pace
    per_second: float | None
    """The rate for all senders; None for as fast as the relay takes them."""
    is_shared: bool
    """Whether there may be other senders."""
    _counted_at: datetime | None = None

    def left_today(self, tx: Transaction, now: datetime) -> int | None:
        """Count anew, and return how many mails may still begin today; None for any number."""
        if not self.daily_limit:
            return None
        day, since = self._day(now)
        return max(0, self.daily_limit - ledger.open_day(tx, day, since=since))

    def allow(self, tx: Transaction, begins: Sequence[ledger.Beginning], now: datetime) -> int:
        """Return how many of these mails, from the first on, may begin in this transaction."""
        if not self.daily_limit:
            return len(begins)
        day, since = self._day(now)
        begun = ledger.read_day(tx, day)
        if begun is None:
            begun = ledger.open_day(tx, day, since=since)
        room = self.daily_limit - begun
        for place, one in enumerate(begins):
            room -= _is_first(one)
            if room < 0:
                return place
        return len(begins)

    def note(self, tx: Transaction, begun: Sequence[ledger.Beginning], now: datetime) -> None:
        """Count what begins in this transaction, and take only our part of the rate."""
        first = sum(map(_is_first, begun))
        if self.daily_limit and first:
            ledger.add_to_day(tx, self._day(now)[0], first)
        if self.per_second and self.is_shared and self._is_time_to_count(now):
            self.pace.per_second = self.per_second / ledger.count_senders(tx, now=now)
            self._counted_at = now

    def _is_time_to_count(self, now: datetime) -> bool:
        return self._counted_at is None or now - self._counted_at >= _COUNT_AFTER

    def _day(self, now: datetime) -> tuple[date, datetime]:
        zone = ZoneInfo(self.timezone)
        here = now.astimezone(zone)
        return here.date(), datetime(here.year, here.month, here.day, tzinfo=zone)


def _is_first(one: ledger.Beginning) -> bool:
    """Tell a reader's first attempt from another one: only the first counts."""
    return one.due.first_attempt_at is None
