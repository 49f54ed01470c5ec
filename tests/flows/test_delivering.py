"""Delivering: every outcome recorded, nothing lost, nobody mailed twice, and it stops when told."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from publisher import app, delivering, operating
from publisher.app.opening import open_lines
from publisher.delivering import composing, feed
from publisher.errors import NotFound, Problem, Unavailable
from publisher.mail.keys import load_signer, make_ed25519_key, make_rsa_key
from publisher.model import (
    Accepted,
    Address,
    Consent,
    Deferred,
    DeliveryState,
    EditionState,
    Phase,
    Rejected,
    SubscriberState,
    Uncertain,
)
from publisher.site import hold
from publisher.store import ledger, schema, subscribers
from publisher.store.ledger import opening
from publisher.store.subscribers import Joining
from publisher.transport import Single
from tests import smtpd
from tests.conftest import SITE_ID
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    approve,
    attempts,
    counts,
    join,
    leave,
    moment,
    move,
    only,
    outcomes_of,
    receipts,
    recipients,
    rows,
    send,
    shown,
    states_of,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from email.message import EmailMessage

    from publisher.mail import Signer
    from publisher.model import Edition
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
SECOND = timedelta(seconds=1)
BUSY = Deferred(code=451, reply="greylisted", enhanced="4.7.1", phase=Phase.RCPT)
GONE = Rejected(code=550, reply="no such mailbox", enhanced="5.1.1", phase=Phase.RCPT)
LOST = Uncertain(reply="the connection ended")
DOWN = Unavailable(
    Problem(code="transport.connect", path="relay", expected="a relay", got="nobody there")
)
OURSELVES = NotFound(Problem(code="x", path="x", expected="no mistake of ours", got="one"))


def _site(folder: Folder, *names: str, mail: str = "") -> app.Site:
    """A site whose first edition is open to these readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder, mail)
    site = folder.open()
    join(site, *names)
    tick(site, SEEN)
    tick(site, SLOT)
    return site


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site whose first edition is open to four readers."""
    return _site(folder, "anna", "ben", "carla", "dora")


def _parse(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def _replies(site: app.Site, edition: Edition) -> dict[int, str]:
    columns = schema.deliveries.c
    found = rows(site, schema.deliveries, columns.edition_id, columns.subscriber_id, columns.reply)
    return {row[1]: row[2] for row in found if row[0] == edition.id}


# --------------------------------------------------------------------------------------- outcomes


def test_each_outcome_is_recorded_as_it_was(site: app.Site) -> None:
    """Accepted, deferred, rejected and uncertain stand on their rows; what failed is an attempt."""
    way_out, done = send(site, SLOT, MemoryTransport([Accepted(), BUSY, GONE, LOST]))

    edition = only(site)
    assert outcomes_of(way_out) == ["accepted", "deferred", "rejected", "uncertain"]
    assert counts(site, edition) == {"accepted": 1, "deferred": 1, "rejected": 1, "uncertain": 1}
    assert attempts(site) == [(2, 1, "deferred"), (3, 1, "rejected"), (4, 1, "uncertain")]
    assert _replies(site, edition) == {
        1: None,
        2: "greylisted",
        3: "no such mailbox",
        4: "the connection ended",
    }
    assert (done.handed_over, done.problems) == (1, [])
    assert edition.state is EditionState.SENDING
    assert way_out.is_closed


def test_a_deferred_mail_is_tried_at_its_time_and_not_before(site: app.Site) -> None:
    """Back-off: 5 minutes and up to a fifth more after one attempt, 10 after two; then accepted."""
    send(site, SLOT, MemoryTransport([BUSY]))
    early, _ = send(site, SLOT + 5 * MINUTE - SECOND)
    second, _ = send(site, SLOT + 6 * MINUTE, MemoryTransport([BUSY]))
    early_again, _ = send(site, SLOT + 16 * MINUTE - SECOND)

    third, _ = send(site, SLOT + 18 * MINUTE)

    assert [len(one.attempts) for one in (early, second, early_again)] == [0, 1, 0]
    assert recipients(third) == ["anna"]
    assert attempts(site) == [(1, 1, "deferred"), (1, 2, "deferred")]
    assert shown(site) == [("weekly/1", "sent", "")]
    assert only(site).closed_at == SLOT + 18 * MINUTE


def test_an_uncertain_mail_is_sent_again_octet_by_octet(site: app.Site) -> None:
    """Under ``resend`` what may have been lost goes again, the same to the last octet."""
    first, _ = send(site, SLOT + SECOND, MemoryTransport([LOST]))

    second, _ = send(site, SLOT + HOUR + 7 * SECOND)

    assert second.attempts[0][:2] == first.attempts[0][:2]
    assert shown(site) == [("weekly/1", "sent", "")]
    assert attempts(site) == [(1, 1, "uncertain")]


def test_an_uncertain_mail_is_left_to_a_person_under_hold(folder: Folder) -> None:
    """Under ``hold`` nothing goes twice: the edition ends partial, its uncertain rows named."""
    site = _site(folder, "anna", "ben", mail='uncertain = "hold"')
    send(site, SLOT, MemoryTransport([LOST]))

    again, _ = send(site, SLOT + DAY)

    assert again.attempts == []
    assert shown(site) == [("weekly/1", "partial", "")]
    assert counts(site, only(site)) == {"accepted": 1, "uncertain": 1}
    assert receipts(site) == {1, 2}


def test_an_edition_expires(site: app.Site) -> None:
    """What was not accepted in expire_after is sent no more: an old letter helps nobody."""
    send(site, SLOT, MemoryTransport([BUSY, GONE, LOST]))

    late, _ = send(site, SLOT + 48 * HOUR + MINUTE)

    assert late.attempts == []
    assert shown(site) == [("weekly/1", "partial", "")]
    assert counts(site, only(site)) == {
        "accepted": 1,
        "expired": 1,
        "rejected": 1,
        "uncertain": 1,
    }
    assert receipts(site) == {3, 4}


def test_a_late_approval_begins_the_time_anew(folder: Folder) -> None:
    """An edition that a person let go a day late has its whole expire_after from then."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna")
    tick(site, SEEN)
    tick(site, SLOT + DAY)
    approve(site, only(site), SLOT + DAY)
    tick(site, SLOT + DAY)
    send(site, SLOT + DAY, MemoryTransport([BUSY]))

    way_out, _ = send(site, SLOT + 2 * DAY + HOUR)

    assert recipients(way_out) == ["anna"]


