"""``publisher web``, ``scheduler`` and ``worker`` as real processes of several machines on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app, editing
from publisher.engine import clock
from publisher.store import doorbells
from publisher.store.ledger import opening
from tests import chaos
from tests.relay import Relay
from tests.servers import House
from tests.system.hasty import CHUNK_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.postgres import Server

READERS = 900
"""Three chunks."""
LINES = 4
PATIENCE_SECONDS = 120


@dataclass(slots=True)
class Machine:
    """One machine's folder, and the processes that run there."""

    folder: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command, and wait until it says that it is at work."""
        config = str(self.folder / "config.toml")
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.hasty", "--config", config, *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.running.append(process)
        assert process.stdout
        said = process.stdout.readline()
        assert "Ctrl-C ends it." in said, (self.folder / "log").read_text()
        return process

    def stop(self) -> list[int]:
        """End every process as systemd would; return how they ended."""
        for process in self.running:
            process.terminate()
        ended = []
        for process in self.running:
            process.communicate(timeout=PATIENCE_SECONDS)
            ended.append(process.returncode)
        self.running.clear()
        return ended


@contextmanager
def _machines(*made: Machine) -> Iterator[None]:
    try:
        yield
    finally:
        for machine in made:
            machine.stop()


def _until(true: object, machines: tuple[Machine, ...] = ()) -> None:
    assert callable(true)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        told = [(machine.folder / "log").read_text()[-2000:] for machine in machines]
        assert time.monotonic() < deadline, told
        time.sleep(0.05)  # noqa: TID251 - processes are at work


@dataclass(slots=True)
class Place:
    """A database, a relay, and the machines of one site."""

    url: str
    base: Path
    relay: Relay
    options: dict[str, object] = field(default_factory=dict)

    def machine(self, name: str) -> Machine:
        """Return one more machine, with the same posts and configuration."""
        folder = self.base / name
        if not folder.exists():
            chaos.write_post(folder)
        self.configure(folder)
        return Machine(folder)

    def configure(self, folder: Path) -> None:
        chaos.configure(
            folder,
            port=self.relay.port,
            connections=LINES,
            database=self.url,
            **self.options,  # type: ignore[arg-type]
        )

    def states(self) -> list[str]:
        """Return the states of all editions."""
        site = app.open_site(self.base / "first" / "config.toml", {})
        found = [str(one.state) for one in app.list_editions(site)]
        site.store.close()
        return found


@pytest.fixture
def place(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    """A new database and a relay."""
    with Relay() as relay:
        yield Place(postgres.make(), tmp_path, relay)


@pytest.fixture
def opened(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose one edition is open, nothing sent."""
    monkeypatch.setattr(opening, "CHUNK_ROWS", CHUNK_ROWS)
    chaos.prepare(place.base / "first", READERS, place.url)
    return place


def _see_first(folder: Path, moment: datetime) -> None:
    """Add the readers, and let a digest's slots begin at a moment."""
    site = chaos.fill(folder, READERS)
    desk, _ = app.open_desk(site, now=moment)
    editing.advance(desk, now=moment)
    site.store.close()


def _jobs(server: Server, url: str, statement: str) -> list[tuple[object, ...]]:
    name = url.partition("@/")[2].partition("?")[0]
    with server.connect(name) as tx:
        tx.execute(f"SET search_path = {doorbells.PLACE}".encode())
        done = tx.execute(statement.encode())
        return done.fetchall() if done.description else []


def test_many_processes_on_two_machines_mail_everybody_once(
    place: Place, postgres: Server, free_port: int
) -> None:
    """Two schedulers, a web server and four workers: one edition, one mail each; then all end well."""
    slot = clock.now() - timedelta(minutes=1)
    place.options = {"schedule": f"every day at {slot:%H:%M}", "web_port": free_port}
    first, second = place.machine("first"), place.machine("second")
    _see_first(first.folder, slot - timedelta(hours=3))

    with _machines(first, second):
        first.start("web")
        first.start("scheduler")
        second.start("scheduler", "--join")
        for machine in (first, first, second, second):
            machine.start("worker")
        _until(lambda: place.states() == ["sent"], (first, second))
        served = House(first.folder / "public", free_port)
        health, page = served.ask("/healthz"), served.ask("/one/")
        _until(lambda: _jobs(postgres, place.url, "SELECT 1 FROM procrastinate_jobs") == [])
        ended = first.stop() + second.stop()

    found = chaos.judge(first.folder, place.relay, readers=READERS, kills=0, connections=LINES)
    assert found["repeated"] == found["uncertain"] == 0
    assert (health.status, page.status) == (200, 200)
    assert ended == [0] * 7


