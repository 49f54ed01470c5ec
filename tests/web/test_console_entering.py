"""Coming in and going: the first account, passwords, links, sessions, and what is refused."""

from __future__ import annotations

import http.client
import re
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa

from publisher import app, staffing
from publisher.engine import clock
from publisher.model import Role
from publisher.store import schema
from tests.web.conftest import PASSWORD, heading, problems

if TYPE_CHECKING:
    from tests.web.conftest import Desk

ROOT = "/console/"


def _setup_path(desk: Desk) -> str:
    link = app.make_setup_link(desk.site, now=clock.now())
    assert link
    return link.removeprefix(desk.site.config.site.url)


def _account(name: str = "Ann Lee") -> dict[str, str]:
    return {"name": name, "address": "ann@example.org", "password": PASSWORD}


def _sign_in(client: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
    fields = {"address": "ann@example.org", "password": password, **more}
    return client.post(f"{ROOT}sign-in", data=fields)


def _with_password(desk: Desk, *roles: Role) -> None:
    who = desk.add("Ann", *roles)
    staffing.set_password(
        desk.site.store, who, PASSWORD, by="test", keep_session=None, now=clock.now()
    )


# ----------------------------------------------------------------------------- the first account


def test_the_first_account_is_made_by_its_link_once(desk: Desk) -> None:
    """Whoever has the link makes the first account, may do everything, and is signed in at once."""
    path = _setup_path(desk)
    with desk.visit() as client:
        shown = client.get(path)
        made = client.post(path, data=_account())
        today = client.get(ROOT)
        again = client.post(path, data=_account("Bo Chen"))

    (ann,) = staffing.list_staff(desk.site.store)
    assert heading(shown) == "Make your account"
    assert (made.status_code, made.headers["location"]) == (303, ROOT)
    assert "Ann Lee" in today.text
    assert ann.roles == frozenset(Role)
    assert (again.status_code, heading(again)) == (404, "This link works no more")


def test_a_newer_setup_link_takes_the_place_of_the_last(desk: Desk) -> None:
    """Each start of the service prints a link; only the newest is good, and none once it is used."""
    old, new = _setup_path(desk), _setup_path(desk)
    with desk.visit() as client:
        assert client.post(old, data=_account()).status_code == 404
        assert client.post(new, data=_account()).status_code == 303

    assert app.make_setup_link(desk.site, now=clock.now()) is None


def test_a_setup_link_is_good_for_a_day(desk: Desk) -> None:
    """What was printed the day before yesterday opens nothing."""
    link = app.make_setup_link(desk.site, now=clock.now() - timedelta(days=1, minutes=1))
    assert link
    with desk.visit() as client:
        reply = client.post(link.removeprefix(desk.site.config.site.url), data=_account())

    assert reply.status_code == 404
    assert not staffing.has_staff(desk.site.store)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("password", "short", "at least 10 characters"),
        ("password", "ann@example.org", "that nobody guesses"),
        ("password", "aaaaaaaaaaaa", "that nobody guesses"),
        ("password", "x" * 501, "at most 500"),
        ("address", "no address", "an email address"),
        ("name", "  ", "a name"),
    ],
)
def test_what_is_wrong_with_an_account_is_told(
    desk: Desk, field: str, value: str, told: str
) -> None:
    """The form comes back with what was typed, but for the password, and what is wrong with it."""
    with desk.visit() as client:
        reply = client.post(_setup_path(desk), data={**_account(), field: value})

    assert reply.status_code == 422
    assert told in problems(reply)
    assert PASSWORD not in reply.text
    assert not staffing.has_staff(desk.site.store)


# ------------------------------------------------------------------------------------- passwords


def test_signing_in_and_out(desk: Desk) -> None:
    """The password opens the console; signed out, the cookie that was opens nothing."""
    _with_password(desk, Role.AUTHOR)
    with desk.visit() as client:
        closed = client.get(ROOT)
        opened = _sign_in(client)
        cookie = dict(client.cookies)
        inside = client.get(ROOT)
        left = client.post(f"{ROOT}sign-out")
        client.cookies.update(cookie)
        after = client.get(ROOT)

    assert closed.headers["location"] == f"{ROOT}sign-in"
    assert (opened.status_code, opened.headers["location"]) == (303, ROOT)
    assert inside.status_code == 200
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert after.headers["location"] == f"{ROOT}sign-in"


def test_the_cookie_is_for_this_site_alone(desk: Desk) -> None:
    """No script reads it, no other site sends it along; on this machine it needs no TLS."""
    _with_password(desk)
    with desk.visit() as client:
        cookie = _sign_in(client).headers["set-cookie"]

    assert re.match(r"publisher_console=[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; ", cookie)
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie and "Domain" not in cookie