def test_an_approval_ahead_does_not_keep_an_edition_from_expiring(folder: Folder) -> None:
    """Approved before its slot an edition still expires, counted from the slot."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna")
    tick(site, SLOT - HOUR)
    approve(site, only(site), SLOT - HOUR)
    tick(site, SLOT)
    send(site, SLOT, MemoryTransport([BUSY]))

    way_out, _ = send(site, SLOT + 49 * HOUR)

    assert way_out.attempts == []
    assert shown(site) == [("weekly/1", "partial", "")]


# ------------------------------------------------------------------------------ relay and address


def test_a_relay_that_goes_down_loses_nothing(site: app.Site) -> None:
    """The row whose mail could not be handed over is put back untried; the next round goes on."""
    cut, done = send(site, SLOT, MemoryTransport([Accepted(), DOWN]))
    columns = schema.deliveries.c
    put_back = rows(site, schema.deliveries, columns.state, columns.attempts)
    rest, _ = send(site, SLOT)

    assert recipients(cut) == ["anna"]
    assert [problem.code for problem in done.problems] == ["transport.connect"]
    assert put_back == [("accepted", 1), *[("pending", 0)] * 3]
    assert recipients(rest) == ["ben", "carla", "dora"]
    assert attempts(site) == []


def test_a_relay_that_refuses_us_blames_no_reader(site: app.Site) -> None:
    """A refusal of our sender, before it hears of the reader, rejects nobody: everything waits."""
    refusal = Rejected(code=550, reply="sender not yours", phase=Phase.MAIL)

    way_out, done = send(site, SLOT, MemoryTransport([refusal]))

    assert len(way_out.attempts) == 1
    assert [problem.got for problem in done.problems] == [
        "the relay takes nothing from us: 550 sender not yours"
    ]
    assert counts(site, only(site)) == {"pending": 4}


def test_an_address_that_no_mail_can_carry_is_rejected_alone(folder: Folder) -> None:
    """One poisoned address reaches no wire and stops nobody else's mail."""
    site = _site(folder, "anna", "ben")
    with site.store.write() as tx:
        tx.execute(
            sa.update(schema.subscribers)
            .where(schema.subscribers.c.id == 1)
            .values(address="anna x@example.net")
        )

    way_out, _ = send(site, SLOT)

    assert recipients(way_out) == ["ben"]
    assert counts(site, only(site)) == {"accepted": 1, "rejected": 1}
    assert attempts(site) == [(1, 1, "rejected")]


