"""Measuring: how far an edition is, and the site's figures in the form that Prometheus reads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from publisher.editorial.progress import Pace, measure_pace
from publisher.model import DeliveryState, EditionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from publisher.app.job import Report
    from publisher.app.opening import Site
    from publisher.model import Edition
    from publisher.store import Transaction
    from publisher.store.figures import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format (its "exposition formats", 0.0.4)."""
_WINDOW = timedelta(minutes=1)
_MANY = 100_000
"""So many deliveries of open editions are not counted anew at each look."""
_REST = 50
"""How many times as long as counting them took they are good for: a fiftieth of one processor."""
_WAITING = (DeliveryState.PENDING, DeliveryState.INFLIGHT, DeliveryState.DEFERRED)


def read_pace(
    tx: Transaction, edition: Edition, counts: Mapping[DeliveryState, int], *, now: datetime
) -> Pace | None:
    """Return how fast an edition went in the last minute; None where it is not being sent."""
    from publisher.store import figures  # noqa: PLC0415

    if edition.state is not EditionState.SENDING:
        return None
    begun, first_at = figures.count_begun(tx, edition.id, since=now - _WINDOW)
    seconds = (now - first_at).total_seconds() if first_at else 0.0
    return measure_pace(begun, seconds, sum(counts[state] for state in _WAITING))


def count_waiting(site: Site, edition: Edition) -> int:
    """Return how many mails of an edition are still to be accepted."""
    from publisher.store import ledger  # noqa: PLC0415

    with site.store.read() as tx:
        counts = ledger.read_counts(tx, edition.id)
    return sum(counts[state] for state in (*_WAITING, DeliveryState.UNCERTAIN))


@dataclass(slots=True)
class Meter:
    """What one process counts while it runs; safe to use from several threads."""

    accepted: int = 0
    last_accepted_at: datetime | None = None
    last_publish_at: datetime | None = None
    problems: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counting: threading.Lock = field(default_factory=threading.Lock)
    """Another one, so that no mail waits for a count."""
    _figures: Figures | None = None
    _figures_until: float = 0.0

    def count_accepted(self, *, now: datetime) -> None:
        """Count one mail that a relay or the outbox took."""
        with self._lock:
            self.accepted += 1
            self.last_accepted_at = now

    def note_publish(self, report: Report, *, now: datetime) -> None:
        """Note that the scheduled job came to its end, and what its build had to say."""
        with self._lock:
            self.last_publish_at = now
            self.problems = Counter(problem.level for problem in report.build.problems)

    def read_figures(self, site: Site) -> Figures:
        """Return the site's figures: of this moment, or of one just past where there are very many.

        They are counted row by row, so the sender would feel a look every few seconds at a million.
        """
        from publisher.store import figures  # noqa: PLC0415

        with self._counting:
            began = time.monotonic()
            if self._figures is None or began >= self._figures_until:
                with site.store.read() as tx:
                    self._figures = figures.read_figures(tx)
                now = time.monotonic()
                is_much = sum(self._figures.deliveries.values()) >= _MANY
                self._figures_until = now + _REST * (now - began) if is_much else now
            return self._figures


def describe_metrics(site: Site, meter: Meter, *, now: datetime) -> str:
    """Return the site's figures as Prometheus reads them: no address, no post, no digest's name."""
    from publisher.operating import is_sending  # noqa: PLC0415

    read = meter.read_figures(site)
    may_send = is_sending(site.store, site.config.paths.state)
    return "".join(_lines(read, meter, may_send=may_send, now=now))


def _lines(figures: Figures, meter: Meter, *, may_send: bool, now: datetime) -> Iterable[str]:
    since = figures.waiting_since
    yield from _metric("editions", "gauge", "Editions by state.", _by("state", figures.editions))
    yield from _metric(
        "deliveries",
        "gauge",
        "Deliveries of open editions by state.",
        _by("state", figures.deliveries),
    )
    yield from _metric(
        "queue_age_seconds",
        "gauge",
        "How long the oldest edition that is being sent has been due.",
        {"": max((now - since).total_seconds(), 0.0) if since else 0.0},
    )
    yield from _metric(
        "accepted_total",
        "counter",
        "Mails accepted since this process began.",
        {"": meter.accepted},
    )
    yield from _metric(
        "last_accepted_timestamp_seconds",
        "gauge",
        "When a mail was accepted last; 0 before the first.",
        {"": _stamp(meter.last_accepted_at)},
    )
    yield from _metric(
        "last_publish_timestamp_seconds",
        "gauge",
        "When the scheduled job last came to its end; 0 before the first.",
        {"": _stamp(meter.last_publish_at)},
    )
    levels = {level: meter.problems[level] for level in ("error", "warning")}
    yield from _metric(
        "build_problems", "gauge", "Problems of the last build.", _by("level", levels)
    )
    yield from _metric(
        "sending_allowed",
        "gauge",
        "1 where this database is the one that sends, 0 where it was copied or restored.",
        {"": int(may_send)},
    )


def _metric(name: str, kind: str, told: str, values: Mapping[str, float]) -> Iterable[str]:
    full = f"publisher_{name}"
    yield f"# HELP {full} {told}\n# TYPE {full} {kind}\n"
    for labels, value in values.items():
        yield f"{full}{labels} {value:.15g}\n"


def _by(label: str, values: Mapping[Any, int]) -> dict[str, float]:
    return {f'{{{label}="{name}"}}': number for name, number in values.items()}


def _stamp(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0
