"""Mail over SMTP, one connection and one mail at a time, always knowing how far it went.

smtplib greets, negotiates TLS and signs in; the mail itself we carry, since smtplib tells a
connection lost before the final dot by the same exception as one lost after it, and the first is
safe to repeat and the second is not.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from publisher.errors import Problem, Unavailable
from publisher.model import Accepted, Deferred, Phase, Rejected, Uncertain
from publisher.transport.wire import (
    Reply,
    check,
    commands,
    lost,
    misfit,
    parse_reply,
    refusal,
    stuff,
)

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed import ReadableBuffer

    from publisher.model import Envelope, Outcome

_READY = 220
_SHUTTING_DOWN = 421
_FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where the relay is and how long it may take."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str = ""
    """Empty means no sign-in."""
    password: str = field(default="", repr=False)
    hello: str = ""
    """What we call ourselves in EHLO; empty means the machine's own name."""
    timeout_seconds: float = 600
    """For the reply to the final dot; less makes duplicates (RFC 5321 section 4.5.3.2.6)."""
    command_timeout_seconds: float = 300
    """For every other reply, and for the mail to go out (the same section)."""
    connect_timeout_seconds: float = 60
    """For each step until we are signed in."""


class Smtp:
    """Hands each mail to the relay; connects when it must and stays connected while it can."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None

    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        """Carry one mail to its outcome.

        A relay that ended our last connection is met on a new one, once. Raises Refused for an
        envelope that must not reach the wire, Unavailable where no connection can be made.
        """
        check(envelope, data)
        was_open = self._connection is not None
        outcome = self._carry(envelope, data)
        # Nothing of the mail has left us at MAIL: many relays count the mails of a connection.
        if was_open and self._connection is None and outcome.phase is Phase.MAIL:
            outcome = self._carry(envelope, data)
        return outcome

    def close(self) -> None:
        """Say goodbye and close, waiting two seconds at most for the answer."""
        if self._connection:
            self._connection.leave()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _carry(self, envelope: Envelope, data: bytes) -> Outcome:
        if self._connection is None:
            self._connection = connect(self._settings)
        try:
            return self._connection.carry(envelope, data)
        finally:
            if self._connection.sock is None:
                self._connection = None


def connect(settings: SmtpSettings) -> Connection:
    """Return a connection that is greeted, encrypted as demanded and signed in.

    A private certificate authority is trusted through OpenSSL's own ``SSL_CERT_FILE``. Raises
    Unavailable with the relay's words and what to check; nothing goes out in clear text instead.
    """
    connection = Connection(settings)
    try:
        connection.open()
    except BaseException as error:
        connection.close()
        if isinstance(error, OSError | ValueError):  # smtplib's errors are OSErrors
            raise _unavailable(settings, error) from error
        raise
    return connection


class Connection(smtplib.SMTP):
    """smtplib's conversation with an end to every wait, and our own way to carry a mail."""

    def __init__(self, settings: SmtpSettings) -> None:
        super().__init__(local_hostname=settings.hello or None)
        self._settings = settings
        self._patience_seconds = settings.connect_timeout_seconds
        self._received = bytearray()

    def open(self) -> None:
        """Connect, greet, encrypt and sign in; raises OSError or ValueError."""
        settings = self._settings
        self.sock = socket.create_connection(
            (settings.host, settings.port), settings.connect_timeout_seconds
        )
        if settings.security == "tls":
            self._encrypt()
        code, text = self.getreply()
        if code != _READY:
            raise smtplib.SMTPConnectError(code, text)
        self.ehlo_or_helo_if_needed()
        if settings.security == "starttls":
            self._start_tls()
        if settings.username:
            self.login(settings.username, settings.password)
        self._patience_seconds = settings.command_timeout_seconds

    def carry(self, envelope: Envelope, data: bytes) -> Outcome:
        """Carry one mail to its outcome; closes itself where it can carry no other."""
        phase = Phase.MAIL
        try:
            outcome: Outcome | None = misfit(envelope, data, self.esmtp_features)
            if outcome:
                return outcome
            for phase, command in commands(envelope, data, self.esmtp_features):
                outcome = refusal(self._ask(command), phase)
                if outcome:
                    return self._settle(outcome)
            phase = Phase.BODY
            self._put(stuff(data))  # where this fails the final dot did not leave whole
            phase = Phase.END
            reply = self._read(self._settings.timeout_seconds)
            accepted = Accepted(code=reply.code, reply=reply.text)
            return self._settle(refusal(reply, phase) or accepted)
        except OSError as error:
            return self._settle(lost(phase, said_by_system(error)))
        except BaseException:
            self.close()
            raise

    def leave(self) -> None:
        """Say QUIT and close, whatever comes of it."""
        self._patience_seconds = _FAREWELL_SECONDS
        with suppress(OSError):
            self.docmd("QUIT")
        self.close()

    def getreply(self) -> tuple[int, bytes]:  # type: ignore[explicit-override]  # typing has it from 3.12
        """Return the next reply as smtplib wants it: -1 where it is none; raises OSError."""
        reply = self._read(self._patience_seconds)
        return reply.code or -1, b"\n".join(reply.lines)

    def send(self, s: ReadableBuffer | str) -> None:  # type: ignore[explicit-override]  # as above
        """Send what smtplib has to say; raises OSError."""
        self._put(s.encode("ascii") if isinstance(s, str) else bytes(s))

    def _start_tls(self) -> None:
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("the relay does not offer STARTTLS")
        code, text = self.docmd("STARTTLS")
        if code != _READY:
            raise smtplib.SMTPResponseException(code, text)
        self._expect_silence()  # words from before the encryption must not count after it
        self._encrypt()
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}
        self.ehlo_or_helo_if_needed()

    def _encrypt(self) -> None:
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self._wire(), server_hostname=self._settings.host)

    def _settle(self, outcome: Outcome) -> Outcome:
        """Leave the connection fit for the next mail, or closed."""
        match outcome:
            case Uncertain() | Deferred(code=421):
                self.close()
            case Deferred(phase=Phase.RCPT | Phase.DATA) | Rejected(phase=Phase.RCPT | Phase.DATA):
                self._reset()
            case _:
                pass
        return outcome

    def _reset(self) -> None:
        try:
            code, _ = self.docmd("RSET")
        except OSError:
            code = _SHUTTING_DOWN
        if code // 100 != 2:  # noqa: PLR2004 - RFC 5321 section 4.2.1
            self.close()

    def _ask(self, command: bytes) -> Reply:
        self._put(command)
        return self._read(self._patience_seconds)

    def _put(self, octets: bytes) -> None:
        self._expect_silence()
        self._wire().sendall(octets)

    def _expect_silence(self) -> None:
        """Make sure that no earlier words can pass for the reply to what we say next."""
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            self._received += self._receive(0)
        if self._received:
            said = Reply(code=0, lines=(bytes(self._received),)).text
            raise smtplib.SMTPServerDisconnected(f"the relay said without being asked: {said}")
        self._wire().settimeout(self._patience_seconds)

    def _read(self, within_seconds: float) -> Reply:
        """Return the next reply; raises OSError where none is whole in that time."""
        deadline = time.monotonic() + within_seconds
        while (found := parse_reply(bytes(self._received))) is None:
            try:
                self._received += self._receive(deadline - time.monotonic())
            except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
                raise TimeoutError(f"no reply within {within_seconds:g} s") from None
        reply, octets = found
        del self._received[:octets]
        return reply

    def _receive(self, within_seconds: float) -> bytes:
        """Return what came, at once where no time is left; raises OSError where nothing did."""
        wire = self._wire()
        wire.settimeout(max(0, within_seconds))
        octets = wire.recv(65_536)
        if not octets:
            raise smtplib.SMTPServerDisconnected("the relay closed the connection")
        return octets

    def _wire(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self.sock


_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "transport.certificate",
        "Set mail.smtp.host to the name on the certificate; SSL_CERT_FILE names a private authority.",
    ),
    (
        ssl.SSLError,
        "transport.tls",
        'Set mail.smtp.security to "tls" for port 465 and to "starttls" for port 587.',
    ),
    (
        smtplib.SMTPAuthenticationError,
        "transport.sign_in",
        "Check mail.smtp.username and the password; some relays want one made for programs.",
    ),
    (
        smtplib.SMTPNotSupportedError,
        "transport.unsupported",
        "Check mail.smtp.port and mail.smtp.security; nothing goes out unencrypted instead.",
    ),
    (
        smtplib.SMTPException,
        "transport.greeting",
        "Ask the relay's operator why it turns this machine away.",
    ),
    (socket.gaierror, "transport.name", "Check mail.smtp.host and this machine's name service."),
    (
        Exception,
        "transport.connect",
        "Check mail.smtp.host and mail.smtp.port, and that no firewall is between.",
    ),
)


