"""Mail on its way: notices, envelopes, phases and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeliveryState(StrEnum):
    """The life of a delivery; nothing leaves ``accepted``."""

    PENDING = "pending"  # -> inflight, deferred (its domain waits), suppressed, expired, cancelled
    INFLIGHT = "inflight"  # -> accepted, deferred, rejected, uncertain
    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # -> inflight, suppressed, expired, cancelled
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    UNCERTAIN = "uncertain"  # -> inflight (resend), accepted, expired, cancelled
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The RFC 5321 sender and the one recipient."""

    sender: str
    recipient: str
    name: str = ""
    """The delivery's own name for a transport that files mail: ``weekly-12/000001``."""
    is_plain: bool = False
    """Whether its mail is known to be what SMTP carries as it is, so that nobody looks again.

    Every line ends in CRLF and none begins with a dot (RFC 5321 sections 2.3.8 and 4.5.2).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A transactional mail before it is addressed; it names no topic."""

    subject: str
    text: str
    html: str


class Phase(StrEnum):
    """How far an SMTP transaction went; after ``END`` the outcome belongs to the remote."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The remote took the mail."""

    code: int = 250
    reply: str = ""
    phase: Phase = Phase.END


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not now: nothing was stored by the remote, and it may be tried again."""

    code: int
    reply: str
    enhanced: str = ""
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Never: the remote refused this mail to this recipient for good."""

    code: int
    reply: str
    enhanced: str = ""
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The connection ended after the final dot and before the reply: it may have been stored."""

    reply: str
    phase: Phase = Phase.END


Outcome = Accepted | Deferred | Rejected | Uncertain
