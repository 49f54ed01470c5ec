"""A file named on the command line, with one mail in it; it is read and left as it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from publisher.errors import NotFound, Problem
from publisher.inbox.arriving import Arrival
from publisher.inbox.reading import MOST_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STDIN = "-"


class MailFile:
    """A mail in a file; ``-`` is what comes in on standard input."""

    def __init__(self, path: Path) -> None:
        """Take the file; nothing is read yet."""
        self.name = str(path)
        self._path = path

    def arrivals(self) -> Iterator[Arrival]:
        """Give the mail. Raises NotFound where there is none to read."""
        yield Arrival(name=self.name, data=_read(self._path))


def _read(path: Path) -> bytes:
    if str(path) == STDIN:
        data = sys.stdin.buffer.read(MOST_OCTETS)
        while sys.stdin.buffer.read(MOST_OCTETS):
            pass  # a mail server takes a pipe that is closed early for a failure
        return data
    try:
        with path.open("rb") as file:
            return file.read(MOST_OCTETS)
    except OSError as error:
        raise NotFound(
            Problem(
                code="feedback.file",
                path=str(path),
                expected="a file that can be read, with one mail in it",
                got=error.strerror or str(error),
                hint="The others that were named are taken in.",
            )
        ) from error
