"""The database: its schema, its transactions, and how it is opened, copied and refused."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import ConfigError, Refused, Unavailable
from publisher.model import DeliveryState
from publisher.publishing.crew import share
from publisher.store import Store, bump_revision, dialect, peeking, schema, subscribers
from tests import stores
from tests.factories import NOON
from tests.stores import on_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from publisher.store import Transaction
    from tests.stores import Home

home, prepared_file, store = stores.home, stores.prepared_file, stores.store

LATER = NOON + timedelta(days=1)


def lines_of(statement: str) -> list[str]:
    """Return a CREATE statement's lines in an order of their own: columns keep no order."""
    # A column that was added later stands on the line of the one before it.
    parts = re.split(r",\s*(?![^()]*\))|\n", statement)
    return sorted(part.strip() for part in parts if part.strip())


def statements_of(engine: sa.Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT name, sql FROM sqlite_master WHERE sql <> '' ORDER BY name")
        )
        return {row.name: lines_of(row.sql) for row in rows if row.name != "alembic_version"}


def open_files(path: Path) -> list[str]:
    """Return which files that begin with this path the process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)  # noqa: PTH115 - a deleted file's name is no path
        except FileNotFoundError:
            continue
        if target.startswith(str(path)):
            found.append(target)
    return found


# ---------------------------------------------------------------------------------------- schema


def _compare(tx: Transaction) -> list[object]:
    """Return in what a database differs from the tables of the code, as Alembic sees it."""

    def is_ours(_object: object, name: str | None, *_rest: object) -> bool:
        """Leave out the indexes that only a server needs: Alembic does not look at ``ddl_if``."""
        return not str(name).endswith("_beginning") or tx.dialect.name == "postgresql"

    context = MigrationContext.configure(tx, opts={"include_object": is_ours})
    return list(compare_metadata(context, schema.metadata))


def _migrate(store: Store, revision: str = "head") -> None:
    """Bring a database to a revision as Alembic would, from nothing or from an older one."""
    config = Config()
    config.set_main_option("script_location", "publisher.store:migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)


@pytest.fixture
def migrated(home: Home) -> Store:
    """A database that every migration made, one after another."""
    made = home.open()
    _migrate(made)
    return made


def test_schema_is_what_the_migrations_make(migrated: Store) -> None:
    """A migrated database differs in nothing that Alembic sees from the tables the code uses."""
    with migrated.read() as tx:
        differences = _compare(tx)

    assert differences == []


def _rows(store: Store) -> dict[str, list[dict[str, object]]]:
    """Return what every table of a database holds, without what is drawn by lot or by clock."""
    chance = {"epoch", "made_at", "secret", "home"}
    found = sa.MetaData()
    with store.read() as tx:
        found.reflect(tx)
        return {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if name not in chance}
                    for row in tx.execute(sa.select(table)).mappings()
                ),
                key=str,
            )
            for table in found.sorted_tables
        }


@pytest.mark.parametrize("home", stores.DIALECTS, indirect=True)
def test_new_database_holds_the_rows_the_migrations_make(
    migrated: Store, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What is made at once has the tables and the first rows of what was migrated, and its mark."""
    server = migrated.url and request.getfixturevalue("postgres")
    made = Store(server.make() if server else "", tmp_path / "made.sqlite3")

    assert made.prepare() is True

    assert _rows(made) == _rows(migrated)
    assert len(_rows(made)["keys"]) == len(schema.KEY_PURPOSES)
    assert made.schema() == migrated.schema() == peeking.REVISION
    made.close()


def test_schema_constraints_are_what_the_migrations_make(migrated: Store) -> None:
    """Every CHECK of the tables is in the migrated database, under the same name."""
    expected = {
        table.name: {
            f"{constraint.name}"
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint)
        }
        for table in schema.metadata.sorted_tables
    }

    with migrated.read() as tx:
        inspector = sa.inspect(tx)
        made = {
            name: {f"{one['name']}" for one in inspector.get_check_constraints(name)}
            for name in expected
        }

    assert made == expected


