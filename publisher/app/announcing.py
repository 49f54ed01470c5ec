"""Telling the WebSub hub which feeds changed, once they are live.

What the hub was told of last is remembered for each feed, so whatever was missed, by a hub that was
away or a process that ended, is told by the next run, and nothing is told twice for nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from publisher import site as files
from publisher import urls
from publisher.errors import Problem, PublisherError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher import notify
    from publisher.app.opening import Site

HUB_FILE: Final = "hub.json"
"""In the state directory: the hub, and of which making of each feed it was told."""

_NAMES: Final = frozenset(f"feed.{form}" for form in urls.FEED_FORMATS)


def announce_feeds(site: Site) -> list[Problem]:
    """Ping the hub of ``feeds.hub`` for each feed that it does not know as it is now.

    Never raises for what the hub or the disk does: what failed is told and tried by the next run.
    """
    hub, state = site.config.feeds.hub, site.config.paths.state
    if not hub:
        return []
    there = _find_feeds(site.config.paths.output)
    told = _read_told(state / HUB_FILE, hub)
    waiting = _to_tell(there, told)
    if not waiting and told.keys() <= there.keys():
        return []
    from publisher import notify  # noqa: PLC0415 - most runs have nothing to tell

    addresses = {urls.absolute(site.config.site.url, path): path for path in waiting}
    done = notify.announce(hub, addresses)
    taken = {addresses[address] for address in done.taken}
    now_told = {path: mark for path, mark in told.items() if path in there}
    now_told |= {path: there[path] for path in taken}
    record = json.dumps({"hub": hub, "told": now_told}, indent=1, sort_keys=True)
    try:
        files.write(state / HUB_FILE, record.encode(), root=state, private=True)
    except PublisherError as error:
        return list(error.problems)
    return _describe(hub, done, left=len(waiting) - len(taken))


def _to_tell(there: Mapping[str, str], told: Mapping[str, str]) -> list[str]:
    """Return the paths of the feeds that changed since, the site's own first."""
    changed = [path for path, mark in there.items() if told.get(path) != mark]
    return sorted(changed, key=lambda path: (path.count("/"), path))


def _find_feeds(public: Path) -> dict[str, str]:
    """Return the path of each feed that is no archive, and a mark of its making."""
    found = {}
    for directory, _, names in os.walk(public):
        for name in _NAMES.intersection(names):
            file = Path(directory, name)
            facts = file.stat()
            path = f"/{file.relative_to(public).as_posix()}"
            found[path] = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"
    return found


def _read_told(file: Path, hub: str) -> dict[str, str]:
    """Return what this hub was told; a file that is damaged, or another hub's, tells nothing."""
    try:
        record = json.loads(file.read_bytes())
        if record["hub"] != hub:
            return {}
        return {str(path): str(mark) for path, mark in record["told"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _describe(hub: str, done: notify.Round, *, left: int) -> list[Problem]:
    """Return one problem for each thing the hub said."""
    said: dict[str, list[str]] = {}
    for address, words in done.failures.items():
        said.setdefault(words, []).append(address)
    return [
        Problem(
            code="hub.ping",
            path="feeds.hub",
            level="warning",
            expected=f"{hub} to take the news of {addresses[0]}",
            got=words,
            hint=f"Pages, feeds and mail go out all the same; the next run tells it of the {left} "
            f"{'feed' if left == 1 else 'feeds'} that it has not heard of yet.",
        )
        for words, addresses in said.items()
    ]
