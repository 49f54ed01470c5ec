"""PostgreSQL: how a server is asked, and what is said where it is away, refuses or breaks off."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from publisher.errors import ConfigError, Problem, PublisherError, Unavailable
from publisher.store import Store, bump_revision, editions, schema, subscribers
from tests import stores
from tests.factories import NOON
from tests.postgres import Server
from tests.stores import make_person, on_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder
    from tests.stores import Home

home, prepared_file, store = stores.home, stores.prepared_file, stores.store

UNUSED = Path("unused")


def problem_of(url: str, expected: type[PublisherError]) -> Problem:
    """Return the one thing said of a database that cannot be used."""
    with pytest.raises(expected) as error:
        Store(url, UNUSED).prepare()
    (problem,) = error.value.problems
    assert "\n" not in problem.got
    return problem


def admin_of(store: Store) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection beside the store's."""
    return psycopg.connect(store.url.replace("+psycopg", ""), autocommit=True)


# ------------------------------------------------------------------------------------- transactions


@on_postgresql
def test_transactions_are_what_they_say(store: Store) -> None:
    """A reader has one state and cannot write; a writer sees what is committed by its turn."""
    settings = "current_setting('transaction_isolation'), current_setting('transaction_read_only')"
    found = []

    for begin in (store.read, store.write, store.read):
        with begin() as tx:
            found.append(tuple(tx.execute(sa.text(f"SELECT {settings}")).one()))

    reading, writing = ("repeatable read", "on"), ("read committed", "off")
    assert found == [reading, writing, reading]


@on_postgresql
def test_reader_does_not_wait_for_a_writer(home: Home, store: Store) -> None:
    """While somebody writes, a reader is answered with what was committed before."""
    with store.write() as tx:
        bump_revision(tx)
        seen = home.open().revision()

    assert (seen, store.revision()) == (0, 1)


@on_postgresql
def test_instants_come_back_in_utc_whatever_zone_the_server_is_in(store: Store) -> None:
    """The first and the last moments of the calendar come back, though the server is far away."""
    far = timezone(timedelta(hours=-11))
    moments = {
        "first": datetime(1, 1, 2, tzinfo=UTC),
        "last": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "elsewhere": datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=far),
    }

    with store.write() as tx:
        rows = [{"name": name, "seen_at": moment} for name, moment in moments.items()]
        tx.execute(sa.insert(schema.digests), rows)
    with store.read() as tx:
        found = editions.seen_digests(tx)

    assert found == moments
    assert {one.tzinfo for one in found.values()} == {UTC}


@on_postgresql
def test_text_that_postgresql_cannot_keep_is_kept_as_far_as_it_can(store: Store) -> None:
    """A NUL, as a relay's words may hold, is marked as unreadable; the rest of the text is kept."""
    with store.write() as tx:
        subscribers.note(tx, "relay", "said", "no\0body", now=NOON, detail="snow \u2603")

    with store.read() as tx:
        row = tx.execute(sa.select(schema.events)).one()
    assert (row.subject, row.detail) == ("no\ufffdbody", "snow \u2603")


@on_postgresql
def test_closed_store_leaves_no_session(store: Store) -> None:
    """A closed store has left the server, and may be used again."""
    store.epoch()

    store.close()

    ours = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'publisher' AND datname = current_database()"
    )
    with admin_of(store) as admin:
        deadline = time.monotonic() + 10
        while admin.execute(ours).fetchone() != (0,):
            assert time.monotonic() < deadline
    assert store.revision() == 0


# ----------------------------------------------------------------------------------------- prepare

RACE = """
import sys
from pathlib import Path
from publisher.store import Store

print("ready", flush=True)
for line in sys.stdin:
    store = Store(line.strip(), Path("unused"))
    print("made" if store.prepare() else "found", store.epoch(), flush=True)
    store.close()
"""


