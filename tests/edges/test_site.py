"""Files: whole or old, never half; public where they must be, private elsewhere; one writer."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
import pytest

from publisher import site
from publisher.errors import NotFound, Refused, Unavailable
from publisher.renditions import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(site.__file__).parents[2]
PAGE = Path("series/part-1/index.html")
LETTERS = b"a letter a day keeps the gloom away " * 200


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Run every test under the product's own umask, and put the old one back."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@contextmanager
def small_files_only(octets: int) -> Iterator[None]:
    """Let the kernel refuse writes beyond this size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def modified_ns(path: Path) -> int:
    return path.stat().st_mtime_ns


def problem_of(raised: pytest.ExceptionInfo[Refused] | pytest.ExceptionInfo[Unavailable]) -> str:
    return raised.value.problems[0].as_text()


# ------------------------------------------------------------------------------------- shipped


def test_shipped_finds_the_checkout(tmp_path: Path) -> None:
    """In a checkout the templates and posts lie beside the package."""
    package = tmp_path / "publisher"
    (tmp_path / "templates").mkdir()
    (tmp_path / "pyproject.toml").touch()

    assert site.shipped("templates", package=package) == tmp_path / "templates"


def test_shipped_finds_the_wheel(tmp_path: Path) -> None:
    """An installed wheel carries them inside, and its copy comes first."""
    package = tmp_path / "publisher"
    (package / "_shipped" / "posts").mkdir(parents=True)
    (tmp_path / "posts").mkdir()
    (tmp_path / "pyproject.toml").touch()

    assert site.shipped("posts", package=package) == package / "_shipped" / "posts"


def test_shipped_ignores_other_packages(tmp_path: Path) -> None:
    """A directory ``posts`` beside an installed package belongs to somebody else."""
    (tmp_path / "posts").mkdir()

    with pytest.raises(NotFound, match="the posts that come with the program"):
        site.shipped("posts", package=tmp_path / "publisher")


def test_shipped_tells_what_is_missing() -> None:
    """What neither copy holds is not found."""
    with pytest.raises(NotFound):
        site.shipped("no-such-directory")


# --------------------------------------------------------------------------------------- write


def test_write_makes_a_public_file_whatever_the_umask(root: Path) -> None:
    """Pages are 0644 in directories of 0755, since another user's web server reads them."""
    changed = site.write(PAGE, b"<p>Hello", root=root)

    assert changed is True
    assert (root / PAGE).read_bytes() == b"<p>Hello"
    assert mode(root / PAGE) == 0o644
    assert [mode(parent) for parent in (root / PAGE).parents[:3]] == [0o755] * 3
    assert names((root / PAGE).parent) == ["index.html"]


def test_private_file_is_ours_alone(tmp_path: Path) -> None:
    """A file of the state directory is readable by our user only, and so is a directory for it."""
    os.umask(0)
    state = tmp_path / "var"

    site.write(state / "epoch", b"1", root=state, private=True)

    assert mode(state / "epoch") == 0o600
    assert mode(state) == 0o700


