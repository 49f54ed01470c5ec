"""Mail as files: everything a sending does except the sending."""

from __future__ import annotations

import heapq
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from publisher.errors import Problem, Refused, Unavailable
from publisher.model import Accepted
from publisher.transport.wire import check

if TYPE_CHECKING:
    from types import TracebackType

    from publisher.model import Envelope, Outcome

_NAME = re.compile(r"\w[\w.:-]*(/\w[\w.:-]*)*")


class Outbox:
    """Puts each mail into its own ``.eml`` file and accepts it; nothing leaves the machine."""

    name = "outbox"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        """Write ``<directory>/<envelope.name>.eml``, whole or not at all; the same again is fine.

        Files are 0600 in directories of 0700. Raises Refused for an envelope that no transport
        takes or whose name is no relative path, Unavailable where the file system refuses.
        """
        check(envelope, data)
        file = self._directory / f"{_checked_name(envelope)}.eml"
        try:
            _make_private(file.parent)
            _write_whole(file, data)
        except OSError as error:
            raise _unavailable(file, error) from error
        return Accepted(reply=f"{envelope.name}.eml")

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _checked_name(envelope: Envelope) -> str:
    if _NAME.fullmatch(envelope.name):
        return envelope.name
    raise Refused(
        Problem(
            code="transport.name",
            path="outbox",
            expected="a name for the file, such as weekly-12/000001",
            got=ascii(envelope.name[:80]),
            hint="Nothing was written; give the envelope a name.",
        )
    )


def _make_private(directory: Path) -> None:
    if not directory.is_dir():
        _make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def _write_whole(file: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".~{file.name}.", dir=file.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unavailable(file: Path, error: OSError) -> Unavailable:
    return Unavailable(
        Problem(
            code="transport.outbox",
            path=str(file),
            expected="a place where this user may write, with room",
            got=error.strerror or str(error),
            hint="Check the free space and the permissions there, then go on; the mail waits.",
        )
    )


def list_mails(
    directory: Path, *, limit: int, but: tuple[str, ...] = ()
) -> list[tuple[str, datetime]]:
    """Return the names of the mails that are there, ``<folder>/<name>``, the newest first.

    Left out are names that begin with one of ``but``.
    """
    named = ((file, f"{file.parent.name}/{file.stem}") for file in directory.glob("*/*.eml"))
    found = [(file.stat().st_mtime, name) for file, name in named if not name.startswith(but)]
    newest = heapq.nlargest(limit, found)
    return [(name, datetime.fromtimestamp(at, UTC)) for at, name in newest]


def read_mail(directory: Path, name: str) -> bytes | None:
    """Return a mail by the name it is listed under; nothing for any other name."""
    if not _NAME.fullmatch(name) or name.count("/") != 1:
        return None
    try:
        return (directory / f"{name}.eml").read_bytes()
    except OSError:
        return None
