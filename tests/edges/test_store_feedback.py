"""Reports and suppressions in the store: once by digest, about one edition, by hash alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher.model import DeliveryState, Meaning, ReportKind
from publisher.store import feedback, retention, schema, subscribers
from tests import stores
from tests.factories import NOON
from tests.stores import add_people, make_person

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.store import Store

store, home, prepared_file = stores.store, stores.home, stores.prepared_file
DAY = timedelta(days=1)


def _bounce(sha256: str, reader: int, edition: int | None, **changes: object) -> feedback.Row:
    fields = {"meaning": Meaning.SOFT, "status": "5.2.2", "reply": "full"} | changes
    return feedback.Row(
        sha256=sha256,
        kind=ReportKind.BOUNCE,
        subscriber_id=reader,
        edition_id=edition,
        **fields,  # type: ignore[arg-type]
    )


def _accept(
    store: Store, edition_id: int, at: datetime, state: DeliveryState = DeliveryState.ACCEPTED
) -> None:
    with store.write() as tx:
        tx.execute(
            sa.update(schema.deliveries)
            .where(schema.deliveries.c.edition_id == edition_id)
            .values(state=state, first_attempt_at=at)
        )


def test_a_report_is_kept_once(store: Store) -> None:
    """The second of one digest is told and changes nothing."""
    with store.write() as tx:
        first = feedback.add_report(tx, _bounce("a", 1, None), now=NOON)
        again = feedback.add_report(tx, _bounce("a", 2, None, reply="other"), now=NOON + DAY)
        known = feedback.is_known(tx, "a"), feedback.is_known(tx, "b")

    assert (first, again, known) == (True, False, (True, False))


def test_a_bounce_has_a_meaning_and_nothing_else_has(store: Store) -> None:
    """The table refuses a bounce that was not judged."""
    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        feedback.add_report(tx, _bounce("a", 1, None, meaning=None), now=NOON)


def test_the_editions_a_reader_got_come_with_their_bounces(store: Store) -> None:
    """Accepted or uncertain, not rehearsed, until then, the newest first."""
    (reader,) = add_people(store, 1)
    ids = []
    for day, post in enumerate(("p1", "p2", "p3", "p4")):
        frozen = stores.freeze_edition(store, day=day, post_ids=(post,), rehearsal=day == 3)
        ids.append(stores.open_edition(store, frozen).id)
        _accept(store, ids[-1], NOON + day * DAY)
    _accept(store, ids[1], NOON + DAY, DeliveryState.UNCERTAIN)
    with store.write() as tx:
        feedback.add_report(tx, _bounce("a", reader, ids[0]), now=NOON)
        feedback.add_report(
            tx, _bounce("b", reader, ids[0], meaning=Meaning.OURS, status=""), now=NOON + DAY
        )
        feedback.add_report(tx, _bounce("c", reader + 1, ids[1]), now=NOON)
        feedback.add_report(tx, _bounce("d", reader, None), now=NOON)
        mailed = feedback.read_mailed(tx, reader, until=NOON + 9 * DAY)
        earlier = feedback.read_mailed(tx, reader, until=NOON)
        nobody = feedback.read_mailed(tx, reader + 1, until=NOON + 9 * DAY)

    assert [(one.edition_id, one.name, one.at) for one in mailed] == [
        (ids[2], "weekly/3", NOON + 2 * DAY),
        (ids[1], "weekly/2", NOON + DAY),
        (ids[0], "weekly/1", NOON),
    ]
    assert [one.bounces for one in mailed] == [
        (),
        (),
        ((Meaning.SOFT, "5.2.2"), (Meaning.OURS, "")),
    ]
    assert [one.edition_id for one in earlier] == [ids[0]]
    assert nobody == []


def test_a_rejected_mail_is_no_edition_a_reader_got(store: Store) -> None:
    """What a server refused at the door did not come back later."""
    (reader,) = add_people(store, 1)
    edition = stores.open_edition(store)
    _accept(store, edition.id, NOON, DeliveryState.REJECTED)

    with store.read() as tx:
        assert feedback.read_mailed(tx, reader, until=NOON + DAY) == []


def test_a_reader_is_known_by_id_and_hash(store: Store) -> None:
    """As much of a person as a verdict needs; None where there is nobody."""
    with store.write() as tx:
        subscribers.add(tx, [make_person("ada")])
        found = feedback.read_reader(tx, 1)
        nobody = feedback.read_reader(tx, 2)

    assert found == feedback.Reader(id=1, address_hash="hash of ada")
    assert nobody is None


def test_suppressions_are_listed_with_the_address_where_there_is_one(store: Store) -> None:
    """The newest first; found by the beginning of the hash, and taken back once."""
    with store.write() as tx:
        subscribers.add(tx, [make_person("ada")])
        subscribers.suppress(tx, [("hash of ada", "bounced", "550")], now=NOON)
        subscribers.suppress(tx, [("hash%of_zoe", "staff", "")], now=NOON + DAY)
        listed = feedback.read_suppressions(tx)
        found = [feedback.find_suppressions(tx, one) for one in ("hash", "hash of", "hash_", "x")]
        removed = [feedback.remove_suppression(tx, "hash of ada") for _ in range(2)]

    assert [(one.address, one.reason, one.evidence) for one in listed] == [
        ("", "staff", ""),
        ("ada@example.org", "bounced", "550"),
    ]
    assert [len(one) for one in found] == [2, 1, 0, 0]
    assert found[1] == [("hash of ada", "bounced")]
    assert removed == [True, False]


def test_a_persons_own_will_replaces_what_was_nobodys(store: Store) -> None:
    """And is never replaced, neither by a bounce nor by a later will."""
    with store.write() as tx:
        subscribers.suppress(tx, [("h1", "bounced", "550"), ("h2", "staff", "")], now=NOON)
        added = subscribers.suppress(
            tx, [("h1", "complained", "abuse"), ("h3", "unsubscribed", "link")], now=NOON + DAY
        )
        subscribers.suppress(tx, [("h1", "unsubscribed", "x"), ("h3", "bounced", "y")], now=NOON)
        listed = {one.address_hash: one for one in feedback.read_suppressions(tx)}

    assert added == 1
    told = {key: (one.reason, one.evidence) for key, one in listed.items()}
    assert told == {
        "h1": ("complained", "abuse"),
        "h2": ("staff", ""),
        "h3": ("unsubscribed", "link"),
    }
    assert listed["h1"].suppressed_at == NOON + DAY


def test_what_was_said_is_forgotten_and_that_it_came_is_not(store: Store) -> None:
    """A report that is forgotten still counts once only."""
    with store.write() as tx:
        feedback.add_report(tx, _bounce("old", 1, None), now=NOON)
        feedback.add_report(tx, _bounce("new", 1, None), now=NOON + 2 * DAY)
        before = NOON + DAY
        limits = retention.Limits(
            said=before, asked=before, noticed=before, let_in=before, typed=before
        )
        has_old = retention.has_old(tx, limits)
        forgotten = retention.forget(tx, limits)
        again = retention.has_old(tx, limits)
        kept = tx.execute(
            sa.select(schema.reports.c.sha256, schema.reports.c.reply).order_by("sha256")
        ).all()

    assert (has_old, forgotten, again) == (True, 1, False)
    assert [tuple(row) for row in kept] == [("new", "full"), ("old", "")]
