"""A correction goes to exactly those who have the edition, once each, and hides no post."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from typing_extensions import override

from publisher import app, delivering, editing, subscribing
from publisher.config import find_digest
from publisher.errors import ContentError, NotFound, Refused
from publisher.model import (
    Act,
    Correction,
    DeliveryState,
    EditionState,
    HeldReason,
    Phase,
    Rejected,
)
from publisher.store import ledger, schema
from tests import smtpd
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    counts,
    join,
    leave,
    moment,
    recipients,
    rows,
    send,
    shown,
    states_of,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app import Site
    from publisher.model import Edition, Envelope, Outcome
    from tests.conftest import Folder

on_one = pytest.mark.parametrize("folder", ["sqlite"], indirect=True)
"""What no database does in another way."""
SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
LATER = SLOT + DAY
TEXT = "We wrote **20 mg**. It is *2 mg*: see [the label](https://example.org/label)."
REFUSED = Rejected(code=550, enhanced="5.1.1", reply="no such user", phase=Phase.RCPT)


def _send_first(folder: Folder, transport: MemoryTransport, *names: str) -> tuple[Site, list[int]]:
    """Send the first edition to these readers."""
    use_relay(folder)
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post("alone.md", "On its own")
    site = folder.open()
    tick(site, SEEN)
    ids = join(site, *names)
    tick(site, SLOT)
    send(site, SLOT, transport)
    return site, ids


def _first(site: Site) -> Edition:
    return next(one for one in all_editions(site) if one.digest == "weekly")


def _correct(site: Site, now: datetime, text: str = TEXT, **changes: Any) -> Edition:
    wanted = Correction(corrects_id=_first(site).id, subject="", text=text, **changes)
    return app.correct_edition(site, _first(site), wanted, by="Dr Grey", now=now).edition


def _set(site: Site, table: sa.Table, /, **values: Any) -> None:
    """Change the rows of which the last value is the key."""
    *changed, key = values
    with site.store.write() as tx:
        tx.execute(
            sa.update(table)
            .where(table.c[key] == values[key])
            .values({name: values[name] for name in changed})
        )


class Stopping(MemoryTransport):
    """With the first mail on the wire, the edition is stopped for good."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    @override
    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        app.handle_edition(self._site, _first(self._site), Act.CANCEL, by="Ann", now=SLOT)
        return super().send(envelope, data)


def _go(site: Site, at: datetime, transport: MemoryTransport) -> None:
    """Open and send what is due at a moment."""
    tick(site, at)
    send(site, at, transport)


def test_exactly_those_who_have_it_get_it_once(folder: Folder) -> None:
    """Accepted and uncertain get it, away or not; refused, left, erased, suppressed, late do not.

    Receipts stay as they are, and the next edition has the next number and the same people.
    """
    way_out, following = MemoryTransport(), MemoryTransport()
    names = ("ben", "anna", "carla", "dora", "emil", "fred", "hugo")
    site, (ben, anna, carla, _, emil, fred, hugo) = _send_first(
        folder, MemoryTransport([REFUSED]), *names
    )
    first = _first(site)
    _set(site, schema.deliveries, state=DeliveryState.UNCERTAIN, subscriber_id=anna)
    _set(site, schema.subscribers, paused_until=LATER + 30 * DAY, id=fred)
    before = rows(site, schema.receipts)
    leave(site, carla, now=LATER)
    subscribing.suppress_address(
        site.store, "dora@example.net", evidence="moved", by="Dr Grey", now=LATER
    )
    subscribing.erase_by_address(site.store, "hugo@example.net", now=LATER)
    kept = [one for one in before if hugo not in one]
    join(site, "gina")
    made = _correct(site, LATER)
    leave(site, emil, now=LATER)  # in the minute before it goes
    _go(site, LATER + MINUTE, way_out)
    _go(site, LATER + HOUR, way_out)
    corrected = shown(site)[-1]
    receipts = rows(site, schema.receipts)
    folder.post("sleep/02-rest.md", "Rest by day")
    _go(site, SLOT + 7 * DAY, following)

    assert states_of(site, first)[ben] is DeliveryState.REJECTED
    assert recipients(way_out) == ["anna", "fred"]
    assert set(states_of(site, made)) == {anna, fred}
    assert corrected == ("correction:weekly/1", "sent", "")
    assert receipts == kept
    assert recipients(following) == ["anna", "gina"]
    assert shown(site)[-1] == ("weekly/2", "sent", "")


