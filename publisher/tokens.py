"""Tokens for links: who a link is for and proof that we made it, in 32 characters and no address.

A token is 24 octets in urlsafe base64 (RFC 4648 section 5), which needs no padding and has no
spare bits, so each token has exactly one spelling::

    version 1 | purpose 1 | key id 2 | subscriber id 8 | MAC 12

The MAC is HMAC-SHA256, cut to 96 bits, over the first 12 octets and the whole name of the purpose.
``https://`` with a host of 25 characters, ``/u/`` and a token are 68 octets: a header keeps them
on one line.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = 1
_INERT_VERSION = 0
_HEAD = struct.Struct(">BcHQ")
_MAC_OCTETS = 12
_LABEL = b"publisher token\0"
_SHAPE = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_MAILBOX_SHAPE = re.compile(r"[A-Za-z2-7]{39}", re.ASCII)
_PAIRS = tuple(map("".join, product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)))
"""Ten bits in base32: the standard library takes it octet by octet, which a sender would feel."""
_LARGEST_ID = 2**63 - 1
_LARGEST_KEY_ID = 2**16 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A secret of the site and what it is for; a retired one still verifies."""

    id: int
    """From 0 to 65,535."""
    purpose: str
    """A lower-case word: ``link``, ``bounce``, ``form``, ``session`` or ``pepper``, or one that a
    key is lent for."""
    secret: bytes = field(repr=False)
    retired: bool = False


def make(key: Key, subscriber_id: int) -> str:
    """Return the one token of this key for this id, 32 characters of ``A-Z a-z 0-9 - _``.

    The same key and id give the same token for ever, so a mail that is sent again is the same
    octet by octet; that is why a retired key still makes tokens. An id beyond 0 to 2**63 - 1, or a
    key id beyond 16 bits, raises ValueError.
    """
    if not 0 <= subscriber_id <= _LARGEST_ID:
        raise ValueError(f"a token holds an id from 0 to 2**63 - 1, not {subscriber_id}")
    if not 0 <= key.id <= _LARGEST_KEY_ID:
        raise ValueError(f"a token holds a key id from 0 to {_LARGEST_KEY_ID}, not {key.id}")
    head = _HEAD.pack(_VERSION, _mark(key.purpose), key.id, subscriber_id)
    return base64.urlsafe_b64encode(head + _mac(key, head)).decode("ascii")


def read(token: str, keys: Iterable[Key], purpose: str) -> int | None:
    """Return the id a token was made for, or nothing where we did not make it for this purpose.

    Every other spelling fails: a changed character, padding, another purpose, an unknown key.
    """
    if not _SHAPE.fullmatch(token):
        return None
    octets = base64.urlsafe_b64decode(token)
    head, mac = octets[: _HEAD.size], octets[_HEAD.size :]
    version, mark, key_id, subscriber_id = _HEAD.unpack(head)
    if (version, mark) != (_VERSION, _mark(purpose)):
        return None
    for key in keys:
        if (key.id, key.purpose) == (key_id, purpose) and hmac.compare_digest(
            _mac(key, head), mac
        ):
            return int(subscriber_id)
    return None


def lend(keys: Iterable[Key], purpose: str) -> tuple[Key, ...]:
    """Return the keys for another purpose: a proof covers its word, so neither opens the other's."""
    return tuple(replace(key, purpose=purpose) for key in keys)


def inert(purpose: str) -> str:
    """Return a token of the usual shape that no key verifies: for previews and test mails."""
    head = _HEAD.pack(_INERT_VERSION, _mark(purpose), 0, 0)
    return base64.urlsafe_b64encode(head + bytes(_MAC_OCTETS)).decode("ascii")


def as_mailbox(token: str) -> str:
    """Return a token's spelling for a mail address, 39 characters of ``a-z 2-7``.

    Local parts lose their case on the way (RFC 5321 section 2.4 notwithstanding), so a return path
    ``b+TOKEN@`` carries base32 (RFC 4648 section 6), in lower case and without padding.
    """
    bits = int.from_bytes(base64.urlsafe_b64decode(token), "big") << 8  # 40 letters of five bits
    return "".join([_PAIRS[bits >> at & 0x3FF] for at in range(190, -1, -10)])[:-1]


def from_mailbox(text: str) -> str:
    """Return the token a mail address carries in any case; "" where it carries none."""
    if not _MAILBOX_SHAPE.fullmatch(text):
        return ""
    octets = base64.b32decode(text.upper() + "=")
    token = base64.urlsafe_b64encode(octets).decode("ascii")
    return token if as_mailbox(token) == text.lower() else ""


def mail_mark(pepper: Key, edition_id: int, subscriber_id: int) -> str:
    """Return what the Message-ID of one delivery has before its domain, 24 hexadecimal digits.

    The pepper never rotates, so a mail sent again keeps it, and a bounce names its edition by it.
    """
    return keyed_hash(pepper, f"mail {edition_id}:{subscriber_id}")[:24]


def keyed_hash(key: Key, text: str) -> str:
    """Return 64 hexadecimal digits, HMAC-SHA256 of the text: it names an address and hides it."""
    return _digest(key.secret, text.encode()).hex()


def _mark(purpose: str) -> bytes:
    """Return the purpose's first letter: it tells tokens apart by eye; the MAC covers the word."""
    return purpose[:1].encode("ascii")


def _mac(key: Key, head: bytes) -> bytes:
    message = _LABEL + key.purpose.encode("ascii") + b"\0" + head
    return _digest(key.secret, message)[:_MAC_OCTETS]


def _digest(secret: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256 (RFC 2104).

    ``hmac.digest`` would let another thread run, too often for a sender; and a mail needs three.
    """
    begun_inner, begun_outer = _begin(secret)
    inner, outer = begun_inner.copy(), begun_outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _begin(secret: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    block = hashlib.sha256().block_size
    key = secret if len(secret) <= block else hashlib.sha256(secret).digest()
    padded = key.ljust(block, b"\0")
    inner, outer = (bytes(octet ^ mask for octet in padded) for mask in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)
