"""What every place that mail comes in by gives: the mails there, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One mail as it came."""

    name: str
    """Where it is, for a person."""
    data: bytes
    """Its beginning, at most ``MOST_OCTETS``."""
    put_away: Callable[[bool], None] = lambda _is_read: None
    """Called once what it came to is kept: read, or set aside unread for a person."""


class Source(Protocol):
    """A place that mail comes in by."""

    name: str

    def arrivals(self) -> Iterator[Arrival]:
        """Give what is there, one by one. Raises Unavailable where no more can be had."""
