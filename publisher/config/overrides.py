"""The environment's say: ``PUBLISHER_MAIL__FROM`` is ``mail.from``, before what the file has."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from publisher.config.entries import Entry, Where, generic
from publisher.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from publisher.config.kinds import Kind
    from publisher.config.lines import Parts
    from publisher.errors import Problem

_PREFIX = "PUBLISHER_"
_PLACES = ("env", "file")


def read_overrides(environ: Mapping[str, str]) -> Iterator[Entry | Problem]:
    """Yield what each variable with a double underscore sets, or why it sets nothing.

    A digest's hyphens are written as underscores. A secret's variable holds the secret itself, or
    names its file with ``__FILE`` at the end.
    """
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and "__" in variable.removeprefix(_PREFIX):
            yield _read(variable, environ[variable])


def _read(variable: str, text: str) -> Entry | Problem:
    where = Where(path=variable)
    parts = _parts(variable)
    if variable != variable.upper():
        return _unknown(variable, parts)
    if parts[-1] in _PLACES and _takes_place(parts[:-1]):
        return Entry(parts=parts[:-1], value={parts[-1]: text}, where=where)
    option = OPTIONS.get(generic(parts))
    if option is None:
        return _unknown(variable, parts)
    if option.kind.takes is dict:
        return Entry(parts=parts, value={"env": variable}, where=where)
    return Entry(parts=parts, value=_typed(text, option.kind), where=where)


def _parts(variable: str) -> Parts:
    parts = tuple(variable.removeprefix(_PREFIX).lower().split("__"))
    if parts[0] == "digests":
        return ("digests", parts[1].replace("_", "-"), *parts[2:])
    return parts


def _takes_place(parts: Parts) -> bool:
    option = OPTIONS.get(generic(parts))
    return option is not None and option.kind.takes is dict


def _typed(text: str, kind: Kind) -> Any:
    """Return the text as TOML where that gives what the option takes, else as it is."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = document.pop("value")
    return value if type(value) is kind.takes and not document else text


def _unknown(variable: str, parts: Parts) -> Problem:
    digest = parts[1].replace("-", "_") if parts[0] == "digests" else "weekly"
    names = [key.replace("NAME", digest).replace(".", "__").upper() for key in OPTIONS]
    close = get_close_matches(variable.removeprefix(_PREFIX).upper(), names, n=1)
    return Where(path=variable).problem(
        "unknown_key",
        expected="a variable that overrides a key, such as PUBLISHER_MAIL__FROM for mail.from",
        got=variable,
        hint=f"Did you mean {_PREFIX}{close[0]}?" if close else "Unset it, or name it otherwise.",
    )
