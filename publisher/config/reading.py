"""From the bytes of ``config.toml`` and the environment to a ``Config``, or to every problem."""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any

from publisher.config.building import Settings, build, check_together
from publisher.config.entries import Entry, Where, dotted, generic, read_value, unknown_key
from publisher.config.kinds import shown
from publisher.config.lines import locate
from publisher.config.options import OPTIONS, TABLES
from publisher.config.overrides import read_overrides
from publisher.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from publisher.config.lines import Parts
    from publisher.config.options import Option
    from publisher.config.tree import Config

MISSING_FILE = "config.missing_file"
"""The code of the problem that there is no configuration."""

_DIGEST_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PLACES = ("env", "file")
_SYNTAX = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_SYNTAX_HINTS = (
    ("Invalid value", 'Text stands in double quotes: key = "text".'),
    ("Expected '='", 'A line is key = "value", [table] or # a comment.'),
    ("Invalid statement", 'A line is key = "value", [table] or # a comment.'),
    ("Cannot overwrite", "The key or table stands here twice; keep one."),
    ("Cannot declare", "The table stands here twice; keep one."),
    ("Duplicate", "The key stands here twice; keep one."),
    ("Unescaped", "In double quotes write two backslashes for one, or use single quotes."),
    ("Illegal character", "A quote is missing at the end of the line, perhaps."),
)


def missing(path: Path) -> ConfigError:
    """Return the error that there is no such file, which names ``publisher init``."""
    return ConfigError(
        Problem(
            code=MISSING_FILE,
            path=str(path),
            expected="a configuration file",
            got="none",
            hint="Make a site with `publisher init`, or name its file with --config PATH.",
        )
    )


