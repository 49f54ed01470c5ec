"""Where written entries lie until the feeds take them: one temporary file, not our memory."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from publisher.errors import Problem, Unavailable
from publisher.feeds import fill

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from publisher.feeds import Form, Plates, Standing

    Spots = dict[str, tuple[int, int, int, int, int]]
    """By post id: which file, where, and the octets of each format."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it lies in a file, read in the format that is asked for."""

    file: int
    at: int
    atom: int
    rss: int
    json: int
    """The octets of each format, one after another."""

    def fill(self, form: Form, standing: Standing) -> bytes:
        """Return the entry in one format with what is said of its place."""
        before = {"atom": 0, "rss": self.atom, "json": self.atom + self.rss}[form]
        return fill(os.pread(self.file, getattr(self, form), self.at + before), form, standing)


class Galley:
    """Keeps entries by post id; several processes that share it write a file each."""

    def __init__(self, folder: Path, writers: int = 1) -> None:
        self._folder = folder
        self._files = [
            tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the galley
            for _ in range(writers)
        ]
        self._spots: Spots = {}
        self._ends = [0] * writers
        self._writer = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()

    def keep(self, post_id: str, plates: Plates) -> None:
        """Keep a post's entry; raises Unavailable where the disk is full."""
        data = plates.atom + plates.rss + plates.json
        at = self._ends[self._writer]
        left = memoryview(data)
        try:
            while left:
                place = at + len(data) - len(left)
                left = left[os.pwrite(self._files[self._writer].fileno(), left, place) :]
        except OSError as error:
            raise Unavailable(self._full(error)) from error
        self._ends[self._writer] += len(data)
        sizes = len(plates.atom), len(plates.rss), len(plates.json)
        self._spots[post_id] = (self._writer, at, *sizes)

    def find(self, post_id: str) -> Kept | None:
        """Return a post's entry where it is kept."""
        spot = self._spots.get(post_id)
        return None if spot is None else Kept(self._files[spot[0]].fileno(), *spot[1:])

    def write_file(self, number: int) -> None:
        """Write into this one of the files from now on."""
        self._writer = number

    def spots(self) -> Spots:
        """Return where everything lies, for a process that shares the files."""
        return self._spots

    def learn(self, spots: Spots) -> None:
        """Take over what another process kept."""
        self._spots.update(spots)

    def _full(self, error: OSError) -> Problem:
        return Problem(
            code="build.room",
            path=str(self._folder),
            expected="room for the entries of the feeds while the site is built",
            got=error.strerror or str(error),
            hint="Make room there; what was published stays as it is.",
        )
