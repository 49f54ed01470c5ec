"""Coming in by two steps: the same answer to everybody, and nothing without a press by its reader."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher.store import schema
from tests.visits import ADDRESS, Visit, dump, links_of, tree, visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

FRIEND = "https://www.practice.example"


@pytest.fixture
def visit(folder: Folder) -> Iterator[Visit]:
    """A site that nobody subscribed to yet."""
    folder.configure(subscribe=f'embed_origins = ["{FRIEND}"]')
    with visiting(folder) as one:
        yield one


# ------------------------------------------------------------------------------------- the journey


def test_a_person_comes_in_by_two_steps(visit: Visit) -> None:
    """The form mails a link, the link shows a button, the button puts the person on the list."""
    asked = visit.subscribe()
    waiting = visit.people()
    confirm, never = visit.links()
    shown = visit.client.get(confirm)
    still_waiting = visit.people()
    pressed = visit.client.post(tree(shown.text).forms[0].action)
    (welcome,) = visit.mails()

    assert (asked.status_code, shown.status_code, pressed.status_code) == (200, 200, 200)
    assert "Check your email" in asked.text and "a•••@example.net" in asked.text
    assert waiting == still_waiting == [f"{ADDRESS} pending"]
    assert never == f"{confirm}/never"
    assert "You are on the list" in pressed.text
    assert "Tuesday 24 November 2026" in pressed.text
    assert visit.people() == [f"{ADDRESS} active"]
    assert welcome["To"] == ADDRESS
    assert [one.split("/")[1] for one in links_of(welcome)] == ["preferences", "u"]


def test_consent_is_kept_as_proof(visit: Visit) -> None:
    """Wording, its hash, the form, and the times of asking and confirming are exported."""
    asked_at = visit.clock.now + timedelta(seconds=5)
    visit.subscribe()
    confirm, _ = visit.links()
    visit.clock.later(hours=2)
    visit.client.post(confirm)

    proof = visit.folder.run("subscribers", "export", "--proof").out.splitlines()

    assert proof[0] == "address,state,requested_at,confirmed_at,source,wording,wording_sha256"
    assert proof[1].startswith(
        f"{ADDRESS},active,{asked_at.isoformat()},{visit.clock.now.isoformat()},form /subscribe,"
        '"Send Riverside Letters to my address by email.'
    )
    assert len(proof[1].rpartition(",")[2]) == 64


def test_the_words_agreed_to_are_on_the_page(visit: Visit) -> None:
    """What is kept as consent is what the form and the second step showed, word for word."""
    shown = tree(visit.client.get("/subscribe").text).text_content()
    visit.subscribe()
    confirm, _ = visit.links()
    second = tree(visit.client.get(confirm).text).text_content()

    with visit.site.store.read() as tx:
        (wording,) = tx.scalars(sa.select(schema.consents.c.wording))
    assert wording in shown
    assert wording in second


def test_a_confirmation_is_tiny_and_of_no_list(visit: Visit) -> None:
    """It is sent by a program, is on no list, loads nothing and names no topic."""
    visit.subscribe()
    (mail,) = visit.mails()

    body = mail.get_body(("html",))
    assert body is not None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert not [name for name in mail if name.lower().startswith("list-")]
    assert "Precedence" not in mail
    assert "src=" not in body.get_content() and "Worry" not in body.get_content()
    assert mail["Message-ID"].endswith("@example.org>")


def test_a_welcome_can_be_left_by_one_click(visit: Visit) -> None:
    """The welcome goes to somebody on the list, so a mail program can leave by it."""
    visit.subscribe()
    confirm, _ = visit.links()
    visit.client.post(confirm)
    (welcome,) = visit.mails()

    path = welcome["List-Unsubscribe"].strip("<>").partition(":8000")[2]
    left = visit.client.post(path, data={"List-Unsubscribe": "One-Click"})

    assert left.text == "Unsubscribed.\n"
    assert visit.people() == [f"{ADDRESS} unsubscribed"]


def test_a_second_press_says_so_and_changes_nothing(visit: Visit) -> None:
    """Pressed twice, or opened again, the link says that it is done; one welcome is mailed."""
    visit.subscribe()
    confirm, _ = visit.links()
    visit.client.post(confirm)
    visit.clock.later(days=1)
    again = visit.client.post(confirm)
    opened = visit.client.get(confirm)

    assert again.status_code == opened.status_code == 200
    assert "You are on the list" in again.text and "You are on the list" in opened.text
    assert len(visit.mails()) == 1


def test_a_link_too_old_offers_a_new_one(visit: Visit) -> None:
    """After confirm_within nothing is confirmed; one button mails another link."""
    visit.subscribe()
    confirm, _ = visit.links()
    visit.clock.later(days=7, seconds=1)

    late = visit.client.post(confirm)
    form = tree(late.text).forms[0]
    visit.client.post(form.action)
    fresh, _ = visit.links()
    pressed = visit.client.post(fresh)

    assert late.status_code == 410
    assert fresh != confirm
    assert "You are on the list" in pressed.text


def test_never_is_for_ever(visit: Visit) -> None:
    """Who presses never is forgotten, and the form mails them nothing more, whoever fills it in."""
    visit.subscribe()
    _, never = visit.links()
    shown = visit.client.get(never)
    before = visit.people()
    pressed = visit.client.post(never)
    visit.clock.later(days=2)
    asked = visit.subscribe()

    assert "Nothing has changed yet" in shown.text
    assert before == [f"{ADDRESS} pending"]
    assert "will not write to you again" in pressed.text
    assert (visit.people(), visit.mails()) == ([], [])
    assert "Check your email" in asked.text


# ------------------------------------------------------------------- whatever we know, one answer


def test_every_address_gets_one_answer(visit: Visit) -> None:
    """New, waiting, subscribed, gone, kept out, asked twice: the page is the same, letter for letter."""
    token = visit.join("aktiv@example.net")
    visit.client.post(f"/u/{visit.join('alt@example.net')}")
    visit.folder.run("suppressions", "add", "aus@example.net")
    visit.subscribe("alle@example.net")
    visit.clock.later(days=2)
    visit.subscribe("arm@example.net")

    names = ("neu", "aktiv", "alt", "aus", "alle", "arm")
    answers = {
        visit.subscribe(f"a-{name}@example.net" if name == "neu" else f"{name}@example.net")
        .text.replace("a•••", "x")
        .replace("n•••", "x")
        for name in names
    }

    assert len(answers) == 1
    assert visit.client.get(f"/preferences/{token}").status_code == 200


def test_each_request_is_one_transaction_that_writes(visit: Visit) -> None:
    """Known or not, a request commits one change of the table of notices: timing tells nothing."""
    visit.join("known@example.net")
    visit.folder.run("suppressions", "add", "barred@example.net")
    visit.clock.later(days=2)
    for name in ("new", "known", "barred", "new", "barred"):
        before = _asked(visit)
        visit.subscribe(f"{name}@example.net")
        assert _asked(visit) == before + 1, name


def _asked(visit: Visit) -> int:
    notices = schema.notices.c
    with visit.site.store.read() as tx:
        made = tx.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(notices.asked_again), 0))
        ).one()
    return int(made[0]) + int(made[1])


def test_who_is_on_the_list_is_told_by_mail_alone(visit: Visit) -> None:
    """A person on the list who asks again stays as they are, and gets their links."""
    token = visit.join()
    visit.clock.later(days=1, minutes=1)
    visit.subscribe()
    (mail,) = visit.mails()

    assert mail["Subject"] == "You are on the list already"
    assert links_of(mail) == [f"/preferences/{token}", f"/u/{token}"]
    assert visit.people() == [f"{ADDRESS} active"]


def test_who_left_comes_back_by_confirming(visit: Visit) -> None:
    """Leaving stands until the person confirms anew; then the standing fact is lifted."""
    token = visit.join()
    visit.client.post(f"/u/{token}")
    visit.clock.later(days=2)
    visit.subscribe()
    confirm, _ = visit.links()
    before = visit.people(), visit.folder.json("suppressions", "ls")
    visit.client.post(confirm)

    assert before[0] == [f"{ADDRESS} unsubscribed"]
    assert [one["reason"] for one in before[1]] == ["unsubscribed"]
    assert visit.people() == [f"{ADDRESS} active"]
    assert visit.folder.json("suppressions", "ls") == []


def test_an_old_link_does_not_bring_back_who_left(visit: Visit) -> None:
    """A link that was used does nothing for a person who has left since, and says so."""
    visit.subscribe()
    confirm, _ = visit.links()
    visit.client.post(confirm)
    token = visit.links()[0].rpartition("/")[2]
    visit.client.post(f"/u/{token}")

    again = visit.client.post(confirm)

    assert "used before" in again.text
    assert visit.people() == [f"{ADDRESS} unsubscribed"]


def test_who_staff_keep_out_cannot_confirm(visit: Visit) -> None:
    """An address that staff suppressed meanwhile is told to write to a person."""
    visit.subscribe()
    confirm, _ = visit.links()
    visit.folder.run("suppressions", "add", ADDRESS)

    pressed = visit.client.post(confirm)

    assert pressed.status_code == 409
    assert "a person can lift it" in pressed.text
    assert visit.people() == [f"{ADDRESS} pending"]


# ------------------------------------------------------------------------------------- the choices


def test_with_several_digests_one_is_chosen(folder: Folder) -> None:
    """Where there are several, the form asks which; none ticked is told, and what is chosen is kept."""
    folder.configure(
        digests__monthly='title = "Monthly letter"\nschedule = "first monday of the month at 07:30"'
    )
    with visiting(folder) as visit:
        form = tree(visit.client.get("/subscribe").text).forms[0]
        ticked = [one.get("value") for one in form.xpath(".//input[@checked]")]
        none = visit.client.post(
            "/subscribe", data=visit.fill("/subscribe", email=ADDRESS, digest="")
        )
        visit.subscribe(digest="monthly")
        confirm, _ = visit.links()
        visit.client.post(confirm)

        assert ticked == ["weekly"]
        assert none.status_code == 422 and "Tick at least one letter" in none.text
        assert visit.folder.json("subscribers", "ls")[0]["digests"] == ["monthly"]


# ------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    "address",
    ["", "anna", "anna@", "a b@example.net", "a@b.c\r\nBcc: x@y.z", "x" * 400 + "@y.net"],
)
def test_what_is_no_address_is_told_beside_the_field(visit: Visit, address: str) -> None:
    """The form comes back as it was filled in, with what is wrong; nothing is kept."""
    reply = visit.subscribe(address)

    page = tree(reply.text)
    (field,) = page.xpath("//input[@type='email']")
    assert reply.status_code == 422
    assert page.findtext(".//title").startswith("Error:")
    assert field.get("aria-invalid") == "true"
    described = page.get_element_by_id(field.get("aria-describedby")).text_content()
    assert described == "That is no email address. It looks like anna@example.org."
    assert (visit.people(), visit.mails()) == ([], [])


@pytest.mark.parametrize("name", ["abuse", "no-reply", "postmaster"])
def test_a_duty_or_a_machine_is_refused(visit: Visit, name: str) -> None:
    """Mailboxes that nobody subscribes with are refused at the form."""
    reply = visit.subscribe(f"{name}@example.net")

    assert reply.status_code == 422
    assert "Use an address of your own" in reply.text
    assert visit.mails() == []


def test_a_machine_that_fills_in_all_is_thanked_and_forgotten(visit: Visit) -> None:
    """The field that people do not see gives it away; it is told what a person would be told."""
    reply = visit.subscribe(website="https://example.com")
    person = visit.subscribe("arno@example.net")

    assert reply.text == person.text
    assert visit.people() == ["arno@example.net pending"]


def test_a_form_that_is_too_quick_or_too_old_is_asked_again(visit: Visit) -> None:
    """Within three seconds, after a day, or without our time: one more press, then it is taken."""
    form = visit.fill("/subscribe", email=ADDRESS)
    visit.clock.later(seconds=-3)
    quick = visit.client.post("/subscribe", data=form)
    visit.clock.later(hours=25)
    old = visit.client.post("/subscribe", data=form)
    bare = visit.client.post("/subscribe", data={"email": ADDRESS})
    kept = visit.people()
    again = dict(tree(old.text).forms[0].form_values())
    visit.clock.later(seconds=4)
    taken = visit.client.post("/subscribe", data=again)

    assert [one.status_code for one in (quick, old, bare, taken)] == [422, 422, 422, 200]
    assert kept == []
    assert again["email"] == ADDRESS
    assert visit.people() == [f"{ADDRESS} pending"]


def test_too_many_from_one_network_wait(visit: Visit) -> None:
    """More than thirty an hour from one network are told to wait; nothing of them is kept."""
    replies = [visit.subscribe(f"reader{number}@example.net") for number in range(31)]
    visit.clock.later(hours=1)
    later = visit.subscribe("reader31@example.net")

    assert [one.status_code for one in replies[:30]] == [200] * 30
    assert replies[30].status_code == 429
    assert 0 < int(replies[30].headers["Retry-After"]) <= 3600
    assert later.status_code == 200
    assert len(visit.people()) == 31


# ------------------------------------------------------------------------------------ other sites


def test_a_form_on_a_friends_site_works_and_leads_back(visit: Visit) -> None:
    """A page of an allowed site posts without our time; the answer leads back, the proof names it."""
    reply = visit.client.post(
        "/subscribe",
        data={"email": ADDRESS},
        headers={"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"},
    )

    back = tree(reply.text).xpath("//a[starts-with(@href, 'https://www.practice')]")
    assert reply.status_code == 200
    assert [one.text for one in back] == ["Back to www.practice.example"]
    assert f"form on {FRIEND}" in visit.folder.run("subscribers", "export", "--proof").out


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": f"{FRIEND}.evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_on_a_strangers_site_is_refused(visit: Visit, headers: dict[str, str]) -> None:
    """A page of any other site signs nobody up, even with a form of ours."""
    form = visit.fill("/subscribe", email=ADDRESS)

    reply = visit.client.post("/subscribe", data=form, headers=headers)

    assert reply.status_code == 403
    assert (visit.people(), visit.mails()) == ([], [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {},
    ],
)
def test_our_own_form_is_taken_however_browsers_say_it(
    visit: Visit, headers: dict[str, str]
) -> None:
    """Pages that tell no site where they are have the origin ``null``; our time proves the form."""
    form = visit.fill("/subscribe", email=ADDRESS)

    assert visit.client.post("/subscribe", data=form, headers=headers).status_code == 200
    assert visit.people() == [f"{ADDRESS} pending"]


# ------------------------------------------------------------------------------------ the requests


def test_no_page_sets_a_cookie_or_is_kept_by_caches(visit: Visit) -> None:
    """Every answer is private: no cookie, no cache, no script, nothing told to other sites."""
    token = visit.join()
    visit.subscribe("b@example.net")
    confirm, never = visit.links()
    data = visit.data_link(token)

    for path in ("/subscribe", confirm, never, f"/preferences/{token}", f"/u/{token}", data):
        reply = visit.client.get(path)
        assert reply.status_code == 200, path
        assert "set-cookie" not in reply.headers, path
        assert reply.headers["cache-control"] == "no-store", path
        assert reply.headers["referrer-policy"] == "no-referrer", path
        assert "<script" not in reply.text, path
        assert "default-src 'none'" in reply.headers["content-security-policy"], path
        assert ADDRESS not in reply.text, path


def test_a_body_longer_than_any_form_is_refused(visit: Visit) -> None:
    """What is far longer than a form is not read to its end."""
    reply = visit.client.post("/subscribe", data={"email": "a" * 70_000})

    assert reply.status_code == 413


def test_a_form_that_is_none_is_told(visit: Visit) -> None:
    """A file where a word belongs is no form of ours; the answer is a page, not a trace."""
    reply = visit.client.post("/subscribe", files={"email": ("x.txt", b"x")})

    assert reply.status_code == 400
    assert "could not be read" in reply.text


# ------------------------------------------------------------------------------------ many at once


def _from(visit: Visit, visitor: str, address: str) -> int:
    reply = visit.client.post(
        "/subscribe",
        data={"email": address},
        headers={"Origin": FRIEND, "X-Forwarded-For": visitor},
    )
    return reply.status_code


def test_a_few_hundred_sign_ups_mail_nobody_twice(visit: Visit) -> None:
    """400 requests for 40 addresses from 80 networks behind our proxy: one mail each, then the door."""
    statuses = [
        _from(visit, f"198.51.{number % 80}.7", f"victim{number % 40}@example.net")
        for number in range(400)
    ]

    mails = visit.mails()
    assert statuses == [200] * 300 + [429] * 100
    assert len(mails) == len({mail["To"] for mail in mails}) == 40


def test_what_a_stranger_writes_into_the_header_is_not_believed(visit: Visit) -> None:
    """Only what our own proxy added counts: a made-up visitor in front of it changes nothing."""
    statuses = [
        _from(
            visit, f"203.0.113.{number}, 10.0.{number}.1, 198.51.100.9", f"r{number}@example.net"
        )
        for number in range(31)
    ]

    assert statuses == [200] * 30 + [429]


def test_a_visitor_who_is_no_proxy_is_counted_by_their_own_address(folder: Folder) -> None:
    """Where nobody is trusted, the header says nothing and the connection counts."""
    folder.configure(
        subscribe=f'embed_origins = ["{FRIEND}"]',
        web='listen = "127.0.0.1:8000"\ntrusted_proxies = []',
    )
    with visiting(folder) as visit:
        statuses = [
            _from(visit, f"198.51.{number}.7", f"r{number}@example.net") for number in range(31)
        ]

    assert statuses == [200] * 30 + [429]


def test_no_address_of_a_visitor_is_stored(visit: Visit) -> None:
    """After a sign-up through a proxy no table has the visitor's address, whole or in part."""
    _from(visit, "198.51.100.77", ADDRESS)

    assert "198.51" not in repr(dump(visit.site))
