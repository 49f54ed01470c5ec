"""Digests in the console: what comes next, the time machine, tests, changes by hand, the outbox."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import app, subscribing
from publisher.engine import clock
from publisher.model import EditionState, Role
from publisher.store import editions
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from publisher.model import Edition
    from tests.web.conftest import Desk

WEEKLY = "/console/digests/weekly"


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """A publisher before a site with three posts and two readers."""
    for n, title in enumerate(("Rest by day", "Light and sleep"), start=2):
        desk.folder.post(f"sleep/{n:02}-part.md", title, slug=f"part-{n}")
    for name, series in (("ann", ()), ("bo", ("sleep",))):
        subscribing.add(
            desk.site.store, f"{name}@example.net", consent="yes", source="test", now=clock.now()
        )
        assert series in ((), ("sleep",))
    with desk.visit(desk.add("Grey", *Role)) as one:
        yield one


def _all(desk: Desk) -> list[Edition]:
    with desk.site.store.read() as tx:
        return editions.read_all(tx)


def _text(reply: httpx.Response, selector: str = "main") -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(" ".join(one.text_content().split()) for one in page.cssselect(selector))


def _fields(reply: httpx.Response) -> dict[str, list[str]]:
    """Return the edit form as a browser would send it."""
    page: Any = html.fromstring(reply.text)
    (form,) = page.cssselect("form[action$=edit]")
    fields: dict[str, list[str]] = {}
    for name, value in form.form_values():
        fields.setdefault(name, []).append(value)
    return fields


def test_the_next_edition_is_one_sentence(client: httpx.Client) -> None:
    """What, when in the digest's zone and from now, to how many; then what is in it and why."""
    shown = client.get(WEEKLY)

    assert re.match(
        r"On Tuesday \d+ \w+ \d{4}, 07:30 E[SD]T \(in .*\), 3 posts go to 2 people, in 1 letter\.",
        _text(shown, ".lede"),
    )
    rows = _text(shown, "tbody")
    assert all(title in rows for title in ("Worry at night", "Rest by day", "Light and sleep"))


def test_today_says_the_same(client: httpx.Client) -> None:
    """The first page has the next edition as a sentence, and a tour while nothing leaves."""
    today = client.get("/console/")

    assert heading(today) == "Nothing needs you"
    assert "Worry at night and 2 more posts go to 2 people, into the outbox" in _text(today)
    assert "Nothing was sent yet." in _text(today)
    assert "Nothing leaves this machine yet" in _text(today, ".tour")


def test_the_calendar_tells_where_clocks_change(desk: Desk, client: httpx.Client) -> None:
    """Eight slots, at the same hour on both sides of a change of clocks, each told from now."""
    slots = _text(client.get(WEEKLY), ".slots li")

    assert slots.count("07:30") == 8
    from publisher.web.console.digests import _calendar  # noqa: PLC0415 - at a time of our own

    october = datetime(2026, 10, 20, 6, tzinfo=UTC)
    noted = _calendar(desk.site.config.digests["weekly"], october)
    assert [bool(note) for _, note in noted] == [False, False, True] + [False] * 5


def test_a_later_day_is_looked_at(desk: Desk, client: httpx.Client) -> None:
    """A post of the future stands in the edition of its time, and not in the next."""
    later = clock.now() + timedelta(days=30)
    desk.folder.post("sleep/04-late.md", "Much later", date=f"{later:%Y-%m-%d}")
    client.post(
        f"{WEEKLY}/test", data={"address": "x@example.org"}
    )  # what was kept is looked at anew
    then = client.get(WEEKLY, params={"on": f"{later + timedelta(days=1):%Y-%m-%d}"})
    wrong = [
        client.get(WEEKLY, params={"on": day}) for day in ("soon", "1999-01-01", "2999-01-01")
    ]

    assert "1 post would go to 2 people, were nothing to change until then: Much later" in _text(
        then
    )
    assert [one.status_code for one in wrong] == [422, 422, 422]
    assert "a day from today on" in problems(wrong[0])


