"""What comes, when, and that it can end: by the links in each letter, and only by a press."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.visits import ADDRESS, Visit, dump, links_of, tree, visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder


@pytest.fixture
def visit(folder: Folder) -> Iterator[Visit]:
    """A site with two digests, one series and one post."""
    folder.configure(
        digests__monthly='title = "Monthly letter"\nschedule = "first monday of the month at 07:30"'
    )
    with visiting(folder) as one:
        yield one


@pytest.fixture
def token(visit: Visit) -> str:
    """The token of one person's links."""
    return visit.join()


def _choose(visit: Visit, token: str, *, without: str = "", **values: str) -> str:
    """Save the page of choices with these answers changed; return the page that comes of it."""
    form = tree(visit.client.get(f"/preferences/{token}").text).forms[0]
    answers = [(name, value) for name, value in form.form_values() if value != without]
    kept: dict[str, list[str] | str] = {}
    for name, value in answers:
        kept.setdefault(name, [])
        kept[name] = [*kept[name], value]
    return visit.client.post(f"/preferences/{token}", data={**kept, **values}).text


def _ticked(visit: Visit, token: str) -> dict[str, list[str]]:
    form = tree(visit.client.get(f"/preferences/{token}").text).forms[0]
    ticked: dict[str, list[str]] = {}
    for name, value in form.form_values():
        ticked.setdefault(name, []).append(value)
    return ticked


# ------------------------------------------------------------------------------------- the choices


def test_the_page_shows_how_it_stands(visit: Visit, token: str) -> None:
    """Everything that can be chosen is there as it is now, the address masked."""
    page = visit.client.get(f"/preferences/{token}").text

    assert "Weekly letter comes to a•••@example.net." in page
    assert _ticked(visit, token) == {"digest": ["weekly"], "series": ["sleep"], "pause": ["keep"]}
    assert ADDRESS not in page


def test_digest_series_and_form_are_kept(visit: Visit, token: str) -> None:
    """What is ticked is kept, and shown ticked the next time."""
    saved = _choose(
        visit, token, without="sleep", digest="monthly", discreet="yes", plain_text="yes"
    )

    (person,) = visit.folder.json("subscribers", "ls")
    assert "Saved" in saved
    assert (person["digests"], person["series"], person["discreet"]) == (
        ["monthly"],
        ["sleep"],
        True,
    )
    assert _ticked(visit, token) == {
        "digest": ["monthly"],
        "discreet": ["yes"],
        "plain_text": ["yes"],
        "pause": ["keep"],
    }


def test_a_series_not_shown_now_stays_left_out(visit: Visit, token: str) -> None:
    """A choice about a series that is away at present is not lost by saving another."""
    visit.folder.post("worry/01-one.md", "One")
    visit.folder.run("build")
    _choose(visit, token, without="worry")
    (visit.folder.path / "posts" / "worry" / "01-one.md").write_text(
        "---\ntitle: One\ndate: 2026-11-01\nwithdrawn: '2026-11-23 Wrong'\n---\n\nNo.\n", "utf-8"
    )
    visit.folder.run("build")
    offered = visit.client.get(f"/preferences/{token}").text
    _choose(visit, token, discreet="yes")

    assert "worry" not in offered
    assert visit.folder.json("subscribers", "ls")[0]["series"] == ["worry"]


def test_no_letter_at_all_is_told(visit: Visit, token: str) -> None:
    """With every digest unticked nothing changes; pausing and leaving are offered instead."""
    page = visit.client.post(f"/preferences/{token}", data={"series": "sleep"})

    assert page.status_code == 422
    assert "Tick at least one, or unsubscribe below" in page.text
    assert _ticked(visit, token)["digest"] == ["weekly"]


@pytest.mark.parametrize(
    ("months", "until"),
    [("1", "23 December 2026"), ("2", "23 January 2027"), ("3", "23 February 2027")],
)
def test_a_pause_has_an_end(visit: Visit, token: str, months: str, until: str) -> None:
    """A pause is told with its last day, stays as other things are saved, and can be ended."""
    paused = _choose(visit, token, pause=months)
    still = _choose(visit, token, discreet="yes")
    ended = _choose(visit, token, pause="0")

    assert f"Nothing comes before {until}." in paused
    assert f"Nothing comes before {until}." in still
    assert "Nothing comes before" not in ended