def parse(data: bytes, *, path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration that the file's bytes and the environment make together.

    Paths in it are taken from the directory of ``path``. Raises ConfigError with every problem.
    """
    settings, problems = _find(data, path, environ)
    problems += [
        *_check_names(settings.digests),
        *_read_values(settings),
        *check_together(settings),
    ]
    if problems:
        raise ConfigError(*sorted(problems, key=lambda p: (p.path != str(path), p.line or 0)))
    return build(settings)


def find_entries(
    data: bytes, *, path: Path, environ: Mapping[str, str]
) -> Iterator[tuple[str, Option, Entry | None]]:
    """Yield every key with what it takes, and what the file or the environment says of it.

    Raises ConfigError where the file is no TOML.
    """
    settings, _ = _find(data, path, environ)
    for key, option in OPTIONS.items():
        for parts in _concrete(key, settings.digests):
            yield dotted(parts), option, settings.entries.get(parts)


def _find(data: bytes, path: Path, environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Return what the file and the environment say, not read yet, and what is none of ours."""
    document, lines = _load(data, str(path))
    found = [*_walk(document, (), lines, str(path)), *read_overrides(environ)]
    problems = [item for item in found if isinstance(item, Problem)]
    entries = {item.parts: item for item in found if isinstance(item, Entry)}
    digests = _find_digests(document, entries, lines, str(path))
    settings = Settings(path=path, lines=lines, entries=entries, digests=digests, values={})
    return settings, problems


# ---------------------------------------------------------------------------------------- the file


def _load(data: bytes, path: str) -> tuple[dict[str, Any], Mapping[Parts, int]]:
    text = _decode(data, path)
    try:
        return tomllib.loads(text), locate(text)
    except RecursionError:
        problem = Where(path=path).problem(
            "syntax", expected="TOML", got="lists or tables too deep in one another"
        )
        raise ConfigError(problem) from None
    except ValueError as error:
        raise ConfigError(_explain_syntax(str(error), text, path)) from error


def _decode(data: bytes, path: str) -> str:
    if data.startswith(BOM_UTF8):
        raise _not_text(path, 1, "a byte order mark", "Save it as UTF-8 without BOM.")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{data[error.start]:02x}"
        raise _not_text(path, line, got, "Save the file as UTF-8.") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _not_text(path, line, "a NUL character", "Save the file as UTF-8.")
    return text


def _not_text(path: str, line: int, got: str, hint: str) -> ConfigError:
    where = Where(path=path, line=line)
    return ConfigError(where.problem("syntax", expected="UTF-8 text", got=got, hint=hint))


def _explain_syntax(message: str, text: str, path: str) -> Problem:
    match = _SYNTAX.fullmatch(message)
    if match is None:  # a number of thousands of digits, which is no TOML error
        return Where(path=path).problem("syntax", expected="TOML", got="a number of absurd length")
    told, line, column = match.groups()
    hint = next((hint for start, hint in _SYNTAX_HINTS if told.startswith(start)), "")
    where = Where(path=path, line=int(line) if line else text.rstrip("\n").count("\n") + 1)
    place = f"at column {column}" if column else "at the end of the file"
    got = f"{told[0].lower()}{told[1:]} {place}"
    return where.problem("syntax", expected="TOML", got=got, hint=hint)


def _walk(
    table: dict[str, Any], at: Parts, lines: Mapping[Parts, int], path: str
) -> Iterator[Entry | Problem]:
    """Yield each key of ours, and a problem for each that is not."""
    for name, value in table.items():
        parts = (*at, name)
        key, where = generic(parts), Where(path=path, line=lines.get(parts))
        if key in OPTIONS:
            strange = _strange_places(key, value)
            yield from (
                unknown_key(
                    (*parts, place), Where(path=path, line=lines.get((*parts, place))), _PLACES
                )
                for place in strange
            )
            if not strange:
                yield Entry(parts=parts, value=value, where=where)
        elif key not in TABLES:
            yield unknown_key(parts, where)
        elif isinstance(value, dict):
            yield from _walk(value, parts, lines, path)
        else:
            yield where.problem(
                "type",
                expected=f"{dotted(parts)} to be a table",
                got=shown(value),
                hint=f"Write [{dotted(parts)}] on a line of its own.",
            )


def _strange_places(key: str, value: object) -> list[str]:
    """Return the keys inside a secret that are none."""
    if OPTIONS[key].kind.takes is dict and isinstance(value, dict):
        return [place for place in value if place not in _PLACES]
    return []


# -------------------------------------------------------------------------------------- the values


def _find_digests(
    document: dict[str, Any],
    entries: Mapping[Parts, Entry],
    lines: Mapping[Parts, int],
    path: str,
) -> dict[str, Where]:
    """Return the digests that the file or the environment names, each with where it stands."""
    tables = document.get("digests")
    found = {
        name: Where(path=path, line=lines.get(("digests", name)))
        for name, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict)
    }
    for parts, entry in entries.items():
        if parts[0] == "digests":
            found.setdefault(parts[1], entry.where)
    return found


def _check_names(digests: Mapping[str, Where]) -> Iterator[Problem]:
    for name, where in digests.items():
        if not _DIGEST_NAME.fullmatch(name):
            yield where.problem(
                "value",
                expected="the name of a digest in small letters, digits and hyphens",
                got=dotted(("digests", name)),
                hint="Write it such as [digests.weekly].",
            )


def _read_values(settings: Settings) -> Iterator[Problem]:
    """Put a value for every key into the settings, or yield why there is none."""
    for key, option in OPTIONS.items():
        for parts in _concrete(key, settings.digests):
            entry = settings.entries.get(parts)
            if entry is None and option.default is None:
                yield _required(parts, settings)
                continue
            default = Entry(parts=parts, value=option.default, where=settings.at(parts))
            value = read_value(option, entry or default)
            if isinstance(value, Problem):
                yield value
            elif option.kind.place:
                settings.values[parts] = option.kind.place(value, dotted(parts), settings.base)
            else:
                settings.values[parts] = value


def _concrete(key: str, digests: Mapping[str, Where]) -> list[Parts]:
    parts = tuple(key.split("."))
    if parts[0] != "digests":
        return [parts]
    return [("digests", name, *parts[2:]) for name in digests]


def _required(parts: Parts, settings: Settings) -> Problem:
    return settings.at(parts[:-1]).problem(
        "missing",
        expected=f"{dotted(parts)} to be set",
        got="nothing",
        hint=f'Write {parts[-1]} = "…" below [{parts[0]}]; `publisher init` makes a whole file.',
    )
