"""The kinds of value an option takes: each reads what TOML gave, or says what it would take.

A reader returns the parsed value or raises ``Unfit``; the key and the line are its caller's to add.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from publisher.config.tree import Secret
from publisher.editorial.slots import ScheduleError, read_zone

if TYPE_CHECKING:
    from collections.abc import Callable

WIDEST = 60
"""How much of a value an error quotes, in characters."""
_OTHERS: dict[type, str] = {list: "a list", dict: "a table"}

# Of a URL: the user with the password, or the password in its query.
_PASSWORD = re.compile(r"(?<=//)[^/\s]*(?=@)|(?<=password=)[^&\s]*")

# Controls, lone surrogates (an undecodable environment variable) and what XML cannot hold.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAK = re.compile("[\t\n\u2028\u2029]")

_WORD = re.compile(r"[!-~]{1,200}")
_PART_OF_UUID = re.compile(r"[0-9a-fA-F-]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


_DURATION = re.compile(r"([0-9]{1,5})([smhdw])")
_DURATION_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Unfit(ValueError):  # noqa: N818 - it reads as the sentence it is
    """A value that a kind does not take; what it says is narrower than the kind's own words."""

    def __init__(self, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.expected = expected
        self.got = got
        self.hint = hint
        super().__init__(expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an option takes."""

    takes: type
    """The Python type of the TOML value."""
    expected: str
    """The same in words, after ``to be``."""
    read: Callable[[Any], Any]
    """TOML value to parsed value; raises Unfit."""
    place: Callable[[Any, str, Path], Any] | None = None
    """Parsed value, key and the file's directory to the final value, where these matter."""


# ------------------------------------------------------------------------------------ plain kinds


def flag() -> Kind:
    """Take true or false."""
    return Kind(takes=bool, expected="true or false", read=bool)


def whole(low: int, high: int) -> Kind:
    """Take a whole number of a range, both ends included."""
    expected = f"a whole number from {low} to {high}"

    def read(value: int) -> int:
        return value if low <= value <= high else refuse()

    return Kind(takes=int, expected=expected, read=read)


def choice(*words: str) -> Kind:
    """Take one of some words."""
    expected = " or ".join(f'"{word}"' for word in words)

    def read(value: str) -> str:
        return value if value in words else refuse()

    return Kind(takes=str, expected=expected, read=read)


def line(*, empty: bool = True) -> Kind:
    """Take text on one line, fit for a header."""
    expected = "text on one line" if empty else "text on one line, not empty"

    def read(value: str) -> str:
        check_line(value)
        return value if empty or value.strip() else refuse()

    return Kind(takes=str, expected=expected, read=read)


def prose() -> Kind:
    """Take text of any number of lines."""

    def read(value: str) -> str:
        return refuse() if _CONTROL.search(value) else value

    return Kind(takes=str, expected="text without control characters", read=read)


def several(item: Kind, plural: str) -> Kind:
    """Take a list whose members are of one kind."""

    def read_one(value: object) -> object:
        if type(value) is not item.takes:
            raise Unfit(got=f"{shown(value)} among them")
        try:
            return item.read(value)
        except Unfit as unfit:
            raise Unfit(got=f"{unfit.got or shown(value)} among them", hint=unfit.hint) from None

    def read(values: list[object]) -> tuple[object, ...]:
        return tuple(read_one(value) for value in values)

    return Kind(takes=list, expected=f"a list of {plural}", read=read)


def or_empty(kind: Kind, instead: object = "") -> Kind:
    """Take what the kind takes, and empty text, which gives the value instead."""

    def read(value: str) -> object:
        return kind.read(value) if value else instead

    def place(value: object, key: str, base: Path) -> object:
        return kind.place(value, key, base) if kind.place and value != instead else value

    return Kind(takes=str, expected=f'{kind.expected}, or ""', read=read, place=place)


# ----------------------------------------------------------------------------- time and language


def duration(least: timedelta, *, in_days: bool = False) -> Kind:
    """Take a number with a unit, such as ``24h``; at least so much and ten years at most."""
    unit = "whole days" if in_days else "time"
    hint = 'Write a number and s, m, h, d or w: "90s", "15m", "24h", "7d", "2w".'

    def read(value: str) -> timedelta:
        match = _DURATION.fullmatch(value)
        if match is None:
            raise Unfit(hint=hint)
        length = int(match[1]) * _DURATION_UNITS[match[2]]
        if in_days and length % timedelta(days=1):
            raise Unfit(hint='Write days or weeks, such as "3d" or "1w".')
        return length if least <= length <= timedelta(days=3660) else refuse()

    return Kind(takes=str, expected=f"a length of {unit} {_at_least(least)}", read=read)


def clock() -> Kind:
    """Take a time of day."""

    def read(value: str) -> time:
        match = _CLOCK.fullmatch(value)
        return time(int(match[1]), int(match[2])) if match else refuse()

    return Kind(takes=str, expected="a time from 00:00 to 23:59", read=read)


def zone() -> Kind:
    """Take the IANA name of a time zone."""

    def read(value: str) -> str:
        try:
            return read_zone(value).key
        except ScheduleError as error:
            raise Unfit(hint=error.hint) from None

    return Kind(takes=str, expected="an IANA time zone such as Europe/Berlin", read=read)


def language() -> Kind:
    """Take a language tag (BCP 47); whether it is registered is not looked up."""
    return _matching(_LANGUAGE, 'a language tag such as "en-US"')


def colour() -> Kind:
    """Take a colour as six hexadecimal digits."""
    return _matching(_COLOUR, 'a colour such as "#0b5c6e"')


def identity() -> Kind:
    """Take a UUID, given in lower case, or another word that stays the same for ever."""

    def read(value: str) -> str:
        if _UUID.fullmatch(value):
            return value.lower()
        # Hexadecimal alone is a UUID with a slip in it: taken as it is, every post's id would change.
        if _WORD.fullmatch(value) and not _PART_OF_UUID.fullmatch(value):
            return value
        raise Unfit(hint="`publisher init` writes one; never change it once posts are published.")

    return Kind(takes=str, expected="a UUID, or another word without spaces", read=read)


def template(*fields: str) -> Kind:
    """Take text on one line that uses some fields in braces and no others."""
    allowed = " ".join(f"{{{field}}}" for field in fields)

    def read(value: str) -> str:
        check_line(value)
        for match in _FIELD.finditer(value):
            if match[0] not in {"{{", "}}"} and match[1] not in fields:
                raise Unfit(
                    got=f"{match[0]} in {shown(value)}",
                    hint="For a brace that is no field, write it twice.",
                )
        return value if value.strip() else refuse()

    return Kind(takes=str, expected=f"a line of text with no fields but {allowed}", read=read)


# ------------------------------------------------------------------------------ places on the disk


def folder() -> Kind:
    """Take a path, relative to the configuration file; gives it absolute."""

    def read(value: str) -> str:
        check_line(value)
        if value.startswith("~"):
            raise Unfit(hint="Write the path in full; ~ is not expanded.")
        return value or refuse()

    return Kind(takes=str, expected="a path", read=read, place=lambda at, _, base: _join(base, at))


def secret() -> Kind:
    """Take the place of a secret: an environment variable or a file."""
    form = '{ env = "NAME" } or { file = "path" }'

    def read(value: dict[str, object]) -> tuple[str, str]:
        if len(value) != 1:
            raise Unfit(hint="Name one place and one only.")
        ((where, name),) = value.items()
        if not isinstance(name, str):
            raise Unfit(got=f"{where} = {shown(name)}")
        if where == "env":
            return (name, "") if not name or _ENV_NAME.fullmatch(name) else refuse()
        return ("", folder().read(name)) if name else ("", "")

    def place(value: tuple[str, str], key: str, base: Path) -> Secret:
        env, file = value
        return Secret(key=key, env=env, file=_join(base, file) if file else None)

    return Kind(takes=dict, expected=form, read=read, place=place)


# ----------------------------------------------------------------------------------------- shared


def shown(value: object) -> str:
    """Return a TOML value as an error may show it: short, on one line, without a password."""
    if isinstance(value, str):
        text = _PASSWORD.sub("…", value)
        text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
        return f'"{text}"' if len(text) <= WIDEST else f'"{text[: WIDEST - 1]}…"'
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else "a very large number"
    if isinstance(value, bool | float):
        return str(value).lower()
    return _OTHERS.get(type(value), "a date or time")


def refuse() -> NoReturn:
    """Raise Unfit: what the kind takes says it all."""
    raise Unfit


def check_line(value: str) -> None:
    """Raise Unfit for text of several lines or with control characters."""
    if _CONTROL.search(value) or _LINE_BREAK.search(value):
        raise Unfit(hint="Leave out line breaks and control characters.")


def _matching(pattern: re.Pattern[str], expected: str) -> Kind:
    def read(value: str) -> str:
        return value if pattern.fullmatch(value) else refuse()

    return Kind(takes=str, expected=expected, read=read)


def _at_least(least: timedelta) -> str:
    for unit, length in reversed(_DURATION_UNITS.items()):
        if least and not least % length:
            return f'of "{least // length}{unit}" or more'
    return 'such as "24h"'


def _join(base: Path, path: str) -> Path:
    return Path(os.path.normpath(base / path))
