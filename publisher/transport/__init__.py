"""The way mail leaves: one envelope, one recipient, one outcome.

What the remote says is the returned outcome; Unavailable means that nothing could be handed over
and nothing was (the relay cannot be reached, refuses the sign-in, the disk is full), and Refused
that this mail must not be sent at all. A transport carries one mail at a time and belongs to one
thread; leaving its ``with`` block closes it. Lines carry several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from publisher.transport.lines import SmtpLines
from publisher.transport.outbox import Outbox, list_mails, read_mail
from publisher.transport.single import Ended, Lines, Single
from publisher.transport.smtp import Smtp, SmtpSettings

if TYPE_CHECKING:
    from types import TracebackType

    from publisher.model import Envelope, Outcome

__all__ = [
    "Ended",
    "Lines",
    "Outbox",
    "Single",
    "Smtp",
    "SmtpLines",
    "SmtpSettings",
    "Transport",
    "list_mails",
    "read_mail",
]


class Transport(Protocol):
    """Anything that takes a mail: the outbox, SMTP, and the tests' memory."""

    @property
    def name(self) -> str:
        """How people call it: ``outbox`` or ``smtp``."""

    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        """Hand over one mail, whole lines ending in CRLF, and return what became of it.

        Raises Refused for an address or octets that must not reach the wire, Unavailable where
        nothing can be handed over now.
        """

    def close(self) -> None:
        """Let go of what is open, quietly; another ``send`` may open it again."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
