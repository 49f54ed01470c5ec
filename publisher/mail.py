"""Mail: the bytes that go on the wire, compiled once a letter and joined once a reader.

A letter becomes segments of quoted-printable around its open places; a mail is its headers and the
join of the segments with the reader's values. There is no MIME object and no template per reader.
The headers are written here too: the standard library turns a long List-Unsubscribe into encoded
words, which no mail program follows.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from publisher.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from publisher.model import Address, Letter

_TOKENS = ("@@UNSUBSCRIBE_URL@@", "@@PREFERENCES_URL@@", "@@REASON@@", "@@PREHEADER@@")
_TOKEN = re.compile("|".join(_TOKENS).join("()"))

_LINE = 75
"""Octets of a quoted line before its soft break (RFC 2045 section 6.7: 76 with it)."""
_FOLD = 76
"""Octets of a header line: what RFC 2047 section 2 allows, two less than RFC 5322 section 2.1.1."""
_ENCODED = 52
"""Octets of text in an encoded word: with the rest of it and the field's name it fits one line."""
_WORD = 60
"""Octets of a plain word that always finds room on a folded line."""

_PLAIN = re.compile(rf"(?!\.|From )[ -<>-~]{{0,{_LINE - 1}}}[!-<>-~]")
"""A line that is its own quoted-printable."""
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
    reply_to: Mailbox | None = None
    feedback_id: str = ""
    """``edition:kind:list:sender`` for a feedback loop; never a person; the sender is 5 to 15 long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLetter:
    """A letter as bytes, but for the places that differ from reader to reader."""

    headers: bytes
    """What every mail of the letter has."""
    archive_headers: bytes
    """What names its place on the web: not for discreet readers."""
    segments: tuple[bytes, ...]
    """The body in pieces; the first begins with its Content-Type, the last ends the mail."""
    slots: tuple[int, ...]
    """Which of the reader's values stands after each segment but the last."""
    html_octets: int
    """The size of the HTML part as UTF-8; Gmail clips what is longer than 102,400."""


def compile_letter(letter: Letter, *, mailing_list: MailingList) -> CompiledLetter:
    """Return the letter as multipart/alternative, text first, open at its slots.

    The boundary grows from the letter, so the same letter gives the same bytes; it begins with
    ``=_``, which quoted-printable never holds (RFC 2045 section 6.7).

    Raises:
        Refused: a header of the list would not be what its RFC asks for.
    """
    boundary = f"=_{hashlib.sha256(f'{letter.text}{letter.html}'.encode(errors='replace')).hexdigest()[:24]}"
    pieces: list[str | int] = [
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n--{boundary}\r\n',
        _part_headers("plain"),
        *_quote_around_slots(letter.text, 0),
        f"\r\n--{boundary}\r\n",
        _part_headers("html"),
        *_quote_around_slots(letter.html, len(_TOKENS)),
        f"\r\n--{boundary}--\r\n",
    ]
    return CompiledLetter(
        headers=_list_headers(mailing_list).encode(),
        archive_headers=_archive_headers(mailing_list).encode(),
        segments=tuple(_join_between_slots(pieces)),
        slots=tuple(piece for piece in pieces if isinstance(piece, int)),
        html_octets=len(letter.html.encode(errors="replace")),
    )


def compose(
    compiled: CompiledLetter,
    *,
    to: Address,
    from_: Mailbox,
    subject: str,
    preheader: str,
    reason: str,
    unsubscribe_url: str,
    preferences_url: str,
    message_id: str,
    date: datetime,
    unsubscribe_mailto: str = "",
    discreet: bool = False,
) -> bytes:
    """Return the letter addressed to one reader: the same values give the same bytes.

    The headers are ASCII, unless the address is not: such mail needs SMTPUTF8 anyway (RFC 6532).
    ``date`` is aware. A discreet reader's headers do not say where the edition is on the web.

    Raises:
        Refused: a header would break, or not be what its RFC asks for.
    """
    filled = (unsubscribe_url, preferences_url, reason, preheader)
    values = (*map(_quote_value, filled), *map(_quote_html_value, filled))
    return b"".join(
        (
            _personal_headers(to, from_, subject, message_id, date).encode(),
            _unsubscribe_headers(unsubscribe_url, unsubscribe_mailto).encode(),
            compiled.headers,
            b"" if discreet else compiled.archive_headers,
            compiled.segments[0],
            *chain.from_iterable(
                zip(map(values.__getitem__, compiled.slots), compiled.segments[1:], strict=True),
            ),
        ),
    )


def notice_mail(
    *,
    to: Address,
    from_: Mailbox,
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
) -> bytes:
    """Return a notice: text alone, from no list; ``date`` is aware.

    Raises:
        Refused: a header would break, or not be what its RFC asks for.
    """
    parts = (
        _personal_headers(to, from_, subject, message_id, date),
        _mailbox_header("Reply-To", reply_to) if reply_to else "",
        "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n",  # RFC 3834
        _part_headers("plain"),
        _quote(_end_lines(text).rstrip("\n") + "\n"),
    )
    return "".join(parts).encode()


# ------------------------------------------------------------------------------------- headers


def _personal_headers(
    to: Address, from_: Mailbox, subject: str, message_id: str, date: datetime
) -> str:
    if date.utcoffset() is None:
        raise ValueError(f"expected an aware date; got {date!r}")
    if not _MAILBOX.fullmatch(to.typed):
        raise _refusal("To", "one address", to.typed)
    if not (identity := _MESSAGE_ID.fullmatch(message_id)):
        raise _refusal("Message-ID", "an id such as <1.2@example.org>", message_id)
    return (
        f"{_mailbox_header('From', from_)}"
        f"To: {to.typed}\r\n"
        f"{_text_header('Subject', subject)}"
        f"Date: {format_datetime(date)}\r\n"
        f"Message-ID: <{identity[1]}>\r\n"
    )


