"""People come, choose and leave; what they said is kept, and nobody is mailed against their word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher import app, subscribing, tokens
from publisher.errors import ContentError, NotFound, Refused, UsageError
from publisher.model import SubscriberState
from publisher.operating import rotate_key
from publisher.store import schema, subscribers
from tests.flows.scenes import join, link_of, moment, recipients, rows, send, tick, use_relay

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
ASKED = "asked for it at the desk"
LIST = (
    "email,state,subscribed_at,confirmed_at,source,digests,series,discreet\n"
    "Anna@Example.net,active,2024-01-02T08:00:00Z,2024-01-02T09:00:00Z,form,weekly,sleep,true\n"
    "ben@example.net,active,,,,,,\n"
    "carla@example.net,unsubscribed,,,,,,\n"
    "dora@example.net,cleaned,,,,,,\n"
    "emil@example.net,pending,,,,,,\n"
)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with nobody on its list."""
    return folder.open()


def _add(site: app.Site, address: str, consent: str = ASKED) -> bool:
    return subscribing.add(site.store, address, consent=consent, source="staff", now=NOW)


def _import(
    site: app.Site, text: str = LIST, consent: str = "", *, dry_run: bool = False
) -> subscribing.Import:
    return subscribing.import_list(
        site.store, text.encode(), "list.csv", consent=consent, dry_run=dry_run, now=NOW
    )


def _totals(done: subscribing.Import) -> tuple[int, int, int, int]:
    return done.added, done.known, done.suppressed, done.left_out


def _people(site: app.Site) -> list[str]:
    return [f"{one.address.typed} {one.state}" for one in subscribing.list_people(site.store)]


# ----------------------------------------------------------------------------------------- adding


def test_a_person_who_agreed_is_active_at_once_with_proof(site: app.Site) -> None:
    """Added with how they agreed, a person is on the list; wording, source and time are kept."""
    added = _add(site, "anna@example.net")

    (anna,) = subscribing.list_people(site.store)
    consents = schema.consents.c
    proof = rows(site, schema.consents, consents.wording, consents.source, consents.confirmed_at)
    assert added
    assert (anna.state, anna.confirmed_at) == (SubscriberState.ACTIVE, NOW)
    assert proof == [(ASKED, "staff", NOW)]


def test_a_known_address_is_left_as_it_is(site: app.Site) -> None:
    """The same mailbox in another spelling of case or domain is the same person, once."""
    _add(site, "anna@bücher.example")

    again = _add(site, " ANNA@xn--bcher-kva.example ")

    assert not again
    assert _people(site) == ["anna@xn--bcher-kva.example active"]


@pytest.mark.parametrize(
    "text", ["", "anna", "anna@", "a b@example.net", "anna@example.net\r\nX: y"]
)
def test_what_is_no_address_is_refused(site: app.Site, text: str) -> None:
    """Text that no mail can be sent to adds nobody and says what was expected."""
    with pytest.raises(UsageError, match="an email address such as"):
        _add(site, text)

    assert _people(site) == []


def test_nobody_is_added_without_consent(site: app.Site) -> None:
    """Without a word of how they agreed nobody is added."""
    with pytest.raises(Refused, match="how this person agreed"):
        _add(site, "anna@example.net", "  ")

    assert _people(site) == []


def test_who_left_is_not_added_again_by_staff(site: app.Site) -> None:
    """A person who left comes back only by their own hand; the address is masked in what is said."""
    _add(site, "anna@example.net")
    subscribing.unsubscribe(site.store, link_of(site, 1), now=NOW)

    with pytest.raises(Refused) as told:
        _add(site, "anna@example.net")

    assert told.value.problems[0].path == "a•••@example.net"
    assert _people(site) == ["anna@example.net unsubscribed"]


def test_a_sample_reader_joins_only_an_empty_list(site: app.Site) -> None:
    """A first rehearsal gets a made-up reader; a list with anybody on it stays as it is."""
    first = subscribing.ensure_sample_reader(site.store, "sample@example.org", now=NOW)
    again = subscribing.ensure_sample_reader(site.store, "other@example.org", now=NOW)

    assert (first, again) == (True, False)
    assert _people(site) == ["sample@example.org active"]


def test_a_person_is_found_by_address(site: app.Site) -> None:
    """Any spelling of the address finds the person; another address finds nobody."""
    _add(site, "anna@example.net")

    found = subscribing.find_by_address(site.store, subscribing.read_address("ANNA@example.net"))
    other = subscribing.find_by_address(site.store, subscribing.read_address("ben@example.net"))

    assert found is not None
    assert (found.id, other) == (1, None)


# ------------------------------------------------------------------------------------------ lists


def test_a_list_is_taken_in_with_what_people_said(site: app.Site) -> None:
    """Confirmed people join with their choices and times; who left becomes a do-not-mail fact."""
    done = _import(site)

    (anna,) = subscribing.list_people(site.store)
    reasons = rows(site, schema.suppressions, schema.suppressions.c.reason)
    assert _totals(done) == (1, 0, 2, 0)
    assert (anna.address.typed, anna.digests, anna.series) == (
        "Anna@example.net",
        ("weekly",),
        ("sleep",),
    )
    assert (anna.discreet, anna.source) == (True, "form")
    assert anna.confirmed_at == moment("2024-01-02 09:00")
    assert anna.subscribed_at == moment("2024-01-02 08:00")
    assert reasons == [("cleaned",), ("unsubscribed",)]


