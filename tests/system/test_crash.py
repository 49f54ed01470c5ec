"""kill -9 between each pair of commits of a small send, then a restart, then the count."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from publisher.model import DeliveryState
from publisher.store import editions, ledger
from tests import smtpd

if TYPE_CHECKING:
    from tests.conftest import Folder

READERS = [f"reader{n}@example.net" for n in range(3)]
MOST_COMMITS = 60


def _crash(folder: Folder, moment: str, count: int) -> tuple[bool, int]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.system.crasher",
            str(folder.path / "config.toml"),
            moment,
            str(count),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed, code = done.stdout.split()
    return killed == "killed", int(code)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_at_every_commit_loses_nothing_and_repeats_at_most_one(
    folder: Folder, free_port: int, moment: str
) -> None:
    """Whatever commit a kill -9 falls on, each reader gets the letter and at most one gets it twice."""
    folder.post("sleep/01-one.md", "One")
    folder.post("sleep/02-two.md", "Two")
    folder.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"\nconnections = 1',
    )
    for reader in READERS:
        assert folder.run("subscribers", "add", reader).code == 0
    base = folder.path
    kills = 0
    # Before one commit is after the one before it: between them, each gap is looked at once.
    for count in range(0, MOST_COMMITS, 2):
        folder.path = base.parent / f"{moment}-{count}"
        shutil.copytree(base, folder.path)
        with smtpd.serve(free_port) as peer:
            was_killed, code = _crash(folder, moment, count)
            got = Counter(one.recipient for one in peer.accepted)
            sources = {one.data for one in peer.accepted}

        assert code == 0
        assert set(got) == set(READERS)
        assert got.total() <= len(READERS) + 1
        # A repeat is the same mail octet by octet, so that programs that drop doubles can.
        assert len(sources) == len(READERS)
        _assert_closed(folder)
        if not was_killed:
            break
        kills += 1
    assert kills * 2 > len(READERS) * 2


def _assert_closed(folder: Folder) -> None:
    site = folder.open()
    with site.store.read() as tx:
        edition = editions.read_all(tx)[0]
        counts = ledger.read_counts(tx, edition.id)
    assert str(edition.state) == "sent"
    assert counts[DeliveryState.ACCEPTED] == edition.audience == len(READERS)
