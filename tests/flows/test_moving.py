"""A database moves to another, of the other kind: every row, nothing twice, and the old one rests."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher import app, operating
from publisher.errors import Refused
from publisher.model import Accepted, Outcome, Phase, Rejected, Uncertain
from publisher.site import hold
from publisher.store import (
    SQLITE,
    Store,
    carrying,
    copying,
    exporting,
    schema,
    standing,
    subscribers,
)
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    all_editions,
    counts,
    join,
    leave,
    link_of,
    moment,
    only,
    rows,
    send,
    shown,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Folder
    from tests.postgres import Server

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
READERS = 12


@pytest.fixture
def site(folder: Folder) -> Iterator[app.Site]:
    """A site whose first edition is half sent: a third accepted, some of the rest not as hoped."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    made = folder.open()
    join(made, *(f"reader{n:02}" for n in range(1, READERS + 1)))
    leave(made, 12, now=SEEN)
    tick(made, SEEN)
    tick(made, SLOT)
    said: list[Outcome] = [Accepted()] * 4
    said.append(Rejected(code=550, reply="no\0such user", enhanced="5.1.1", phase=Phase.RCPT))
    said.append(Uncertain(reply="lost"))
    transport = MemoryTransport(said)
    send(made, SLOT, transport, is_stopping=lambda: len(transport.attempts) >= len(said))
    yield made
    made.store.close()


@pytest.fixture
def other(folder: Folder, postgres: Server) -> str:
    """Where the site's database is to move: to the kind that it is not."""
    return SQLITE if "database" in folder.settings else postgres.make()


def _move(folder: Folder, site: app.Site, to: str) -> dict[str, object]:
    site.store.close()
    _let_go()
    found: dict[str, object] = folder.json("move", "--to", to)
    return found


def _let_go() -> None:
    """Close every store that a command of this test opened: each was a process of its own."""
    for one in gc.get_objects():
        if isinstance(one, Store):
            one.close()


def _turn(folder: Folder, to: str) -> app.Site:
    """Write what the move said into config.toml, and open the site."""
    folder.configure(database=f'url = "{"" if to == SQLITE else to}"')
    return folder.open()


def _everything(store: Store) -> dict[str, list[str]]:
    """Return the rows of every table, as an export has them."""
    with store.read() as tx:
        return {
            name: sorted(map(repr, exporting.read_table(tx, name)))
            for name in schema.metadata.tables
        }


def test_half_sent_edition_goes_on_on_the_other_side(
    folder: Folder, site: app.Site, other: str
) -> None:
    """Nobody is lost and nobody gets a mail again; links and ids stay; and it moves back likewise."""
    link, before, back = link_of(site, 1), counts(site, only(site)), site.store.url or SQLITE
    said = _move(folder, site, other)
    moved = _turn(folder, other)
    after = counts(moved, only(moved))
    way_out, done = send(moved, SLOT + DAY)
    folder.post("sleep/02-two.md", "Two", date="2026-11-25")
    tick(moved, SLOT + 7 * DAY)
    again = _move(folder, moved, back)
    home = _turn(folder, back)
    last, _ = send(home, SLOT + 7 * DAY)

    assert before == after == {"accepted": 4, "rejected": 1, "uncertain": 1, "pending": 5}
    assert isinstance(said["rows"], dict) and said["rows"]["deliveries"] == 11
    assert done.problems == []
    assert sorted(one.recipient[:8] for one, _ in way_out.accepted) == [
        f"reader{n:02}" for n in range(6, 12)
    ]
    assert again["to"] == (back if back == SQLITE else home.store.name)
    assert [one.state for one in all_editions(home)] == ["sent", "sent"]
    assert len(last.accepted) == 10
    assert link == link_of(home, 1)
    assert operating.is_sending(home.store, folder.path / "var")


def test_every_table_arrives_and_the_old_database_is_as_it_was(
    folder: Folder, site: app.Site, other: str
) -> None:
    """All that differs are epoch and place there, and the mark and the note of it here."""
    before = _everything(site.store)
    _move(folder, site, other)
    old, new = _everything(site.store), _everything(_turn(folder, other).store)
    about_the_place = {"site", "standing"}

    assert {name for name in before if old[name] != before[name]} == {"standing", "events"}
    assert len(old["events"]) == len(before["events"]) + 1
    assert {name for name in old if old[name] != new[name]} == about_the_place | (
        {"deliveries", "attempts", "suppressions", "events"} if _has_nul(old) else set()
    )
    assert new["keys"] == before["keys"]
    assert len(new["receipts"]) == len(before["receipts"]) > 0


def _has_nul(tables: dict[str, list[str]]) -> bool:
    """Only SQLite keeps a NUL that a relay said."""
    return any("\\x00" in row or "\\\\u0000" in row for row in tables["attempts"])