@pytest.mark.parametrize("pause", ["4", "12", "99999999999"])
def test_a_pause_beyond_the_offer_is_none(visit: Visit, token: str, pause: str) -> None:
    """Nobody is paused for longer than the page offers."""
    page = visit.client.post(f"/preferences/{token}", data={"digest": "weekly", "pause": pause})

    assert page.status_code == 422
    assert "Nothing comes before" not in page.text


# ----------------------------------------------------------------------------------- out, and back


def test_an_unsubscribe_is_undone_by_one_press(visit: Visit, token: str) -> None:
    """The page that says goodbye has one button that takes it back, as if nothing had been."""
    left = visit.client.post(f"/u/{token}", headers={"Accept": "text/html"})
    between = visit.people()
    undo = tree(left.text).forms[0].action
    back = visit.client.post(undo)
    again = visit.client.post(undo)

    assert undo == f"/u/{token}/undo"
    assert between == [f"{ADDRESS} unsubscribed"]
    assert "you are on the list" in back.text and again.status_code == 200
    assert visit.people() == [f"{ADDRESS} active"]
    assert visit.folder.json("suppressions", "ls") == []


def test_undo_is_for_a_day(visit: Visit, token: str) -> None:
    """Later the way back is the form: a letter that was passed on years ago brings nobody back."""
    visit.client.post(f"/u/{token}")
    visit.clock.later(days=1, seconds=1)

    late = visit.client.post(f"/u/{token}/undo")

    assert late.status_code == 409
    assert "too late" in late.text
    assert visit.people() == [f"{ADDRESS} unsubscribed"]


def test_undo_does_not_lift_what_staff_said(visit: Visit, token: str) -> None:
    """A standing fact of another reason stays."""
    visit.folder.run("suppressions", "add", ADDRESS)

    assert visit.client.post(f"/u/{token}/undo").status_code == 409
    assert [one["reason"] for one in visit.folder.json("suppressions", "ls")] == ["staff"]


def test_who_left_is_shown_the_way_back(visit: Visit, token: str) -> None:
    """The links of who left say so, and lead to the form."""
    visit.client.post(f"/u/{token}")

    for path in (f"/u/{token}", f"/preferences/{token}"):
        page = tree(visit.client.get(path).text)
        assert "/subscribe" in page.xpath("//main//a/@href"), path


# -------------------------------------------------------------------------- what is kept of a person


def test_the_link_to_ones_data_is_mailed(visit: Visit, token: str) -> None:
    """A letter can be passed on: its links show no data; the mailed one does, for an hour."""
    asked = visit.client.post(f"/preferences/{token}/data")
    (mail,) = visit.mails()
    (data,) = links_of(mail)
    shown = visit.client.get(data)
    listed = visit.client.post(f"{data}/show")
    visit.clock.later(hours=1, seconds=1)
    late = visit.client.get(data)

    assert "/data/" not in asked.text
    assert mail["To"] == ADDRESS
    assert ADDRESS not in shown.text
    assert ADDRESS in listed.text and "your email address" in listed.text
    assert "Send Riverside Letters to my address by email." in listed.text
    assert late.status_code == 404 and "no longer works" in late.text


def test_everything_is_taken_along(visit: Visit, token: str) -> None:
    """The download has every row about the person, in a form that programs read."""
    data = visit.data_link(token)

    reply = visit.client.post(f"{data}/export")

    kept = reply.json()
    assert reply.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert kept["subscribers"][0]["address"] == ADDRESS
    assert [one["kind"] for one in kept["notices"]] == ["confirm", "welcome", "erase"]
    assert kept["consents"][0]["confirmed_at"]
    assert kept["subscriptions"] == [{"subscriber_id": 1, "digest": "weekly"}]


