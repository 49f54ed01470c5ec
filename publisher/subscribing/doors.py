"""What keeps the subscribe form from being turned against people: how often, how fast, from where.

Nothing here is stored or logged: networks are known by a keyed hash, in memory, for an hour.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from publisher import tokens
from publisher.store import subscribers

if TYPE_CHECKING:
    from publisher.store import Store

HOUR = timedelta(hours=1)
NETWORK_MOST = 30
"""Sign-ups an hour from one network: a room full of people at a talk, but no machine."""
MOST = 300
"""Sign-ups an hour in all; more are an attack, and refused until it is over."""
_SHORTEST, _LONGEST = timedelta(seconds=3), timedelta(hours=24)
_MOST_NETWORKS = 10_000
_PREFIXES = {4: 24, 6: 48}


class Barred(StrEnum):
    """Why nobody is let in now."""

    NETWORK = "network"  # too many from one network
    ALL = "all"  # too many in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A door that is shut, and until when."""

    why: Barred
    until: datetime
    is_first: bool = False
    """Whether it shut just now: staff are told once."""


class Gate:
    """Counts sign-ups by network and in all over the last hour; safe for threads."""

    def __init__(self, *, network_most: int = NETWORK_MOST, most: int = MOST) -> None:
        self._network_most, self._most = network_most, most
        self._networks: dict[str, deque[datetime]] = {}
        self._all: deque[datetime] = deque()
        self._shut_until = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def admit(self, network: str, *, now: datetime) -> Closed | None:
        """Count one sign-up from a network; return what is shut, or nothing where it may come in."""
        with self._lock:
            own = self._networks.setdefault(network, deque())
            if until := _full(own, self._network_most, now):
                return Closed(why=Barred.NETWORK, until=until)
            if until := _full(self._all, self._most, now):
                is_first = now >= self._shut_until
                self._shut_until = until if is_first else self._shut_until
                return Closed(why=Barred.ALL, until=until, is_first=is_first)
            own.append(now)
            self._all.append(now)
            if len(self._networks) > _MOST_NETWORKS:
                self._forget(now)
            return None

    def _forget(self, now: datetime) -> None:
        old = [name for name, times in self._networks.items() if not _recent(times, now)]
        for name in old:
            del self._networks[name]


def _recent(times: deque[datetime], now: datetime) -> deque[datetime]:
    while times and times[0] <= now - HOUR:
        times.popleft()
    return times


def _full(times: deque[datetime], most: int, now: datetime) -> datetime | None:
    """Return when there is room again, or nothing where there is."""
    return times[0] + HOUR if len(_recent(times, now)) >= most else None


def admit(store: Store, gate: Gate, visitor: str, *, now: datetime) -> Closed | None:
    """Count one sign-up of a visitor at this IP address; return what is shut, or nothing."""
    with store.read() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
    return gate.admit(network_of(visitor, pepper), now=now)


def network_of(address: str, pepper: tokens.Key) -> str:
    """Return the keyed hash of the network an IP address is in: /24, or /48 of IPv6.

    What is no address is a network of its own.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return tokens.keyed_hash(pepper, "network ?")[:16]
    found = getattr(found, "ipv4_mapped", None) or found
    around = ipaddress.ip_network((found, _PREFIXES[found.version]), strict=False)
    return tokens.keyed_hash(pepper, f"network {around}")[:16]


# ------------------------------------------------------------------------------- the form's own time


class Age(StrEnum):
    """How old a form was when it came back."""

    RIGHT = "right"
    YOUNG = "young"  # faster than anybody types
    OLD = "old"  # or with no time of ours


def stamp_form(store: Store, *, now: datetime) -> str:
    """Return the signed time that a form bears."""
    with store.read() as tx:
        return tokens.make(subscribers.load_keys(tx, "form")[0], int(now.timestamp()))


def read_stamp(store: Store, stamp: str, *, now: datetime) -> Age:
    """Return how old a form is by the time it bears."""
    with store.read() as tx:
        seconds = tokens.read(stamp, subscribers.load_keys(tx, "form"), "form")
    age = None if seconds is None else now.timestamp() - seconds
    if age is None or age > _LONGEST.total_seconds() or age < 0:
        return Age.OLD
    return Age.YOUNG if age < _SHORTEST.total_seconds() else Age.RIGHT
