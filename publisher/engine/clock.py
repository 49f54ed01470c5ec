"""APScheduler as an alarm clock: it says "look", and knows nothing of slots, zones or editions."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_SECONDS = 15

_log = logging.getLogger(__name__)


def now() -> datetime:
    """Return the moment, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one clock


class Ticker:
    """Calls a function every 15 seconds and once at the start, never twice at a time.

    What it missed while busy or asleep is one call, not many; a call that fails is told in the
    log and the next one comes all the same.
    """

    def __init__(self, tick: Callable[[], None], *, seconds: float = TICK_SECONDS) -> None:
        """Take the function; nothing runs before ``start``."""
        self._tick = tick
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        self._scheduler.add_job(
            self._run, "interval", seconds=seconds, next_run_time=now(), id="tick"
        )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def wake(self) -> None:
        """Call at once, or right after the call under way."""
        self._scheduler.modify_job("tick", next_run_time=now())

    def stop(self) -> None:
        """End after the call under way."""
        self._scheduler.shutdown(wait=True)

    def _run(self) -> None:
        try:
            self._tick()
        except Exception:  # noqa: BLE001 - one failure must not end the schedule
            _log.exception("a tick failed; the next one comes all the same")