def test_beyond_this_machine_the_cookie_is_bound_to_the_host(desk: Desk) -> None:
    """Behind https it is a ``__Host-`` cookie, and one without that name opens nothing."""
    desk.folder.configure(
        site=desk.folder.settings["site"] + '\nurl = "https://letters.example.org"'
    )
    _with_password(desk)
    from tests.servers import visited  # noqa: PLC0415 - a second server, with other settings

    headers = {"Host": "letters.example.org", "Sec-Fetch-Site": "same-origin"}
    with visited(desk.folder, clock.now) as client:
        cookie = client.post(
            f"{ROOT}sign-in",
            data={"address": "ann@example.org", "password": PASSWORD},
            headers=headers,
        ).headers["set-cookie"]
        token = cookie.partition("=")[2].partition(";")[0]
        plain = client.get(ROOT, headers={**headers, "Cookie": f"publisher_console={token}"})
        bound = client.get(
            ROOT, headers={**headers, "Cookie": f"__Host-publisher_console={token}"}
        )

    assert cookie.startswith("__Host-publisher_console=")
    assert "; Secure" in cookie and "; Path=/;" in cookie and "Domain" not in cookie
    assert plain.status_code == 303
    assert bound.status_code == 200


def test_a_session_begins_with_a_token_of_its_own(desk: Desk) -> None:
    """A cookie that was put there before signing in opens nothing afterwards: no session is fixed."""
    _with_password(desk)
    with desk.visit() as client:
        client.cookies.set("publisher_console", "a" * 43)
        _sign_in(client)
        fixed = client.get(ROOT, headers={"Cookie": f"publisher_console={'a' * 43}"})

    with desk.visit() as client:
        _sign_in(client)
        first = client.cookies["publisher_console"]
        _sign_in(client)
        old = client.get(ROOT, headers={"Cookie": f"publisher_console={first}"})

    assert fixed.status_code == 303
    assert old.status_code == 303


def test_only_hashes_are_kept(desk: Desk) -> None:
    """Neither password nor cookie nor link stands in the database."""
    _with_password(desk)
    with desk.visit() as client:
        _sign_in(client)
        cookie = client.cookies["publisher_console"]
    link = staffing.make_link(
        desk.site.store, staffing.list_staff(desk.site.store)[0], now=clock.now()
    )
    with desk.site.store.read() as tx:
        kept = repr(
            [
                tx.execute(sa.select(table)).all()
                for table in (schema.staff, schema.sessions, schema.staff_links)
            ]
        )

    assert "$argon2id$" in kept
    assert not any(secret in kept for secret in (PASSWORD, cookie, link))


@pytest.mark.parametrize("address", ["ann@example.org", "nobody@example.org", "no address"])
def test_a_wrong_password_and_an_unknown_address_are_told_alike(desk: Desk, address: str) -> None:
    """Nobody learns who has an account, nor is told apart by the page."""
    _with_password(desk)
    with desk.visit() as client:
        reply = client.post(
            f"{ROOT}sign-in", data={"address": address, "password": "not the password"}
        )

    assert reply.status_code == 422
    assert "do not belong together" in problems(reply)
    assert reply.text.count(address) == 1
    assert "set-cookie" not in reply.headers


def test_an_account_is_tried_a_few_times_only(desk: Desk) -> None:
    """After five wrong passwords even the right one waits; another account is not held up."""
    _with_password(desk)
    with desk.visit() as client:
        wrong = [_sign_in(client, "not the password").status_code for _ in range(5)]
        right = _sign_in(client)
        other = _sign_in(client, "whatever it is", address="bo@example.org")

    assert wrong == [422] * 5
    assert (right.status_code, "many in a short time" in problems(right)) == (429, True)
    assert other.status_code == 422


def test_one_visitor_tries_a_few_accounts_only(desk: Desk) -> None:
    """Who tries many addresses from one place waits too."""
    with desk.visit() as client:
        statuses = [
            _sign_in(client, "whatever it is", address=f"person{n}@example.org").status_code
            for n in range(21)
        ]

    assert statuses == [422] * 20 + [429]


def test_a_session_that_rests_for_long_is_over(desk: Desk) -> None:
    """After twelve hours without use the cookie opens nothing, and after a week in any case."""
    who = desk.add("Ann", Role.AUTHOR)
    now = clock.now()
    token = staffing.make_link(desk.site.store, who, now=now)
    entrance = staffing.open_by_link(desk.site.store, token, agent="test", now=now)
    assert entrance

    def opens(after: timedelta) -> bool:
        return staffing.find_session(desk.site.store, entrance.token, now=now + after) is not None

    assert opens(timedelta(hours=11))
    assert opens(timedelta(hours=22))
    assert not opens(timedelta(hours=35))
    assert not opens(timedelta(days=8))


