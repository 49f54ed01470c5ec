"""The files a web server hands out: looked at on each request, the small ones kept in memory."""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE_OCTETS: Final = 32 * 1024 * 1024
"""How much of the small files is kept in memory."""
VARIANTS: Final = {"br": ".br", "gzip": ".gz"}
"""What a compressed variant's name ends in, by its content coding; the better first."""

_SMALL = 256 * 1024
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
_OVERHEAD = 3000  # octets of memory that a kept file takes beside its body, about


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it was looked at; a large one has no body here."""

    path: str
    identity: tuple[int, int, int, int]
    body: bytes | None
    variants: Mapping[str, File] = field(default_factory=dict)
    """The compressed ones by coding, as far as they were made with the file."""
    kept: dict[str, Any] = field(default_factory=dict, compare=False)
    """What whoever serves it wants to keep with it, for as long as it stays as it is."""

    @property
    def modified_ns(self) -> int:
        """When it was last written, as the file system has it."""
        return self.identity[2]

    @property
    def modified_at(self) -> int:
        """Whole seconds, as HTTP's dates have them."""
        return self.modified_ns // 1_000_000_000

    @property
    def size(self) -> int:
        """Its octets."""
        return self.identity[3]


class Files:
    """The files below a root; the small ones that were asked for last stay in memory."""

    def __init__(self, root: Path, octets: int = CACHE_OCTETS) -> None:
        self._root = str(root)
        self._free = octets
        self._kept: OrderedDict[str, File] = OrderedDict()

    def find(self, path: str) -> File | None:
        """Return the regular file at this path, below the root also where symlinks lead.

        Raises OSError where there may be one and the system cannot tell now.
        """
        full = self._root + path
        try:
            seen = os.stat(full)  # noqa: PTH116 - most requests are this one call
            kept = self._kept.get(full)
            if kept and kept.identity == _identity(seen):
                self._kept.move_to_end(full)
                return kept
            return self._read(full) if stat.S_ISREG(seen.st_mode) else None
        except ValueError:
            return None
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise

    def open(self, file: File) -> tuple[File, BinaryIO | None]:
        """Return what is sent: a large file as it is now, and its stream; raises OSError."""
        if file.body is not None:
            return file, None
        stream = Path(file.path).open("rb")  # noqa: SIM115 - whoever sends it closes it
        return File(file.path, _identity(os.fstat(stream.fileno())), None), stream

    def text(self, file: File) -> str:
        """Return the whole file as text; what is no UTF-8 is replaced."""
        if file.body is not None:
            return file.body.decode("utf-8", "replace")
        return Path(file.path).read_text("utf-8", "replace")

    def _read(self, full: str) -> File | None:
        file = self._load(full)
        if file is None:
            return None
        # Variants are put in place before their file: looked at with it, they are never looked at
        # again before it changes.
        found = ((coding, self._load_variant(full + end)) for coding, end in VARIANTS.items())
        variants = {
            coding: variant
            for coding, variant in found
            if variant and variant.modified_ns == file.modified_ns
        }
        file = File(full, file.identity, file.body, variants)
        self._keep(file)
        return file

    def _load_variant(self, full: str) -> File | None:
        try:
            return self._load(full) if stat.S_ISREG(os.stat(full).st_mode) else None  # noqa: PTH116
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise

    def _load(self, full: str) -> File | None:
        if not os.path.realpath(full).startswith(os.path.realpath(self._root) + os.sep):
            return None
        with Path(full).open("rb") as stream:
            seen = os.fstat(stream.fileno())
            body = stream.read() if seen.st_size <= _SMALL else None
        return File(full, _identity(seen), body)

    def _keep(self, file: File) -> None:
        earlier = self._kept.pop(file.path, None)
        self._kept[file.path] = file
        self._free += _weight(earlier) - _weight(file)
        while self._free < 0:
            _, oldest = self._kept.popitem(last=False)
            self._free += _weight(oldest)


def _identity(seen: os.stat_result) -> tuple[int, int, int, int]:
    return seen.st_dev, seen.st_ino, seen.st_mtime_ns, seen.st_size


def _weight(file: File | None) -> int:
    """Return about how much memory a kept file takes, its variants included."""
    if file is None:
        return 0
    own = len(file.body or b"") + _OVERHEAD
    return own + sum(_weight(variant) for variant in file.variants.values())
