"""Scheduling: a moment at which mail goes, as an event for a calendar."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from publisher.app.admitting import link_to
from publisher.pages.calendar import Event, write_event

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.editing import PlannedEdition
    from publisher.model import Edition


def calendar_of(site: Site, edition: Edition, *, now: datetime) -> bytes:
    """Return when an edition goes, as iCalendar; it names no post and no subscriber."""
    return _write(
        site,
        (edition.digest, edition.slot),
        starts_at=edition.fire_at,
        path=f"editions/{edition.id}",
        sequence=edition.version,
        now=now,
    )


def calendar_of_next(site: Site, planned: PlannedEdition, *, now: datetime) -> bytes:
    """Return when a digest goes next, whether its edition is made or not; the same event as its."""
    return _write(
        site,
        (planned.digest, planned.slot),
        starts_at=planned.fire_at,
        path="",
        sequence=0,
        now=now,
    )


def _write(
    site: Site,
    key: tuple[str, str],
    *,
    starts_at: datetime,
    path: str,
    sequence: int,
    now: datetime,
) -> bytes:
    # The address of a digest may be a topic: who sees the calendar reads a number at most.
    mark = hashlib.sha256(repr((str(site.config.site.id), *key)).encode()).hexdigest()[:32]
    host = urlsplit(site.config.site.url).hostname or "localhost"
    event = Event(
        uid=f"{mark}@{host}",
        starts_at=starts_at,
        summary="Mail goes out",
        description="Look at it, hold it or cancel it in the console before then.",
        url=link_to(site.config, path),
        sequence=sequence,
    )
    return write_event(event, now=now)