def test_a_letter_that_cannot_be_mailed_waits_untried(site: app.Site) -> None:
    """Where our own From fits no header no reader is blamed; mended, everybody gets the letter."""
    mail = site.config.mail
    odd = replace(mail.from_, domain="under_score.example.org")
    broken = replace(site, config=replace(site.config, mail=replace(mail, from_=odd)))

    nothing, done = send(broken, SLOT)
    way_out, _ = send(site, SLOT)

    assert nothing.attempts == []
    assert [problem.path for problem in done.problems] == ["List-Id"]
    assert recipients(way_out) == ["anna", "ben", "carla", "dora"]


def test_what_was_sent_before_a_letter_failed_is_recorded(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second letter that cannot be compiled does not cost the fact of the first one's mail."""
    folder.post("worry/01-two.md", "Two", date="2026-11-01")
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna")
    join(site, "ben", series=("sleep",))
    tick(site, SEEN)
    tick(site, SLOT)
    made: list[object] = []
    real = composing.compile_for

    def compile_once(*given: object, **options: object) -> object:
        if made:
            raise DOWN
        made.append(given)
        return real(*given, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(composing, "compile_for", compile_once)
        send(site, SLOT)

    assert counts(site, only(site)) == {"accepted": 1, "pending": 1}


def test_a_domain_that_distrusts_us_rests_and_others_go_on(folder: Folder) -> None:
    """After three doubts of one domain its other mails wait untried; elsewhere they are taken."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    folder.configure(mail__smtp='host = "127.0.0.1"\nport = 9\nsecurity = "none"\nconnections = 1')
    site = folder.open()
    join(site, "anna")
    join(site, *(f"reader{n}" for n in range(9)), domain="slow.example")
    join(site, "zoe")
    tick(site, SEEN)
    tick(site, SLOT)
    spam = Rejected(code=550, reply="not wanted", enhanced="5.7.1", phase=Phase.RCPT)

    way_out, done = send(site, SLOT, MemoryTransport([Accepted(), *[spam] * 5]))

    assert done.problems == []
    assert recipients(way_out) == ["anna", "zoe"]
    assert 3 <= outcomes_of(way_out).count("rejected") <= 5
    assert counts(site, only(site)) == {"accepted": 2, "deferred": 9}
    assert "its domain takes no more from us for now" in _replies(site, only(site)).values()


# ------------------------------------------------------------------------------------------ kills


def test_a_death_after_acceptance_is_uncertain_and_repeats_one_mail(site: app.Site) -> None:
    """Killed between the relay's 250 and our record, the ledger names that one mail uncertain."""

    def die(_edition: Edition, handed_over: int) -> None:
        if handed_over == 2:
            raise KeyboardInterrupt

    first = MemoryTransport()
    with pytest.raises(KeyboardInterrupt):
        send(site, SLOT + SECOND, first, on_progress=die)
    between = counts(site, only(site))
    second, _ = send(site, SLOT + 9 * SECOND)

    assert between == {"accepted": 1, "inflight": 1, "pending": 2}
    assert recipients(second) == ["ben", "carla", "dora"]
    assert second.accepted[0] == first.accepted[1]
    assert attempts(site) == [(2, 1, "uncertain")]


def test_a_mistake_of_ours_on_the_wire_is_uncertain(site: app.Site) -> None:
    """Whatever breaks while a mail is on the wire, nobody claims that it never went."""
    with pytest.raises(NotFound):
        send(site, SLOT, MemoryTransport([OURSELVES]))
    between = states_of(site, only(site))

    send(site, SLOT)

    assert between[1] is DeliveryState.INFLIGHT
    assert attempts(site) == [(1, 1, "uncertain")]
    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_message_id_outlives_the_rotation_of_keys(site: app.Site) -> None:
    """A mail sent again after its link key was rotated is still known by its Message-ID."""
    first, _ = send(site, SLOT, MemoryTransport([LOST]))
    operating.rotate_key(site.store, "link", b"n" * 32, now=SLOT)

    second, _ = send(site, SLOT + HOUR)

    ids = {_parse(one.attempts[0][1])["Message-ID"] for one in (first, second)}
    assert len(ids) == 1


# --------------------------------------------------------------------------- leaving and stopping


def test_who_leaves_between_opening_and_start_gets_nothing(site: app.Site) -> None:
    """An unsubscribe is in force for every mail that has not begun, and gives the posts back."""

    def leave_now(_edition: Edition, handed_over: int) -> None:
        if handed_over == 1:
            leave(site, 2, 3, now=SLOT)

    way_out, _ = send(site, SLOT, on_progress=leave_now)

    assert recipients(way_out) == ["anna", "dora"]
    assert counts(site, only(site)) == {"accepted": 2, "suppressed": 2}
    assert receipts(site) == {1, 4}
    assert shown(site) == [("weekly/1", "sent", "")]


def test_who_was_erased_meanwhile_gets_nothing(site: app.Site) -> None:
    """A person erased after the opening leaves a row that says so, and the numbers balance."""
    with site.store.write() as tx:
        tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == 2))

    way_out, _ = send(site, SLOT)

    assert recipients(way_out) == ["anna", "carla", "dora"]
    assert _replies(site, only(site))[2] == "the person was erased"
    assert shown(site) == [("weekly/1", "sent", "")]