def test_migrations_keep_what_was_there(home: Home) -> None:
    """A database of the first release becomes today's, with its receipts, and none is lost."""
    store = home.open()
    receipt = {"subscriber_id": 1, "post_id": "urn:uuid:1", "edition_id": 2}
    _migrate(store, "0001")
    with store.write() as tx:
        tx.execute(sa.insert(schema.receipts).values(**receipt))
    _migrate(store)

    with store.read() as tx:
        differences = _compare(tx)
        kept = tx.execute(sa.select(schema.receipts)).mappings().all()
    assert differences == []
    assert [dict(row) for row in kept] == [receipt]
    assert store.prepare() is False


@on_sqlite
def test_schema_statements_are_what_the_migrations_make(migrated: Store) -> None:
    """On SQLite the migrated tables and indexes are the code's own, line by line."""
    fresh = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    schema.metadata.create_all(fresh)

    made = statements_of(
        sa.create_engine(f"sqlite:///{migrated.path}", poolclass=sa.pool.NullPool)
    )

    assert made == statements_of(fresh)
    fresh.dispose()


EDITION = {
    "digest": "weekly",
    "number": 1,
    "rehearsal": False,
    "slot": "a",
    "fire_at": NOON,
    "drafted_at": NOON,
    "state": "draft",
}
SUBSCRIBER = {
    "address": "a@example.org",
    "address_key": "a@example.org",
    "address_hash": "h",
    "subscribed_at": NOON,
}
CHUNK = {"edition_id": 1, "id": 1, "lo": 1, "hi": 2, "state": "ready"}
ATTEMPT = {"edition_id": 1, "subscriber_id": 1, "n": 1, "at": NOON, "phase": "end"}
BAD_STATES: dict[str, tuple[sa.Table, dict[str, Any]]] = {
    "an unknown edition state": (schema.editions, EDITION | {"state": "sleeping"}),
    "held without a reason": (schema.editions, EDITION | {"state": "held"}),
    "frozen without a content hash": (schema.editions, EDITION | {"state": "scheduled"}),
    "sending without a content hash": (schema.editions, EDITION | {"state": "sending"}),
    "sent without a content hash": (schema.editions, EDITION | {"state": "sent"}),
    "a draft without a number": (schema.editions, EDITION | {"number": None}),
    "active without a confirmation": (schema.subscribers, SUBSCRIBER | {"state": "active"}),
    "an unknown subscriber state": (schema.subscribers, SUBSCRIBER | {"state": "maybe"}),
    "an unknown chunk state": (schema.chunks, CHUNK | {"state": "lost"}),
    "a chunk that ends before it begins": (schema.chunks, CHUNK | {"hi": 0}),
    "an attempt that was accepted": (schema.attempts, ATTEMPT | {"outcome": "accepted"}),
    "a second site": (schema.site, {"id": 2, "epoch": "e", "made_at": NOON}),
    "a key for nothing": (schema.keys, {"purpose": "joy", "secret": b"s", "made_at": NOON}),
    "a second key that signs": (schema.keys, {"purpose": "link", "secret": b"", "made_at": NOON}),
    "a retired pepper": (
        schema.keys,
        {"purpose": "pepper", "secret": b"s", "made_at": NOON, "retired_at": NOON},
    ),
    "a slot decided as nothing we know": (
        schema.slots,
        {"digest": "w", "slot": "s", "fire_at": NOON, "decided_at": NOON, "verdict": "later"},
    ),
    "a suppression without a known reason": (
        schema.suppressions,
        {"address_hash": "h", "reason": "mood", "suppressed_at": NOON},
    ),
    "a delivery of no edition": (
        schema.deliveries,
        {"edition_id": 99, "subscriber_id": 1, "seq": 1, "letter_id": 1},
    ),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_schema_refuses_bad_states(store: Store, case: str) -> None:
    """What must never be is refused by the database itself, and nothing of it is kept."""
    table, row = BAD_STATES[case]
    with store.read() as tx:
        before = tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        tx.execute(sa.insert(table).values(**row))

    with store.read() as tx:
        after = tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    assert before == after


def test_delivery_states_keep_their_numbers() -> None:
    """The numbers of delivery states are in every database there is: they never move."""
    expected = {
        0: "pending",
        1: "inflight",
        2: "accepted",
        3: "deferred",
        4: "rejected",
        5: "suppressed",
        6: "uncertain",
        7: "expired",
        8: "cancelled",
    }

    assert expected == {code: str(one) for code, one in enumerate(schema.DELIVERY_STATES)}
    assert set(schema.DELIVERY_STATES) == set(DeliveryState)


def test_schema_never_gives_an_id_twice(store: Store) -> None:
    """The id of an erased person, which is on links and receipts, is nobody else's later."""
    row = SUBSCRIBER | {"state": "pending"}
    ids = []

    for _ in range(2):
        with store.write() as tx:
            added = sa.insert(schema.subscribers).values(**row).returning(schema.subscribers.c.id)
            ids.append(tx.execute(added).scalar_one())
            tx.execute(sa.delete(schema.subscribers))

    assert ids[0] < ids[1]


# ----------------------------------------------------------------------------------------- values


def test_times_without_a_zone_are_refused(store: Store) -> None:
    """A naive time cannot be stored: nobody could say which moment it was."""
    naive = NOON.replace(tzinfo=None)

    with pytest.raises(sa.exc.StatementError, match="without a zone"), store.write() as tx:
        tx.execute(sa.insert(schema.digests).values(name="weekly", seen_at=naive))


@pytest.fixture(scope="module")
def times() -> Iterator[sa.Connection]:
    """One table of times in memory, for many examples."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        schema.digests.create(connection)
        yield connection
    engine.dispose()


ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))


@given(moment=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES))  # noqa: DTZ001
def test_times_come_back_as_the_same_moment_in_utc(times: sa.Connection, moment: datetime) -> None:
    """Whatever zone a time was given in, the same moment comes back, in UTC."""
    with times.begin_nested() as savepoint:
        times.execute(sa.insert(schema.digests).values(name="weekly", seen_at=moment))
        found = times.execute(sa.select(schema.digests.c.seen_at)).scalar_one()
        savepoint.rollback()

    assert found == moment
    assert found.tzinfo is UTC


# ---------------------------------------------------------------------------------------- prepare


def test_prepare_makes_the_tables_once(home: Home) -> None:
    """An empty database gets its tables, its epoch and a key a purpose; again changes nothing."""
    store = home.open()

    made = [store.prepare(), store.prepare(), home.open().prepare()]

    assert made == [True, False, False]
    with store.read() as tx:
        keys = tx.execute(sa.select(schema.keys)).all()
    assert sorted(schema.KEY_PURPOSES) == sorted(key.purpose for key in keys)
    assert {32} == {len(key.secret) for key in keys}
    assert len(keys) == len({key.secret for key in keys})


@on_sqlite
def test_prepare_asks_the_database_where_it_cannot_peek(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the schema cannot be peeked at it is read like everything else, and found."""
    monkeypatch.setattr(peeking, "peek_schema", lambda _path: None)

    made = store.prepare()

    assert made is False


def test_second_of_two_makers_finds_what_the_first_made(store: Store) -> None:
    """Who saw an empty database and then waited for the lock looks again before it makes."""
    before = store.epoch()

    made = store._make()

    assert made is False
    assert store.epoch() == before


def test_every_database_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    """Two databases never share an epoch or a key, and a copy has its original's."""
    stores = [Store("", tmp_path / name) for name in ("one", "two", "copy")]
    for store in stores[:2]:
        store.prepare()
        store.close()
    shutil.copyfile(tmp_path / "one", tmp_path / "copy")

    one, two, copy = (store.epoch() for store in stores)

    assert one == copy
    assert one != two
    for store in stores:
        store.close()


RACE = """
import sys
from pathlib import Path
from publisher.store import Store

print("ready", flush=True)
for line in sys.stdin:
    store = Store("", Path(line.strip()))
    try:
        print("made" if store.prepare() else "found", store.epoch(), flush=True)
    except Exception as error:
        print(repr(error).replace(chr(10), " "), flush=True)
    store.close()
"""


def test_two_processes_preparing_at_once_make_one_schema(tmp_path: Path) -> None:
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
    pipes = [(racer.stdin, racer.stdout) for racer in racers]
    rounds = []
    for _, out in pipes:
        assert out is not None
        assert out.readline() == "ready\n"

    for n in range(12):
        for into, _ in pipes:
            assert into is not None
            into.write(f"{tmp_path / str(n)}\n")
        rounds.append([out.readline().split(maxsplit=1) for _, out in pipes if out])

    for into, out in pipes:
        assert into is not None
        assert out is not None
        into.close()
        out.close()
    assert [racer.wait() for racer in racers] == [0, 0, 0]
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
Store("", Path(sys.argv[1])).prepare()
"""


@on_sqlite
def test_prepare_killed_before_its_commit_leaves_an_empty_database(home: Home) -> None:
    """A kill while the tables are made leaves nothing half made: the next start makes all of it."""
    ended = subprocess.run([sys.executable, "-c", KILLED, str(home.path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert home.open().prepare() is True


def test_database_of_another_revision_is_refused(store: Store) -> None:
    """A database made by another release is not used: exit 5, with what to do, nothing changed."""
    with store.write() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))

    with pytest.raises(Refused) as refusal:
        store.prepare()

    assert refusal.value.exit_code == 5
    assert refusal.value.problems[0].got == "schema 0999"
    assert "run the release that made it" in refusal.value.problems[0].hint
    with store.read() as tx:
        assert tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "0999"


def test_database_whose_driver_is_missing_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """An address whose driver is not installed is told as such: exit 3, before anything runs."""
    with pytest.raises(ConfigError) as error:
        Store("nosuch+driver://localhost/letters", tmp_path / "unused")

    assert error.value.problems[0].path == "database.url"


@on_sqlite
def test_sqlite_that_is_too_old_is_told_before_it_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python with an SQLite from before RETURNING is told so, instead of a strange error."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with pytest.raises(ConfigError, match=r"SQLite 3\.35"):
        home.open().prepare()

    assert not home.path.exists()


# ----------------------------------------------------------------------------------- transactions


def count_up(store: Store) -> None:
    """Read the revision and write the next one, in one transaction."""
    with store.write() as tx:
        found = tx.execute(sa.select(schema.site.c.revision)).scalar_one()
        tx.execute(sa.update(schema.site).values(revision=found + 1))


def test_writers_that_read_first_never_collide(home: Home, store: Store) -> None:
    """A writer that read before it writes is never told "busy", and no write is lost."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work(own: Store) -> None:
        try:
            barrier.wait()
            for _ in range(25):
                count_up(own)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(home.open(),)) for _ in range(3)]
    threads.append(threading.Thread(target=work, args=(store,)))

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert store.revision() == 100


