"""A real SMTP server on loopback that remembers what it accepted."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Accepted:
    """One mail as the server took it."""

    sender: str
    recipient: str
    data: bytes


@dataclass(slots=True)
class Peer:
    """The server's memory and its replies."""

    port: int
    accepted: list[Accepted] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    """Recipient → what RCPT answers instead of 250."""
    thinks_seconds: float = 0
    """How long the reply to the final dot takes."""
    began: threading.Event = field(default_factory=threading.Event)
    """Set when the first mail is on the wire, whole."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Answer RCPT as told."""
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Remember the mail before answering, as a server that has it does."""
        self.began.set()
        await asyncio.sleep(self.thinks_seconds)
        for recipient in envelope.rcpt_tos:
            self.accepted.append(
                Accepted(
                    sender=envelope.mail_from, recipient=recipient, data=bytes(envelope.content)
                )
            )
        return "250 2.0.0 taken"

    def recipients(self) -> list[str]:
        """Return who got mail, once a mail."""
        return sorted(one.recipient for one in self.accepted)


@contextmanager
def serve(port: int, *, knows_utf8: bool = True) -> Iterator[Peer]:
    """Run the server while the block runs; ``knows_utf8`` is whether it offers SMTPUTF8."""
    peer = Peer(port=port)
    controller = Controller(peer, hostname="127.0.0.1", port=port, enable_SMTPUTF8=knows_utf8)
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()
