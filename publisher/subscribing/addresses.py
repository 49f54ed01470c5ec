"""An address as people type it, as we know it, and as we keep it when they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import deliverability, tokens
from publisher.errors import Problem, UsageError
from publisher.store import subscribers

if TYPE_CHECKING:
    from publisher.model import Address, Subscriber
    from publisher.store import Store, Transaction


def read_address(text: str) -> Address:
    """Return the address; raises UsageError saying what is wrong with it."""
    try:
        return deliverability.parse_address(text)
    except ValueError as error:
        raise UsageError(
            Problem(
                code="subscriber.address",
                path="address",
                expected="an email address such as anna@example.org",
                got=f"{text!r}: {error}",
                hint="Nobody was added.",
            )
        ) from error


def find_by_address(store: Store, address: Address) -> Subscriber | None:
    """Return the person at an address."""
    with store.read() as tx:
        return subscribers.read_by_key(tx, address.key)


def hash_address(tx: Transaction, address: Address) -> str:
    """Return the keyed hash that a suppression knows the address by."""
    return tokens.keyed_hash(subscribers.load_keys(tx, "pepper")[0], address.key)


def nobody(address_text: str) -> Problem:
    """Return what is said where nobody is at an address."""
    return Problem(
        code="subscriber.unknown",
        path=address_text,
        expected="somebody at this address",
        got="nobody",
        hint="publisher subscribers ls lists everyone. Nothing was changed.",
    )
