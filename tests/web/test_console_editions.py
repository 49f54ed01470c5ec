"""Editions in the console: what each button says and does, what came of it, and what is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import app, subscribing
from publisher.engine import clock
from publisher.model import DeliveryState, EditionState, Phase, Rejected, Role, Uncertain
from publisher.store import editions
from tests.fakes import MemoryTransport
from tests.flows.scenes import send, use_relay
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    import httpx

    from publisher.app import Site
    from publisher.model import Edition
    from tests.web.conftest import Desk


@pytest.fixture
def live(desk: Desk) -> Desk:
    """The same site with a relay, three readers and a second post."""
    for name in ("ann", "bo", "cy"):
        subscribing.add(
            desk.site.store, f"{name}@example.net", consent="yes", source="test", now=clock.now()
        )
    desk.folder.post("sleep/02-rest.md", "Rest by day")
    use_relay(desk.folder)
    return desk


def _served(desk: Desk) -> Any:
    """Serve the site as it is configured by now."""
    from tests.servers import visited  # noqa: PLC0415 - not every test needs a second server

    return visited(desk.folder, clock.now)


def _edition(site: Site) -> Edition:
    with site.store.read() as tx:
        return editions.read_all(tx)[-1]


def _buttons(reply: httpx.Response) -> list[str]:
    page: Any = html.fromstring(reply.text)
    return [
        one.text_content().strip() for one in page.cssselect("main .acts button, .acts .button")
    ]


def _said(reply: httpx.Response) -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(one.text_content().strip() for one in page.cssselect(".said"))


def _sign_in(desk: Desk, client: httpx.Client, *roles: Role) -> None:
    from publisher import staffing  # noqa: PLC0415

    who = desk.add("Grey", *(roles or Role))
    client.headers["Sec-Fetch-Site"] = "same-origin"
    token = staffing.make_link(desk.site.store, who, now=clock.now())
    assert client.post(f"/console/link/{token}").status_code == 303


def _make_draft(desk: Desk) -> Site:
    """Draft the edition of a slot that comes within the hour."""
    at = clock.now() + timedelta(minutes=50)
    desk.folder.configure(
        digests__weekly=f'title = "Weekly letter"\ntimezone = "UTC"\n'
        f'schedule = "every day at {at:%H:%M}"\napproval = "required"'
    )
    site = desk.folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, deliver_too=False)
    return site


def test_a_draft_is_scheduled_as_it_was_seen(live: Desk) -> None:
    """The page before says subject, sender, number and time; approved, it says no one was emailed."""
    site = _make_draft(live)
    draft = _edition(site)
    path = f"/console/editions/{draft.id}"
    with _served(live) as client:
        _sign_in(live, client)
        shown = client.get(path)
        check = client.get(f"{path}/do/approve")
        sha256 = re.search(r'name="sha256" value="(\w{64})"', check.text)
        assert sha256
        done = client.post(f"{path}/do/approve", data={"sha256": sha256[1]})
        after = client.get(path)

    assert draft.state is EditionState.DRAFT
    assert _buttons(shown) == ["Schedule 3 emails", "Hold 3 emails back", "Cancel 3 emails"]
    assert heading(check) == "Schedule 3 emails?"
    assert "letters@example.org" in check.text and "Weekly letter: Worry at night" in check.text
    assert done.status_code == 303
    assert _said(after).startswith("Approved. No one was emailed yet. It goes on ")
    approved = _edition(site)
    assert (approved.state, approved.approved_by) == (EditionState.SCHEDULED, "Grey")


def test_what_changed_since_it_was_seen_is_not_approved(live: Desk) -> None:
    """An edit between the look and the press voids it: nothing is approved, and it is said."""
    site = _make_draft(live)
    path = f"/console/editions/{_edition(site).id}"
    with _served(live) as client:
        _sign_in(live, client)
        check = client.get(f"{path}/do/approve")
        sha256 = re.search(r'name="sha256" value="(\w{64})"', check.text)
        assert sha256
        live.folder.post("sleep/01-worry.md", "Worry by night, edited")
        done = client.post(f"{path}/do/approve", data={"sha256": sha256[1]})

    assert done.status_code == 409
    assert "one that changed since" in problems(done)
    assert "publisher edition" not in problems(done)
    assert _edition(site).state is EditionState.DRAFT


def test_an_edition_is_held_released_and_cancelled(live: Desk) -> None:
    """Each act is said with what did not happen, and stands in the edition's history."""
    site = _make_draft(live)
    path = f"/console/editions/{_edition(site).id}"
    said = []
    with _served(live) as client:
        _sign_in(live, client)
        for act in ("hold", "hold", "release", "cancel"):
            client.post(f"{path}/do/{act}")
            said.append(_said(client.get(path)))
        asked = client.get(f"{path}/do/cancel")
        history: Any = html.fromstring(client.get(path).text)

    assert said[0] == "Held. No one was emailed."
    assert said[1].startswith("Nothing was changed: weekly/1 is held (staff)")
    assert said[2].startswith("Released. It follows its posts until it goes. It goes on ")
    assert said[3] == "Cancelled. No one was emailed."
    assert "Cancel" not in heading(asked)  # there is nothing left to cancel
    verbs = [row[2].text for row in history.cssselect("tbody tr") if len(row) == 4]
    assert verbs == ["cancel", "release", "hold"]