def test_root_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root and path may both be told from where the program was started."""
    monkeypatch.chdir(tmp_path)
    relative = Path("public")

    site.write(relative / PAGE, b"one", root=relative)
    site.write(Path("feed.atom"), b"two", root=relative)
    site.remove(relative / PAGE, root=relative)

    assert names(tmp_path / "public") == ["feed.atom"]


def test_write_takes_a_path_below_the_root_too(root: Path) -> None:
    """A path may be given from the root or in full."""
    site.write(root / PAGE, b"one", root=root)

    assert site.write(PAGE, b"one", root=root) is False


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("durable", [False, True])
def test_equal_bytes_keep_the_file(root: Path, durable: bool, compressed: bool) -> None:
    """A file that would be the same is not touched: readers get 304 for it."""
    site.write(PAGE, LETTERS, root=root, durable=durable, compressed=compressed)
    before = [path.stat() for path in sorted((root / PAGE).parent.iterdir())]

    changed = site.write(PAGE, LETTERS, root=root, durable=durable, compressed=compressed)

    after = [path.stat() for path in sorted((root / PAGE).parent.iterdir())]
    assert changed is False
    assert [(old.st_ino, old.st_mtime_ns) for old in before] == [
        (new.st_ino, new.st_mtime_ns) for new in after
    ]


def test_each_change_is_a_second_later(root: Path) -> None:
    """Three changes within a second have three dates, so no reader misses one."""
    moments = []

    for data in (b"one", b"two", b"six"):
        site.write(PAGE, data, root=root)
        moments.append(modified_ns(root / PAGE))

    assert moments[1] - moments[0] == moments[2] - moments[1] == 1_000_000_000


def test_change_is_never_dated_before_the_old_file(root: Path) -> None:
    """A file from a clock that was ahead is followed by a later date still."""
    site.write(PAGE, b"one", root=root)
    ahead = time.time_ns() + 3600 * 1_000_000_000
    os.utime(root / PAGE, ns=(ahead, ahead))

    site.write(PAGE, b"two", root=root)

    assert modified_ns(root / PAGE) == ahead + 1_000_000_000


def test_change_of_an_old_file_is_dated_now(root: Path) -> None:
    """Otherwise the date is the file system's own now."""
    site.write(PAGE, b"one", root=root)
    os.utime(root / PAGE, (1_000_000_000, 1_000_000_000))

    site.write(PAGE, b"two", root=root)

    assert abs(modified_ns(root / PAGE) / 1e9 - time.time()) < 60


def test_variants_hold_the_same_and_share_a_time(root: Path) -> None:
    """The variants unpack to the plain bytes, are public, and all three have one date."""
    feed = root / "feed.atom"

    site.write(feed, LETTERS, root=root, durable=True, compressed=True)

    packed_br, packed_gz = (root / f"feed.atom{suffix}" for suffix in VARIANTS)
    assert names(root) == ["feed.atom", "feed.atom.br", "feed.atom.gz"]
    assert brotli.decompress(packed_br.read_bytes()) == LETTERS
    assert gzip.decompress(packed_gz.read_bytes()) == LETTERS
    assert len({modified_ns(path) for path in root.iterdir()}) == 1
    assert {mode(path) for path in root.iterdir()} == {0o644}


def test_variants_are_the_same_bytes_each_time(root: Path, tmp_path: Path) -> None:
    """Two machines that publish the same feed publish the same octets."""
    other = tmp_path / "other"

    site.write(Path("feed.atom"), LETTERS, root=root, compressed=True)
    site.write(Path("feed.atom"), LETTERS, root=other, compressed=True)

    assert [path.read_bytes() for path in sorted(root.iterdir())] == [
        path.read_bytes() for path in sorted(other.iterdir())
    ]


@pytest.mark.parametrize("suffix", VARIANTS)
def test_variant_left_by_a_kill_is_made_again(root: Path, suffix: str) -> None:
    """A kill between variant and plain file leaves a newer variant; the next run notices."""
    feed = root / "feed.atom"
    site.write(feed, LETTERS, root=root, compressed=True)
    before = modified_ns(feed)
    variant = root / f"feed.atom{suffix}"
    variant.write_bytes(b"newer")
    os.utime(variant, ns=(before + 5_000_000_000, before + 5_000_000_000))

    changed = site.write(feed, LETTERS, root=root, compressed=True)

    assert changed is True
    assert variant.read_bytes() != b"newer"
    assert {modified_ns(path) for path in root.iterdir()} == {before + 6_000_000_000}


@pytest.mark.parametrize("data", [b"<feed/>" * 4 + b"<f", b"<feed/>" * 4 + b"<g", LETTERS])
def test_renditions_differ_in_length(root: Path, data: bytes) -> None:
    """Servers tell renditions of one time apart by their length alone, so no two share it."""
    site.write(Path("feed.atom"), data, root=root, compressed=True)

    sizes = {(root / f"feed.atom{ending}").stat().st_size for ending in ("", ".br", ".gz")}

    assert len(sizes) == 3
    assert gzip.decompress((root / "feed.atom.gz").read_bytes()) == data


def test_file_no_longer_compressed_loses_its_variants(root: Path) -> None:
    """A web server would go on serving a variant that nobody renews."""
    site.write(PAGE, LETTERS, root=root, compressed=True)

    changed = site.write(PAGE, LETTERS, root=root)

    assert changed is True
    assert names((root / PAGE).parent) == ["index.html"]