def test_everything_is_erased_but_a_keyed_hash(visit: Visit, token: str) -> None:
    """Erased, the person is in no table; the page says what is kept, and every link is dead."""
    data = visit.data_link(token)
    page = visit.client.get(data).text
    gone = visit.client.post(f"{data}/erase")
    again = visit.client.post(f"{data}/erase")
    dead = [visit.client.get(f"/{one}/{token}").status_code for one in ("u", "preferences")]

    (suppressed,) = visit.folder.json("suppressions", "ls")
    assert "keyed fingerprint" in page and "keyed fingerprint" in gone.text
    assert visit.people() == []
    assert suppressed["reason"] == "erased"
    assert again.status_code == 404
    assert dead == [404, 404]
    assert "anna" not in repr(dump(visit.site)).lower()


def test_who_was_erased_can_come_back_and_nobody_else_brings_them(
    visit: Visit, token: str
) -> None:
    """Staff cannot add an erased address; its owner can, by the form, as somebody new."""
    visit.client.post(f"{visit.data_link(token)}/erase")
    added = visit.folder.run("subscribers", "add", ADDRESS)
    visit.clock.later(days=2)
    new = visit.join()

    assert added.code == 5
    assert new != token
    assert visit.people() == [f"{ADDRESS} active"]
    assert visit.folder.json("suppressions", "ls") == []


def test_a_person_moves_to_another_address(visit: Visit, token: str) -> None:
    """The new mailbox confirms; choices and links move along, and the link is used up."""
    _choose(visit, token, discreet="yes")
    data = visit.data_link(token)
    asked = visit.client.post(f"{data}/move", data={"email": "Neu@example.org"})
    before = visit.people()
    (mail,) = visit.mails()
    (confirm,) = links_of(mail)
    shown = visit.client.get(confirm)
    moved = visit.client.post(confirm)

    (person,) = visit.folder.json("subscribers", "ls")
    assert "Check the new mailbox" in asked.text
    assert before == [f"{ADDRESS} active"]
    assert mail["To"] == "Neu@example.org"
    assert "N•••@example.org" in shown.text
    assert "Your letters have moved" in moved.text
    assert (person["email"], person["discreet"], person["id"]) == ("Neu@example.org", True, 1)
    assert visit.client.post(confirm).status_code == 404
    assert visit.client.get(data).status_code == 404
    assert visit.client.get(f"/preferences/{token}").status_code == 200


def test_nobody_moves_onto_somebody_else(visit: Visit, token: str) -> None:
    """An address with a subscription of its own is told to its reader, and nothing moves."""
    visit.join("ben@example.net")
    visit.clock.later(days=2)
    data = visit.data_link(token)
    asked = visit.client.post(f"{data}/move", data={"email": "ben@example.net"})
    (confirm,) = visit.links()

    refused = visit.client.post(confirm)

    assert asked.status_code == 200
    assert refused.status_code == 409
    assert visit.people() == [f"{ADDRESS} active", "ben@example.net active"]


def test_a_move_to_what_is_no_address_is_told(visit: Visit, token: str) -> None:
    """The form comes back with what is wrong, and the link still works."""
    data = visit.data_link(token)

    reply = visit.client.post(f"{data}/move", data={"email": "nowhere"})

    assert reply.status_code == 422
    assert "That is no email address" in reply.text
    assert visit.client.get(data).status_code == 200


def test_links_to_ones_data_are_three_a_day(visit: Visit, token: str) -> None:
    """Whoever has a letter cannot fill its reader's mailbox."""
    for _ in range(5):
        visit.client.post(f"/preferences/{token}/data")

    assert len(visit.mails()) == 3


@pytest.mark.parametrize("kind", ["link", "bounce", "form"])
def test_one_links_token_opens_no_other(visit: Visit, token: str, kind: str) -> None:
    """The token of a letter, a return path or a form opens neither confirmation nor data."""
    given = {
        "link": token,
        "bounce": "A" * 32,
        "form": visit.fill("/subscribe")["time"],
    }[kind]

    for path in (f"/confirm/{given}", f"/data/{given}"):
        assert visit.client.get(path).status_code == 404
        assert visit.client.post(path).status_code in {404, 405}