def _unsubscribe_headers(url: str, mailto: str) -> str:
    """Return what lets a mail program leave the list by one POST (RFC 2369, RFC 8058)."""
    mail_too = f",\r\n {_in_brackets('List-Unsubscribe', mailto, _MAILTO)}" if mailto else ""
    return (
        f"List-Unsubscribe: {_in_brackets('List-Unsubscribe', url, _URL)}{mail_too}\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def _list_headers(mailing_list: MailingList) -> str:
    feedback_id = mailing_list.feedback_id
    if feedback_id and not _FEEDBACK_ID.fullmatch(feedback_id):
        raise _refusal(
            "Feedback-ID", "two to four fields such as weekly-12:digest:letters", feedback_id
        )
    # The name is left out where it would have to be encoded: what is a List-* header stays plain.
    name = _phrase("List-Id", mailing_list.name)
    plain = [] if any(word.startswith("=?") for word in name) else name
    return (
        f"{_mailbox_header('Reply-To', mailing_list.reply_to) if mailing_list.reply_to else ''}"
        "MIME-Version: 1.0\r\n"
        f"{_fold('List-Id', [*plain, _in_brackets('List-Id', mailing_list.list_id, _LIST_ID)])}"
        f"{_fold('Feedback-ID', [feedback_id]) if feedback_id else ''}"
        "Auto-Submitted: auto-generated\r\n"
        "Precedence: bulk\r\n"
    )


def _archive_headers(mailing_list: MailingList) -> str:
    named = {"List-Archive": mailing_list.archive_url, "Archived-At": mailing_list.web_url}
    return "".join(
        f"{name}: {_in_brackets(name, url, _URL)}\r\n" for name, url in named.items() if url
    )


def _part_headers(subtype: str) -> str:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _in_brackets(name: str, value: str, shape: re.Pattern[str]) -> str:
    if not shape.fullmatch(value):
        raise _refusal(name, "an address in plain ASCII, without spaces", value)
    return f"<{value}>"


@lru_cache(maxsize=256)
def _text_header(name: str, text: str) -> str:
    if _WORDS.fullmatch(text) and "=?" not in text:
        return _fold(name, text.split(" "))
    return _fold(name, _encode_words(_one_line(name, text)))


@lru_cache(maxsize=256)
def _mailbox_header(name: str, mailbox: Mailbox) -> str:
    display, address = mailbox
    if not _MAILBOX.fullmatch(address) or not address.isascii():
        raise _refusal(name, "one address in ASCII", address)
    words = _phrase(name, display)
    return _fold(name, [*words, f"<{address}>"] if words else [address])


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


def _fold(name: str, words: Iterable[str]) -> str:
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


# ------------------------------------------------------------------------------------ the body


def _quote_around_slots(body: str, first_slot: int) -> Iterator[str | int]:
    """Yield quoted text and the numbers of slots in turn.

    A soft break stands between a slot and the text of its line, so that each is encoded apart.
    """
    pieces = _TOKEN.split(_end_lines(body))
    for at, piece in enumerate(pieces):
        if at % 2:
            yield first_slot + _TOKENS.index(piece)
            continue
        is_last = at == len(pieces) - 1
        before = (
            "=\r\n" if at and not piece.startswith("\n") and not (is_last and not piece) else ""
        )
        quoted = before + _quote(piece)
        yield quoted if is_last or not quoted or quoted.endswith("\n") else f"{quoted}=\r\n"


def _join_between_slots(pieces: Iterable[str | int]) -> Iterator[bytes]:
    run = ""
    for piece in pieces:
        if isinstance(piece, int):
            yield run.encode("ascii")
            run = ""
        else:
            run += piece
    yield run.encode("ascii")


def _quote_value(text: str) -> bytes:
    return text.encode() if _PLAIN.fullmatch(text) else _quote_text_value(text)


def _quote_html_value(text: str) -> bytes:
    return _quote_value(html.escape(text))


@lru_cache(maxsize=1024)
def _quote_text_value(text: str) -> bytes:
    return _quote(_end_lines(text)).encode("ascii")


def _quote(text: str) -> str:
    """Return the text as quoted-printable (RFC 2045 section 6.7), its lines ended by CRLF."""
    return "\r\n".join(map(_quote_line, text.split("\n")))


def _quote_line(line: str) -> str:
    if not line or _PLAIN.fullmatch(line):
        return line
    taken, used = [], 0
    for at, character in enumerate(line):
        # A dot or "From " that begins a line is changed by some servers, which breaks signatures.
        begins = not used and (character == "." or line.startswith("From ", at))
        ends = character in " \t" and at == len(line) - 1
        unit = f"={ord(character):02X}" if begins or ends else _quote_character(character)
        if used + len(unit) > _LINE:
            taken.append("=\r\n")
            used = 0
            if character == "." or line.startswith("From ", at):
                unit = f"={ord(character):02X}"
        taken.append(unit)
        used += len(unit)
    return "".join(taken)


@lru_cache(maxsize=4096)
def _quote_character(character: str) -> str:
    if character == "\t" or (" " <= character <= "~" and character != "="):
        return character
    return "".join(f"={octet:02X}" for octet in character.encode(errors="replace"))


def _end_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