def test_processes_preparing_at_once_make_one_schema(postgres: Server) -> None:
    """Of processes that open a new database at the same moment one makes it and all may use it."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for _ in range(3)
    ]
    pipes = [(one.stdin, one.stdout) for one in racers if one.stdin and one.stdout]
    assert [out.readline() for _, out in pipes] == ["ready\n"] * 3
    rounds = []

    for url in [postgres.make() for _ in range(3)]:
        for into, _ in pipes:
            into.write(f"{url}\n")
        rounds.append([out.readline().split() for _, out in pipes])

    for into, out in pipes:
        into.close()
        out.close()
    assert [one.wait() for one in racers] == [0, 0, 0]
    for answers in rounds:
        assert sorted(answer[0] for answer in answers) == ["found", "found", "made"]
        assert len({answer[1] for answer in answers}) == 1


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from publisher.store import Store

real = Store.write

@contextmanager
def write(self):
    with real(self) as tx:
        yield tx
        os.kill(os.getpid(), signal.SIGKILL)

Store.write = write
Store(sys.argv[1], Path("unused")).prepare()
"""


@on_postgresql
def test_prepare_killed_before_its_commit_leaves_an_empty_database(home: Home) -> None:
    """A kill inside the migration leaves nothing half made: the next start makes all of it."""
    ended = subprocess.run([sys.executable, "-c", KILLED, home.url], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert home.open().prepare() is True


def test_database_that_cannot_keep_every_text_is_refused(postgres: Server) -> None:
    """A database of another encoding is told before anything is written to it."""
    url = postgres.make(
        "ENCODING 'SQL_ASCII' LOCALE_PROVIDER 'libc' LOCALE 'C' TEMPLATE 'template0'"
    )

    problem = problem_of(url, ConfigError)

    assert problem.got == "SQL_ASCII"
    assert "createdb --encoding UTF8" in problem.hint
    with psycopg.connect(url.replace("+psycopg", "")) as admin:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert admin.execute(tables).fetchone() == (0,)


# -------------------------------------------------------------------------- what cannot be reached


def test_server_that_is_away_is_unavailable(tmp_path: Path, free_port: int) -> None:
    """Where nobody listens it is said once, in one line, that it is the database: exit 75."""
    urls = [
        f"postgresql+psycopg://me@/letters?host={tmp_path}",
        f"postgresql+psycopg://me:hunter2@127.0.0.1:{free_port}/letters",
    ]

    problems = [problem_of(url, Unavailable) for url in urls]

    for problem in problems:
        assert problem.path == "database"
        assert "connection" in problem.got
        assert "hunter2" not in problem.as_text()
        assert "database.url, that the server runs" in problem.hint


def test_server_that_refuses_is_unavailable(postgres: Server) -> None:
    """A database or a person that the server does not know is told as the server told it."""
    url = postgres.make()

    no_database = problem_of(postgres.url("nowhere"), Unavailable)
    no_person = problem_of(url.replace("//publisher@", "//nobody@"), Unavailable)

    assert 'database "nowhere" does not exist' in no_database.got
    assert 'role "nobody" does not exist' in no_person.got


@on_postgresql
def test_person_who_may_not_write_is_unavailable(store: Store) -> None:
    """Someone whom the server lets in, but not near the tables, is told so."""
    with admin_of(store) as admin:
        admin.execute("DROP ROLE IF EXISTS stranger")
        admin.execute("CREATE ROLE stranger LOGIN")

    problem = problem_of(store.url.replace("//publisher@", "//stranger@"), Unavailable)

    assert "permission denied" in problem.got


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me@host:port/letters",
        "postgresql+psycopg://me@/letters?nosuchoption=1",
        "postgresql+nosuchdriver://me@/letters",
    ],
)
def test_address_that_is_none_is_a_matter_of_configuration(url: str) -> None:
    """A port that is no number, an option that nobody knows, a driver there is not: exit 3."""
    problem = problem_of(url, ConfigError)

    assert problem.path == "database.url"