def _unavailable(settings: SmtpSettings, error: Exception) -> Unavailable:
    code, hint = next((code, hint) for kind, code, hint in _REASONS if isinstance(error, kind))
    return Unavailable(
        Problem(
            code=code,
            path=f"{settings.host}:{settings.port}",
            expected="a relay that takes our mail",
            got=said_by_system(error),
            hint=f"{hint} Nothing was sent.",
        )
    )


def said_by_system(error: Exception) -> str:
    """Return what happened in words, the relay's own where it said some."""
    match error:
        case smtplib.SMTPResponseException():
            said = error.smtp_error
            octets = said if isinstance(said, bytes) else said.encode()
            text = Reply(code=0, lines=tuple(octets.split(b"\n"))).text
            return f"{error.smtp_code} {text}" if error.smtp_code > 0 else f"no SMTP reply: {text}"
        case ssl.SSLCertVerificationError():
            return f"a certificate that does not verify: {error.verify_message}"
        case UnicodeError():  # its own words would show the password
            return "a name or password with characters that SMTP cannot carry"
        case OSError(strerror=str() as words):
            return words
        case _:
            return str(error)


def send_some(sock: socket.socket, pieces: list[memoryview]) -> list[memoryview]:
    """Send what the system takes at once, and return what is left; nobody joins the pieces.

    Raises OSError as the socket does.
    """
    if len(pieces) == 1 or isinstance(sock, ssl.SSLSocket):
        sent = sock.send(pieces[0])
    else:
        sent = sock.sendmsg(pieces)
    left = []
    for piece in pieces:
        if sent < len(piece):
            left.append(piece[sent:])
        sent = max(0, sent - len(piece))
    return left
