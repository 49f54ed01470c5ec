"""Files of ``public/`` and of the state directory: whole or old, never half; one writer at a time.

A file of ``public/`` is readable by every user whatever the umask, since a web server of another
user serves it; everything else we make is ours alone (``private_umask``, ``ensure_private``).
Last-Modified and the ETag of a web server come from a file's time, so a file whose bytes stay keeps
its time, and a file whose bytes change gets one at least a second later.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
import uuid
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import brotli
from zlib_ng import gzip_ng

from publisher.errors import NotFound, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

BROTLI: Final = ".br"
GZIP: Final = ".gz"
Suffixes = tuple[str, ...]
VARIANTS: Final[Suffixes] = (BROTLI, GZIP)
"""What is added to a file's name for its compressed variants, the better first."""
TEMPORARY: Final = ".~"
"""How the name of a file that is being written begins; such a file is never served."""


class _Modes(NamedTuple):
    file: int
    directory: int


_PUBLIC_MODES = _Modes(0o644, 0o755)
_PRIVATE_MODES = _Modes(0o600, 0o700)
_SECOND_NS = 1_000_000_000
_FEW = 64
"""More files than this are not flushed one by one."""
_MANY_NAMES = 1_000
_NAMES = (b"n", b"na", b"name")
_numbers = count()
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
    with batch(root, durable=durable, private=private) as files:
        return files.write(path, data, compressed=compressed)


@contextmanager
def batch(root: Path, *, durable: bool = False, private: bool = False) -> Iterator[Batch]:
    """Give files that take their places together when the block ends; none where it raises.

    ``durable`` and ``private`` as in ``write``; waiting for the disk once for many files takes a
    small part of the time that waiting for each would.
    """
    files = Batch(root, _PRIVATE_MODES if private else _PUBLIC_MODES)
    try:
        yield files
        with _told(root):
            files.put_in_place(durable=durable)
    finally:
        files.discard()


class Batch:
    """Files written aside, until they take their places."""

    def __init__(self, root: Path, modes: _Modes) -> None:
        self._root = root
        self._modes = modes
        self._waiting: dict[str, str] = {}
        """By the file's own place, in the order of taking it: where it lies, "" for one to go."""
        self._made: set[str] = set()

    def write(
        self, path: Path, data: bytes, *, compressed: bool = False, variants: Suffixes = VARIANTS
    ) -> bool:
        """Write the file aside, and its variants; return whether it differs from what is there.

        ``variants`` are those it has where it is ``compressed``. Raises as ``site.write`` does.
        """
        wanted = variants if compressed else ()
        with _told(self._root / path):
            target = _inside(self._root, path)
            if _is_current(target, data, wanted):
                return False
            self._write_all(_renditions(str(target), data, wanted))
        return True

    def _write_all(self, renditions: dict[str, bytes | None]) -> None:
        """Write every rendition aside and give all one time."""
        written = []
        for file, data in renditions.items():
            self._waiting[file] = ""
            if data is not None:
                self._waiting[file] = self._write_aside(file, data)
                written.append(self._waiting[file])
        modified_ns = _next_modified_ns(written[-1], renditions)
        for temporary in written:
            os.utime(temporary, ns=(modified_ns, modified_ns))

    def _write_aside(self, file: str, data: bytes) -> str:
        folder, name = os.path.split(file)
        try:
            descriptor, temporary = _create(folder, name, self._modes.file)
        except FileNotFoundError:
            made = _make_directories(Path(folder), self._modes.directory)
            self._made.update(map(str, made))
            descriptor, temporary = _create(folder, name, self._modes.file)
        self._waiting[file] = temporary
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            left = memoryview(data)
            while left:
                left = left[stream.write(left) :]
        return temporary

    def put_in_place(self, *, durable: bool) -> None:
        """Let every file take its place, the plain one after its variants."""
        waiting = self._waiting
        if durable and waiting:
            _flush_all(temporary for temporary in waiting.values() if temporary)
        folders = {file.rpartition("/")[0] for file in waiting}
        for file, temporary in list(waiting.items()):
            if temporary:
                os.replace(temporary, file)  # noqa: PTH105 - as in _modified_ns
            else:
                Path(file).unlink(missing_ok=True)
            del waiting[file]
        if durable and folders:
            _flush_all({*folders, *(made.rpartition("/")[0] for made in self._made)})

    def discard(self) -> None:
        """Remove what lies aside."""
        for temporary in filter(None, self._waiting.values()):
            Path(temporary).unlink(missing_ok=True)
        self._waiting.clear()


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
    steps = target.parts[len(root.parts) :]
    if ".." in target.parts or not steps or target.parts[: len(root.parts)] != root.parts:
        raise _refusal(target, f"a file below {root}", "a path outside it", "Name it from there.")
    step = str(root)
    for number, name in enumerate(steps, 1):
        step = f"{step}/{name}"
        mode = _mode(step)
        if not mode:
            break  # nothing is below what is not there
        if stat.S_ISLNK(mode):
            raise _refusal(step, "no symlink", "a symlink", _CLEAR_THE_WAY)
        if number == len(steps) and stat.S_ISDIR(mode):
            raise _refusal(step, "a file", "a directory", _CLEAR_THE_WAY)
        if number < len(steps) and not stat.S_ISDIR(mode):
            raise _refusal(step, "a directory", "a file", _CLEAR_THE_WAY)
    return target