def test_file_newly_compressed_gets_its_variants(root: Path) -> None:
    """The same bytes with variants wanted for the first time are written again."""
    site.write(PAGE, LETTERS, root=root)

    assert site.write(PAGE, LETTERS, root=root, compressed=True) is True
    assert len(names((root / PAGE).parent)) == 3


def test_root_may_be_a_symlink(tmp_path: Path) -> None:
    """Where ``public`` itself leads is the operator's choice."""
    (tmp_path / "srv").mkdir()
    (tmp_path / "public").symlink_to(tmp_path / "srv")

    site.write(PAGE, b"one", root=tmp_path / "public")

    assert (tmp_path / "srv" / PAGE).read_bytes() == b"one"


@pytest.mark.parametrize("place", ["series", "series/part-1", "series/part-1/index.html"])
@pytest.mark.parametrize("dangling", [False, True])
def test_symlink_in_the_way_is_refused(
    root: Path, tmp_path: Path, place: str, dangling: bool
) -> None:
    """Nothing is written or removed through a symlink, wherever on the path it stands."""
    elsewhere = tmp_path / "elsewhere"
    if not dangling:
        (elsewhere / "part-1").mkdir(parents=True)
    (root / place).parent.mkdir(parents=True)
    (root / place).symlink_to(elsewhere)

    with pytest.raises(Refused, match="expected no symlink") as raised:
        site.write(PAGE, b"one", root=root)
    with pytest.raises(Refused):
        site.remove(PAGE, root=root)

    assert str(root / place) in problem_of(raised)
    assert not list(tmp_path.rglob("index.html.*"))


@pytest.mark.parametrize(
    "path", ["../outside", "series/../../outside", "/etc/outside", "", ".", "series/.."]
)
def test_path_outside_the_root_is_refused(root: Path, path: str) -> None:
    """No path leads out of the root, nor is the root itself a file."""
    with pytest.raises(Refused, match="a file below"):
        site.write(Path(path), b"one", root=root)
    with pytest.raises(Refused):
        site.remove(Path(path), root=root)

    assert not root.exists()


def test_directory_in_the_place_of_a_file_is_refused(root: Path) -> None:
    """What stands in the way is named, with what was expected there."""
    (root / PAGE).mkdir(parents=True)

    with pytest.raises(Refused, match="expected a file; got a directory"):
        site.write(PAGE, b"one", root=root)


def test_file_in_the_place_of_a_directory_is_refused(root: Path) -> None:
    """The file that stands where a directory belongs is named, not the page."""
    root.mkdir()
    (root / "series").touch()

    with pytest.raises(Refused, match="expected a directory; got a file") as raised:
        site.write(PAGE, b"one", root=root)

    assert problem_of(raised).startswith(f"{root / 'series'} ")


@pytest.mark.parametrize("compressed", [False, True])
def test_full_disk_leaves_the_old_file(root: Path, compressed: bool) -> None:
    """A write that does not fit changes nothing, leaves nothing behind and tells why."""
    site.write(PAGE, b"old", root=root, compressed=compressed)
    before = names((root / PAGE).parent)

    with small_files_only(4096), pytest.raises(Unavailable) as raised:
        site.write(PAGE, os.urandom(50_000), root=root, compressed=compressed)

    assert "File too large" in problem_of(raised)
    assert str(root / PAGE) in problem_of(raised)
    assert (root / PAGE).read_bytes() == b"old"
    assert names((root / PAGE).parent) == before


def test_full_disk_between_variants_and_file_cleans_up(root: Path) -> None:
    """Variants that fit are put away again when the plain file does not."""
    with small_files_only(4096), pytest.raises(Unavailable):
        site.write(PAGE, bytes(50_000), root=root, compressed=True)

    assert names((root / PAGE).parent) == []


def test_name_the_file_system_refuses_is_told(root: Path) -> None:
    """A name that is too long is a problem with a path, not a traceback."""
    with pytest.raises(Unavailable, match="name too long"):
        site.write(Path("n" * 300), b"one", root=root)
    with pytest.raises(Unavailable, match="name too long"):
        site.remove(Path("n" * 300), root=root)


