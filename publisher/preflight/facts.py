"""What a preflight knows beside the letter, and how it says what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LETTER = "letter.html"
"""The HTML as ``preview`` writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a preflight is told beside the letter."""

    live: bool
    """Whether it may reach people: then a postal address is a must."""
    answers: Callable[[str], bool]
    """Whether the site answers at a path, given with its slashes."""
    discreet_sender: str = ""
    """The name that letters to discreet readers are from."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Post path → source, to say on which line of it a word stands."""

    def line_of(self, path: str, words: str) -> int | None:
        """Return the line of a post on which the words stand, or nothing where they do not."""
        lines = self.sources.get(path, "").split("\n")
        return next((number for number, line in enumerate(lines, 1) if words in line), None)


def blocking(
    code: str, path: str, expected: str, got: str, hint: str, line: int | None = None
) -> Problem:
    """Return a finding that holds the edition."""
    return Problem(
        code=f"preflight.{code}", path=path, line=line, expected=expected, got=got, hint=hint
    )


def warning(
    code: str, path: str, expected: str, got: str, hint: str, line: int | None = None
) -> Problem:
    """Return a finding that is shown and stops nothing."""
    return Problem(
        code=f"preflight.{code}",
        path=path,
        line=line,
        level="warning",
        expected=expected,
        got=got,
        hint=hint,
    )
