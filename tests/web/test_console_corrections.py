"""Corrections in the console: written, changed, refused in words; and a moment for a calendar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lxml import html

from publisher import app, editing, subscribing
from publisher.engine import clock
from publisher.model import EditionState, Role
from publisher.store import editions
from tests.flows.scenes import leave
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    import httpx

    from publisher.app import Site
    from publisher.model import Edition
    from tests.web.conftest import Desk

TEXT = {"subject": "Correction: the dose", "text": "It is **2 mg**.", "post": ""}


def _went(desk: Desk) -> Edition:
    """Send the first edition to two readers, into the outbox."""
    for name in ("ann", "bo"):
        subscribing.add(
            desk.site.store, f"{name}@example.net", consent="yes", source="test", now=clock.now()
        )
    app.publish_once(desk.site, now=clock.now(), clock=clock.now, digest="weekly")
    return _last(desk.site)


def _last(site: Site) -> Edition:
    with site.store.read() as tx:
        return editions.read_all(tx)[-1]


def _acts(reply: httpx.Response) -> list[str]:
    page: Any = html.fromstring(reply.text)
    return [one.text_content().strip() for one in page.cssselect(".acts button, .acts .button")]


def _said(reply: httpx.Response) -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(one.text_content().strip() for one in page.cssselect(".said"))


def test_a_correction_is_written_changed_cancelled_and_written_again(desk: Desk) -> None:
    """Each page says to how many; nothing goes by writing, and what was cancelled is not lost."""
    first = _went(desk)
    leave(desk.site, 2, now=clock.now())
    with desk.visit(desk.add("Grey", Role.PUBLISHER)) as client:
        before = client.get(f"/console/editions/{first.id}")
        form = client.get(f"/console/editions/{first.id}/correction")
        wrong = client.post(f"/console/editions/{first.id}/correction", data=TEXT | {"text": " "})
        written = client.post(f"/console/editions/{first.id}/correction", data=TEXT)
        where = written.headers["location"].partition("?")[0]
        draft = client.get(written.headers["location"])
        today = client.get("/console/")
        changed = client.post(f"{where}/correction", data=TEXT | {"text": "It is 3 mg."})
        letter = client.get(f"{where}/letters/1.html")
        check = client.get(f"{where}/do/approve")
        seen = re.search(r'name="sha256" value="(\w{64})"', check.text)
        assert seen
        sent = client.post(f"{where}/do/approve", data={"sha256": seen[1]})
        scheduled = client.get(sent.headers["location"])
        event = client.get(f"{where}/calendar.ics")
        client.post(f"{where}/do/cancel")
        over = client.get(where)
        again = client.get(f"/console/editions/{first.id}/correction?again={_last(desk.site).id}")
        gone = client.get(f"{where}/calendar.ics")

    assert _acts(before) == ["Send a correction to the 2 who have it"]
    assert "2 people have it or may have it; 1 of them left since" in form.text
    assert "goes to 1 person" in form.text
    assert (wrong.status_code, "a few words on what was wrong" in problems(wrong)) == (422, True)
    assert _said(draft) == "Written. No one was emailed. It goes to nobody until you say so."
    assert _acts(draft) == ["Send 1 email in 1 minute", "Cancel 1 email", "Change what it says"]
    assert heading(today) == "1 thing needs you"
    assert changed.status_code == 303
    assert "It is 3 mg." in letter.text
    assert heading(check) == "Send 1 email in 1 minute?"
    assert _said(scheduled) == (
        "It goes in 1 minute. Until then it can be cancelled, and no one was emailed."
    )
    assert _acts(scheduled) == ["Hold 1 email back", "Cancel 1 email", "Change what it says"]
    assert event.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "dose" not in event.text and "weekly" not in event.text.lower()
    assert _acts(over) == ["Write it again"]
    assert "It is 3 mg." in again.text
    assert gone.status_code == 404


def test_what_is_approved_is_what_was_seen(desk: Desk) -> None:
    """Changed by somebody else between the look and the press, it is not sent."""
    first = _went(desk)
    with desk.visit(desk.add("Grey", Role.PUBLISHER)) as client:
        client.post(f"/console/editions/{first.id}/correction", data=TEXT)
        where = f"/console/editions/{_last(desk.site).id}"
        seen = re.search(r'value="(\w{64})"', client.get(f"{where}/do/approve").text)
        assert seen
        client.post(f"{where}/correction", data=TEXT | {"text": "It is 3 mg."})
        done = client.post(f"{where}/do/approve", data={"sha256": seen[1]})

    assert done.status_code == 409
    assert "no one was emailed" in problems(done)
    assert _last(desk.site).state is EditionState.DRAFT


def test_the_moment_of_a_digest_is_one_event_before_and_after_its_edition_is_made(
    desk: Desk,
) -> None:
    """From Today and from the edition's page a calendar has the same event, without a topic."""
    with desk.visit(desk.add("Guest")) as client:
        before = client.get("/console/digests/weekly/calendar.ics")
        made_desk, _ = app.open_desk(desk.site, now=clock.now())
        editing.draft_ahead(made_desk, desk.site.config.digests["weekly"], now=clock.now())
        after = client.get(f"/console/editions/{_last(desk.site).id}/calendar.ics")

    uids = [re.findall(r"^UID:(.+?)\r$", one.text, re.MULTILINE) for one in (before, after)]
    starts = [re.findall(r"^DTSTART:(.+?)\r$", one.text, re.MULTILINE) for one in (before, after)]
    assert uids[0] == uids[1] != []
    assert starts[0] == starts[1] == [f"{_last(desk.site).fire_at:%Y%m%dT%H%M%SZ}"]
    assert "Worry" not in after.text
