"""Everything that can be wrong, told so that a person can mend it.

PublisherError                 1   unexpected
├── UsageError                 2   the command's words
├── ConfigError                3   config.toml, every problem at once
├── ContentError               4   posts or series
├── Refused                    5   allowed by nobody yet: needs a person, an alias, an address
├── NotFound                   7   no such thing
└── Unavailable               75   try again later: relay, database, lock
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: where, what was expected, what was got, how to mend it."""

    code: str
    """Dotted and stable, such as ``post.title`` or ``config.unknown_key``."""
    path: str
    """The file as the person knows it, or the key of the configuration."""
    line: int | None = None
    level: Level = "error"
    expected: str
    got: str
    hint: str = ""

    def as_text(self) -> str:
        """Return the problem as one ``file:line`` line, and a second line with the fix."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        text = f"{where}  expected {self.expected}; got {self.got}"
        return f"{text}\n  {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, object]:
        """Return the shape that ``check --json`` lists."""
        return {
            "file": self.path,
            "line": self.line,
            "level": self.level,
            "code": self.code,
            "expected": self.expected,
            "got": self.got,
            "hint": self.hint,
        }


class PublisherError(Exception):
    """The root of every error this product raises; carries its problems and an exit code."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(problem.as_text() for problem in problems))

    @override
    def __reduce__(self) -> tuple[type[PublisherError], tuple[Problem, ...]]:
        """Let an error cross to another process whole."""
        return type(self), self.problems


class UsageError(PublisherError):
    """A command was given words it does not take."""

    exit_code = 2


class ConfigError(PublisherError):
    """The configuration cannot be used."""

    exit_code = 3


class ContentError(PublisherError):
    """A post or a series cannot be used."""

    exit_code = 4


class Refused(PublisherError):  # noqa: N818 - it reads as the sentence it is
    """The act is possible and was not done, because it would harm; the hint says what is needed."""

    exit_code = 5


class NotFound(PublisherError):  # noqa: N818 - it reads as the sentence it is
    """What was named does not exist."""

    exit_code = 7


class Unavailable(PublisherError):  # noqa: N818 - it reads as the sentence it is
    """Something outside did not answer or is busy; nothing is lost and it can be tried again."""

    exit_code = 75
