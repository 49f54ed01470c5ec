"""What a build leaves for the next: a file in the state directory.

It is private, versioned by a fingerprint and thrown away whenever it does not fit, so a build
without it comes to the same bytes. What says whether anything changed stands first: a build that
finds nothing to do reads no further.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from publisher.errors import Problem
    from publisher.model import Post

_T = TypeVar("_T")

FILE = "build.memory"

Lie = tuple[int, int]
"""A file's size and time of change in nanoseconds; what is not there has neither."""
_NOTHING: Lie = (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A source as it was parsed."""

    signature: object
    post: Post
    has_links: bool
    """Whether it links to other posts' sources: then it depends on what is there."""
    said: str
    """A digest of what is said of the post elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """How each source parsed, and what each output was made from."""

    inputs: Mapping[str, str]
    """Output file → digest of what it was made from."""
    parsed: Mapping[str, Parsed] = field(default_factory=dict)
    """By source path; broken sources are read anew each time."""
    paths: str = ""
    """Of every source's path: what links between posts were checked against."""
    folders: Mapping[str, bytes] = field(default_factory=dict)
    """What was parsed as it is kept, by folder: where nothing changed it is kept on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was true when the last build ended."""

    fingerprint: str
    """Of the code, the configuration and the templates."""
    revision: int
    """Of the store."""
    folder: str
    """Of every source's name, size and time."""
    until: float | None
    """The moment when time alone changes the catalog, seconds since 1970."""
    outputs: int
    problems: tuple[Problem, ...]
    files: str
    """Every file of ours below the output directory, a line each: the outputs, their variants."""
    lies: array[int]
    """Size and time of each."""
    rest: bytes = b""
    """The details as they are kept."""

    def details(self) -> Details | None:
        """Return the rest, or nothing where it is damaged."""
        try:
            inputs, paths, folders = pickle.loads(self.rest)  # noqa: S301 - as in _load
            parsed: dict[str, Parsed] = {}
            for folder in folders.values():
                parsed |= pickle.loads(folder)  # noqa: S301
        except Exception:  # noqa: BLE001 - as in _load
            return None
        return Details(inputs=inputs, parsed=parsed, paths=paths, folders=folders)

    def by_file(self, lies: array[int]) -> dict[str, Lie]:
        """Return sizes and times by file."""
        return dict(
            zip(self.files.split("\n"), zip(lies[::2], lies[1::2], strict=True), strict=True)
        )


def load_memory(path: Path) -> Memory | None:
    """Return what the last build left, or None where there is nothing usable."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    stream = io.BytesIO(data)
    memory = _load(stream)
    if not isinstance(memory, Memory):
        return None
    object.__setattr__(memory, "rest", data[stream.tell() :])
    return memory


def _load(stream: io.BytesIO) -> object:
    try:
        return pickle.load(stream)  # noqa: S301 - our own file, 0600, in our state
    except Exception:  # noqa: BLE001 - a damaged memory is no memory, whatever is wrong with it
        return None


def dump_memory(memory: Memory, details: Details, before: Details | None = None) -> bytes:
    """Return a memory and its details as the bytes of its file.

    ``before`` are those it was made from: folders without a change need not be written anew.
    """
    parts = memory, (details.inputs, details.paths, _by_folder(details, before))
    return b"".join(map(_dump, parts))


def _dump(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def take_apart(value: _T) -> tuple[Callable[..., _T], tuple[object, ...]]:
    """Say how pickle keeps a value with slots: a frozen dataclass's own way takes twice as long."""
    kind: type = type(value)
    return _put_together, (kind, *_getter(kind)(value))


@lru_cache
def _getter(kind: type) -> Callable[[object], tuple[object, ...]]:
    return attrgetter(*kind.__slots__)  # type: ignore[attr-defined]


def _put_together(kind: type, *values: object) -> Any:
    made: Any = object.__new__(kind)
    for set_slot, value in zip(setters(kind), values, strict=True):
        set_slot(made, value)
    return made


@lru_cache
def setters(kind: type) -> tuple[Callable[[object, object], None], ...]:
    """Return what sets each field of a value with slots, in their order."""
    return tuple(getattr(kind, name).__set__ for name in kind.__slots__)  # type: ignore[attr-defined]


def _by_folder(details: Details, before: Details | None) -> dict[str, bytes]:
    known = before.parsed if before else {}
    now, earlier = _in_folders(details.parsed), _in_folders(known)
    kept = {}
    for folder, paths in now.items():
        is_same = paths == earlier.get(folder)
        if before and is_same and all(known[path] is details.parsed[path] for path in paths):
            kept[folder] = before.folders[folder]
        else:
            some = {path: details.parsed[path] for path in paths}
            kept[folder] = _dump(some)
    return kept


def _in_folders(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths by the folder they begin with."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        found[path.partition("/")[0] if "/" in path else ""].append(path)
    return found


def look_at(
    root: Path, files: Iterable[str], known: Mapping[str, Lie] = MappingProxyType({})
) -> array[int]:
    """Return size and time of each file below the root, as it lies now; ``known`` are not asked."""
    below = f"{root}/"
    facts: list[int] = []
    for file in files:
        if file in known:
            facts += known[file]
            continue
        try:
            found = os.lstat(below + file)
            facts += (found.st_size, found.st_mtime_ns)
        except OSError:
            facts += _NOTHING
    return array("q", facts)


def digest_lines(lines: Iterable[str]) -> str:
    """Return a digest of short texts without line ends, in their order."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
