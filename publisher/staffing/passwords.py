"""Passwords: argon2id by RFC 9106's second choice, and no rules but length."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from publisher.errors import Problem, UsageError

if TYPE_CHECKING:
    from publisher.model import Address

LEAST: Final = 10
"""Characters."""
MOST: Final = 500

# 64 MiB for each: several at once are more memory than a small machine has to spare.
_AT_ONCE = threading.BoundedSemaphore(2)
_HASHER = PasswordHasher()
_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5IGF0IGFsbCEhIQ"
    "$3x0sVqX1T8Yq7mQ2nKp5rUuWc9LhJd4EoAfGi6Zb0vk"
)
"""What is verified where there is no such account, so that nobody learns of it by the time."""


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def verifies(password: str, kept: str | None) -> bool:
    """Whether it is the password that was kept; it takes as long where none was."""
    if len(password) > MOST:
        return False
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def wants_new_hash(kept: str) -> bool:
    """Whether a kept hash is weaker than those made now."""
    return _HASHER.check_needs_rehash(kept)


def check_password(password: str, address: Address) -> None:
    """Raise UsageError where a password is too easy to guess."""
    if len(password) < LEAST:
        got = f"{len(password)}"
        raise UsageError(
            _weak(f"at least {LEAST} characters", got, "A few words in a row do well.")
        )
    if len(password) > MOST:
        raise UsageError(_weak(f"at most {MOST} characters", f"{len(password)}", ""))
    local = address.key.partition("@")[0]
    if password.casefold() in {address.key, local} or len(set(password)) == 1:
        raise UsageError(_weak("a password that nobody guesses", "a very easy one", ""))


def _weak(expected: str, got: str, hint: str) -> Problem:
    return Problem(code="staff.password", path="password", expected=expected, got=got, hint=hint)
