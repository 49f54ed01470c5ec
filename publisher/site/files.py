"""Files of ``public/`` and of the state directory: whole or old, never half.

A file of ``public/`` is readable by every user whatever the umask, since a web server of another
user serves it; everything else we make is ours alone (``private_umask``, ``ensure_private``).
Last-Modified and the ETag of a web server come from a file's time, so a file whose bytes stay keeps
its time, and a file whose bytes change gets one at least a second later.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from publisher.errors import NotFound, Problem, Refused, Unavailable
from publisher.renditions import VARIANTS, Suffixes, compress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

TEMPORARY: Final = ".~"
"""How the name of a file that is being written begins; such a file is never served."""


class _Modes(NamedTuple):
    file: int
    directory: int


_PUBLIC_MODES = _Modes(0o644, 0o755)
PRIVATE_MODES: Final = _Modes(0o600, 0o700)
_NO_STEPS = frozenset({"", ".", ".."})
_SECOND_NS = 1_000_000_000
_FEW = 64
"""More files than this are not flushed one by one."""
_MANY_NAMES = 1_000
_numbers = count()
_CLEAR_THE_WAY = "Move it away, then publish again; nothing was written."


def shipped(name: str, *, package: Path = Path(__file__).parent.parent) -> Path:
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
        return files.write(path, data, variants=VARIANTS if compressed else ())


@contextmanager
def batch(root: Path, *, durable: bool = False, private: bool = False) -> Iterator[Batch]:
    """Give files that take their places together when the block ends; none where it raises.

    ``durable`` and ``private`` as in ``write``; waiting for the disk once for many files takes a
    small part of the time that waiting for each would.
    """
    files = Batch(root, PRIVATE_MODES if private else _PUBLIC_MODES)
    try:
        yield files
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
        self._known: set[str] = set()
        """Directories that are there, and no symlinks."""
        self._made: set[str] = set()
        """Those of them that this batch made: nothing else is in them."""
        self._taken: set[str] = set()

    def write(self, path: Path, data: bytes, *, variants: Suffixes = ()) -> bool:
        """Write the file aside, and its variants; return whether it differs from what is there.

        Raises as ``site.write`` does.
        """
        with told(self._root, path):
            file = self._enter_all(path)
            is_new = file.rpartition("/")[0] in self._made and file not in self._taken
            if not is_new and _is_current(file, data, variants):
                return False
            self._taken.add(file)
            self._write_all(_renditions(file, data, variants, is_new=is_new), is_new=is_new)
        return True

    def _enter_all(self, path: Path) -> str:
        """Return the file's place below the root, its directories made; raises Refused."""
        *folders, name = _steps(self._root, path)
        step = str(self._root)
        for folder in folders:
            step = f"{step}/{folder}"
            if step not in self._known:
                self._enter(step)
        return f"{step}/{name}"

    def _enter(self, step: str) -> None:
        """Make a directory, or see that it is one."""
        try:
            self._make(step)
        except FileNotFoundError:
            made = _make_directories(self._root, self._modes.directory)
            self._made.update(map(str, made))
            self._make(step)
        self._known.add(step)

    def _make(self, step: str) -> None:
        try:
            os.mkdir(step)  # noqa: PTH102 - as in _modified_ns
        except FileExistsError:
            _refuse_unless(stat.S_ISDIR, step, _mode(step))
        else:
            os.chmod(step, self._modes.directory)  # noqa: PTH101 - as in _modified_ns
            self._made.add(step)

    def _write_all(self, renditions: dict[str, bytes | None], *, is_new: bool) -> None:
        """Write every rendition aside and give all one time."""
        written = []
        for file, data in renditions.items():
            self._waiting[file] = ""
            if data is not None:
                self._waiting[file] = self._write_aside(file, data)
                written.append(self._waiting[file])
        if is_new and len(written) == 1:
            return  # it has its time
        modified_ns = _next_modified_ns(written[-1], renditions)
        for temporary in written:
            os.utime(temporary, ns=(modified_ns, modified_ns))

    def _write_aside(self, file: str, data: bytes) -> str:
        folder, _, name = file.rpartition("/")
        try:
            descriptor, temporary = _create(folder, name, self._modes.file)
        except FileNotFoundError:
            made = _make_directories(Path(folder), self._modes.directory)
            self._made.update(map(str, made))
            descriptor, temporary = _create(folder, name, self._modes.file)
        self._waiting[file] = temporary
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            os.close(descriptor)
        return temporary

    def put_in_place(self, *, durable: bool = False) -> None:
        """Let every file take its place, the plain one after its variants."""
        with told(self._root):
            if durable and self._waiting:
                _flush_all(temporary for temporary in self._waiting.values() if temporary)
            folders = {file.rpartition("/")[0] for file in self._waiting} if durable else set()
            for file, temporary in list(self._waiting.items()):
                if temporary:
                    os.replace(temporary, file)  # noqa: PTH105 - as in _modified_ns
                else:
                    Path(file).unlink(missing_ok=True)
                del self._waiting[file]
            if folders:
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
    with told(root, path):
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


