"""Judgement about whom mail can reach: pure, and the only place that knows what an address is."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from functools import lru_cache

import idna

from publisher.model import Address

_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1
_ADDRESS_OCTETS = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 less its two brackets
_READ_AT_MOST = 1000
"""Characters looked at: what is longer is refused before any of it is normalised."""

_INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width characters that pasted text brings along at its ends."""
_JOINERS = "\u200c\u200d"
"""Needed inside some scripts' domain names, where IDNA checks their context."""

_ATOM = r"[^\x00-\x20\x7f()<>@,;:\\\"\[\].]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PLAIN_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_DOMAIN = re.compile(rf"(?:{_PLAIN_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")

_RESERVED = frozenset(
    {"example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"},
)
_ROLES = frozenset(
    {
        "abuse",
        "autoreply",
        "bounce",
        "bounces",
        "complaint",
        "complaints",
        "daemon",
        "devnull",
        "donotreply",
        "fbl",
        "hostmaster",
        "mailerdaemon",
        "nobody",
        "noc",
        "noreply",
        "postmaster",
        "root",
        "spam",
        "unsubscribe",
        "usenet",
        "uucp",
    },
)


def parse_address(text: str) -> Address:
    """Return the address that the text is, once spaces around it are trimmed.

    The local part stays as typed (NFC; dots and +tags are not folded), the domain becomes lower-case
    A-labels (UTS 46).

    Raises:
        ValueError: it is no single address; the message is a plain sentence that says what was
            expected and what was got (RFC 5321 section 4.1.2 without quoted forms, RFC 6531).
    """
    trimmed = _trim(text)
    local, domain = _split(trimmed)
    if not _DOT_ATOM.fullmatch(local):
        raise _refusal("a name before the @ without quotes, brackets or stray dots", trimmed)
    if len(local.encode()) > _LOCAL_OCTETS:
        raise _refusal(f"at most {_LOCAL_OCTETS} bytes before the @", trimmed)
    try:
        encoded = _encode_domain(domain)
    except UnicodeError:
        raise _refusal("a domain such as example.org after the @", trimmed) from None
    typed = f"{local}@{encoded}"
    if len(typed.encode()) > _ADDRESS_OCTETS:
        raise _refusal(f"at most {_ADDRESS_OCTETS} bytes in all", trimmed)
    key = f"{_fold(local)}@{encoded}"
    return Address(typed=typed, key=typed if key == typed else key)


def is_role_address(address: Address) -> bool:
    """Tell whether a duty or a machine reads this mailbox, and nobody who subscribes.

    RFC 2142 names some. ``info@`` and the like are read by people and count as readers.
    """
    local = address.key.rpartition("@")[0]
    return re.sub(r"[-_.]", "", re.split(r"[+=]", local)[0]) in _ROLES


def is_reserved(address: Address) -> bool:
    """Tell whether the domain exists for examples and tests only (RFC 2606, RFC 6761)."""
    labels = address.key.rpartition("@")[2].split(".")
    return labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED


def mask(address: Address) -> str:
    """Return the address as logs and lists show it: ``a•••@example.org``."""
    local, _, domain = address.typed.rpartition("@")
    return f"{local[0]}•••@{domain}"


def _trim(text: str) -> str:
    """Return the text in NFC without spaces around it; refuse what cannot be seen inside."""
    if len(text) > _READ_AT_MOST:
        raise _refusal(f"at most {_ADDRESS_OCTETS} bytes in all", text)
    trimmed = text.strip(" ")
    if trimmed.isascii() and trimmed.isprintable() and " " not in trimmed:
        return trimmed
    trimmed = unicodedata.normalize("NFC", text.strip("".join(filter(_is_edge, set(text)))))
    for character in trimmed:
        kind = unicodedata.category(character)
        if kind[0] == "Z":
            raise _refusal("an address without spaces inside", trimmed)
        if kind[0] == "C" and character not in _JOINERS:
            raise _refusal("an address on one line, without control characters", trimmed)
    return trimmed


def _is_edge(character: str) -> bool:
    return unicodedata.category(character) == "Zs" or character in _INVISIBLE


def _split(trimmed: str) -> tuple[str, str]:
    if not trimmed:
        raise ValueError("expected an address such as ada@example.org; got nothing")
    if "<" in trimmed or ">" in trimmed:
        raise _refusal("the address alone, without a name or < >", trimmed)
    local, at, domain = trimmed.partition("@")
    if not at or "@" in domain:
        raise _refusal("exactly one @ between a name and a domain", trimmed)
    if not local or _JOINERS[0] in local or _JOINERS[1] in local:
        raise _refusal("a name of visible characters before the @", trimmed)
    return local, domain


@lru_cache(maxsize=65536)
def _encode_domain(domain: str) -> str:
    """Return the domain as lower-case A-labels; raise UnicodeError if it can receive no mail."""
    if "--" not in domain and _PLAIN_DOMAIN.fullmatch(domain):
        return domain.lower()
    encoded = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    top = encoded.rpartition(".")[2]
    if not top or top.isdigit() or ("." not in encoded and encoded not in _RESERVED):
        raise UnicodeError(encoded)
    return encoded


def _fold(local: str) -> str:
    """Return the local part as it is compared: Unicode's canonical caseless match, in NFC."""
    if local.isascii():
        return local.lower()
    decomposed = unicodedata.normalize("NFD", local).casefold()
    return unicodedata.normalize("NFC", decomposed)


def _refusal(expected: str, text: str) -> ValueError:
    visible = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:80])
    ending = "…" if len(text) > 80 else ""  # noqa: PLR2004 - a line of the terminal
    return ValueError(f'expected {expected}; got "{visible}{ending}"')


# ----------------------------------------------------------------------------------- trying again

_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=3)


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: 5 minutes, doubling up to 3 hours.

    Two tries in the first hour, then every two to three (RFC 5321 section 4.5.4.1).
    """
    return min(_FIRST_WAIT * (1 << min(max(attempts, 1) - 1, 16)), _LONGEST_WAIT)