def test_writer_takes_the_lock_at_its_start(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can begin to write while one does, even before its first statement."""
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 0.05)
    other = home.open()

    with store.write(), pytest.raises(Unavailable, match="lock") as error, other.write():
        pass

    assert error.value.exit_code == 75
    count_up(other)
    assert store.revision() == 1


def test_reader_cannot_become_a_writer(store: Store) -> None:
    """A reader that writes is refused at once, not only on the day somebody wrote in between."""
    with pytest.raises(Unavailable, match=r"read-?only"), store.read() as tx:
        bump_revision(tx)

    count_up(store)
    assert store.revision() == 1


def test_reader_sees_one_state(home: Home, store: Store) -> None:
    """What a reader sees does not change while others write; the next one sees it."""
    with store.read() as tx:
        seen = [tx.execute(sa.select(schema.site.c.revision)).scalar_one()]
        count_up(home.open())
        seen.append(tx.execute(sa.select(schema.site.c.revision)).scalar_one())

    assert seen == [0, 0]
    assert store.revision() == 1


def test_copies_of_a_process_share_no_connection(store: Store) -> None:
    """A build that is shared by ``fork`` may read in each of its processes at the same time."""
    count_up(store)  # from here on there is a connection to inherit

    def read_on(numbers: Iterable[int]) -> list[tuple[int, str]]:
        return [(store.revision(), store.epoch()) for _ in numbers]

    results = share(read_on, range(300), workers=3)
    count_up(store)

    assert len(results) == 3
    assert {one for some in results for one in some} == {(1, store.epoch())}
    assert store.revision() == 2


def test_transaction_that_fails_keeps_nothing(store: Store) -> None:
    """An error inside a transaction undoes all of it, and the store can be used on."""
    with suppress(KeyError), store.write() as tx:
        bump_revision(tx)
        raise KeyError

    assert store.revision() == 0
    count_up(store)
    assert store.revision() == 1


@on_sqlite
def test_full_disk_keeps_nothing(store: Store) -> None:
    """A disk that is full is "unavailable", and what was committed before is whole."""

    def fill(tx: Transaction) -> None:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        bump_revision(tx)
        subscribers.note(tx, "disk", "fill", "all", now=NOON, detail="x" * 1_000_000)

    with pytest.raises(Unavailable, match="full") as error, store.write() as tx:
        fill(tx)

    assert error.value.exit_code == 75
    assert store.revision() == 0
    with store.read() as tx:
        assert tx.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


@on_sqlite
@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 20])
def test_damaged_file_is_unavailable(home: Home, content: bytes) -> None:
    """A file that is no database is told as such and left as it is."""
    home.path.write_bytes(content)

    with pytest.raises(Unavailable, match="not a database"):
        home.open().prepare()

    assert home.path.read_bytes() == content


def test_missing_directory_is_unavailable(tmp_path: Path) -> None:
    """A database in a directory that is not there is "unavailable", not a surprise."""
    store = Store("", tmp_path / "nowhere" / "publisher.sqlite3")

    with pytest.raises(Unavailable, match="unable to open"):
        store.prepare()


# ------------------------------------------------------------------------------------------ SQLite


def test_sqlite_survives_power_loss_and_checks_its_keys(tmp_path: Path) -> None:
    """Every connection writes ahead, flushes each commit, and checks foreign keys."""
    store = Store("", tmp_path / "publisher.sqlite3")
    with store.read() as tx:
        found = [
            tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]
    store.close()


@pytest.mark.parametrize("folder", ["a b", "50%", "what?mode=ro", "#1", "tür"])
def test_sqlite_file_may_lie_anywhere(tmp_path: Path, folder: str) -> None:
    """Marks that mean something in an address mean nothing in the path of the state directory."""
    path = tmp_path / folder / "publisher.sqlite3"
    path.parent.mkdir()
    store = Store("", path)

    store.prepare()
    count_up(store)

    assert path.is_file()
    assert peeking.peek_revision(path) == 1
    store.close()


def make_old_file(path: Path) -> sqlite3.Connection:
    """Make a file with a rollback journal, and a reader that stands in the way of a change."""
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("CREATE TABLE t (a)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    return reader


@on_sqlite
def test_sqlite_waits_its_turn_to_write_ahead(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a file that is not written ahead yet waits until it can be."""
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 0.05)
    reader = make_old_file(home.path)
    timer = threading.Timer(0.2, reader.close)

    timer.start()
    with home.open().read() as tx:
        mode = tx.exec_driver_sql("PRAGMA journal_mode").scalar_one()

    timer.join()
    assert mode == "wal"


