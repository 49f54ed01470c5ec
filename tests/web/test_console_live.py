"""Going live in the console: what is ready, the act and the way back, what a trial tells visitors."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import app, subscribing
from publisher.engine import clock
from publisher.model import Role
from publisher.store import schema, subscribers
from tests.servers import visited
from tests.web.conftest import Desk, heading, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.conftest import Folder

LIVE = "/console/settings/live"
READY = 'postal_address = "1 River Road"\nurl = "https://news.riverside-letters.org"'


@pytest.fixture
def trying(folder: Folder) -> Iterator[Desk]:
    """A site on trial with one post and two readers."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.configure(mail='trial = true\nfrom = "Letters <letters@riverside-letters.org>"')
    folder.run("build")
    with visited(folder, clock.now) as client:
        site = folder.open()
        for name in ("grey", "bo"):
            subscribing.add(
                site.store, f"{name}@example.org", consent="yes", source="test", now=clock.now()
            )
        yield Desk(folder=folder, site=site, url=str(client.base_url))


def _text(reply: httpx.Response, selector: str = "main") -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(" ".join(one.text_content().split()) for one in page.cssselect(selector))


def test_a_trial_is_told_wherever_something_is_sent(trying: Desk) -> None:
    """Today, the digest and the page that schedules say of how many; the button says how many."""
    with trying.visit(trying.add("Grey", *Role)) as client:
        shown = [
            client.get(f"/console/{path}")
            for path in ("", "digests/weekly", "digests/weekly/send")
        ]
        made = client.post("/console/digests/weekly/send").headers["location"]
        edition = client.get(made)
        stranger = client.post("/console/digests/weekly/test", data={"address": "bo@example.org"})

    told = "Trial: 1 of 2 would get this. No one else is emailed."
    assert [told in _text(one) for one in shown] == [True] * 3
    assert "Schedule 1 email" in _text(shown[2], "button")
    assert told in _text(edition)
    assert stranger.status_code == 422 and "in a trial only staff" in problems(stranger)


def test_an_admin_goes_live_and_back(trying: Desk) -> None:
    """What is missing is told with what mends it; with all of it there the trial ends, and begins."""
    admin, author = trying.add("Grey", *Role), trying.add("Bo", Role.AUTHOR)
    with trying.visit(admin) as client:
        before = client.get(LIVE)
        refused = client.post(LIVE)
        no_test = client.post(f"{LIVE}/arrived")
    with trying.visit(author) as client:
        looked, may_not = client.get(LIVE), client.post(LIVE)
    trying.folder.configure(
        site=f"{trying.folder.settings['site']}\n{READY}",
        mail=f'{trying.folder.settings["mail"]}\ntransport = "smtp"',
        mail__smtp='host = "127.0.0.1"\nport = 9\nsecurity = "none"',
    )
    with visited(trying.folder, clock.now) as fresh:
        now_ready = Desk(folder=trying.folder, site=trying.site, url=str(fresh.base_url))
        with now_ready.visit(admin) as client:
            ready = client.get(LIVE)
            gone = client.post(LIVE)
            live = client.get(gone.headers["location"])
            today = client.get("/console/")
            back = client.get(client.post(f"{LIVE}/back").headers["location"])

    assert heading(before) == "3 things to do before going live"
    assert "Set postal_address in [site]." in _text(before)
    assert refused.status_code == 409 and "the postal address" in problems(refused)
    assert no_test.status_code == 409
    assert "An admin goes live." in _text(looked) and may_not.status_code == 403
    assert heading(ready) == "Ready to go live"
    assert heading(live).startswith("Live since ") and "Grey went live" in _text(live)
    assert "trial" not in _text(today).lower()
    assert heading(back) == "Ready to go live"