def test_killed_worker_is_followed_by_another_machine_after_its_lease(opened: Place) -> None:
    """Kill -9 in the middle, nobody starts it again: its chunk goes on elsewhere, nobody is lost."""
    first = opened.machine("first")
    second = opened.machine("second")

    with _machines(first, second):
        first.start("worker")
        killed = second.start("worker", "--join")
        _until(lambda: len(opened.relay.kept) > READERS // 4, (first, second))
        killed.kill()
        killed.communicate()
        second.running.clear()
        _until(lambda: opened.states() == ["sent"], (first,))

    chaos.judge(first.folder, opened.relay, readers=READERS, kills=1, connections=LINES)


def test_killed_worker_that_starts_again_goes_on_at_once(opened: Place) -> None:
    """On the same machine nobody waits for a lease: its place is free, so whoever had it is gone."""
    machine = opened.machine("first")

    with _machines(machine):
        killed = machine.start("worker")
        _until(lambda: len(opened.relay.kept) > READERS // 4, (machine,))
        killed.kill()
        killed.communicate()
        machine.running.clear()
        machine.start("worker")
        _until(lambda: opened.states() == ["sent"], (machine,))

    chaos.judge(machine.folder, opened.relay, readers=READERS, kills=1, connections=LINES)


def test_workers_that_are_stopped_and_started_repeat_nothing(opened: Place) -> None:
    """SIGTERM finishes what is on the wire and gives the chunks back; the next ones go on at once."""
    machine = opened.machine("first")

    with _machines(machine):
        for share in (6, 3, 2):
            machine.start("worker")
            machine.start("worker")
            _until(lambda share=share: len(opened.relay.kept) > READERS // share, (machine,))
            assert machine.stop() == [0, 0]
            assert opened.states() == ["sending"]
        beside = machine.start("worker")
        told = subprocess.run(
            [sys.executable, "-m", "publisher", "--config", "config.toml", "publish"],
            cwd=machine.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        _until(lambda: opened.states() == ["sent"], (machine,))

    assert f"Delivery is left to the running service: process {beside.pid}" in told.stdout
    found = chaos.judge(machine.folder, opened.relay, readers=READERS, kills=0, connections=LINES)
    assert found["repeated"] == found["uncertain"] == 0


def test_jobs_that_are_lost_or_doubled_change_nothing(
    place: Place, postgres: Server, free_port: int
) -> None:
    """A scheduler puts up a job a chunk; without them, or with each three times, all is sent once."""
    slot = clock.now() - timedelta(minutes=1)
    place.options = {"schedule": f"every day at {slot:%H:%M}", "web_port": free_port}
    machine = place.machine("first")
    _see_first(machine.folder, slot - timedelta(hours=3))
    again = "INSERT INTO procrastinate_jobs (queue_name, task_name, args) "

    with _machines(machine):
        machine.start("scheduler")
        _until(lambda: place.states() == ["sending"], (machine,))
        put_up = _jobs(postgres, place.url, _NAMED)
        _jobs(postgres, place.url, "TRUNCATE procrastinate_jobs CASCADE")
        _jobs(postgres, place.url, again + "VALUES ('chunks', 'send', '{\"chunk_id\": 9}')")
        _jobs(postgres, place.url, again + "VALUES ('chunks', 'of another release', '{}')")
        machine.start("worker")
        machine.start("worker")
        _until(lambda: place.states() == ["sent"], (machine,))

    assert put_up == [(1,), (2,), (3,)]
    found = chaos.judge(machine.folder, place.relay, readers=READERS, kills=0, connections=LINES)
    assert found["repeated"] == found["uncertain"] == 0


_NAMED = (
    "SELECT (args ->> 'chunk_id')::int FROM procrastinate_jobs WHERE status = 'todo' ORDER BY 1"
)


def test_machine_that_has_not_joined_sends_nothing(opened: Place) -> None:
    """Without ``--join`` a new machine mails nobody and says what to do; so does a copied database."""
    other = opened.machine("other")
    process = other.start("worker")
    _until(lambda: "--join" in (other.folder / "log").read_text(), (other,))
    process.terminate()
    process.communicate(timeout=PATIENCE_SECONDS)

    assert opened.states() == ["sending"]
    assert opened.relay.kept == []
