"""kill -9 at every named point of sending, at the first, a middle and the last row, twice in a row."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from publisher.store.ledger import CHUNK_ROWS
from tests import chaos
from tests.relay import Relay
from tests.system.killer import POINTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

READERS = 2_000
LINES = 4
_FRAME = 24 + 4096
"""Octets of one page in SQLite's log, with what it says of it."""
_FEW = {"claimed": READERS // CHUNK_ROWS, "finished": READERS // CHUNK_ROWS, "closing": 1}
"""Points that come for every chunk, or once; all others come for every row."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose edition is open, to be copied."""
    folder = tmp_path_factory.mktemp("prepared") / "site"
    chaos.prepare(folder, READERS)
    return folder


def _kill(
    folder: Path, relay: Relay, *words: str, uncertain: str = "resend", database: str = ""
) -> int:
    chaos.configure(
        folder, port=relay.port, connections=LINES, uncertain=uncertain, database=database
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.killer", str(folder / "config.toml"), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("position", ["first", "middle", "last"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_loses_nobody_and_repeats_at_most_one_mail_a_connection(
    prepared: Path, tmp_path: Path, point: str, position: str
) -> None:
    """Killed at the point, and again at its first coming after: nobody lost, each repeat named."""
    commits = READERS // LINES // 2
    most = _FEW.get(point, commits if point == "recorded" else READERS)
    number = {"first": 1, "middle": most // 2 or 1, "last": most}[position]
    folder = chaos.copy(prepared, tmp_path / "site")
    with Relay() as relay:
        kills = _kill(folder, relay, point, str(number), point, "1")

    assert kills >= 1
    chaos.judge(folder, relay, readers=READERS, kills=kills, connections=LINES)


@pytest.mark.parametrize(
    "point", ["claimed", "started", "dotted", "accepted", "recorded", "closing"]
)
def test_a_kill_beside_a_server_loses_nobody_either(
    postgres: Server, tmp_path: Path, point: str
) -> None:
    """On PostgreSQL the same machine takes its place again at once: killed twice, judged alike."""
    folder, url, readers = tmp_path / "site", postgres.make(), 80
    chaos.prepare(folder, readers, url)
    number = 1 if point in _FEW else readers // LINES // 2
    with Relay() as relay:
        kills = _kill(folder, relay, point, str(number), point, "1", database=url)

    assert kills >= 1
    chaos.judge(folder, relay, readers=readers, kills=kills, connections=LINES)


@pytest.mark.parametrize("point", ["started", "accepted", "recorded"])
def test_k16_a_frame_torn_by_a_loss_of_power_costs_no_more_than_a_kill(
    prepared: Path, tmp_path: Path, point: str
) -> None:
    """What was being written as the power went is half there: nothing that was committed is lost."""
    folder = chaos.copy(prepared, tmp_path / "site")
    log = folder / "var" / "publisher.sqlite3-wal"
    with Relay() as relay:
        kills = _kill(folder, relay, point, "7", "leave")
        frame = log.read_bytes()[-_FRAME:]
        with log.open("ab") as file:
            file.write(frame[: _FRAME // 2])
        _kill(folder, relay)

    assert (kills, len(frame)) == (1, _FRAME)
    chaos.judge(folder, relay, readers=READERS, kills=1, connections=LINES)


@pytest.mark.parametrize("point", ["dotted", "accepted"])
def test_under_hold_a_kill_repeats_nobody(prepared: Path, tmp_path: Path, point: str) -> None:
    """With ``hold`` the mails that were on the wire are left to a person: none goes twice."""
    folder = chaos.copy(prepared, tmp_path / "site")
    with Relay() as relay:
        kills = _kill(folder, relay, point, str(READERS // 2), uncertain="hold")

    assert kills == 1
    chaos.judge(folder, relay, readers=READERS, kills=1, connections=LINES, holds=True)
