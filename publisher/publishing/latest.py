"""The posts as they were last built, kept until the next build: for pages made when they are asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from publisher.editorial.catalog import on_channel
from publisher.model import Channel
from publisher.publishing import MEMORY_FILE, open_shelf

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Config
    from publisher.model import Series
    from publisher.publishing import Shelf
    from publisher.store import Store


class LatestShelf:
    """Opens the posts anew only where they were built since; safe for threads."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self._lock = threading.Lock()
        self._shelf: tuple[int, Shelf] | None = None

    def open(self, now: datetime) -> tuple[int, Shelf]:
        """Return the posts, and the second of the build that they are of."""
        memory = self._config.paths.state / MEMORY_FILE
        with self._lock:
            built_ns = memory.stat().st_mtime_ns if memory.exists() else 0
            if self._shelf is None or self._shelf[0] != built_ns or not built_ns:
                self._shelf = built_ns, open_shelf(self._config, self._store, now=now)
            return built_ns // 1_000_000_000, self._shelf[1]

    def mailed_series(self, now: datetime) -> tuple[Series, ...]:
        """Return the series whose parts come by email."""
        return tuple(on_channel(self.open(now)[1].catalog, Channel.EMAIL).series)
