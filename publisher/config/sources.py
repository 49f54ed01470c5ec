"""Every setting with its value and where that comes from; no secret among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from publisher.config.kinds import shown
from publisher.config.reading import find_entries
from publisher.config.sample import write_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from publisher.config.entries import Entry
    from publisher.config.options import Option

MASK: Final = "••••"
_TELLING = ("alerts.webhook", "feeds.hub")
"""Addresses of which the path may be a secret."""
_COMMANDS = ("alerts.command", "hooks.after_publish")
"""Commands whose arguments may be secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key as it is in force."""

    key: str
    value: str
    """As the file would have it, a secret masked."""
    source: str
    """``line 12``, ``environment: PUBLISHER_MAIL__FROM`` or ``default``."""
    about: str


def list_settings(data: bytes, *, path: Path, environ: Mapping[str, str]) -> list[Setting]:
    """Return every key as the file's bytes and the environment have it.

    Raises ConfigError where the file is no TOML.
    """
    return [
        Setting(
            key=key,
            value=_show(option, entry.value if entry else option.default),
            source=_tell_source(entry),
            about=option.about,
        )
        for key, option, entry in find_entries(data, path=path, environ=environ)
    ]


def _tell_source(entry: Entry | None) -> str:
    if entry is None:
        return "default"
    line = entry.where.line
    return f"line {line}" if line is not None else f"environment: {entry.where.path}"


def _show(option: Option, value: Any) -> str:
    if option.kind.takes is dict:
        return _show_secret(value)
    if option.key in _COMMANDS and value:
        return f"{shown(value[0])} and {MASK}" if len(value) > 1 else shown(value[0])
    if option.key in _TELLING and value:
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/{MASK}"
    return shown(value) if isinstance(value, str) else write_value(value)


def _show_secret(value: Any) -> str:
    if not isinstance(value, dict):
        return MASK
    place = next((f"{kind} {name}" for kind, name in value.items() if name), "")
    return f"{MASK} ({place})" if place else "none"
