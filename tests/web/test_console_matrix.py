"""The authorisation matrix: every route of the console, for each role, for all, and signed out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from publisher import staffing
from publisher.engine import clock
from publisher.model import Role
from publisher.web.console.routes import ROUTES, Needs, Route

if TYPE_CHECKING:
    import httpx

    from publisher.model import Staff
    from tests.web.conftest import Desk

READING = [route for route in ROUTES if route.method == "GET"]
ACTING = [route for route in ROUTES if route.method == "POST"]


def _address(route: Route) -> str:
    """Return an address of the route at which there is nothing: who may ask is told first."""
    return re.sub(r"\{[^}]*\}", "999", route.path)


def _ask(client: httpx.Client, route: Route) -> httpx.Response:
    return client.request(route.method, _address(route))


@pytest.fixture
def everybody(desk: Desk) -> dict[Role, Staff]:
    """Somebody with each role and no other."""
    return {role: desk.add(role.title(), role) for role in Role}


def test_signed_out_nothing_is_shown_or_done(desk: Desk) -> None:
    """Every page but those for coming in leads to signing in, and so does every act."""
    with desk.visit() as client:
        led = {
            (route.method, route.path): _ask(client, route).headers.get("location", "")
            for route in ROUTES
            if route.needs is not Needs.NOBODY
        }

    assert len(led) > 10
    assert [one for one, to in led.items() if not to.startswith("/console/sign-in")] == []


def test_each_role_may_what_the_table_says(desk: Desk, everybody: dict[Role, Staff]) -> None:
    """Whoever lacks the role of a route is refused in words; whoever has it is not."""
    wrong = []
    guarded = [one for one in ROUTES if one.needs is not Needs.NOBODY]
    for role, who in everybody.items():
        with desk.visit(who) as client:
            for route in guarded:
                if route.path == "/console/sign-out":
                    continue
                refused = _ask(client, route).status_code == 403
                may = route.needs is Needs.STAFF or role in route.needs.roles
                if refused is may:
                    wrong.append((role, route.method, route.path))
            if client.get("/console/").status_code != 200:
                wrong.append((role, "GET", "was signed out on the way"))

    assert wrong == []


def test_without_a_role_one_may_look_only(desk: Desk) -> None:
    """An account without a role reaches what all of staff may, and nothing that a role is for."""
    nobody = desk.add("Guest")
    with desk.visit(nobody) as client:
        refused = {route.path for route in READING if _ask(client, route).status_code == 403}

    assert refused == {route.path for route in READING if route.needs.roles}


def test_a_role_taken_away_is_gone_at_once(desk: Desk) -> None:
    """Who is signed in loses what the role was for with the next request, and an account its all."""
    ann, bo = desk.add("Ann", Role.ADMIN), desk.add("Bo", Role.ADMIN)
    with desk.visit(bo) as client:
        before = client.get("/console/settings/staff").status_code
        staffing.set_roles(desk.site.store, bo, [], by=ann.name, now=clock.now())
        after = client.get("/console/settings/staff").status_code
        staffing.remove(desk.site.store, bo, by=ann.name, now=clock.now())
        gone = client.get("/console/").status_code

    assert (before, after, gone) == (200, 403, 303)


def test_no_act_is_done_by_get(desk: Desk) -> None:
    """The address of an act, asked by GET, is no page: a link leads to no act."""
    shown = {route.path for route in READING}
    with desk.visit(desk.add("Ann", *Role)) as client:
        statuses = {
            route.path: client.get(_address(route)).status_code
            for route in ACTING
            if route.path not in shown
        }

    assert set(statuses.values()) == {404}


def test_every_answer_is_private_and_guarded(desk: Desk) -> None:
    """No cache keeps a page, no other site frames it, and no script or style of elsewhere runs."""
    with desk.visit(desk.add("Ann", *Role)) as client:
        for path in (
            "/console/",
            "/console/settings/staff",
            "/console/nowhere",
            "/console/sign-in",
        ):
            said = client.get(path).headers
            assert said["cache-control"] == "no-store", path
            assert said["referrer-policy"] == "same-origin"
            assert said["x-content-type-options"] == "nosniff"
            policy = said["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        style = re.search(r'href="(/console/assets/[^"]+)"', client.get("/console/").text)
        assert style
        given = client.get(style[1])

    assert given.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in given.headers["cache-control"]


def test_the_console_is_not_beside_the_files_where_it_has_an_address_of_its_own(
    desk: Desk,
) -> None:
    """Nothing of the built site lies below the console's address, and no file names it."""
    public = desk.folder.path / "public"

    assert not (public / "console").exists()
    assert all("/console/" not in page.read_text("utf-8") for page in public.rglob("*.html"))