def test_moved_database_is_used_no_more(folder: Folder, site: app.Site, other: str) -> None:
    """Every command refuses it and says what to write; a second move says so too, changing nothing."""
    _move(folder, site, other)
    ran = [folder.run(*words) for words in (("publish",), ("subscribers", "ls"), ("build",))]
    _let_go()
    again = folder.run("move", "--to", other)
    _let_go()
    elsewhere = folder.run(
        "move", "--to", other + "x" if other != SQLITE else "postgresql+psycopg://x/y"
    )

    assert [one.code for one in ran] == [5, 5, 5]
    assert all("[database] url = " in one.err for one in ran)
    assert again.code == 0
    assert "before" in again.out
    assert elsewhere.code == 5
    assert "moved to" in elsewhere.err
    assert counts(_turn(folder, other), only(folder.open()))["accepted"] == 4


def test_numbers_go_on_from_where_they_were(folder: Folder, site: app.Site, other: str) -> None:
    """An erased person's number is on links: nobody else gets it on the other side."""
    with site.store.write() as tx:
        tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == READERS))
    _move(folder, site, other)
    moved = _turn(folder, other)

    assert join(moved, "somebody") == [READERS + 1]
    tick(moved, SLOT, "weekly")
    with moved.store.write() as tx:
        subscribers.note(tx, "me", "look", "site", now=SLOT)


@pytest.mark.parametrize("lock", operating.LOCKS)
def test_nothing_moves_while_a_process_is_at_work(
    folder: Folder, site: app.Site, other: str, lock: str
) -> None:
    """The service, a sender or a build: refused, and nothing is made there."""
    site.store.close()
    with hold(folder.path / "var" / lock):
        ran = folder.run("move", "--to", other)

    assert ran.code == 5
    assert "process" in ran.err
    assert shown(site) == [("weekly/1", "sending", "")]
    if other == SQLITE:
        assert not (folder.path / "var" / "publisher.sqlite3").exists()
    else:
        assert Store(other, folder.path).schema() is None


def test_move_that_is_cut_off_begins_anew(
    folder: Folder, site: app.Site, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the mark is set the old database is the one; whatever is there by then is replaced."""
    site.store.close()

    def fail(*_args: object) -> None:
        raise RuntimeError("cut off")

    for where, name in ((carrying, "set_new_epoch"), (standing, "mark_moved")):
        with monkeypatch.context() as patched:
            patched.setattr(where, name, fail)
            assert folder.run("move", "--to", other).code == 1
        assert operating.is_sending(site.store, folder.path / "var")
        assert counts(site, only(site))["accepted"] == 4
        join(site, f"joined after {name}".replace(" ", "-"))
        site.store.close()
    with monkeypatch.context() as patched:
        patched.setattr("publisher.operating.moving.write_epoch", fail)
        assert folder.run("move", "--to", other).code == 1
    assert folder.run("publish").code == 5
    _let_go()
    assert folder.run("move", "--to", other).code == 0

    moved = _turn(folder, other)
    assert operating.is_sending(moved.store, folder.path / "var")
    assert len(rows(moved, schema.subscribers, schema.subscribers.c.id)) == READERS + 2


def test_rows_that_arrive_changed_stop_the_move(
    folder: Folder, site: app.Site, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row is compared: one that is another there is told, and nothing of it is kept."""
    site.store.close()
    real = carrying._read
    first: list[sa.Connection] = []

    def only_there(tx: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
        first.append(first[0] if first else tx)
        for found in real(tx, table):
            if table.name == "consents" and tx.engine is not first[0].engine:
                found[-1]["wording"] = "something else"
            yield found

    monkeypatch.setattr(carrying, "_read", only_there)
    ran = folder.run("move", "--to", other)

    assert ran.code == 5
    assert "consents" in ran.err
    assert operating.is_sending(site.store, folder.path / "var")
    assert counts(site, only(site))["accepted"] == 4


def test_database_that_is_in_use_is_not_overwritten(
    folder: Folder, site: app.Site, postgres: Server
) -> None:
    """Another site's database, or the one that is used, is no place to move to."""
    site.store.close()
    taken = postgres.copy()
    ran = folder.run("move", "--to", taken)
    here = folder.run("move", "--to", site.store.url or SQLITE)
    no_address = folder.run("move", "--to", "mysql://there")

    assert (ran.code, here.code, no_address.code) == (5, 5, 2)
    assert "createdb" in ran.err
    assert "the one that is used" in here.err
    assert "postgresql+psycopg://" in no_address.err


def test_backup_goes_into_either_kind_of_database(
    folder: Folder, site: app.Site, other: str, tmp_path: Path
) -> None:
    """One file of one kind: what PostgreSQL kept is restored into SQLite, and the other way."""
    backup = tmp_path / "backup.sqlite3"
    site.store.close()
    said = folder.json("backup", str(backup))
    moved_site = folder.path.parent / "there"
    (moved_site / "posts").mkdir(parents=True)
    folder.path = moved_site
    folder.configure(database=f'url = "{"" if other == SQLITE else other}"')
    restored = folder.json("restore", str(backup))
    there = folder.open()

    assert said["rows"]["subscribers"] == restored["rows"]["subscribers"] == READERS
    assert restored["aside"] is None
    assert shown(there) == [("weekly/1", "held", "restored")]
    assert not operating.is_sending(there.store, moved_site / "var")
    with pytest.raises(Refused):
        operating.adopt_epoch(there.store, moved_site / "var", is_new=False)
    assert sorted(copying._count_rows(copying._connect(backup, "ro"))) == sorted(
        [*schema.metadata.tables, "alembic_version"]
    )
