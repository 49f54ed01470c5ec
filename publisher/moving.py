"""Foreign archives in: each page becomes a post of ours, once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from publisher import posts, urls
from publisher.errors import ContentError, NotFound, Problem, Refused
from publisher.exchange.pagetext import read_page_text
from publisher.store import posts as pins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from publisher.config import Config
    from publisher.exchange import ImportedPost
    from publisher.store import Store

_NUMBER = re.compile(r"(\d+)-")


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
    if series is not None and not urls.is_slug(series):
        raise Refused(_bad_series(series))
    haul = Haul()
    with store.read() as tx:
        known = pins.imported_paths(tx)
    known |= _paths_by_source(config.paths.posts)
    for name, data in sources:
        try:
            page = read_page_text(data, name)
        except ContentError as error:
            haul.problems.extend(error.problems)
            continue
        before = known.get(page.source_sha256)
        if before:
            haul.arrivals.append(Arrival(source=name, path=before, title=page.title, is_new=False))
            continue
        path = _free_path(config.paths.posts, series, page, haul)
        if not dry_run:
            text = _compose(page, config, now=now)
            _write_new(config.paths.posts / path, text)
            with store.write() as tx:
                pins.record_import(
                    tx, page.source_sha256, path, counts_as_sent=counts_as_sent, now=now
                )
        known[page.source_sha256] = path
        haul.arrivals.append(
            Arrival(source=name, path=path, title=page.title, is_new=True, notes=page.notes)
        )
    return haul


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


def _free_path(root: Path, series: str | None, page: ImportedPost, haul: Haul) -> str:
    taken = [one.path for one in haul.arrivals]
    slug = page.slug
    if series is None:
        return _unused(root, slug, taken)
    folder = root / series
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    names += [path.removeprefix(f"{series}/") for path in taken if path.startswith(f"{series}/")]
    numbers = [int(match[1]) for name in names if (match := _NUMBER.match(name))]
    number = max(numbers, default=0) + 1
    return f"{series}/{number:02d}-{slug}.md"


def _unused(root: Path, slug: str, taken: Sequence[str]) -> str:
    for attempt in range(1, 1_000):
        path = f"{slug}.md" if attempt == 1 else f"{slug}-{attempt}.md"
        if path not in taken and not (root / path).exists() and not (root / path[:-3]).exists():
            return path
    raise Refused(_no_name(slug))


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


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refused(_no_name(path.name)) from error


def new_post(
    config: Config,
    title: str,
    *,
    series: str | None,
    make_id: Callable[[], str],
    now: datetime,
) -> str:
    """Write a new draft with an id of its own; return its path below ``posts/``."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    if series is not None and not urls.is_slug(series):
        raise Refused(_bad_series(series))
    slug = urls.slug_of(title)
    if not slug or slug in urls.RESERVED:
        raise Refused(_bad_title(title))
    page = _Titled(slug)
    path = _free_path(config.paths.posts, series, page, Haul())  # type: ignore[arg-type]
    at = now.astimezone(ZoneInfo(config.site.timezone))
    _write_new(config.paths.posts / path, posts.draft(title, post_id=make_id(), date=at.date()))
    return path


@dataclass(frozen=True, slots=True)
class _Titled:
    slug: str


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
            hint="publisher check lists the posts. Nothing was changed.",
        )
    )


def _bad_series(series: str) -> Problem:
    return Problem(
        code="series.slug",
        path="--series",
        expected="a folder name of lower-case letters, digits and hyphens",
        got=series,
        hint=f"For example: --series {urls.slug_of(series) or 'therapies'}",
    )


def _bad_title(title: str) -> Problem:
    return Problem(
        code="post.title",
        path="title",
        expected="a title that makes an address of its own",
        got=repr(title),
        hint="Use a few words.",
    )


def _no_name(name: str) -> Problem:
    return Problem(
        code="post.exists",
        path=f"posts/{name}",
        expected="a name that is free",
        got="a file that is there",
        hint="Rename it, or import into another series. Nothing was overwritten.",
    )
