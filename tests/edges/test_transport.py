"""Transports: one contract for all, and SMTP that always knows how far a mail went."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import threading
import time
from collections import deque
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, Self

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from publisher.errors import Refused, Unavailable
from publisher.model import Accepted, Deferred, Envelope, Phase, Rejected, Uncertain
from publisher.transport import Outbox, Smtp, SmtpSettings, Transport
from publisher.transport.smtp import Connection
from publisher.transport.wire import LONGEST_REPLY, stuff
from tests.certificates import Certificate, make_certificate
from tests.fakes import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENVELOPE = Envelope(
    sender="b+token@news.example.org", recipient="ada@example.org", name="weekly-12/000001"
)
MAIL = (
    b"From: letters@example.org\r\nTo: ada@example.org\r\nSubject: Part 3\r\n\r\n"
    b".starts with a dot\r\n..two\r\n.\r\n\r\nends.\r\n"
)
ONE_MAIL = ["MAIL", "RCPT", "DATA"]


# ------------------------------------------------------------------------------ servers to talk to


class Keeper:
    """What aiosmtpd does with each mail: keep it."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.signed_in: list[bool | None] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        self.signed_in.append(session.authenticated)
        return "250 2.0.0 kept"

    @property
    def contents(self) -> list[bytes]:
        return [envelope.content for envelope in self.mails]