@on_sqlite
def test_sqlite_does_not_wait_for_ever_to_write_ahead(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody else keeps as it is cannot be used, and it is said so."""
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 0)
    reader = make_old_file(home.path)

    with pytest.raises(Unavailable, match="locked"), home.open().read():
        pass

    reader.close()


@on_sqlite
def test_close_gives_back_every_file(home: Home, store: Store) -> None:
    """A closed store has no file open and leaves no log behind; it may be used again."""
    with store.write() as tx, store.read():
        bump_revision(tx)

    store.close()

    assert open_files(home.path) == []
    assert [entry.name for entry in home.path.parent.iterdir()] == [home.path.name]
    assert store.revision() == 1


@on_sqlite
def test_threads_that_begin_at_once_share_one_store(home: Home, prepared_file: Path) -> None:
    """However many threads come first at the same moment, closing the store closes for all."""
    shutil.copyfile(prepared_file, home.path)
    opened = home.open()
    barrier = threading.Barrier(8)

    def begin() -> None:
        barrier.wait()
        with opened.read():
            barrier.wait()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    opened.close()

    assert open_files(home.path) == []


def test_forgotten_store_is_closed(tmp_path: Path, prepared_file: Path) -> None:
    """A store that nobody closed gives its files back when nobody can use it any more."""
    path = tmp_path / "forgotten.sqlite3"
    shutil.copyfile(prepared_file, path)
    store = Store("", path)
    count_up(store)

    del store
    gc.collect()

    assert open_files(path) == []


# ------------------------------------------------------------------------------------------ peeking


@on_sqlite
def test_peek_says_what_the_store_says(store: Store) -> None:
    """The revision that is peeked at is the committed one, again and again."""
    seen = []

    for _ in range(3):
        seen.append((peeking.peek_revision(store.path), store.revision()))
        with store.write() as tx:
            bump_revision(tx)

    assert seen == [(0, 0), (1, 1), (2, 2)]


@on_sqlite
def test_peek_does_not_wait_for_a_writer(store: Store) -> None:
    """While somebody writes, the peek answers at once with what was committed before."""
    count_up(store)

    with store.write() as tx:
        bump_revision(tx)
        seen = peeking.peek_revision(store.path)

    assert seen == 1
    assert peeking.peek_revision(store.path) == 2


@on_sqlite
def test_peek_works_without_a_log(store: Store, prepared_file: Path) -> None:
    """A database that was closed well has no log and no index of it; the peek needs neither."""
    count_up(store)
    store.close()
    names = [entry.name for entry in store.path.parent.iterdir()]

    seen = peeking.peek_revision(store.path)

    assert names == [store.path.name]
    assert seen == 1
    assert peeking.peek_revision(prepared_file) == 0


@on_sqlite
def test_peek_reads_the_log_that_a_crash_left(store: Store, tmp_path: Path) -> None:
    """After a crash the newest commits are only in the log, without an index: they count."""
    count_up(store)
    crashed = tmp_path / "crashed" / "publisher.sqlite3"
    crashed.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{store.path}{suffix}", f"{crashed}{suffix}")

    seen = peeking.peek_revision(crashed)

    assert seen == 1


@on_sqlite
def test_peek_closes_what_it_opens(store: Store) -> None:
    """However often it is asked, nothing stays open, and a writer can go on at once."""
    count_up(store)
    store.close()

    for _ in range(20):
        peeking.peek_revision(store.path)

    assert open_files(store.path) == []
    count_up(store)
    assert store.revision() == 2


@on_sqlite
def test_peek_while_being_written_never_fails(home: Home, store: Store) -> None:
    """Beside a writer that never rests the peek always answers, and never goes back."""
    stop = threading.Event()

    def write_on() -> None:
        own = home.open()
        while not stop.is_set():
            count_up(own)
            own.close()  # each closing of the last connection removes the log

    writer = threading.Thread(target=write_on)
    writer.start()

    seen = [peeking.peek_revision(store.path) for _ in range(200)]

    stop.set()
    writer.join()
    found = [one for one in seen if one is not None]
    assert len(found) == 200
    assert found == sorted(found)


def test_peek_says_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    """No file, no database, no table or no site: the peek leaves the answer to the store."""
    (tmp_path / "text").write_text("no database at all, though it is long enough" * 50)
    sqlite3.connect(tmp_path / "empty").close()
    made = sqlite3.connect(tmp_path / "siteless")
    made.execute("CREATE TABLE site (revision INTEGER)")
    made.close()

    seen = [
        peeking.peek_revision(tmp_path / name) for name in ("none", "text", "empty", "siteless")
    ]

    assert seen == [None] * 4
    assert [peeking.peek_schema(tmp_path / name) for name in ("none", "text", "empty")] == [
        None
    ] * 3
    assert not (tmp_path / "none").exists()


def test_revision_is_asked_of_the_database_where_it_cannot_be_peeked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the peek has no answer, the store reads the revision like everything else."""
    count_up(store)
    monkeypatch.setattr(peeking, "peek_revision", lambda _path: None)

    seen = store.revision()

    assert seen == 1


# ------------------------------------------------------------------------------------------ upserts


def test_insert_new_counts_what_is_new(store: Store) -> None:
    """Rows that are there are left alone; only new ones are counted; none is none."""
    rows = [{"name": name, "seen_at": NOON} for name in ("weekly", "daily")]
    with store.write() as tx:
        counts = [
            dialect.insert_new(tx, schema.digests, rows[:1]),
            dialect.insert_new(tx, schema.digests, [row | {"seen_at": LATER} for row in rows]),
            dialect.insert_new(tx, schema.digests, []),
        ]
        found = tx.execute(sa.select(schema.digests).order_by(schema.digests.c.seen_at)).all()

    assert counts == [1, 1, 0]
    assert [tuple(row) for row in found] == [("weekly", NOON), ("daily", LATER)]


def test_insert_new_by_one_key_does_not_hide_another(store: Store) -> None:
    """Asked about one unique key only, a clash of another one is an error, not "it is there"."""
    with store.write() as tx:
        dialect.insert_new(tx, schema.editions, [EDITION], key=["digest", "slot"])

    other = EDITION | {"slot": "b"}
    with pytest.raises(sa.exc.IntegrityError, match="number"), store.write() as tx:
        dialect.insert_new(tx, schema.editions, [other], key=["digest", "slot"])


def test_insert_new_returning_tells_only_new_rows(store: Store) -> None:
    """Of rows to insert exactly those come back that were not there; of none, none."""
    names = schema.digests.c.name
    rows = [{"name": name, "seen_at": NOON} for name in ("weekly", "daily")]
    with store.write() as tx:
        first = dialect.insert_new_returning(tx, schema.digests, rows[:1], names)
        second = dialect.insert_new_returning(tx, schema.digests, rows, names)
        nothing = dialect.insert_new_returning(tx, schema.digests, [], names)

    assert [tuple(row) for row in first] == [("weekly",)]
    assert [tuple(row) for row in second] == [("daily",)]
    assert list(nothing) == []


def test_upsert_replaces_all_but_what_is_kept(store: Store) -> None:
    """A row that is there takes the new values, save the columns that are to be kept."""
    row = {"source_sha256": "s", "post_path": "a", "counts_as_sent": False, "imported_at": NOON}
    newer = row | {"post_path": "b", "counts_as_sent": True, "imported_at": LATER}
    with store.write() as tx:
        dialect.upsert(tx, schema.imports, [row])
        dialect.upsert(tx, schema.imports, [newer], kept=["imported_at"])
        dialect.upsert(tx, schema.imports, [])
        found = tx.execute(sa.select(schema.imports)).one()

    assert tuple(found) == ("s", "b", True, NOON)
