"""Values as they were found, each with where it stands, and the problems they may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from publisher.config.kinds import Unfit, shown
from publisher.config.options import OPTIONS, TABLES
from publisher.errors import Problem

if TYPE_CHECKING:
    from publisher.config.lines import Parts
    from publisher.config.options import Option

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TYPE_HINTS = {
    str: "Put it in double quotes.",
    int: "Write digits, without quotes.",
    bool: "Write true or false, without quotes.",
    list: 'Write a list: ["…", "…"].',
    dict: (
        'Keep the value out of this file: name an environment variable, { env = "NAME" }, or a file'
        ' that nobody else can read, { file = "path" }.'
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The file and line that a person has to change, or the environment variable."""

    path: str
    line: int | None = None

    def problem(self, code: str, *, expected: str, got: str, hint: str = "") -> Problem:
        """Return a problem that stands here; the code is given without ``config.``."""
        return Problem(
            code=f"config.{code}",
            path=self.path,
            line=self.line,
            expected=expected,
            got=got,
            hint=hint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key of ours with the value it was given."""

    parts: Parts
    value: Any
    where: Where


def dotted(parts: Parts) -> str:
    """Return a key as a person writes it."""
    return ".".join(part if _BARE.fullmatch(part) else shown(part) for part in parts)


def generic(parts: Parts) -> str:
    """Return the key as the table of options has it, ``NAME`` for a digest's name."""
    if parts[0] == "digests" and len(parts) > 1:
        parts = ("digests", "NAME", *parts[2:])
    return ".".join(parts)


def read_value(option: Option, entry: Entry) -> Any | Problem:
    """Return what the entry's value means to the option, or what is wrong with it."""
    key, kind = dotted(entry.parts), option.kind
    if type(entry.value) is not kind.takes:
        is_secret = kind.takes is dict
        return entry.where.problem(
            "type",
            expected=f"{key} to be {kind.expected}",
            got="a bare value" if is_secret else shown(entry.value),
            hint=_TYPE_HINTS[kind.takes],
        )
    try:
        return kind.read(entry.value)
    except Unfit as unfit:
        return entry.where.problem(
            "value",
            expected=f"{key} to be {unfit.expected or kind.expected}",
            got=unfit.got or shown(entry.value),
            hint=unfit.hint,
        )


def unknown_key(parts: Parts, where: Where, known: tuple[str, ...] = ()) -> Problem:
    """Return the problem of a key that is none of ours, with the one that was meant perhaps."""
    table, name = parts[:-1], parts[-1]
    names = known or TABLES[generic(table) if table else ""]
    elsewhere = [key for key in OPTIONS if key.rpartition(".")[2] == name]
    if close := get_close_matches(name, names, n=1):
        hint = f"Did you mean {dotted((*table, close[0]))}?"
    elif elsewhere:
        hint = f"Did you mean {elsewhere[0]}?"
    else:
        hint = f"Known here: {', '.join(names)}."
    return where.problem(
        "unknown_key",
        expected=f"a key of [{dotted(table)}]" if table else "a table that publisher knows",
        got=dotted(parts),
        hint=hint,
    )
