"""Bytes to a report: what came back, about which mail of ours, and what was said.

A stranger wrote every octet of it: headers may be missing, cut, in any charset, and nested as deep
as there is room. Whatever breaks is the mail's fault, and is said as ``unreadable``.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from email.message import Message
from itertools import islice
from typing import TYPE_CHECKING

from publisher.inbox.oddities import read_oddity
from publisher.model import Failure, Report, ReportKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_OCTETS = 256 * 1024
"""So much of a mail is read: what reports say comes before the mail they return."""
_MOST_PARTS = 100
_MOST_RECIPIENTS = 50
_HEADER = 4_000
_REPLY = 300
_TEXT = 20_000

_RETURN_PATH = re.compile(r"(?<![A-Za-z0-9.+])b\+([A-Za-z2-7]{39})@", re.IGNORECASE)
_LEAVING_MAILBOX = re.compile(r"(?<![A-Za-z0-9.+])u\+([A-Za-z2-7]{39})@", re.IGNORECASE)
_LEAVING_LINK = re.compile(r"/u/([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])")
_LEAVING_SUBJECT = re.compile(
    r"(?:re:\s*)?(?:unsubscribe\s*:?\s*)?([A-Za-z0-9_-]{32}|[A-Za-z2-7]{39})", re.IGNORECASE
)
_MARK = re.compile(r"<?([A-Za-z0-9.-]{1,64})@")
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+")
_ARRIVED_BY = (
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "To",
    "Cc",
    "Received",
)
"""Headers by which servers say whom they had a mail for."""
_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_COMPLAINTS = frozenset({"abuse", "opt-out", "opt-out-list"})
_RETURNED = frozenset({"message/rfc822", "message/global", "message/partial"})
_RETURNED_HEADERS = frozenset({"text/rfc822-headers", "message/rfc822-headers"})
_STATUSES = frozenset({"message/delivery-status", "message/global-delivery-status"})


def read_report(data: bytes) -> Report:
    """Return what a mail reports. Never raises: what cannot be read is ``unreadable``.

    Its digest is that of its lines, so a mail has the same one from a file with LF and from a
    server with CRLF.
    """
    octets = _without_envelope(data[:MOST_OCTETS]).replace(b"\r\n", b"\n")
    sha256 = hashlib.sha256(octets).hexdigest()
    try:
        message = email.message_from_bytes(octets, policy=email.policy.compat32)
        return _read(message, sha256)
    except Exception:  # noqa: BLE001 - the parser breaks in many ways on what strangers write
        return Report(sha256=sha256, kind=ReportKind.UNREADABLE)


def _without_envelope(data: bytes) -> bytes:
    """Leave out the line that mailboxes of old put before each mail."""
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data


def _read(message: Message, sha256: str) -> Report:
    parts = list(islice(_walk(message), _MOST_PARTS))
    own = "\n".join(_values(message, _ARRIVED_BY))
    kind, failures, feedback_type = _classify(message, parts, own)
    returned = [*_returned_fields(parts)]
    sayings = [own, *returned]
    return Report(
        sha256=sha256,
        kind=kind,
        failures=failures,
        bounce_tokens=_found(_RETURN_PATH, sayings),
        link_tokens=_link_tokens(message, own)
        if kind is ReportKind.UNSUBSCRIBE
        else (*_found(_LEAVING_MAILBOX, returned), *_found(_LEAVING_LINK, returned)),
        marks=_found(_MARK, _message_ids(parts)),
        feedback_type=feedback_type,
    )


def _classify(
    message: Message, parts: list[Message], own: str
) -> tuple[ReportKind, tuple[Failure, ...], str]:
    """Return the kind of a mail, what it says of recipients, and its type where it complains."""
    for part in parts:
        if part.get_content_type() in _STATUSES:
            failures = tuple(islice(_read_failures(part), _MOST_RECIPIENTS))
            if failures:
                return _kind_of(failures), failures, ""
        if part.get_content_type() == "message/feedback-report":
            said = _field(part, "Feedback-Type").lower()
            kind = ReportKind.COMPLAINT if said in _COMPLAINTS else ReportKind.OTHER
            return kind, (), said
        if part.get_content_type() == "message/disposition-notification":
            return ReportKind.ARRIVAL, (), ""
    if _link_tokens(message, own):
        return ReportKind.UNSUBSCRIBE, (), ""
    odd = read_oddity(message, _text(parts), _clean)
    if odd:
        return _kind_of((odd,)), (odd,), ""
    return (ReportKind.AUTO_REPLY if _is_automatic(message) else ReportKind.OTHER), (), ""


def _kind_of(failures: tuple[Failure, ...]) -> ReportKind:
    actions = {one.action for one in failures}
    if actions & {"delivered", "relayed", "expanded"}:
        return ReportKind.ARRIVAL
    return ReportKind.BOUNCE if "failed" in actions else ReportKind.DELAY


def _link_tokens(message: Message, own: str) -> tuple[str, ...]:
    """Return the tokens by which a mail asks to leave: in its recipient, else as its subject."""
    by_address = _found(_LEAVING_MAILBOX, [own])
    if by_address or _is_automatic(message):
        return by_address
    whole = _LEAVING_SUBJECT.fullmatch(_value(message.get("Subject")).strip())
    return (whole[1],) if whole else ()


def _is_automatic(message: Message) -> bool:
    """Tell whether a program wrote it (RFC 3834 section 5, and what programs do instead)."""
    said = _value(message.get("Auto-Submitted")).strip().lower()
    if said and not said.startswith("no"):
        return True
    if any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Autogenerated")):
        return True
    return _value(message.get("Precedence")).strip().lower() in {"auto_reply", "bulk", "junk"}


# ------------------------------------------------------------------------------------------ parts


def _walk(message: Message) -> Iterator[Message]:
    """Give a mail's parts from the first on, but not what is inside a mail that is returned."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        inside = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inside, list):
            waiting += [one for one in reversed(inside) if isinstance(one, Message)]


