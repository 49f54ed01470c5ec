"""Holding: a list that was sent and waits for staff's word, in the state directory, for a day."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from publisher import site as files
from publisher.errors import NotFound, Problem

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app.opening import Site

HELD_FOR: Final = timedelta(days=1)
_FOLDER = "imports"
_KEY = re.compile(r"[0-9a-f]{32}")
_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldList:
    """A list as it was sent."""

    key: str
    """What it is known by here; the name it was sent with names no file."""
    name: str
    data: bytes


def hold_list(site: Site, name: str, data: bytes, *, now: datetime) -> HeldList:
    """Keep a list until staff say what becomes of it; lists that waited too long go."""
    forget_old_lists(site, now=now)
    folder = site.config.paths.state / _FOLDER
    files.ensure_private(folder)
    held = HeldList(key=secrets.token_hex(16), name=_told(name), data=data)
    about = json.dumps({"name": held.name, "at": now.isoformat()}).encode()
    files.write(Path(f"{held.key}.json"), about, root=folder, private=True)
    files.write(Path(f"{held.key}.csv"), data, root=folder, private=True)
    return held


def read_held(site: Site, key: str) -> HeldList:
    """Return a list that is held. Raises NotFound where there is none by this key."""
    folder = site.config.paths.state / _FOLDER
    if not _KEY.fullmatch(key):
        raise NotFound(_no_list())
    try:
        about = json.loads((folder / f"{key}.json").read_bytes())
        data = (folder / f"{key}.csv").read_bytes()
    except FileNotFoundError:
        raise NotFound(_no_list()) from None
    return HeldList(key=key, name=str(about["name"]), data=data)


def forget_held(site: Site, key: str) -> None:
    """Remove a list that was held."""
    if _KEY.fullmatch(key):
        for end in (".csv", ".json"):
            (site.config.paths.state / _FOLDER / f"{key}{end}").unlink(missing_ok=True)


def forget_old_lists(site: Site, *, now: datetime) -> None:
    """Remove the lists that waited for more than a day."""
    folder = site.config.paths.state / _FOLDER
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.stat().st_mtime < (now - HELD_FOR).timestamp():
            file.unlink(missing_ok=True)


def _told(name: str) -> str:
    """Return the last part of a file's name, as far as it can be shown."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(one for one in last if one.isprintable())[:_NAME] or "list.csv"


def _no_list() -> Problem:
    return Problem(
        code="import.unknown",
        path="import",
        expected="a list that waits here",
        got="none: it was taken in, or waited for more than a day",
        hint="Send the file again. Nothing was changed.",
    )