@pytest.mark.parametrize("state", [EditionState.PAUSED, EditionState.CANCELLED])
def test_pause_and_cancel_act_within_one_mail(site: app.Site, state: EditionState) -> None:
    """An edition paused or cancelled between two mails sends no other, and keeps what went."""

    def stop(edition: Edition, handed_over: int) -> None:
        if handed_over == 2:
            move(site, edition, state)

    way_out, _ = send(site, SLOT, on_progress=stop)
    again, _ = send(site, SLOT)

    assert recipients(way_out) == ["anna", "ben"]
    assert again.attempts == []
    assert counts(site, only(site)) == {"accepted": 2, "pending": 2}
    assert only(site).state is state


def test_a_resumed_edition_goes_on_where_it_stopped(site: app.Site) -> None:
    """Paused and resumed, everybody gets one mail."""

    def pause(edition: Edition, handed_over: int) -> None:
        if handed_over == 2:
            move(site, edition, EditionState.PAUSED)

    first, _ = send(site, SLOT, on_progress=pause)
    move(site, only(site), EditionState.SENDING)

    second, _ = send(site, SLOT)

    assert recipients(first) + recipients(second) == ["anna", "ben", "carla", "dora"]


def test_a_stop_ends_after_the_mail_on_the_wire(site: app.Site) -> None:
    """Asked to stop, it records the mail that is out and begins no other; nothing is uncertain."""
    asked: list[int] = []
    first, _ = send(
        site,
        SLOT,
        on_progress=lambda _edition, handed_over: asked.append(handed_over),
        is_stopping=lambda: len(asked) == 2,
    )
    between = counts(site, only(site))

    second, _ = send(site, SLOT)

    assert recipients(first) == ["anna", "ben"]
    assert between == {"accepted": 2, "pending": 2}
    assert recipients(second) == ["carla", "dora"]
    assert attempts(site) == []