def test_a_row_without_proof_is_refused_and_counted(site: app.Site) -> None:
    """Without a time of confirmation, or a word of how they agreed, a row adds nobody."""
    done = _import(site)

    assert [(problem.code, problem.line, problem.level) for problem in done.problems] == [
        ("subscriber.consent", 3, "error"),
        ("subscriber.pending", 6, "warning"),
    ]


def test_consent_given_for_a_list_is_kept_with_each(site: app.Site) -> None:
    """How they agreed, said once for the list, is proof for every row that has none."""
    done = _import(site, consent=ASKED)

    consents = schema.consents.c
    proof = rows(site, schema.consents, consents.subscriber_id, consents.wording, consents.source)
    assert done.added == 2
    assert [row[1] for row in proof] == [ASKED, ASKED]
    assert proof[1][2].startswith("import ")


def test_a_second_import_changes_nothing(site: app.Site) -> None:
    """The same list again adds nobody, suppresses nobody, and says that they are known."""
    _import(site, consent=ASKED)
    before = subscribing.export_list(site.store)

    again = _import(site, consent=ASKED)

    assert _totals(again) == (0, 2, 0, 0)
    assert subscribing.export_list(site.store) == before


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_a_rehearsed_import_counts_the_same_and_keeps_nothing(
    site: app.Site, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """A dry run says what an import would do, whom it knows included, and writes nothing."""
    monkeypatch.setattr(subscribing.lists, "_BATCH", batch)
    _add(site, "ben@example.net")

    would = _import(site, consent=ASKED, dry_run=True)
    kept = _people(site), rows(site, schema.suppressions)
    did = _import(site, consent=ASKED)

    assert kept == (["ben@example.net active"], [])
    assert _totals(would) == _totals(did) == (1, 1, 2, 0)
    assert would.problems == did.problems


def test_who_left_here_is_not_brought_back_by_a_list(site: app.Site) -> None:
    """A standing do-not-mail fact outlives every list; how many were left out is said once."""
    _add(site, "ben@example.net")
    subscribing.unsubscribe(site.store, link_of(site, 1), now=NOW)

    done = _import(site, consent=ASKED)

    assert _totals(done) == (1, 0, 2, 1)
    assert done.notes[-1] == "1 left out: a standing do-not-mail fact."
    assert "ben@example.net unsubscribed" in _people(site)


def test_who_left_by_a_list_is_mailed_no_more(folder: Folder) -> None:
    """A list that says somebody left stops their letters, although they are on ours."""
    folder.post("one.md", "One")
    use_relay(folder)
    site = folder.open()
    join(site, "carla", "fay")
    _import(site)
    tick(site, NOW, digest="weekly")

    way_out, _ = send(site, NOW)

    assert recipients(way_out) == ["fay", "Anna"]


def test_a_file_that_is_no_list_is_told(site: app.Site) -> None:
    """A file without a column of addresses takes nobody in."""
    with pytest.raises(ContentError):
        _import(site, "name,age\nAnna,41\n")


def test_an_exported_list_comes_back_equal(
    folder: Folder, site: app.Site, renew: Callable[[str], None]
) -> None:
    """What is exported is what another site of ours imports, choices and times included."""
    _import(site, consent=ASKED)
    text = subscribing.export_list(site.store)
    renew("other")
    other = folder.open()

    _import(other, text)

    assert subscribing.export_list(other.store) == text


# ---------------------------------------------------------------------------------------- leaving


def test_a_link_finds_its_person_also_after_its_key_was_rotated(site: app.Site) -> None:
    """Links in letters stay good: a retired key still opens them, and a forged one opens nothing."""
    (anna,) = join(site, "anna")
    old = link_of(site, anna)
    rotate_key(site.store, "link", b"k" * 32, now=NOW)

    found = subscribing.find_by_token(site.store, old)

    assert found is not None
    assert found.id == anna
    assert link_of(site, anna) != old
    assert subscribing.find_by_token(site.store, tokens.inert("link")) is None
    assert subscribing.find_by_token(site.store, "nonsense") is None


def test_to_leave_takes_one_click_and_again_is_harmless(site: app.Site) -> None:
    """The first click ends the subscription and records why no mail may go; the second changes nothing."""
    (anna,) = join(site, "anna")
    link = link_of(site, anna)

    first = subscribing.unsubscribe(site.store, link, now=NOW)
    again = subscribing.unsubscribe(site.store, link, now=NOW)

    suppressions = schema.suppressions.c
    assert (first, again) == (True, False)
    assert _people(site) == ["anna@example.net unsubscribed"]
    assert rows(site, schema.suppressions, suppressions.reason, suppressions.evidence) == [
        ("unsubscribed", "link")
    ]


@pytest.mark.parametrize("kind", ["nonsense", "inert", "another purpose", "erased"])
def test_a_link_that_is_not_ours_ends_nothing(site: app.Site, kind: str) -> None:
    """A link that we did not make for a person there is says so and changes nothing."""
    (anna, ben) = join(site, "anna", "ben")
    link = link_of(site, ben)
    with site.store.write() as tx:
        tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == ben))
        bounce = tokens.make(subscribers.load_keys(tx, "bounce")[0], anna)
    given = {"nonsense": "x", "inert": tokens.inert("link"), "another purpose": bounce}

    with pytest.raises(NotFound, match="a link from one of our letters"):
        subscribing.unsubscribe(site.store, given.get(kind, link), now=NOW)

    assert _people(site) == ["anna@example.net active"]
    assert rows(site, schema.suppressions) == []
