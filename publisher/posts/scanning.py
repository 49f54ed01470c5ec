"""The folder of posts as it lies on disk: everything that is there, in one walk.

A symbolic link is never followed, so that nothing outside the folder can be published by accident.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from publisher import urls
from publisher.errors import Problem
from publisher.posts.files import (
    BUNDLE_FILE,
    IMAGE_TYPES,
    MAX_IMAGE_BYTES,
    MAX_SOURCE_BYTES,
    SERIES_FILE,
    Found,
    Stamp,
    file_problem,
    name_of,
    size_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LEFTOVER = re.compile(
    r"[.~#]|.*(?:~|\.sw[a-p]|\.tmp|\.bak)\Z|(?i:readme\.md|thumbs\.db|desktop\.ini)\Z"
)


_DEPTH = 2
"""Posts with a folder of their own lie so deep: in a series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Everything that lies in the folder of posts."""

    found: tuple[Found, ...]
    """The sources, by path."""
    series: Mapping[str, Found]
    """Each series' ``series.toml``, by the series' folder, for series that have one."""
    folders: frozenset[str]
    """Every folder that is a series, with or without ``series.toml``."""
    problems: tuple[Problem, ...]
    """All that is wrong, by path."""
    broken: Mapping[str, tuple[Problem, ...]]
    """Those of the problems that keep a post's source from being read, by the source's path."""


@dataclass(slots=True)
class _Walk:
    root: str
    shown: str
    found: list[Found] = field(default_factory=list)
    series: dict[str, Found] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    broken: dict[str, list[Problem]] = field(default_factory=dict)

    def blame(self, path: str, code: str, **words: str) -> None:
        """Note what is wrong with a path; where that is a post's source, note it there too."""
        problem = file_problem(f"{self.shown}/{path}" if path else self.shown, code, **words)
        self.problems.append(problem)
        if path.endswith(".md"):
            self.broken.setdefault(path, []).append(problem)

    def mention(self, path: str, hint: str) -> None:
        self.problems.append(
            Problem(
                code="posts.other_file",
                path=f"{self.shown}/{path}",
                level="warning",
                expected="posts, which end in .md",
                got="a file that is left alone",
                hint=hint,
            )
        )


def scan(root: Path, *, shown: str = "posts") -> Scan:
    """Walk the folder of posts once and tell everything in it; raises nothing.

    ``shown`` is the folder's name in problems.
    """
    walk = _Walk(root=os.fspath(root), shown=shown)
    for entry in _entries(walk, ""):
        if entry.is_dir(follow_symlinks=False):
            _scan_folder(walk, entry.name)
        elif entry.name.endswith(".md"):
            _take_post(walk, entry, entry.name)
        elif _is_regular(walk, entry, entry.name):
            walk.mention(entry.name, _advice(entry.name))
    return Scan(
        found=tuple(sorted(walk.found, key=lambda one: one.path)),
        series=MappingProxyType(walk.series),
        folders=frozenset(walk.folders),
        problems=tuple(sorted(walk.problems, key=lambda one: (one.path, one.code))),
        broken=MappingProxyType({path: tuple(them) for path, them in walk.broken.items()}),
    )


def outline(root: Path) -> Iterator[str]:
    """Yield a line for everything that ``scan`` looks at: where the lines are the same, so is it.

    Nothing is judged, so it takes a small part of the time.
    """
    waiting = [("", 0)]
    for folder, depth in waiting:  # it grows meanwhile
        try:
            with os.scandir(f"{root}/{folder}") as listing:
                entries = [entry for entry in listing if not _LEFTOVER.match(entry.name)]
        except OSError as error:
            yield f"{folder!r} {error.errno}"
            continue
        for entry in sorted(entries, key=attrgetter("name")):
            if depth < _DEPTH and entry.is_dir(follow_symlinks=False):
                waiting.append((f"{folder}{entry.name}/", depth + 1))
            yield f"{folder}{entry.name!r} {_facts(entry)}"


def _facts(entry: os.DirEntry[str]) -> str:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return "gone"
    # A folder's own time says nothing of its files.
    if stat.S_ISDIR(found.st_mode):
        return "folder"
    return f"{stat.S_IFMT(found.st_mode)} {found.st_size} {found.st_mtime_ns}"


def _scan_folder(walk: _Walk, name: str) -> None:
    """Scan a folder directly below the root: a loose bundle where it holds index.md."""
    entries = _entries(walk, name)
    if any(entry.name == BUNDLE_FILE for entry in entries):
        _take_bundle(walk, name, entries)
    elif entries and _may_be_called(walk, name, name, reserved=urls.RESERVED, noun="series"):
        walk.folders.add(name)
        for entry in entries:
            _scan_in_series(walk, name, entry)


def _scan_in_series(walk: _Walk, series: str, entry: os.DirEntry[str]) -> None:
    path = f"{series}/{entry.name}"
    if entry.is_dir(follow_symlinks=False):
        entries = _entries(walk, path)
        if any(one.name == BUNDLE_FILE for one in entries):
            _take_bundle(walk, path, entries)
        elif entries:
            walk.blame(
                path,
                "posts.no_index",
                expected=f"{BUNDLE_FILE} in the folder of a post",
                got="none",
                hint="Name the post's file index.md; a series holds no other folders.",
            )
    elif entry.name == SERIES_FILE:
        stamp = _stamp(walk, entry, path, MAX_SOURCE_BYTES)
        if stamp:
            walk.series[series] = Found(path=path, signature=(stamp,))
    elif entry.name.endswith(".md"):
        _take_post(walk, entry, path)
    elif _is_regular(walk, entry, path):
        walk.mention(path, _advice(entry.name))


