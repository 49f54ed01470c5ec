"""Several senders on one PostgreSQL database: limits for all, leases, doorbells, a server that goes."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from publisher import app, delivering, operating
from publisher.deliverability import Pace
from publisher.delivering import committing, loop
from publisher.delivering.limits import Limits
from publisher.engine import clock, logbook
from publisher.engine.distributed import Bells
from publisher.errors import Refused
from publisher.model import EditionState
from publisher.store import Store, dialect, doorbells, ledger, schema
from publisher.store.ledger import opening
from publisher.transport import Single, SmtpLines, SmtpSettings
from tests.conftest import empty_site
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    attempts,
    counts,
    join,
    moment,
    only,
    rows,
    shown,
    tick,
    use_relay,
)
from tests.relay import Moment, Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from publisher.delivering import Round
    from tests.conftest import Folder
    from tests.postgres import Server

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
READERS = 40
LINES = 3
_WRITERS = f"({dialect._WRITERS})"


@pytest.fixture
def folder(tmp_path: Path, postgres: Server) -> Folder:
    """An empty site on PostgreSQL alone."""
    made = empty_site(tmp_path / "site")
    made.configure(database=f'url = "{postgres.make()}"')
    return made


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of five, so that there is something to share."""
    monkeypatch.setattr(opening, "CHUNK_ROWS", 5)
    monkeypatch.setattr(loop, "_AGAIN_SECONDS", 0.02)


def _open(folder: Folder, mail: str = "") -> app.Site:
    site = _make(folder, mail)
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def _make(folder: Folder, mail: str = "") -> app.Site:
    """Make a site with its readers."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder, mail)
    lines = f'host = "127.0.0.1"\nport = 9\nsecurity = "none"\nconnections = {LINES}\n'
    folder.configure(mail__smtp=lines)
    site = folder.open()
    join(site, *(f"reader{n:02}" for n in range(READERS)))
    return site


@pytest.fixture
def site(folder: Folder) -> Iterator[app.Site]:
    """A site whose first edition is open to forty readers."""
    made = _open(folder)
    yield made
    made.store.close()


def _deliver(site: app.Site, now: datetime, seat: str, lines: Callable[[bool], Any]) -> Round:
    return delivering.deliver(
        delivering.Sending(
            config=site.config, store=site.store, lines=lines, clock=lambda: now, seat=seat
        )
    )


def _at_once(site: app.Site, now: datetime, senders: int) -> list[MemoryTransport]:
    """Send with so many senders at once; return what each handed over."""
    ways_out = [MemoryTransport() for _ in range(senders)]
    together = threading.Barrier(senders)

    def work(number: int) -> None:
        together.wait()
        _deliver(site, now, f"worker-{number}", lambda _: Single(ways_out[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ways_out


# ------------------------------------------------------------------------------ limits for all


def test_daily_limit_holds_for_all_senders_together(folder: Folder) -> None:
    """Four senders at once begin no more than the limit of a day; the next day the next ones go."""
    site = _open(folder, mail="daily_limit = 17")
    a_day = []
    for days in range(4):
        ways_out = _at_once(site, SLOT + days * DAY, 4)
        a_day.append(sum(len(one.accepted) for one in ways_out))
        again = _at_once(site, SLOT + days * DAY + HOUR, 2)
        assert sum(len(one.accepted) for one in again) == 0

    assert a_day == [17, 17, 6, 0]
    assert counts(site, only(site)) == {"accepted": READERS}
    days_kept = rows(site, schema.days, schema.days.c.begun)
    assert days_kept == [(6,), (17,), (17,)]


def test_senders_share_an_edition_and_nobody_gets_it_twice(site: app.Site) -> None:
    """Without a limit too: each chunk is one sender's."""
    ways_out = _at_once(site, SLOT, 4)
    got = Counter(envelope.recipient for one in ways_out for envelope, _ in one.accepted)

    assert set(got.values()) == {1}
    assert len(got) == READERS
    assert shown(site) == [("weekly/1", "sent", "")]