def test_kill_leaves_a_whole_file(root: Path) -> None:
    """A kill -9 at any moment leaves the old bytes or the new, and a sweep clears the rest (K4)."""
    script = (
        "import sys; from pathlib import Path; from publisher import site\n"
        "root = Path(sys.argv[1]); texts = [b'a' * 300_000, b'b' * 300_001]\n"
        "for turn in range(10**9):\n"
        "    site.write(Path('feed.atom'), texts[turn % 2], root=root, compressed=True)\n"
        "    print(flush=True)\n"
    )
    whole = {b"a" * 300_000, b"b" * 300_001}

    for turn in range(4):
        command = [sys.executable, "-c", script, str(root)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for _ in range(turn + 1):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)

        assert (root / "feed.atom").read_bytes() in whole

    site.sweep(root)
    site.write(Path("feed.atom"), b"a" * 300_000, root=root, compressed=True)
    assert names(root) == ["feed.atom", "feed.atom.br", "feed.atom.gz"]
    assert gzip.decompress((root / "feed.atom.gz").read_bytes()) == b"a" * 300_000


# ------------------------------------------------------------------------------ remove and sweep


def test_remove_takes_variants_and_empty_parents(root: Path) -> None:
    """A page that goes takes its variants and the directories only it needed."""
    site.write(PAGE, LETTERS, root=root, compressed=True)
    site.write(Path("series/index.html"), b"series", root=root)

    removed = site.remove(PAGE, root=root)

    assert removed is True
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
        "series",
        "series/index.html",
    ]


def test_remove_keeps_the_root(root: Path) -> None:
    """The last page that goes leaves an empty root."""
    site.write(PAGE, b"one", root=root)

    site.remove(root / PAGE, root=root)

    assert names(root) == []


def test_remove_of_nothing_is_quiet(root: Path) -> None:
    """Removing twice is the same as once; variants a kill left go all the same."""
    root.mkdir()
    (root / "feed.atom.gz").touch()

    removed = site.remove(Path("feed.atom"), root=root)

    assert removed is False
    assert names(root) == []


def test_sweep_removes_what_a_kill_left(root: Path) -> None:
    """With the lock held every temporary file is a leftover, at any depth."""
    site.write(PAGE, b"one", root=root)
    (root / ".~feed.atom.abc").touch()
    (root / "series" / "part-1" / ".~index.html.xyz").touch()
    (root / "series" / ".keep").touch()

    swept = site.sweep(root)

    assert swept == 2
    assert not list(root.rglob(".~*"))
    assert (root / PAGE).exists()
    assert (root / "series" / ".keep").exists()


def test_sweep_spares_a_file_being_written(root: Path) -> None:
    """Without the lock only what is older than the given instant goes."""
    root.mkdir()
    old, new = root / ".~old.abc", root / ".~new.abc"
    old.touch()
    new.touch()
    os.utime(old, (1_000_000_000, 1_000_000_000))

    swept = site.sweep(root, before=datetime(2026, 1, 1, tzinfo=UTC))

    assert swept == 1
    assert names(root) == [".~new.abc"]


