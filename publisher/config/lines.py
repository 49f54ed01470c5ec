"""Where in a TOML file its keys stand: tomllib tells what they say, and not where.

Only a file that tomllib has read is looked at, so its grammar can be taken for granted.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Parts = tuple[str, ...]
"""A key with the names of its tables, outermost first."""

_STRING = r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*\''''
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_NAME = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(rf"{_STRING}|[^,\]}}#\n]+", re.DOTALL)
_IN_LIST = re.compile(rf"{_STRING}|#[^\n]*|[\[\]]", re.DOTALL)


def locate(text: str) -> Mapping[Parts, int]:
    """Return the line, from 1, where each key and table of a valid TOML file first stands.

    Keys inside lists are left out.
    """
    text = text.replace("\r\n", "\n")
    found: list[tuple[Parts, int]] = []
    table: Parts = ()
    at = _end(_GAP, text, 0)
    while at < len(text):
        if text[at] == "[":
            brackets = 2 if text.startswith("[[", at) else 1
            table, end = _read_key(text, at + brackets)
            found.append((table, at))
            end += brackets
        else:
            end = _read_pair(text, at, table, found)
        at = _end(_GAP, text, end)
    return _count_lines(text, found)


def _read_pair(text: str, at: int, table: Parts, found: list[tuple[Parts, int]]) -> int:
    """Note the keys of ``key = value`` and return where it ends."""
    key, equals = _read_key(text, at)
    found.append(((*table, *key), at))
    at = _end(_SPACE, text, equals + 1)
    if text[at] == "{":
        return _read_inline_table(text, at, (*table, *key), found)
    if text[at] == "[":
        return _find_end_of_list(text, at)
    return _end(_SCALAR, text, at)


def _read_inline_table(text: str, at: int, table: Parts, found: list[tuple[Parts, int]]) -> int:
    at = _end(_GAP, text, at + 1)
    while text[at] != "}":
        at = _end(_GAP, text, _read_pair(text, at, table, found))
        if text[at] == ",":
            at = _end(_GAP, text, at + 1)
    return at + 1


def _find_end_of_list(text: str, at: int) -> int:
    depth = 0
    tokens = _IN_LIST.finditer(text, at)
    while True:
        token = next(tokens)
        depth += {"[": 1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()


def _read_key(text: str, at: int) -> tuple[Parts, int]:
    """Return the names of a dotted key, and where the ``=`` or ``]`` after it stands."""
    names: list[str] = []
    dot = at - 1
    while not names or text[dot] == ".":
        at = _end(_SPACE, text, dot + 1)
        end = _end(_NAME, text, at)
        names.append(_unquote(text[at:end]))
        dot = _end(_SPACE, text, end)
    return tuple(names), dot


def _unquote(name: str) -> str:
    return tomllib.loads(f"name = {name}")["name"] if name[0] in "\"'" else name


def _count_lines(text: str, found: Iterable[tuple[Parts, int]]) -> Mapping[Parts, int]:
    lines: dict[Parts, int] = {}
    line, last = 1, 0
    for key, at in found:
        line, last = line + text.count("\n", last, at), at
        for depth in range(1, len(key) + 1):
            lines.setdefault(key[:depth], line)
    return lines


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    return cast("re.Match[str]", pattern.match(text, at)).end()
