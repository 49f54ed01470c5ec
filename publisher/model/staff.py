"""The people who operate: their accounts, what each may do, and where they are signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model.people import Address


SIGN_IN_WITHIN: Final = timedelta(minutes=30)
"""How long a mailed link signs its reader in, and such a mail is of use."""


class Role(StrEnum):
    """What a member of staff may do; one person may hold all of them."""

    AUTHOR = "author"  # writes posts
    REVIEWER = "reviewer"  # approves posts
    PUBLISHER = "publisher"  # lets editions go, looks after subscribers
    ADMIN = "admin"  # staff, settings, export


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One person who may sign in to the console."""

    id: int
    address: Address
    name: str
    """What the history, approvals and other staff know them by; no two have the same."""
    credentials: str = ""
    roles: frozenset[Role] = frozenset()
    has_password: bool = False
    made_at: datetime

    @property
    def shown(self) -> str:
        """Return the name with its credentials: ``Ann Lee, MD``."""
        return f"{self.name}, {self.credentials}" if self.credentials else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that is signed in, until it signs out, is revoked or rests too long."""

    id: int
    staff: Staff
    made_at: datetime
    seen_at: datetime
    proved_at: datetime
    """When the person last showed that it is they."""
    agent: str = ""
    """What the browser calls itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the trail: who did what to what, and when."""

    id: int
    at: datetime
    by: str
    verb: str
    subject: str
    """``edition:12``, ``subscriber:7``, ``post:urn:…``: the kind of thing, and its id."""
    detail: str = ""
