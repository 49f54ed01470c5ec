"""How often a thing may be tried: so many in a stretch of time, counted in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta

MOST_KEYS: Final = 10_000
"""What is remembered at a time; beyond it the oldest is forgotten."""


class Limiter:
    """Counts tries by key, such as an address; safe to use from several threads."""

    def __init__(self, most: int, within: timedelta) -> None:
        self._most = most
        self._within = within
        self._tries: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, key: str, *, now: datetime) -> bool:
        """Whether one more try is within the limit; it is not counted."""
        with self._lock:
            return len(self._recent(key, now)) < self._most

    def count(self, key: str, *, now: datetime) -> None:
        """Count one try."""
        with self._lock:
            recent = self._recent(key, now)
            recent.append(now)
            self._tries[key] = recent
            self._tries.move_to_end(key)
            while len(self._tries) > MOST_KEYS:
                self._tries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Begin anew: the person got in."""
        with self._lock:
            self._tries.pop(key, None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        tries = self._tries.get(key, deque())
        while tries and tries[0] <= now - self._within:
            tries.popleft()
        return tries
