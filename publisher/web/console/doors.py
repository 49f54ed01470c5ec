"""How often somebody may try to come in: by account, and by where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from publisher.staffing import Limiter

if TYPE_CHECKING:
    from datetime import datetime

_WITHIN = timedelta(minutes=15)
_MOST_OF_ACCOUNT = 5
_MOST_OF_CLIENT = 20


@dataclass(frozen=True, slots=True)
class Doors:
    """The limits of one console; what fails is counted, what succeeds of an account forgotten."""

    accounts: Limiter = field(default_factory=lambda: Limiter(_MOST_OF_ACCOUNT, _WITHIN))
    clients: Limiter = field(default_factory=lambda: Limiter(_MOST_OF_CLIENT, _WITHIN))

    def are_open(self, account: str, client: str, *, now: datetime) -> bool:
        """Whether one more try may be made for an account by a client; it is counted."""
        key = account.strip().casefold()
        if not self.accounts.allows(key, now=now) or not self.clients.allows(client, now=now):
            return False
        self.accounts.count(key, now=now)
        self.clients.count(client, now=now)
        return True

    def welcome(self, account: str) -> None:
        """Forget the failed tries of an account: its person got in."""
        self.accounts.forget(account.strip().casefold())
