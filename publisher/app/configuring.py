"""Configuring: every key of config.toml with its value and where it comes from; no secret is told."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from publisher.config import KEYS, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publisher.app.opening import Site

_PREFIX = "PUBLISHER_"
_HIDDEN = ("database.url", "alerts.webhook", "feedback.imap")
"""May hold a password in an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key as it is in force."""

    key: str
    value: str
    source: str
    about: str


def list_settings(site: Site) -> list[Setting]:
    """Return every key, the digests' once for each."""
    try:
        written = dict(_flatten(tomllib.loads(site.config.path.read_text("utf-8"))))
    except (OSError, ValueError):
        written = {}
    keys = [
        key.replace("digests.NAME.", f"digests.{name}.")
        for key in KEYS
        for name in (site.config.digests if key.startswith("digests.") else ("",))
    ]
    return [_setting(site, key, written) for key in keys]


def _setting(site: Site, key: str, written: dict[str, Any]) -> Setting:
    general = f"digests.NAME.{key.split('.', 2)[2]}" if key.startswith("digests.") else key
    variable = _PREFIX + key.upper().replace(".", "__")
    if variable in site.environ:
        value, source = site.environ[variable], f"environment: {variable}"
    elif key in written:
        value, source = written[key], site.config.path.name
    else:
        value, source = OPTIONS[general].default, "default"
    shown = "••••" if key in _HIDDEN and value else _tell(value)
    return Setting(key=key, value=shown, source=source, about=KEYS[general])


def _flatten(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and key not in OPTIONS:
            yield from _flatten(value, f"{key}.")
        else:
            yield key, value


def _tell(value: object) -> str:
    if isinstance(value, dict):  # where a secret is kept, never the secret
        return ", ".join(f"{kind}: {place}" for kind, place in value.items() if place) or "not set"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