def test_sweep_leaves_symlinks_and_missing_roots_alone(root: Path, tmp_path: Path) -> None:
    """A sweep follows no link, removes none, and has nothing to do before the first build."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".~theirs.abc").touch()

    assert site.sweep(root) == 0

    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / ".~link").symlink_to(tmp_path / "elsewhere" / ".~theirs.abc")

    assert site.sweep(root) == 0
    assert (tmp_path / "elsewhere" / ".~theirs.abc").exists()


# --------------------------------------------------------------------------------- locks, privacy


def test_lock_is_held_by_one(tmp_path: Path) -> None:
    """The second is refused, told which file and which process; the first is not disturbed."""
    lock = tmp_path / "var" / "site.lock"

    with site.hold(lock), pytest.raises(Unavailable) as raised, site.hold(lock):
        pytest.fail("two hold one lock")

    assert f"{lock}  expected" in problem_of(raised)
    assert f"process {os.getpid()} holds the lock" in problem_of(raised)


def test_lock_is_free_again(tmp_path: Path) -> None:
    """Leaving the block frees it, also by an error, and the file forgets the holder."""
    lock = tmp_path / "site.lock"

    with pytest.raises(ZeroDivisionError), site.hold(lock):
        raise ZeroDivisionError
    assert lock.read_text() == ""
    with site.hold(lock):
        held = lock.read_text()

    assert held == f"{os.getpid()}\n"
    assert lock.read_text() == ""


def test_lock_is_private(tmp_path: Path) -> None:
    """Lock and directory are readable by us alone, whatever was there before."""
    os.umask(0)
    lock = tmp_path / "var" / "site.lock"

    with site.hold(lock):
        pass
    lock.chmod(0o666)
    with site.hold(lock):
        pass

    assert mode(lock) == 0o600
    assert mode(lock.parent) == 0o700


@contextmanager
def holder(lock: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run another process that holds the lock for that long."""
    script = (
        "import sys, time; from pathlib import Path; from publisher import site\n"
        "with site.hold(Path(sys.argv[1])):\n"
        "    print(flush=True); time.sleep(float(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", script, str(lock), str(seconds)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_lock_is_freed_by_a_kill(tmp_path: Path) -> None:
    """A holder that is killed holds nobody off, though its number still stands in the file."""
    lock = tmp_path / "site.lock"

    with holder(lock, 60) as other:
        with pytest.raises(Unavailable, match=f"process {other.pid} holds"), site.hold(lock):
            pytest.fail("two hold one lock")
        other.kill()
        other.wait()
        with site.hold(lock):
            held = lock.read_text()

    assert held == f"{os.getpid()}\n"


def test_lock_is_waited_for(tmp_path: Path) -> None:
    """With time to wait the lock is taken as soon as its holder ends."""
    lock = tmp_path / "site.lock"

    with holder(lock, 0.3), site.hold(lock, wait_seconds=30):
        held = lock.read_text()

    assert held == f"{os.getpid()}\n"


def test_longer_number_of_an_earlier_holder_does_not_linger(tmp_path: Path) -> None:
    """The file tells the present holder alone."""
    lock = tmp_path / "site.lock"
    lock.write_text("9999999999\n")

    with site.hold(lock):
        held = lock.read_text()

    assert held == f"{os.getpid()}\n"


def test_unreadable_holder_is_called_another_process(tmp_path: Path) -> None:
    """A holder that has not written its number yet is still reported."""
    lock = tmp_path / "site.lock"

    with site.hold(lock):
        lock.write_bytes(b"\xff\n")
        with pytest.raises(Unavailable, match="another process holds"), site.hold(lock):
            pytest.fail("two hold one lock")


def test_removed_lock_file_holds_nobody_off(tmp_path: Path) -> None:
    """After somebody removed the file the lock is taken on the new one, and held there."""
    lock = tmp_path / "site.lock"

    with site.hold(lock):
        lock.unlink()
        with site.hold(lock), pytest.raises(Unavailable), site.hold(lock):
            pytest.fail("two hold one lock")


def test_symlinked_lock_is_refused(tmp_path: Path) -> None:
    """A lock file that leads elsewhere is not written to."""
    (tmp_path / "site.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Unavailable, match="symbolic links"), site.hold(tmp_path / "site.lock"):
        pytest.fail("held a symlink")

    assert not (tmp_path / "elsewhere").exists()


def test_private_umask_hides_new_files(tmp_path: Path) -> None:
    """After it a file anyone makes is our user's alone."""
    os.umask(0)

    site.private_umask()

    (tmp_path / "ledger").touch()
    assert mode(tmp_path / "ledger") == 0o600


def test_ensure_private_makes_missing_directories_only(tmp_path: Path) -> None:
    """What it makes is 0700; a directory that was there keeps its mode."""
    os.umask(0)
    tmp_path.chmod(0o755)

    site.ensure_private(tmp_path / "var" / "outbox")
    site.ensure_private(tmp_path)

    assert mode(tmp_path / "var" / "outbox") == mode(tmp_path / "var") == 0o700
    assert mode(tmp_path) == 0o755


def test_ensure_private_tells_what_is_in_the_way(tmp_path: Path) -> None:
    """A file where the directory belongs is a problem with a path."""
    (tmp_path / "var").touch()

    with pytest.raises(Unavailable, match="var"):
        site.ensure_private(tmp_path / "var")
