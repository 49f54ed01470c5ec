"""People who come, go or are erased while an edition is sent: rows U1 to U3 of the faults."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from typing_extensions import override

from publisher import app, subscribing
from publisher.store import schema
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    counts,
    join,
    link_of,
    moment,
    only,
    recipients,
    rows,
    send,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.model import Envelope, Outcome
    from tests.conftest import Folder

SEEN = moment("2026-11-23 12:00")
SLOT = moment("2026-11-24 12:30")


class Watched(MemoryTransport):
    """Does something while a mail is on the wire."""

    def __init__(self, meanwhile: Callable[[str], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    @override
    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        self._meanwhile(envelope.recipient.partition("@")[0])
        return super().send(envelope, data)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with an edition that is open for four readers."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    folder.configure(mail__smtp='host = "127.0.0.1"\nport = 9\nsecurity = "none"\nconnections = 1')
    site = folder.open()
    join(site, "anna", "ben", "cleo", "dora")
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def test_u1_who_leaves_before_the_sending_gets_nothing(site: app.Site) -> None:
    """An unsubscribe between opening and sending is in force; the row says why."""
    subscribing.unsubscribe(site.store, link_of(site, 2), now=SLOT)

    out, _ = send(site, SLOT)

    assert recipients(out) == ["anna", "cleo", "dora"]
    assert counts(site, only(site)) == {"accepted": 3, "suppressed": 1}


def test_u1_who_leaves_on_the_wire_has_this_and_no_later_one(
    folder: Folder, site: app.Site
) -> None:
    """The mail on the wire is finished; whoever was to come after it is left out."""

    def leave(name: str) -> None:
        if name == "anna":
            for one in (1, 4):
                subscribing.unsubscribe(site.store, link_of(site, one), now=SLOT)

    out, _ = send(site, SLOT, Watched(leave))
    folder.post("two.md", "Two", date="2026-11-25")
    tick(site, SLOT + 7 * DAY)
    later, _ = send(site, SLOT + 7 * DAY)

    assert "anna" in recipients(out) and "dora" not in recipients(out)
    assert recipients(later) == ["ben", "cleo"]


def test_u1_an_undo_before_the_sending_counts_too(site: app.Site) -> None:
    """Taken back in time, an unsubscribe costs nobody the letter."""
    subscribing.unsubscribe(site.store, link_of(site, 2), now=SLOT)
    subscribing.undo_unsubscribe(site.store, link_of(site, 2), now=SLOT)

    out, _ = send(site, SLOT)

    assert recipients(out) == ["anna", "ben", "cleo", "dora"]


def test_u2_who_is_erased_midway_leaves_a_number_and_the_counts_balance(site: app.Site) -> None:
    """Erased before and after their mail, people are in no table by name; the edition ends whole."""

    def erase(name: str) -> None:
        if name == "ben":
            for one in ("anna", "dora"):
                subscribing.erase_by_address(site.store, f"{one}@example.net", now=SLOT)

    out, _ = send(site, SLOT, Watched(erase))

    edition = only(site)
    everything = repr(
        [rows(site, table) for table in schema.metadata.sorted_tables if table.name != "letters"]
    )
    assert recipients(out) == ["anna", "ben", "cleo"]
    assert counts(site, edition) == {"accepted": 3, "suppressed": 1}
    assert (edition.state, edition.audience) == ("sent", 4)
    assert "anna@" not in everything and "dora@" not in everything


def test_u3_who_comes_after_the_opening_waits_for_the_next(folder: Folder, site: app.Site) -> None:
    """A person who confirms while an edition is sent gets the next one, with what is new since."""

    def come(name: str) -> None:
        if name == "anna":
            join(site, "eve")

    out, _ = send(site, SLOT, Watched(come))
    folder.post("two.md", "Two", date="2026-11-25")
    tick(site, SLOT + 7 * DAY)
    later, _ = send(site, SLOT + 7 * DAY)

    assert recipients(out) == ["anna", "ben", "cleo", "dora"]
    assert recipients(later) == ["anna", "ben", "cleo", "dora", "eve"]


def test_who_pauses_is_left_out_until_then(folder: Folder, site: app.Site) -> None:
    """In a pause no edition opens for a person; after it the next one does."""
    send(site, SLOT)
    choices = subscribing.Choices(
        digests=(), series=(), discreet=False, plain_text=False, pause_months=1
    )
    offer = subscribing.Offer(digests=("weekly",), series=())
    subscribing.choose(
        site.store, link_of(site, 1), choices, offer, zone="America/New_York", now=SLOT
    )
    folder.post("two.md", "Two", date="2026-11-25")
    tick(site, SLOT + 7 * DAY)
    away, _ = send(site, SLOT + 7 * DAY)
    folder.post("three.md", "Three", date="2026-12-25")
    tick(site, SLOT + 35 * DAY)
    back, _ = send(site, SLOT + 35 * DAY)

    anna = subscribing.get_by_token(site.store, link_of(site, 1))
    assert anna.paused_until == moment("2026-12-24 05:00")
    assert recipients(away) == ["ben", "cleo", "dora"]
    assert recipients(back) == ["anna", "ben", "cleo", "dora"]


def test_who_wants_plain_text_gets_no_other_part(site: app.Site) -> None:
    """The mail is one part of text, whole with its links; everybody else's is as before."""
    with site.store.write() as tx:
        tx.execute(
            sa.update(schema.subscribers)
            .where(schema.subscribers.c.id == 2)
            .values(plain_text=True)
        )

    out, _ = send(site, SLOT)

    mails = {
        envelope.recipient.partition("@")[0]: email.message_from_bytes(
            data, policy=email.policy.default
        )
        for envelope, data in out.accepted
    }
    plain, usual = mails["ben"], mails["anna"]
    text = plain.get_content()
    part = usual.get_body(("plain",))
    assert plain.get_content_type() == "text/plain"
    assert usual.get_content_type() == "multipart/alternative"
    assert part is not None
    own = text.replace(link_of(site, 2), "T").replace("\r\n", "\n")
    assert own == part.get_content().replace(link_of(site, 1), "T").replace("\r\n", "\n")
    assert plain["List-Unsubscribe"] and plain["MIME-Version"] == "1.0"
    assert max(map(len, out.accepted[1][1].split(b"\r\n"))) <= 998