def test_rate_is_divided_among_those_who_send(site: app.Site) -> None:
    """Half of it each for two; all of it again when the other is gone, or its lease is over."""
    edition = only(site)
    limits = Limits(
        daily_limit=0, timezone="UTC", pace=Pace(connections=1), per_second=10, is_shared=True
    )
    seen = []

    def look(minutes: int) -> None:
        with site.store.write() as tx:
            limits.note(tx, [], SLOT + timedelta(minutes=minutes))
        seen.append(limits.pace.per_second)

    def claim(owner: str) -> ledger.Claim:
        with site.store.write() as tx:
            lease = timedelta(minutes=10)
            found = ledger.claim_chunk(tx, edition.id, owner=owner, now=SLOT, lease=lease)
        assert found
        return found

    look(0)
    claim("a")
    claim("a")
    claim("b")
    look(0)  # it is not asked at every commit
    look(1)
    third = claim("c")
    look(2)
    with site.store.write() as tx:
        ledger.finish_chunk(tx, third, resend=True)
    look(3)
    look(11)

    assert seen == [10, 10, 5, 10 / 3, 5, 10]


def test_only_ones_own_place_is_cleared(site: app.Site) -> None:
    """A worker that starts frees what was claimed in its place, and nobody else's."""
    edition = only(site)
    with site.store.write() as tx:
        for owner in ("mine", "theirs"):
            ledger.claim_chunk(tx, edition.id, owner=owner, now=SLOT, lease=HOUR)
        ledger.release_chunks(tx, now=SLOT, owner="mine")

    found = rows(site, schema.chunks, schema.chunks.c.state, schema.chunks.c.owner)
    assert [one for one in found if one[0] == "running"] == [("running", "theirs")]


# ------------------------------------------------------------------------------ P2, D1, D2, D3


def _lines(relay: Relay) -> Callable[[bool], SmtpLines]:
    settings = SmtpSettings(
        host="127.0.0.1", port=relay.port, security="none", hello="client.example.org"
    )
    return lambda _: SmtpLines(settings)


def _judge(site: app.Site, relay: Relay, *, repeats: int) -> None:
    """The one oracle: nobody lost, and who got it twice is named uncertain."""
    uncertain = {one for one, _, outcome in attempts(site) if outcome == "uncertain"}
    assert len(relay.counts) == READERS
    assert relay.differing() == []
    assert sum(relay.repeats.values()) <= repeats
    assert len(relay.repeats) <= len(uncertain)
    assert counts(site, only(site)) == {"accepted": READERS}
    assert only(site).state is EditionState.SENT