def test_a_stop_before_the_first_mail_sends_none(site: app.Site) -> None:
    """Asked to stop before anything began, nothing begins."""
    way_out, _ = send(site, SLOT, is_stopping=lambda: True)

    assert way_out.attempts == []
    assert counts(site, only(site)) == {"pending": 4}


# -------------------------------------------------------------------------------------- who sends


def test_a_second_sender_leaves_it_to_the_first(site: app.Site) -> None:
    """While another process holds the sender's lock nothing is sent here, and it says who sends."""
    with hold(site.config.paths.state / "sender.lock"):
        way_out, done = send(site, SLOT)

    assert way_out.attempts == []
    assert done.left_to
    assert counts(site, only(site)) == {"pending": 4}


def test_with_nothing_open_no_lock_is_needed(site: app.Site) -> None:
    """A round with nothing to send takes no lock and leaves nothing to anybody."""
    send(site, SLOT)

    with hold(site.config.paths.state / "sender.lock"):
        _, done = send(site, SLOT)

    assert done == delivering.Round()


def test_a_store_that_fails_is_told(site: app.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer is no other sender: the error is the caller's."""

    def fail(*_given: object, **_named: object) -> None:
        raise Unavailable(
            Problem(code="database.unavailable", path="database", expected="one", got="none")
        )

    monkeypatch.setattr(ledger, "release_chunks", fail)

    with pytest.raises(Unavailable, match="got none"):
        send(site, SLOT)


def test_many_chunks_are_sent_one_after_the_other(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edition of several chunks, read in several turns, reaches everybody once, in order."""
    monkeypatch.setattr(opening, "CHUNK_ROWS", 2)
    monkeypatch.setattr(feed, "_ROWS", 1)
    names = [f"reader{n}" for n in range(5)]
    site = _site(folder, *names)

    way_out, done = send(site, SLOT)

    assert recipients(way_out) == names
    assert done.handed_over == 5
    assert shown(site) == [("weekly/1", "sent", "")]


def test_two_open_editions_are_both_sent(folder: Folder) -> None:
    """Every open edition is looked at, whatever became of the one before."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(
        folder,
        digests__other='title = "Other"\nschedule = "every tuesday at 07:30"\nmax_posts = 1',
    )
    site = folder.open()
    join(site, "anna", digests=("weekly",))
    join(site, "ben", digests=("other",))
    tick(site, SEEN)
    tick(site, SLOT)

    way_out, done = send(site, SLOT, MemoryTransport([DOWN]))

    assert len(recipients(way_out)) == 1
    assert len(done.problems) == 1
    assert sorted(str(one.state) for one in all_editions(site)) == ["sending", "sent"]


def test_a_live_edition_waits_for_its_transport(folder: Folder, site: app.Site) -> None:
    """With the transport set back to outbox a real edition is not rehearsed away: it waits."""
    folder.configure(mail='transport = "outbox"')

    way_out, done = send(folder.open(), SLOT)

    assert way_out.attempts == []
    assert [problem.code for problem in done.problems] == ["edition.transport"]
    assert counts(site, only(site)) == {"pending": 4}


def test_a_rehearsal_goes_to_the_outbox_whatever_the_site_became(folder: Folder) -> None:
    """What was opened as a rehearsal is finished as one, also after the site went live."""
    folder.post("one.md", "One", date="2026-11-01")
    site = folder.open()
    join(site, "anna")
    tick(site, SEEN, digest="weekly")
    use_relay(folder)
    asked: list[bool] = []
    way_out = MemoryTransport()
    live = folder.open()

    def open_way_out(rehearsal: bool) -> Single:
        asked.append(rehearsal)
        return Single(way_out)

    delivering.deliver(
        delivering.Sending(
            config=live.config, store=live.store, lines=open_way_out, clock=lambda: SEEN
        )
    )

    assert asked == [True]
    assert way_out.accepted[0][0].name == "weekly-1/000001"
    assert receipts(site) == set()


# --------------------------------------------------------------------------------------- the mail


def _go_live(folder: Folder) -> app.Site:
    """A relay that is not on this machine: the address is one that nobody has (RFC 5737)."""
    folder.configure(
        site=f'{folder.settings["site"]}\npostal_address = "12 River Street"',
        mail__smtp='host = "192.0.2.1"\nport = 587\nsecurity = "starttls"',
    )
    return folder.open()


def test_a_live_site_mails_no_reserved_domain(folder: Folder) -> None:
    """Addresses made for examples (RFC 2606) get nothing from a live site; everybody else does."""
    site = _site(folder, "anna", "ben")
    with site.store.write() as tx:
        subscribers.add(tx, [_person("reader@riverside-psychiatry.com")])
    folder.post("two.md", "Two", date="2026-11-20")
    live = _go_live(folder)
    tick(live, SLOT + MINUTE, digest="weekly")

    way_out, _ = send(live, SLOT + MINUTE)

    first, second = all_editions(live)
    assert live.config.live
    assert recipients(way_out) == ["reader"]
    assert counts(live, first) == {"suppressed": 2}
    assert counts(live, second) == {"accepted": 1, "suppressed": 2}
    assert "RFC 2606" in _replies(live, first)[1]
    assert receipts(live) == {3}


def _person(typed: str) -> Joining:
    return Joining(
        address=Address(typed=typed, key=typed),
        address_hash=typed,
        state=SubscriberState.ACTIVE,
        consent=Consent(wording="yes", source="form", requested_at=SEEN, confirmed_at=SEEN),
    )


def test_a_discreet_reader_shows_no_topic_outside_the_letter(folder: Folder) -> None:
    """Subject, senders, preview text and headers of a discreet reader name no topic, digest or address."""
    digest = (
        'title = "Anxiety weekly"\nschedule = "every tuesday at 07:30"\n'
        'discreet_from = "Letters <post@neutral.example>"'
    )
    folder.settings.pop("digests__weekly")
    folder.post("sleep/01-one.md", "Panic attacks", date="2026-11-01")
    use_relay(
        folder,
        mail='reply_to = "Anxiety Clinic <anxiety@example.org>"',
        site=f'name = "Living with anxiety"\nid = "{SITE_ID}"',
        digests__anxiety=digest,
    )
    site = folder.open()
    join(site, "anna", discreet=True)
    join(site, "ben")
    tick(site, SEEN)
    tick(site, SLOT)

    way_out, _ = send(site, SLOT)

    anna, ben = (_parse(data) for _, data in way_out.accepted)
    outside = "\n".join(f"{name}: {value}" for name, value in anna.items()).lower()
    assert anna["Subject"] == "Your weekly reading"
    assert anna["From"] == "Letters <post@neutral.example>"
    assert anna["List-Id"] == "<letters.neutral.example>"
    assert anna["Message-ID"].endswith("@neutral.example>")
    assert way_out.accepted[0][0].sender.endswith("@neutral.example")
    for topic in ("panic", "anxiety", "sleep", "editions"):
        assert topic not in outside
    assert ben["Subject"] == "Anxiety weekly: Panic attacks"
    assert "Archived-At" in ben
    assert ben["Reply-To"] == "Anxiety Clinic <anxiety@example.org>"
    summary = "Text of Panic attacks, a sentence to read."
    bodies = [delivering.readable_parts(data)["html"] for _, data in way_out.accepted]
    assert bodies[1].count(summary) == bodies[0].count(summary) + 1  # the preheader


def test_a_feedback_loop_hears_of_the_digest_and_of_nobody(site: app.Site) -> None:
    """Feedback-ID is the same for every reader of an edition, and names neither digest nor domain."""
    way_out, _ = send(site, SLOT)

    (one,) = {str(_parse(data)["Feedback-ID"]) for _, data in way_out.accepted}
    assert len(way_out.accepted) == 4
    assert re.fullmatch(r"([0-9a-f]{8})-1:digest:\1:[0-9a-f]{10}", one)


def _signer(site: app.Site) -> Signer:
    return load_signer(
        site.config.mail.from_.domain,
        "s1",
        rsa_pem=make_rsa_key().decode(),
        ed25519_pem=make_ed25519_key().decode(),
    )


def test_a_signed_mail_sent_again_is_the_same_octet_by_octet(site: app.Site) -> None:
    """Signatures are dated by the first attempt: a resend an hour later has the very same ones."""
    signer = _signer(site)
    first, _ = send(site, SLOT + SECOND, MemoryTransport([LOST]), signer=signer)

    second, _ = send(site, SLOT + HOUR + 7 * SECOND, signer=signer)

    data = first.attempts[0][1]
    tags = re.findall(rb"[ \t]t=(\d+);", data)
    assert second.attempts[0][1] == data
    assert tags == [str(int((SLOT + SECOND).timestamp())).encode()] * 2


def test_an_address_outside_ascii_is_refused_plainly_and_suppresses_nobody(
    folder: Folder, free_port: int
) -> None:
    """Where the relay lacks SMTPUTF8 the row says so; an IDN domain goes as A-labels to any relay."""
    folder.post("one.md", "One", date="2026-11-01")
    folder.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    site = folder.open()
    join(site, "jürgen")
    join(site, "anna", domain="bücher.example")
    tick(site, SEEN)
    tick(site, SLOT)

    with smtpd.serve(free_port, knows_utf8=False) as peer:
        done = delivering.deliver(
            delivering.Sending(
                config=site.config,
                store=site.store,
                lines=lambda rehearsal: open_lines(site, rehearsal=rehearsal),
                clock=lambda: SLOT,
            )
        )

    edition = only(site)
    assert peer.recipients() == ["anna@xn--bcher-kva.example"]
    assert done.problems == []
    assert _replies(site, edition)[1] == (
        "the address needs SMTPUTF8, which the relay does not offer"
    )
    assert counts(site, edition) == {"accepted": 1, "rejected": 1}
    assert rows(site, schema.suppressions, schema.suppressions.c.reason) == []


def test_a_digest_gone_from_the_configuration_is_sent_to_its_end(folder: Folder) -> None:
    """An edition that is open goes on without its digest's table, to discreet readers too."""
    site = _site(folder)
    join(site, "anna", discreet=True)
    folder.post("two.md", "Two", date="2026-11-20")
    tick(site, SLOT + MINUTE, digest="weekly")
    folder.settings.pop("digests__weekly")
    folder.configure()

    way_out, _ = send(folder.open(), SLOT + MINUTE)

    assert recipients(way_out) == ["anna"]


def test_a_real_server_hears_the_same_story(folder: Folder, free_port: int) -> None:
    """Over real SMTP: one accepted, one deferred and accepted later, one rejected; then it is over."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    folder.configure(mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"')
    site = folder.open()
    join(site, "anna", "ben", "carla")
    tick(site, SEEN)
    with smtpd.serve(free_port) as peer:
        peer.replies["ben@example.net"] = "451 4.7.1 greylisted"
        peer.replies["carla@example.net"] = "550 5.1.1 no such mailbox"
        first = app.publish_once(site, now=SLOT, clock=lambda: SLOT)
        del peer.replies["ben@example.net"]
        later = SLOT + 6 * MINUTE
        second = app.publish_once(site, now=later, clock=lambda: later)

    assert (first.exit_code, second.exit_code) == (6, 0)
    assert peer.recipients() == ["anna@example.net", "ben@example.net"]
    assert attempts(site) == [(2, 1, "deferred"), (3, 1, "rejected")]
    assert counts(site, only(site)) == {"accepted": 2, "rejected": 1}
    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_relay_that_is_not_there_loses_nothing(folder: Folder, free_port: int) -> None:
    """With nobody listening the round says so, exit 75; the next one hands everything over."""
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    folder.configure(mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"')
    site = folder.open()
    join(site, "anna")
    tick(site, SEEN)
    down = app.publish_once(site, now=SLOT, clock=lambda: SLOT)

    with smtpd.serve(free_port) as peer:
        up = app.publish_once(site, now=SLOT, clock=lambda: SLOT)

    assert (down.exit_code, up.exit_code) == (75, 0)
    assert peer.recipients() == ["anna@example.net"]
