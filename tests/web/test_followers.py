"""Services that fetch feeds for many are counted by what they say; nobody else is."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app
from publisher.store import followers
from publisher.web.followers import KEEP_EVERY, FollowerCount
from tests.visits import Clock, visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder
    from tests.visits import Visit

FEEDLY = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; {} subscribers)"
TODAY = date(2026, 11, 27)


@pytest.fixture
def visit(folder: Folder) -> Iterator[Visit]:
    """A site that is served."""
    with visiting(folder) as one:
        yield one


def test_what_is_said_is_kept_within_a_minute(visit: Visit) -> None:
    """The last word counts, feed by feed; a browser and a page count nothing."""

    def fetch(path: str, agent: str) -> None:
        assert visit.client.get(path, headers={"User-Agent": agent}).status_code == 200

    fetch("/feed.atom", FEEDLY.format(16))
    fetch("/feed.atom", "Mozilla/5.0 Firefox/140.0")
    fetch("/", FEEDLY.format(99))
    assert app.list_followers(visit.site) == []

    visit.clock.later(seconds=KEEP_EVERY.total_seconds() + 1)
    fetch("/feed.rss", FEEDLY.format(17))
    fetch("/feed.rss", FEEDLY.format(17))

    for thread in threading.enumerate():
        if thread.name == "followers":
            thread.join()
    assert [(one.path, one.name, one.people) for one in app.list_followers(visit.site)] == [
        ("/feed.atom", "Feedly", 16),
        ("/feed.rss", "Feedly", 17),
    ]


def test_who_comes_no_more_is_forgotten_and_made_up_names_fill_nothing(folder: Folder) -> None:
    """After a month; and at most so many rows, of which the known ones go on."""
    store = folder.open().store

    def note(names: range, people: int, on: date) -> list[followers.Following]:
        with store.write() as tx:
            seen = {("/feed.atom", f"Reader{number}"): people for number in names}
            followers.note(tx, seen, on=on)
        with store.read() as tx:
            return followers.read_all(tx)

    assert len(note(range(followers.MOST + 5), 3, TODAY)) == followers.MOST
    again = note(range(5), 9, TODAY + followers.KEPT)
    assert [one.people for one in again[:6]] == [9, 9, 9, 9, 9, 3]
    left = note(range(0), 1, TODAY + followers.KEPT + timedelta(days=1))
    assert [one.name for one in left] == [f"Reader{number}" for number in range(5)]


def test_a_database_that_is_away_costs_a_line_in_the_log(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """The feed was answered long before."""
    store = folder.open().store
    count = FollowerCount(store, Clock())
    count.note("/feed.atom", [(b"user-agent", FEEDLY.format(2).encode())])
    store.close()
    store.path.unlink()
    store.path.mkdir()

    count.keep()

    assert "were not kept" in caplog.text