@on_one
def test_peer_and_ledger_agree(folder: Folder, free_port: int) -> None:
    """What a real server took is what the ledger says, letter and headers as of any edition."""
    site, _ = _send_first(folder, MemoryTransport(), "anna", "ben")
    folder.configure(
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
        mail='transport = "smtp"\nfrom = "Letters <letters@example.org>"',
    )
    site = folder.open()
    (shy,) = join(site, "shy", discreet=True)
    with site.store.write() as tx:
        tx.execute(
            sa.insert(schema.deliveries).values(
                edition_id=_first(site).id,
                subscriber_id=shy,
                seq=3,
                letter_id=1,
                state=DeliveryState.ACCEPTED,
            )
        )
    posts = app.describe_correcting(site, _first(site)).posts
    about = next(post_id for post_id, title in posts if title == "Worry at night")
    _correct(site, LATER, post_id=about)
    soon = LATER + MINUTE
    with smtpd.serve(free_port) as peer:
        app.publish_once(site, now=soon, clock=lambda: soon)
        app.publish_once(site, now=soon + MINUTE, clock=lambda: soon + MINUTE)

    taken = {
        one.recipient: email.message_from_bytes(one.data, policy=email.policy.default)
        for one in peer.accepted
    }
    assert sorted(peer.recipients()) == sorted(f"{n}@example.net" for n in ("anna", "ben", "shy"))
    assert counts(site, all_editions(site)[-1]) == {"accepted": 3}
    anna, quiet = taken["anna@example.net"], taken["shy@example.net"]
    assert anna["Subject"] == "Correction: Weekly letter: Worry at night"
    assert quiet["Subject"] == "Your weekly reading"
    assert "List-Unsubscribe-Post" in anna and "List-Unsubscribe-Post" in quiet
    seen = delivering.readable_parts(anna.as_bytes())
    text = seen["text"]
    assert "This corrects the letter we sent you on 24 November 2026." in text
    assert "20 mg" in text and "2 mg" in text and "/sleep/worry/" in text
    assert "because we sent you what it corrects" in " ".join(text.split())
    assert re.search("<strong[^>]*>20 mg</strong>", seen["html"])


@on_one
def test_it_waits_for_a_person_and_then_a_minute(folder: Folder) -> None:
    """A draft goes by no slot; approved it can be cancelled for a minute, and written again.

    Changed, it needs a new word; late, it is held like any edition.
    """
    way_out = MemoryTransport()
    site, _ = _send_first(folder, MemoryTransport(), "anna", "ben")
    wanted = Correction(corrects_id=_first(site).id, subject="", text=TEXT)
    desk, _ = app.open_desk(site, now=LATER)
    draft = editing.draft_correction(desk, _first(site), wanted, by="Ann", now=LATER)
    _go(site, LATER + DAY, way_out)
    waited = shown(site)[-1]
    first = _correct(site, LATER + DAY)
    done = app.handle_edition(site, first, Act.CANCEL, by="Ann", now=LATER + DAY)
    _go(site, LATER + DAY + HOUR, way_out)
    again = _correct(site, LATER + 2 * DAY)
    twice = _correct(site, LATER + 2 * DAY)
    said, _ = editing.read_correction(site.store, again)
    changed = replace(said, text="3 mg.")
    desk, _ = app.open_desk(site, now=LATER + 2 * DAY)
    editing.change_correction(desk, again, changed, by="Ann", now=LATER + 2 * DAY)
    _go(site, LATER + 2 * DAY + HOUR, way_out)
    unsaid = shown(site)[-1]
    assert editing.approve(desk, all_editions(site)[-1], by="Ann", now=LATER + 3 * DAY) == []
    _go(site, LATER + 4 * DAY, way_out)
    late, before = shown(site)[-1], list(way_out.accepted)
    app.handle_edition(site, again, Act.RELEASE, by="Ann", now=LATER + 4 * DAY)
    _go(site, LATER + 4 * DAY, way_out)

    assert waited == ("correction:weekly/1", "draft", "")
    assert first.id == draft.id
    assert first.fire_at == LATER + DAY + MINUTE
    assert done.edition.state is EditionState.CANCELLED
    assert twice.id == again.id != first.id
    assert unsaid == ("correction:weekly/2", "draft", "")
    assert late == ("correction:weekly/2", "held", HeldReason.LATE)
    assert before == []
    assert recipients(way_out) == ["anna", "ben"]
    assert b"3 mg." in way_out.accepted[0][1]


