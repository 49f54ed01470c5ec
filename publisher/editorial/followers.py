"""How many people follow a feed, as the services that fetch it for many say themselves.

A reader on the web fetches a feed once for all its people and says in its user agent how many they
are. Nothing is counted of a person who fetches it alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNT = re.compile(r"\b(\d{1,8}) (?:subscribers?|readers?)\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.]{1,39}")
_NO_NAMES = frozenset({"mozilla", "compatible"})
"""What every browser says first, and says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A service that reads a feed for people."""

    name: str
    people: int


def read_agent(agent: str) -> Follower | None:
    """Return who fetches and for how many, or nothing where the user agent tells of no people."""
    counted = _COUNT.search(agent)
    if counted is None or not int(counted[1]):
        return None
    before = agent[: counted.start()]
    names = (one for one in _NAME.findall(before) if one.casefold() not in _NO_NAMES)
    name = next(names, "").rstrip(".")
    return Follower(name=name, people=int(counted[1])) if name else None
