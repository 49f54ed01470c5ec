"""Keys rotate, and a database that was copied or restored does not mail by itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from publisher import app
from publisher.errors import Refused, UsageError
from publisher.operating import ROTATING, adopt_epoch, rotate_key
from publisher.store import schema, subscribers
from tests.flows.scenes import join, moment, only, rows, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Folder

NOW = moment("2026-11-24 12:30")


def _copy(folder: Folder, *, epoch: str | None) -> app.Site:
    """The site's database in another folder, beside an epoch of its own, or none."""
    site = folder.open()
    join(site, "anna")
    site.store.close()
    original = folder.path
    folder.path = original.parent / "copy"
    shutil.copytree(original, folder.path)
    file = _epoch_file(folder)
    if epoch is None:
        file.unlink()
    else:
        file.write_text(epoch, "ascii")
    return folder.open()


def _epoch_file(folder: Folder) -> Path:
    return folder.path / "var" / "epoch"


@pytest.mark.parametrize("epoch", ["0b6d5d0e-0000-4000-8000-000000000000\n", "", None])
def test_a_copied_database_does_not_mail_until_a_person_says_so(
    folder: Folder, epoch: str | None
) -> None:
    """Beside a foreign or a missing epoch nothing is sent, exit 5; once it is written, all is."""
    folder.post("one.md", "One")
    site = _copy(folder, epoch=epoch)

    with pytest.raises(Refused) as told:
        app.publish_once(site, now=NOW, clock=lambda: NOW, digest="weekly")
    before = shown(site), folder.outbox()
    _epoch_file(folder).write_text(f" {site.store.epoch()}\n", "ascii")
    app.publish_once(site, now=NOW, clock=lambda: NOW)

    assert told.value.exit_code == 5
    assert "publisher restore --adopt" in told.value.problems[0].hint
    assert before == ([("weekly/1", "sending", "")], [])
    assert shown(site) == [("weekly/1", "sent", "")]
    assert len(folder.outbox()) == 1


def test_the_command_says_it_with_exit_5(folder: Folder) -> None:
    """From the command line a copied database is exit 5, with the words to mend it."""
    folder.post("one.md", "One")
    _copy(folder, epoch=None)

    ran = folder.run("publish", "--now", "weekly")

    assert ran.code == 5
    assert "copied or restored" in ran.err


def test_a_new_database_sends_with_an_epoch_of_its_own(folder: Folder) -> None:
    """A new site needs no word: its epoch is written beside the database, for its user alone."""
    folder.post("one.md", "One")
    site = folder.open()
    join(site, "anna")

    app.publish_once(site, now=NOW, clock=lambda: NOW, digest="weekly")

    assert only(site).state == "sent"
    assert _epoch_file(folder).read_text("ascii") == f"{site.store.epoch()}\n"
    assert _epoch_file(folder).stat().st_mode & 0o777 == 0o600


def test_an_epoch_that_fits_is_left_alone(folder: Folder) -> None:
    """An older database that finds its own epoch goes on, and nothing is written."""
    site = folder.open()
    before = _epoch_file(folder).stat().st_mtime_ns

    adopt_epoch(site.store, site.config.paths.state, is_new=False)

    assert _epoch_file(folder).stat().st_mtime_ns == before


@pytest.mark.parametrize("purpose", ROTATING)
def test_a_rotated_key_signs_and_the_one_before_still_verifies(
    folder: Folder, purpose: str
) -> None:
    """The new key comes first, the old one is retired and kept; the history says who did it."""
    site = folder.open()

    made = rotate_key(site.store, purpose, b"n" * 32, now=NOW)

    with site.store.read() as tx:
        keys = subscribers.load_keys(tx, purpose)
    assert [(key.id == made, key.retired) for key in keys] == [(True, False), (False, True)]
    events = schema.events.c
    assert rows(site, schema.events, events.actor, events.verb, events.subject) == [
        ("operator", "rotate", f"key:{purpose}")
    ]


@pytest.mark.parametrize("purpose", ["pepper", "secret", ""])
def test_no_other_key_rotates(folder: Folder, purpose: str) -> None:
    """Suppressions are found by the pepper: it stays, and an unknown purpose is named."""
    site = folder.open()

    with pytest.raises(UsageError, match="one of link, bounce, form, session"):
        rotate_key(site.store, purpose, b"n" * 32, now=NOW)

    assert rows(site, schema.events) == []


def test_database_that_never_did_anything_takes_its_epoch(folder: Folder) -> None:
    """A kill between the first tables and the epoch's file leaves a site that works all the same."""
    folder.open().store.close()
    _epoch_file(folder).unlink()
    folder.post("one.md", "One")

    ran = folder.run("--json", "publish", "--now", "weekly")

    assert ran.code == 0
    assert ran.data["editions"][0]["state"] == "sent"