def _read_failures(part: Message) -> Iterator[Failure]:
    """Give what a delivery status says of each recipient (RFC 3464 section 2.3)."""
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message):
            continue
        action = _value(block.get("Action")).strip().lower().split(" ")[0].rstrip(";")
        found = re.match(r"\s*([245]\.\d{1,3}\.\d{1,3})", _value(block.get("Status")))
        status = found[1] if found else ""
        if action not in _ACTIONS and not status.startswith("5"):
            continue
        said = _value(block.get("Diagnostic-Code"))
        kind, _, words = said.partition(";")
        yield Failure(
            action=action if action in _ACTIONS else "failed",
            status=status,
            reply=_clean(words if " " not in kind else said),
        )


def _returned_fields(parts: Iterable[Message]) -> Iterator[str]:
    """Give what may name the mail that is returned: its own headers and the report's fields."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            yield _field(part, "Original-Mail-From")
    for headers in _returned(parts):
        yield from _values(headers, ("Return-Path", "X-Envelope-From", "List-Unsubscribe"))


def _message_ids(parts: Iterable[Message]) -> list[str]:
    return [_value(headers.get("Message-ID")).strip() for headers in _returned(parts)]


def _returned(parts: Iterable[Message]) -> Iterator[Message]:
    for part in parts:
        kind, inside = part.get_content_type(), part.get_payload()
        if kind in _RETURNED and isinstance(inside, list) and isinstance(inside[0], Message):
            yield inside[0]
        elif kind in _RETURNED_HEADERS:
            yield _as_headers(part)


def _field(part: Message, name: str) -> str:
    """Return a field of a report whose body is headers (RFC 5965 section 3)."""
    return _value(_as_headers(part).get(name)).strip()


def _as_headers(part: Message) -> Message:
    inside = part.get_payload()
    if isinstance(inside, list):  # what begins with message/ is parsed already
        return inside[0] if inside and isinstance(inside[0], Message) else Message()
    decoded = part.get_payload(decode=True)
    octets = decoded if isinstance(decoded, bytes) else b""
    return email.message_from_bytes(octets.lstrip(), policy=email.policy.compat32)


def _text(parts: Iterable[Message]) -> str:
    """Return the text that a person would read first, in whatever charset it says it is."""
    for part in parts:
        decoded = part.get_payload(decode=True)
        if part.get_content_type() == "text/plain" and isinstance(decoded, bytes):
            charset = part.get_content_charset("utf-8")
            try:
                return decoded[:_TEXT].decode(charset, "replace")
            except LookupError:
                return decoded[:_TEXT].decode("latin-1")
    return ""


# ---------------------------------------------------------------------------------------- values


def _values(message: Message, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for value in islice(message.get_all(name, []), _MOST_RECIPIENTS):
            yield _value(value)


def _value(value: object) -> str:
    """Return a header's text on one line; what is no ASCII may be a value of its own kind."""
    text = "" if value is None else str(value)[:_HEADER]
    return re.sub(r"\r?\n[ \t]+", " ", text)


def _clean(text: str) -> str:
    """Return what a server said: on one line, without addresses or what cannot be printed."""
    printable = "".join(one if one.isprintable() else " " for one in text[:_HEADER])
    return re.sub(r"\s+", " ", _ADDRESS.sub("…", printable)).strip()[:_REPLY]


def _found(shape: re.Pattern[str], texts: Iterable[str]) -> tuple[str, ...]:
    """Return every match once, in order."""
    return tuple(dict.fromkeys(one for text in texts for one in shape.findall(text)))
