"""DKIM signatures (RFC 6376), by RSA and by Ed25519 (RFC 8463) side by side.

A mail bears one signature a key, over the same headers and body, both canonicalised ``relaxed``:
receivers that know only one algorithm find theirs. Every header we write is signed, and what a
reader sees or acts on is oversigned, so that none of it can be added either. Neither algorithm draws
chance, and ``t=`` is the second of the first attempt, so a mail that goes again is the same byte by
byte.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.mail.headers import fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

OVERSIGNED = (
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
"""What is signed, and cannot be added either (RFC 6376 section 8.15): what readers see and act on.

Both List-Unsubscribe headers are among them, as RFC 8058 section 4 demands.
"""
SIGNED = (
    *OVERSIGNED,
    "List-Id",
    "List-Help",
    "List-Owner",
    "List-Archive",
    "Archived-At",
    "Feedback-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Precedence",
)
"""Everything that is signed where it is there; some relays add a Feedback-ID of their own above."""

_CHUNK = 72
"""Octets of a signature, or of names, that find room on a line."""

_SIGNED_LOW = tuple(name.lower().encode() for name in SIGNED)
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_SPACE = re.compile(rb"[ \t]+")
_LINE_END = re.compile(rb"[ \t]+(?=\r\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One private key, and what the world is told of it."""

    algorithm: str
    """As ``a=`` names it: ``rsa-sha256`` or ``ed25519-sha256``."""
    selector: str
    record: str
    """What its TXT record says (RFC 6376 section 3.6.1)."""
    sign: Callable[[bytes], bytes]
    """Returns the signature of what the headers are canonicalised to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs mails in the name of a domain."""

    domain: str
    keys: tuple[SigningKey, ...]

    def sign(self, head: bytes, relaxed_body: bytes, *, at: datetime) -> bytes:
        """Return the DKIM-Signature headers that go before the head, one a key.

        The body is as ``relax_body`` returns it; ``at`` is the second the signature is dated by.
        The same arguments give the same bytes. Raises ValueError for a header that is there twice.
        """
        fields = _relaxed_fields(head)
        spelled = _spell_names(frozenset(fields))
        signed = b"".join([fields[name] for name in _SIGNED_LOW if name in fields])
        body_hash = base64.b64encode(hashlib.sha256(relaxed_body).digest()).decode("ascii")
        return b"".join(
            _signature(key, self.domain, int(at.timestamp()), spelled, body_hash, signed)
            for key in self.keys
        )


def _signature(
    key: SigningKey,
    domain: str,
    second: int,
    spelled: tuple[str, ...],
    body_hash: str,
    signed: bytes,
) -> bytes:
    """Return one header: its own relaxed form is its words with a space between."""
    words = [
        "v=1;",
        f"a={key.algorithm};",
        "c=relaxed/relaxed;",
        f"d={domain};",
        f"s={key.selector};",
        f"t={second};",
        *spelled,
        f"bh={body_hash};",
    ]
    own = f"dkim-signature:{' '.join([*words, 'b='])}".encode("ascii")
    made = base64.b64encode(key.sign(signed + own)).decode("ascii")
    chunks = [made[at : at + _CHUNK] for at in range(0, len(made), _CHUNK)]
    return fold("DKIM-Signature", [*words, f"b={chunks[0]}", *chunks[1:]]).encode("ascii")


@lru_cache(maxsize=64)
def _spell_names(there: frozenset[bytes]) -> tuple[str, ...]:
    """Return the tag ``h=`` in words that fit a line, oversigned names once more than they are there."""
    named = [
        name
        for name in SIGNED
        for _ in range((name.lower().encode() in there) + (name in OVERSIGNED))
    ]
    words = [f"h={named[0]}"]
    for name in named[1:]:
        words[-1] += ":"
        if len(words[-1]) + len(name) > _CHUNK:
            words.append("")
        words[-1] += name
    words[-1] += ";"
    return tuple(words)


def _relaxed_fields(head: bytes) -> dict[bytes, bytes]:
    """Return each header by its name in lower case, canonicalised (RFC 6376 section 3.4.2)."""
    fields: dict[bytes, bytes] = {}
    unfolded = _FOLD.sub(b"", head)
    for line in _SPACE.sub(b" ", unfolded).split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        low = name.lower()
        if low in fields:
            raise ValueError(f"the header {name.decode()} is there twice")
        fields[low] = b"%s:%s\r\n" % (low, value.strip(b" "))
    return fields


def relax_body(octets: bytes) -> bytes:
    """Return whole lines of a body as they are hashed (RFC 6376 section 3.4.4).

    A body that ends in an empty line would lose it; ours end in a boundary.
    """
    if b"  " not in octets and b"\t" not in octets and b" \r" not in octets:
        return octets
    return _LINE_END.sub(b"", _SPACE.sub(b" ", octets))
