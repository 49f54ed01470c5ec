"""Lines: several mails at once over real sockets, in the clear and encrypted, whatever the peer does."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from publisher.errors import Problem, Refused, Unavailable
from publisher.model import Accepted, Deferred, Envelope, Phase, Rejected, Uncertain
from publisher.transport import Ended, Single, SmtpLines, SmtpSettings
from publisher.transport.smtp import Connection, connect
from tests.certificates import Certificate, make_certificate
from tests.fakes import MemoryTransport
from tests.relay import HangUp, Moment, Relay

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from publisher.model import Outcome

MAIL = b"From: letters@example.org\r\nSubject: Part 3\r\n\r\nA line.\r\n"
LARGE = MAIL + (b"y" * 70 + b"\r\n") * 100_000
"""More than the kernel keeps for a peer that does not read."""
SECURITIES = ("tls", "starttls")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    """One certificate for the host the tests use, one for another."""
    directory = tmp_path_factory.mktemp("certificates")
    return {name: make_certificate(directory, name) for name in ("localhost", "other.example.org")}


def to(name: str, *, is_plain: bool = False) -> Envelope:
    return Envelope(
        sender="b+token@example.org",
        recipient=f"{name}@example.net",
        name=name,
        is_plain=is_plain,
    )


@contextmanager
def lines_to(port: int, **changes: Any) -> Iterator[SmtpLines]:
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "hello": "client.example.org",
    }
    lines = SmtpLines(SmtpSettings(**(usual | changes)))
    try:
        yield lines
    finally:
        lines.close()


@contextmanager
def tls_relay(
    security: str, certificate: Certificate, script: Callable[..., Any] = lambda _now, _wire: None
) -> Iterator[tuple[Relay, dict[str, Any]]]:
    """A relay that encrypts, and how to reach it."""
    with Relay(script, context=certificate.context, starts_tls=security == "starttls") as relay:
        yield relay, {"port": relay.port, "host": "localhost", "security": security}


def send(
    lines: SmtpLines, mails: dict[str, bytes], *, width: int = 3, is_plain: bool = False
) -> dict[str, Any]:
    """Carry the mails, as many at once as there are lines; return what became of each."""
    waiting, names = list(mails), dict(enumerate(mails))
    ended: dict[str, Any] = {}
    until = time.monotonic() + 60
    while len(ended) < len(mails):
        assert time.monotonic() < until
        free = lines.want(min(width, len(mails) - len(ended)))
        if lines.failure:
            raise lines.failure
        for _ in range(min(free, len(waiting))):
            name = waiting.pop(0)
            lines.begin(list(mails).index(name), to(name, is_plain=is_plain), mails[name])
        ended |= {names[one.key]: one.outcome for one in lines.wait(1)}
    return ended


def kinds(ended: dict[str, Any]) -> dict[str, str]:
    return {name: type(one).__name__ for name, one in ended.items()}


def once(what: str, act: Callable[[socket.socket], bytes | None]) -> Callable[..., bytes | None]:
    """A script that acts the first time a moment comes, and is usual ever after."""

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        return act(wire) if (now.what, now.times) == (what, 0) else None

    return script


# --------------------------------------------------------------------------------------- encrypted


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize("security", SECURITIES)
def test_encrypted_mails_arrive_over_several_lines(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    *,
    is_plain: bool,
) -> None:
    """Small mails and one that the wire does not take at once, each whole and once."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    mails = {"large": LARGE, "ada": MAIL, "ben": MAIL, "cyd": MAIL, "dan": LARGE}

    def read_late(now: Moment, _wire: socket.socket) -> None:
        if now.what == "BODY" and now.recipient.startswith("large"):
            threading.Event().wait(0.3)  # by then nothing more can be written

    with tls_relay(security, good, read_late) as (relay, where), lines_to(**where) as lines:
        ended = send(lines, mails, is_plain=is_plain)

    assert kinds(ended) == dict.fromkeys(mails, "Accepted")
    assert relay.counts == dict.fromkeys((f"{name}@example.net" for name in mails), 1)
    assert len({digest for _, digest in relay.kept}) == 2
    assert relay.most_open == 3


