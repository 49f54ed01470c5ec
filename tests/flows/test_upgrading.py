"""A database of the first release becomes today's: nothing is lost, and it goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from publisher import app, operating
from publisher.site import hold
from publisher.store import Store
from tests import first_release
from tests.flows.scenes import (
    DAY,
    counts,
    link_of,
    moment,
    only,
    recipients,
    send,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from tests.conftest import Folder
    from tests.postgres import Server

LATER = moment("2026-11-24 13:00")
KEPT_EPOCH = str(first_release.TABLES["site"][0]["epoch"])


@pytest.fixture
def old(request: pytest.FixtureRequest, folder: Folder) -> Folder:
    """A site whose database the first release made: its edition is half sent."""
    url = ""
    if "database" in folder.settings:
        server: Server = request.getfixturevalue("postgres")
        url = server.make()
        folder.configure(database=f'url = "{url}"')
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    var = folder.path / "var"
    var.mkdir(mode=0o700)
    (var / "epoch").write_text(KEPT_EPOCH)
    store = Store(url, var / "publisher.sqlite3")
    first_release.make(store)
    store.close()
    return folder


def _store(folder: Folder) -> Store:
    return app.name_store(folder.path / "config.toml", {})


def test_every_command_refuses_it_until_it_is_upgraded(old: Folder) -> None:
    """Nothing reads or changes a database that it does not know; the message says what to do."""
    ran = [
        old.run(*words) for words in (("publish",), ("run",), ("subscribers", "ls"), ("build",))
    ]

    assert [one.code for one in ran] == [5, 5, 5, 5]
    assert all("publisher upgrade" in one.err for one in ran)
    store = _store(old)
    assert store.schema() == first_release.SCHEMA
    store.close()


def test_upgrade_keeps_every_row(old: Folder) -> None:
    """Table by table what was there is there; on SQLite the database before is kept beside it."""
    store = _store(old)
    before = first_release.read(store)
    store.close()
    said = old.json("upgrade")
    again = old.run("upgrade")
    after = first_release.read(store)
    store.close()

    assert (said["before"], said["schema"]) == (first_release.SCHEMA, store.newest_schema)
    assert after == before
    assert sum(map(len, after.values())) == sum(map(len, first_release.TABLES.values()))
    assert (again.code, "nothing was changed" in again.out) == (0, True)
    if store.url:
        assert said["aside"] is None
    else:
        kept = Store("", Path(said["aside"]))
        assert (kept.schema(), first_release.read(kept)) == (first_release.SCHEMA, before)
        kept.close()


def test_half_sent_edition_goes_on_after_the_upgrade(old: Folder) -> None:
    """Who has it gets no other; who waits gets it; links of then are good; the next edition comes."""
    old.run("upgrade")
    site = old.open()
    before = counts(site, only(site))
    way_out, done = send(site, LATER)
    old.post("sleep/02-two.md", "Two", date="2026-11-25")
    tick(site, LATER + 7 * DAY)
    following, _ = send(site, LATER + 7 * DAY)

    assert operating.is_sending(site.store, old.path / "var")
    assert before == {"accepted": 1, "deferred": 1, "uncertain": 1, "pending": 1}
    assert done.problems == []
    assert sorted(recipients(way_out)) == ["ben", "carla", "dora"]
    assert sorted(recipients(following)) == ["anna", "ben", "carla", "dora"]
    assert link_of(site, 1)
    assert [str(one.state) for one in app.list_editions(site)] == ["sent", "sent"]


def test_upgrade_is_refused_while_anybody_is_at_work(old: Folder) -> None:
    """A lock here, or a connection from elsewhere: nothing is changed."""
    store = _store(old)
    if store.url:
        with store.read():
            ran = old.run("upgrade")
    else:
        with hold(old.path / "var" / "sender.lock"):
            ran = old.run("upgrade")

    assert ran.code == 5
    assert store.schema() == first_release.SCHEMA
    store.close()
