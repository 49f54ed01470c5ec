"""Backup while mail goes out, restore, and nothing goes by itself; then nobody gets a post twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from publisher import app, operating
from publisher.errors import NotFound, Refused
from publisher.model import Act
from publisher.site import hold
from publisher.store import copying, editions, schema, subscribers
from tests.conftest import empty_site
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    all_editions,
    counts,
    join,
    leave,
    moment,
    receipts,
    recipients,
    rows,
    send,
    shown,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from pathlib import Path

    from publisher.model import Envelope, Outcome
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
NEXT_SLOT = SLOT + 7 * DAY
EVERYBODY = ["anna", "ben", "carla", "dora"]
EPOCH = "0b6d5d0e-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty site on SQLite alone; PostgreSQL has tests of its own."""
    return empty_site(tmp_path / "site")


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site whose first edition is open to four readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, *EVERYBODY)
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def _back_up(site: app.Site, folder: Folder, name: str = "backup.sqlite3") -> Path:
    target = folder.path.parent / name
    operating.backup(site.store, target, replace=False)
    return target


def _restore(folder: Folder, source: Path, now: Any = SLOT) -> operating.Restored:
    return app.restore_site(folder.path / "config.toml", {}, source, by="operator", now=now)


def _adopt(site: app.Site, now: Any = SLOT) -> Any:
    return app.adopt_site(site, by="operator", now=now)


def _deliver(site: app.Site, now: Any) -> None:
    app.deliver_open(site, clock=lambda: now, is_stopping=lambda: False)


def _elsewhere(folder: Folder) -> None:
    """Move on to another machine: the same posts and configuration, no state."""
    other = folder.path.parent / "elsewhere"
    shutil.copytree(folder.path, other, ignore=shutil.ignore_patterns("var", "public", "outbox"))
    folder.path = other


# ---------------------------------------------------------------------------------------- backup


def test_backup_is_one_private_file_of_one_moment_while_others_write(
    folder: Folder, site: app.Site
) -> None:
    """Taken while rows are written, its counts are true, it is whole, and it is ours alone."""
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            join(site, *(f"more{n}-{one}" for one in range(5)))
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [
            (operating.backup(site.store, target, replace=False), target)
            for target in (folder.path.parent / f"{n}.sqlite3" for n in range(5))
        ]
    finally:
        stop.set()
        writer.join()

    for told, target in taken:
        assert told is not None
        with closing(sqlite3.connect(target)) as copy:
            people = copy.execute("SELECT count(*) FROM subscribers").fetchone()[0]
            agreed = copy.execute("SELECT count(*) FROM consents").fetchone()[0]
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert told["subscribers"] == people == agreed
        assert (people - 4) % 5 == 0
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(one.name for one in folder.path.parent.glob("*.sqlite3*")) == [
        f"{n}.sqlite3" for n in range(5)
    ]


def test_backup_never_replaces_a_file_unasked(folder: Folder, site: app.Site) -> None:
    """A name that is taken is refused; with --yes it is replaced whole."""
    target = _back_up(site, folder)
    before = target.read_bytes()
    join(site, "eve")
    refused = folder.run("backup", str(target))
    kept = target.read_bytes()
    done = folder.run("--json", "--yes", "backup", str(target))

    assert refused.code == 5
    assert kept == before
    assert done.code == 0
    assert done.data["rows"]["subscribers"] == 5


def test_backup_of_a_site_without_a_database_is_not_found(folder: Folder) -> None:
    """Nothing is made where there is nothing to copy."""
    ran = folder.run("backup", str(folder.path / "backup.sqlite3"))

    assert ran.code == 7
    assert not (folder.path / "backup.sqlite3").exists()


@pytest.mark.parametrize("where", ["nowhere/backup.sqlite3", "var"])
def test_backup_that_cannot_be_written_leaves_nothing(
    folder: Folder, site: app.Site, where: str
) -> None:
    """A place that is none is told, and no part of a copy stays."""
    ran = folder.run("--yes", "backup", str(folder.path / where))

    assert ran.code == 75
    assert [one.name for one in folder.path.rglob(".~*")] == []


# --------------------------------------------------------------------------------------- restore


