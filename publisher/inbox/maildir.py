"""A Maildir: a folder that a mail server delivers to, a file a mail (https://cr.yp.to/proto/maildir.html).

A server writes into ``tmp`` and renames into ``new``, so what is in ``new`` is whole. What was taken
in is renamed into ``cur``, as seen; what is for a person goes there too, unseen.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from publisher.errors import Problem, Unavailable
from publisher.inbox.arriving import Arrival
from publisher.inbox.reading import MOST_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ, _UNREAD = ":2,S", ":2,"


class Maildir:
    """A Maildir's new mail."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is read yet."""
        self.name = str(folder)
        self._new, self._cur = folder / "new", folder / "cur"

    def arrivals(self) -> Iterator[Arrival]:
        """Give what is new, the oldest first; what arrives meanwhile is for the next time.

        Raises Unavailable where the folder is none, or may not be read or changed.
        """
        try:
            # Names begin with the second of the delivery.
            names = sorted(one.name for one in self._new.iterdir() if not one.name.startswith("."))
            self._cur.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Unavailable(self._problem(self._new, error)) from error
        for name in names:
            data = self._read(name)
            if data is not None:
                yield Arrival(
                    name=f"{self.name}/new/{name}",
                    data=data,
                    put_away=lambda is_read, name=name: self._put_away(name, is_read=is_read),  # type: ignore[misc]
                )

    def _read(self, name: str) -> bytes | None:
        """Return a mail's beginning; None for what is no file, or was taken away meanwhile."""
        try:
            # A link may lead anywhere, and a pipe would be waited for.
            number = os.open(self._new / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise Unavailable(self._problem(self._new / name, error)) from error
            return None
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            return None
        with os.fdopen(number, "rb") as file:
            return file.read(MOST_OCTETS)

    def _put_away(self, name: str, *, is_read: bool) -> None:
        target = self._cur / f"{name.partition(':')[0]}{_READ if is_read else _UNREAD}"
        turn = 0
        while os.path.lexists(target):  # another mail's: nothing is ever written over
            turn += 1
            target = self._cur / f"{name.partition(':')[0]}.{turn}{_READ if is_read else _UNREAD}"
        try:
            (self._new / name).rename(target)
        except FileNotFoundError:
            return  # somebody put it away meanwhile
        except OSError as error:
            raise Unavailable(self._problem(self._new / name, error)) from error

    def _problem(self, path: Path, error: OSError) -> Problem:
        return Problem(
            code="feedback.maildir",
            path=str(path),
            expected="a Maildir whose new mail this user may read and put away",
            got=error.strerror or str(error),
            hint="Nothing was lost: what was not put away is read again, and counts once.",
        )
