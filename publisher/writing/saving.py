"""Saving a post: compare and swap. A file that changed meanwhile is shown and never overwritten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher import posts, urls
from publisher.editorial.merging import is_undecided, merge
from publisher.errors import ContentError, Problem, Refused
from publisher.store import drafts, reviews
from publisher.writing.folder import (
    Overtaken,
    check_series,
    find,
    hold_folder,
    move,
    refuse_large,
    replace,
    sha256_of,
    write_new,
)
from publisher.writing.opening import take_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from publisher.config import Config
    from publisher.store import Store

_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What somebody made of a post: of its fields and its Markdown, or of the whole text."""

    fields: Mapping[str, object] = field(default_factory=dict)
    """Those of the form; one that is None leaves the front matter, others stay as they are."""
    body: str | None = None
    text: str | None = None
    """The whole source, instead of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The file is as it was meant."""

    path: str
    sha256: str
    source_sha256: str
    is_changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The file changed since it was opened, and nothing was written: three texts to look at."""

    path: str
    theirs: str
    """As it is on the disk now."""
    theirs_sha256: str
    """What a save of the merged text begins from."""
    yours: str
    merged: str
    """Both together; what both changed stands between marks."""
    conflicts: int
    """How many places of ``merged`` are to be decided."""


def save(
    config: Config,
    store: Store,
    path: str,
    edit: Edit,
    *,
    began_sha256: str,
    began: bytes | None = None,
    by: str,
    now: datetime,
) -> Saved | Conflict:
    """Save a post where its file is still the one that was opened, else return what came between.

    ``began`` is the file as it was opened, for the merge; where it is not given, the draft that
    was kept tells it. Raises NotFound where the file is gone, ContentError for a text that no
    post can hold.
    """
    with hold_folder(config):
        for _ in range(_TRIES):
            source = posts.read(config.paths.posts, find(config, path))
            base = _base(store, path, began_sha256, began, by)
            yours = _apply(edit, base or source.data, path)
            if sha256_of(source.data) != began_sha256 and yours != source.data:
                return _conflict(source, base, yours)
            try:
                replace(config, path, yours, began_sha256=sha256_of(source.data))
            except Overtaken:
                continue
            return _record(config, store, path, is_changed=source.data != yours, by=by, now=now)
    raise ContentError(_restless(path))


def _base(
    store: Store, path: str, began_sha256: str, began: bytes | None, by: str
) -> bytes | None:
    """Return the file as it was opened, as far as anybody knows."""
    if began is not None and sha256_of(began) == began_sha256:
        return began
    with store.read() as tx:
        kept = drafts.read_one(tx, by, path)
    return kept.began if kept and kept.began_sha256 == began_sha256 else None


def _apply(edit: Edit, began: bytes, path: str) -> bytes:
    """Return what an edit makes of a file: the same bytes wherever it does not mean others."""
    where = f"posts/{path}"
    if edit.text is None:
        made = posts.revise(began, edit.fields, edit.body, where=where)
    else:
        posts.refuse_unclean(edit.text, where)
        made = posts.retype(began, edit.text)
    refuse_large(made, where)
    posts.decode(made, where)
    if is_undecided(_readable(made)):
        raise ContentError(_undecided(where))
    return made


def _conflict(source: posts.Source, base: bytes | None, yours: bytes) -> Conflict:
    theirs, mine = _readable(source.data), _readable(yours)
    merged = merge(None if base is None else _readable(base), theirs, mine)
    return Conflict(
        path=source.path,
        theirs=theirs,
        theirs_sha256=sha256_of(source.data),
        yours=mine,
        merged=merged.text,
        conflicts=merged.conflicts,
    )


def _readable(data: bytes) -> str:
    text = data.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _record(
    config: Config, store: Store, path: str, *, is_changed: bool, by: str, now: datetime
) -> Saved:
    source = posts.read(config.paths.posts, find(config, path))
    digest = posts.source_sha256(source)
    with store.write() as tx:
        if is_changed:
            reviews.record_save(tx, path, digest, by=by, now=now)
        drafts.forget(tx, by, path)
    return Saved(
        path=path, sha256=sha256_of(source.data), source_sha256=digest, is_changed=is_changed
    )


# ------------------------------------------------------------------------------------ new and renamed


def new_post(
    config: Config,
    title: str,
    *,
    series: str | None,
    make_id: Callable[[], str],
    now: datetime,
    slug: str = "",
    body: str = "",
) -> str:
    """Write a new draft with an id of its own; return its path below ``posts/``.

    It takes the next number of its series, and a name from its title where none is given.
    """
    check_series(series)
    name = slug or urls.slug_of(title)
    if not urls.is_slug(name):
        raise Refused(_bad_title(title))
    with hold_folder(config):
        path = posts.free_path(config.paths.posts, series, name)
        on = now.astimezone(ZoneInfo(config.site.timezone)).date()
        text = posts.draft(title, post_id=make_id(), date=on, body=body)
        refuse_large(text.encode(), f"posts/{path}")
        write_new(config, path, text.encode())
    return path


def begin_post(
    config: Config,
    store: Store,
    title: str,
    *,
    series: str | None,
    make_id: Callable[[], str],
    by: str,
    now: datetime,
    body: str = "",
) -> Saved:
    """Write a new draft as a person begins it, and remember who."""
    path = new_post(config, title, series=series, make_id=make_id, now=now, body=body)
    return _record(config, store, path, is_changed=True, by=by, now=now)


def rename(config: Config, store: Store, path: str, slug: str, *, by: str, now: datetime) -> Saved:
    """Give a post's file another name; its series, number and identity stay.

    A post without an ``id`` gets its old name among its ``aliases``, which its id grows from.
    """
    name = posts.name_of(path)
    taken = urls.RESERVED_IN_SERIES if name.series else urls.RESERVED
    if not urls.is_slug(slug) or slug in taken:
        raise Refused(_bad_slug(path, slug))
    with hold_folder(config):
        source = posts.read(config.paths.posts, find(config, path))
        after = path_with(path, slug=slug)
        if after == path:
            return _record(config, store, path, is_changed=False, by=by, now=now)
        move(config.paths.posts, unit_of(path), unit_of(after))
        with store.write() as tx:
            reviews.move_path(tx, path, after)
        named = _with_alias(source, name.slug)
        replace(config, after, named, began_sha256=sha256_of(source.data))
        return _record(config, store, after, is_changed=named != source.data, by=by, now=now)


def _with_alias(source: posts.Source, slug: str) -> bytes:
    fields = take_apart(source).fields
    listed = fields.get("aliases")
    aliases = list(listed) if isinstance(listed, list) else []
    if "id" in fields or "slug" in fields or slug in aliases:
        return source.data
    where = f"posts/{source.path}"
    return posts.revise(source.data, {"aliases": [*aliases, slug]}, where=where)


def unit_of(path: str) -> str:
    """Return what is moved where a post gets another name: its file, or its folder."""
    return path.removesuffix("/index.md") if path.endswith("/index.md") else path


def path_with(path: str, *, slug: str = "", part: int | None = None) -> str:
    """Return a post's path with another name or another number, in as many digits as before."""
    unit = unit_of(path)
    ending = path[len(unit) :] if unit != path else ".md"
    folder, _, last = unit.removesuffix(".md").rpartition("/")
    name = posts.name_of(path)
    digits = last[: -len(name.slug)].rstrip("-")
    if part is not None:
        digits = f"{part:0{max(2, len(digits))}d}"
    stem = f"{digits}-{slug or name.slug}" if digits else slug or name.slug
    return f"{folder}/{stem}{ending}" if folder else f"{stem}{ending}"


# ------------------------------------------------------------------------------------------- in words


def _undecided(where: str) -> Problem:
    return Problem(
        code="post.undecided",
        path=where,
        expected="a text in which every place is decided",
        got="the marks of a place that two people changed",
        hint="Keep one of the two, or both, and remove the lines with <<<<<<< ======= >>>>>>>.",
    )


def _restless(path: str) -> Problem:
    return Problem(
        code="post.restless",
        path=f"posts/{path}",
        expected="a file that stays as it is while it is saved",
        got="one that another program keeps changing",
        hint="Close it there, then save again. Nothing was overwritten.",
    )


def _bad_title(title: str) -> Problem:
    return Problem(
        code="post.title",
        path="title",
        expected="a title that makes an address of its own",
        got=repr(title),
        hint="Use a few words.",
    )


def _bad_slug(path: str, slug: str) -> Problem:
    better = urls.slug_of(slug)
    return Problem(
        code="post.slug",
        path=f"posts/{path}",
        expected="a name of a to z, digits and single hyphens, not one of the site's own",
        got=slug,
        hint=f"{better} would do." if urls.is_slug(better) and better != slug else "",
    )
