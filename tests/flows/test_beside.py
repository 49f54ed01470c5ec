"""Beside an edition that is being opened and sent: people still come at once."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import quantiles
from typing import TYPE_CHECKING

from publisher import subscribing
from publisher.model import EditionState
from tests.flows.scenes import HOUR, join, moment, only, tick

if TYPE_CHECKING:
    from publisher import app
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
READERS = 1_500
MOST_SECONDS = 1.0
"""For 99 of 100 who come, from the question to the commit."""
WAIT_SECONDS = 60

JOB = """
import sys
from datetime import datetime
from pathlib import Path

from publisher import app
from publisher.editing import opening

opening.OPENING_BATCH = 100
now = datetime.fromisoformat(sys.argv[2])
app.publish_once(app.open_site(Path(sys.argv[1]), {}), now=now, clock=lambda: now)
"""


def test_people_are_added_at_once_while_an_edition_is_opened_and_sent(folder: Folder) -> None:
    """Another process's opening and sending keep nobody waiting for a second."""
    folder.post("one.md", "One", date="2026-11-01")
    site = folder.open()
    join(site, *(f"reader{n}" for n in range(READERS)))
    tick(site, SEEN)
    tick(site, SLOT - HOUR)
    command = [sys.executable, "-c", JOB, str(folder.path / "config.toml"), SLOT.isoformat()]
    with subprocess.Popen(command) as job:
        try:
            took = _add_beside(site, job)
            is_at_work = job.poll() is None
        finally:
            job.kill()

    assert is_at_work  # else nothing was measured
    assert quantiles(took, n=100)[98] < MOST_SECONDS


def _add_beside(site: app.Site, job: subprocess.Popen[bytes]) -> list[float]:
    """Add a hundred people from the moment on that the edition is being opened; time each."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while only(site).state not in {EditionState.READY, EditionState.SENDING}:
        assert job.poll() is None
        assert time.monotonic() < ends_at
        time.sleep(0.005)  # noqa: TID251 - a process is starting
    took = []
    for n in range(100):
        began = time.monotonic()
        subscribing.add(site.store, f"late{n}@example.net", consent="yes", source="form", now=SLOT)
        took.append(time.monotonic() - began)
    return took