@contextmanager
def smtp_server(**options: Any) -> Iterator[tuple[Keeper, int]]:
    """Run a real SMTP server; yield what it keeps and its port."""
    keeper = Keeper()
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    controller = Controller(keeper, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield keeper, port
    finally:
        controller.stop()


USUAL = {
    "banner": b"220 peer\r\n",
    "EHLO": b"250-peer\r\n250 HELP\r\n",
    "HELO": b"250 peer\r\n",
    "MAIL": b"250 2.1.0 fine\r\n",
    "RCPT": b"250 2.1.5 fine\r\n",
    "DATA": b"354 go on\r\n",
    "BODY": b"",
    "END": b"250 2.0.0 kept\r\n",
    "RSET": b"250 2.0.0 forgotten\r\n",
    "QUIT": b"221 bye\r\n",
}


class Peer:
    """An SMTP server that says exactly what it is told, one connection after the other.

    The script names a moment (``banner``, a command, ``BODY`` after 354, ``END`` after the dot) and
    what is said then: octets, an act, or a list for one time after the other, the last for ever.
    """

    def __init__(self, **script: Any) -> None:
        steps: dict[str, Any] = {**USUAL, **script}
        self._script = {
            moment: deque(said if isinstance(said, list) else [said])
            for moment, said in steps.items()
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def verbs(self) -> list[str]:
        return [command.partition(" ")[0].upper() for command in self.commands]

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with wire, suppress(OSError):
                self._converse(wire)

    def _converse(self, wire: socket.socket) -> None:
        with wire.makefile("rb") as lines:
            self._say(wire, "banner")
            for line in lines:
                self.commands.append(line.decode(errors="replace").rstrip())
                said = self._say(wire, self.verbs[-1])
                if isinstance(said, bytes) and said.startswith(b"354"):
                    self._say(wire, "BODY")
                    self.mails.append(b"".join(takewhile(lambda line: line != b".\r\n", lines)))
                    self._say(wire, "END")
                if self.verbs[-1] == "QUIT":
                    return

    def _say(self, wire: socket.socket, moment: str) -> Any:
        steps = self._script.get(moment, deque([hang_up]))
        step = steps.popleft() if len(steps) > 1 else steps[0]
        if isinstance(step, bytes):
            wire.sendall(step)
        else:
            step(wire)
        return step


def hang_up(wire: socket.socket) -> None:
    """End the connection in order."""
    wire.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def reset(wire: socket.socket) -> None:
    """End the connection by force: the other side sees a reset."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    raise ConnectionResetError


def stay_silent(wire: socket.socket) -> None:
    """Say nothing until the other side goes."""
    while wire.recv(65_536):
        pass


def slowly(*pieces: bytes, pause_seconds: float) -> Callable[[socket.socket], None]:
    """Say one piece after the other."""

    def act(wire: socket.socket) -> None:
        for piece in pieces:
            threading.Event().wait(pause_seconds)
            wire.sendall(piece)

    return act


class Interrupt(BaseException):
    """Whatever stops a process from outside."""


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Let a signal raise Interrupt in the main thread."""

    def strike(*_: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGUSR1, strike)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupt(wire: socket.socket) -> None:
    """Stop the test's own thread in the middle of what it does, and say nothing."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    stay_silent(wire)


def smtp(port: int, **changes: Any) -> Smtp:
    settings = SmtpSettings(
        host="127.0.0.1",
        port=port,
        security="none",
        hello="client.example.org",
        timeout_seconds=20,
        command_timeout_seconds=20,
        connect_timeout_seconds=20,
    )
    return Smtp(replace(settings, **changes))


# ----------------------------------------------------------------------------------- the contract


@dataclass(frozen=True)
class Carrier:
    """A transport, and the mails that came out at its other end."""

    transport: Transport
    mails: Callable[[], list[bytes]]


@pytest.fixture(params=["outbox", "smtp", "memory"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carrier]:
    """Each transport in turn: all keep one contract."""
    with ExitStack() as stack:
        if request.param == "outbox":
            directory = tmp_path / "outbox"
            outbox = stack.enter_context(Outbox(directory))
            yield Carrier(
                outbox, lambda: [path.read_bytes() for path in sorted(directory.rglob("*.*"))]
            )
        elif request.param == "smtp":
            keeper, port = stack.enter_context(smtp_server())
            yield Carrier(stack.enter_context(smtp(port)), lambda: keeper.contents)
        else:
            memory = stack.enter_context(MemoryTransport())
            yield Carrier(memory, lambda: [data for _, data in memory.accepted])


def test_transport_hands_over_the_same_octets(carrier: Carrier) -> None:
    """What was rendered and signed is what arrives, dots and empty lines included."""
    outcome = carrier.transport.send(ENVELOPE, MAIL)

    assert isinstance(outcome, Accepted)
    assert outcome.code == 250
    assert carrier.mails() == [MAIL]


def test_transport_takes_one_mail_after_the_other(carrier: Carrier) -> None:
    """Each mail is its own; the order is kept."""
    mails = [b"Subject: %d\r\n\r\nhello\r\n" % number for number in range(5)]

    for number, data in enumerate(mails):
        carrier.transport.send(replace(ENVELOPE, name=f"weekly-12/{number:06}"), data)

    assert carrier.mails() == mails


def test_transport_takes_the_null_sender(carrier: Carrier) -> None:
    """A notice that must not bounce has no sender (RFC 5321 section 4.5.5)."""
    outcome = carrier.transport.send(replace(ENVELOPE, sender=""), MAIL)

    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize(
    "poison",
    [
        "ada@example.org\r\nRCPT TO:<eve@example.org>",
        "ada\n@example.org",
        "ada\r@example.org",
        "ada\0@example.org",
        "ada\x7f@example.org",
        "ada\x85@example.org",
        "ada\u2028@example.org",
        "ada @example.org",
        '"a b"@example.org',
        "ada\t@example.org",
        "<ada@example.org>",
        "ada>@example.org",
        "ada@example.org> SIZE=1",
        "a" * 400 + "@example.org",
        "\u00fc" * 125 + "@example.org",
        "ada",
        "@example.org",
        "ada@",
    ],
)
def test_transport_refuses_a_poisoned_address(carrier: Carrier, poison: str) -> None:
    """What could say more than one address never reaches the wire, on either side (X6)."""
    for envelope in (replace(ENVELOPE, recipient=poison), replace(ENVELOPE, sender=poison)):
        with pytest.raises(Refused, match="expected local@domain"):
            carrier.transport.send(envelope, MAIL)

    assert carrier.mails() == []


def test_transport_refuses_an_empty_recipient(carrier: Carrier) -> None:
    """A mail goes to somebody."""
    with pytest.raises(Refused):
        carrier.transport.send(replace(ENVELOPE, recipient=""), MAIL)


@pytest.mark.parametrize(
    "data",
    [b"a\nb\r\n", b"a\rb\r\n", b"x\r\n\n.\n\r\nMAIL FROM:<eve@example.org>\r\n", b"a\r\r\n"],
)
def test_transport_refuses_bare_line_ends(carrier: Carrier, data: bytes) -> None:
    """A mail with a bare CR or LF could end early at some servers and begin another mail."""
    with pytest.raises(Refused, match="a bare CR or LF"):
        carrier.transport.send(ENVELOPE, data)

    assert carrier.mails() == []


def test_transport_closes_quietly_and_opens_again(carrier: Carrier) -> None:
    """Closing twice is as good as once, and a later mail finds its way."""
    carrier.transport.send(ENVELOPE, MAIL)
    carrier.transport.close()
    carrier.transport.close()

    outcome = carrier.transport.send(replace(ENVELOPE, name="weekly-12/000002"), MAIL)

    assert isinstance(outcome, Accepted)
    assert carrier.mails() == [MAIL, MAIL]


def test_transport_has_a_name(carrier: Carrier, request: pytest.FixtureRequest) -> None:
    """People and tables know it by one word."""
    assert carrier.transport.name == request.node.callspec.params["carrier"]


# ------------------------------------------------------------------------------------- the memory


def test_memory_follows_its_script() -> None:
    """Outcomes come as written, errors are raised, and after the script all is accepted."""
    deferred = Deferred(code=451, reply="later", phase=Phase.RCPT)

    with MemoryTransport(script=[deferred, Unavailable(), Accepted(code=251)]) as transport:
        first = transport.send(ENVELOPE, MAIL)
        with pytest.raises(Unavailable):
            transport.send(ENVELOPE, MAIL)
        rest = [transport.send(ENVELOPE, MAIL) for _ in range(2)]

    assert first == deferred
    assert rest == [Accepted(code=251), Accepted()]
    assert [outcome for _, _, outcome in transport.attempts] == [deferred, *rest]
    assert len(transport.accepted) == 2
    assert transport.is_closed


# ------------------------------------------------------------------------------------- the outbox


def test_outbox_files_are_private(tmp_path: Path) -> None:
    """A mail names its reader: file and directories are for our user alone, whatever the umask."""
    before = os.umask(0)
    try:
        Outbox(tmp_path / "outbox").send(ENVELOPE, MAIL)
    finally:
        os.umask(before)

    file = tmp_path / "outbox" / "weekly-12" / "000001.eml"
    modes = [path.stat().st_mode & 0o777 for path in (file, *file.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]


def test_outbox_takes_the_same_mail_again(tmp_path: Path) -> None:
    """A mail that is sent again lands in the same file and is accepted again."""
    outbox = Outbox(tmp_path)

    outcomes = [outbox.send(ENVELOPE, MAIL) for _ in range(2)]

    assert outcomes == [Accepted(reply="weekly-12/000001.eml")] * 2
    assert [path.name for path in tmp_path.rglob("*.*")] == ["000001.eml"]


@pytest.mark.parametrize(
    "name", ["", "/etc/x", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\0b", "a\n"]
)
def test_outbox_refuses_a_name_that_leads_away(tmp_path: Path, name: str) -> None:
    """A mail's name is a plain relative path and nothing else."""
    with pytest.raises(Refused, match="a name for the file"):
        Outbox(tmp_path).send(replace(ENVELOPE, name=name), MAIL)

    assert list(tmp_path.iterdir()) == []


def test_outbox_on_a_full_disk_is_unavailable(tmp_path: Path) -> None:
    """A mail that does not fit leaves no half file, and the problem names the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(Unavailable, match=r"000001\.eml") as raised:
            Outbox(tmp_path).send(ENVELOPE, b"x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "File too large" in str(raised.value)
    assert list((tmp_path / "weekly-12").iterdir()) == []


def test_outbox_that_is_no_directory_is_unavailable(tmp_path: Path) -> None:
    """A file where the outbox belongs is told, not overwritten."""
    (tmp_path / "outbox").write_text("mine")

    with pytest.raises(Unavailable):
        Outbox(tmp_path / "outbox").send(ENVELOPE, MAIL)

    assert (tmp_path / "outbox").read_text() == "mine"


# ------------------------------------------------------------------------- SMTP: what a server says


def test_smtp_says_what_it_must() -> None:
    """Greeting, envelope, mail, goodbye; the second mail goes over the same connection."""
    with Peer() as peer:
        with smtp(peer.port) as transport:
            outcomes = [transport.send(ENVELOPE, MAIL) for _ in range(2)]

        mail = [
            "MAIL FROM:<b+token@news.example.org>",
            "RCPT TO:<ada@example.org>",
            "DATA",
        ]
        assert outcomes == [Accepted(code=250, reply="2.0.0 kept")] * 2
        assert peer.commands == ["ehlo client.example.org", *mail, *mail, "QUIT"]
        assert peer.mails == [stuff(MAIL).removesuffix(b".\r\n")] * 2
        assert peer.connections == 1


def test_smtp_names_size_and_form_where_offered() -> None:
    """SIZE, 8BITMIME and SMTPUTF8 are said where the server knows them and the mail needs them."""
    envelope = replace(ENVELOPE, recipient="\u00e4da@example.org")
    data = "To: \u00e4da@example.org\r\n\r\nhello\r\n".encode()

    with (
        Peer(EHLO=b"250-peer\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n") as peer,
        smtp(peer.port) as transport,
    ):
        transport.send(envelope, data)
        transport.send(ENVELOPE, MAIL)

        assert peer.commands[1:3] == [
            f"MAIL FROM:<b+token@news.example.org> SIZE={len(data)} BODY=8BITMIME SMTPUTF8",
            "RCPT TO:<\u00e4da@example.org>",
        ]
        assert peer.commands[4] == f"MAIL FROM:<b+token@news.example.org> SIZE={len(MAIL)}"


def test_real_server_takes_an_international_address() -> None:
    """A server with SMTPUTF8 gets the address as it is (RFC 6531)."""
    with smtp_server(enable_SMTPUTF8=True) as (keeper, port), smtp(port) as transport:
        outcome = transport.send(replace(ENVELOPE, recipient="\u00e4da@example.org"), MAIL)

    assert isinstance(outcome, Accepted)
    assert keeper.mails[0].rcpt_tos == ["\u00e4da@example.org"]


@pytest.mark.parametrize("role", ["sender", "recipient"])
def test_international_address_without_smtputf8_is_rejected(role: str) -> None:
    """Where the server does not know SMTPUTF8 nothing is said to it, and nothing transliterated."""
    ends = {
        "sender": "b@example.org",
        "recipient": "ada@example.org",
        role: "\u00e4da@example.org",
    }
    envelope = Envelope(sender=ends["sender"], recipient=ends["recipient"])

    with Peer() as peer, smtp(peer.port) as transport:
        outcome = transport.send(envelope, MAIL)
        after = transport.send(ENVELOPE, MAIL)

        assert outcome == Rejected(
            code=553,
            reply="the address needs SMTPUTF8, which the relay does not offer",
            enhanced="5.6.7",
            phase=Phase.RCPT,
        )
        assert isinstance(after, Accepted)
        assert peer.verbs == ["EHLO", *ONE_MAIL]


def test_mail_beyond_the_announced_size_is_rejected() -> None:
    """A mail the server would refuse after reading it all is not sent (RFC 1870)."""
    with smtp_server(data_size_limit=200) as (keeper, port), smtp(port) as transport:
        outcome = transport.send(ENVELOPE, b"x" * 201)
        after = transport.send(ENVELOPE, MAIL)

    assert outcome == Rejected(
        code=552,
        reply="the mail has 201 octets, and the relay takes 200",
        enhanced="5.3.4",
        phase=Phase.MAIL,
    )
    assert isinstance(after, Accepted)
    assert keeper.contents == [MAIL]


@pytest.mark.parametrize("size", ["", " 0", " many"])
def test_size_without_a_limit_limits_nothing(size: str) -> None:
    """SIZE alone, or of 0, says that no limit is known."""
    with (
        Peer(EHLO=f"250-peer\r\n250 SIZE{size}\r\n".encode()) as peer,
        smtp(peer.port) as transport,
    ):
        assert isinstance(transport.send(ENVELOPE, MAIL), Accepted)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("MAIL", Phase.MAIL),
        ("RCPT", Phase.RCPT),
        ("DATA", Phase.DATA),
        ("END", Phase.END),
    ],
)
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"421 4.3.0 shutting down", Deferred),
        (b"451 4.3.0 not now", Deferred),
        (b"452 4.2.2 full", Deferred),
        (b"550 5.1.1 never", Rejected),
        (b"554 5.7.1 never", Rejected),
    ],
)
def test_refusal_is_told_with_its_phase(
    moment: str, phase: Phase, said: bytes, kind: type[Deferred | Rejected]
) -> None:
    """4yz is deferred and 5yz rejected at every step (S1), and the next mail goes through."""
    with Peer(**{moment: [said + b"\r\n", USUAL[moment]]}) as peer:
        with smtp(peer.port) as transport:
            outcome = transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        code, words = said.decode().split(" ", 1)
        enhanced = words.split()[0]
        assert outcome == kind(code=int(code), reply=words, enhanced=enhanced, phase=phase)
        assert isinstance(after, Accepted)
        assert peer.connections == (2 if said.startswith(b"421") else 1)
        needs_reset = moment in {"RCPT", "DATA"} and not said.startswith(b"421")
        assert peer.verbs.count("RSET") == int(needs_reset)


@pytest.mark.parametrize("answer", [b"451 no\r\n", hang_up, b"garbage\r\n"])
def test_refused_reset_ends_the_connection(answer: Any) -> None:
    """A server that does not forget the refused recipient is met on a new connection."""
    with Peer(RCPT=[b"550 5.1.1 no\r\n", USUAL["RCPT"]], RSET=answer) as peer:
        with smtp(peer.port) as transport:
            refused = transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        assert isinstance(refused, Rejected)
        assert isinstance(after, Accepted)
        assert peer.connections == 2


@pytest.mark.parametrize(
    ("moment", "phase"), [("MAIL", Phase.MAIL), ("RCPT", Phase.RCPT), ("DATA", Phase.DATA)]
)
@pytest.mark.parametrize("act", [hang_up, reset, b"HTTP/1.1 400 Bad Request\r\n", b"199 odd\r\n"])
def test_connection_lost_before_the_dot_is_deferred(moment: str, phase: Phase, act: Any) -> None:
    """Nothing was stored, so the mail may go again; garbage ends a connection too (S4)."""
    with Peer(**{moment: [act, USUAL[moment]]}) as peer:
        with smtp(peer.port) as transport:
            outcome = transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.enhanced, outcome.phase) == (421, "4.4.2", phase)
        assert outcome.reply
        assert isinstance(after, Accepted)
        assert peer.connections == 2
        assert len(peer.mails) == 1


@pytest.mark.parametrize("act", [reset, hang_up])
def test_connection_lost_inside_the_mail_is_deferred(act: Any) -> None:
    """Where the final dot could not leave whole the mail was not stored."""
    with Peer(BODY=[act, b""]) as peer, smtp(peer.port) as transport:
        outcome = transport.send(ENVELOPE, b"x" * 30_000_000)

        assert isinstance(outcome, Deferred)
        assert outcome.phase is Phase.BODY
        assert peer.mails in ([], [b""])


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (hang_up, "the relay closed the connection"),
        (reset, "Connection reset by peer"),
        (stay_silent, "no reply within 0.3 s"),
        (b"HTTP/1.1 400 Bad\r\n", "the relay's answer is no SMTP reply: HTTP/1.1 400 Bad"),
        (b"354 go on\r\n", "the relay's answer is no SMTP reply: go on"),
        (b"250-first\r\n550 second\r\n", "the relay's answer is no SMTP reply: 250-first"),
        (b"250 " + b"x" * LONGEST_REPLY, "the relay's answer is no SMTP reply: 250 xxx"),
        (slowly(b"250-kept", pause_seconds=0), "no reply within 0.3 s"),
    ],
)
def test_connection_lost_after_the_dot_is_uncertain(act: Any, reason: str) -> None:
    """The server may have stored it: that is said, never guessed (S2), and the next goes anew."""
    with Peer(END=[act, USUAL["END"]]) as peer:
        with smtp(peer.port, timeout_seconds=0.3) as transport:
            outcome = transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        assert isinstance(outcome, Uncertain)
        assert outcome.phase is Phase.END
        assert outcome.reply.startswith(reason)
        assert isinstance(after, Accepted)
        assert peer.connections == 2
        assert len(peer.mails) == 2


def test_late_reply_is_waited_for() -> None:
    """Patience with the last reply is what keeps mails from going twice (S3)."""
    with (
        Peer(END=slowly(b"250 kept\r\n", pause_seconds=0.5)) as peer,
        smtp(peer.port, command_timeout_seconds=0.2) as transport,
    ):
        assert transport.send(ENVELOPE, MAIL) == Accepted(code=250, reply="kept")


@pytest.mark.parametrize("moment", ["MAIL", "RCPT", "DATA"])
def test_silence_before_the_dot_is_bounded(moment: str) -> None:
    """A server that says nothing is left, and the mail may go again."""
    with Peer(**{moment: stay_silent}) as peer:
        with smtp(peer.port, command_timeout_seconds=0.2) as transport:
            outcome = transport.send(ENVELOPE, MAIL)

        assert isinstance(outcome, Deferred)
        assert outcome.reply == "no reply within 0.2 s"


def test_trickle_is_bounded() -> None:
    """A server that says an octet at a time does not hold a mail beyond the limit (S11)."""
    trickle = slowly(*[b"2", b"5", b"0", b"-", *[b"x"] * 100], pause_seconds=0.05)
    began = time.monotonic()

    with (
        Peer(RCPT=trickle) as peer,
        smtp(peer.port, command_timeout_seconds=0.5) as transport,
    ):
        outcome = transport.send(ENVELOPE, MAIL)
        took = time.monotonic() - began

    assert isinstance(outcome, Deferred)
    assert took < 3


@pytest.mark.parametrize(
    "said",
    [
        slowly(b"2", b"50 ke", b"pt\r", b"\n", pause_seconds=0.02),
        b"250-kept\r\n250-and\r\n250 glad\r\n",
        b"250\r\n",
        b"250 \xe9\xff kept\r\n",
        b"250 kept\n",
        b"250-" + b"x" * 9000 + b"\r\n250 kept\r\n",
    ],
)
def test_odd_replies_are_understood(said: Any) -> None:
    """Replies in pieces, of many lines, without words or with any octets count as what they are."""
    with Peer(END=said) as peer, smtp(peer.port) as transport:
        outcome = transport.send(ENVELOPE, MAIL)
        after = transport.send(ENVELOPE, MAIL)

        assert isinstance(outcome, Accepted)
        assert len(outcome.reply) <= 500
        assert isinstance(after, Accepted)
        assert peer.connections == 1


def test_words_nobody_asked_for_never_pass_for_a_reply() -> None:
    """A second reply to one command would shift all that follow: the connection ends instead."""
    with Peer(MAIL=[b"250 fine\r\n250 fine\r\n", USUAL["MAIL"]]) as peer:
        with smtp(peer.port) as transport:
            outcome = transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        assert isinstance(outcome, Deferred)
        assert outcome.phase is Phase.RCPT
        assert outcome.reply == "the relay said without being asked: 250 fine"
        assert isinstance(after, Accepted)
        assert len(peer.mails) == 1


# ----------------------------------------------------------------------- SMTP: connections that end


@pytest.mark.parametrize(
    "after_a_mail",
    [
        hang_up,
        reset,
        b"421 4.4.2 only one mail for a connection\r\n",
    ],
)
def test_server_of_one_mail_for_a_connection_is_met_anew(after_a_mail: Any) -> None:
    """A server that ends the connection between two mails costs a connection, not a mail (S10)."""
    fine = USUAL["MAIL"]
    with Peer(MAIL=[fine, after_a_mail, fine, after_a_mail, fine]) as peer:
        with smtp(peer.port) as transport:
            outcomes = [transport.send(ENVELOPE, MAIL) for _ in range(3)]

        assert [outcome.code for outcome in outcomes if isinstance(outcome, Accepted)] == [250] * 3
        assert peer.connections == 3
        assert len(peer.mails) == 3


@pytest.mark.parametrize("parting", [b"250 kept\r\n421 4.4.2 idle\r\n", b"250 kept\r\n"])
def test_connection_closed_while_idle_is_opened_again(parting: bytes) -> None:
    """A connection that ended while nobody looked is noticed before the next mail begins."""

    def say_and_leave(wire: socket.socket) -> None:
        wire.sendall(parting)
        wire.shutdown(socket.SHUT_RDWR)

    with Peer(END=[say_and_leave, USUAL["END"]]) as peer:
        with smtp(peer.port) as transport:
            outcomes = [transport.send(ENVELOPE, MAIL) for _ in range(2)]

        assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
        assert peer.connections == 2


def test_second_refusal_of_a_connection_is_the_outcome() -> None:
    """One new connection is tried, no more: a server that is really closing is left in peace."""
    closing_down = b"421 4.3.2 closing\r\n"
    with Peer(MAIL=[USUAL["MAIL"], closing_down]) as peer:
        with smtp(peer.port) as transport:
            outcomes = [transport.send(ENVELOPE, MAIL) for _ in range(2)]

        assert outcomes[1] == Deferred(
            code=421, reply="4.3.2 closing", enhanced="4.3.2", phase=Phase.MAIL
        )
        assert peer.connections == 2


def test_connection_that_is_closed_carries_nothing() -> None:
    """A mail on a connection that is not there has not begun."""
    connection = Connection(SmtpSettings(host="relay", port=25, security="none", hello="client"))

    outcome = connection.carry(ENVELOPE, MAIL)

    assert outcome == Deferred(code=421, reply="not connected", enhanced="4.4.2", phase=Phase.MAIL)


@pytest.mark.parametrize("moment", ["EHLO", "END"])
def test_interrupt_leaves_no_connection_behind(moment: str, interrupts: None) -> None:
    """What stops us is passed on and ends the connection, or the next mail would be mixed in."""
    with Peer(**{moment: [interrupt, USUAL[moment]]}) as peer:
        with smtp(peer.port) as transport:
            with pytest.raises(Interrupt):
                transport.send(ENVELOPE, MAIL)
            after = transport.send(ENVELOPE, MAIL)

        assert isinstance(after, Accepted)
        assert peer.connections == 2


@pytest.mark.parametrize("answer", [stay_silent, hang_up, b"garbage"])
def test_goodbye_is_quiet_and_short(answer: Any) -> None:
    """A server that does not say goodbye keeps nobody."""
    began = time.monotonic()

    with Peer(QUIT=answer) as peer, smtp(peer.port) as transport:
        transport.send(ENVELOPE, MAIL)
        transport.close()
        took = time.monotonic() - began

    assert took < 5


# --------------------------------------------------------------------- SMTP: no connection at all


def told(raised: pytest.ExceptionInfo[Unavailable]) -> tuple[str, str]:
    """Return what was got, and the whole problem."""
    problem = raised.value.problems[0]
    assert "Nothing was sent." in problem.hint
    return problem.got, problem.as_text()


@pytest.mark.parametrize(
    ("script", "got"),
    [
        ({"banner": b"421 4.3.2 too busy\r\n"}, "421 4.3.2 too busy"),
        ({"banner": b"554 5.7.1 go away\r\n"}, "554 5.7.1 go away"),
        ({"banner": b"HTTP/1.1 400 Bad\r\n"}, "no SMTP reply: HTTP/1.1 400 Bad"),
        ({"banner": hang_up}, "the relay closed the connection"),
        ({"banner": reset}, "Connection reset by peer"),
        ({"banner": stay_silent}, "no reply within 0.3 s"),
        ({"EHLO": b"554 no\r\n", "HELO": b"550 no\r\n"}, "550 no"),
        ({"EHLO": hang_up}, "the relay closed the connection"),
        ({"EHLO": b"250 a\r\n250 b\r\n", "MAIL": stay_silent}, None),
    ],
)
def test_relay_that_turns_us_away_is_unavailable(script: dict[str, Any], got: str | None) -> None:
    """Before a mail begins nothing has happened to it: its outcome is not the relay's trouble."""
    with Peer(**script) as peer, smtp(peer.port, connect_timeout_seconds=0.3) as transport:
        if got is None:
            outcome = transport.send(ENVELOPE, MAIL)
            assert isinstance(outcome, Deferred)
            return
        with pytest.raises(Unavailable) as raised:
            transport.send(ENVELOPE, MAIL)

    assert told(raised)[0] == got
    assert f"127.0.0.1:{peer.port}  expected a relay" in told(raised)[1]


def test_server_that_knows_helo_only_is_enough() -> None:
    """An old server without EHLO takes a mail all the same."""
    with Peer(EHLO=b"502 what\r\n") as peer, smtp(peer.port) as transport:
        assert isinstance(transport.send(ENVELOPE, MAIL), Accepted)


def test_nobody_at_the_port_is_unavailable() -> None:
    """A refused connection names host and port and what to check."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]

    with pytest.raises(Unavailable, match=r"mail\.smtp\.port") as raised:
        smtp(port).send(ENVELOPE, MAIL)

    assert told(raised)[0] == "Connection refused"


@pytest.mark.parametrize(
    ("host", "got"),
    [
        ("no such host", "Name or service not known"),
        ("a..b\u00fc", "a name or password with characters that SMTP cannot carry"),
    ],
)
def test_name_that_leads_nowhere_is_unavailable(host: str, got: str) -> None:
    """A host that cannot be found is a problem of the settings or the name service (S11)."""
    with pytest.raises(Unavailable, match=r"mail\.smtp\.host") as raised:
        smtp(25, host=host).send(ENVELOPE, MAIL)

    assert got in told(raised)[0]


def test_connecting_is_bounded() -> None:
    """A server that takes no connection is left after the limit (S11)."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        for _ in range(4):  # the kernel's queue is full after these
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)

        with pytest.raises(Unavailable) as raised:
            smtp(address[1], connect_timeout_seconds=0.3).send(ENVELOPE, MAIL)

    assert told(raised)[0] == "timed out"


def test_unavailable_relay_is_tried_again_by_the_next_mail() -> None:
    """A relay that comes back is used again without a new transport."""
    with Peer(banner=[b"421 busy\r\n", b"220 back\r\n"]) as peer, smtp(peer.port) as transport:
        with pytest.raises(Unavailable):
            transport.send(ENVELOPE, MAIL)

        assert isinstance(transport.send(ENVELOPE, MAIL), Accepted)


# --------------------------------------------------------------------- SMTP: encryption and sign-in


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    """One certificate for the host the tests use, one for another."""
    directory = tmp_path_factory.mktemp("certificates")
    return {name: make_certificate(directory, name) for name in ("localhost", "other.example.org")}


@contextmanager
def tls_server(
    security: Literal["tls", "starttls"], certificate: Certificate, **options: Any
) -> Iterator[tuple[Keeper, int]]:
    if security == "tls":
        options["ssl_context"] = certificate.context
    else:
        options |= {"tls_context": certificate.context, "require_starttls": True}
    with smtp_server(**options) as served:
        yield served


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted_mail_arrives(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: Literal["tls", "starttls"],
) -> None:
    """With a certificate that verifies mails arrive, several over one connection, over TLS."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))

    with (
        tls_server(security, good) as (keeper, port),
        smtp(port, host="localhost", security=security) as transport,
    ):
        outcomes = [transport.send(ENVELOPE, data) for data in (MAIL, b"x" * 70 + b"\r\n" * 5000)]

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert [len(content) for content in keeper.contents] == [len(MAIL), 10_070]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["untrusted", "other name"])
def test_certificate_that_does_not_verify_is_unavailable(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: Literal["tls", "starttls"],
    fault: str,
) -> None:
    """No mail goes to a relay that cannot prove its name, and none in clear text instead (S9)."""
    served = certificates["localhost" if fault == "untrusted" else "other.example.org"]
    if fault == "other name":
        monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))

    with (
        tls_server(security, served) as (keeper, port),
        pytest.raises(Unavailable) as raised,
        smtp(port, host="localhost", security=security) as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    got, text = told(raised)
    assert got.startswith("a certificate that does not verify: ")
    assert f"localhost:{port}" in text
    assert keeper.mails == []


def test_relay_without_starttls_is_unavailable() -> None:
    """Where encryption is asked for and not offered nothing is said in clear text."""
    with (
        Peer() as peer,
        pytest.raises(Unavailable) as raised,
        smtp(peer.port, security="starttls", username="ada", password="secret") as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    assert told(raised)[0] == "the relay does not offer STARTTLS"
    assert peer.verbs == ["EHLO"]


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (b"454 4.7.0 TLS not available\r\n", "454 4.7.0 TLS not available"),
        (b"220 go\r\n250 injected\r\n", "the relay said without being asked: 250 injected"),
        (b"220 go\r\n", "wrong version number"),
    ],
)
def test_refused_starttls_is_unavailable(answer: bytes, got: str) -> None:
    """A relay that fails at encryption, or says more than it was asked before it, is left."""

    def answer_in_clear(wire: socket.socket) -> None:
        wire.sendall(answer)
        wire.recv(1, socket.MSG_PEEK)
        wire.sendall(b"250 still in clear text\r\n")

    with (
        Peer(EHLO=b"250-peer\r\n250 STARTTLS\r\n", STARTTLS=answer_in_clear) as peer,
        pytest.raises(Unavailable) as raised,
        smtp(peer.port, security="starttls") as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    assert got in told(raised)[0]


def test_clear_text_server_on_the_tls_port_is_unavailable() -> None:
    """Mixing up the two ways of encryption is told with the way out."""
    with (
        Peer() as peer,
        pytest.raises(Unavailable, match=r"port 465") as raised,
        smtp(peer.port, security="tls") as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    assert "wrong version number" in told(raised)[0].lower()


def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """Let in whoever knows the password."""
    return AuthResult(success=data.password == b"right horse", handled=False)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_sign_in_with_the_password(
    certificates: dict[str, Certificate],
    monkeypatch: pytest.MonkeyPatch,
    security: Literal["tls", "starttls"],
) -> None:
    """A relay that asks for it gets name and password, once it is encrypted."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    who = {"username": "ada", "password": "right horse"}

    with (
        tls_server(
            security,
            good,
            authenticator=sign_in,
            auth_require_tls=security == "starttls",
        ) as (keeper, port),
        smtp(port, host="localhost", security=security, **who) as transport,
    ):
        outcome = transport.send(ENVELOPE, MAIL)

    assert isinstance(outcome, Accepted)
    assert keeper.signed_in == [True]


@pytest.mark.parametrize("password", ["wrong horse", "h\u00f6rse"])
def test_wrong_password_is_unavailable(
    certificates: dict[str, Certificate], monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """A refused sign-in is told with the relay's words and never with the password (S9)."""
    good = certificates["localhost"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    who = {"username": "ada", "password": password}

    with (
        tls_server("starttls", good, authenticator=sign_in) as (keeper, port),
        pytest.raises(Unavailable) as raised,
        smtp(port, host="localhost", security="starttls", **who) as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    got, text = told(raised)
    assert got.startswith("535 ") or "password with characters" in got
    assert password not in text
    assert keeper.mails == []


def test_relay_without_sign_in_is_unavailable() -> None:
    """A password is set and the relay asks for none: that is not the relay that was meant."""
    with (
        Peer() as peer,
        pytest.raises(Unavailable) as raised,
        smtp(peer.port, username="ada", password="secret") as transport,
    ):
        transport.send(ENVELOPE, MAIL)

    assert "AUTH" in told(raised)[0]


def test_password_is_not_shown() -> None:
    """Settings in a log or a traceback do not tell the password."""
    settings = SmtpSettings(host="relay", port=587, security="tls", password="secret")

    assert "secret" not in repr(settings)


def test_machine_has_a_name_of_its_own() -> None:
    """Without a name in the settings the machine's own is said, or its address in brackets."""
    with Peer() as peer:
        with smtp(peer.port, hello="") as transport:
            transport.send(ENVELOPE, MAIL)

        assert peer.commands[0].removeprefix("ehlo ")
