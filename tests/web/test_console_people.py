"""Subscribers and settings in the console: found, known, added, taken in, given out, masked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import app
from publisher.engine import clock
from publisher.model import Role
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.web.conftest import Desk

PEOPLE = "/console/subscribers"


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """Somebody who may do everything, before a list of two."""
    with desk.visit(desk.add("Grey", *Role)) as one:
        for name in ("anna", "bo"):
            one.post(
                f"{PEOPLE}/add",
                data={"address": f"{name}@example.net", "consent": "asked at the desk"},
            )
        one.get(PEOPLE)  # what was said is heard
        yield one


def _text(reply: httpx.Response, selector: str = "main") -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(" ".join(" ".join(one.itertext()).split()) for one in page.cssselect(selector))


def test_people_are_added_with_how_they_agreed(client: httpx.Client) -> None:
    """Consent is demanded and kept; who is on the list already stays as they are; it is in the trail."""
    without = client.post(f"{PEOPLE}/add", data={"address": "cy@example.net", "consent": " "})
    again = client.post(f"{PEOPLE}/add", data={"address": "Anna@Example.net", "consent": "x"})
    said = _text(client.get(again.headers["location"]), ".said")
    anna = client.get(f"{PEOPLE}/1")
    trail = _text(client.get("/console/settings/trail"))

    assert without.status_code == 422
    assert "how this person agreed" in problems(without)
    assert said == "They are on the list already."
    assert "“asked at the desk”, staff: Grey" in _text(anna)
    assert "Grey add subscriber anna@example.net" in trail


def test_people_are_found_by_a_piece_of_their_address(client: httpx.Client) -> None:
    """The piece travels in no address of ours; its signs mean themselves."""
    found = client.post(f"{PEOPLE}/search", data={"piece": "ANN"})
    none = client.post(f"{PEOPLE}/search", data={"piece": "%"})

    assert heading(found) == "2 people on the list"
    assert "anna@example.net" in _text(found, "tbody") and "bo@" not in _text(found, "tbody")
    assert "address has that in it." in _text(none)


def test_one_person_is_known_whole(desk: Desk, client: httpx.Client) -> None:
    """What they get, agreed to and were sent; another number is nobody."""
    app.publish_once(desk.site, now=clock.now(), clock=clock.now, digest="weekly")
    anna = _text(client.get(f"{PEOPLE}/1"))

    assert "Gets every digest." in anna
    assert re.search(r"weekly/1 Weekly letter: Worry at night .* accepted", anna)
    assert [client.get(f"{PEOPLE}/{n}").status_code for n in ("99", "x", "9" * 30)] == [404] * 3


def test_a_list_is_tried_before_it_is_taken_in(client: httpx.Client) -> None:
    """A trial says what would come and changes nothing; taken in, who left is never mailed."""
    data = (
        b"email,state,confirmed_at\ncy@example.net,active,2026-01-02T10:00:00Z\n"
        b"gone@example.net,unsubscribed,\n"
    )
    files = {"list": ("list.csv", data, "text/csv")}
    client.post(f"{PEOPLE}/import", data={"trial": "1"}, files=files)
    trial = client.get(PEOPLE)
    client.post(f"{PEOPLE}/import", files=files)
    taken = client.get(PEOPLE)
    unproven = client.post(
        f"{PEOPLE}/import", files={"list": ("x.csv", b"email\ndi@example.net\n", "text/csv")}
    )
    nothing = client.post(f"{PEOPLE}/import")

    assert "Would add 1;" in _text(trial, ".said") and "Nothing was changed." in _text(trial)
    assert heading(trial) == "2 people on the list"
    assert heading(taken) == "3 people on the list"
    assert "1 who left" in _text(taken, ".said")
    assert "a confirmation time, or how they agreed" in problems(unproven)
    assert nothing.status_code == 422


def test_who_must_not_be_mailed_is_told_with_the_proof(desk: Desk, client: httpx.Client) -> None:
    """Staff's own word can be taken back; a person's will cannot."""
    client.post(
        "/console/suppressions", data={"address": "anna@example.net", "evidence": "wrote to us"}
    )
    shown = client.get("/console/suppressions")
    hashed = re.search(r'name="hash" value="(\w{64})"', shown.text)
    assert hashed
    anna = _text(client.get(f"{PEOPLE}/1"))
    client.post("/console/suppressions/release", data={"hash": hashed[1]})
    released = client.get("/console/suppressions")
    with desk.site.store.write() as tx:
        from publisher.store import subscribers  # noqa: PLC0415 - only here

        subscribers.suppress(tx, [("a" * 64, "complained", "a report")], now=clock.now())
    kept = client.get("/console/suppressions")
    refused = client.post("/console/suppressions/release", data={"hash": "a" * 64})

    assert "anna@example.net staff Grey: wrote to us" in _text(shown, "tbody")
    assert "Never mailed: staff." in anna
    assert "0 people never mailed" in _text(released)
    assert "Take back" not in _text(kept, "tbody")
    assert refused.status_code == 422
    assert "Only the person can come back" in problems(refused)


def test_the_list_is_given_to_admins_and_it_is_noted(desk: Desk, client: httpx.Client) -> None:
    """Everyone as CSV, for whoever just proved who they are; the trail says who took it."""
    given = client.post(f"{PEOPLE}/export")
    trail = _text(client.get("/console/settings/trail"), "tbody tr:first-child")
    with desk.visit(desk.add("Bo", Role.PUBLISHER)) as other:
        refused = other.post(f"{PEOPLE}/export")

    assert given.headers["content-disposition"] == 'attachment; filename="subscribers.csv"'
    assert "anna@example.net" in given.text
    assert "Grey export" in trail
    assert refused.status_code == 403


def test_settings_are_told_with_their_source_and_no_secret(
    desk: Desk, client: httpx.Client
) -> None:
    """Each key with its value and where it comes from; of secrets their place alone."""
    desk.folder.configure(
        mail__smtp='username = "letters"\npassword = { env = "SECRET_OF_OURS" }',
        alerts='webhook = "https://hooks.example/token-of-ours"',
    )
    rows = {one.key: one for one in app.list_settings(desk.folder.open())}
    shown = client.get("/console/settings/config")

    assert rows["digests.weekly.title"].value == "Weekly letter"
    assert rows["digests.weekly.title"].source == "config.toml"
    assert rows["mail.transport"].source == "default"
    assert rows["mail.smtp.password"].value == "env: SECRET_OF_OURS"
    assert rows["alerts.webhook"].value == "••••"
    assert "site.name" in _text(shown)


def test_what_is_wrong_is_told_with_the_fix(desk: Desk, client: httpx.Client) -> None:
    """A post that does not load is named with its line; in order, it is said to be."""
    before = client.get("/console/settings/health")
    (desk.folder.path / "posts" / "broken.md").write_text("---\ntitle: [\n---\nx\n", "utf-8")
    after = client.get("/console/settings/health")

    assert "Everything is in order" in _text(before) or "to look at" in _text(before)
    assert "broken.md" in _text(after)