class BackingUp(MemoryTransport):
    """Accepts every mail; with the third of them on the wire, a backup is taken."""

    def __init__(self, site: app.Site, target: Path) -> None:
        super().__init__()
        self._site, self._target = site, target

    @override
    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        if len(self.attempts) == 2:
            operating.backup(self._site.store, self._target, replace=False)
        return super().send(envelope, data)


@pytest.mark.parametrize("went_on", [True, False])
def test_backup_while_sending_restored_elsewhere_mails_nobody_twice(
    folder: Folder, site: app.Site, went_on: bool
) -> None:
    """Nothing goes until staff say what became of it; then each reader has the post once."""
    backup = folder.path.parent / "backup.sqlite3"
    first = BackingUp(site, backup)
    # Where it did not go on, the machine was lost with that mail on the wire.
    send(site, SLOT, first, is_stopping=lambda: not went_on and len(first.attempts) == 3)
    _elsewhere(folder)
    _restore(folder, backup)
    other = folder.open()
    held = shown(other)
    with pytest.raises(Refused, match="copied or restored"):
        _deliver(other, SLOT)
    adopted = _adopt(other)
    silent, _ = send(other, SLOT)
    with pytest.raises(Refused, match="may have gone out"):
        app.handle_edition(other, adopted[0], Act.RELEASE, by="grey", now=SLOT)
    if not went_on:
        # The relay's log says that the third got it and the fourth did not.
        for name, word in (("carla", "accepted"), ("dora", "resend")):
            app.resolve_edition(
                other,
                adopted[0],
                word,  # type: ignore[arg-type]
                address=f"{name}@example.net",
                by="grey",
                now=SLOT,
            )
    else:
        app.resolve_edition(other, adopted[0], "accepted", address=None, by="grey", now=SLOT)
    app.handle_edition(other, adopted[0], Act.RELEASE, by="grey", now=SLOT)
    tick(other, SLOT)
    rest, _ = send(other, SLOT)
    tick(other, NEXT_SLOT)
    later, _ = send(other, NEXT_SLOT)

    assert held == [("weekly/1", "held", "restored")]
    assert recipients(silent) == recipients(later) == []
    assert Counter(recipients(first) + recipients(rest)) == Counter(EVERYBODY)
    assert shown(other) == [("weekly/1", "sent", "")]
    assert receipts(other) == {1, 2, 3, 4}


def test_restored_edition_that_is_cancelled_mails_nobody_twice(
    folder: Folder, site: app.Site
) -> None:
    """Cancelled without a word on it, those who may have it keep their receipts."""
    backup = folder.path.parent / "backup.sqlite3"
    send(site, SLOT, BackingUp(site, backup))
    _elsewhere(folder)
    _restore(folder, backup)
    other = folder.open()
    (edition,) = _adopt(other)
    app.handle_edition(other, edition, Act.CANCEL, by="grey", now=SLOT)
    tick(other, NEXT_SLOT)

    assert recipients(send(other, NEXT_SLOT)[0]) == []
    assert counts(other, edition) == {"accepted": 2, "uncertain": 2}


@pytest.mark.parametrize("word", ["accepted", "release", "cancel"])
def test_what_was_due_since_the_backup_waits_for_a_word(
    folder: Folder, site: app.Site, word: str
) -> None:
    """An edition that went out after the backup is unknown to it: staff say whether it did."""
    send(site, SLOT)
    backup = _back_up(site, folder)
    folder.post("sleep/02-two.md", "Two", date="2026-11-28")
    after = NEXT_SLOT + DAY
    _elsewhere(folder)
    _restore(folder, backup, after)
    other = folder.open()
    app.publish_once(other, now=after, clock=lambda: after, deliver_too=False)
    held = _adopt(other, after)
    tick(other, after)
    silent, _ = send(other, after)
    if word == "accepted":
        done = app.resolve_edition(other, held[0], "accepted", address=None, by="grey", now=after)
        assert done.posts == 1
    else:
        app.handle_edition(other, held[0], Act(word), by="grey", now=after)
    tick(other, after)
    at_once, _ = send(other, after)
    tick(other, NEXT_SLOT + 7 * DAY)
    later, _ = send(other, NEXT_SLOT + 7 * DAY)

    assert [(one.name, str(one.state), one.reason) for one in held] == [
        ("weekly/2", "held", "restored")
    ]
    assert recipients(silent) == []
    assert recipients(at_once) == (EVERYBODY if word == "release" else [])
    assert recipients(later) == (EVERYBODY if word == "cancel" else [])


