"""The private keys that mails are signed with: the only place that knows how a signature is made.

A site without keys of its own never loads it.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from publisher.errors import ConfigError, Problem
from publisher.mail.dkim import Signer, SigningKey

RSA_BITS = 2048
"""What every receiver takes (RFC 8301); its record still fits one answer of DNS over UDP."""
ED25519_SUFFIX = "-ed25519"
"""What is added to the selector for the second key: a selector holds one key (RFC 6376 3.6.2.2)."""
_LARGEST_RSA_BITS = 4096


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
