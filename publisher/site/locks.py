"""One at a time: the kernel's locks on files of the state directory."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

from publisher.errors import Problem, Unavailable
from publisher.site.files import PRIVATE_MODES, TEMPORARY, ensure_private, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.05
_numbers = count()


@contextmanager
def hold(path: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the kernel's lock on this file while the block runs; the file tells our process id.

    The lock ends with the process, however that ends; the file stays and means nothing. Raises
    Unavailable, naming the file and the holder, where another still holds it after the wait.
    """
    ensure_private(path.parent)
    descriptor = _lock(path, time.monotonic() + wait_seconds)
    try:
        _sign(descriptor, f"{os.getpid()}\n")
        yield
    finally:
        _sign(descriptor, "")
        os.close(descriptor)


def identify(state: Path) -> str:
    """Return the name of a state directory, made up once: the locks in it are about this place."""
    file = state / "machine"
    if not file.is_file():
        ensure_private(state)
        aside = state / f"{TEMPORARY}machine.{os.getpid()}.{next(_numbers)}"
        aside.write_text(f"{uuid.uuid4()}\n", "ascii")
        with suppress(FileExistsError):  # another process was first
            file.hardlink_to(aside)
        aside.unlink()
    return file.read_text("ascii", "replace").strip()


def holder(path: Path) -> str:
    """Return who holds the kernel's lock on this file; nothing where nobody does."""
    try:
        with hold(path):
            return ""
    except Unavailable as error:
        if error.problems[0].code != "site.locked":
            raise
        return error.problems[0].got


def _lock(path: Path, deadline: float) -> int:
    """Return a descriptor that holds the lock, trying until the deadline of the monotonic clock."""
    while True:
        with told(path):
            descriptor = _try_lock(path)
        if descriptor is not None:
            return descriptor
        if time.monotonic() >= deadline:
            raise _held(path)
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - flock itself cannot wait for a limited time


def _try_lock(path: Path) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, PRIVATE_MODES.file)
    held = False
    try:
        os.fchmod(descriptor, PRIVATE_MODES.file)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A file that was removed meanwhile can be locked, and holds nobody off.
        held = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return None
    finally:
        if not held:
            os.close(descriptor)
    return descriptor if held else None


def _sign(descriptor: int, text: str) -> None:
    with suppress(OSError):  # a full disk is no reason not to hold a lock
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _held(path: Path) -> Unavailable:
    holder = _read_name(path)
    process = f"process {holder}" if holder.isdecimal() else "another process"
    return Unavailable(
        Problem(
            code="site.locked",
            path=str(path),
            expected="to be the only one at work here",
            got=f"{process} holds the lock",
            hint="Wait until it ends, or end it; the lock goes with it.",
        )
    )


def _read_name(path: Path) -> str:
    try:
        return path.read_bytes().decode("ascii", "replace").strip()
    except OSError:
        return ""
