"""One mail's conversation with a relay (RFC 5321, RFC 2920), without a socket.

It says what to write, hears replies, and knows at every moment how far the mail went. Where the
relay offers PIPELINING the envelope is one write, so a mail costs two round trips instead of four.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from publisher.model import Accepted, Deferred, Phase, Rejected, Uncertain
from publisher.transport.wire import END, commands, lost, misfit, refusal, stuff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Envelope, Outcome
    from publisher.transport.wire import Reply


class After(Enum):
    """What becomes of the connection once the mail has its outcome."""

    READY = "ready"
    RESET = "reset"  # RSET first: the relay still has half of a transaction
    CLOSE = "close"


class Dialogue:
    """From MAIL to the reply to the final dot; ``outcome`` is None until it is known.

    One that holds writes nothing of the mail itself, ready as the relay may be, before ``go``.
    """

    def __init__(
        self,
        envelope: Envelope,
        data: bytes,
        features: Mapping[str, str],
        *,
        holds: bool = False,
    ) -> None:
        self._data = data
        self._holds = holds
        self._is_plain = envelope.is_plain and bool(data)
        self._commands = commands(envelope, data, features)
        self._pipelines = "pipelining" in features
        self._expected: deque[Phase] = deque()
        self._refusal: Outcome | None = None
        self._at = Phase.MAIL
        self.outcome: Outcome | None = misfit(envelope, data, features)

    @property
    def phase(self) -> Phase:
        """How far the mail went: the first command without a reply, or the body on its way."""
        return self._expected[0] if self._expected else self._at

    @property
    def waits(self) -> bool:
        """Whether a reply is due."""
        return bool(self._expected)

    def open(self) -> tuple[bytes, ...]:
        """Return the first octets to write, in pieces."""
        return self._next_commands()

    def go(self) -> tuple[bytes, ...]:
        """Hold no longer; return what to write where the relay is ready for it, in pieces."""
        self._holds = False
        return self._body() if self._at is Phase.BODY else ()

    def hear(self, reply: Reply) -> tuple[bytes, ...]:
        """Take the reply that was due and return what to write next, in pieces, or nothing."""
        phase = self._expected.popleft()
        if phase is Phase.END:
            self.outcome = refusal(reply, Phase.END) or Accepted(code=reply.code, reply=reply.text)
            return ()
        refused = refusal(reply, phase)
        self._refusal = self._refusal or refused
        if refused and (_ends_connection(refused) or not self._expected):
            self.outcome = self._refusal
        elif not self._expected:
            return self._after_commands()
        return ()

    def left(self) -> None:
        """Note that what was to be written has left us whole: the final dot, where it is the body."""
        if self._at is Phase.BODY:
            self._expected.append(Phase.END)

    def interrupt(self, reply: Reply) -> None:
        """Take a reply that came before the final dot left: the relay wants no more of it."""
        self.outcome = refusal(reply, self.phase) or lost(
            self.phase, f"the relay said without being asked: {reply.text}"
        )

    def lose(self, reason: str) -> None:
        """Take the end of the connection."""
        self.outcome = self._refusal or lost(self.phase, reason)

    @property
    def after(self) -> After:
        """What the connection needs, now that there is an outcome."""
        match self.outcome:
            case Uncertain() | Deferred(code=421) | Deferred(phase=Phase.BODY):
                return After.CLOSE
            case Rejected(phase=Phase.BODY):
                return After.CLOSE
            case Deferred(phase=Phase.RCPT | Phase.DATA) | Rejected(phase=Phase.RCPT | Phase.DATA):
                # A relay that took DATA without a recipient waits for a mail (RFC 2920 section 3.1).
                return After.RESET if self._at is not Phase.BODY else After.CLOSE
            case _:
                return After.READY

    def _after_commands(self) -> tuple[bytes, ...]:
        if self._commands:
            return self._next_commands()
        if self._refusal:
            # It would take a mail for nobody: we hang up rather than send it one.
            self.outcome, self._at = self._refusal, Phase.BODY
            return ()
        self._at = Phase.BODY
        return () if self._holds else self._body()

    def _body(self) -> tuple[bytes, ...]:
        return (self._data, END) if self._is_plain else (stuff(self._data),)

    def _next_commands(self) -> tuple[bytes, ...]:
        count = len(self._commands) if self._pipelines else 1
        written, self._commands = self._commands[:count], self._commands[count:]
        self._expected.extend([phase for phase, _ in written])
        return (b"".join([command for _, command in written]),)


def _ends_connection(outcome: Outcome) -> bool:
    return isinstance(outcome, Deferred) and outcome.code == 421  # noqa: PLR2004 - RFC 5321 3.8
