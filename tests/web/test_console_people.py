"""Subscribers in the console: found, seen whole, added, taken off, taken in, given out; and upkeep."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from publisher import app, subscribing
from publisher.engine import clock
from publisher.model import Role
from publisher.store import people as store_people
from publisher.store import subscribers
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.web.conftest import Desk

LIST = "/console/subscribers"
ANNA, BEN = "anna@example.org", "ben@example.net"


def _add(desk: Desk, *addresses: str) -> None:
    for one in addresses:
        subscribing.add(desk.site.store, one, consent="at the desk", source="t", now=clock.now())


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """Somebody with every role, on a site where Anna and Ben get letters."""
    _add(desk, ANNA, BEN)
    with desk.visit(desk.add("Grey", *Role)) as one:
        yield one


def _text(reply: httpx.Response) -> str:
    page: Any = html.fromstring(reply.text)
    return " ".join(page.text_content().split())


def _said(client: httpx.Client, reply: httpx.Response) -> str:
    """Return what the page says to which an act led."""
    assert reply.status_code == 303, reply.text
    page: Any = html.fromstring(client.get(reply.headers["location"]).text)
    return " ".join(page.cssselect(".said")[0].text_content().split())


def _trail(desk: Desk) -> list[tuple[str, str, str, str]]:
    with desk.site.store.read() as tx:
        from publisher.store import trail  # noqa: PLC0415 - only here

        return [
            (one.by, one.verb, one.subject, one.detail) for one in trail.read_trail(tx, limit=9)
        ]


def _listed(reply: httpx.Response) -> list[str]:
    page: Any = html.fromstring(reply.text)
    return [one.text_content() for one in page.cssselect("tbody th a")]


# ----------------------------------------------------------------------------------------- finding


def test_one_finds_by_an_address_or_by_how_it_begins(desk: Desk, client: httpx.Client) -> None:
    """A whole address leads to its person, a beginning to all that begin so, and no link has it."""
    _add(desk, "annabel@example.org", "100%@example.org", "a_n@example.org")

    exact = client.post(f"{LIST}/search", data={"text": " ANNA@Example.org "})
    some = client.post(f"{LIST}/search", data={"text": "ANNA"})
    wild = [client.post(f"{LIST}/search", data={"text": text}) for text in ("1%", "a_", "zz")]
    short = client.post(f"{LIST}/search", data={"text": "a"})

    assert exact.headers["location"] == f"{LIST}/1"
    assert _listed(some) == [ANNA, "annabel@example.org"]
    assert [one.status_code for one in wild] == [200, 303, 200]
    assert "address begins so." in _text(wild[2])
    assert short.status_code == 422
    assert "at least 2 letters" in problems(short)


def test_a_list_is_shown_fifty_at_a_time(desk: Desk, client: httpx.Client) -> None:
    """The newest come first; a search goes on after its last; all are reached and none twice."""
    _add(desk, *(f"many{number:03}@example.org" for number in range(120)))

    first = _listed(client.get(LIST))
    older = _listed(client.get(f"{LIST}?before=72"))
    pages, after = [], ""
    while True:
        reply = client.post(f"{LIST}/search", data={"text": "many", "after": after})
        pages.append(_listed(reply))
        more: Any = html.fromstring(reply.text).cssselect("input[name=after]")
        if not more:
            break
        after = more[0].get("value")

    assert (len(first), first[0], older[0]) == (50, "many119@example.org", "many068@example.org")
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len({one for page in pages for one in page}) == 120


def test_a_person_is_shown_whole(desk: Desk, client: httpx.Client) -> None:
    """Proof of consent, choices and the letters that went stand on one page."""
    app.publish_once(desk.site, now=clock.now(), clock=clock.now, digest="weekly")

    shown = client.get(f"{LIST}/1")

    assert heading(shown) == ANNA
    text = _text(shown)
    assert "They get letters." in text
    assert "at the desk" in text and "every one: they chose none" in text
    assert "weekly/1" in text and "accepted rehearsal" in text
    assert client.get(f"{LIST}/77").status_code == 404
    assert client.get(f"{LIST}/1x").status_code == 404


def test_authors_and_reviewers_see_no_address(desk: Desk, client: httpx.Client) -> None:
    """No page of subscribers is theirs, the menu does not lead there, and publishers do not export."""
    with desk.visit(desk.add("Wren", Role.AUTHOR, Role.REVIEWER)) as other:
        menu = other.get("/console/").text
        refused = [
            other.get(f"{LIST}/1"),
            other.get(LIST),
            other.post(f"{LIST}/search", data={"text": ANNA}),
        ]
    with desk.visit(desk.add("Pat", Role.PUBLISHER)) as publisher:
        seen = publisher.get(f"{LIST}/1")
        export = publisher.post(f"{LIST}/export")

    assert "Subscribers" not in menu and "Subscribers" in client.get("/console/").text
    assert [one.status_code for one in refused] == [403, 403, 403]
    assert not [one for one in refused if ANNA in one.text]
    assert (seen.status_code, export.status_code) == (200, 403)


# ------------------------------------------------------------------------------------------ acting


def test_adding_keeps_the_proof_and_says_what_did_not_happen(
    desk: Desk, client: httpx.Client
) -> None:
    """Consent is needed; a known address stays as it is; the trail names who, without the address."""
    form = {"address": "cara@example.org", "how": "agreed", "consent": ""}

    bare = client.post(f"{LIST}/add", data=form)
    added = client.post(f"{LIST}/add", data=form | {"consent": "by telephone, 3 March"})
    said = _said(client, added)
    again = _said(client, client.post(f"{LIST}/add", data=form | {"consent": "other words"}))
    wrong = client.post(f"{LIST}/add", data=form | {"address": "no address"})
    asked = client.post(f"{LIST}/add", data={"address": "dan@example.org", "how": "confirm"})

    assert bare.status_code == 422 and "how this person agreed" in problems(bare)
    assert 'value="cara@example.org"' in bare.text
    assert said == "Added. They get the next letter; no one was emailed."
    assert again == "They were on the list already. Nothing was changed."
    assert wrong.status_code == 422
    assert "until they confirm" in _said(client, asked)
    shown = _text(client.get(added.headers["location"]))
    assert "by telephone, 3 March" in shown and "other words" not in shown
    assert ("Grey", "add", "subscriber:3", "") in _trail(desk)


def test_at_their_word_a_person_is_taken_off_for_good(desk: Desk, client: httpx.Client) -> None:
    """It needs to be said how they asked; it is their own will then, which staff do not take back."""
    bare = client.post(f"{LIST}/1/unsubscribe", data={"evidence": " "})
    done = client.post(f"{LIST}/1/unsubscribe", data={"evidence": "by letter, 3 March"})
    said = _said(client, done)
    again = _said(client, client.post(f"{LIST}/1/unsubscribe", data={"evidence": "again"}))
    shown = client.get(f"{LIST}/1")
    with desk.site.store.read() as tx:
        (fact,) = store_people.read_suppressions(tx, limit=5)
    lifted = client.post(f"{LIST}/suppressions/lift", data={"hash": fact.address_hash})
    back = client.post(f"{LIST}/add", data={"address": ANNA, "how": "agreed", "consent": "yes"})

    assert bare.status_code == 422
    assert said.startswith("Unsubscribed. No letter that has not begun goes to them")
    assert again == "They had left already, so nothing changed for them."
    assert "by letter, 3 March" in _text(shown) and "their own will" in _text(shown)
    assert lifted.status_code == 409
    assert back.status_code == 422 and "one that left" in problems(back)
    assert [one[:3] for one in _trail(desk) if one[1] == "unsubscribe"] == [
        ("Grey", "unsubscribe", "subscriber:1")
    ]


def test_a_suppression_has_evidence_and_is_lifted_where_it_is_nobodys_will(
    desk: Desk, client: httpx.Client
) -> None:
    """Known or not, an address is not mailed until staff take it back; the trail has its hash only."""
    bare = client.post(f"{LIST}/suppressions", data={"address": "zoe@example.org"})
    new = client.post(
        f"{LIST}/suppressions", data={"address": "zoe@example.org", "evidence": "letter, 3 March"}
    )
    said = _said(client, new)
    known = client.post(f"{LIST}/2/suppress", data={"evidence": "asked by their doctor"})
    shown = client.get(f"{LIST}/suppressions")
    person = client.get(f"{LIST}/2")
    hashed = html.fromstring(person.text).cssselect("input[name=hash]")[0].get("value")
    lifted = client.post(f"{LIST}/suppressions/lift", data={"hash": hashed, "person": "2"})
    twice = client.post(f"{LIST}/suppressions/lift", data={"hash": hashed})

    assert bare.status_code == 422 and 'value="zoe@example.org"' in bare.text
    assert "Nobody mails this address any more" in said
    assert "letter, 3 March" in shown.text and "not on the list" in shown.text
    assert known.headers["location"] == lifted.headers["location"] == f"{LIST}/2"
    assert "They get nothing: staff said so." in _text(person)
    assert "They get letters." in _text(client.get(f"{LIST}/2"))
    assert twice.status_code == 404
    acts = [one for one in _trail(desk) if one[1] in {"suppress", "release"}]
    assert [one[:2] for one in acts] == [
        ("Grey", "release"),
        ("Grey", "suppress"),
        ("Grey", "suppress"),
    ]
    assert not [one for one in acts if "@" in "".join(one)]


def test_suppressions_are_shown_fifty_at_a_time(desk: Desk, client: httpx.Client) -> None:
    """Those of one moment too are each shown once."""
    with desk.site.store.write() as tx:
        facts = [(f"{number:064x}", "cleaned", "old list") for number in range(70)]
        subscribers.suppress(tx, facts, now=clock.now())
        subscribers.suppress(tx, [("f" * 64, "cleaned", "")], now=clock.now() - timedelta(days=1))

    first = client.get(f"{LIST}/suppressions")
    page: Any = html.fromstring(first.text)
    (link,) = page.xpath("//a[text()='Older']")
    second: Any = html.fromstring(client.get(link.get("href")).text)

    codes = [one.text_content() for half in (page, second) for one in half.cssselect("tbody code")]
    assert len(codes) == len(page.cssselect("tbody tr")) + len(second.cssselect("tbody tr")) == 71
    assert codes[-1] == "f" * 12


def test_erasing_and_exporting_ask_for_the_password_again(
    desk: Desk, client: httpx.Client
) -> None:
    """A session that proved itself long ago is asked before anything is shown or done."""
    with desk.site.store.write() as tx:
        from publisher.store.schema import sessions  # noqa: PLC0415 - only here

        old = clock.now() - timedelta(hours=2)
        tx.execute(sessions.update().values(proved_at=old))

    led = [
        client.get(f"{LIST}/1/erase"),
        client.post(f"{LIST}/1/erase"),
        client.get(f"{LIST}/export"),
        client.post(f"{LIST}/export"),
        client.post("/console/settings/backups/backup-20260101T000000Z.sqlite3"),
    ]

    assert [one.headers["location"].partition("?")[0] for one in led] == ["/console/prove"] * 5
    assert client.get(f"{LIST}/1").status_code == 200


def test_an_erased_person_is_gone_and_stays_away(desk: Desk, client: httpx.Client) -> None:
    """Nothing of theirs is found any more, and no list or hand brings them back."""
    asked = client.get(f"{LIST}/1/erase")
    said = _said(client, client.post(f"{LIST}/1/erase"))
    gone = client.get(f"{LIST}/1")
    back = client.post(f"{LIST}/add", data={"address": ANNA, "how": "agreed", "consent": "yes"})

    assert heading(asked) == f"Erase {ANNA}?"
    assert said.startswith("Erased.")
    assert gone.status_code == 404
    assert back.status_code == 422
    assert _trail(desk)[0] == ("Grey", "erase", "subscriber:1", "")


def test_an_export_reads_back_and_runs_as_no_formula(desk: Desk, client: httpx.Client) -> None:
    """Cells that a spreadsheet would run are guarded; the list is told as taken away in the trail."""
    _add(desk, "=cmd@example.org", "+1@example.org")

    given = client.post(f"{LIST}/export", data={"what": "list"})
    proofs = client.post(f"{LIST}/export", data={"what": "proof"})

    rows = list(csv.DictReader(io.StringIO(given.text)))
    assert [row["email"] for row in rows] == [ANNA, BEN, "'=cmd@example.org", "'+1@example.org"]
    assert given.headers["content-type"] == "text/csv; charset=utf-8"
    assert given.headers["content-disposition"].startswith('attachment; filename="subscribers-')
    assert proofs.text.startswith("address,state,requested_at")
    assert [one[:3] for one in _trail(desk)[:2]] == [
        ("Grey", "export", "list:consents"),
        ("Grey", "export", "list:subscribers"),
    ]


# ------------------------------------------------------------------------------------------ import

SENT = b"Mail,Name,Joined\nEva@example.org,Eva,2026-01-02\nnonsense,X,\nanna@example.org,A,\n"


def _send(client: httpx.Client, data: bytes, name: str = "list.csv") -> httpx.Response:
    return client.post(f"{LIST}/import", files={"list": (name, data, "text/csv")})


def test_a_list_is_taken_in_by_its_columns_after_a_look(desk: Desk, client: httpx.Client) -> None:
    """The guess is shown, staff choose otherwise, the numbers come before the act, the file goes."""
    held = _send(client, SENT).headers["location"]
    page: Any = html.fromstring(client.get(held).text)
    guessed = [one.get("value") for one in page.cssselect("option[selected]")]
    form = {"field": ["email", "", "confirmed_at"], "consent": ""}
    checked = client.post(f"{held}/check", data=form)
    with desk.site.store.read() as tx:
        before = subscribers.count(tx)
    checked_page: Any = html.fromstring(checked.text)
    hidden = [one.get("value") for one in checked_page.cssselect("input[name=field]")]
    done = client.post(held, data=form | {"consent": "at the fair"})
    gone = client.post(held, data=form)

    assert guessed == ["email", "", ""]
    assert heading(checked) == "1 person would be added"
    assert "Add 1 person" in _text(checked) and hidden == form["field"]
    facts = [one.text_content() for one in checked_page.cssselect("dd")]
    assert facts == [
        "0, left as they are",
        "0, kept as do-not-mail",
        "0, who must not be mailed",
        "2",
    ]
    assert before == 2
    assert heading(done) == "1 person added"
    assert "1, left as they are" in _text(done) and "nonsense" in _text(done)
    assert gone.status_code == 404
    assert not list((desk.site.config.paths.state / "imports").iterdir())
    person = subscribing.find_by_address(
        desk.site.store, subscribing.read_address("eva@example.org")
    )
    assert (
        person and person.confirmed_at and person.confirmed_at.date().isoformat() == "2026-01-02"
    )
    by, verb, subject, detail = _trail(desk)[0]
    assert (by, verb) == ("Grey", "import") and subject.startswith("list:")
    assert detail == "1 added, 1 known, 0 do-not-mail, 1 refused"


def test_a_column_without_a_known_name_can_be_the_address(client: httpx.Client) -> None:
    """A list that names no column of addresses comes to the mapping, and says what is missing."""
    held = _send(client, b"who;since\nfay@example.org;\n").headers["location"]

    none = client.post(f"{held}/check", data={"field": ["", ""], "consent": "asked"})
    chosen = client.post(
        f"{held}/check", data={"field": ["email", "nonsense"], "consent": "asked"}
    )

    assert none.status_code == 422 and "a column named email" in problems(none)
    assert 'value="asked"' in none.text
    assert heading(chosen) == "1 person would be added"


def test_who_left_elsewhere_is_kept_as_do_not_mail(desk: Desk, client: httpx.Client) -> None:
    """A column chosen as the time of leaving makes suppressions, never subscribers."""
    held = _send(client, b"email,gone\ngus@example.org,2026-02-02\n").headers["location"]
    form = {"field": ["email", "left_at"], "consent": "asked"}

    checked = client.post(f"{held}/check", data=form)
    client.post(held, data=form)

    assert "Take in 1 do-not-mail fact" in _text(checked)
    assert (
        subscribing.find_by_address(desk.site.store, subscribing.read_address("gus@example.org"))
        is None
    )
    assert [one.reason for one in subscribing.list_suppressions(desk.site.store)] == [
        "unsubscribed"
    ]


def test_an_upload_is_private_and_its_name_is_no_path(desk: Desk, client: httpx.Client) -> None:
    """Whatever a browser calls a file, it lies under a name of ours, for our user alone, for a day."""
    folder = desk.site.config.paths.state / "imports"
    held = _send(client, SENT, "../../../etc/<b>passwd.csv").headers["location"]
    shown = client.get(held)
    files = sorted(folder.iterdir())
    modes = {one.stat().st_mode & 0o777 for one in files}
    for path in ("..%2f..%2fepoch", "a" * 32, "epoch"):
        assert client.get(f"{LIST}/import/{path}").status_code == 404
    removed = _said(client, client.post(f"{held}/forget"))
    app.hold_list(desk.site, "late.csv", SENT, now=clock.now())
    app.hold_list(desk.site, "", SENT, now=clock.now() + timedelta(days=2))
    left = [one.name for one in folder.iterdir()]

    key = held.rpartition("/")[2]
    assert [one.name for one in files] == [f"{key}.csv", f"{key}.json"]
    assert modes == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "&lt;b&gt;passwd.csv" in shown.text and "etc" not in shown.text
    assert removed == "The file is removed. Nobody was added."
    assert len(left) == 2


def test_what_is_no_list_is_refused_at_once(desk: Desk, client: httpx.Client) -> None:
    """Nothing, no file, and no text: each is told, and nothing is kept."""
    replies = [
        client.post(f"{LIST}/import"),
        _send(client, b""),
        _send(client, b"\x00\x01\x02\xff\xfe" * 50),
    ]

    assert [one.status_code for one in replies] == [422] * 3
    assert not (desk.site.config.paths.state / "imports").exists()


# ------------------------------------------------------------------------------------------ upkeep


def test_values_have_their_source_and_no_secret(desk: Desk) -> None:
    """Every key stands there with the line, the variable or the default it comes from."""
    desk.folder.configure(
        mail__smtp='password = { env = "RELAY_WORD" }',
        alerts='webhook = "https://hooks.example.org/T0/secret-part"',
    )
    with desk.visit(desk.add("Grey", *Role)) as client:
        shown = client.get("/console/settings/values")
    with desk.visit(desk.add("Pat", Role.PUBLISHER)) as other:
        refused = other.get("/console/settings/values")

    page: Any = html.fromstring(shown.text)
    rows = {
        row[0].text_content(): [cell.text_content() for cell in row[1:3]]
        for row in page.cssselect("tbody tr")
    }
    assert rows["site.name"] == ['"Riverside Letters"', "line 2"]
    assert rows["mail.smtp.password"][0] == "•••• (env RELAY_WORD)"
    assert rows["alerts.webhook"][0] == "https://hooks.example.org/••••"
    assert rows["digests.weekly.max_posts"] == ["10", "default"]
    assert "secret-part" not in shown.text
    assert "changed since the service started" in shown.text
    assert refused.status_code == 403


def test_a_backup_is_made_listed_and_taken_away(desk: Desk, client: httpx.Client) -> None:
    """It is a database that can be opened, for our user alone; the trail tells who has it."""
    said = _said(client, client.post("/console/settings/backups"))
    (made,) = app.list_backups(desk.site)
    listed = client.get("/console/settings/backups")
    given = client.post(f"/console/settings/backups/{made.name}")
    for name in ("..%2fpublisher.sqlite3", "backup-20260101T000000Z.sqlite3", "epoch"):
        assert client.post(f"/console/settings/backups/{name}").status_code == 404

    assert said.startswith("Made: ") and "read back and checked" in said
    assert heading(listed) == "1 backup here" and made.name in listed.text
    assert given.content == made.file.read_bytes() and given.content[:15] == b"SQLite format 3"
    assert given.headers["content-disposition"] == f'attachment; filename="{made.name}"'
    assert given.headers["cache-control"] == "no-store"
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert [one[:3] for one in _trail(desk)[:2]] == [
        ("Grey", "download", f"backup:{made.name}"),
        ("Grey", "backup", f"backup:{made.name}"),
    ]


def test_the_doctor_and_dns_speak_plainly(desk: Desk, client: httpx.Client) -> None:
    """What is wrong stands first, with what mends it; records stand ready to copy."""
    before = client.get("/console/doctor")
    (desk.site.config.paths.state / "epoch").write_text("another", "utf-8")
    after = client.get("/console/doctor")
    records = client.get("/console/settings/dns")

    assert "to look at" in heading(before)
    assert "None was made here" in _text(before)
    assert "reserved and reaches nobody" in _text(before)
    assert "every mail goes to the outbox" in _text(before)
    assert heading(after) == "1 thing must be mended"
    first: Any = html.fromstring(after.text).cssselect("tbody tr")[0]
    assert "sends nothing" in first.text_content() and "restore --adopt" in first.text_content()
    assert "example.org is for examples only" in _text(records)
    assert "_dmarc.example.org" in records.text