def _mode(path: str) -> int:
    """Return the type and mode of what is there, 0 where nothing is."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _refusal(path: Path | str, expected: str, got: str, hint: str) -> Refused:
    return Refused(
        Problem(code="site.in_the_way", path=str(path), expected=expected, got=got, hint=hint)
    )


def _is_current(target: Path, data: bytes, variants: Suffixes) -> bool:
    """Say whether the file holds these bytes and its variants are of the same making."""
    if _read(target) != data:
        return False
    made_ns = _modified_ns(target)
    return all(
        _modified_ns(f"{target}{suffix}") == (made_ns if suffix in variants else None)
        for suffix in VARIANTS
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _modified_ns(path: Path | str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - a path's own way takes twice as long
    except FileNotFoundError:
        return None


def _variants(target: Path) -> tuple[Path, ...]:
    return tuple(target.with_name(target.name + suffix) for suffix in VARIANTS)


def _renditions(file: str, data: bytes, variants: Suffixes) -> dict[str, bytes | None]:
    """Return what each file is to hold, nothing for one that must go; the plain file is last."""
    there = [file + suffix for suffix in VARIANTS if os.path.lexists(file + suffix)]
    renditions: dict[str, bytes | None] = dict.fromkeys(there)
    lengths = {len(data)}
    if BROTLI in variants:
        renditions[file + BROTLI] = packed = brotli.compress(data, quality=5)
        lengths.add(len(packed))
    if GZIP in variants:
        renditions[file + GZIP] = _gzip(data, lengths)
    return {**renditions, file: data}


def _gzip(data: bytes, lengths: set[int]) -> bytes:
    """Compress to none of these lengths, and to the same bytes each time.

    Web servers make an ETag of a file's time and length, and renditions share their time: two of
    one length would share their ETag too. A name inside, which nobody reads, makes it longer.
    """
    packed: bytes = gzip_ng.compress(data, 6, mtime=0)  # type: ignore[no-untyped-call]
    named = (packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:] for name in _NAMES)
    return next(one for one in (packed, *named) if len(one) not in lengths)


def _create(folder: str, name: str, mode: int) -> tuple[int, str]:
    """Open a new file beside its place-to-be and return its descriptor and its path."""
    for _ in range(_MANY_NAMES):
        path = f"{folder}/{TEMPORARY}{name}.{next(_numbers):x}.{os.getpid():x}"
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            os.fchmod(descriptor, mode)
            return descriptor, path
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), folder)


def _next_modified_ns(written: str, files: Iterable[str]) -> int:
    """Return the time of the new files: now by the file system's clock, and a second after the old.

    Two changes within a second that keep the length would otherwise share ETag and Last-Modified.
    """
    earlier = [moment for file in files if (moment := _modified_ns(file)) is not None]
    now_ns = os.stat(written).st_mtime_ns  # noqa: PTH116 - as in _modified_ns
    return max(now_ns, *(moment + _SECOND_NS for moment in earlier), 0)


def _flush_all(paths: Iterable[str]) -> None:
    """Make what is written of these files or directories outlive a power cut."""
    several = list(paths)
    if len(several) > _FEW:
        os.sync()  # one wait for all, where each by itself would wait for the disk
        return
    for path in several:
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
