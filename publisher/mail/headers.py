"""Headers of mails, every value looked at before it is one.

The standard library turns a long List-Unsubscribe into encoded words, which no mail program
follows; so they are written here. A value that would end its line, or is not what its RFC asks for,
makes no mail. Lines are folded at 76 and end in CRLF.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta

    from publisher.model import Address

_FOLD = 76
"""Octets of a header line: what RFC 2047 section 2 allows, two less than RFC 5322 section 2.1.1."""
_ENCODED = 52
"""Octets of text in an encoded word: with the rest of it and the field's name it fits one line."""
_WORD = 60
"""Octets of a plain word that always finds room on a folded line."""

_WORDS = re.compile(rf"[!-~]{{1,{_WORD}}}(?: [!-~]{{1,{_WORD}}})*")
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]{{1,{_WORD}}}"  # RFC 5322 section 3.2.3
_ATOMS = re.compile(f"{_ATOM}(?: {_ATOM})*")
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""What stands for itself in an encoded word, in a name too (RFC 2047 section 5)."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_MAILTO = re.compile(r"mailto:[A-Za-z0-9._~:/?@!$&'()*+;=%-]+")
_MAILBOX = re.compile(r"[^\s\x00-\x20\x7f-\x9f<>,;:\"()\[\]\\@]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)>?")
_LIST_ID = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9._-]*:){1,3}[A-Za-z0-9._-]{5,15}")