def test_post_new_since_the_backup_waits_even_where_no_slot_came(
    folder: Folder, site: app.Site
) -> None:
    """It may have gone by ``publish --now``: it is put before staff too."""
    send(site, SLOT)
    backup = _back_up(site, folder)
    folder.post("sleep/02-two.md", "Two", date="2026-11-24")
    _restore_here(folder, site, backup, SLOT + DAY)
    other = folder.open()
    held = _adopt(other, SLOT + DAY)
    tick(other, NEXT_SLOT)

    assert [one.name for one in held] == ["weekly/2"]
    with other.store.read() as tx:
        assert len(editions.read_posts(tx, held[0].id)) == 1
    assert recipients(send(other, NEXT_SLOT)[0]) == []


def _restore_here(
    folder: Folder, site: app.Site, source: Path, now: Any = SLOT
) -> operating.Restored:
    site.store.close()
    return _restore(folder, source, now)


def test_resend_of_an_edition_that_never_opened_is_refused(folder: Folder, site: app.Site) -> None:
    """There is nothing to send again: it is released, or counts as sent; unknown posts are told."""
    send(site, SLOT)
    backup = _back_up(site, folder)
    folder.post("sleep/02-two.md", "Two", date="2026-11-24")
    _restore_here(folder, site, backup, SLOT + DAY)
    other = folder.open()
    (held,) = _adopt(other, SLOT + DAY)
    with pytest.raises(Refused, match="never opened"):
        app.resolve_edition(other, held, "resend", address=None, by="grey", now=SLOT + DAY)
    with pytest.raises(Refused, match="publisher build"):
        app.resolve_edition(other, held, "accepted", address=None, by="grey", now=SLOT + DAY)

    assert shown(other)[1] == ("weekly/2", "held", "restored")


def test_database_that_was_there_is_kept_and_who_left_stays_away(
    folder: Folder, site: app.Site
) -> None:
    """Restored over a good database, nobody who left since is on the list again; links still open."""
    backup = _back_up(site, folder)
    leave(site, 2, now=SLOT)
    made = operating.rotate_key(site.store, "link", b"n" * 32, now=SLOT)
    with site.store.write() as tx:
        subscribers.suppress(tx, [("f" * 64, "bounced", "")], now=SLOT)
    done = _restore_here(folder, site, backup)
    other = folder.open()

    assert done.left == 2
    assert done.aside is not None
    with closing(sqlite3.connect(done.aside)) as kept:
        assert kept.execute("SELECT count(*) FROM suppressions").fetchone() == (1,)
    with other.store.read() as tx:
        person = subscribers.read_one(tx, 2)
        assert subscribers.load_keys(tx, "link")[0].id == made
    assert person is not None
    assert person.state == "unsubscribed"
    assert len(rows(other, schema.suppressions)) == 1


def test_restore_over_a_damaged_database_keeps_it_whole_aside(
    folder: Folder, site: app.Site
) -> None:
    """That is what backups are for: what is there is kept, and it is told that it cannot be read."""
    backup = _back_up(site, folder)
    site.store.close()
    database = folder.path / "var" / "publisher.sqlite3"
    database.write_bytes(b"no database any more" * 100)
    (folder.path / "var" / "publisher.sqlite3-wal").write_bytes(b"beside")
    ran = folder.run("restore", str(backup))
    told = folder.run("edition", "ls")
    kept = sorted(one.name for one in (folder.path / "var").glob("*.before-*"))

    assert ran.code == 0, ran.err
    assert "It could not be read: whoever left after the backup is on the list again." in ran.out
    assert "weekly/1  held (restored)" in told.out
    assert kept[0].endswith("Z")
    assert kept[-1].endswith("Z-wal")


