"""Staff on each database: accounts, links that work once, sessions, and what they change of drafts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from publisher import app, editing, staffing
from publisher.errors import NotFound, Refused, UsageError
from publisher.model import EditionState, Edits, Role
from publisher.staffing.limits import MOST_KEYS, Limiter
from tests.conftest import NOON
from tests.flows.scenes import all_editions, join, moment, only, tick, titles, use_relay

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.app import Site
    from publisher.model import Staff
    from tests.conftest import Folder

PASSWORD = "a few plain words"
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def site(folder: Folder) -> Site:
    """A site without staff."""
    return folder.open()


def _add(site: Site, name: str, *roles: Role) -> Staff:
    return staffing.add(
        site.store, f"{name}@example.org", name=name, roles=roles, by="test", now=NOON
    )


def _at_once(act: Callable[[], Any], times: int = 4) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return [one.result() for one in [pool.submit(act) for _ in range(times)]]


def test_one_setup_link_makes_one_account(site: Site) -> None:
    """However many use it at once, one account is made, with every role; then there is no link."""
    token = staffing.make_setup_link(site.store, now=NOON)
    assert token

    made = _at_once(
        lambda: staffing.make_first(
            site.store,
            token,
            "ann@example.org",
            name="Ann",
            password=PASSWORD,
            agent="",
            now=LATER,
        )
    )

    assert sum(one is not None for one in made) == 1
    (ann,) = staffing.list_staff(site.store)
    assert (ann.roles, ann.has_password) == (frozenset(Role), True)
    assert staffing.make_setup_link(site.store, now=LATER) is None


def test_a_link_is_used_once_by_whoever_is_first(site: Site) -> None:
    """Of several at once one comes in; looked at it stays good, out of date it never was."""
    ann = _add(site, "Ann")
    token = staffing.make_link(site.store, ann, target="/console/x", now=NOON)
    old = staffing.make_link(site.store, ann, now=NOON - timedelta(hours=1))

    assert staffing.look_at_link(site.store, token, now=LATER) == (ann, "/console/x")
    came = _at_once(lambda: staffing.open_by_link(site.store, token, agent="", now=LATER))

    assert [one.target for one in came if one] == ["/console/x"]
    assert staffing.open_by_link(site.store, old, agent="", now=LATER) is None


def test_a_session_is_its_persons_and_ends(site: Site) -> None:
    """Signed in by password, found by its token, signed out, revoked, gone with the account."""
    ann, bo = _add(site, "Ann", Role.ADMIN), _add(site, "Bo", Role.AUTHOR)
    staffing.set_password(site.store, bo, PASSWORD, by="x", keep_session=None, now=NOON)
    come = [
        staffing.sign_in(site.store, "Bo@example.org", PASSWORD, agent="b", now=NOON)
        for _ in range(3)
    ]
    tokens = [one.token for one in come if one]
    found = [staffing.find_session(site.store, one, now=LATER) for one in tokens]
    sessions = [one[0] for one in found if one]

    assert len(set(tokens)) == 3
    assert [one.staff.name for one in sessions] == ["Bo"] * 3
    staffing.sign_out(site.store, sessions[0])
    assert staffing.find_session(site.store, tokens[0], now=LATER) is None
    assert staffing.revoke(site.store, sessions[1], only=None, now=LATER) == 1
    assert staffing.find_session(site.store, tokens[1], now=LATER)
    assert staffing.prove(site.store, sessions[1], "wrong words", now=LATER) is False
    assert staffing.prove(site.store, sessions[1], PASSWORD, now=LATER) is True
    staffing.remove(site.store, bo, by=ann.name, now=LATER)
    assert staffing.find_session(site.store, tokens[1], now=LATER) is None
    assert staffing.sign_in(site.store, "bo@example.org", PASSWORD, agent="", now=LATER) is None


def test_an_account_is_told_apart_and_the_last_admin_stays(site: Site) -> None:
    """No two share an address or a name in any case; nobody removes the last admin."""
    ann = _add(site, "Ann", Role.ADMIN)
    with pytest.raises(Refused, match="one of them is taken"):
        _add(site, "ANN")
    with pytest.raises(UsageError):
        staffing.add(site.store, "no address", name="X", roles=(), by="x", now=NOON)
    with pytest.raises(UsageError):
        staffing.add(site.store, "x@example.org", name="a\x00b", roles=(), by="x", now=NOON)
    with pytest.raises(Refused, match="another admin"):
        staffing.remove(site.store, ann, by="x", now=NOON)
    with pytest.raises(NotFound):
        staffing.find(site.store, "nobody@example.org")

    bo = _add(site, "Bo", Role.ADMIN)
    staffing.set_roles(site.store, ann, [], by="Bo", now=NOON)
    assert staffing.find(site.store, "ANN@example.org").roles == frozenset()
    with pytest.raises(Refused, match="another admin"):
        staffing.set_roles(site.store, bo, [Role.AUTHOR], by="Bo", now=NOON)


def test_every_act_is_in_the_trail(site: Site) -> None:
    """The newest first, with whom it was about also when they are gone."""
    _add(site, "Ann", Role.ADMIN)
    bo = _add(site, "Bo", Role.AUTHOR)
    staffing.remove(site.store, bo, by="Ann", now=NOON)

    told = [(one.by, one.verb, one.kind, one.detail) for one in app.read_trail(site, limit=2)]

    assert told == [("Ann", "remove", "staff", "Bo"), ("test", "add", "staff", "Bo: author")]


def test_a_draft_keeps_what_staff_changed(folder: Folder) -> None:
    """Order and words stay while the draft follows its posts, and are what is frozen at its slot."""
    use_relay(folder)
    for n, title in enumerate(("One", "Two", "Three"), start=1):
        folder.post(f"sleep/{n:02}-part-{n}.md", title)
    site = folder.open()
    join(site, "ann")
    seen, slot = moment("2026-11-23 13:00"), moment("2026-11-24 12:30")
    tick(site, seen)
    desk, _ = app.open_desk(site, now=seen)
    draft = only(site)
    with site.store.read() as tx:
        from publisher.store import editions  # noqa: PLC0415 - only here

        ids = [post_id for post_id, _ in editions.read_posts(tx, draft.id)]
    wanted = Edits(
        subject="By hand", intro="Dear reader", order=(ids[2], ids[0], ids[1]), left_out=(ids[1],)
    )

    changed = editing.change_draft(desk, draft, wanted, by="Ann", now=seen)
    tick(site, seen + timedelta(hours=1))
    tick(site, slot)

    sent = only(site)
    assert changed.state is EditionState.DRAFT
    assert titles(site, sent) == ["Three", "One"]
    assert sent.subject == "By hand"
    with pytest.raises(Refused, match="a draft or waits"):
        editing.change_draft(desk, sent, wanted, by="Ann", now=slot)
    folder.post("sleep/04-part-4.md", "Four")
    tick(site, moment("2026-12-01 12:30"))
    assert titles(site, all_editions(site)[-1]) == ["Two", "Four"]


def test_nothing_is_left_is_refused_and_undone(folder: Folder) -> None:
    """Leaving out every post changes nothing, not even what was changed before."""
    folder.post("one.md", "One")
    site = folder.open()
    seen = moment("2026-11-23 12:30")
    tick(site, seen)
    desk, _ = app.open_desk(site, now=seen)
    draft = only(site)
    with site.store.read() as tx:
        from publisher.store import editions  # noqa: PLC0415 - only here

        ((post_id, _),) = editions.read_posts(tx, draft.id)

    with pytest.raises(Refused, match="at least one post"):
        editing.change_draft(
            desk, draft, Edits(left_out=(post_id,), order=(post_id,)), by="Ann", now=seen
        )

    assert editing.read_edits(site.store, draft) == Edits()


def test_a_limit_counts_what_is_recent() -> None:
    """So many in a stretch of time; what is older, or forgotten, does not count."""
    limit = Limiter(2, timedelta(minutes=15))
    for n in range(2):
        assert limit.allows("ann", now=NOON)
        limit.count("ann", now=NOON + timedelta(seconds=n))

    assert not limit.allows("ann", now=LATER)
    assert limit.allows("bo", now=LATER)
    assert limit.allows("ann", now=NOON + timedelta(minutes=15))
    limit.count("ann", now=LATER)
    limit.forget("ann")
    assert limit.allows("ann", now=LATER)
    for n in range(MOST_KEYS + 10):
        limit.count(str(n), now=LATER)
    assert len(limit._tries) == MOST_KEYS
