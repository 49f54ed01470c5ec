"""Files of ``public/`` and of the state directory: whole or old, never half; one writer at a time.

A file of ``public/`` is readable by every user whatever the umask, since a web server of another
user serves it; everything else we make is ours alone (``private_umask``, ``ensure_private``).
Last-Modified and the ETag of a web server come from a file's time, so a file whose bytes stay keeps
its time, and a file whose bytes change gets one at least a second later.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import brotli

from publisher.errors import NotFound, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

VARIANTS: Final = (".br", ".gz")
"""What is added to a file's name for its compressed variants, the better first."""
TEMPORARY: Final = ".~"
"""How the name of a file that is being written begins; such a file is never served."""


class _Modes(NamedTuple):
    file: int
    directory: int


_PUBLIC_MODES = _Modes(0o644, 0o755)
_PRIVATE_MODES = _Modes(0o600, 0o700)
_SECOND_NS = 1_000_000_000
_POLL_SECONDS = 0.05
_CLEAR_THE_WAY = "Move it away, then publish again; nothing was written."


def shipped(name: str, *, package: Path = Path(__file__).parent) -> Path:
    """Return the directory ``templates`` or ``posts`` that came with the program.

    An installed wheel carries it inside the package, a checkout beside it. Raises NotFound where
    neither does.
    """
    inside, beside = package / "_shipped" / name, package.parent / name
    if inside.is_dir():
        return inside
    # Without a checkout the neighbours are other people's packages.
    if beside.is_dir() and (package.parent / "pyproject.toml").is_file():
        return beside
    raise NotFound(
        Problem(
            code="site.shipped",
            path=str(inside),
            expected=f"the {name} that come with the program",
            got="nothing",
            hint="Install the program again: its own files are incomplete.",
        )
    )


def write(
    path: Path,
    data: bytes,
    *,
    root: Path,
    durable: bool = False,
    compressed: bool = False,
    private: bool = False,
) -> bool:
    """Make the file hold these bytes and return whether anything had to be written.

    ``path`` is below ``root``, or relative to it. A reader sees the old file or the new one;
    ``durable`` makes that true of a power cut too. ``compressed`` keeps the variants of
    ``VARIANTS`` beside the file, with the same time, and puts the plain file in place last. A
    ``private`` file, such as one of the state directory, is our user's alone.
    Raises Refused for a path outside the root or through a symlink, and where a directory is a
    file or a file a directory; Unavailable where the file system refuses.
    """
    modes = _PRIVATE_MODES if private else _PUBLIC_MODES
    with _told(root / path):
        target = _inside(root, path)
        if _is_current(target, data, compressed=compressed):
            return False
        made = _make_directories(target.parent, modes.directory)
        _put(target, _renditions(target, data, compressed=compressed), modes.file, durable=durable)
        if durable:
            for directory in {target.parent, *(directory.parent for directory in made)}:
                _flush(directory)
    return True


def remove(path: Path, *, root: Path) -> bool:
    """Remove the file, its variants and the directories this empties; return whether it was there.

    The root stays. Raises Refused as ``write`` does, and Unavailable where the file system refuses.
    """
    with _told(root / path):
        target = _inside(root, path)
        existed = target.exists()
        for file in (*_variants(target), target):
            file.unlink(missing_ok=True)
    with suppress(OSError):
        for directory in takewhile(lambda parent: parent != root, target.parents):
            directory.rmdir()
    return existed


def sweep(root: Path, *, before: datetime | None = None) -> int:
    """Remove the temporary files that a kill left below the root; return how many.

    Only those last written before that instant; without one, all: for whoever holds the lock.
    """
    swept = 0
    limit = before.timestamp() if before else float("inf")
    for directory, _, names in os.walk(root):
        for name in names:
            if name.startswith(TEMPORARY) and _remove_old(Path(directory, name), limit):
                swept += 1
    return swept


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


def private_umask() -> None:
    """Make every file this process creates from now on readable by its own user alone."""
    os.umask(0o077)


def ensure_private(directory: Path) -> None:
    """Make the directory and its missing parents, for our user alone; what exists stays as it is.

    Raises Unavailable where the file system refuses.
    """
    with _told(directory):
        _make_directories(directory, _PRIVATE_MODES.directory)


def _inside(root: Path, path: Path) -> Path:
    """Return the file's place below the root, or raise Refused where it is not safely there."""
    target = path if path.is_relative_to(root) else root / path
    if ".." in target.parts or root not in target.parents:
        raise _refusal(target, f"a file below {root}", "a path outside it", "Name it from there.")
    for step in (*reversed(list(takewhile(lambda p: p != root, target.parents))), target):
        mode = _mode(step)
        if stat.S_ISLNK(mode):
            raise _refusal(step, "no symlink", "a symlink", _CLEAR_THE_WAY)
        if step == target and stat.S_ISDIR(mode):
            raise _refusal(step, "a file", "a directory", _CLEAR_THE_WAY)
        if step != target and mode and not stat.S_ISDIR(mode):
            raise _refusal(step, "a directory", "a file", _CLEAR_THE_WAY)
    return target


