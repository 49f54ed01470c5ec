"""A relay on loopback that says exactly what it is told, to any number of connections at once.

It writes down every mail it keeps before it says so, as a relay that has it does: its log against
the ledger is the one oracle of delivery.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

USUAL = {
    "banner": b"220 relay\r\n",
    "MAIL": b"250 2.1.0 fine\r\n",
    "RCPT": b"250 2.1.5 fine\r\n",
    "DATA": b"354 go on\r\n",
    "BODY": b"",
    "END": b"250 2.0.0 kept\r\n",
    "RSET": b"250 2.0.0 forgotten\r\n",
    "QUIT": b"221 bye\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "STARTTLS": b"454 4.7.0 not now\r\n",
}


class HangUp(Exception):  # noqa: N818 - an act, not a failure
    """End the connection: in order, or by a reset."""

    def __init__(self, *, by_force: bool = False) -> None:
        super().__init__()
        self.by_force = by_force


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a conversation is: asked of the script before each reply."""

    what: str
    """``banner``, a command, ``BODY`` after 354, ``END`` after the dot."""
    recipient: str
    connection: int
    """Counted from 1."""
    mails: int
    """How many mails this connection brought before."""
    times: int
    """How often this moment came before, on any connection."""


Answer = bytes | None
Script = "Callable[[Moment, socket.socket], Answer]"


def usual(_moment: Moment, _wire: socket.socket) -> Answer:
    """Say what a relay that takes everything says."""
    return None


class Relay:
    """The server; ``script`` returns octets to say instead of the usual, or acts, or None."""

    def __init__(
        self,
        script: Callable[[Moment, socket.socket], Answer] = usual,
        *,
        offers: Iterable[str] = ("PIPELINING", "SIZE 0", "8BITMIME", "ENHANCEDSTATUSCODES"),
        context: ssl.SSLContext | None = None,
        starts_tls: bool = False,
    ) -> None:
        """Speak TLS from the first octet where there is a context, or after STARTTLS."""
        self.script = script
        self.offers = (*offers, "STARTTLS") if starts_tls else tuple(offers)
        self.context = context
        self.starts_tls = starts_tls
        self.kept: list[tuple[str, str]] = []
        """Recipient and digest of each mail that was kept, in order."""
        self.said: Counter[str] = Counter()
        """How often each moment came."""
        self.most_open = 0
        self._open = 0
        self._count = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._wires: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            wires = list(self._wires)
        for wire in wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    # ---------------------------------------------------------------------------------- the log

    @property
    def counts(self) -> Counter[str]:
        """How many mails each recipient got."""
        return Counter(recipient for recipient, _ in self.kept)

    @property
    def repeats(self) -> dict[str, int]:
        """Who got more than one, and how many more."""
        return {one: count - 1 for one, count in self.counts.items() if count > 1}

    def differing(self) -> list[str]:
        """Return who got two mails that are not the same octet by octet."""
        seen = defaultdict(set)
        for recipient, digest in self.kept:
            seen[recipient].add(digest)
        return [recipient for recipient, digests in seen.items() if len(digests) > 1]

    # ------------------------------------------------------------------------------ conversation

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._count += 1
                self._open += 1
                self.most_open = max(self.most_open, self._open)
                self._wires.add(wire)
                number = self._count
            thread = threading.Thread(target=self._serve, args=(wire, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, wire: socket.socket, number: int) -> None:
        talk = _Conversation(self, wire, number)
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context and not self.starts_tls:
                talk.encrypt()
            talk.run()
        except HangUp as act:
            if act.by_force:
                talk.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open -= 1
                self._wires.discard(talk.wire)
            talk.wire.close()

    def follow(self, wire: socket.socket, encrypted: socket.socket) -> None:
        """Know a connection by its encrypted socket from now on."""
        with self._lock:
            self._wires.discard(wire)
            self._wires.add(encrypted)

    def moment(self, what: str, recipient: str, connection: int, mails: int) -> Moment:
        """Return the moment, counted."""
        with self._lock:
            times = self.said[what]
            self.said[what] += 1
        return Moment(what, recipient, connection, mails, times)

    def keep(self, recipient: str, data: bytes) -> None:
        """Write a mail down."""
        with self._lock:
            self.kept.append((recipient, hashlib.sha256(data).hexdigest()))


class _Conversation:
    def __init__(self, relay: Relay, wire: socket.socket, number: int) -> None:
        self._relay = relay
        self.wire = wire
        self._number = number
        self._mails = 0
        self._recipient = ""

    def run(self) -> None:
        self._say("banner")
        while self._converse():
            self.encrypt()

    def encrypt(self) -> None:
        """Shake hands; the script may act before, at the moment ``TLS``."""
        assert self._relay.context is not None
        moment = self._relay.moment("TLS", "", self._number, 0)
        self._relay.script(moment, self.wire)
        encrypted = self._relay.context.wrap_socket(self.wire, server_side=True)
        self._relay.follow(self.wire, encrypted)
        self.wire = encrypted

    def _converse(self) -> bool:
        """Converse to the end, or until the wire is to be encrypted."""
        with self.wire.makefile("rb") as lines:
            return self._answer_each(iter(lines))

    def _answer_each(self, each: Iterator[bytes]) -> bool:
        for line in each:
            verb = line[:4].upper().decode("ascii", "replace").strip()
            if verb in {"EHLO", "HELO"}:
                offered = [b"250-relay", *(f"250-{one}".encode() for one in self._relay.offers)]
                self.wire.sendall(b"\r\n".join([*offered, b"250 HELP", b""]))
                continue
            if verb == "RCPT":
                self._recipient = line.decode().partition("<")[2].partition(">")[0]
            said = self._say("STARTTLS" if verb == "STAR" else verb)
            if verb == "DATA" and said.startswith(b"354"):
                self._take(each)
            if verb == "STAR" and said.startswith(b"220"):
                return True
            if verb == "QUIT":
                return False
        return False

    def _take(self, lines: Iterable[bytes]) -> None:
        self._say("BODY")
        body = bytearray()
        for line in lines:
            if line == b".\r\n":
                break
            body += line
        else:
            return
        moment = self._relay.moment("END", self._recipient, self._number, self._mails)
        self._mails += 1
        answer = self._relay.script(moment, self.wire)
        if answer is None:
            self._relay.keep(self._recipient, bytes(body))
            answer = USUAL["END"]
        elif answer.startswith(b"2"):
            self._relay.keep(self._recipient, bytes(body))
        self.wire.sendall(answer)

    def _say(self, what: str) -> bytes:
        moment = self._relay.moment(what, self._recipient, self._number, self._mails)
        answer = self._relay.script(moment, self.wire)
        usual = b"220 2.0.0 go on\r\n" if self._relay.starts_tls and what == "STARTTLS" else None
        usual = usual or USUAL.get(what, b"500 5.5.1 what?\r\n")
        said = usual if answer is None else answer
        self.wire.sendall(said)
        return said