def _take_post(walk: _Walk, entry: os.DirEntry[str], path: str) -> None:
    stamp = _stamp(walk, entry, path, MAX_SOURCE_BYTES)
    if stamp and _has_good_name(walk, path):
        walk.found.append(Found(path=path, signature=(stamp,)))


def _take_bundle(walk: _Walk, folder: str, entries: list[os.DirEntry[str]]) -> None:
    source, images = None, []
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.name == BUNDLE_FILE:
            source = _stamp(walk, entry, path, MAX_SOURCE_BYTES)
        elif _is_image(walk, entry, path):
            stamp = _stamp(walk, entry, path, MAX_IMAGE_BYTES)
            images += [stamp] if stamp else []
    if source and _has_good_name(walk, f"{folder}/{BUNDLE_FILE}"):
        walk.found.append(
            Found(path=f"{folder}/{BUNDLE_FILE}", bundle=True, signature=(source, *images))
        )


def _entries(walk: _Walk, folder: str) -> list[os.DirEntry[str]]:
    """List a folder by name, without leftovers and without what has no name to speak of."""
    try:
        with os.scandir(os.path.join(walk.root, folder)) as listing:  # noqa: PTH118 - twice as fast
            entries = [entry for entry in listing if not _LEFTOVER.match(entry.name)]
    except OSError as error:
        walk.blame(
            folder,
            "posts.unreadable",
            expected="a folder that can be read",
            got=os.strerror(error.errno or 0).lower(),
            hint="Make the folder, or give this account the right to read it.",
        )
        return []
    entries.sort(key=lambda entry: entry.name)
    return [entry for entry in entries if _is_text(walk, folder, entry.name)]


def _is_text(walk: _Walk, folder: str, name: str) -> bool:
    if name.isascii() and name.isprintable():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        pass
    else:
        if name.isprintable():
            return True
    visible = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    visible = visible.encode("unicode_escape").decode()
    walk.blame(
        f"{folder}/{visible}".lstrip("/"),
        "posts.name",
        expected="a file name in UTF-8 without control characters",
        got="other bytes",
        hint="Rename the file.",
    )
    return False


def _is_regular(walk: _Walk, entry: os.DirEntry[str], path: str) -> bool:
    if entry.is_symlink():
        target, outside = _target(walk, path)
        walk.blame(
            path,
            "posts.symlink",
            expected="a file or a folder of its own",
            got=f"a link to {target}{', outside the folder of posts' if outside else ''}",
            hint="Links are never followed. Put the file itself here.",
        )
        return False
    if not entry.is_file(follow_symlinks=False):
        walk.blame(
            path,
            "posts.not_a_file",
            expected="a regular file",
            got="a pipe, a socket or a device",
            hint="Remove it.",
        )
        return False
    return True


def _target(walk: _Walk, path: str) -> tuple[str, bool]:
    """Return where a link points, fit to be shown, and whether that is outside the folder."""
    link = Path(walk.root, path)
    target = os.fsencode(link.readlink()).decode("utf-8", "replace")
    # realpath, unlike Path.resolve, has an answer for links that lead in a circle.
    root, real = os.path.realpath(walk.root), os.path.realpath(link)
    return target, os.path.commonpath([root, real]) != root


def _stamp(walk: _Walk, entry: os.DirEntry[str], path: str, limit: int) -> Stamp | None:
    if not _is_regular(walk, entry, path):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:  # an editor was replacing it; the next scan sees what became of it
        return None
    if status.st_size > limit:
        words = size_words(status.st_size, limit)
        walk.blame(path, "posts.size", **words)
        return None
    return entry.name, status.st_mtime_ns, status.st_size


def _is_image(walk: _Walk, entry: os.DirEntry[str], path: str) -> bool:
    ending = entry.name.rpartition(".")[2].lower()
    if entry.is_dir(follow_symlinks=False):
        walk.blame(
            path,
            "posts.depth",
            expected="images beside index.md",
            got="a folder inside the folder of a post",
            hint="Move its images up, beside index.md.",
        )
    elif ending in IMAGE_TYPES:
        return True
    elif _is_regular(walk, entry, path):
        walk.blame(
            path,
            "posts.image_type",
            expected="index.md and images: png, jpg, gif, webp or avif",
            got=f"a file of type {ending}" if "." in entry.name else "a file without an ending",
            hint="An svg can carry scripts, and mail programs do not show it. Save it as png."
            if ending == "svg"
            else "Move it out of the post's folder.",
        )
    return False


def _has_good_name(walk: _Walk, path: str) -> bool:
    name = name_of(path)
    reserved = urls.RESERVED_IN_SERIES if name.series else urls.RESERVED
    return _may_be_called(walk, path, name.slug, reserved=reserved, noun="post")


def _may_be_called(
    walk: _Walk, path: str, slug: str, *, reserved: frozenset[str], noun: str
) -> bool:
    if slug in reserved:
        walk.blame(
            path,
            "posts.own_path",
            expected=f"a {noun} whose address is not one of the site's own",
            got=f"/{slug}",
            hint="The site serves something else there. Rename it.",
        )
        return False
    if not urls.is_slug(slug):
        better = urls.slug_of(slug)
        walk.blame(
            path,
            "posts.slug",
            expected=f"a name for the {noun} of a to z, digits and single hyphens",
            got=slug,
            hint=f"Rename it; {better} would do." if better else "Rename it.",
        )
        return False
    return True


def _advice(name: str) -> str:
    if name == SERIES_FILE:
        return "series.toml belongs in the folder of a series."
    stem, _, ending = name.rpartition(".")
    if ending.lower() in IMAGE_TYPES:
        return "Give the post a folder of its own, with index.md and its images."
    if ending.lower() in {"md", "markdown", "mdown", "mkd", "mdx", "txt"}:
        return f"Were it a post, its name would be {stem}.md."
    return "Move it elsewhere."
