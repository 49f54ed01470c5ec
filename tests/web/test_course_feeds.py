"""A series from part 1 as a feed, over a real server: one part every few days, from any day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.feedcheck import check_feed
from tests.servers import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from publisher.feeds import Form
    from tests.conftest import Folder

PARTS = 4


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(folder: Folder, clock: Clock) -> Iterator[httpx.Client]:
    """The site on loopback, with a series of four parts that came out in one day."""
    folder.configure(site=f'{folder.settings["site"]}\nurl = "https://letters.example"')
    for number in range(1, PARTS + 1):
        folder.post(f"sleep/{number:02}-part-{number}.md", f"Part the {number}.")
    folder.post("loose.md", "Loose")
    assert folder.run("build").code == 0
    with visited(folder, clock) as client:
        yield client


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    return [item["title"] for item in answer.json()["items"]]


def test_a_part_comes_every_few_days_the_newest_first(served: httpx.Client, clock: Clock) -> None:
    """On the first day there is part 1; three days later part 2 stands above it; then the rest."""
    address = "/sleep/from/2026-11-25/3d.json"
    seen = []
    for days in (0, 2, 3, 9, 300):
        clock.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC) + timedelta(days=days)
        seen.append(titles(served.get(address)))

    assert seen == [
        ["Part the 1."],
        ["Part the 1."],
        ["Part the 2.", "Part the 1."],
        ["Part the 4.", "Part the 3.", "Part the 2.", "Part the 1."],
        ["Part the 4.", "Part the 3.", "Part the 2.", "Part the 1."],
    ]


def test_entries_keep_their_ids_and_are_dated_when_they_are_due(
    served: httpx.Client, folder: Folder, clock: Clock
) -> None:
    """A reader that follows the series too shows no post twice, and shows each part as new."""
    clock.now += timedelta(days=30)

    items = served.get("/sleep/from/2026-11-25/7d.json").json()["items"]

    known = {item["id"]: item for item in json.loads(folder.public("sleep/feed.json"))["items"]}
    assert [item["id"] for item in items] == list(known)
    assert [item["date_published"] for item in items] == [
        f"2026-{day}T05:00:00Z" for day in ("12-16", "12-09", "12-02", "11-25")
    ]
    assert all(item["content_html"] == known[item["id"]]["content_html"] for item in items)


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
@pytest.mark.parametrize("start", ["2026-11-20", "2027-01-01"])
def test_the_feed_is_valid_and_names_itself(
    served: httpx.Client, clock: Clock, kind: Form, start: str
) -> None:
    """Strangers find no fault in it, before its first day neither."""
    path = f"/sleep/from/{start}/2d.{kind}"

    answer = served.get(path)

    address = f"https://letters.example{path}"
    assert check_feed(answer.content, kind, now=clock.now, address=address) == []
    assert (b"Part the 1." in answer.content) is (start == "2026-11-20")


def test_it_is_cached_as_any_feed(served: httpx.Client) -> None:
    """A reader that has it is told so; HEAD has no body; no cookie is ever set."""
    path = "/sleep/from/2026-11-20/1d.atom"
    whole = served.get(path)
    known = {"If-None-Match": whole.headers["etag"]}
    dated = {"If-Modified-Since": whole.headers["last-modified"]}

    assert whole.headers["content-type"] == "application/xml; charset=utf-8"
    assert whole.headers["cache-control"].startswith("public, max-age=")
    assert whole.headers["access-control-allow-origin"] == "*"
    assert [served.get(path, headers=one).status_code for one in (known, dated)] == [304, 304]
    head = served.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert "set-cookie" not in whole.headers


def test_an_edit_reaches_it_with_the_next_build(served: httpx.Client, folder: Folder) -> None:
    """What was corrected on the page is corrected here."""
    path = "/sleep/from/2026-11-20/1d.atom"
    before = served.get(path)

    folder.post("sleep/01-part-1.md", "Part the 1.", body="A text that was mended.\n")
    folder.run("build")
    after = served.get(path, headers={"If-None-Match": before.headers["etag"]})

    assert after.status_code == 200
    assert b"A text that was mended." in after.content


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/sleep/from/2026-02-30/3d.atom", 400, "“2026-02-30” is no day"),
        ("/sleep/from/yesterday/3d.atom", 400, "“yesterday” is no day"),
        ("/sleep/from/20261125/3d.atom", 400, "is no day"),
        ("/sleep/from/1999-12-31/3d.atom", 400, "is no day from 2000-01-01"),
        ("/sleep/from/9999-12-31/3d.atom", 400, "is no day"),
        ("/sleep/from/2026-11-25/0d.atom", 400, "every 1 to 365 days; the address says 0"),
        ("/sleep/from/2026-11-25/366d.rss", 400, "the address says 366"),
        ("/sleep/from/2026-11-25/03d.atom", 404, "/sleep/from/2026-11-25/3d.atom"),
        ("/sleep/from/2026-11-25/3d.xml", 404, "such as 3d.atom"),
        ("/sleep/from/2026-11-25/3.atom", 404, "such as 3d.atom"),
        ("/sleep/from/2026-11-25/-3d.atom", 404, "such as 3d.atom"),
        ("/sleeep/from/2026-11-25/3d.atom", 404, "No series here is called “sleeep”"),
        ("/loose/from/2026-11-25/3d.atom", 404, "No series here is called “loose”"),
        ("/%3Cb%3E/from/2026-11-25/3d.atom", 404, ""),
    ],
)
def test_what_cannot_be_is_said_plainly(
    served: httpx.Client, path: str, status: int, words: str
) -> None:
    """A slip in the address gets a page that says which part of it, and how it is written."""
    answer = served.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert words in answer.text
    assert "<b>" not in answer.text
