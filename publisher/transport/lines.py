"""Several mails under way at once, each on a line of its own; one thread drives them all.

A line is a connection that smtplib opened, encrypted and signed in; from then on its socket is ours
and never blocks. Lines open in the background and only as many as are wanted, so nothing waits for
a relay that is slow to greet. What became of each mail is told by ``wait``.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from publisher.errors import PublisherError, Refused, Unavailable
from publisher.model import Deferred, Outcome, Phase, Rejected
from publisher.transport.dialogue import After, Dialogue
from publisher.transport.single import Ended
from publisher.transport.smtp import Connection, SmtpSettings, connect, said_by_system, send_some
from publisher.transport.wire import check, parse_reply, parse_usual

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.model import Envelope

_FAREWELL_SECONDS = 2.0
_RECEIVED = 8_192
_USUAL = 512
"""Octets of replies that are worth remembering."""
_AGAIN_SECONDS = 60.0
"""After a relay took no further connection, how long until another is tried."""
_LATE_SECONDS = 0.02
"""How often is looked for a reply that is late: there may be thousands of events meanwhile."""
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Mail:
    """A mail on a line; ``is_again`` once its first line was lost before MAIL was answered."""

    __slots__ = ("data", "envelope", "holds", "is_again", "key", "line")

    def __init__(self, key: int, envelope: Envelope, data: bytes, *, holds: bool) -> None:
        self.key = key
        self.envelope = envelope
        self.data = data
        self.holds = holds
        self.is_again = False
        self.line: _Line | None = None


class _Line:
    """One connection's socket, and the mail on it."""

    __slots__ = (
        "carried",
        "connection",
        "deadline",
        "dialogue",
        "features",
        "inbox",
        "is_resetting",
        "mail",
        "outbox",
        "sock",
        "writes",
    )

    def __init__(self, connection: Connection, sock: socket.socket) -> None:
        self.connection = connection
        self.sock = sock
        self.features = connection.esmtp_features
        self.inbox = b""
        self.outbox: list[memoryview] = []
        self.mail: _Mail | None = None
        self.dialogue: Dialogue | None = None
        self.is_resetting = False
        self.writes = False
        self.carried = 0
        self.deadline = 0.0

    @property
    def is_free(self) -> bool:
        return self.mail is None and not self.is_resetting


