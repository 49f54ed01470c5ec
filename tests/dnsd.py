"""A real DNS server on loopback that says what it is told to say."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Zone:
    """What the server knows, and what it was asked."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Name and type → the records as a zone file has them."""
    broken: set[str] = field(default_factory=set)
    """Names that it fails at."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def add(self, line: str) -> None:
        """Take in one line of a zone file."""
        name, _, kind, value = line.split(" ", 3)
        self.records.setdefault((name, kind), []).append(value)

    def answer(self, wire: bytes) -> bytes:
        """Return the answer to a question: records, an empty answer, or that there is no such name."""
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif found := self.records.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif name not in {known for known, _ in self.records}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def serve() -> Iterator[Zone]:
    """Run the server while the block runs."""
    zone = Zone()

    class Handler(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            wire, socket = self.request
            socket.sendto(zone.answer(wire), self.client_address)

    server: Any = socketserver.UDPServer(("127.0.0.1", 0), Handler)
    zone.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield zone
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
