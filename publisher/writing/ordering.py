"""The parts of a series: which number each file asks for, and moving them without moving a post.

A number stands in ``part``, or in the name of the file. Either is changed; ids, addresses and what
readers have depend on neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from publisher import posts, site
from publisher.editorial.arranging import close_up, find_doubles, find_gaps, swap
from publisher.errors import ContentError, NotFound, Problem
from publisher.store import posts as pins
from publisher.store import reviews
from publisher.writing.folder import (
    check_series,
    hold_folder,
    move,
    refuse_taken,
    replace,
    sha256_of,
)
from publisher.writing.opening import take_apart
from publisher.writing.saving import path_with, unit_of

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.config import Config
    from publisher.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """One post of a series, as its file asks to be placed."""

    path: str
    title: str
    part: int | None
    by: Literal["part", "name", ""]
    """What says the number: the front matter, the file's name, or nothing."""
    is_draft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The parts of a series, in order; those without a number follow."""

    series: str
    parts: tuple[Numbered, ...]
    gaps: tuple[int, ...]
    doubles: tuple[int, ...]
    withdrawn: tuple[int, ...] = ()
    """The numbers that posts taken back keep."""

    @property
    def next_part(self) -> int:
        """The number of the next post."""
        return max((*(one.part or 0 for one in self.parts), *self.withdrawn), default=0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move came to."""

    order: Order
    edited: tuple[str, ...] = ()
    """The posts whose front matter was edited for it: an approval of these is void."""


def read_order(config: Config, store: Store, series: str) -> Order:
    """Return the parts of a series as the files ask for them; raises NotFound."""
    scan = posts.scan(config.paths.posts)
    if series not in scan.folders:
        raise NotFound(_unknown(series))
    here = [one for one in scan.found if posts.name_of(one.path).series == series]
    parts = sorted((_numbered(config, one) for one in here), key=_place)
    with store.read() as tx:
        published = pins.load_record(tx).published.values()
    kept = {one.part for one in published if one.series == series and one.withdrawn and one.part}
    numbers = [one.part for one in parts if one.part]
    return Order(
        series=series,
        parts=tuple(parts),
        gaps=tuple(find_gaps(numbers, kept=kept)),
        doubles=tuple(find_doubles(numbers)),
        withdrawn=tuple(sorted(kept)),
    )


def _numbered(config: Config, found: posts.Found) -> Numbered:
    name = posts.name_of(found.path)
    try:
        fields = take_apart(posts.read(config.paths.posts, found)).fields
    except ContentError:
        fields = {}
    asked = fields.get("part")
    is_asked = isinstance(asked, int) and not isinstance(asked, bool) and asked > 0
    return Numbered(
        path=found.path,
        title=str(fields.get("title") or name.slug),
        part=asked if is_asked and isinstance(asked, int) else name.part,
        by="part" if is_asked else "name" if name.part is not None else "",
        is_draft=fields.get("draft") is True,
    )


def _place(one: Numbered) -> tuple[bool, int, str]:
    return one.part is None, one.part or 0, one.path


def move_part(
    config: Config,
    store: Store,
    path: str,
    way: Literal["up", "down"],
    *,
    by: str,
    now: datetime,
) -> Moved:
    """Exchange a part with its neighbour; at the end of the series nothing happens."""
    series = posts.name_of(path).series or ""
    with hold_folder(config):
        order = read_order(config, store, series)
        paths = [one.path for one in order.parts]
        if path not in paths:
            raise NotFound(_unknown(path))
        at = paths.index(path)
        to = at - 1 if way == "up" else at + 1
        if not 0 <= to < len(paths):
            return Moved(order=order)
        numbers = {one.path: one.part for one in order.parts if one.part}
        return _renumber(config, store, order, swap(paths, numbers, at, to), by=by, now=now)


def close_gaps(config: Config, store: Store, series: str, *, by: str, now: datetime) -> Moved:
    """Number the parts of a series from 1, without gaps and doubles, in the order they have."""
    with hold_folder(config):
        order = read_order(config, store, series)
        paths = [one.path for one in order.parts]
        meant = close_up(paths, kept=set(order.withdrawn))
        return _renumber(config, store, order, meant, by=by, now=now)


def _renumber(
    config: Config,
    store: Store,
    order: Order,
    meant: dict[str, int],
    *,
    by: str,
    now: datetime,
) -> Moved:
    changed = [one for one in order.parts if one.part != meant[one.path]]
    edited = [one.path for one in changed if one.by == "part"]
    for path in edited:
        _edit_part(config, store, path, meant[path], by=by, now=now)
    moves = {
        one.path: path_with(one.path, part=meant[one.path]) for one in changed if one.by != "part"
    }
    moves = {before: after for before, after in moves.items() if before != after}
    _move_all(config, store, moves)
    return Moved(order=read_order(config, store, order.series), edited=tuple(edited))


def _edit_part(
    config: Config, store: Store, path: str, part: int, *, by: str, now: datetime
) -> None:
    root = config.paths.posts
    found = next(one for one in posts.scan(root).found if one.path == path)
    source = posts.read(root, found)
    data = posts.revise(source.data, {"part": part}, where=f"posts/{path}")
    replace(config, path, data, began_sha256=sha256_of(source.data))
    made = posts.Source(path=path, data=data, images=source.images)
    with store.write() as tx:
        reviews.record_save(tx, path, posts.source_sha256(made), by=by, now=now)


def _move_all(config: Config, store: Store, moves: dict[str, str]) -> None:
    """Give files their new names, each when the one that had it is gone from there.

    Two posts of one series have different slugs, so none waits for another that waits for it.
    """
    root = config.paths.posts
    for before, after in moves.items():
        move(root, unit_of(before), unit_of(after))
        with store.write() as tx:
            reviews.move_path(tx, before, after)


def begin_series(
    config: Config,
    slug: str,
    *,
    title: str,
    summary: str = "",
    planned_parts: int | None = None,
) -> None:
    """Make a series: its folder with a ``series.toml``. Raises Refused where there is one."""
    check_series(slug)
    values: dict[str, object] = {
        "title": title,
        "summary": summary,
        "planned_parts": planned_parts,
    }
    # A text of JSON is a text of TOML.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in values.items()
        if value
    ]
    data = "".join(f"{line}\n" for line in lines).encode()
    posts.parse_series(slug, data)
    root = config.paths.posts
    with hold_folder(config):
        refuse_taken(root, slug)
        site.write(root / slug / "series.toml", data, root=root, durable=True, private=True)


def _unknown(name: str) -> Problem:
    return Problem(
        code="series.unknown",
        path=f"posts/{name}",
        expected="a series, and a post that is a part of it",
        got="none that is there",
        hint="Look at the series again. Nothing was changed.",
    )