def test_a_test_reaches_one_address_and_not_the_list(desk: Desk, client: httpx.Client) -> None:
    """It lands in the outbox, marked, with links that unsubscribe nobody; the list gets nothing."""
    sent = client.post(f"{WEEKLY}/test", data={"address": "me@practice.example"})
    outbox = client.get(sent.headers["location"])
    (mail,) = desk.folder.outbox()
    name = f"/console/outbox/{mail.parent.name}/{mail.stem}"
    views = [client.get(f"{name}{query}") for query in ("", "?view=text", "?view=headers")]
    frame = client.get(f"{name}/letter.html")
    wrong = client.post(f"{WEEKLY}/test", data={"address": "no address"})

    assert "The test for me@practice.example is in the outbox. Nothing left this machine." in (
        _text(outbox, ".said")
    )
    assert re.match(r"\[Test \d\d:\d\d\] Weekly letter: Worry at night", heading(views[0]))
    assert "Rest by day" in views[1].text
    assert "me@practice.example" in views[2].text
    assert "sandbox" in frame.headers["content-security-policy"]
    assert wrong.status_code == 422
    assert _all(desk) == []


@pytest.mark.parametrize(
    "name",
    [
        "../config.toml",
        "..%2f..%2fconfig/x",
        "weekly-1/..%2f..%2fconfig",
        "weekly-1/%2e%2e",
        "staff/link",
        "a/b/c",
    ],
)
def test_the_outbox_shows_its_mails_and_nothing_else(
    desk: Desk, client: httpx.Client, name: str
) -> None:
    """No path leads out of it, and links that sign staff in are not shown to one another."""
    (desk.folder.path / "outbox" / "staff").mkdir(parents=True)
    (desk.folder.path / "outbox" / "staff" / "link.eml").write_text("Subject: A link\n\nsecret")
    reply = client.get(f"/console/outbox/{name}")
    listed = client.get("/console/outbox")

    assert reply.status_code == 404
    assert "A link" not in listed.text


def test_an_edition_goes_in_a_minute_unless_it_is_cancelled(
    desk: Desk, client: httpx.Client
) -> None:
    """The page before says what and to how many; cancelled in time, no one was emailed."""
    check = client.get(f"{WEEKLY}/send")
    sent = client.post(f"{WEEKLY}/send")
    assert sent.status_code == 303, problems(sent)
    page = sent.headers["location"]
    shown = client.get(page)
    client.post(f"{page}/do/cancel")
    cancelled = client.get(page)
    again = client.post(f"{WEEKLY}/send").headers["location"]
    later = clock.now() + timedelta(minutes=2)
    app.publish_once(desk.site, now=later, clock=lambda: later)
    result = client.get(again)
    nothing = client.get(f"{WEEKLY}/send")
    refused = client.post(f"{WEEKLY}/send")

    assert "in 1 minute" in check.text and "Schedule 2 emails" in check.text
    assert "It goes in 1 minute. Until then it can be cancelled" in _text(shown, ".said")
    assert "Cancelled. It was a rehearsal: no one was emailed." in _text(cancelled, ".said")
    assert "2 of 2 accepted." in _text(result)
    assert len(desk.folder.outbox()) == 2
    assert heading(nothing) == "There is nothing to send"
    assert refused.headers["location"] == WEEKLY
    assert [one.state for one in _all(desk)] == [EditionState.CANCELLED, EditionState.SENT]


def test_a_draft_is_changed_by_hand(desk: Desk, client: httpx.Client) -> None:
    """Order, what waits, intro, subject and preheader are what goes; what was left out stays new."""
    fields = _fields(client.get(f"{WEEKLY}/edit"))
    worry, rest, light = fields["post"]
    changed = client.post(
        f"{WEEKLY}/edit",
        data={
            "post": [light, worry, rest],
            "goes": [light, worry],
            "subject": "By hand",
            "preheader": "Beside it",
            "intro": "Dear reader,\r\n\r\n\r\nread this.",
        },
    )
    shown = client.get(WEEKLY)
    kept = _fields(client.get(f"{WEEKLY}/edit"))
    letter = client.get(f"{WEEKLY}/letter", params={"view": "text"})
    (draft,) = _all(desk)
    app.publish_once(desk.site, now=clock.now(), clock=clock.now)  # it follows its posts
    still = _fields(client.get(f"{WEEKLY}/edit"))

    assert changed.headers["location"] == WEEKLY
    assert "Changed. No one was emailed." in _text(shown, ".said")
    assert kept["post"] == [light, worry, rest] == still["post"]
    assert kept["goes"] == [light, worry] == still["goes"]
    assert kept["intro"] == ["Dear reader,\n\nread this."]
    assert heading(letter) == "By hand"
    text = _text(letter, "pre")
    assert "Dear reader," in text and "Rest by day" not in text.split("Light and sleep")[0]
    assert text.index("Light and sleep") < text.index("Worry at night")
    assert draft.state is EditionState.DRAFT
    assert "left out of this one; it stays new" in _text(shown)