class SmtpLines:
    """Lines to one relay; belongs to one thread, but for ``wake``."""

    def __init__(
        self, settings: SmtpSettings, *, open_one: Callable[[SmtpSettings], Connection] = connect
    ) -> None:
        self._settings = settings
        self._open_one = open_one
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._lines: set[_Line] = set()
        self._free: deque[_Line] = deque()
        self._again: deque[_Mail] = deque()
        """Mails whose line was lost before they left us: they go first."""
        self._held: dict[int, _Mail] = {}
        """Mails that must not follow their envelopes yet."""
        self._opened: deque[Connection | Unavailable] = deque()
        self._opening = 0
        self._most = 1 << 30
        self._more_at = 0.0
        self._late_at = 0.0
        self._ended: list[Ended] = []
        self._is_closed = False
        self.failure: Unavailable | None = None

    # ------------------------------------------------------------------------------- lines

    def want(self, count: int) -> int:
        """Have so many lines, as far as the relay takes them; return how many are free now."""
        now = time.monotonic()
        if self._most < count and now >= self._more_at:
            self._most, self._more_at = self._most + 1, now + _AGAIN_SECONDS
        wanted = min(max(count, len(self._again)), self._most)
        # The first one alone: a relay that is down, or refuses us, is asked once.
        if not self._lines:
            wanted = min(wanted, 1)
        self.failure = None if self._lines or self._opening else self.failure
        while len(self._lines) + self._opening < wanted and not self.failure:
            self._opening += 1
            threading.Thread(target=self._open, name="line", daemon=True).start()
        return len(self._free)

    def _open(self) -> None:
        try:
            opened: Connection | Unavailable = self._open_one(self._settings)
        except Unavailable as error:
            opened = error
        self._opened.append(opened)
        if self._is_closed:
            self._drop_opened()
        self.wake()

    def _drop_opened(self) -> None:
        while self._opened:
            with suppress(IndexError):
                late = self._opened.popleft()
                if isinstance(late, Connection):
                    late.close()

    def _take_opened(self) -> None:
        while self._opened:
            opened = self._opened.popleft()
            self._opening -= 1
            if isinstance(opened, Connection):
                self._add(opened)
            elif self._lines:
                # It takes some of us, and no more.
                self._most = len(self._lines)
                self._more_at = time.monotonic() + _AGAIN_SECONDS
            elif not self._opening:
                self.failure = opened
                while self._again:
                    self._tell(self._again.popleft(), opened)

    def _add(self, connection: Connection) -> None:
        sock = connection.sock
        if sock is None:
            return
        sock.settimeout(0)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(connection, sock)
        self._lines.add(line)
        self._selector.register(sock, selectors.EVENT_READ, line)
        self._release(line)

    def _release(self, line: _Line) -> None:
        if not self._again:
            self._free.append(line)
        elif line.carried:
            self._drop(line)  # a mail waits for a fresh one
        else:
            self._carry(line, self._again.popleft())

    def _drop(self, line: _Line) -> None:
        if line not in self._lines:
            return
        self._lines.discard(line)
        with suppress(ValueError):
            self._free.remove(line)
        self._selector.unregister(line.sock)
        line.connection.close()

    # ------------------------------------------------------------------------------- mails

    def begin(self, key: int, envelope: Envelope, data: bytes, *, holds: bool = False) -> None:
        """Put one mail on a free line; where it holds, its envelope alone until ``send``."""
        mail = _Mail(key, envelope, data, holds=holds)
        try:
            check(envelope, data)
        except Refused as error:
            self._tell(mail, error)
            return
        if holds:
            self._held[key] = mail
        if self._free:
            self._carry(self._free.popleft(), mail)
        else:  # the line that was free is lost
            self._again.append(mail)

    def send(self, key: int) -> None:
        """Let the mail that was held follow its envelope."""
        mail = self._held.pop(key, None)
        if mail is None:  # it has its end already
            return
        mail.holds = False
        line = mail.line
        if line is None or line.dialogue is None:
            return
        pieces = line.dialogue.go()
        if pieces:
            self._pull(line)  # words from before the mail must not pass for the reply to it
        if pieces and line.mail is mail:
            self._write(line, pieces)

    def take_back(self, key: int) -> None:
        """Let go of a mail that was held: nothing of it has left, and nothing more is told of it."""
        mail = self._held.pop(key, None)
        if mail and mail.line:
            self._drop(mail.line)
        elif mail:
            self._again.remove(mail)
        else:
            self._ended = [one for one in self._ended if one.key != key]

    def _tell(self, mail: _Mail, outcome: Outcome | PublisherError) -> None:
        self._held.pop(mail.key, None)
        self._ended.append(Ended(mail.key, outcome))

    def _carry(self, line: _Line, mail: _Mail) -> None:
        dialogue = Dialogue(mail.envelope, mail.data, line.features, holds=mail.holds)
        if dialogue.outcome:  # this relay could not take it: it is not asked
            self._tell(mail, dialogue.outcome)
            self._release(line)
            return
        line.mail, line.dialogue, mail.line = mail, dialogue, line
        self._write(line, dialogue.open())

    def _write(self, line: _Line, pieces: tuple[bytes, ...]) -> None:
        line.outbox = [memoryview(piece) for piece in pieces]
        line.deadline = time.monotonic() + self._settings.command_timeout_seconds
        self._push(line)

    def _push(self, line: _Line) -> None:
        try:
            while line.outbox:
                line.outbox = send_some(line.sock, line.outbox)
        except _BLOCKED:
            self._watch(line, writes=True)
            return
        except OSError as error:
            self._lose(line, said_by_system(error))
            return
        self._watch(line, writes=False)
        if line.dialogue and not line.dialogue.waits:
            line.dialogue.left()
            line.deadline = time.monotonic() + self._settings.timeout_seconds

    def _watch(self, line: _Line, *, writes: bool) -> None:
        if line.writes is not writes:
            line.writes = writes
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writes else 0)
            self._selector.modify(line.sock, events, line)

    def _pull(self, line: _Line) -> None:
        """Hear what came, and answer it."""
        try:
            while octets := line.sock.recv(_RECEIVED):
                line.inbox += octets
                if not isinstance(line.sock, ssl.SSLSocket):
                    break
            ended = not octets
        except _BLOCKED:
            ended = False
        except OSError as error:
            self._hear(line)
            self._lose(line, said_by_system(error))
            return
        self._hear(line)
        if ended:
            self._lose(line, "the relay closed the connection")

    def _hear(self, line: _Line) -> None:
        while line.inbox and line in self._lines:
            found = (parse_usual if len(line.inbox) < _USUAL else parse_reply)(line.inbox)
            if found is None:
                return
            reply, octets = found
            line.inbox = line.inbox[octets:]
            if line.is_resetting:
                self._reset_done(line, reply.code)
            elif line.dialogue is None:
                self._drop(line)  # it says goodbye, or what nobody asked for
            elif not line.dialogue.waits:
                line.dialogue.interrupt(reply)
                self._finish(line, close=True)
            else:
                self._answer(line, line.dialogue.hear(reply))

    def _answer(self, line: _Line, pieces: tuple[bytes, ...]) -> None:
        if line.dialogue and line.dialogue.outcome:
            self._finish(line)
        elif pieces and line.inbox:
            self._lose(line, "the relay said something without being asked")
        elif pieces:
            self._write(line, pieces)

    def _finish(self, line: _Line, *, close: bool = False) -> None:
        """Tell the outcome and leave the line fit for the next mail, or closed."""
        mail, dialogue = line.mail, line.dialogue
        if mail is None or dialogue is None or dialogue.outcome is None:
            return
        outcome, after = dialogue.outcome, dialogue.after
        line.mail, line.dialogue, line.outbox, mail.line = None, None, [], None
        is_worn = line.carried > 0
        line.carried += 1
        if close or after is After.CLOSE or _is_limit(outcome, worn=is_worn):
            self._drop(line)
        elif after is After.RESET:
            line.is_resetting = True
            self._write(line, (b"RSET\r\n",))
        else:
            self._release(line)
        # Nothing of the mail has left us at MAIL: many relays count the mails of a connection.
        if is_worn and not mail.is_again and _is_limit(outcome, worn=is_worn):
            mail.is_again = True
            self._again.append(mail)
        else:
            self._tell(mail, outcome)

    def _reset_done(self, line: _Line, code: int) -> None:
        line.is_resetting = False
        if code // 100 == 2:  # noqa: PLR2004 - RFC 5321 section 4.2.1
            self._release(line)
        else:
            self._drop(line)

    def _lose(self, line: _Line, reason: str) -> None:
        if line.dialogue:
            line.dialogue.lose(reason)
            self._finish(line, close=True)
        self._drop(line)

    # ------------------------------------------------------------------------------- waiting

    def wait(self, seconds: float) -> list[Ended]:
        """Carry on until something ended, a line opened, ``wake`` was called or time is up."""
        if self._again:
            self.want(len(self._lines) + 1)
        if not self._ended:
            for key, events in self._selector.select(seconds):
                if key.data is None:
                    self._hear_bell()
                    continue
                if events & selectors.EVENT_READ:
                    self._pull(key.data)
                if events & selectors.EVENT_WRITE and key.data in self._lines:
                    self._push(key.data)
            self._end_late()
        ended, self._ended = self._ended, []
        return ended

    def _hear_bell(self) -> None:
        self._quiet_bell()
        self._take_opened()

    def _quiet_bell(self) -> None:
        with suppress(BlockingIOError):
            while self._ear.recv(_RECEIVED):
                pass

    def _end_late(self) -> None:
        now = time.monotonic()
        if now < self._late_at:
            return
        self._late_at = now + _LATE_SECONDS
        for line in [one for one in self._lines if not one.is_free and now > one.deadline]:
            self._lose(line, "no reply in time")

    def wake(self) -> None:
        """Let ``wait`` return; from any thread."""
        with suppress(OSError):  # full, and so it rings already; or closed
            self._bell.send(b"!")

    def cut(self) -> list[Ended]:
        """Hang up on every mail that is under way and say how far each went."""
        for line in [one for one in self._lines if one.mail]:
            self._lose(line, "we had to stop and hung up")
        while self._again:
            reason = Deferred(
                code=421,
                reply="we had to stop before it left",
                enhanced="4.4.2",
                phase=Phase.MAIL,
            )
            self._tell(self._again.popleft(), reason)
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Say goodbye on every line and close, waiting two seconds at most for the answers."""
        self._is_closed = True
        for line in list(self._lines):
            if not line.is_free:
                self._drop(line)
                continue
            with suppress(OSError):
                line.sock.send(b"QUIT\r\n")
        until = time.monotonic() + _FAREWELL_SECONDS
        while self._lines and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if key.data is None:
                    self._quiet_bell()
                else:
                    self._drop(key.data)
        for line in list(self._lines):
            self._drop(line)
        self._drop_opened()
        self._selector.close()
        self._ear.close()
        self._bell.close()


def _is_limit(outcome: Outcome, *, worn: bool) -> bool:
    """Tell whether a connection that carried mails before takes no more of them."""
    match outcome:
        case Deferred(phase=Phase.MAIL, code=421) | Rejected(phase=Phase.MAIL):
            return worn
        case _:
            return False
