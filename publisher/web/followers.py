"""Counting who follows a feed: what services say that fetch it for many, kept now and then."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from publisher.editorial.followers import read_agent
from publisher.errors import PublisherError
from publisher.store import followers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from publisher.store import Store

_log = logging.getLogger(__name__)
KEEP_EVERY: Final = timedelta(minutes=1)
_MOST_AT_ONCE = 1_000
_SIGNS = (b"subscriber", b"reader")


class FollowerCount:
    """What was said since it was last kept; keeping it holds up no answer."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        """Count into the store's table."""
        self._store = store
        self._clock = clock
        self._seen: dict[tuple[str, str], int] = {}
        self._kept_at = clock()
        self._keeping = threading.Lock()

    def note(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note who fetched the feed at this path, where they say for how many."""
        for name, value in headers:
            if name == b"user-agent" and any(sign in value for sign in _SIGNS):
                self._note(path, value.decode("latin-1"))

    def _note(self, path: str, agent: str) -> None:
        follower = read_agent(agent)
        if follower is None or len(self._seen) >= _MOST_AT_ONCE:
            return
        self._seen[path, follower.name] = follower.people
        if self._clock() - self._kept_at >= KEEP_EVERY:
            self._kept_at = self._clock()
            threading.Thread(target=self.keep, name="followers").start()

    def keep(self) -> None:
        """Write down what was said; what cannot be written is said again soon."""
        with self._keeping:
            seen, self._seen = self._seen, {}
            try:
                with self._store.write() as tx:
                    followers.note(tx, seen, on=self._clock().date())
            except PublisherError as error:
                _log.warning("followers of feeds were not kept: %s", error)