def _mode(path: Path) -> int:
    """Return the type and mode of what is there, 0 where nothing is."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _refusal(path: Path, expected: str, got: str, hint: str) -> Refused:
    return Refused(
        Problem(code="site.in_the_way", path=str(path), expected=expected, got=got, hint=hint)
    )


def _is_current(target: Path, data: bytes, *, compressed: bool) -> bool:
    """Say whether the file holds these bytes and its variants are of the same making."""
    if _read(target) != data:
        return False
    expected = _modified_ns(target) if compressed else None
    return all(_modified_ns(variant) == expected for variant in _variants(target))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _modified_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _variants(target: Path) -> tuple[Path, ...]:
    return tuple(target.with_name(target.name + suffix) for suffix in VARIANTS)


def _renditions(target: Path, data: bytes, *, compressed: bool) -> dict[Path, bytes | None]:
    """Return what each file is to hold, nothing for one that must go; the plain file is last."""
    brotli_file, gzip_file = _variants(target)
    if not compressed:
        return {brotli_file: None, gzip_file: None, target: data}
    smallest = brotli.compress(data, quality=5)
    packed = _gzip(data, {len(smallest), len(data)})
    return {brotli_file: smallest, gzip_file: packed, target: data}


def _gzip(data: bytes, lengths: set[int]) -> bytes:
    """Compress to none of these lengths, and to the same bytes each time.

    Web servers make an ETag of a file's time and length, and renditions share their time: two of
    one length would share their ETag too. A name inside, which nobody reads, makes it longer.
    """
    sizes = (_gzip_named(data, name) for name in ("", "n", "na", "name"))
    return next(packed for packed in sizes if len(packed) not in lengths)


def _gzip_named(data: bytes, name: str) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", 6, packed, mtime=0) as stream:
        stream.write(data)
    return packed.getvalue()


def _put(target: Path, renditions: dict[Path, bytes | None], mode: int, *, durable: bool) -> None:
    """Write every rendition aside, give all one time, then put them in place in their order."""
    aside: dict[Path, Path] = {}
    try:
        for file, data in renditions.items():
            if data is not None:
                aside[file] = _write_aside(file, data, mode)
        modified_ns = _next_modified_ns(aside[target], renditions)
        for temporary in aside.values():
            os.utime(temporary, ns=(modified_ns, modified_ns))
            if durable:
                _flush(temporary)
        for file in renditions:
            if file in aside:
                aside[file].replace(file)
            else:
                file.unlink(missing_ok=True)
    except BaseException:
        for temporary in aside.values():
            temporary.unlink(missing_ok=True)
        raise


def _write_aside(file: Path, data: bytes, mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(data)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _next_modified_ns(written: Path, files: dict[Path, bytes | None]) -> int:
    """Return the time of the new files: now by the file system's clock, and a second after the old.

    Two changes within a second that keep the length would otherwise share ETag and Last-Modified.
    """
    earlier = [moment for file in files if (moment := _modified_ns(file)) is not None]
    return max(written.stat().st_mtime_ns, *(moment + _SECOND_NS for moment in earlier), 0)


def _flush(path: Path) -> None:
    """Make what is written of this file or directory outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_directories(directory: Path, mode: int) -> list[Path]:
    """Make the missing directories with this mode, whatever the umask; return them."""
    missing = list(takewhile(lambda place: not place.is_dir(), (directory, *directory.parents)))
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(mode)
    return missing


def _remove_old(temporary: Path, limit: float) -> bool:
    with suppress(OSError):  # what cannot be removed is in nobody's way
        found = temporary.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_mtime < limit:
            temporary.unlink()
            return True
    return False


def _lock(path: Path, deadline: float) -> int:
    """Return a descriptor that holds the lock, trying until the deadline of the monotonic clock."""
    while True:
        with _told(path):
            descriptor = _try_lock(path)
        if descriptor is not None:
            return descriptor
        if time.monotonic() >= deadline:
            raise _held(path)
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - flock itself cannot wait for a limited time


def _try_lock(path: Path) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, _PRIVATE_MODES.file)
    held = False
    try:
        os.fchmod(descriptor, _PRIVATE_MODES.file)
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
    holder = (_read(path) or b"").decode("ascii", "replace").strip()
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


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a problem that names the file."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            Problem(
                code="site.unwritable",
                path=str(path),
                expected="a place where this user may write, with room",
                got=error.strerror or str(error),
                hint="Check the free space and the permissions there; what was there still is.",
            )
        ) from error