def test_who_did_not_show_lately_that_it_is_they_is_asked_first(trying: Desk) -> None:
    """Going live is among the acts that need a proof."""
    with trying.visit(trying.add("Grey", *Role)) as client:
        with trying.site.store.write() as tx:
            long_ago = clock.now() - timedelta(hours=1)
            tx.execute(schema.sessions.update().values(proved_at=long_ago))
        led = [client.post(path).headers["location"] for path in (LIVE, f"{LIVE}/back")]

    assert led == [f"/console/prove?next={LIVE}"] * 2


def test_visitors_are_told_the_same_whoever_they_are(trying: Desk) -> None:
    """The form says that only staff are mailed; its answer is one for staff and for strangers."""
    trying.add("Grey", Role.ADMIN)
    with trying.visit() as client:
        form = client.get("/subscribe")
        stamp = subscribing.stamp_form(trying.site.store, now=clock.now() - timedelta(minutes=1))
        answers = [
            client.post("/subscribe", data={"email": email, "time": stamp})
            for email in ("zoe@example.org", "grey@example.org")
        ]

    said = [
        _text(one).replace("zoe", "").replace("z•••", "•••").replace("g•••", "•••")
        for one in answers
    ]
    assert "mails its own staff alone until it opens" in _text(form)
    assert "waits for that, 7 days at most." in said[0]
    assert said[0] == said[1]


def test_suppressions_are_found_by_address_or_fingerprint(
    desk: Desk,
) -> None:
    """A whole address or the beginning of its hash; what is neither is told, nothing is guessed."""
    with desk.site.store.write() as tx:
        facts = [(f"{number:064x}", "cleaned", "old list") for number in range(70)]
        subscribers.suppress(tx, facts, now=clock.now())
    subscribing.suppress_address(
        desk.site.store, "zoe@example.org", evidence="letter", now=clock.now()
    )
    path = "/console/subscribers/suppressions/search"
    with desk.visit(desk.add("Grey", *Role)) as client:
        found = client.post(path, data={"text": "Zoe@Example.org"})
        nobody = client.post(path, data={"text": "bo@example.org"})
        many = client.post(path, data={"text": "0" * 62})
        wrong = client.post(path, data={"text": "zoe"})

    assert "letter" in _text(found, "tbody") and "This stands against it." in _text(found)
    assert "it may be mailed" in _text(nobody)
    assert len(html.fromstring(many.text).cssselect("tbody tr")) == 50
    assert wrong.status_code == 422


def test_the_tour_is_hidden_by_each_for_themselves(desk: Desk) -> None:
    """Hidden it stays hidden, in every browser of that person; on their own page it comes back."""
    ann, bo = desk.add("Ann", *Role), desk.add("Bo")
    with desk.visit(ann) as client:
        there = _text(client.get("/console/"), ".tour li")
        client.post("/console/tour")
        hidden = client.get("/console/")
    with desk.visit(bo) as client:
        other = client.get("/console/")
    with desk.visit(ann) as client:
        still = client.get("/console/")
        account = client.get("/console/account")
        client.post("/console/account/tour")
        again = client.get("/console/")

    steps = ("Read a sample post", "See the next digest", "Send yourself a test", "Connect a mail")
    assert all(one in there for one in steps)
    assert [bool(_text(one, ".tour")) for one in (hidden, other, still, again)] == [
        False,
        True,
        False,
        True,
    ]
    assert "Nothing leaves this machine yet" in _text(hidden)
    assert "Show the tour again" in _text(account)


def test_the_next_edition_is_scheduled_for_its_own_time(desk: Desk) -> None:
    """Chosen so, it is fixed as it is now and goes when the digest would have gone."""
    subscribing.add(
        desk.site.store, "bo@example.net", consent="yes", source="test", now=clock.now()
    )
    with desk.visit(desk.add("Grey", *Role)) as client:
        made = client.post("/console/digests/weekly/send", data={"when": "slot"})
        shown = client.get(made.headers["location"])
    (edition,) = app.list_editions(desk.site)

    assert str(edition.state) == "scheduled" and edition.approved_by == "Grey"
    assert not edition.slot.startswith("now:")
    assert "Until then it can be cancelled" in _text(shown, ".said")
