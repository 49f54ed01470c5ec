"""Addresses, consent and subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SubscriberState(StrEnum):
    """Whether a person is mailed."""

    PENDING = "pending"  # asked, not confirmed
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An email address that can be mailed: as typed, and as it is compared."""

    typed: str
    """With the domain as A-labels; what goes on the wire."""
    key: str
    """Lower-case A-label domain and case-folded local part: unique."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Proof that a person asked for this."""

    wording: str
    source: str
    requested_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person at an address."""

    id: int
    address: Address
    state: SubscriberState
    subscribed_at: datetime
    confirmed_at: datetime | None
    source: str = ""
    discreet: bool = False
    digests: tuple[str, ...] = ()
    """The digests chosen; empty means every one."""
    series: tuple[str, ...] = ()
    """The series left out."""
    plain_text: bool = False
    paused_until: datetime | None = None
    unsubscribed_at: datetime | None = None