# ----------------------------------------------------------------------------------------- links


def test_a_mailed_link_signs_in_once(desk: Desk) -> None:
    """Asked for, a link comes by mail; opened it shows a button, and only pressing signs in."""
    _with_password(desk, Role.AUTHOR)
    with desk.visit() as client:
        asked = client.post(f"{ROOT}sign-in/mail", data={"address": "Ann@Example.org"})
        app.send_notices(desk.site, clock=clock.now)
        (mail,) = desk.folder.outbox()
        found = re.search(r"/console/link/[\w-]+", mail.read_text("utf-8").replace("=\n", ""))
        assert found
        looked = [client.get(found[0]) for _ in range(2)]
        used = client.post(found[0])
        inside = client.get(ROOT)
        again = client.post(found[0])

    assert heading(asked) == "Look into your mail"
    assert [heading(one) for one in looked] == ["Sign in as Ann"] * 2
    assert used.headers["location"] == ROOT
    assert inside.status_code == 200
    assert heading(again) == "This link works no more"


def test_asking_for_a_link_tells_nobody_who_has_an_account(desk: Desk) -> None:
    """For an address without an account the page is the same, and nothing is mailed."""
    with desk.visit() as client:
        asked = client.post(f"{ROOT}sign-in/mail", data={"address": "nobody@example.org"})
        app.send_notices(desk.site, clock=clock.now)

    assert heading(asked) == "Look into your mail"
    assert desk.folder.outbox() == []


def test_a_mailbox_is_not_flooded_with_links(desk: Desk) -> None:
    """However often it is asked, three links at most are out at a time."""
    _with_password(desk)
    with desk.visit() as client:
        for _ in range(6):
            client.post(f"{ROOT}sign-in/mail", data={"address": "ann@example.org"})
    app.send_notices(desk.site, clock=clock.now)

    assert len(desk.folder.outbox()) == 3


# -------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": ""},
    ],
)
def test_an_act_from_elsewhere_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    """A form of another site, or of none that says so, changes nothing although the cookie is sent."""
    who = desk.add("Ann", *Role)
    sent = {name: value.format(own=desk.url) for name, value in headers.items() if value}
    with desk.visit(who) as client:
        del client.headers["Sec-Fetch-Site"]
        reply = client.post(f"{ROOT}sign-out", headers=sent)
        inside = client.get(ROOT)

    assert (reply.status_code, heading(reply)) == (403, "Nothing was changed")
    assert inside.status_code == 200


def test_an_older_browser_is_known_by_its_origin(desk: Desk) -> None:
    """Without Sec-Fetch-Site the Origin of our own address is enough."""
    with desk.visit(desk.add("Ann")) as client:
        del client.headers["Sec-Fetch-Site"]
        reply = client.post(f"{ROOT}sign-out", headers={"Origin": desk.url})

    assert reply.status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/console/",
        "/console/../../evil",
        "/console//evil.example",
        "/console/\\evil.example",
        "/console/%0d%0aSet-Cookie:x",
        "javascript:alert(1)",
        "/elsewhere",
    ],
)
def test_nobody_is_led_away_after_signing_in(desk: Desk, target: str) -> None:
    """Wherever a link says to go on to, it is a page of the console."""
    _with_password(desk)
    with desk.visit() as client:
        reply = _sign_in(client, next=target)

    where = httpx.URL(desk.url).join(reply.headers["location"])
    assert str(where).startswith(f"{desk.url}/console/")
    assert "\r" not in reply.headers["location"] and "x" not in reply.cookies


def test_the_page_one_wanted_is_the_page_one_gets(desk: Desk) -> None:
    """Whoever opens a page of the console without being signed in is led to it afterwards."""
    _with_password(desk, Role.ADMIN)
    with desk.visit() as client:
        sent = client.get(f"{ROOT}settings/staff").headers["location"]
        wanted = httpx.URL(sent).params["next"]
        reply = _sign_in(client, next=wanted)

    assert reply.headers["location"] == f"{ROOT}settings/staff"


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("evil.example:8000", 421), ("localhost", 303), ("127.0.0.1", 303)],
)
def test_the_console_answers_to_its_own_names(desk: Desk, host: str, status: int) -> None:
    """A name that is not ours, which another site may have pointed here, gets nothing."""
    with desk.visit() as client:
        assert client.get(ROOT, headers={"Host": host}).status_code == status
        assert client.get(f"{ROOT}nowhere", headers={"Host": host}).status_code in {404, 421}