@pytest.mark.parametrize("lock", operating.LOCKS)
def test_restore_is_refused_while_a_process_is_at_work(
    folder: Folder, site: app.Site, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any of the locks held nothing is changed, exit 5, and the process is named."""
    monkeypatch.setattr(operating.keeping, "_PATIENCE_SECONDS", 0.0)
    backup = _back_up(site, folder)
    before = site.store.epoch()
    with hold(folder.path / "var" / lock):
        ran = folder.run("restore", str(backup))

    assert ran.code == 5
    assert f"process {os.getpid()}" in ran.err
    assert site.store.epoch() == before
    assert operating.is_sending(site.store, folder.path / "var")


def test_restore_is_refused_while_a_program_has_the_database_open(
    folder: Folder, site: app.Site
) -> None:
    """Also where it holds no lock: it would go on in the file that was put aside."""
    backup = _back_up(site, folder)
    with site.store.read() as tx:
        editions.read_all(tx)
        ran = folder.run("restore", str(backup))

    assert ran.code == 5
    assert "no program has open" in ran.err
    assert [one.name for one in (folder.path / "var").glob("*before*")] == []
    assert shown(site) == [("weekly/1", "sending", "")]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", 5), (b"no database" * 500, 5), (None, 7)],
    ids=["empty", "noise", "missing"],
)
def test_restore_of_what_is_no_backup_changes_nothing(
    folder: Folder, site: app.Site, content: bytes | None, code: int
) -> None:
    """A file that is none of ours is told by name, and the site goes on as it was."""
    file = folder.path.parent / "file"
    if content is not None:
        file.write_bytes(content)
    ran = folder.run("restore", str(file))

    assert ran.code == code
    assert str(file) in ran.err
    assert operating.is_sending(site.store, folder.path / "var")


def test_restore_of_a_torn_backup_is_refused(folder: Folder, site: app.Site) -> None:
    """A backup cut short by a full disk is found out before anything is changed."""
    join(site, *(f"reader{n}" for n in range(2_000)))
    backup = _back_up(site, folder)
    data = backup.read_bytes()
    backup.write_bytes(data[: len(data) // 2])
    ran = folder.run("restore", str(backup))

    assert ran.code in {5, 75}
    assert shown(site) == [("weekly/1", "sending", "")]


def test_restore_of_a_newer_schema_is_refused(folder: Folder, site: app.Site) -> None:
    """A backup of a later release needs that release."""
    backup = _back_up(site, folder)
    with closing(sqlite3.connect(backup)) as copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
        copy.commit()
    site.store.close()
    ran = folder.run("restore", str(backup))

    assert ran.code == 5
    assert "schema 9999" in ran.err
    assert shown(folder.open()) == [("weekly/1", "sending", "")]
    assert [one.name for one in (folder.path / "var").glob(".~*")] == []


def test_restore_asks_for_a_file_or_to_adopt(folder: Folder) -> None:
    """Without either there is nothing to do: exit 2."""
    assert folder.run("restore").code == 2


def test_commands_walk_through_a_restore(folder: Folder, site: app.Site) -> None:
    """What each command says leads to the next one; adopting twice changes nothing."""
    backup = _back_up(site, folder)
    site.store.close()
    restored = folder.run("restore", str(backup))
    published = folder.run("publish")
    adopted = folder.run("restore", "--adopt", "--by", "grey")
    again = folder.run("restore", "--adopt")
    released = folder.run("edition", "release", "weekly/1")
    resolved = folder.run("edition", "resolve", "weekly/1", "--as", "accepted")
    gone_on = folder.run("edition", "release", "weekly/1")
    done = folder.run("--json", "publish")

    assert "weekly/1 is held (restored)" in restored.out
    assert "publisher restore --adopt" in restored.out
    assert published.code == 5
    assert "publisher edition resolve weekly/1 --as accepted" in adopted.out
    assert "publisher edition release weekly/1" in adopted.out
    assert "already" in again.out
    assert released.code == 5
    assert "publisher edition resolve weekly/1" in released.err
    assert resolved.out.startswith("4 mails of weekly/1 taken as accepted")
    assert gone_on.code == 0
    assert done.data["editions"][-1]["counts"]["accepted"] == 4
    assert done.data["editions"][-1]["state"] == "sent"


def test_restore_and_adopt_in_one_command(folder: Folder, site: app.Site) -> None:
    """Said together, both are done, and the JSON has what is held."""
    backup = _back_up(site, folder)
    site.store.close()
    ran = folder.run("--json", "restore", str(backup), "--adopt")

    assert ran.code == 0
    assert ran.data["adopted"] is True
    assert [(one["edition"], one["reason"]) for one in ran.data["held"]] == [
        ("weekly/1", "restored")
    ]
    assert operating.is_sending(folder.open().store, folder.path / "var")


def test_kill_at_any_step_of_a_restore_leaves_one_of_the_two_whole(
    folder: Folder, site: app.Site
) -> None:
    """The old database or the new one is there; the new one never sends, and a second try serves."""
    backup = _back_up(site, folder)
    site.store.close()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.system.restore_crasher",
            str(folder.path / "config.toml"),
            str(backup),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kills = [json.loads(line) for line in done.stdout.splitlines()]

    old = {"state": "sending", "reason": ""}
    new = {"state": "held", "reason": "restored"}
    assert len(kills) == 12
    assert all(one["killed"] for one in kills)
    for one in kills:
        then = {key: one["then"][key] for key in ("state", "reason")}
        is_in_place = (one["step"], one["moment"]) == ("put_in_place", "after")
        assert then == (new if is_in_place else old), one
        assert not (then == new and one["then"]["sends"])
        assert one["again"] == {**new, "sends": False, "left": []}


# --------------------------------------------------------------------------------------- upgrade


def test_upgrade_of_a_current_database_changes_nothing(folder: Folder, site: app.Site) -> None:
    """It says that there is nothing to do, and makes no copy."""
    ran = folder.run("upgrade")

    assert (ran.code, "already" in ran.out) == (0, True)
    assert [one.name for one in (folder.path / "var").glob("*.schema-*")] == []


def test_upgrade_of_a_database_without_tables_makes_them_and_keeps_a_copy(folder: Folder) -> None:
    """A kill between two releases leaves a file that is brought up to date, whatever it lacks."""
    (folder.path / "var").mkdir()
    with closing(sqlite3.connect(folder.path / "var" / "publisher.sqlite3")) as made:
        made.execute("VACUUM")
    ran = folder.run("--json", "upgrade")

    assert ran.code == 0
    assert ran.data["before"] is None
    assert folder.open().store.schema() == ran.data["schema"]


def test_upgrade_of_a_newer_database_is_refused(folder: Folder, site: app.Site) -> None:
    """A database of a later release is left alone; every other command says so too."""
    site.store.close()
    with closing(sqlite3.connect(folder.path / "var" / "publisher.sqlite3")) as made:
        made.execute("UPDATE alembic_version SET version_num = '9999'")
        made.commit()
    ran = folder.run("upgrade")
    other = folder.run("edition", "ls")

    assert ran.code == other.code == 5
    assert "schema 9999" in ran.err


def test_copy_of_a_missing_database_is_not_found(tmp_path: Path) -> None:
    """Nothing is made where there is no source."""
    with pytest.raises(NotFound):
        copying.copy_database(tmp_path / "none", tmp_path / "copy")

    assert list(tmp_path.iterdir()) == []


def test_service_of_a_site_is_the_only_one(folder: Folder, free_port: int) -> None:
    """A second one is told who runs, exit 75; ``publish`` beside leaves the delivery to it."""
    folder.configure(web=f'listen = "127.0.0.1:{free_port}"')
    folder.post("sleep/01-one.md", "One")
    site = folder.open()
    with app.run_alone(site):
        second = folder.run("run")
        beside = folder.run("--json", "publish", "--now", "weekly")
        told = folder.run("publish")
    after = folder.run("--json", "publish")

    assert second.code == 75
    assert "service.lock" in second.err
    assert beside.code == 0
    assert beside.data["editions"][0]["state"] == "sending"
    assert f"Delivery is left to the running service: process {os.getpid()}" in told.out
    assert after.data["editions"][0]["state"] == "sent"
    assert all_editions(site)[0].state == "sent"
