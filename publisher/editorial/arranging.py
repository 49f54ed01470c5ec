"""The numbers of a series as its files ask for them: gaps, doubles, and what a move makes of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet


def find_gaps(numbers: Sequence[int], *, kept: AbstractSet[int] = frozenset()) -> list[int]:
    """Return the numbers below the highest that nobody has; ``kept`` are those of posts taken back."""
    return sorted(set(range(1, max(numbers, default=0))) - set(numbers) - kept)


def find_doubles(numbers: Sequence[int]) -> list[int]:
    """Return the numbers that more than one has."""
    return sorted(number for number, times in Counter(numbers).items() if times > 1)


def swap(order: Sequence[str], numbers: Mapping[str, int], at: int, to: int) -> dict[str, int]:
    """Return the numbers after two neighbours exchanged their places.

    The places keep their numbers, gaps and all; a number that two had goes up as far as it must.
    """
    moved = list(order)
    moved[at], moved[to] = moved[to], moved[at]
    places = [numbers.get(key, 0) for key in order]
    return dict(zip(moved, _rising(places), strict=True))


def close_up(order: Sequence[str], *, kept: AbstractSet[int] = frozenset()) -> dict[str, int]:
    """Return numbers from 1 without a gap, but for those that posts taken back keep."""
    found: dict[str, int] = {}
    number = 0
    for key in order:
        number += 1
        while number in kept:
            number += 1
        found[key] = number
    return found


def _rising(places: Sequence[int]) -> list[int]:
    risen: list[int] = []
    for number in places:
        risen.append(max(number, (risen[-1] if risen else 0) + 1))
    return risen
