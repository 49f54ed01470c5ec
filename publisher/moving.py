"""Foreign archives in: each page becomes a post of ours, once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from publisher import posts, site, urls
from publisher.errors import ContentError, NotFound, Problem, Refused
from publisher.exchange.pagetext import read_page_text
from publisher.store import posts as pins

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.config import Config
    from publisher.exchange import ImportedPost
    from publisher.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What one source came to."""

    source: str
    path: str
    """The post it became, or became before, below ``posts/``."""
    title: str
    is_new: bool
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Haul:
    """What an import came to."""

    arrivals: list[Arrival] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def import_pages(
    config: Config,
    store: Store,
    sources: Sequence[tuple[str, bytes]],
    *,
    series: str | None,
    counts_as_sent: bool,
    dry_run: bool,
    now: datetime,
) -> Haul:
    """Turn the plain text of article pages into posts; a source that came before changes nothing.

    A page without a date is dated by the import; the next free number of the series is taken.
    """
    _refuse_bad_series(series)
    haul = Haul()
    with store.read() as tx:
        recorded = pins.imported_paths(tx)
    known = recorded | _paths_by_source(config.paths.posts)
    for name, data in sources:
        try:
            page = read_page_text(data, name)
        except ContentError as error:
            haul.problems.extend(error.problems)
            continue
        before = known.get(page.source_sha256)
        promised = [one.path for one in haul.arrivals]
        path = before or posts.free_path(config.paths.posts, series, page.slug, promised)
        if not before and not dry_run:
            _write_new(config.paths.posts, path, _compose(page, config, now=now))
        # A post that an import cut short left behind is recorded by the next one.
        if page.source_sha256 not in recorded and not dry_run:
            _record(store, page, path, counts_as_sent=counts_as_sent, now=now)
        known[page.source_sha256] = path
        haul.arrivals.append(
            Arrival(
                source=name,
                path=path,
                title=page.title,
                is_new=not before,
                notes=() if before else page.notes,
            )
        )
    return haul


def _record(
    store: Store, page: ImportedPost, path: str, *, counts_as_sent: bool, now: datetime
) -> None:
    with store.write() as tx:
        pins.record_import(tx, page.source_sha256, path, counts_as_sent=counts_as_sent, now=now)


_X_SOURCE = re.compile(rb"^x-source: ['\"]?([0-9a-f]{64})", re.MULTILINE)
_HEAD_BYTES = 65_536


def _paths_by_source(root: Path) -> dict[str, str]:
    """Return which posts say they came from which source, whatever the store remembers."""
    found = {}
    for one in posts.scan(root).found:
        with (root / one.path).open("rb") as file:
            match = _X_SOURCE.search(file.read(_HEAD_BYTES))
        if match:
            found[match[1].decode("ascii")] = one.path
    return found


def _compose(page: ImportedPost, config: Config, *, now: datetime) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    at = (page.date or now).astimezone(ZoneInfo(config.site.timezone))
    front: dict[str, Any] = {
        "title": page.title,
        "date": f"{at:%Y-%m-%dT%H:%M}",
        "references": {key: dict(value) for key, value in page.references.items()},
        **page.extra,
        "x-source": page.source_sha256,
    }
    return posts.compose({key: value for key, value in front.items() if value}, page.body)


def _write_new(root: Path, path: str, text: str) -> None:
    """Write a post that was not there: whole, and lasting before anything is recorded of it."""
    if (root / path).exists():
        raise Refused(_no_name(path))
    site.write(root / path, text.encode(), root=root, durable=True, private=True)


def withdraw(store: Store, wanted: str, *, reason: str, now: datetime) -> str:
    """Take a published post back; return its location. Raises NotFound where there is none."""
    asked = wanted.strip("/").removeprefix("posts/")
    with store.write() as tx:
        published = pins.load_record(tx).published
        for pin in published.values():
            if asked in {pin.post_id, pin.location, pin.path, pin.path.removesuffix(".md")}:
                pins.withdraw(tx, pin.post_id, f"{now:%Y-%m-%d} {reason}".strip())
                return pin.location
    raise NotFound(
        Problem(
            code="post.unknown",
            path=wanted,
            expected="the address, path or id of a published post",
            got="none that was published",
            hint="publisher plan lists the posts. Nothing was changed.",
        )
    )


def _refuse_bad_series(series: str | None) -> None:
    """Raise Refused for a folder that the site could not publish; nothing was written yet."""
    if series is None:
        return
    if series in urls.RESERVED:
        code, expected = "series.own_path", "a series whose address is not one of the site's own"
        hint = "The site serves something else there. Choose another name."
    elif not urls.is_slug(series):
        code, expected = "series.slug", "a folder name of lower-case letters, digits and hyphens"
        hint = f"For example: --series {urls.slug_of(series) or 'therapies'}"
    else:
        return
    raise Refused(Problem(code=code, path="--series", expected=expected, got=series, hint=hint))


def _no_name(name: str) -> Problem:
    return Problem(
        code="post.exists",
        path=f"posts/{name}",
        expected="a name that is free",
        got="a file that is there",
        hint="Rename it, or import into another series. Nothing was overwritten.",
    )
