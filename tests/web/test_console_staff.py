"""Accounts in the console: added, given roles, removed; and the trail of every act."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lxml import html

from publisher import staffing, subscribing
from publisher.engine import clock
from publisher.model import Role
from tests.web.conftest import heading, problems

if TYPE_CHECKING:
    import httpx

    from tests.web.conftest import Desk

STAFF = "/console/settings/staff"


def _rows(reply: httpx.Response) -> list[list[str]]:
    page: Any = html.fromstring(reply.text)
    rows = page.cssselect("tbody tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in rows]


def test_somebody_added_comes_in_by_their_link_and_sets_a_password(desk: Desk) -> None:
    """The link is shown once; it signs in and leads to the password, with the roles that were given."""
    with desk.visit(desk.add("Ann", *Role)) as client:
        added = client.post(
            STAFF,
            data={
                "name": "Bo Chen",
                "credentials": "MD",
                "address": "bo@example.org",
                "role": ["author", "reviewer"],
            },
        )
        listed = client.get(STAFF)
    found = re.search(r"/console/link/[\w-]+", added.text)
    assert found
    with desk.visit() as client:
        came = client.post(found[0])
        set_ = client.post(came.headers["location"], data={"password": "some plain words"})
        bo = client.get("/console/account")

    assert heading(added) == "Bo Chen, MD"
    assert [row[:3] for row in _rows(listed)] == [
        ["Ann", "ann@example.org has not come in yet", "admin, author, publisher, reviewer"],
        ["Bo Chen, MD", "bo@example.org has not come in yet", "author, reviewer"],
    ]
    assert came.headers["location"] == "/console/account/password"
    assert set_.status_code == 303
    assert heading(bo) == "You are Bo Chen, MD"


def test_two_accounts_share_neither_address_nor_name(desk: Desk) -> None:
    """Approvals name a person, so a name stands for one; the form comes back as it was typed."""
    with desk.visit(desk.add("Ann", *Role)) as client:
        same_name = client.post(STAFF, data={"name": "ANN", "address": "other@example.org"})
        same_address = client.post(STAFF, data={"name": "Bo", "address": "Ann@Example.org"})

    assert (same_name.status_code, same_address.status_code) == (422, 422)
    assert "one of them is taken" in problems(same_name)
    assert 'value="other@example.org"' in same_name.text
    assert len(staffing.list_staff(desk.site.store)) == 1


def test_the_last_admin_stays(desk: Desk) -> None:
    """Nobody takes the last admin's role or account away, not even they."""
    ann = desk.add("Ann", *Role)
    desk.add("Bo", Role.AUTHOR)
    with desk.visit(ann) as client:
        roles = client.post(f"{STAFF}/{ann.id}/roles", data={"role": "author"})
        gone = client.post(f"{STAFF}/{ann.id}/remove")
        still = client.get(STAFF)

    assert "another admin" in problems(roles) and "another admin" in problems(gone)
    assert still.status_code == 200


def test_an_account_that_is_removed_is_signed_out(desk: Desk) -> None:
    """Its browsers open nothing, and its name stays in the trail."""
    ann, bo = desk.add("Ann", *Role), desk.add("Bo", Role.AUTHOR)
    with desk.visit(ann) as client, desk.visit(bo) as other:
        client.post(f"{STAFF}/{bo.id}/remove")
        gone = other.get("/console/").status_code
        trail = _rows(client.get("/console/settings/trail"))

    assert gone == 303
    assert trail[0][1:] == ["Ann", "remove", "staff", "Bo"]


def test_every_act_is_in_the_trail_newest_first(desk: Desk) -> None:
    """Who did what to what is told, a hundred lines at a time; readers only to those who may know."""
    now = clock.now()
    subscribing.add(desk.site.store, "reader@example.org", consent="yes", source="t", now=now)
    with desk.site.store.write() as tx:
        from publisher.store import subscribers  # noqa: PLC0415 - only here

        subscribers.unsubscribe(tx, 1, now=now)
    ann, bo = desk.add("Ann", *Role), desk.add("Bo", Role.AUTHOR)
    for turn in range(60):
        roles = [Role.AUTHOR] if turn % 2 else [Role.REVIEWER]
        staffing.set_roles(desk.site.store, bo, [*roles, Role.AUTHOR], by="Ann", now=now)
    with desk.visit(ann) as client, desk.visit(bo) as other:
        first = client.get("/console/settings/trail")
        newest = _rows(first)
        masked = other.get("/console/settings/trail")

    people = [row for row in newest if "subscriber" in row[3]]
    assert people[0][1:4] == ["subscriber", "unsubscribe", "subscriber reader@example.org"]
    assert newest[2][1:4] == ["Ann", "roles", "staff"]
    assert "reader@example.org" not in masked.text
    assert "r•••@example.org" in masked.text
