"""Backup and restore of a database on PostgreSQL: one file, of one moment; nothing goes by itself."""

from __future__ import annotations

import gc
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from publisher import app, operating
from publisher.model import Act
from publisher.store import Store, carrying, schema, subscribers
from tests.conftest import empty_site
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
EVERYBODY = ["anna", "ben", "carla", "dora"]


@pytest.fixture
def folder(tmp_path: Path, postgres: Server) -> Folder:
    """An empty site on PostgreSQL alone."""
    made = empty_site(tmp_path / "site")
    made.configure(database=f'url = "{postgres.make()}"')
    return made


@pytest.fixture
def site(folder: Folder) -> Iterator[app.Site]:
    """A site whose first edition is open to four readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, *EVERYBODY)
    tick(site, SEEN)
    tick(site, SLOT)
    yield site
    site.store.close()


def _let_go() -> None:
    """Close every store that was opened: each command is a process of its own."""
    for one in gc.get_objects():
        if isinstance(one, Store):
            one.close()


def test_backup_is_of_one_moment_while_mail_goes_out(folder: Folder, site: app.Site) -> None:
    """Taken between two mails: what it says of one table fits what it says of another."""
    target = folder.path.parent / "backup.sqlite3"
    transport = MemoryTransport()
    told: list[dict[str, int]] = []

    def stop() -> bool:
        if len(transport.attempts) == 2 and not told:
            told.append(folder.json("backup", str(target))["rows"])
        return False

    send(site, SLOT, transport, is_stopping=stop)
    copy = Store("", target)
    with copy.read() as tx:
        found = carrying.read_origin(tx)
    states = rows(
        app.Site(config=site.config, store=copy, environ={}, is_new=False), schema.deliveries
    )
    copy.close()

    assert len(transport.accepted) == 4
    assert told[0]["deliveries"] == told[0]["receipts"] == len(states) == 4
    assert found.epoch == site.store.epoch()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [one.name for one in folder.path.parent.glob(".~*")] == []
    assert folder.run("backup", str(target)).code == 5
    assert folder.run("--yes", "backup", str(target)).code == 0


def test_restored_database_sends_nothing_until_it_is_adopted(
    folder: Folder, site: app.Site
) -> None:
    """What went out after the backup is held; whoever left since stays away; nobody gets it twice."""
    target = folder.path.parent / "backup.sqlite3"
    folder.run("backup", str(target))
    way_out, _ = send(site, SLOT)
    leave(site, 2, now=SLOT)
    with site.store.write() as tx:
        subscribers.suppress(tx, [("a" * 64, "staff", "asked by telephone")], now=SLOT)
        subscribers.rotate_key(tx, "link", b"k" * 32, now=SLOT)
    link = link_of(site, 1)
    _let_go()
    said = folder.json("restore", str(target))
    restored = folder.open()
    refused = folder.run("publish")
    joined = folder.run("worker", "--join")
    adopted = folder.json("restore", "--adopt")
    resolved = folder.run("edition", "resolve", "weekly/1", "--as", "accepted")
    handled = app.handle_edition(restored, only(restored), Act.RELEASE, by="me", now=SLOT)
    tick(restored, SLOT + DAY)
    last, _ = send(restored, SLOT + DAY)

    assert len(way_out.accepted) == 4
    assert said["left"] == 2
    assert said["aside"].endswith(".sqlite3") or "before" in said["aside"]
    assert (refused.code, joined.code) == (5, 5)
    assert "copied or restored" in joined.err
    assert [one["reason"] for one in adopted["held"]] == ["restored"]
    assert handled.edition.state == "ready"
    assert last.accepted == []
    assert resolved.code == 0
    assert counts(restored, only(restored)) == {"accepted": 4}
    assert link_of(restored, 1) == link
    assert rows(restored, schema.suppressions, schema.suppressions.c.address_hash) == [("a" * 64,)]
    assert folder.run("restore", "--adopt").code == 0


def test_restore_keeps_what_was_there_and_it_can_be_put_back(
    folder: Folder, site: app.Site
) -> None:
    """The database before is a file beside, whole; restoring it brings everything back."""
    target = folder.path.parent / "backup.sqlite3"
    folder.run("backup", str(target))
    join(site, "emil")
    _let_go()
    said = folder.json("restore", str(target))
    _let_go()
    shutil.copy(said["aside"], folder.path.parent / "kept.sqlite3")
    before = rows(site, schema.subscribers, schema.subscribers.c.id)
    _let_go()
    folder.json("restore", str(folder.path.parent / "kept.sqlite3"))

    assert len(before) == 4
    assert len(rows(site, schema.subscribers, schema.subscribers.c.id)) == 5


def test_restore_is_refused_while_anybody_is_connected(folder: Folder, site: app.Site) -> None:
    """A worker on another machine holds no lock here, but it has a connection."""
    target = folder.path.parent / "backup.sqlite3"
    folder.run("backup", str(target))
    _let_go()
    with site.store.read():
        ran = folder.run("restore", str(target))
    with app.run_alone(site):
        at_work = folder.run("restore", str(target))

    assert ran.code == at_work.code == 5
    assert "Stop web, scheduler and workers" in ran.err
    assert "service.lock" in at_work.err
    assert shown(site) == [("weekly/1", "sending", "")]
    assert operating.is_sending(site.store, folder.path / "var")


def test_restore_that_fails_leaves_everything_as_it_was(
    folder: Folder, site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file, or an end in the middle of the copying: the database is as before."""
    target = folder.path.parent / "backup.sqlite3"
    folder.run("backup", str(target))
    damaged = folder.path.parent / "damaged.sqlite3"
    damaged.write_bytes(target.read_bytes()[:20_000])
    join(site, "emil")
    _let_go()
    refused = folder.run("restore", str(damaged))

    def fail(*_args: object) -> None:
        raise RuntimeError("cut off")

    _let_go()
    monkeypatch.setattr("publisher.store.standing.forget_home", fail)
    cut_off = folder.run("restore", str(target))

    assert refused.code in {5, 75}
    assert cut_off.code == 1
    assert len(rows(site, schema.subscribers, schema.subscribers.c.id)) == 5
    assert [str(one.state) for one in all_editions(site)] == ["sending"]


def test_backup_of_an_older_schema_asks_for_the_upgrade(folder: Folder, site: app.Site) -> None:
    """This release reads its own tables alone."""
    from sqlalchemy import text  # noqa: PLC0415 - one statement

    with site.store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ran = folder.run("backup", str(folder.path.parent / "backup.sqlite3"))

    assert ran.code == 5
    assert "publisher upgrade" in ran.err
