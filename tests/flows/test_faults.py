"""Faults of the wire and of the disk, each injected: the relay's log against the ledger decides."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from publisher import app, deliverability, delivering, subscribing
from publisher.delivering import committing, loop
from publisher.errors import Problem, Unavailable
from publisher.mail.keys import load_signer, make_ed25519_key
from publisher.model import Act, EditionState
from publisher.store import dialect, schema
from publisher.transport import SmtpLines, SmtpSettings
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    attempts,
    counts,
    join,
    link_of,
    moment,
    move,
    only,
    rows,
    tick,
    use_relay,
)
from tests.relay import HangUp, Moment, Relay

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from datetime import datetime

    from publisher.delivering import Round
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
READERS = [f"reader{n:02}" for n in range(12)]
ADDRESSES = {f"{name}@example.net" for name in READERS}
LINES = 3
DOWN = Unavailable(
    Problem(code="database.unavailable", path="database", expected="one", got="a full disk")
)

Script = "Callable[[Moment, socket.socket], bytes | None]"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that only spare a relay are short here."""
    monkeypatch.setattr(deliverability, "_FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(loop, "_AGAIN_SECONDS", 0.02)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site whose first edition is open to twelve readers."""
    return _open(folder)


def _open(folder: Folder, mail: str = "", smtp: str = "") -> app.Site:
    folder.post("one.md", "One", date="2026-11-01", body="A line of text.\n\n" * 600)
    use_relay(folder, mail)
    lines = f'host = "127.0.0.1"\nport = 9\nsecurity = "none"\nconnections = {LINES}\n{smtp}'
    folder.configure(mail__smtp=lines)
    site = folder.open()
    join(site, *READERS)
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def _send(site: app.Site, relay: Relay, at: datetime = SLOT, **changes: Any) -> Round:
    """Send at a moment through lines to the relay; ``changes`` are of the settings."""
    stopping = changes.pop("is_stopping", lambda: False)
    signer = changes.pop("signer", None)
    usual: dict[str, Any] = {"host": "127.0.0.1", "port": relay.port, "security": "none"}
    settings = SmtpSettings(**(usual | {"hello": "client.example.org"} | changes))
    return delivering.deliver(
        delivering.Sending(
            config=site.config,
            store=site.store,
            lines=lambda _: SmtpLines(settings),
            signer=signer,
            clock=lambda: at,
            is_stopping=stopping,
        )
    )


def _finish(site: app.Site, relay: Relay) -> None:
    """Send on, hours later, until the edition is over: the relay takes everything by now."""
    relay.script = lambda _moment, _wire: None
    for hours in range(1, 12):
        _send(site, relay, SLOT + hours * HOUR)
        if only(site).state is not EditionState.SENDING:
            return


def _judge(site: app.Site, relay: Relay, *, repeats: int = 0) -> None:
    """The one oracle: nobody lost, who got it twice is named uncertain, and the same octets."""
    uncertain = {one for one, _, outcome in attempts(site) if outcome == "uncertain"}
    edition = only(site)
    assert set(relay.counts) == ADDRESSES
    assert relay.differing() == []
    assert sum(relay.repeats.values()) <= repeats
    assert {f"{READERS[one - 1]}@example.net" for one in uncertain} >= set(relay.repeats)
    assert (edition.state, counts(site, edition)) == (EditionState.SENT, {"accepted": 12})


def _once(what: str, act: Callable[[socket.socket], bytes | None]) -> Script:  # type: ignore[valid-type]
    """A script that acts the first time a moment comes, and is usual ever after."""

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        return act(wire) if now.what == what and now.times == 0 else None

    return script


def _hang_up(_wire: socket.socket) -> bytes:
    raise HangUp(by_force=True)


def _say_and_hang_up(words: bytes) -> Callable[[socket.socket], bytes]:
    def act(wire: socket.socket) -> bytes:
        wire.sendall(words)
        raise HangUp

    return act


# --------------------------------------------------------------------------------- the usual day


def test_lines_share_the_work_and_reach_everybody_once(site: app.Site) -> None:
    """Three connections, one mail at a time each, every reader once; the envelope is one write."""
    with Relay() as relay:
        done = _send(site, relay)

    assert done.handed_over == len(READERS)
    assert relay.most_open == LINES
    assert relay.said["QUIT"] == LINES
    _judge(site, relay)


def test_signed_mails_wait_for_their_signature_and_for_nothing_else(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures that take longer than the wire: each mail goes when it has its own, in order."""
    monkeypatch.setattr(
        loop, "_LOOK_SECONDS", 60
    )  # nobody looks by chance: whoever waits is rung for
    usual = load_signer("example.org", "s1", ed25519_pem=make_ed25519_key().decode())

    def sign_slowly(octets: bytes) -> bytes:
        threading.Event().wait(0.02)
        return usual.keys[0].sign(octets)

    signer = replace(usual, keys=(replace(usual.keys[0], sign=sign_slowly),))
    with Relay() as relay:
        done = _send(site, relay, signer=signer)

    assert (done.handed_over, done.problems) == (12, [])
    _judge(site, relay)


def test_a_relay_without_pipelining_is_asked_step_by_step(site: app.Site) -> None:
    """Where PIPELINING is not offered no command goes before the last one's reply."""
    with Relay(offers=()) as relay:
        _send(site, relay)

    _judge(site, relay)


# -------------------------------------------------------------------- S1 to S4: replies and drops


@pytest.mark.parametrize("what", ["MAIL", "RCPT", "DATA", "BODY", "END"])
def test_s1_a_relay_that_shuts_down_costs_nothing(site: app.Site, what: str) -> None:
    """421 at any command, or in the middle of the mail: not counted as sent, and later it is."""
    script = _once(what, _say_and_hang_up(b"421 4.3.2 shutting down\r\n"))
    with Relay(script) as relay:
        _send(site, relay)
        assert counts(site, only(site)) in ({"accepted": 11, "deferred": 1}, {"accepted": 12})
        _finish(site, relay)

    _judge(site, relay)


def test_s1_a_relay_that_greets_with_421_is_met_later(site: app.Site) -> None:
    """Turned away at the door for now, everything waits untried and nobody is blamed."""
    with Relay(_once("banner", _say_and_hang_up(b"421 4.3.2 busy\r\n"))) as relay:
        done = _send(site, relay)
        waiting = counts(site, only(site))
        _finish(site, relay)

    assert [one.code for one in done.problems] == ["transport.greeting"]
    assert waiting == {"pending": 12}
    assert attempts(site) == []
    _judge(site, relay)


@pytest.mark.parametrize("what", ["MAIL", "RCPT", "DATA", "BODY"])
def test_a_reset_before_the_final_dot_is_safe_to_repeat(site: app.Site, what: str) -> None:
    """A connection lost before the mail left whole is no doubt: it goes again, and arrives once."""
    with Relay(_once(what, _hang_up)) as relay:
        _send(site, relay)
        _finish(site, relay)

    _judge(site, relay)


def test_s2_a_reset_after_the_dot_is_uncertain_and_goes_again(site: app.Site) -> None:
    """The relay kept it and never said so: under resend one repeat, the very same octets."""
    with Relay() as relay:

        def keep_and_go(wire: socket.socket) -> bytes:
            relay.keep(*kept_by(relay))
            return _hang_up(wire)

        def kept_by(_relay: Relay) -> tuple[str, bytes]:
            return ("nobody@example.net", b"")

        relay.script = _once("END", keep_and_go)
        _send(site, relay)
        first = counts(site, only(site))
        _finish(site, relay)
        relay.kept = [one for one in relay.kept if one[0] != "nobody@example.net"]

    assert first == {"accepted": 11, "uncertain": 1}
    _judge(site, relay, repeats=1)


def test_s2_under_hold_nothing_is_repeated(folder: Folder) -> None:
    """With ``hold`` an uncertain mail is left to a person: no repeat, and the row is named."""
    site = _open(folder, mail='uncertain = "hold"')

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if now.what == "END" and now.times == 3:
            relay.keep(now.recipient, b"the mail")
            return _hang_up(wire)
        return None

    with Relay(script) as relay:
        _send(site, relay)
        _finish(site, relay)

    assert set(relay.counts) == ADDRESSES
    assert relay.repeats == {}
    assert counts(site, only(site)) == {"accepted": 11, "uncertain": 1}
    assert only(site).state is EditionState.PARTIAL


def test_s3_a_slow_reply_to_the_dot_is_waited_for(site: app.Site) -> None:
    """A relay that thinks before its last reply is waited for, and the other lines go on."""
    with Relay(_once("END", lambda _: (threading.Event().wait(0.6) and b"") or None)) as relay:
        _send(site, relay, timeout_seconds=5)

    _judge(site, relay)


def test_s3_a_relay_that_never_answers_leaves_one_mail_uncertain(site: app.Site) -> None:
    """After the longest wait the mail is uncertain, on that line alone."""
    over = threading.Event()
    with Relay(_once("END", lambda _: (over.wait(20) and b"") or b"")) as relay:
        _send(site, relay, timeout_seconds=0.5)
        first = counts(site, only(site))
        over.set()
        _finish(site, relay)

    assert first == {"accepted": 11, "uncertain": 1}
    _judge(site, relay)


_ODD = {
    "multi-line": b"250-one\r\n250-two\r\n250 three\r\n",
    "8-bit": b"250 \xff\xfe gr\xfc\xdf\r\n",
    "garbage": b"\x00\x01 what is this\r\n",
    "no code": b"hello\r\n",
    "endless": b"250 " + b"x" * 70_000 + b"\r\n",
    "bare": b"250\r\n",
}


@pytest.mark.parametrize("what", ["MAIL", "RCPT", "END"])
@pytest.mark.parametrize("odd", _ODD)
def test_s4_an_odd_reply_breaks_nothing(site: app.Site, what: str, odd: str) -> None:
    """Whatever a relay says is understood or ends the connection safely; everybody gets the mail."""
    with Relay(_once(what, lambda _: _ODD[odd])) as relay:
        _send(site, relay)
        _finish(site, relay)

    _judge(site, relay, repeats=1)


def test_s4_a_reply_in_pieces_is_one_reply(site: app.Site) -> None:
    """An octet at a time, with pauses, is the same reply."""

    def drip(wire: socket.socket) -> bytes:
        for octet in b"250 2.0.0 kep":
            wire.sendall(bytes([octet]))
            threading.Event().wait(0.005)
        return b""

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if now.what == "MAIL" and now.times == 0:
            drip(wire)
            return b"t\r\n"
        return None

    with Relay(script) as relay:
        _send(site, relay)

    _judge(site, relay)


# ------------------------------------------------------------------- S5 to S10: what replies mean


def test_s5_one_refused_mailbox_stops_nobody_else(site: app.Site) -> None:
    """550 for one reader: that row is rejected, the others are sent, the edition is over."""

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        is_gone = now.what == "RCPT" and now.recipient.startswith("reader05")
        return b"550 5.1.1 no such mailbox\r\n" if is_gone else None

    with Relay(script) as relay:
        done = _send(site, relay)

    assert done.problems == []
    assert set(relay.counts) == ADDRESSES - {"reader05@example.net"}
    assert counts(site, only(site)) == {"accepted": 11, "rejected": 1}
    assert only(site).state is EditionState.SENT


def test_a_relay_that_takes_data_for_nobody_gets_no_mail(site: app.Site) -> None:
    """354 after a refused recipient (RFC 2920): we hang up, and no mail goes to nobody."""

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"550 5.1.1 gone\r\n" if (now.what, now.times) == ("RCPT", 0) else None

    with Relay(script) as relay:
        _send(site, relay)

    assert counts(site, only(site)) == {"accepted": 11, "rejected": 1}
    assert len(relay.kept) == 11


@pytest.mark.parametrize("what", ["banner", "MAIL", "END"])
def test_s6_a_refusal_of_everybody_pauses_the_edition(folder: Folder, what: str) -> None:
    """554 to all: paused within 20 attempts with the relay's words, nobody suppressed; then all go."""
    site = _open(folder)
    join(site, *(f"more{n}" for n in range(60)))
    words = b"554 5.7.1 your mail is not wanted here\r\n"
    with Relay(lambda now, _: words if now.what == what else None) as relay:
        done = _send(site, relay)
        edition = only(site)
        tried = relay.said["MAIL"]
        move(site, edition, EditionState.SENDING)
        _finish(site, relay)

    assert edition.state is EditionState.PAUSED
    assert "your mail is not wanted here" in edition.reason
    assert done.problems
    assert tried <= 20
    assert rows(site, schema.suppressions, schema.suppressions.c.reason) == []
    _judge(site, relay)


def test_s7_greylisted_mails_come_later(site: app.Site) -> None:
    """451 to everybody the first time: each waits its own while, then all are taken."""
    seen: set[str] = set()

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "RCPT" and now.recipient not in seen:
            seen.add(now.recipient)
            return b"451 4.7.1 greylisted, come back\r\n"
        return None

    with Relay(script) as relay:
        _send(site, relay)
        first = counts(site, only(site))
        _send(site, relay, SLOT + 6 * MINUTE)

    columns = schema.attempts.c
    assert first == {"deferred": 12}
    assert len(set(rows(site, schema.attempts, columns.subscriber_id))) == 12
    _judge(site, relay)


def test_s8_a_relay_that_goes_down_is_followed_by_the_next_at_its_name(site: app.Site) -> None:
    """What the first one took stays; only mails that it did not take go to the second."""

    def fail(now: Moment, _wire: socket.socket) -> bytes | None:
        if first.said["END"] >= 5 and now.what in {"banner", "MAIL"}:
            raise HangUp
        return None

    with Relay(fail) as first:
        done = _send(site, first)
        between = counts(site, only(site))
    with Relay() as second:
        _send(site, second, SLOT + MINUTE)
        taken = set(second.counts)
        second.kept += first.kept
        _finish(site, second)

    assert [one.code for one in done.problems] == ["transport.greeting"]
    assert between == {"accepted": len(first.kept), "pending": 12 - len(first.kept)}
    assert len(first.kept) >= 5
    assert taken == ADDRESSES - set(first.counts)
    _judge(site, second)


def test_s11_a_name_that_leads_nowhere_touches_nobody(site: app.Site) -> None:
    """Without the relay's address nothing begins; once it is back everything goes."""
    with Relay() as relay:
        done = _send(site, relay, host="relay.invalid")
        between = counts(site, only(site))
        _finish(site, relay)

    assert [one.code for one in done.problems] == ["transport.name"]
    assert between == {"pending": 12}
    assert attempts(site) == []
    _judge(site, relay)


def test_s9_a_refused_sign_in_pauses_and_touches_nobody(site: app.Site) -> None:
    """535 to our password: the edition is paused with the reason, no row is tried."""
    with Relay(
        lambda now, _: b"535 5.7.8 wrong\r\n" if now.what == "AUTH" else None,
        offers=("AUTH PLAIN",),
    ) as relay:
        done = _send(site, relay, username="us", password="wrong")

    assert [one.code for one in done.problems] == ["transport.sign_in"]
    assert only(site).state is EditionState.PAUSED
    assert counts(site, only(site)) == {"pending": 12}


def test_s9_a_relay_without_encryption_pauses_and_touches_nobody(site: app.Site) -> None:
    """STARTTLS wanted and not offered: nothing goes in clear text, and staff are told."""
    with Relay() as relay:
        _send(site, relay, security="starttls")

    assert only(site).state is EditionState.PAUSED
    assert "STARTTLS" in only(site).reason
    assert relay.said["MAIL"] == 0


def test_s10_a_relay_that_takes_two_connections_gets_two(site: app.Site) -> None:
    """A third connection is turned away: the work goes on over two, and nothing is counted."""

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if now.what == "banner" and now.connection > 2:
            return _say_and_hang_up(b"421 4.7.0 too many connections\r\n")(wire)
        return None

    with Relay(script) as relay:
        done = _send(site, relay)

    assert done.problems == []
    _judge(site, relay)


@pytest.mark.parametrize("words", [b"421 4.7.0 enough\r\n", b"550 5.7.0 enough\r\n", b""])
def test_s10_one_mail_a_connection_is_enough(site: app.Site, words: bytes) -> None:
    """A relay that takes one mail a connection, said in any way, is met on new ones."""

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if now.what == "MAIL" and now.mails:
            return _say_and_hang_up(words)(wire)
        return None

    with Relay(script) as relay:
        done = _send(site, relay)

    assert done.problems == []
    assert attempts(site) == []
    _judge(site, relay)


def test_s10_a_mail_too_large_for_the_relay_is_not_put_on_the_wire(site: app.Site) -> None:
    """SIZE says what fits: rows say so, and no reader is blamed."""
    with Relay(offers=("PIPELINING", "SIZE 1000")) as relay:
        _send(site, relay)

    assert relay.said["MAIL"] == 0
    assert counts(site, only(site)) == {"rejected": 12}
    assert rows(site, schema.suppressions, schema.suppressions.c.reason) == []


# ----------------------------------------------------------------------- pace, limits and stopping


def test_a_daily_limit_spreads_an_edition_over_days(folder: Folder) -> None:
    """Five a day: the third day sees the end, and it does not expire meanwhile."""
    site = _open(folder, mail="daily_limit = 5")
    sent = []
    with Relay() as relay:
        for day in range(3):
            sent.append(_send(site, relay, SLOT + day * DAY).handed_over)
            sent.append(_send(site, relay, SLOT + day * DAY + MINUTE).handed_over)

    assert sent == [5, 0, 5, 0, 2, 0]
    _judge(site, relay)


def test_a_relay_that_is_busy_again_and_again_is_left_alone(site: app.Site) -> None:
    """421 to every mail: fewer and fewer lines, then a quarter of an hour of rest."""
    with Relay(lambda now, _: b"421 4.3.2 busy\r\n" if now.what == "RCPT" else None) as relay:
        done = _send(site, relay)
        tried = relay.said["MAIL"]
        _send(site, relay, SLOT + 14 * MINUTE)
        early = relay.said["MAIL"]
        _finish(site, relay)

    assert done.problems[-1].code == "relay.busy"
    assert (tried <= 20, early) == (True, tried)
    _judge(site, relay)


def test_a_stop_hangs_up_on_a_peer_that_hangs(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to stop while a relay is silent, it ends soon; how far that mail went is known."""
    monkeypatch.setattr(loop, "DRAIN_SECONDS", 0.2)
    over = threading.Event()

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "END":
            over.wait(20)
            return b""
        return None

    with Relay(script) as relay:
        _send(site, relay, is_stopping=lambda: relay.said["END"] >= 1)
        first = counts(site, only(site))
        over.set()
        _finish(site, relay)

    assert first.pop("uncertain") >= 1
    assert set(first) <= {"pending", "deferred"}
    _judge(site, relay)


# --------------------------------------------------------------------------------- D: the database


def test_d1_a_database_locked_for_a_while_is_waited_for(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds the file: commits wait, nothing goes without its start, nothing twice."""
    monkeypatch.setattr(dialect, "BUSY_SECONDS", 5)
    held = threading.Event()

    def hold_a_while() -> None:
        path = site.config.paths.state / "publisher.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            threading.Event().wait(0.7)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=hold_a_while)

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if (now.what, now.times) == ("MAIL", 2):
            thread.start()
            held.wait(5)
        return None

    with Relay(script) as relay:
        done = _send(site, relay)
    thread.join()

    assert done.problems == []
    _judge(site, relay)


@pytest.mark.parametrize("at", [2, 3, 5])
@pytest.mark.parametrize("is_written", [True, False])
def test_d2_d4_a_commit_that_fails_loses_and_repeats_nothing(
    site: app.Site, monkeypatch: pytest.MonkeyPatch, at: int, is_written: bool
) -> None:
    """A full disk, or a commit that worked and said it did not: nothing begins, facts are kept."""
    real, seen = committing.Book.commit, 0

    def commit(self: committing.Book, batch: committing.Batch) -> committing.Committed:
        nonlocal seen
        seen += 1
        if seen == at:
            if is_written:
                real(self, batch)
            raise DOWN
        return real(self, batch)

    monkeypatch.setattr(committing.Book, "commit", commit)
    with Relay() as relay:
        done = _send(site, relay)
        between = counts(site, only(site))
        kept = len(relay.kept)
        _finish(site, relay)

    assert [one.got for one in done.problems] == ["a full disk"]
    assert between.get("accepted", 0) == kept
    assert set(between) <= {"accepted", "pending"}
    assert attempts(site) == []
    _judge(site, relay)


@pytest.mark.parametrize("what", ["leaves", "pauses"])
def test_an_envelope_is_no_mail(
    site: app.Site, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A reader leaves, or staff pause, when the relay has the envelope and waits for the mail.

    Nothing of the mail goes, and the row says what it always said.
    """
    real, ready, done = committing.Book.commit, threading.Event(), threading.Event()

    def script(now: Moment, _wire: socket.socket) -> None:
        if now.what == "BODY" and now.recipient.startswith(READERS[4]):
            ready.set()

    def commit(self: committing.Book, batch: committing.Batch) -> committing.Committed:
        if 5 in {one.due.subscriber_id for one in batch.beginnings} and not done.is_set():
            done.set()
            assert ready.wait(10)
            if what == "leaves":
                subscribing.unsubscribe(site.store, link_of(site, 5), now=SLOT)
            else:
                app.handle_edition(site, only(site), Act.PAUSE, by="Dr Grey", now=SLOT)
        return real(self, batch)

    monkeypatch.setattr(committing.Book, "commit", commit)
    with Relay(script) as relay:
        _send(site, relay)
        state, between = only(site).state, counts(site, only(site))

    assert done.is_set()
    assert f"{READERS[4]}@example.net" not in relay.counts
    assert between["accepted"] == len(relay.kept)
    if what == "leaves":
        assert (state, between) == ("sent", {"accepted": 11, "suppressed": 1})
    else:
        assert (state, set(between)) == ("paused", {"accepted", "pending"})
        assert attempts(site) == []


def test_a_database_that_stays_away_leaves_what_was_sent_uncertain(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts that never could be written are named uncertain by the next round, and bounded."""
    monkeypatch.setattr(loop, "PATIENCE_SECONDS", 0.1)
    real, seen = committing.Book.commit, 0

    def commit(self: committing.Book, batch: committing.Batch) -> committing.Committed:
        nonlocal seen
        seen += 1
        if seen >= 3:
            raise DOWN
        return real(self, batch)

    with Relay() as relay:
        with monkeypatch.context() as patch:
            patch.setattr(committing.Book, "commit", commit)
            _send(site, relay)
        _finish(site, relay)

    assert len(attempts(site)) <= 4
    _judge(site, relay, repeats=LINES)
