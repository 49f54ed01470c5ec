"""One post mailed now, in the console: from its page, with numbers, a minute to undo it, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import html

from publisher import app, staffing, subscribing
from publisher.engine import clock
from publisher.model import EditionState, Role
from publisher.store import editions
from tests.servers import visited
from tests.web.conftest import Desk, heading

if TYPE_CHECKING:
    import httpx

    from publisher.model import Edition

MAIL = "/console/posts/mail/sleep/01-worry.md"
PROOF = "/console/posts/proof/sleep/01-worry.md"


def _join(desk: Desk, *names: str) -> None:
    for name in names:
        subscribing.add(
            desk.site.store, f"{name}@example.net", consent="yes", source="test", now=clock.now()
        )


def _went(desk: Desk) -> None:
    """Send the first edition to two readers, into the outbox; two more come after it."""
    _join(desk, "ann", "bo")
    app.publish_once(desk.site, now=clock.now(), clock=clock.now, digest="weekly")
    _join(desk, "cy", "di")


def _editions(desk: Desk) -> list[Edition]:
    with desk.site.store.read() as tx:
        return editions.read_all(tx)


def _text(reply: httpx.Response, selector: str) -> list[str]:
    page: Any = html.fromstring(reply.text)
    return [" ".join(one.text_content().split()) for one in page.cssselect(selector)]


def _form(reply: httpx.Response) -> dict[str, str]:
    page: Any = html.fromstring(reply.text)
    return {one.get("name"): one.get("value") for one in page.cssselect("main form.acts input")}


def test_from_a_posts_page_to_its_edition_and_back(desk: Desk) -> None:
    """The pages say to how many and who has it; pressed twice it is one; cancelled, nobody is mailed."""
    _went(desk)
    with (
        desk.visit(desk.add("Grey", Role.PUBLISHER)) as client,
        desk.visit(desk.add("Bo", Role.PUBLISHER)) as other,
    ):
        proof, check = client.get(PROOF), client.get(MAIL)
        sent = client.post(MAIL, data=_form(check))
        edition = client.get(sent.headers["location"])
        again = other.post(MAIL, data=_form(check))
        told = other.get(again.headers["location"])
        waits = client.get(MAIL)
        made = _editions(desk)
        where = sent.headers["location"].partition("?")[0]
        client.post(f"{where}/do/cancel")
        over = client.get(where)
        anew = client.get(MAIL)

    assert "Mail this post now" in _text(proof, ".acts a")
    assert heading(check) == "Send 2 emails in 1 minute?"
    assert _text(check, "button")[-1] == "Send 2 emails in 1 minute"
    facts = dict(zip(_text(check, ".facts dt"), _text(check, ".facts dd"), strict=True))
    assert facts["Subject"] == "Weekly letter: Worry at night"
    assert facts["To"] == "2 people who get Weekly letter"
    assert facts["Not to"] == "2 have it already."
    assert _text(edition, ".said") == [
        "It goes in 1 minute. Until then it can be cancelled, and no one was emailed."
    ]
    assert _text(edition, ".acts button, .acts .button") == [
        "Hold 2 emails back",
        "Cancel 2 emails",
    ]
    assert again.headers["location"].partition("?")[0] == where
    assert "Nothing was added, and nobody gets it twice." in _text(told, ".said")[0]
    assert heading(waits) == "It is on its way already"
    assert [(one.name, one.state) for one in made] == [
        ("weekly/1", EditionState.SENT),
        ("weekly/2", EditionState.SCHEDULED),
    ]
    assert over.status_code == 200
    assert _editions(desk)[-1].state is EditionState.CANCELLED
    assert heading(anew) == "Send 2 emails in 1 minute?"


def test_what_cannot_go_is_said_and_nothing_is_made(desk: Desk) -> None:
    """To nobody, a draft, another text than the one looked at, a stranger; authors see no button."""
    desk.folder.post("draft.md", "Not yet", draft="true")
    with (
        desk.visit(desk.add("Grey", Role.PUBLISHER)) as client,
        desk.visit(desk.add("Writer", Role.AUTHOR)) as author,
    ):
        nobody = client.get(MAIL)
        draft = client.get("/console/posts/mail/draft.md")
        button = client.get("/console/posts/proof/draft.md")
        stranger = client.get("/console/posts/mail/none.md")
        other_digest = client.get(f"{MAIL}?digest=none")
        _join(desk, "ann")
        changed = client.post(MAIL, data={"digest": "weekly", "sha256": "0" * 64})
        theirs = author.get(PROOF)

    assert (nobody.status_code, heading(nobody)) == (200, "Nobody would get it")
    assert heading(draft) == "It cannot be mailed"
    assert "Nothing was made, and no one was emailed." in _text(draft, ".lede")[0]
    assert "Mail this post now" not in button.text + theirs.text
    assert (stranger.status_code, other_digest.status_code) == (404, 404)
    assert changed.status_code == 409
    assert "it was changed since" in changed.text
    assert _editions(desk) == []


def test_of_several_digests_one_is_chosen_and_in_a_trial_staff_are_counted(desk: Desk) -> None:
    """Each choice says how many get it; the page of the chosen one has the button."""
    desk.folder.configure(
        mail="trial = true",
        digests__monthly='title = "Monthly letter"\nschedule = "1. of the month at 07:30"',
    )
    site = desk.folder.open()
    _join(desk, "ann", "bo", "cy")
    staffing.add(site.store, "ann@example.net", name="Ann", roles=[], by="test", now=clock.now())
    grey = desk.add("Grey", Role.PUBLISHER)
    with (
        visited(desk.folder, clock.now) as bare,
        Desk(folder=desk.folder, site=site, url=str(bare.base_url)).visit(grey) as client,
    ):
        choice = client.get(MAIL)
        check = client.get(f"{MAIL}?digest=monthly")
        sent = client.post(MAIL, data=_form(check))

    assert heading(choice) == "Whose readers get it?"
    assert _text(choice, ".choice") == [
        "Weekly letter 1 person gets it.",
        "Monthly letter 1 person gets it.",
    ]
    assert _text(check, ".trial") == ["Trial: 1 of 3 would get this. No one else is emailed."]
    assert heading(check) == "Send 1 email in 1 minute?"
    assert sent.status_code == 303
    assert [(one.name, one.trial) for one in _editions(desk)] == [("monthly/1", True)]
