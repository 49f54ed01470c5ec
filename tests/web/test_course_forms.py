"""A reader's courses by the link in each letter: forms that act by POST, and what never came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher import tokens
from publisher.engine import clock
from publisher.store import schema, subscribers
from tests.flows.scenes import moment, rows
from tests.servers import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.conftest import Folder


@pytest.fixture
def served(folder: Folder) -> Iterator[httpx.Client]:
    """A site with a series of three parts on loopback, with one subscriber."""
    for number, title in enumerate(("One", "Two", "Three"), start=1):
        folder.post(f"sleep/0{number}-{title.lower()}.md", title, date="2026-01-01")
    folder.post("letter.md", "Alone", date="2026-01-01")
    folder.run("build")
    folder.run("subscribers", "add", "anna@example.org")
    with visited(folder, clock.now) as client:
        yield client


@pytest.fixture
def page(folder: Folder) -> str:
    """The address of the one subscriber's courses."""
    site = folder.open()
    with site.store.read() as tx:
        token = tokens.make(subscribers.load_keys(tx, "link")[0], 1)
    return f"/preferences/{token}/courses"


def press(client: httpx.Client, page: str, act: str, **fields: str) -> str:
    """Send the form of the series as it is shown, by one of its buttons."""
    (shown,) = re.findall(
        r'<section class="course" id="sleep".*?</section>', client.get(page).text, re.DOTALL
    )
    assert f'name="act" value="{act}"' in shown
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
    chosen = re.search(r'name="pace" value="(\w+)" checked', shown)
    pace = {"pace": chosen[1]} if chosen else {}
    reply = client.post(page, data={**hidden, **pace, "act": act, **fields})
    assert reply.status_code == 200
    return reply.text


def courses(folder: Folder) -> list[tuple[str, str, bool]]:
    """Each course that is kept: its series, its pace, and whether it runs."""
    table = schema.courses.c
    found = rows(folder.open(), schema.courses, table.series, table.pace, table.ended_at)
    return [(series, pace, ended is None) for series, pace, ended in found]


def test_get_shows_what_there_is_and_changes_nothing(
    folder: Folder, served: httpx.Client, page: str
) -> None:
    """Every series has a form with the paces on offer; looking at it begins no course."""
    shown = served.get(page)
    served.head(page)

    assert shown.status_code == 200
    assert shown.text.count("<form") == 1
    assert "3 parts." in shown.text
    assert [word in shown.text for word in ("Every day", "Every 3 days", "Every week")] == [
        True
    ] * 3
    assert "Start from part 1" in shown.text
    assert "<script" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert "set-cookie" not in shown.headers
    assert courses(folder) == []


def test_the_buttons_start_pace_skip_stop_and_begin_again(
    folder: Folder, served: httpx.Client, page: str
) -> None:
    """Each press does what its words say, and the page then says where the course is."""
    begun = press(served, page, "start", pace="3d")
    paced = press(served, page, "pace", pace="7d")
    skipped = press(served, page, "skip")
    stopped = press(served, page, "stop")
    after = courses(folder)
    again = press(served, page, "restart")

    assert "Part 1 of 3, “One”, comes on" in begun
    assert "The pace is changed." in paced
    assert "That part is skipped." in skipped
    assert "You are on part 1 of 3. Part 2, “Two”, comes on" in skipped
    assert "Stopped after part 1 of 3." in stopped
    assert "Go on with part 2" in stopped
    assert after == [("sleep", "7d", False)]
    assert "Part 1 of 3, “One”, comes on" in again
    assert courses(folder) == [("sleep", "7d", True)]


def test_the_same_skip_sent_twice_skips_one_part(
    folder: Folder, served: httpx.Client, page: str
) -> None:
    """The form names the part, so a second press of an old page does nothing more."""
    press(served, page, "start")
    shown = served.get(page).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))

    replies = [served.post(page, data={**hidden, "act": "skip"}).text for _ in range(2)]

    assert "That part does not come anyway." in replies[1]
    assert "Skip part 2" in replies[1]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"series": "slept", "act": "start", "pace": "1d"}, "Slept. Nothing was changed."),
        ({"series": "sleep", "act": "start", "pace": "2d"}, "Nothing was changed."),
        ({"series": "sleep", "act": "", "pace": "1d"}, "is no button of ours. Nothing was"),
        ({"series": "sleep", "act": "pace", "pace": "1d"}, "None of sleep. Nothing was changed."),
        ({}, "Nothing was changed."),
    ],
)
def test_what_is_no_form_of_ours_changes_nothing(
    folder: Folder, served: httpx.Client, page: str, fields: dict[str, str], told: str
) -> None:
    """An unknown series, a pace that is not on offer, no act: said, and nothing is done."""
    reply = served.post(page, data=fields)

    assert reply.status_code == 400
    assert told in reply.text
    assert courses(folder) == []


def test_a_link_that_is_not_ours_and_one_who_left(
    folder: Folder, served: httpx.Client, page: str
) -> None:
    """No courses for a token that does not verify, nor for an address that is unsubscribed."""
    strange = "/preferences/abc/courses"
    unknown = [
        served.get(strange),
        served.post(strange, data={}),
        served.get("/preferences/abc/missed"),
    ]
    token = page.split("/")[2]
    served.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})

    left = [
        served.get(page),
        served.post(page, data={"series": "sleep", "act": "start", "pace": "1d"}),
    ]

    assert [one.status_code for one in unknown] == [404] * 3
    assert all("You get nothing" in one.text for one in left)
    assert courses(folder) == []


def test_a_site_that_offers_no_pace_offers_no_course(folder: Folder) -> None:
    """With ``paces = []`` there is nothing to start."""
    folder.configure(courses="paces = []")
    folder.post("sleep/01-one.md", "One")
    folder.run("build")
    folder.run("subscribers", "add", "anna@example.org")
    site = folder.open()
    with site.store.read() as tx:
        token = tokens.make(subscribers.load_keys(tx, "link")[0], 1)

    with visited(folder, clock.now) as client:
        shown = client.get(f"/preferences/{token}/courses")

    assert "There is no series to send you just now." in shown.text
    assert "<form" not in shown.text


def test_missed_lists_what_came_out_since_and_was_not_sent(
    folder: Folder, served: httpx.Client, page: str
) -> None:
    """In series order, linked; not what was before, is had, or is still to come."""
    folder.post("worry/02-later.md", "Later", date="2026-03-01")
    folder.post("worry/01-first.md", "First", date="2026-03-01")
    folder.post("sleep/04-four.md", "Four", date="2026-03-01")
    folder.post("aside.md", "Aside", date="2026-03-01")
    folder.run("build")
    folder.post("coming.md", "Coming", date="2026-03-01")
    site = folder.open()
    with site.store.write() as tx:
        joined = moment("2026-02-01 12:00")
        tx.execute(sa.update(schema.subscribers).values(confirmed_at=joined))
        tx.execute(sa.update(schema.posts).values(counts_as_sent=True))
        ids = {row.title: row.post_id for row in tx.execute(sa.select(schema.posts))}
    folder.run("build")
    press(served, page, "start")
    with site.store.write() as tx:
        tx.execute(
            sa.insert(schema.rehearsal_receipts).values(
                subscriber_id=1, post_id=ids["First"], edition_id=1
            )
        )

    shown = served.get(page.replace("courses", "missed")).text

    listed = re.findall(r'<a href="(/[a-z/]+/)">(\w+)</a></li>', shown)
    assert "What you were not sent since 1 February 2026" in shown
    assert [title for _, title in listed if title in ids] == ["Later", "Aside"]
    assert ("/worry/later/", "Later") in listed
