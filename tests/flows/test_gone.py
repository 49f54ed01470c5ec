"""Readers of whom a relay says that nobody is there: suppressed with the reply, unless all are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher.deliverability import REFUSED_MOST
from publisher.delivering import gone
from publisher.model import Accepted, EditionState, Outcome, Phase, Rejected
from publisher.store import schema
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    counts,
    join,
    leave,
    moment,
    move,
    only,
    rows,
    send,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from publisher import app
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
TAKEN = Accepted()


def _refused(reply: str, enhanced: str = "", *, phase: Phase = Phase.RCPT) -> Rejected:
    return Rejected(code=550, reply=reply, enhanced=enhanced, phase=phase)


GONE = _refused("no such mailbox", "5.1.1")


def _site(folder: Folder, readers: int, *, is_real: bool = True) -> app.Site:
    """A site whose first edition is open to so many readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    if is_real:
        use_relay(folder)
    site = folder.open()
    join(site, *(f"reader{n:02}" for n in range(1, readers + 1)))
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def _suppressed(site: app.Site) -> list[tuple[str, str, str]]:
    """Return who is suppressed, why, and by what evidence."""
    people, facts = schema.subscribers.c, schema.suppressions.c
    with site.store.read() as tx:
        found = tx.execute(
            sa.select(people.address, facts.reason, facts.evidence)
            .join(schema.subscribers, people.address_hash == facts.address_hash)
            .order_by(people.id)
        )
        return [(row[0].partition("@")[0], row[1], row[2]) for row in found]


def _send(site: app.Site, *said: Outcome) -> None:
    send(site, SLOT, MemoryTransport(said))


@pytest.mark.parametrize("phase", [Phase.RCPT, Phase.END])
def test_a_reader_who_is_gone_is_suppressed_with_the_reply(folder: Folder, phase: Phase) -> None:
    """5.1.1 at RCPT or after the dot: rejected, and never mailed again; the others are."""
    site = _site(folder, 3)
    _send(site, TAKEN, _refused("no such mailbox", "5.1.1", phase=phase))
    folder.post("sleep/02-two.md", "Two", date="2026-11-25")
    tick(site, SLOT + 7 * DAY)
    way_out, _ = send(site, SLOT + 7 * DAY)

    assert _suppressed(site) == [("reader02", "bounced", "weekly/1: 5.1.1 no such mailbox")]
    noted = rows(site, schema.events, schema.events.c.subject, schema.events.c.verb)
    assert ("subscriber:2", "suppress") in noted
    assert [one.recipient[:8] for one, _ in way_out.accepted] == ["reader01", "reader03"]


def test_a_relay_that_has_taken_nothing_yet_is_believed_with_its_first_mail(
    folder: Folder,
) -> None:
    """Before it took one it may say so of everybody; the mail it takes proves what it said before."""
    site = _site(folder, 4)
    _send(site, GONE, GONE, TAKEN)

    assert counts(site, only(site)) == {"accepted": 2, "rejected": 2}
    assert [one[0] for one in _suppressed(site)] == ["reader01", "reader02"]


def test_a_relay_that_takes_nothing_at_all_suppresses_nobody(folder: Folder) -> None:
    """All are rejected, since it said so, and nobody leaves the list for it."""
    site = _site(folder, 4)
    _send(site, GONE, GONE, GONE, GONE)

    assert counts(site, only(site)) == {"rejected": 4}
    assert _suppressed(site) == []


def test_a_relay_that_begins_to_refuse_everybody_takes_nobody_off_the_list(folder: Folder) -> None:
    """The edition pauses, and whom it called gone since its last mail is taken back; others are not."""
    site = _site(folder, REFUSED_MOST + 10)
    _send(site, TAKEN, GONE, TAKEN, *[GONE] * REFUSED_MOST)

    assert only(site).state is EditionState.PAUSED
    assert [one[0] for one in _suppressed(site)] == ["reader02"]
    noted = rows(site, schema.events, schema.events.c.verb, schema.events.c.subject)
    assert [one for one in noted if one[0] == "release"] == sorted(
        ("release", f"subscriber:{n}") for n in range(4, 4 + REFUSED_MOST)
    )
    move(site, only(site), EditionState.SENDING)
    way_out, _ = send(site, SLOT)
    assert len(way_out.accepted) == 7


@pytest.mark.parametrize(
    ("refusal", "is_gone"),
    [
        (_refused("unknown user"), True),
        (_refused("not today"), False),
        (_refused("mailbox full", "5.2.2"), False),
        (_refused("5.1.1 listed as spam", "5.1.1"), False),
        (_refused("moved, 4.2.1 try later", "5.1.1"), False),
        (_refused("sender unknown here", "5.1.8"), False),
        (_refused("closed", "5.2.1"), True),
    ],
)
def test_only_what_counts_as_a_hard_bounce_suppresses(
    folder: Folder, refusal: Rejected, *, is_gone: bool
) -> None:
    """The rules of bounces hold: the milder of status and words counts."""
    site = _site(folder, 3)
    _send(site, TAKEN, refusal)

    assert bool(_suppressed(site)) is is_gone


def test_a_rehearsal_suppresses_nobody(folder: Folder) -> None:
    """Nothing left the machine, so nobody can be gone."""
    site = _site(folder, 3, is_real=False)
    _send(site, TAKEN, GONE)

    assert counts(site, only(site)) == {"accepted": 2, "rejected": 1}
    assert _suppressed(site) == []


def test_outcome_and_suppression_are_one_transaction(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the one cannot be written the other is not: the mail is uncertain, and nobody gone."""
    site = _site(folder, 3)

    def fail(*_args: object, **_named: object) -> None:
        raise RuntimeError("the last statement of this transaction")

    with monkeypatch.context() as patched:
        patched.setattr(gone, "_note", fail)
        with pytest.raises(RuntimeError):
            _send(site, TAKEN, GONE)

    assert _suppressed(site) == []
    assert counts(site, only(site)) == {"accepted": 1, "inflight": 1, "pending": 1}


def test_who_left_or_has_another_address_by_now_is_left_alone(folder: Folder) -> None:
    """A person's own will stands; what was said of an old address says nothing of the new one."""
    site = _site(folder, 3)
    with site.store.write() as tx:
        hashes = dict(
            tx.execute(sa.select(schema.subscribers.c.id, schema.subscribers.c.address_hash)).all()
        )
    leave(site, 3, now=SLOT)
    way_out = MemoryTransport([TAKEN, GONE])
    real = way_out.send

    def change(envelope: object, data: bytes) -> Outcome:
        with site.store.write() as tx:
            tx.execute(
                sa.update(schema.subscribers)
                .where(schema.subscribers.c.id == 2)
                .values(address_key="new@example.net", address_hash="of the new one")
            )
        return real(envelope, data)  # type: ignore[arg-type]

    way_out.send = change  # type: ignore[method-assign]
    send(site, SLOT, way_out)

    assert len(hashes) == 3
    assert rows(site, schema.suppressions, schema.suppressions.c.address_hash) == []