@on_one
def test_what_cannot_be_corrected_is_refused_in_words(folder: Folder) -> None:
    """While it is sent, of nobody, of a correction, without words, of a stranger: nothing is left."""
    site, _ = _send_first(folder, MemoryTransport(), "anna")
    first = _first(site)
    wanted = Correction(corrects_id=first.id, subject="", text=TEXT)

    def refused(edition: Edition, one: Correction) -> str:
        with pytest.raises((Refused, NotFound, ContentError)) as info:
            app.correct_edition(site, edition, one, by="Ann", now=LATER)
        problem = info.value.problems[0]
        return f"{problem.code}: {problem.got}"

    told = [
        refused(first, replace(wanted, text=" ")),
        refused(first, replace(wanted, text="x" * 4001)),
        refused(first, replace(wanted, text="![](a.jpg)")),
        refused(first, replace(wanted, post_id="urn:uuid:none")),
        refused(first, replace(wanted, subject="two\x07bells")),
    ]
    made = _correct(site, LATER)
    told.append(refused(made, wanted))
    desk, _ = app.open_desk(site, now=LATER)
    draft = editing.draft_correction(
        desk, first, replace(wanted, text="3 mg."), by="Ann", now=LATER
    )
    _set(site, schema.editions, state=EditionState.PAUSED, id=first.id)
    told.append(refused(_first(site), wanted))
    with pytest.raises(Refused, match="one that is paused"):
        editing.approve(desk, draft, by="Ann", now=LATER)

    assert [one.partition(":")[0] for one in told] == [
        "correction.text",
        "correction.text",
        "post.alt",
        "correction.post",
        "edition.subject",
        "correction.state",
        "correction.state",
    ]
    assert told[-1].endswith("one that is paused")
    assert sorted(name for name, _, _ in shown(site)) == [
        "correction:weekly/1",
        "correction:weekly/2",
        "weekly/1",
    ]


@on_one
def test_stopped_midway_those_who_have_it_are_told(folder: Folder) -> None:
    """An edition that was stopped is corrected for those who had it by then."""
    use_relay(folder)
    folder.post("sleep/01-worry.md", "Worry at night")
    site = folder.open()
    tick(site, SEEN)
    join(site, "anna", "ben", "carla")
    tick(site, SLOT)
    first, way_out = Stopping(site), MemoryTransport()
    send(site, SLOT, first)
    _correct(site, LATER)
    _go(site, LATER + MINUTE, way_out)

    assert _first(site).state is EditionState.CANCELLED
    assert recipients(first) == recipients(way_out) == ["anna"]


def test_an_opening_cut_off_goes_on(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of two, each written once: everybody who has it is in it once."""
    names = [f"reader{n}" for n in range(7)]
    site, ids = _send_first(folder, MemoryTransport(), *names)
    leave(site, ids[3], now=LATER)
    monkeypatch.setattr("publisher.editing.corrections.BATCH", 2)
    made = _correct(site, LATER)
    way_out = MemoryTransport()
    _go(site, LATER + MINUTE, way_out)

    assert recipients(way_out) == [one for one in names if one != "reader3"]
    with site.store.read() as tx:
        assert ledger.count_holders(tx, _first(site).id, trial=False) == 6
    assert len(states_of(site, made)) == 6


@on_one
def test_the_settings_are_those_of_what_it_corrects(folder: Folder) -> None:
    """Zone, discreet words and lateness are the digest's; it always waits for a person's word."""
    config = folder.open().config
    weekly, found = config.digests["weekly"], find_digest(config, "correction:weekly")
    course = find_digest(config, "correction:course:sleep", "Sleep well")

    assert found == replace(
        weekly,
        name="correction:weekly",
        title=f"{weekly.title}, correction",
        approval="required",
        heads_up=None,
    )
    assert course and course.title == "Sleep well, correction"
    assert find_digest(config, "correction:none") is None


@on_one
def test_the_next_edition_tells_of_a_corrected_post_those_who_have_it(folder: Folder) -> None:
    """Once, in a line with its page; not whoever never had it, and not in the edition after."""
    site, _ = _send_first(folder, MemoryTransport(), "anna")
    join(site, "gina", series=("sleep",))
    folder.post(
        "sleep/01-worry.md", "Worry at night", updated="2026-11-25", correction="It is 2 mg."
    )
    folder.post("new.md", "News")
    second, third = MemoryTransport(), MemoryTransport()
    app.publish_once(site, now=LATER, clock=lambda: LATER, deliver_too=False)
    _go(site, SLOT + 7 * DAY, second)
    folder.post("newer.md", "More news")
    _go(site, SLOT + 14 * DAY, third)

    letters = [
        {
            one.recipient.partition("@")[0]: delivering.readable_parts(data)
            for one, data in way_out.accepted
        }
        for way_out in (second, third)
    ]
    line = "Corrected since you got it:\n\nWorry at night: It is 2 mg.\nhttp"
    assert line in letters[0]["anna"]["text"].replace("\r\n", "\n")
    assert "It is 2 mg." in letters[0]["anna"]["html"]
    assert "2 mg" not in letters[0]["gina"]["text"] + letters[1]["anna"]["text"]
    assert "It is 2 mg." in folder.public("sleep/worry/index.html")
    assert "It is 2 mg." in folder.public("feed.atom")