Mailbox = tuple[str, str]
"""A display name, which may be empty, and an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingList:
    """What every mail of a list says of the list; none of it may name a topic."""

    name: str
    list_id: str
    """``letters.example.org``: constant for the life of the list (RFC 2919)."""
    archive_url: str = ""
    """Where earlier editions are on the web (RFC 2369)."""
    web_url: str = ""
    """Where this edition is (RFC 5064)."""
    help_url: str = ""
    """Where it says what is kept and how to leave (RFC 2369)."""
    owner: str = ""
    """The address of a person who answers for the list (RFC 2369)."""
    reply_to: Mailbox | None = None
    feedback_id: str = ""
    """``edition:kind:list:sender`` for a feedback loop; never a person; the sender is 5 to 15 long."""


AUTOMATIC = (
    "Auto-Submitted: auto-generated\r\n"  # RFC 3834
    "X-Auto-Response-Suppress: All\r\n"  # what Exchange obeys
)
"""Asks programs that answer mail by themselves to be silent."""


def personal_headers(
    to: Address, from_: Mailbox, subject: str, message_id: str, date: datetime
) -> str:
    """Return who writes to whom of what, when; ``date`` is aware. Raises Refused."""
    offset = date.utcoffset()
    if offset is None:
        raise ValueError(f"expected an aware date; got {date!r}")
    if not _MAILBOX.fullmatch(to.typed):
        raise _refusal("To", "one address", to.typed)
    if not (identity := _MESSAGE_ID.fullmatch(message_id)):
        raise _refusal("Message-ID", "an id such as <1.2@example.org>", message_id)
    return (
        f"{mailbox_header('From', from_)}"
        f"To: {to.typed}\r\n"
        f"{text_header('Subject', subject)}"
        f"Date: {_format_date(date, offset)}\r\n"
        f"Message-ID: <{identity[1]}>\r\n"
    )


@lru_cache(maxsize=64)
def _format_date(date: datetime, _offset: timedelta) -> str:
    return format_datetime(date)  # one instant is the same key in every zone, but for its offset


def unsubscribe_headers(url: str, mailto: str = "") -> str:
    """Return what lets a mail program leave the list by one POST (RFC 2369, RFC 8058).

    Raises Refused.
    """
    mail_too = f",\r\n {_in_brackets('List-Unsubscribe', mailto, _MAILTO)}" if mailto else ""
    return (
        f"List-Unsubscribe: {_in_brackets('List-Unsubscribe', url, _URL)}{mail_too}\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def list_headers(mailing_list: MailingList) -> str:
    """Return what every mail of the list has, what it lacks left out. Raises Refused."""
    feedback_id = mailing_list.feedback_id
    if feedback_id and not _FEEDBACK_ID.fullmatch(feedback_id):
        raise _refusal(
            "Feedback-ID", "two to four fields such as weekly-12:digest:letters", feedback_id
        )
    # The name is left out where it would have to be encoded: what is a List-* header stays plain.
    name = _phrase("List-Id", mailing_list.name)
    plain = [] if any(word.startswith("=?") for word in name) else name
    return (
        f"{mailbox_header('Reply-To', mailing_list.reply_to) if mailing_list.reply_to else ''}"
        "MIME-Version: 1.0\r\n"
        f"{fold('List-Id', [*plain, _in_brackets('List-Id', mailing_list.list_id, _LIST_ID)])}"
        f"{fold('Feedback-ID', [feedback_id]) if feedback_id else ''}"
        f"{AUTOMATIC}"
        "Precedence: bulk\r\n"
        f"{_address_headers(mailing_list)}"
    )


def _address_headers(mailing_list: MailingList) -> str:
    owner = f"mailto:{mailing_list.owner}" if mailing_list.owner else ""
    named = (
        ("List-Help", mailing_list.help_url, _URL),
        ("List-Owner", owner, _MAILTO),
        ("List-Archive", mailing_list.archive_url, _URL),
        ("Archived-At", mailing_list.web_url, _URL),
    )
    return "".join(
        f"{name}: {_in_brackets(name, address, shape)}\r\n"
        for name, address, shape in named
        if address
    )


def part_headers(subtype: str) -> str:
    """Return how a part of text begins, up to its own first line."""
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _in_brackets(name: str, value: str, shape: re.Pattern[str]) -> str:
    if not shape.fullmatch(value):
        raise _refusal(name, "an address in plain ASCII, without spaces", value)
    return f"<{value}>"


@lru_cache(maxsize=256)
def text_header(name: str, text: str) -> str:
    """Return a header of free text, encoded only where it must be. Raises Refused."""
    if _WORDS.fullmatch(text) and "=?" not in text:
        return fold(name, text.split(" "))
    return fold(name, _encode_words(_one_line(name, text)))


@lru_cache(maxsize=256)
def mailbox_header(name: str, mailbox: Mailbox) -> str:
    """Return a header of one mailbox, its address in ASCII. Raises Refused."""
    display, address = mailbox
    if not _MAILBOX.fullmatch(address) or not address.isascii():
        raise _refusal(name, "one address in ASCII", address)
    words = _phrase(name, display)
    return fold(name, [*words, f"<{address}>"] if words else [address])


def _phrase(name: str, text: str) -> list[str]:
    """Return a display name as words: as it is, quoted, or encoded (RFC 5322 section 3.2.5)."""
    single = re.sub(" +", " ", _one_line(name, text)).strip(" ")
    if "=?" not in single and _ATOMS.fullmatch(single):
        return single.split(" ")
    quoted = re.sub(r'([\\"])', r"\\\1", single)
    if "=?" not in single and len(quoted) < _WORD and _WORDS.fullmatch(single):
        return [f'"{quoted}"']
    return _encode_words(single)


def _one_line(name: str, text: str) -> str:
    if _CONTROLS.search(text):
        raise _refusal(name, "one line of text without control characters", text)
    return text


def _encode_words(text: str) -> list[str]:
    """Return the text as few encoded words, none of which splits a character (RFC 2047)."""
    escaped = ((_escape(character), len(_escape(character))) for character in text)
    quoted = [f"=?utf-8?q?{part}?=" for part in _pack(escaped, _ENCODED)]
    sized = ((character, len(character.encode())) for character in text)
    parts = [base64.b64encode(part.encode()) for part in _pack(sized, _ENCODED // 4 * 3)]
    return min(quoted, [f"=?utf-8?b?{part.decode()}?=" for part in parts], key=len)


def _escape(character: str) -> str:
    if character == " ":
        return "_"
    return (
        character
        if character in _SAFE
        else "".join(f"={octet:02X}" for octet in character.encode())
    )


def _pack(sized: Iterable[tuple[str, int]], room: int) -> Iterator[str]:
    """Yield the texts joined, as many together as there is room for."""
    taken, used = "", 0
    for text, size in sized:
        if used + size > room:
            yield taken
            taken, used = "", 0
        taken += text
        used += size
    if taken:
        yield taken


def fold(name: str, words: Iterable[str]) -> str:
    """Return the header with a line break between words wherever a line would be too long."""
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _FOLD and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def _refusal(header: str, expected: str, got: str) -> Refused:
    return Refused(
        Problem(
            code="mail.header",
            path=header,
            expected=expected,
            got=repr(got[:120]),
            hint="Mend the value where it is set; no mail was made.",
        ),
    )