def test_cancelling_is_asked_once_more(live: Desk) -> None:
    """Before it is done the page says who will not get it, and that its posts are new again."""
    site = _make_draft(live)
    with _served(live) as client:
        _sign_in(live, client)
        asked = client.get(f"/console/editions/{_edition(site).id}/do/cancel")

    assert heading(asked) == "Cancel 3 emails?"
    assert "3 people will not get it. No one was emailed." in asked.text
    assert _edition(site).state is EditionState.DRAFT


def _send_some(live: Desk, script: list[Any]) -> Site:
    site = live.folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False)
    send(site, clock.now(), MemoryTransport(script))
    return site


def test_a_result_tells_numbers_reasons_and_nobody(live: Desk) -> None:
    """Accepted, refused with a plain reason, uncertain: each with its number, and no address."""
    live.folder.configure(
        mail='transport = "smtp"\nfrom = "Letters <letters@example.org>"\nuncertain = "hold"'
    )
    gone = Rejected(
        code=550, enhanced="5.1.1", reply="5.1.1 <bo@example.net> unknown", phase=Phase.RCPT
    )
    site = _send_some(live, [gone, Uncertain(reply="fell silent")])
    edition = _edition(site)
    path = f"/console/editions/{edition.id}"
    with _served(live) as client:
        _sign_in(live, client)
        shown = client.get(path)
        given = client.get(f"{path}/result.csv")
        check = client.get(f"{path}/do/resolve")
        client.post(f"{path}/do/resolve", data={"as": "accepted"})
        after = client.get(path)
        nonsense = client.post(f"{path}/do/resolve", data={"as": "whatever"})

    page: Any = html.fromstring(shown.text)
    rows = {
        row[0].text_content().strip(): row[1].text_content().strip()
        for row in page.cssselect("tbody tr")
        if row.cssselect(".key")
    }
    assert rows == {"Accepted": "1", "Refused for good": "1", "Uncertain": "1"}
    assert "Address does not exist." in shown.text
    assert "bo@example.net" not in shown.text + given.text
    widths = [float(one.get("width")) for one in page.cssselect("svg.bar rect")]
    assert len(widths) == 3 and sum(widths) == pytest.approx(1000, abs=1)
    assert given.headers["content-disposition"] == 'attachment; filename="weekly-1.csv"'
    assert "weekly/1,accepted,,1" in given.text
    assert "Take 1 email as accepted" in check.text
    assert _said(after) == "1 email taken as accepted. No one was emailed."
    assert nonsense.status_code == 409
    assert _edition(site).state is EditionState.SENT


def test_pausing_and_going_on_tell_the_numbers(live: Desk) -> None:
    """While it goes the page shows how far it is, and each button how many it is about."""
    site = live.folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False)
    path = f"/console/editions/{_edition(site).id}"
    with _served(live) as client:
        _sign_in(live, client)
        going = client.get(path)
        part = client.get(f"{path}/progress")
        client.post(f"{path}/do/pause")
        paused = client.get(path)
        client.post(f"{path}/do/resume")
        resumed = client.get(path)
        refused = client.post(f"{path}/do/hold")

    assert _buttons(going) == ["Pause 3 emails", "Cancel 3 emails"]
    assert 'http-equiv="refresh" content="10"' in going.text
    assert "data-live" in part.text and "<html" not in part.text
    assert _said(paused) == "Paused. 0 of 3 have it, 3 wait."
    assert _buttons(paused) == ["Send the other 3 emails", "Cancel 3 emails"]
    assert _said(resumed).startswith("Resumed. 0 of 3 have it, 3 wait. It goes within a minute.")
    assert refused.status_code == 409
    assert "has not begun to be sent" in problems(refused)


def test_a_letter_is_looked_at_in_every_way(live: Desk) -> None:
    """As it was mailed, by day and night, as text and headers; its frame runs and loads nothing."""
    site = _send_some(live, [])
    path = f"/console/editions/{_edition(site).id}/letters/1"
    with _served(live) as client:
        _sign_in(live, client)
        pages = [client.get(f"{path}{query}") for query in ("", "?view=text", "?view=headers")]
        frame = client.get(f"{path}.html")
        absent = [client.get(f"{path.removesuffix('1')}{n}").status_code for n in ("7", "x", "0")]

    assert heading(pages[0]) == "Weekly letter: Worry at night"
    assert "Rest by day" in pages[1].text
    assert "List-Unsubscribe" in pages[2].text and "102,400" in pages[2].text
    policy = frame.headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "script" not in policy
    assert "frame-ancestors 'self'" in policy
    assert absent == [404, 404, 404]


@pytest.mark.parametrize("name", ["99", "x", "1e3", "-1", "9" * 30])
def test_an_edition_that_is_not_there(desk: Desk, name: str) -> None:
    """Any other address is told to be none."""
    with desk.visit(desk.add("Ann", *Role)) as client:
        reply = client.get(f"/console/editions/{name}")

    assert reply.status_code == 404


def test_every_outcome_has_words() -> None:
    """Whatever a delivery comes to is told in words of its own."""
    from publisher.web.console.editions import STATE_WORDS  # noqa: PLC0415

    assert set(STATE_WORDS) == set(DeliveryState)
    assert len(set(STATE_WORDS.values())) == len(STATE_WORDS)