@pytest.mark.parametrize("is_plain", [False, True])
def test_a_mail_that_the_wire_takes_in_parts_arrives_whole(*, is_plain: bool) -> None:
    """Known to be plain or looked through, the relay has the very octets, and the line goes on."""

    def read_late(now: Moment, _wire: socket.socket) -> None:
        if now.what == "BODY" and now.recipient.startswith("large"):
            threading.Event().wait(0.3)  # by then nothing more can be written

    mails = {"large": LARGE, "ada": MAIL, "larger": LARGE + LARGE}
    with Relay(read_late) as relay, lines_to(relay.port) as lines:
        ended = send(lines, mails, width=1, is_plain=is_plain)

    assert kinds(ended) == dict.fromkeys(mails, "Accepted")
    assert [digest for _, digest in relay.kept] == [
        hashlib.sha256(one).hexdigest() for one in mails.values()
    ]


@pytest.mark.parametrize("security", SECURITIES)
def test_a_slow_handshake_holds_up_nobody_else(
    certificates: dict[str, Certificate], monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    """A line that is being encrypted waits by itself: mails go over the other meanwhile."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    go_on = threading.Event()

    def slow(now: Moment, _wire: socket.socket) -> None:
        if (now.what, now.times) == ("TLS", 1):
            go_on.wait(20)

    with tls_relay(security, good, slow) as (relay, where), lines_to(**where) as lines:
        first = send(lines, {"ada": MAIL})
        while relay.said["TLS"] < 2:
            lines.want(2)
            lines.wait(0.01)
        meanwhile = send(lines, {"ben": MAIL, "cyd": MAIL}, width=2)
        go_on.set()

    assert kinds(first | meanwhile) == dict.fromkeys(("ada", "ben", "cyd"), "Accepted")


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("fault", ["untrusted", "other name"])
def test_a_wrong_certificate_gets_no_mail(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    fault: str,
) -> None:
    """The lines fail with the reason, and nothing goes out in clear text instead (S9)."""
    served = certificates["localhost" if fault == "untrusted" else "other.example.org"]
    if fault == "other name":
        monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))

    with (
        tls_relay(security, served) as (relay, where),
        lines_to(**where) as lines,
        pytest.raises(Unavailable) as raised,
    ):
        send(lines, {"ada": MAIL})

    assert raised.value.problems[0].code == "transport.certificate"
    assert (relay.kept, relay.said["MAIL"]) == ([], 0)


def _close_notify(wire: socket.socket) -> None:
    """Say by TLS that nothing more comes, wait for no answer, and hang up."""
    wire.settimeout(0.05)
    with suppress(OSError):
        assert isinstance(wire, ssl.SSLSocket)
        wire.unwrap()
    raise HangUp


def _reset(_wire: socket.socket) -> None:
    raise HangUp(by_force=True)


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("act", [_close_notify, _reset])
@pytest.mark.parametrize(
    ("what", "data", "outcome"),
    [
        ("RCPT", MAIL, (Deferred, Phase.RCPT)),
        ("BODY", LARGE, (Deferred, Phase.BODY)),
        ("END", MAIL, (Uncertain, Phase.END)),
    ],
)
def test_the_end_of_an_encrypted_line_is_told_by_how_far_the_mail_went(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    act: Callable[[socket.socket], None],
    what: str,
    data: bytes,
    outcome: tuple[type[Outcome], Phase],
) -> None:
    """Before the final dot it is safe to repeat, after it is uncertain; other lines go on."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))

    with tls_relay(security, good, once(what, act)) as (relay, where), lines_to(**where) as lines:
        first = send(lines, {"ada": data})["ada"]
        others = send(lines, {"ben": MAIL, "cyd": MAIL})

    assert (type(first), first.phase) == outcome
    assert kinds(others) == {"ben": "Accepted", "cyd": "Accepted"}
    assert "ada@example.net" not in relay.counts


@pytest.mark.parametrize(("what", "outcome"), [("RCPT", Deferred), ("END", Uncertain)])
def test_a_reset_is_told_by_how_far_the_mail_went(what: str, outcome: type[Outcome]) -> None:
    """The same in the clear."""
    with Relay(once(what, _reset)) as relay, lines_to(relay.port) as lines:
        ended = send(lines, {"ada": MAIL})
        others = send(lines, {"ben": MAIL})

    assert type(ended["ada"]) is outcome
    assert kinds(others) == {"ben": "Accepted"}


# -------------------------------------------------------------------------------------- slow peers


def test_s11_a_peer_that_says_an_octet_now_and_then_is_left() -> None:
    """A reply that never ends has an end, though something comes again and again."""
    over = threading.Event()

    def trickle(now: Moment, wire: socket.socket) -> bytes | None:
        if now.what != "RCPT" or not now.recipient.startswith("slow"):
            return None
        while not over.wait(0.05):
            wire.sendall(b"2")
        raise HangUp

    with Relay(trickle) as relay, lines_to(relay.port, command_timeout_seconds=0.5) as lines:
        ended = send(lines, {"slow": MAIL, "ada": MAIL, "ben": MAIL}, width=2)
        over.set()

    assert kinds(ended) == {"slow": "Deferred", "ada": "Accepted", "ben": "Accepted"}
    assert (ended["slow"].phase, ended["slow"].reply) == (Phase.RCPT, "no reply in time")
    assert list(ended)[-1] == "slow"


def test_s11_a_peer_that_does_not_read_is_left() -> None:
    """A tarpit that takes the envelope and no body: bounded, safe to repeat, others go on."""
    over = threading.Event()

    def tarpit(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "BODY" and now.recipient.startswith("slow"):
            over.wait(20)
            raise HangUp
        return None

    with Relay(tarpit) as relay, lines_to(relay.port, command_timeout_seconds=0.5) as lines:
        ended = send(lines, {"slow": LARGE, "ada": MAIL, "ben": MAIL}, width=2)
        over.set()

    assert kinds(ended) == {"slow": "Deferred", "ada": "Accepted", "ben": "Accepted"}
    assert ended["slow"].phase is Phase.BODY
    assert set(relay.counts) == {"ada@example.net", "ben@example.net"}


def test_s11_a_relay_that_is_slow_to_greet_holds_up_nobody() -> None:
    """A second connection without a greeting: the first goes on carrying mails."""
    over = threading.Event()

    def slow(now: Moment, _wire: socket.socket) -> None:
        if (now.what, now.times) == ("banner", 1):
            over.wait(20)

    with Relay(slow) as relay, lines_to(relay.port) as lines:
        ended = send(lines, dict.fromkeys(("ada", "ben", "cyd"), MAIL))
        over.set()

    assert kinds(ended) == dict.fromkeys(("ada", "ben", "cyd"), "Accepted")


def test_s11_a_name_that_leads_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the relay's address nothing begins, and the reason is there."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with lines_to(25, host="relay.invalid") as lines, pytest.raises(Unavailable) as raised:
        send(lines, {"ada": MAIL})

    assert raised.value.problems[0].code == "transport.name"


# ----------------------------------------------------------------------------- the life of a line


def test_a_poisoned_mail_never_reaches_the_wire() -> None:
    """It ends at once, and its line carries the next one."""
    with Relay() as relay, lines_to(relay.port) as lines:
        ended = send(lines, {"ada": b"bare\nline\r\n", "ben": MAIL})

    assert (type(ended["ada"]), type(ended["ben"])) == (Refused, Accepted)
    assert set(relay.counts) == {"ben@example.net"}


def test_a_mail_that_this_relay_cannot_take_is_not_offered() -> None:
    """Too large for what it announced: rejected without a word, the line is free again."""
    with Relay(offers=["SIZE 60"]) as relay, lines_to(relay.port) as lines:
        ended = send(lines, {"ada": LARGE, "ben": MAIL[:50] + b"\r\n"}, width=1)

    assert kinds(ended) == {"ada": "Rejected", "ben": "Accepted"}
    assert relay.said["MAIL"] == 1


def test_a_reset_after_a_refused_reader_is_answered_or_the_line_goes() -> None:
    """RSET between two mails; a relay that refuses even that is met anew."""

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "RCPT" and now.recipient.startswith(("ada", "ben")):
            return b"550 5.1.1 nobody\r\n"
        if (now.what, now.times) == ("RSET", 1):
            return b"500 5.5.1 what?\r\n"
        return None

    with Relay(script, offers=["8BITMIME"]) as relay, lines_to(relay.port) as lines:
        ended = send(lines, dict.fromkeys(("ada", "ben", "cyd"), MAIL), width=1)

    assert kinds(ended) == {"ada": "Rejected", "ben": "Rejected", "cyd": "Accepted"}
    assert relay.said["RSET"] == 2
    assert relay.said["banner"] == 2


@pytest.mark.parametrize("words", [b"421 4.3.2 closing\r\n", b""])
def test_a_line_lost_while_idle_costs_no_mail(words: bytes) -> None:
    """A relay that hangs up between two mails, with or without a word, is met anew."""
    said = threading.Event()

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if (now.what, now.times) == ("END", 0):
            wire.sendall(b"250 2.0.0 kept\r\n" + words)
            said.set()
            raise HangUp
        return None

    with Relay(script) as relay, lines_to(relay.port) as lines:
        first = send(lines, {"ada": MAIL}, width=1)
        said.wait(5)
        second = send(lines, {"ben": MAIL}, width=1)

    assert kinds(first | second) == {"ada": "Accepted", "ben": "Accepted"}
    assert relay.said["banner"] == 2


def test_a_relay_that_closes_while_a_line_opens_leaves_the_others() -> None:
    """It takes two connections and no third: two carry all mails, and it is not asked for more."""

    def two(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"421 4.7.0 too many\r\n" if now.what == "banner" and now.connection > 2 else None

    names = [f"reader{n}" for n in range(12)]
    with Relay(two) as relay, lines_to(relay.port) as lines:
        ended = send(lines, dict.fromkeys(names, MAIL), width=4)

    assert kinds(ended) == dict.fromkeys(names, "Accepted")
    assert relay.said["banner"] <= 4


def test_a_cut_says_how_far_each_mail_went() -> None:
    """Hanging up: the one after its dot is uncertain, the one before it is safe to repeat."""
    over, there = threading.Event(), threading.Barrier(3)

    def script(now: Moment, _wire: socket.socket) -> bytes | None:
        if (now.what, now.recipient[:3]) in {("END", "ada"), ("RCPT", "ben")}:
            there.wait(20)
            over.wait(20)
            raise HangUp
        return None

    with Relay(script) as relay, lines_to(relay.port) as lines:
        while lines.want(2) < 2:
            lines.wait(1)
        lines.begin(1, to("ada"), MAIL)
        lines.begin(2, to("ben"), MAIL)
        while there.n_waiting < 2:
            lines.wait(0.01)
        there.wait(20)
        lines.begin(3, to("cyd"), MAIL)  # no line is free: it has not left
        ended: dict[int, Any] = {one.key: one.outcome for one in lines.cut()}
        over.set()

    assert {key: type(one) for key, one in ended.items()} == {
        1: Uncertain,
        2: Deferred,
        3: Deferred,
    }
    assert ended[3].phase is Phase.MAIL
    assert relay.kept == []


def test_a_mail_without_a_line_is_told_why_there_is_none() -> None:
    """The line that was free is lost, and the relay lets nobody in again: the mail is given back."""
    parted = threading.Event()

    def script(now: Moment, wire: socket.socket) -> bytes | None:
        if (now.what, now.times) == ("END", 0):
            wire.sendall(b"250 2.0.0 kept\r\n")
            parted.set()
            raise HangUp
        return b"554 5.3.2 closed\r\n" if now.what == "banner" and now.times else None

    with Relay(script) as relay, lines_to(relay.port) as lines:
        send(lines, {"ada": MAIL}, width=1)
        parted.wait(5)
        until = time.monotonic() + 5
        while lines.want(0) and time.monotonic() < until:
            lines.wait(0.01)
        lines.begin(7, to("ben"), MAIL)
        ended: list[Ended] = []
        while not ended and time.monotonic() < until:
            ended = lines.wait(0.1)

    assert [(one.key, type(one.outcome)) for one in ended] == [(7, Unavailable)]
    assert relay.said["MAIL"] == 1


def test_connections_that_fail_together_are_one_failure() -> None:
    """The only line is lost while two more are being made, and neither is: that is told once."""
    fail = threading.Event()
    made: list[int] = []

    def open_one(settings: SmtpSettings) -> Connection:
        made.append(1)
        if len(made) > 1:
            fail.wait(20)
            raise Unavailable(
                Problem(code="transport.connect", path="relay", expected="one", got="gone")
            )
        return connect(settings)

    def part(now: Moment, _wire: socket.socket) -> None:
        if now.what == "RCPT":
            while len(made) < 3:
                threading.Event().wait(0.01)
            raise HangUp

    with Relay(part) as relay:
        settings = SmtpSettings(host="127.0.0.1", port=relay.port, security="none")
        with closing(SmtpLines(settings, open_one=open_one)) as lines:
            while not lines.want(1):
                lines.wait(1)
            lines.begin(1, to("ada"), MAIL)
            lines.want(3)
            ended = lines.wait(5)
            while lines.want(0) or not ended:
                ended += lines.wait(1)
            none_yet = lines.failure
            fail.set()
            until = time.monotonic() + 5
            while lines.failure is None and time.monotonic() < until:
                lines.wait(0.1)
            failure = lines.failure

    assert (none_yet, [one.key for one in ended]) == (None, [1])
    assert failure is not None


def test_words_in_the_middle_of_a_body_are_the_answer_to_it() -> None:
    """A relay that is full says so before the final dot: safe to repeat, on another line."""

    def full(wire: socket.socket) -> bytes:
        threading.Event().wait(0.2)  # else it comes with 354, as words that nobody asked for
        wire.sendall(b"452 4.3.1 no room\r\n")
        threading.Event().wait(0.5)
        raise HangUp

    with Relay(once("BODY", full)) as relay, lines_to(relay.port) as lines:
        ended = send(lines, {"ada": LARGE, "ben": MAIL}, width=1)

    assert kinds(ended) == {"ada": "Deferred", "ben": "Accepted"}
    assert (ended["ada"].code, ended["ada"].phase) == (452, Phase.BODY)


def test_words_that_nobody_asked_for_end_the_line() -> None:
    """A reply too many before the body could pass for the one to it: nothing is sent after it."""
    with (
        Relay(once("DATA", lambda _: b"354 go on\r\n250 2.0.0 kept\r\n")) as relay,
        lines_to(relay.port) as lines,
    ):
        ended = send(lines, {"ada": MAIL, "ben": MAIL}, width=1)

    assert kinds(ended) == {"ada": "Deferred", "ben": "Accepted"}
    assert set(relay.counts) == {"ben@example.net"}


def test_a_relay_that_takes_more_again_gets_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while another connection is tried where the relay took no more."""
    monkeypatch.setattr("publisher.transport.lines._AGAIN_SECONDS", 0.05)

    def one_at_first(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"421 4.7.0 too many\r\n" if now.what == "banner" and now.times == 1 else None

    with Relay(one_at_first) as relay, lines_to(relay.port) as lines:
        send(lines, {"ada": MAIL}, width=1)
        until, most = time.monotonic() + 10, 0
        while most < 2 and time.monotonic() < until:
            most = max(most, lines.want(2))
            lines.wait(0.02)

    assert most == 2
    assert relay.said["banner"] == 3


def test_a_worn_line_gives_way_to_a_fresh_one() -> None:
    """One mail a connection: whoever was refused for that alone goes on a new one, and first."""

    def one_each(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"421 4.7.0 one each\r\n" if now.what == "MAIL" and now.mails else None

    names = [f"reader{n}" for n in range(9)]
    with Relay(one_each) as relay, lines_to(relay.port) as lines:
        ended = send(lines, dict.fromkeys(names, MAIL))

    assert kinds(ended) == dict.fromkeys(names, "Accepted")
    assert set(relay.counts.values()) == {1}


# -------------------------------------------------------------------------------------------- held


def hear(lines: SmtpLines, is_over: Callable[[], bool]) -> list[Ended]:
    """Carry on until it is over, and for a moment more; return what was told."""
    ended: list[Ended] = []
    until = time.monotonic() + 10
    while not is_over():
        assert time.monotonic() < until
        ended += lines.wait(0.02)
    return ended + lines.wait(0.05)


def hold(lines: SmtpLines, relay: Relay, key: int = 1, name: str = "ada") -> list[Ended]:
    """Begin a mail that holds, and carry on until the relay has answered its envelope."""
    while not lines.want(1):
        lines.wait(1)
    before = relay.said["BODY"]
    lines.begin(key, to(name), MAIL, holds=True)
    return hear(lines, lambda: relay.said["BODY"] > before)


def test_a_mail_that_is_held_follows_its_envelope_when_it_may() -> None:
    """The relay is ready and hears nothing of the mail until it is sent."""
    with Relay() as relay, lines_to(relay.port) as lines:
        told = hold(lines, relay)
        kept = list(relay.kept)
        lines.send(1)
        (ended,) = hear(lines, lambda: bool(relay.kept))

    assert (told, kept) == ([], [])
    assert (ended.key, type(ended.outcome)) == (1, Accepted)
    assert relay.counts == {"ada@example.net": 1}


def test_a_mail_may_be_sent_before_its_envelope_is_answered() -> None:
    """It follows as soon as the relay is ready, as one that was never held."""
    with Relay() as relay, lines_to(relay.port) as lines:
        while not lines.want(1):
            lines.wait(1)
        lines.begin(1, to("ada"), MAIL, holds=True)
        lines.send(1)
        (ended,) = hear(lines, lambda: bool(relay.kept))

    assert type(ended.outcome) is Accepted


@pytest.mark.parametrize("is_answered", [False, True])
def test_a_mail_that_is_taken_back_was_never_sent(*, is_answered: bool) -> None:
    """Its line is hung up and nothing is told; the next mail goes on another."""
    with Relay() as relay, lines_to(relay.port) as lines:
        if is_answered:
            hold(lines, relay)
        else:
            while not lines.want(1):
                lines.wait(1)
            lines.begin(1, to("ada"), MAIL, holds=True)
        lines.take_back(1)
        lines.send(1)  # too late: nothing is sent
        ended = send(lines, {"ben": MAIL}, width=1)
        nothing = lines.wait(0.05)

    assert (kinds(ended), nothing) == ({"ben": "Accepted"}, [])
    assert set(relay.counts) == {"ben@example.net"}


def test_an_envelope_that_is_refused_is_the_end_of_its_mail() -> None:
    """It is told though the mail was held; sending or taking it back does nothing more."""

    def nobody(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"550 5.1.1 nobody\r\n" if now.recipient.startswith("ada") else None

    with Relay(nobody, offers=["8BITMIME"]) as relay, lines_to(relay.port) as lines:
        while not lines.want(1):
            lines.wait(1)
        lines.begin(1, to("ada"), MAIL, holds=True)
        told = hear(lines, lambda: relay.said["RSET"] == 1)
        lines.send(1)
        lines.begin(2, to("ben"), b"bare\nline\r\n", holds=True)
        lines.take_back(2)
        untold = lines.wait(0.05)
        ended = send(lines, {"cyd": MAIL}, width=1)

    assert [(one.key, type(one.outcome)) for one in told] == [(1, Rejected)]
    assert (untold, kinds(ended)) == ([], {"cyd": "Accepted"})


def test_words_that_come_while_a_mail_is_held_are_no_answer_to_it() -> None:
    """A 250 too many before the body: it must not pass for the relay's word that it has the mail."""
    said = threading.Event()

    def talk(now: Moment, wire: socket.socket) -> bytes | None:
        if (now.what, now.times) == ("DATA", 0):
            wire.sendall(b"354 go on\r\n")
            threading.Event().wait(0.2)
            wire.sendall(b"250 2.0.0 kept\r\n")
            said.set()
            raise HangUp
        return None

    with Relay(talk) as relay, lines_to(relay.port) as lines:
        while not lines.want(1):
            lines.wait(1)
        lines.begin(1, to("ada"), MAIL, holds=True)
        lines.wait(0.05)
        lines.wait(0.05)
        said.wait(5)
        lines.send(1)  # before anybody listened
        (ended,) = lines.wait(1)

    assert (type(ended.outcome), relay.kept) == (Deferred, [])


def test_a_relay_that_gives_up_on_a_held_mail_has_it_again_later() -> None:
    """It waited too long between envelope and mail: that is safe to repeat."""
    gone = threading.Event()

    def give_up(now: Moment, wire: socket.socket) -> None:
        if (now.what, now.times) == ("BODY", 0):
            threading.Event().wait(0.1)
            wire.sendall(b"421 4.4.2 timeout\r\n")
            gone.set()
            raise HangUp

    with Relay(give_up) as relay, lines_to(relay.port) as lines:
        told = [*hold(lines, relay), *hear(lines, gone.is_set)]
        ended = send(lines, {"ben": MAIL}, width=1)

    assert [(one.key, type(one.outcome), one.outcome.phase) for one in told] == [  # type: ignore[union-attr]
        (1, Deferred, Phase.BODY)
    ]
    assert kinds(ended) == {"ben": "Accepted"}


def test_a_held_mail_without_a_line_is_held_on_the_next_one() -> None:
    """Its line was worn: it goes on a fresh one, and there too it waits."""

    def one_each(now: Moment, _wire: socket.socket) -> bytes | None:
        return b"421 4.7.0 one each\r\n" if now.what == "MAIL" and now.mails else None

    with Relay(one_each) as relay, lines_to(relay.port) as lines:
        send(lines, {"ada": MAIL}, width=1)
        told = hold(lines, relay, 5, "ben")
        kept = len(relay.kept)
        lines.send(5)
        (ended,) = hear(lines, lambda: len(relay.kept) > 1)

    assert (told, kept, type(ended.outcome)) == ([], 1, Accepted)
    assert set(relay.counts.values()) == {1}


def test_a_held_mail_that_has_no_line_yet_is_taken_back() -> None:
    """The line that was free is lost, another is not there yet: it waits, and is let go."""
    with Relay() as relay, lines_to(relay.port) as lines:
        lines.begin(1, to("ada"), MAIL, holds=True)
        lines.take_back(1)
        lines.begin(2, to("ben"), MAIL, holds=True)
        lines.send(2)
        (ended,) = hear(lines, lambda: bool(relay.kept))

    assert (ended.key, type(ended.outcome)) == (2, Accepted)
    assert set(relay.counts) == {"ben@example.net"}


def test_one_transport_holds_its_mail() -> None:
    """A transport that carries one mail at a time waits with it, and lets go of it."""
    with MemoryTransport() as memory:
        lines = Single(memory)
        lines.begin(1, to("ada"), MAIL, holds=True)
        held = lines.wait(0.01)
        lines.take_back(1)
        free = lines.want(1)
        lines.begin(2, to("ben"), MAIL, holds=True)
        lines.send(2)
        (ended,) = lines.wait(1)

    assert (held, free, ended.key) == ([], 1, 2)
    assert type(ended.outcome) is Accepted


def test_closing_leaves_a_mail_that_is_under_way() -> None:
    """Its line is closed at once; somebody who rings meanwhile delays nothing."""
    over, there = threading.Event(), threading.Event()

    def hang(now: Moment, _wire: socket.socket) -> None:
        if now.what == "RCPT" and now.recipient.startswith("ada"):
            there.set()
            over.wait(20)
        if now.what == "QUIT":
            lines.wake()

    with Relay(hang) as relay:
        with lines_to(relay.port) as lines:
            while lines.want(2) < 2:
                lines.wait(1)
            lines.begin(1, to("ada"), MAIL)
            there.wait(5)
            lines.wake()
        over.set()

    assert (relay.kept, relay.said["DATA"]) == ([], 0)


def test_one_transport_is_one_line() -> None:
    """A transport that carries one mail at a time keeps the contract of lines."""
    with MemoryTransport() as memory:
        lines = Single(memory)
        free = lines.want(5)
        lines.wake()
        nothing = lines.wait(5)
        lines.begin(1, to("ada"), MAIL)
        taken = lines.want(5)
        (ended,) = lines.wait(5)
        lines.begin(2, to("ben"), b"bare\nline\r\n")
        (refused,) = lines.wait(5)
        cut = lines.cut()
        lines.close()

    assert (free, taken, nothing, cut) == (1, 0, [], [])
    assert (ended.key, type(ended.outcome)) == (1, Accepted)
    assert (refused.key, type(refused.outcome)) == (2, Refused)


def test_goodbye_waits_for_no_peer_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """QUIT is said; a relay that does not answer is left all the same."""
    monkeypatch.setattr("publisher.transport.lines._FAREWELL_SECONDS", 0.1)
    over = threading.Event()

    def silent(now: Moment, _wire: socket.socket) -> bytes | None:
        if now.what == "QUIT":
            over.wait(20)
        return None

    with Relay(silent) as relay:
        with lines_to(relay.port) as lines:
            ended = send(lines, {"ada": MAIL})
        said = relay.said["QUIT"]
        over.set()

    assert kinds(ended) == {"ada": "Accepted"}
    assert said <= 1


def test_a_line_that_opens_after_the_end_is_closed_again() -> None:
    """Closing waits for no connection that is still being made; nothing is left open."""
    go_on, greeted = threading.Event(), threading.Event()

    def slow(now: Moment, _wire: socket.socket) -> None:
        if now.what == "banner":
            greeted.set()
            go_on.wait(20)

    with Relay(slow) as relay:
        with lines_to(relay.port) as lines:
            lines.want(1)
            greeted.wait(5)
        go_on.set()
        for thread in [one for one in threading.enumerate() if one.name == "line"]:
            thread.join(10)

    assert relay.said["QUIT"] == 0
