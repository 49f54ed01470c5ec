"""What comes back after a mail was accepted: reports, the failures they name, what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """What a mail that came back is."""

    BOUNCE = "bounce"  # the mail did not arrive (RFC 3464, or a form of its own)
    DELAY = "delay"  # the remote still tries
    ARRIVAL = "arrival"  # the mail arrived, was passed on, or was read
    COMPLAINT = "complaint"  # somebody called it spam (RFC 5965)
    UNSUBSCRIBE = "unsubscribe"  # the mailto of List-Unsubscribe
    AUTO_REPLY = "auto_reply"  # nobody is there (RFC 3834)
    OTHER = "other"  # for a person to read
    UNREADABLE = "unreadable"


class Meaning(StrEnum):
    """What a failure says about the address, the mildest first."""

    OURS = "ours"  # how, where from or what we send is refused: the reader has no part in it
    SOFT = "soft"  # it may work another time
    HARD = "hard"  # nobody is there


class Taken(StrEnum):
    """What was made of a report."""

    SUPPRESSED = "suppressed"
    COUNTED = "counted"
    OURS = "ours"
    UNSUBSCRIBED = "unsubscribed"
    KNOWN = "known"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a report says of one recipient, and no address."""

    action: str = "failed"
    """``failed delayed delivered relayed expanded`` (RFC 3464 section 2.3.3)."""
    status: str = ""
    """``5.1.1`` (RFC 3463), or nothing."""
    reply: str = ""
    """What the remote server said, addresses left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A mail that came back, read; whether its tokens are ours is not known yet."""

    sha256: str
    """Of its octets: the same report has the same one, wherever it was read."""
    kind: ReportKind
    failures: tuple[Failure, ...] = ()
    bounce_tokens: tuple[str, ...] = ()
    """Those of return paths."""
    link_tokens: tuple[str, ...] = ()
    """Those of links to leave."""
    marks: tuple[str, ...] = ()
    """What the Message-ID of the mail it is about has before the domain."""
    feedback_type: str = ""
