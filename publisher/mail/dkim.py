"""DKIM signatures (RFC 6376), by RSA and by Ed25519 (RFC 8463) side by side.

A mail bears one signature a key, over the same headers and body, both canonicalised ``relaxed``:
receivers that know only one algorithm find theirs. Every header we write is signed, and what a
reader sees or acts on is oversigned, so that none of it can be added either. Neither algorithm draws chance, and ``t=`` is the
second of the first attempt, so a mail that goes again is the same byte by byte.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from publisher.errors import ConfigError, Problem
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

RSA_BITS = 2048
"""What every receiver takes (RFC 8301); its record still fits one answer of DNS over UDP."""
ED25519_SUFFIX = "-ed25519"
"""What is added to the selector for the second key: a selector holds one key (RFC 6376 3.6.2.2)."""
_LARGEST_RSA_BITS = 4096
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


# ---------------------------------------------------------------------------------------- the keys


def load_signer(domain: str, selector: str, *, rsa_pem: str = "", ed25519_pem: str = "") -> Signer:
    """Return what signs for a domain with one key or both, each a private key in PEM.

    The RSA key has the selector, the other one the selector with ``ED25519_SUFFIX``.

    Raises:
        ConfigError: a key is none, is of the other kind, asks for a pass phrase, or is too small.
    """
    keys = []
    if rsa_pem:
        keys.append(_rsa_key(rsa_pem, selector))
    if ed25519_pem:
        keys.append(_ed25519_key(ed25519_pem, f"{selector}{ED25519_SUFFIX}"))
    return Signer(domain=domain, keys=tuple(keys))


def make_rsa_key() -> bytes:
    """Return a new private key of 2048 bits in PEM."""
    return _as_pem(generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def make_ed25519_key() -> bytes:
    """Return a new private key in PEM."""
    return _as_pem(Ed25519PrivateKey.generate())


def _rsa_key(pem: str, selector: str) -> SigningKey:
    expected = f"an RSA private key of {RSA_BITS} to {_LARGEST_RSA_BITS} bits in PEM"
    private = _load("mail.dkim.rsa_key", pem, expected)
    if not isinstance(private, RSAPrivateKey):
        raise _wrong("mail.dkim.rsa_key", expected, "a key of another kind")
    if not RSA_BITS <= private.key_size <= _LARGEST_RSA_BITS:
        raise _wrong("mail.dkim.rsa_key", expected, f"one of {private.key_size} bits")
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    padding, digest = PKCS1v15(), hashes.SHA256()
    return SigningKey(
        algorithm="rsa-sha256",
        selector=selector,
        record=f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode('ascii')}",
        sign=lambda data: private.sign(data, padding, digest),
    )


def _ed25519_key(pem: str, selector: str) -> SigningKey:
    expected = "an Ed25519 private key in PEM"
    private = _load("mail.dkim.ed25519_key", pem, expected)
    if not isinstance(private, Ed25519PrivateKey):
        raise _wrong("mail.dkim.ed25519_key", expected, "a key of another kind")
    public = private.public_key().public_bytes_raw()
    return SigningKey(
        algorithm="ed25519-sha256",
        selector=selector,
        record=f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode('ascii')}",
        # What is signed is the hash: RFC 8463 section 3.
        sign=lambda data: private.sign(hashlib.sha256(data).digest()),
    )


def _load(key: str, pem: str, expected: str) -> object:
    try:
        return serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise _wrong(key, expected, "one that asks for a pass phrase") from None
    except (ValueError, UnsupportedAlgorithm):  # their words may quote the key
        raise _wrong(key, expected, "something else") from None


def _wrong(key: str, expected: str, got: str) -> ConfigError:
    return ConfigError(
        Problem(
            code="config.dkim",
            path=key,
            expected=expected,
            got=got,
            hint="publisher dns --make-keys makes a pair that fits.",
        )
    )


def _as_pem(private: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