def test_driver_that_cannot_load_is_a_matter_of_configuration() -> None:
    """Without the driver it is said what to install, before anything runs."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from publisher.errors import ConfigError\n"
        "from publisher.store import Store\n"
        "try:\n"
        "    Store('postgresql+psycopg://me@/letters', Path('unused'))\n"
        "except ConfigError as error:\n"
        "    print(error.problems[0].code)\n"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "database.driver\n"


# -------------------------------------------------------------------------------- what breaks off


@on_postgresql
def test_session_that_was_cut_off_is_replaced(store: Store) -> None:
    """A server that restarted between two transactions costs nothing; one inside is undone."""
    store.epoch()
    cut_off = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'publisher' AND datname = current_database()"
    )

    def write_while_cut_off() -> None:
        with store.write() as tx:
            bump_revision(tx)
            admin.execute(cut_off)
            bump_revision(tx)

    with admin_of(store) as admin:
        admin.execute(cut_off)
        before = store.revision()
        with pytest.raises(Unavailable, match="terminat"):
            write_while_cut_off()

    assert before == 0
    assert store.revision() == 0
    with store.write() as tx:
        bump_revision(tx)
    assert store.revision() == 1


@on_postgresql
def test_writer_that_was_killed_holds_nobody_up(store: Store) -> None:
    """A process that ends without a word inside its transaction lets the next one write."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from publisher.store import Store, bump_revision\n"
        "with Store(sys.argv[1], Path('unused')).write() as tx:\n"
        "    bump_revision(tx)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    subprocess.run([sys.executable, "-c", code, store.url], check=False)
    with store.write() as tx:
        bump_revision(tx)

    assert store.revision() == 1


@on_postgresql
def test_server_that_only_reads_is_unavailable(store: Store) -> None:
    """A server that takes no writes, as a copy that follows another, is told as such."""

    def write_there() -> None:
        with store.write() as tx:
            tx.exec_driver_sql("SET TRANSACTION READ ONLY")
            bump_revision(tx)

    with pytest.raises(Unavailable, match="read-only"):
        write_there()

    assert store.revision() == 0


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of one test, that keeps what it said it kept."""
    server = Server(durable=True)
    yield server
    server.stop()


def test_server_that_dies_keeps_what_was_committed(own_server: Server) -> None:
    """A server that is killed and started again has every commit, and half of none."""
    store = Store(own_server.make(), UNUSED)
    store.prepare()
    with store.write() as tx:
        subscribers.add(tx, [make_person("kept")])

    def lose() -> None:
        with store.write() as tx:
            subscribers.add(tx, [make_person("lost")])
            own_server.kill()

    with pytest.raises(Unavailable):
        lose()
    own_server.start()

    with store.read() as tx:
        assert [one.address.key for one in subscribers.read_all(tx)] == ["kept@example.org"]
    store.close()


# ------------------------------------------------------------------------------------------- a site


def test_site_runs_on_postgresql(folder: Folder, postgres: Server) -> None:
    """With an address in the configuration the whole job runs there, and again changes nothing."""
    folder.configure(database=f'url = "{postgres.make()}"')
    folder.post("one.md", "One")
    assert folder.run("subscribers", "add", "ada@example.org", "--consent", "asked").code == 0

    first = folder.run("publish", "--now", "weekly")
    second = folder.run("publish")

    assert (first.code, second.code) == (0, 0)
    assert len(folder.outbox()) == 1
    assert not list((folder.path / "var").glob("*.sqlite3*"))


def test_site_without_its_database_says_so(folder: Folder, tmp_path: Path) -> None:
    """A command on a site whose server is away says one clear thing: exit 75."""
    folder.configure(database=f'url = "postgresql+psycopg://me@/letters?host={tmp_path}"')

    ran = folder.run("--json", "plan")

    assert ran.code == 75
    assert ran.data["error"]["code"] == "database.unavailable"
    assert "Traceback" not in ran.err