def test_posts_are_moved_by_buttons(client: httpx.Client) -> None:
    """Move up and Move down change places with the neighbour and keep what was typed."""
    fields = _fields(client.get(f"{WEEKLY}/edit"))
    worry, rest, light = fields["post"]
    fields["subject"] = ["Typed"]
    moved = client.post(f"{WEEKLY}/edit", data={**fields, "move": f"up:{rest}"})
    after = _fields(client.get(f"{WEEKLY}/edit"))

    assert moved.headers["location"] == f"{WEEKLY}/edit#posts"
    assert after["post"] == [rest, worry, light]
    assert after["subject"] == ["Typed"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"goes": []}, "at least one post"),
        ({"subject": ["x" * 201]}, "one line of at most 200"),
        ({"subject": ["Bcc: x\x00"]}, "one line of at most 200"),
        ({"intro": ["x" * 4001]}, "at most 4,000 characters"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    client: httpx.Client, change: dict[str, list[str]], told: str
) -> None:
    """Nothing is changed, and the form says what was wrong."""
    fields = _fields(client.get(f"{WEEKLY}/edit"))
    reply = client.post(f"{WEEKLY}/edit", data={**fields, **change})

    assert reply.status_code == 422
    assert told in problems(reply)
    assert _fields(client.get(f"{WEEKLY}/edit"))["subject"] == [""]


def test_a_line_break_in_a_subject_reaches_no_header(client: httpx.Client) -> None:
    """What is typed over several lines is one line, so no header can be added by it."""
    fields = _fields(client.get(f"{WEEKLY}/edit"))
    client.post(f"{WEEKLY}/edit", data={**fields, "subject": "One\r\nBcc: all@example.org"})
    letter = client.get(f"{WEEKLY}/letter", params={"view": "headers"})

    assert heading(letter) == "One Bcc: all@example.org"
    assert ">Bcc<" not in letter.text


def test_an_edit_after_approval_needs_another(desk: Desk, client: httpx.Client) -> None:
    """What was approved is what it was before: changed, the edition is a draft again, and says so."""
    client.post(f"{WEEKLY}/edit", data=_fields(client.get(f"{WEEKLY}/edit")))
    (draft,) = _all(desk)
    path = f"/console/editions/{draft.id}"
    sha256 = re.search(r'value="(\w{64})"', client.get(f"{path}/do/approve").text)
    assert sha256
    client.post(f"{path}/do/approve", data={"sha256": sha256[1]})
    approved = _all(desk)[0].state
    client.post(f"{WEEKLY}/edit", data={**_fields(client.get(f"{WEEKLY}/edit")), "intro": "New"})

    assert approved is EditionState.SCHEDULED
    assert _all(desk)[0].state is EditionState.DRAFT
    assert "approve it again" in _text(client.get(WEEKLY), ".said")


def test_one_person_is_checked(client: httpx.Client) -> None:
    """Their very letter is shown, with inert links; who is not on the list is said to be not."""
    found = client.post(f"{WEEKLY}/person", data={"address": "Ann@Example.net"})
    letter = client.get(found.headers["location"], params={"view": "headers", "person": "1"})
    frame = client.get(f"{WEEKLY}/letter.html", params={"person": "1"})
    absent = client.post(f"{WEEKLY}/person", data={"address": "nobody@example.net"})

    assert "ann@example.net" in letter.text
    (token,) = set(re.findall(r"/u/([\w-]{32})", frame.text))
    assert client.post(f"/u/{token}").status_code == 404
    assert absent.status_code == 422
    assert "the address of a subscriber" in problems(absent)


def test_a_digest_that_is_not_there(client: httpx.Client) -> None:
    """An unknown name is no page."""
    assert client.get("/console/digests/daily").status_code == 404
