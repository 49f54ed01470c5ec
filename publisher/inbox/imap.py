"""A mailbox on an IMAP server (RFC 3501): what is unread there, and was not looked at before.

Every wait has an end: a server that is silent is given up after seconds, and the whole visit after
minutes. What was taken in until then is kept, and the rest is read at the next visit.
"""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from publisher.errors import Problem, Unavailable
from publisher.inbox.arriving import Arrival
from publisher.inbox.reading import MOST_OCTETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from publisher.config import Imap

SILENCE_SECONDS = 10.0
VISIT_SECONDS = 300.0
_WATCH_SECONDS = 0.25
_LOOKED_AT = "PublisherLookedAt"
"""A keyword on what is for a person: it stays unread and is not fetched each minute."""


class ImapMailbox:
    """An IMAP mailbox's unread mail."""

    def __init__(
        self,
        place: Imap,
        password: str,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        visit_seconds: float = VISIT_SECONDS,
        is_stopping: Callable[[], bool] = lambda: False,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Take the place; nothing is connected yet.

        Once ``is_stopping`` no answer is waited for. ``trusted`` is whose certificates count.
        """
        self.name = f"{place.user} at {place.host}:{place.port}"
        self._place = place
        self._password = password
        self._silence = silence_seconds
        self._visit = visit_seconds
        self._is_stopping = is_stopping
        self._trusted = trusted

    def arrivals(self) -> Iterator[Arrival]:
        """Give what is unread, the oldest first.

        Raises Unavailable where the server is away, silent, drops the line or lets us not in.
        """
        with self._told_as_problem(), self._connected() as wire:
            keeps_keywords = self._select(wire)
            for number in self._unread(wire, keeps_keywords=keeps_keywords):
                data = _octets(_ok(wire.uid("FETCH", number, f"(BODY.PEEK[]<0.{MOST_OCTETS}>)")))
                if data is None:  # erased meanwhile
                    continue

                def put_away(is_read: bool, number: str = number) -> None:  # noqa: FBT001
                    flags = [r"\Seen"] if is_read or not keeps_keywords else []
                    flags += [_LOOKED_AT] if keeps_keywords else []
                    with self._told_as_problem():
                        _ok(wire.uid("STORE", number, "+FLAGS.SILENT", f"({' '.join(flags)})"))

                yield Arrival(name=f"{self.name} {number}", data=data, put_away=put_away)

    @contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        wire = _Wire(
            self._place,
            (self._trusted or ssl.create_default_context()) if self._place.has_tls else None,
            silence_seconds=self._silence,
            visit_seconds=self._visit,
            is_stopping=self._is_stopping,
        )
        try:
            self._sign_in(wire)
            yield wire
            with suppress(imaplib.IMAP4.error, OSError):  # all was read: how it ends is no matter
                wire.logout()
        finally:
            wire.end()

    def _sign_in(self, wire: imaplib.IMAP4) -> None:
        user, password = self._place.user, self._password
        if "AUTH=PLAIN" in wire.capabilities:  # RFC 4616: it takes letters of every script
            wire.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        else:
            wire.login(user, password)

    def _select(self, wire: imaplib.IMAP4) -> bool:
        """Open the mailbox; return whether keywords of our own are kept there."""
        _ok(wire.select(_quoted(self._place.mailbox)))
        flags = wire.response("PERMANENTFLAGS")[1] or [None]
        return rb"\*" in (flags[0] or b"")

    def _unread(self, wire: imaplib.IMAP4, *, keeps_keywords: bool) -> list[str]:
        wanted = ["UNSEEN", "UNDELETED", *(["UNKEYWORD", _LOOKED_AT] if keeps_keywords else [])]
        (found, *_) = _ok(wire.uid("SEARCH", *wanted))
        return [number.decode("ascii") for number in (found or b"").split()]

    @contextmanager
    def _told_as_problem(self) -> Iterator[None]:
        try:
            yield
        except (imaplib.IMAP4.error, OSError, EOFError) as error:
            raise Unavailable(self._problem(_words(error))) from error

    def _problem(self, got: str) -> Problem:
        return Problem(
            code="feedback.imap",
            path=self.name,
            expected=f"the mailbox {self._place.mailbox}, open to us",
            got=got,
            hint="Nothing was lost: it is tried again, and what was taken in counts once.",
        )


class _Wire(imaplib.IMAP4):
    """A connection that ends after a time, or when told, whatever the server does.

    One that drips an octet at a time is never silent, neither in its greeting nor in TLS.
    """

    def __init__(
        self,
        place: Imap,
        context: ssl.SSLContext | None,
        *,
        silence_seconds: float,
        visit_seconds: float,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._context = context
        self._until = time.monotonic() + visit_seconds
        self._is_stopping = is_stopping
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None
        try:
            super().__init__(place.host, place.port, timeout=silence_seconds)
        except BaseException:
            self.end()
            raise

    def _create_socket(self, timeout: float | None) -> socket.socket:
        """Connect; the library calls this, and has had it by this name since Python 3.9."""
        raw = socket.create_connection((self.host, self.port), timeout)
        # TLS takes the socket over; a second handle of it can still be shut.
        self._watch = threading.Thread(target=self._cut_in_time, args=(raw.dup(),), daemon=True)
        self._watch.start()
        if self._context is None:
            return raw
        try:
            return self._context.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise

    def _cut_in_time(self, line: socket.socket) -> None:
        with line:
            while not self._ended.wait(_WATCH_SECONDS):
                if time.monotonic() > self._until or self._is_stopping():
                    with suppress(OSError):  # it is closed already
                        line.shutdown(socket.SHUT_RDWR)
                    return

    def end(self) -> None:
        """Close the line, however it was left."""
        self._ended.set()
        if self._watch:
            self._watch.join()
        if hasattr(self, "sock"):
            with suppress(OSError):  # it is closed already
                self.shutdown()


def _ok(reply: tuple[str, list[Any]]) -> list[Any]:
    kind, data = reply
    if kind != "OK":
        raise imaplib.IMAP4.error(b" ".join(one for one in data if isinstance(one, bytes)))
    return data


def _octets(data: list[Any]) -> bytes | None:
    return next((bytes(one[1]) for one in data if isinstance(one, tuple)), None)


def _quoted(mailbox: str) -> str:
    """Return a mailbox's name as IMAP writes it: quoted, in its own UTF-7 (RFC 3501, 5.1.3)."""

    def shift(run: re.Match[str]) -> str:
        if run[0] == "&":
            return "&-"
        packed = base64.b64encode(run[0].encode("utf-16-be")).decode("ascii")
        return f"&{packed.rstrip('=').replace('/', ',')}-"

    plain = re.sub(r"&|[^\x20-\x7e]+", shift, mailbox)
    escaped = re.sub(r'(["\\])', r"\\\1", plain)
    return f'"{escaped}"'


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return text or type(error).__name__
