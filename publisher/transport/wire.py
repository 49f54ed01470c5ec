"""SMTP as values (RFC 5321): what may go over the wire, and what a reply means. No socket here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.errors import Problem, Refused
from publisher.model import Deferred, Envelope, Phase, Rejected, Uncertain

if TYPE_CHECKING:
    from collections.abc import Mapping

END = b".\r\n"
"""What ends a mail whose last line is whole."""
LONGEST_REPLY = 65_536
"""Octets of one reply, all its lines together; more is no reply."""

_KEPT = 500
_LONGEST_ADDRESS = 254  # a path of 256 octets less its brackets: RFC 5321 section 4.5.3.1.3
_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_TWO_ENDS = re.compile(r"[^ <>]+@[^ <>@]+")
_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the remote said to one command; code 0 where that was no SMTP."""

    code: int
    lines: tuple[bytes, ...]
    """The text of each line, without code and line end."""

    @property
    def text(self) -> str:
        """The lines as one of at most 500 characters, each octet that is no text replaced."""
        return _join_lines(self.lines)

    @property
    def enhanced(self) -> str:
        """The enhanced code (RFC 3463) the text begins with, where it agrees with the code."""
        match = _ENHANCED.match(self.text)
        return match[1] if match and match[1][0] == str(self.code)[0] else ""


@lru_cache(maxsize=256)
def _join_lines(lines: tuple[bytes, ...]) -> str:
    joined = b" ".join(b" ".join(lines).split())[:_KEPT].decode("ascii", "replace")
    if joined.isprintable():
        return joined
    return "".join(c if c.isprintable() else "\ufffd" for c in joined)


def parse_reply(received: bytes) -> tuple[Reply, int] | None:
    """Return the first reply in what was received and its octets; nothing while it is not whole.

    What cannot be a reply (RFC 5321 section 4.2) comes back as code 0 and takes everything.
    """
    lines: list[bytes] = []
    code = None
    at = 0
    while (end := received.find(b"\n", at)) >= 0:
        match = _REPLY_LINE.fullmatch(received[at:end].rstrip(b"\r"))
        if not match or code not in {None, match[1]} or end >= LONGEST_REPLY:
            return _no_reply(received)
        code = match[1]
        lines.append(match[3] or b"")
        at = end + 1
        if match[2] != b"-":
            return Reply(code=int(code), lines=tuple(lines)), at
    return _no_reply(received) if len(received) >= LONGEST_REPLY else None


@lru_cache(maxsize=256)
def parse_usual(received: bytes) -> tuple[Reply, int] | None:
    """Return what ``parse_reply`` does, at once for what a relay says again and again."""
    return parse_reply(received)


def _no_reply(received: bytes) -> tuple[Reply, int]:
    return Reply(code=0, lines=(received[:_KEPT],)), len(received)


def refusal(reply: Reply, phase: Phase) -> Deferred | Rejected | Uncertain | None:
    """Return what a reply other than the one this phase waits for makes of the mail."""
    kind = reply.code // 100
    if kind == (3 if phase is Phase.DATA else 2):
        return None
    if kind == 4:  # noqa: PLR2004 - the first digit is the severity: RFC 5321 section 4.2.1
        return Deferred(code=reply.code, reply=reply.text, enhanced=reply.enhanced, phase=phase)
    if kind == 5:  # noqa: PLR2004
        return Rejected(code=reply.code, reply=reply.text, enhanced=reply.enhanced, phase=phase)
    return lost(phase, f"the relay's answer is no SMTP reply: {reply.text}"[:_KEPT])


def lost(phase: Phase, reason: str) -> Deferred | Uncertain:
    """Return what the end of the connection makes of the mail.

    The relay stores nothing before the final dot is whole, and may have stored it after. Code and
    enhanced code are ours: 421 4.4.2, bad connection.
    """
    if phase is Phase.END:
        return Uncertain(reply=reason)
    return Deferred(code=421, reply=reason, enhanced="4.4.2", phase=phase)


def misfit(envelope: Envelope, data: bytes, features: Mapping[str, str]) -> Rejected | None:
    """Return why a server with these EHLO keywords cannot take the mail, before it is asked.

    The codes are the ones a server would give: RFC 6531 section 3.5 and RFC 1870 section 6.1.
    """
    if not _is_ascii(envelope) and "smtputf8" not in features:
        reason = "the address needs SMTPUTF8, which the relay does not offer"
        return Rejected(code=553, reply=reason, enhanced="5.6.7", phase=Phase.RCPT)
    limit = features.get("size", "")
    if limit.isdecimal() and 0 < int(limit) < len(data):
        reason = f"the mail has {len(data)} octets, and the relay takes {int(limit)}"
        return Rejected(code=552, reply=reason, enhanced="5.3.4", phase=Phase.MAIL)
    return None


def commands(
    envelope: Envelope, data: bytes, features: Mapping[str, str]
) -> tuple[tuple[Phase, bytes], ...]:
    """Return each command of a mail with the phase it begins; after DATA the mail itself follows."""
    options = ""
    if "size" in features:
        options += f" SIZE={len(data)}"
    if "8bitmime" in features and not data.isascii():
        options += " BODY=8BITMIME"
    if not _is_ascii(envelope):
        options += " SMTPUTF8"
    return (
        (Phase.MAIL, f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode()),
        (Phase.RCPT, f"RCPT TO:<{envelope.recipient}>\r\n".encode()),
        (Phase.DATA, b"DATA\r\n"),
    )


def stuff(data: bytes) -> bytes:
    """Return the mail as it follows DATA: dots doubled, the final dot added (RFC 5321 4.5.2)."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    first = b"." if data.startswith(b".") else b""
    last = b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + stuffed + last


def check(envelope: Envelope, data: bytes) -> None:
    """Raise Refused for what must never reach the wire: it could say more than one mail.

    The null sender is allowed (RFC 5321 section 4.5.5); a recipient has a local part and a domain.
    """
    if envelope.sender:
        _check_address("sender", envelope.sender)
    _check_address("recipient", envelope.recipient)
    if envelope.is_plain:
        return
    breaks = data.count(b"\r\n")
    if data.count(b"\r") != breaks or data.count(b"\n") != breaks:
        raise Refused(
            Problem(
                code="transport.line_ends",
                path=envelope.name or "mail",
                expected="lines that end in CRLF",
                got="a bare CR or LF",
                hint="Nothing was sent; a server could read a second mail there.",
            )
        )


def _check_address(role: str, address: str) -> None:
    is_plain = address.isprintable() and _TWO_ENDS.fullmatch(address)
    if is_plain and len(address.encode()) <= _LONGEST_ADDRESS:
        return
    raise Refused(
        Problem(
            code="transport.address",
            path=f"envelope {role}",
            expected=f"local@domain of at most {_LONGEST_ADDRESS} octets, without space, control or <>",
            got=ascii(address[:80]),
            hint="Nothing was sent to it; correct or remove the address.",
        )
    )


def _is_ascii(envelope: Envelope) -> bool:
    return envelope.sender.isascii() and envelope.recipient.isascii()
