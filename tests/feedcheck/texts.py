"""What is asked of bytes, characters, addresses, dates and plain texts, whatever holds them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.entities import name2codepoint
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 5_000_000
"""The validator reads no further, and few readers do."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No feed is older, so a date before is taken for a mistake."""
CLOCK_SKEW = timedelta(minutes=10)

_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
# C0 less tab and line feed, DEL, C1, what a decoder puts for a byte it cannot read, noncharacters.
_BAD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff"
    + "".join(
        f"{chr((plane << 16) + 0xFFFE)}{chr((plane << 16) + 0xFFFF)}" for plane in range(1, 17)
    )
    + "]"
)
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9;/?:@&=+$.\-_!~*'(),#]|%[0-9A-Fa-f]{2})+\Z"
)
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_TAG_URI = re.compile(r"tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(?:-\d\d){0,2}:[^\s\"<>\\^`{|}]*\Z")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\Z")
_RFC822 = re.compile(
    r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"\d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d\d[03]0|GMT|UT|Z)\Z"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*\Z")
_MIME = re.compile(r"[\w.+!#$&^-]+/[\w.+!#$&^-]+(?:\s*;\s*[\w.+-]+=(?:[\w.+-]+|\"[^\"]*\"))*\Z")
_END_TAG = re.compile(r"</(\w+)>")
_REFERENCE = re.compile(r"&(#?\w+)")
_MAILBOX = re.compile(r"<[\w.'+-]+@(?:[\w-]+\.)+[\w-]+>")
_TAGS_NAMES = (
    "a abbr acronym address area article aside audio b bdi bdo big blockquote body br button "
    "canvas caption center cite code col colgroup data dd del details dfn dialog div dl dt em "
    "embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head "
    "header hgroup hr html i iframe img input ins kbd label legend li link m main map mark menu "
    "meta nav noscript object ol option p param picture pre progress q rp rt ruby s samp script "
    "section select slot small source span strike strong style sub summary sup svg table tbody td "
    "template textarea tfoot th thead time title tr track tt u ul var video wbr"
)
_TAGS = frozenset(_TAGS_NAMES.split())


def parse_xml(data: bytes) -> tuple[etree._Element | None, list[str]]:
    """Return the root element, or nothing where a parser gives up, and what is wrong with the bytes."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [f"UnicodeError: byte {error.start} is no UTF-8"]
    found = list(_bytes(data, text))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, recover=False, huge_tree=True, load_dtd=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return None, [*found, f"SAXError: {error.msg}"]
    if any(has_bad_characters(value) for one in root.iter() for value in _values(one)):
        found.append("BadCharacters: written as references")
    return root, found


def _bytes(data: bytes, text: str) -> Iterator[str]:
    if data.startswith(b"\xef\xbb\xbf"):
        yield "ByteOrderMark: at the beginning"
    elif not data.startswith(_DECLARATION):
        yield f"XmlDeclaration: {data[:60]!r}"
    if b"<![CDATA[" in data:
        yield "CDATA: readers disagree on it"
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        yield "DOCTYPE: readers refuse it"
    if len(data) > MOST_BYTES:
        yield f"ValidatorLimit: {len(data)} bytes"
    if has_bad_characters(text):
        yield f"BadCharacters: {bad_characters(text)!a}"


def _values(one: etree._Element) -> Iterator[str]:
    yield from (one.text or "", one.tail or "", *map(str, one.attrib.values()))


def bad_characters(text: str) -> str:
    """Return the characters that no feed may hold, in their order."""
    return "".join(_BAD.findall(text))


def has_bad_characters(text: str) -> bool:
    """Whether the text holds a control character, half a surrogate pair, or a noncharacter."""
    return bool(_BAD.search(text))


# -------------------------------------------------------------------------------------- addresses


def is_uri(text: str) -> bool:
    """Whether the text is an absolute address of ASCII alone, as RSS and Media RSS want it."""
    if not _URI.match(text):
        return False
    scheme = text.partition(":")[0].lower()
    if scheme in {"http", "https"}:
        return bool(re.match(r"https?://[^/?#:@]", text, re.IGNORECASE))
    if text.lower().startswith("urn:uuid:"):
        return bool(_UUID.match(text.lower()))
    return bool(_TAG_URI.match(text)) if scheme == "tag" else True


def is_iri(text: str) -> bool:
    """Whether the text is an absolute address once its international letters are written in ASCII."""
    with suppress(UnicodeError):
        return is_uri(text.encode("idna").decode())
    return is_uri(text)


def is_canonical(text: str) -> bool:
    """Whether an id is written the one way that programs which normalise addresses would write it."""
    if text.lower().startswith("urn:uuid:"):
        return text == text.lower()
    if not text.lower().startswith(("http:", "https:")):
        return True
    parts = urlsplit(text)
    segments = parts.path.split("/")
    return (
        text.startswith(("http://", "https://"))
        and parts.netloc == parts.netloc.lower()
        and not parts.netloc.endswith((":80", ":443", ":"))
        and parts.path != ""
        and "." not in segments
        and ".." not in segments
        and all(hexed == hexed.upper() for hexed in re.findall(r"%..", text))
    )


def is_language(text: str) -> bool:
    """Whether the text has the form of a language tag (RFC 5646 §2.1)."""
    return bool(_LANGUAGE.match(text))


def is_mime(text: str) -> bool:
    """Whether the text has the form of a media type (RFC 6838 §4.2)."""
    return bool(_MIME.match(text))


# ------------------------------------------------------------------------------------------ dates


def rfc3339(text: str, now: datetime, where: str) -> list[str]:
    """Return what is wrong with a date of Atom or JSON Feed."""
    if not _RFC3339.match(text):
        return [f"InvalidRFC3339Date: {where}: {text!r}"]
    try:
        return _plausible(datetime.fromisoformat(text), now, where)
    except ValueError as error:
        return [f"InvalidRFC3339Date: {where}: {error}"]


def rfc822(text: str, now: datetime, where: str) -> list[str]:
    """Return what is wrong with a date of RSS: RFC 822 with a year of four digits."""
    found = _RFC822.match(text)
    if not found:
        return [f"InvalidRFC2822Date: {where}: {text!r}"]
    try:
        moment = parsedate_to_datetime(text)
    except ValueError as error:
        return [f"InvalidRFC2822Date: {where}: {error}"]
    if found[1] and found[1] != f"{moment:%a}":
        return [f"IncorrectDOW: {where}: {text!r}"]
    return _plausible(moment.replace(tzinfo=moment.tzinfo or UTC), now, where)


def _plausible(moment: datetime, now: datetime, where: str) -> list[str]:
    if EARLIEST <= moment <= now + CLOCK_SKEW:
        return []
    return [f"ImplausibleDate: {where}: {moment.isoformat()}"]


# ------------------------------------------------------------------------------------ plain texts


def plain(text: str, where: str, line: str, *, blank: bool = False) -> list[str]:
    """Return what is wrong with a text that no reader may take for markup.

    ``line`` is the source's line, for references in hexadecimal say that a sign is meant.
    """
    found = [f"ContainsHTML: {where}: {tag}" for tag in _end_tags(text)[:1]]
    if not found and "&#x" not in line and any(map(_is_reference, _REFERENCE.findall(text))):
        found.append(f"ContainsHTML: {where}: {text!r} reads as a reference")
    if not blank and not text.strip():
        found.append(f"NotBlank: {where}")
    if text != text.strip():
        found.append(f"UnexpectedWhitespace: {where}: {text!r}")
    return found


def _end_tags(text: str) -> list[str]:
    return [tag for tag in _END_TAG.findall(text) if tag.lower() in _TAGS]


def _is_reference(name: str) -> bool:
    return name in name2codepoint or name == "apos" or not name.isalpha()


def has_mailbox(text: str) -> bool:
    """Whether the text holds an email address in angle brackets, which collectors look for."""
    return bool(_MAILBOX.search(text))