def private_umask() -> None:
    """Make every file this process creates from now on readable by its own user alone."""
    os.umask(0o077)


def ensure_private(directory: Path) -> None:
    """Make the directory and its missing parents, for our user alone; what exists stays as it is.

    Raises Unavailable where the file system refuses.
    """
    with told(directory):
        _make_directories(directory, PRIVATE_MODES.directory)


def _steps(root: Path, path: Path) -> list[str]:
    """Return the names that lead from the root to the file; raises Refused where they do not."""
    steps = os.fspath(path).removeprefix(f"{root}/").split("/")
    if path == root or not _NO_STEPS.isdisjoint(steps):
        raise _refusal(path, f"a file below {root}", "a path outside it", "Name it from there.")
    return steps


def _inside(root: Path, path: Path) -> Path:
    """Return the file's place below the root, or raise Refused where it is not safely there."""
    steps = _steps(root, path)
    step = str(root)
    for number, name in enumerate(steps, 1):
        step = f"{step}/{name}"
        mode = _mode(step)
        if not mode:
            break  # nothing is below what is not there
        _refuse_unless(stat.S_ISDIR if number < len(steps) else stat.S_ISREG, step, mode)
    return root.joinpath(*steps)


def _refuse_unless(is_wanted: Callable[[int], bool], path: str, mode: int) -> None:
    """Raise Refused for what is in the way: a symlink, a file or a directory."""
    if stat.S_ISLNK(mode):
        raise _refusal(path, "no symlink", "a symlink", _CLEAR_THE_WAY)
    if is_wanted is stat.S_ISDIR and not stat.S_ISDIR(mode):
        raise _refusal(path, "a directory", "a file", _CLEAR_THE_WAY)
    if is_wanted is stat.S_ISREG and stat.S_ISDIR(mode):
        raise _refusal(path, "a file", "a directory", _CLEAR_THE_WAY)


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


def _is_current(file: str, data: bytes, variants: Suffixes) -> bool:
    """Say whether the file holds these bytes and its variants are of the same making.

    Raises Refused where it is no file.
    """
    mode = _mode(file)
    if not mode:
        return False
    _refuse_unless(stat.S_ISREG, file, mode)
    if _read(Path(file)) != data:
        return False
    made_ns = _modified_ns(file)
    return all(
        _modified_ns(f"{file}{suffix}") == (made_ns if suffix in variants else None)
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


def _renditions(
    file: str, data: bytes, variants: Suffixes, *, is_new: bool
) -> dict[str, bytes | None]:
    """Return what each file is to hold, nothing for one that must go; the plain file is last."""
    there = () if is_new else (file + suffix for suffix in VARIANTS if _mode(file + suffix))
    packed = {file + suffix: one for suffix, one in compress(data, variants).items()}
    return {**dict.fromkeys(there), **packed, file: data}


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


@contextmanager
def told(root: Path, path: Path | str = "") -> Iterator[None]:
    """Turn what the file system refuses into a problem that names the file."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            Problem(
                code="site.unwritable",
                path=str(root / path),
                expected="a place where this user may write, with room",
                got=error.strerror or str(error),
                hint="Check the free space and the permissions there; what was there still is.",
            )
        ) from error