def test_in_the_clear_the_console_is_for_this_machine(desk: Desk) -> None:
    """Where the site itself is on plain http beyond this machine, no password is asked for."""
    desk.folder.configure(
        site=desk.folder.settings["site"] + '\nurl = "http://letters.example.org"'
    )
    from tests.servers import visited  # noqa: PLC0415 - a second server, with other settings

    with visited(desk.folder, clock.now) as client:
        reply = client.get(f"{ROOT}sign-in", headers={"Host": "letters.example.org"})

    assert (reply.status_code, heading(reply)) == (403, "The console asks for https")


def test_what_is_typed_stays_text(desk: Desk) -> None:
    """Neither markup nor a template's braces in a name or address are more than text."""
    nasty = "<script>alert(1)</script>{{ 7 * 7 }}"
    with desk.visit() as client:
        reply = client.post(_setup_path(desk), data={**_account(nasty), "password": "short"})

    assert "<script>" not in reply.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in reply.text


def test_too_much_is_refused_unread(desk: Desk) -> None:
    """A form beyond the limit, or without a length, is refused and changes nothing."""
    statuses = []
    for name, value in (("Content-Length", str(2**31)), ("Transfer-Encoding", "chunked")):
        url = httpx.URL(desk.url)
        with closing(http.client.HTTPConnection(url.host, url.port, timeout=20)) as wire:
            wire.putrequest("POST", f"{ROOT}sign-in")
            wire.putheader("Sec-Fetch-Site", "same-origin")
            wire.putheader(name, value)
            wire.endheaders()
            statuses.append(wire.getresponse().status)

    assert statuses == [413, 413]


# --------------------------------------------------------------------------- proofs and sessions


def test_the_password_is_asked_again_before_what_would_hurt(desk: Desk) -> None:
    """A quarter of an hour after signing in, changing the password asks for it once more."""
    _with_password(desk)
    with desk.visit() as client:
        _sign_in(client)
        with desk.site.store.write() as tx:
            earlier = clock.now() - timedelta(minutes=16)
            tx.execute(sa.update(schema.sessions).values(proved_at=earlier))
        asked = client.get(f"{ROOT}account/password")
        unproved = client.post(f"{ROOT}account/password", data={"password": "other plain words"})
        wrong = client.post(f"{ROOT}prove", data={"password": "not the password"})
        right = client.post(
            f"{ROOT}prove", data={"password": PASSWORD, "next": f"{ROOT}account/password"}
        )
        done = client.post(f"{ROOT}account/password", data={"password": "other plain words"})

    assert asked.headers["location"] == f"{ROOT}prove?next={ROOT}account/password"
    assert unproved.headers["location"] == f"{ROOT}prove?next={ROOT}account/password"
    assert wrong.status_code == 422
    assert right.headers["location"] == f"{ROOT}account/password"
    assert done.headers["location"] == f"{ROOT}account"


def test_a_new_password_signs_every_other_browser_out(desk: Desk) -> None:
    """The browser that set it stays; the others, and links that were out, open nothing."""
    _with_password(desk)
    (ann,) = staffing.list_staff(desk.site.store)
    link = staffing.make_link(desk.site.store, ann, now=clock.now())
    with desk.visit(ann) as one, desk.visit(ann) as other:
        set_ = one.post(f"{ROOT}account/password", data={"password": "other plain words"})
        kept, gone = one.get(f"{ROOT}account"), other.get(f"{ROOT}account")
        dead = other.post(f"{ROOT}link/{link}")

    assert set_.status_code == 303
    assert "The password is set." in kept.text
    assert gone.status_code == 303
    assert dead.status_code == 404


def test_a_browser_is_signed_out_from_another(desk: Desk) -> None:
    """Each browser is listed; one of them, or all others, can be signed out; nobody else's."""
    ann, bo = desk.add("Ann"), desk.add("Bo")
    with desk.visit(ann) as one, desk.visit(ann) as other, desk.visit(bo) as third:
        listed = one.get(f"{ROOT}account")
        found = re.findall(r'name="session" value="(\d+)"', listed.text)
        foreign = staffing.list_sessions(desk.site.store, bo, now=clock.now())[0].id
        one.post(f"{ROOT}account/revoke", data={"session": str(foreign)})
        still = third.get(ROOT).status_code
        one.post(f"{ROOT}account/revoke", data={"session": found[0]})
        gone = other.get(ROOT).status_code

    assert len(found) == 1
    assert (still, gone) == (200, 303)


def test_what_the_last_act_came_to_is_said_once(desk: Desk) -> None:
    """The page after an act says what was done; looked at again it says nothing."""
    with desk.visit(desk.add("Ann")) as client:
        client.post(f"{ROOT}account/revoke")
        first, second = client.get(f"{ROOT}account"), client.get(f"{ROOT}account")

    assert "0 browsers signed out." in first.text
    assert "signed out." not in second.text
