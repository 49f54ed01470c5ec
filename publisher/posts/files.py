"""One post's file: what its name says, and its bytes."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher.errors import ContentError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_SOURCE_BYTES = 5_000_000
MAX_IMAGE_BYTES = 20_000_000
IMAGE_TYPES = frozenset({"png", "jpg", "jpeg", "gif", "webp", "avif"})

SERIES_FILE = "series.toml"
BUNDLE_FILE = "index.md"

_NUMBERED = re.compile(r"(?!\d{4}-\d\d-\d\d-)(\d{1,4})-(.+)\Z")  # a date is no part number

Stamp = tuple[str, int, int]
"""A file's name, time of change in nanoseconds, and size in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What the path of a source says by itself, before its front matter may say otherwise."""

    series: str | None
    slug: str
    part: int | None

    @property
    def location(self) -> str:
        """The post's path below the root of the site."""
        return f"{self.series}/{self.slug}" if self.series else self.slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file of the folder that can be read; its signature changes when the file does."""

    path: str
    """Below the folder, with forward slashes."""
    bundle: bool = False
    signature: tuple[Stamp, ...]
    """The source first, then the images of its bundle by name."""

    @property
    def changed_at_ns(self) -> int:
        """The newest time of change among its files, in nanoseconds since 1970."""
        return max(stamp[1] for stamp in self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The bytes of one post."""

    path: str
    data: bytes
    images: Mapping[str, bytes] = field(default_factory=dict)


def name_of(path: str) -> Name:
    """Return what a source's path says of its post."""
    folders = path.removesuffix(".md").removesuffix("/index").split("/")
    name = folders[-1]
    if len(folders) == 1:
        return Name(series=None, slug=name, part=None)
    numbered = _NUMBERED.match(name)
    return Name(
        series=folders[0],
        slug=numbered[2] if numbered else name,
        part=int(numbered[1]) if numbered else None,
    )


def read(root: Path, found: Found, *, shown: str = "posts") -> Source:
    """Return the bytes of one post and its images.

    Raises ContentError where a file is gone, no longer a regular one, too large, or is being
    written: its size or time differs from what the scan saw.
    """
    folder = f"{root}/{found.path}".rpartition("/")[0]
    where = f"{shown}/{found.path}"
    (stamp, *stamps) = found.signature
    data = _read_file(folder, stamp, where, MAX_SOURCE_BYTES)
    images = {
        stamp[0]: _read_file(
            folder, stamp, f"{where.rpartition('/')[0]}/{stamp[0]}", MAX_IMAGE_BYTES
        )
        for stamp in stamps
    }
    return Source(path=found.path, data=data, images=images)


def _read_file(folder: str, stamp: Stamp, where: str, limit: int) -> bytes:
    name, changed_at_ns, size = stamp
    handle = _open(f"{folder}/{name}", where)
    try:
        length = os.fstat(handle).st_size
        if length > limit:
            raise ContentError(file_problem(where, "posts.size", **size_words(length, limit)))
        data = os.read(handle, length + 1)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    if (after.st_mtime_ns, after.st_size, len(data)) != (changed_at_ns, size, size):
        raise ContentError(
            file_problem(
                where,
                "posts.changing",
                expected="a file at rest",
                got="one that is being written",
                hint="Nothing to do: it is read again the next time.",
            )
        )
    return data


def _open(path: str, where: str) -> int:
    """Open a regular file that is no link, without waiting for what is a pipe by now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        got = os.strerror(error.errno or 0).lower()
        raise ContentError(_not_readable(where, got)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ContentError(_not_readable(where, "something else"))
    return handle


def _not_readable(where: str, got: str) -> Problem:
    return file_problem(
        where,
        "posts.unreadable",
        expected="a regular file that can be read",
        got=got,
        hint="Give this account the right to read it, or put the file back.",
    )


def size_words(size: int, limit: int) -> dict[str, str]:
    """Return what a problem says of a file over its limit."""
    return {
        "expected": f"at most {limit // 1_000_000} MB",
        "got": f"{size / 1_000_000:.1f} MB",
        "hint": "Make the image smaller." if limit == MAX_IMAGE_BYTES else "Split the post.",
    }


def file_problem(path: str, code: str, *, expected: str, got: str, hint: str = "") -> Problem:
    """Return a problem of a file as a whole."""
    return Problem(code=code, path=path, expected=expected, got=got, hint=hint)