def test_p2_a_sender_that_was_frozen_past_its_lease_begins_nothing_more(site: app.Site) -> None:
    """Another one took its chunk: what was on its wire counts, and no other mail begins there."""
    thawed = threading.Event()

    def freeze(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "END" and 4 <= now.times < 4 + LINES:
            thawed.wait(20)
        return None

    later = SLOT + committing.LEASE + timedelta(minutes=1)
    with Relay(freeze) as relay:
        frozen = threading.Thread(target=_deliver, args=(site, SLOT, "worker-1", _lines(relay)))
        frozen.start()
        while relay.said["END"] < 4 + LINES and frozen.is_alive():
            threading.Event().wait(0.01)
        begun = relay.said["MAIL"]
        taking_over = threading.Thread(
            target=_deliver, args=(site, later, "worker-2", _lines(relay))
        )
        taking_over.start()
        taking_over.join()
        mine = relay.said["MAIL"] - begun
        thawed.set()
        frozen.join()
        for hours in range(1, 4):
            _deliver(site, later + hours * HOUR, "worker-2", _lines(relay))

    assert mine > 0
    _judge(site, relay, repeats=LINES)


@pytest.mark.parametrize("fault", ["cut off", "locked", "read-only"])
def test_d_a_server_that_fails_in_the_middle_loses_nobody(
    site: app.Site, postgres: Server, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Sessions are cut, writers wait too long, writes are refused: what is known is kept, then all go."""
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 0.2)
    name = site.store.url.partition("@/")[2].partition("?")[0]
    admin = postgres.connect(name)
    mended = threading.Timer(2.5, lambda: _mend(admin, name))

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if (now.what, now.times) == ("END", 12):
            _break(admin, name, fault)
            mended.start()
        return None

    with Relay(script) as relay:
        done = _deliver(site, SLOT, "worker-1", _lines(relay))
        mended.join()
        between = len(relay.kept)
        for hours in range(1, 4):
            _deliver(site, SLOT + hours * HOUR, "worker-1", _lines(relay))
    admin.close()

    told = [one.code for one in done.problems]
    # A session that was idle just then is replaced unnoticed, and where the others had sent all by
    # then, only the last facts wait until it is mended.
    if fault == "locked" or told:
        assert told == ["database.unavailable"]
        assert 12 < between < READERS
    _judge(site, relay, repeats=LINES)


def _break(admin: Any, name: str, fault: str) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    if fault == "locked":
        admin.execute(f"SELECT pg_advisory_lock{_WRITERS}")
        return
    if fault == "read-only":
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    admin.execute(cut, (name,))


def _mend(admin: Any, name: str) -> None:
    admin.execute("SELECT pg_advisory_unlock_all()")
    admin.execute("SET transaction_read_only = off")
    admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


# ------------------------------------------------------------------------------------ doorbells


def _jobs(site: app.Site) -> int:
    with site.store.read() as tx:
        jobs = sa.table("procrastinate_jobs", schema=doorbells.PLACE)
        return int(tx.execute(sa.select(sa.func.count()).select_from(jobs)).scalar_one())


def test_jobs_are_put_up_in_the_transaction_that_lets_an_edition_be_sent(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk, a job; where the transaction is not kept, neither is any job."""
    site = _make(folder)
    tick(site, SEEN)
    bells = Bells(site)
    site = replace(site, ring=bells.ring)
    with monkeypatch.context() as patched:
        real = bells._task.configure

        def fail(**options: Any) -> Any:
            real(**options).defer(edition_id=1, chunk_id=1)
            raise RuntimeError("the machine went down here")

        patched.setattr(bells._task, "configure", fail)
        with pytest.raises(RuntimeError):
            tick(site, SLOT)
        before = (_jobs(site), shown(site))
    tick(site, SLOT)

    assert before == (0, [("weekly/1", "ready", "")])
    assert shown(site) == [("weekly/1", "sending", "")]
    assert _jobs(site) == READERS // 5


def test_an_edition_opens_where_nobody_can_be_called(
    site: app.Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The place of the jobs was dropped: a line in the log, and workers find the edition themselves."""
    bells = Bells(site)
    with site.store.write() as tx:
        tx.exec_driver_sql(f"DROP SCHEMA {doorbells.PLACE} CASCADE")
        bells.ring(tx, only(site))
        still_good = tx.execute(sa.text("SELECT 1")).scalar()

    assert still_good == 1
    assert "will find the edition" in caplog.text
    Bells(site)
    assert _jobs(site) == 0


def test_place_of_jobs_is_made_once_and_anew_for_another_version(site: app.Site) -> None:
    """Two who begin at once make one; what another version left is replaced."""
    made = [threading.Thread(target=Bells, args=(site,)) for _ in range(4)]
    for one in made:
        one.start()
    for one in made:
        one.join()
    bells = Bells(site)
    with site.store.write() as tx:
        bells.ring(tx, only(site))
    Bells(site)
    kept = _jobs(site)
    with site.store.write() as tx:
        tx.exec_driver_sql(f"COMMENT ON SCHEMA {doorbells.PLACE} IS '0.1'")
    Bells(site)

    assert kept == READERS // 5
    assert _jobs(site) == 0


# ------------------------------------------------------------------------------- who may work


@pytest.mark.parametrize("command", ["web", "scheduler", "worker"])
def test_processes_cannot_share_the_embedded_database(tmp_path: Path, command: str) -> None:
    """On SQLite the commands are refused, and say what to use."""
    ran = empty_site(tmp_path / "site").run("--json", command)

    assert ran.code == 5
    assert ran.data["error"]["code"] == "engine.embedded"
    assert "publisher run" in ran.data["error"]["hint"]


@pytest.mark.parametrize("command", ["scheduler", "worker"])
def test_what_carries_jobs_must_be_installed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Without Procrastinate: exit 3, and the line to type."""
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    ran = folder.run(command)

    assert ran.code == 3
    assert "publisher[grown]" in ran.err


def test_a_machine_joins_a_database_in_its_own_place_alone(
    site: app.Site, tmp_path: Path, postgres: Server
) -> None:
    """A new machine is told of ``--join``; a copy of the database is refused it until it is adopted."""
    state = tmp_path / "other machine"
    with pytest.raises(Refused, match="--join"):
        operating.adopt_epoch(site.store, state, is_new=False)
    operating.join(site.store, state)
    operating.adopt_epoch(site.store, state, is_new=False)
    name = site.store.url.partition("@/")[2].partition("?")[0]
    site.store.close()
    copy = Store(postgres.make(f"TEMPLATE {name}"), tmp_path / "unused")
    with pytest.raises(Refused, match="copied or restored"):
        operating.join(copy, tmp_path / "third machine")
    operating.take_over(copy, tmp_path / "adopting machine", by="me", now=SLOT)
    operating.join(copy, tmp_path / "third machine")
    copy.close()

    assert not (tmp_path / "third machine" / "epoch").samefile(state / "epoch")


class _Noted:
    """A sender that only notes that it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> int:
        self.woken += 1
        return self.woken

    def wait(self, number: int) -> None:
        assert number == self.woken


def test_jobs_wake_a_sender_and_those_of_the_dead_are_cleared_away(site: app.Site) -> None:
    """Each job is answered and gone; what a killed worker had in hand is nobody's and goes too."""
    bells, sender, stopping = Bells(site), _Noted(), threading.Event()
    with site.store.write() as tx:
        bells.ring(tx, only(site))
        doorbells.open_place(tx)
        tx.exec_driver_sql(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 h')"
        )
        tx.exec_driver_sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)"
            " SELECT 'chunks', 'send', 'doing', id FROM procrastinate_workers"
        )
    put_up = _jobs(site)
    listener = threading.Thread(target=bells.answer, args=(sender, stopping))
    listener.start()
    ends = time.monotonic() + 30
    while _jobs(site) and time.monotonic() < ends:
        time.sleep(0.05)  # noqa: TID251 - a thread is waited for
    stopping.set()
    listener.join()

    assert put_up == READERS // 5 + 1
    assert _jobs(site) == 0
    assert sender.woken == READERS // 5


@pytest.mark.parametrize("command", ["web", "scheduler", "worker"])
def test_each_part_begins_and_ends_by_itself(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, free_port: int, command: str
) -> None:
    """It says that it is at work; SIGTERM ends it with 0; what it did meanwhile is its own part."""
    site = _make(folder)
    tick(site, clock.now(), "weekly")
    monkeypatch.setattr(logbook, "open_log", lambda *_args, **_named: None)
    with Relay() as relay:
        lines = (
            f'host = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\nconnections = {LINES}\n'
        )
        folder.configure(mail__smtp=lines, web=f'listen = "127.0.0.1:{free_port}"')
        stopper = threading.Thread(target=_end_when, args=(site, command))
        stopper.start()
        ran = folder.run(command, "--join")
        stopper.join()

    assert ran.code == 0, ran.err
    assert "Ctrl-C ends it." in ran.out
    assert "Stopped." in ran.out
    assert len(relay.kept) == (READERS if command == "worker" else 0)
    assert (folder.path / "public" / "index.html").exists() is (command == "scheduler")


def _end_when(site: app.Site, command: str) -> None:
    """Ask this process to stop once the part has done something, or had the time to."""
    built = site.config.paths.output / "index.html"
    ends = time.monotonic() + (30 if command != "web" else 3)
    while time.monotonic() < ends and not (
        (command == "worker" and only(site).state is EditionState.SENT)
        or (command == "scheduler" and built.exists())
    ):
        time.sleep(0.1)  # noqa: TID251 - a process is at work
    os.kill(os.getpid(), signal.SIGTERM)


def test_web_that_cannot_listen_says_so(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is in use: exit 75, and the line to write."""
    monkeypatch.setattr(logbook, "open_log", lambda *_args, **_named: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        folder.configure(web=f'listen = "127.0.0.1:{taken.getsockname()[1]}"')
        ran = folder.run("web")

    assert ran.code == 75
    assert "web.listen" in ran.err
