"""Comments put where they belong: each at the paragraph it was about, wherever that is by now."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from publisher.model import Comment

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_ALIKE = 0.6
"""How much of its words a paragraph shares at least with the one that was commented on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Comments by the paragraph they are shown at, in their order."""

    at: tuple[tuple[Comment, ...], ...]
    """One for each paragraph of the text."""
    gone: tuple[Comment, ...]
    """Those on text that is there no more."""


def place(paragraphs: Sequence[str], comments: Iterable[Comment]) -> Placed:
    """Return each comment once: at its paragraph, or among those whose paragraph is gone.

    A paragraph is found by its exact words, else by most of them; of several the one nearest to
    where it was.
    """
    at: list[list[Comment]] = [[] for _ in paragraphs]
    gone: list[Comment] = []
    known = [_bag(text) for text in paragraphs]
    for one in comments:
        found = _find(one, paragraphs, known)
        (gone if found is None else at[found]).append(one)
    return Placed(at=tuple(map(tuple, at)), gone=tuple(gone))


def _find(
    comment: Comment, paragraphs: Sequence[str], known: Sequence[Counter[str]]
) -> int | None:
    exact = [n for n, text in enumerate(paragraphs) if text == comment.words]
    if exact:
        return min(exact, key=lambda n: abs(n - comment.place))
    wanted = _bag(comment.words)
    alike = {n: _likeness(wanted, bag) for n, bag in enumerate(known)}
    near = [n for n, much in alike.items() if much >= _ALIKE]
    return min(near, key=lambda n: (-alike[n], abs(n - comment.place)), default=None)


def _bag(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Return how much of their words two texts share: 1 for all, 0 for none."""
    most = max(one.total(), other.total())
    return (one & other).total() / most if most else 0.0
