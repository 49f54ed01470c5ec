"""Letters and notices to whole mails: text first, HTML last, the same bytes every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from publisher.mail.dkim import relax_body
from publisher.mail.headers import (
    AUTOMATIC,
    Mailbox,
    MailingList,
    list_headers,
    mailbox_header,
    part_headers,
    personal_headers,
    unsubscribe_headers,
)
from publisher.mail.quoting import (
    TOKENS,
    quote,
    quote_around_slots,
    quote_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from publisher.mail.dkim import Signer
    from publisher.model import Address, Letter, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLetter:
    """A letter as bytes, but for the places that differ from reader to reader."""

    headers: bytes
    """What every mail of the letter has, the last of the headers."""
    discreet_headers: bytes
    """The same for discreet readers."""
    segments: tuple[bytes, ...]
    """The body in pieces, the last of which ends the mail."""
    relaxed: tuple[bytes, ...]
    """The same pieces as DKIM hashes them; the very same objects where nothing differs."""
    slots: tuple[int, ...]
    """Which of the reader's values stands after each segment but the last."""
    is_plain: bool
    """Whether its lines all end in CRLF and none begins with a dot."""
    html_octets: int
    """The size of the HTML part as UTF-8; Gmail clips what is longer than 102,400."""


def compile_letter(
    letter: Letter,
    *,
    mailing_list: MailingList,
    discreet_list: MailingList | None = None,
    text_only: bool = False,
) -> CompiledLetter:
    """Return the letter as multipart/alternative, text first, open at its slots; or as text alone.

    ``discreet_list`` is what mails to discreet readers say of the list; without one it is the same
    list, its places on the web left out. The boundary grows from the letter, so the same letter
    gives the same bytes; it begins with ``=_``, which quoted-printable never holds (RFC 2045
    section 6.7).

    Raises:
        Refused: a header of the list would not be what its RFC asks for.
    """
    discreet = discreet_list or replace(mailing_list, archive_url="", web_url="")
    boundary = _boundary(letter.text, letter.html)
    text = quote_around_slots(letter.text, 0)
    pieces: list[str | int] = (
        [*text, *([] if letter.text.endswith("\n") else ["\r\n"])]
        if text_only
        else _parts(boundary, text, quote_around_slots(letter.html, len(TOKENS)))
    )
    kind = part_headers("plain").removesuffix("\r\n") if text_only else _multipart(boundary)
    segments = tuple(_join_between_slots(pieces))
    relaxed = tuple(map(relax_body, segments))
    return CompiledLetter(
        headers=f"{list_headers(mailing_list)}{kind}".encode(),
        discreet_headers=f"{list_headers(discreet)}{kind}".encode(),
        segments=segments,
        relaxed=segments if relaxed == segments else relaxed,
        slots=tuple(piece for piece in pieces if isinstance(piece, int)),
        is_plain=all(map(_is_plain, segments)),
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
    signer: Signer | None = None,
) -> bytes:
    """Return the letter addressed to one reader: the same values give the same bytes.

    They are as plain as the letter is: a quoted value has no other lines, and headers never do.
    The headers are ASCII, unless the address is not: such mail needs SMTPUTF8 anyway (RFC 6532).
    ``date`` is aware, and what a signature is dated by. A discreet reader's headers are those of
    the discreet list.

    Raises:
        Refused: a header would break, or not be what its RFC asks for.
    """
    filled = (unsubscribe_url, preferences_url, reason, preheader)
    values = quote_values(filled)
    head = b"".join(
        (
            personal_headers(to, from_, subject, message_id, date).encode(),
            unsubscribe_headers(unsubscribe_url, unsubscribe_mailto).encode(),
            compiled.discreet_headers if discreet else compiled.headers,
        ),
    )
    body = _fill(compiled.segments, compiled.slots, values)
    if signer is None:
        return b"".join((head, b"\r\n", *body))
    relaxed = _fill(compiled.relaxed, compiled.slots, tuple(map(relax_body, values)))
    signatures = signer.sign(head, b"".join(relaxed), at=date)
    return b"".join((signatures, head, b"\r\n", *body))


def _is_plain(piece: bytes) -> bool:
    """Tell whether a piece keeps a mail plain wherever it stands (RFC 5321 sections 2.3.8, 4.5.2)."""
    breaks = piece.count(b"\r\n")
    return (
        piece.count(b"\r") == piece.count(b"\n") == breaks
        and not piece.startswith((b".", b"\n"))
        and b"\r\n." not in piece
    )


def compose_notice(
    notice: Notice,
    *,
    to: Address,
    from_: Mailbox,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
    unsubscribe_url: str = "",
    signer: Signer | None = None,
) -> bytes:
    """Return a notice addressed to one person: the same values give the same bytes.

    ``date`` is aware, and what a signature is dated by. It is from no list; ``unsubscribe_url`` is
    for a notice to somebody who is on one, such as a welcome.

    Raises:
        Refused: a header would break, or not be what its RFC asks for.
    """
    boundary = _boundary(notice.text, notice.html)
    head = "".join(
        (
            personal_headers(to, from_, notice.subject, message_id, date),
            unsubscribe_headers(unsubscribe_url) if unsubscribe_url else "",
            mailbox_header("Reply-To", reply_to) if reply_to else "",
            "MIME-Version: 1.0\r\n",
            AUTOMATIC,
            _multipart(boundary),
        ),
    ).encode()
    pieces = _parts(boundary, [quote(notice.text)], [quote(notice.html)])
    body = b"".join(_join_between_slots(pieces))
    signatures = signer.sign(head, relax_body(body), at=date) if signer else b""
    return b"".join((signatures, head, b"\r\n", body))


def _boundary(text: str, page: str) -> str:
    return f"=_{hashlib.sha256(f'{text}{page}'.encode(errors='replace')).hexdigest()[:24]}"


def _multipart(boundary: str) -> str:
    return (
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'
        # What it is anyway; said, so that no relay says it and breaks the signature.
        "Content-Transfer-Encoding: 7bit\r\n"
    )


def _parts(boundary: str, text: Iterable[str | int], page: Iterable[str | int]) -> list[str | int]:
    return [
        f"--{boundary}\r\n",
        part_headers("plain"),
        *text,
        f"\r\n--{boundary}\r\n",
        part_headers("html"),
        *page,
        f"\r\n--{boundary}--\r\n",
    ]


def _join_between_slots(pieces: Iterable[str | int]) -> Iterator[bytes]:
    run = ""
    for piece in pieces:
        if isinstance(piece, int):
            yield run.encode("ascii")
            run = ""
        else:
            run += piece
    yield run.encode("ascii")


def _fill(segments: Sequence[bytes], slots: Sequence[int], values: Sequence[bytes]) -> list[bytes]:
    """Return the pieces of a body in turn, each slot filled."""
    filled = zip(map(values.__getitem__, slots), segments[1:], strict=True)
    return [segments[0], *chain.from_iterable(filled)]
