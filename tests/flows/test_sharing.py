"""Sharing a build between processes: the same result, and every fault on this side."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from publisher.errors import Problem, Refused, Unavailable
from publisher.feeds import Plates, Standing
from publisher.publishing.crew import ENOUGH, Door, count_processors, share
from publisher.publishing.galley import Galley
from publisher.publishing.library import Library
from publisher.store import posts as pins

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from publisher.feeds import Form
    from publisher.model import Post
    from publisher.posts import Source
    from tests.conftest import Folder


# A copy made beside other threads is right here: it only counts, and ends.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


def shared_by(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every build be shared by so many processes, however small, whatever threads tests left."""
    monkeypatch.setattr("publisher.publishing.crew.ENOUGH", 1)
    monkeypatch.setattr("publisher.publishing.crew.count_processors", lambda: workers)
    monkeypatch.setattr("publisher.publishing.crew.threading.active_count", lambda: 1)


def double(numbers: Iterable[int]) -> tuple[int, list[int]]:
    return os.getpid(), [2 * number for number in numbers]


def test_every_piece_is_done_once() -> None:
    """Each worker has a share, and all shares together are the whole."""
    results = share(double, range(11), workers=3)

    assert sorted(number for _, some in results for number in some) == list(range(0, 22, 2))
    assert len({pid for pid, _ in results}) == 3
    assert results[0][0] == os.getpid()


def test_who_is_done_takes_more() -> None:
    """What this process does first holds nobody up: the others take the pieces meanwhile."""

    def work(numbers: Iterable[int]) -> list[int]:
        return list(numbers)

    def first() -> None:
        threading.Event().wait(0.5)

    results = share(work, range(100), first=first, workers=2)

    assert results == [[], list(range(100))]


def test_what_is_done_first_may_fail(tmp_path: Path) -> None:
    """Then nothing else is done here, and no copy goes on."""

    def work(_: Iterable[int]) -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        signal.pause()

    def first() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        share(work, range(4), first=first, workers=2)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_no_copy_works_on_for_nobody() -> None:
    """Where this process is killed, what is left of the work is not done by the others."""
    reading, writing = os.pipe()

    def work(numbers: Iterable[int]) -> None:
        for _ in numbers:
            os.write(writing, b".")
            threading.Event().wait(0.001)

    owner = os.fork()
    if owner == 0:
        share(work, range(2_000), first=lambda: os._exit(0), workers=2)
    os.close(writing)
    os.waitpid(owner, 0)

    with os.fdopen(reading, "rb") as done:
        assert len(done.read()) < 1_000


def test_a_door_is_opened_once_for_all() -> None:
    """Copies see it shut, wait for it, and see it open; its owner is let through at once."""

    def work(_: Iterable[int]) -> tuple[bool, bool]:
        was_open = door.is_open()
        door.wait()
        return was_open, door.is_open()

    def first() -> None:
        assert not door.is_open()
        threading.Event().wait(0.2)
        door.open()

    with Door() as door:
        results = share(work, range(4), first=first, workers=3)

    assert results == [(True, True), (False, True), (False, True)]


def test_a_door_whose_owner_ends_stays_shut() -> None:
    """A copy that waits is told, and goes on without what it waited for."""
    reading, writing = os.pipe()

    def wait(_: Iterable[int]) -> None:
        """Be an owner that ends at once, with a copy of its own that waits."""
        door = Door()
        if os.fork() == 0:
            told = b""
            for ask in (door.wait, door.is_open):
                try:
                    ask()
                except Unavailable:
                    told += b"!"
            os.write(writing, told)
        os._exit(0)

    here = os.getpid()
    with pytest.raises(Unavailable):
        share(lambda some: None if os.getpid() == here else wait(some), range(4), workers=2)

    assert os.read(reading, 9) == b"!!"
    os.close(reading)
    os.close(writing)


def test_little_work_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the process costs more than a few pages."""
    monkeypatch.setattr("publisher.publishing.crew.threading.active_count", lambda: 1)
    assert len(share(double, range(ENOUGH - 1))) == 1
    assert len(share(double, range(ENOUGH))) == count_processors()


def test_workers_are_told_their_number(tmp_path: Path) -> None:
    """The number is told in the copy, before its work begins; this process is number 0 untold."""

    def start(number: int) -> None:
        (tmp_path / str(number)).write_text(str(os.getpid()))

    results = share(double, range(4), start=start, workers=3)

    told = {int(file.name): int(file.read_text()) for file in tmp_path.iterdir()}
    assert told == {1: results[1][0], 2: results[2][0]}


def test_what_a_worker_raises_is_raised_here() -> None:
    """A problem keeps its words, whichever process met it."""
    problem = Problem(code="x", path="p", expected="a", got="b", hint="c")
    here = os.getpid()

    def refuse(_: Iterable[int]) -> None:
        if os.getpid() != here:
            raise Refused(problem)

    with pytest.raises(Refused) as raised:
        share(refuse, range(4), workers=2)
    assert raised.value.problems == (problem,)


def test_a_worker_that_dies_is_missed() -> None:
    """A process killed for its memory leaves no half result taken for a whole one."""
    here = os.getpid()

    def die(_: Iterable[int]) -> None:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(Unavailable, match="ended from outside"):
        share(die, range(4), workers=2)


def test_no_worker_outlives_a_failure_here(tmp_path: Path) -> None:
    """When this process fails, the others are ended and not waited for."""
    here = os.getpid()

    def work(_: Iterable[int]) -> None:
        if os.getpid() != here:
            (tmp_path / "pid").write_text(str(os.getpid()))
            signal.pause()
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        share(work, range(4), workers=2)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def _read(galley: Galley, post_id: str) -> Plates:
    kept = galley.find(post_id)
    assert kept is not None
    forms: tuple[Form, ...] = ("atom", "rss", "json")
    return Plates(*(kept.fill(form, Standing()) for form in forms))


def test_entries_lie_where_every_process_finds_them(tmp_path: Path) -> None:
    """What one process keeps, the others find once they learn where."""
    plates = {str(number): Plates(b"a%d" % number, b"", b"json" * number) for number in range(6)}

    with Galley(tmp_path, writers=3) as galley:

        def keep(some: Iterable[str]) -> object:
            for post_id in some:
                galley.keep(post_id, plates[post_id])
            return galley.spots()

        for spots in share(keep, list(plates), start=galley.write_file, workers=3):
            galley.learn(spots)  # type: ignore[arg-type]

        assert {post_id: _read(galley, post_id) for post_id in plates} == plates
        assert galley.find("none") is None


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Entries that find no room end the build with the place and what to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Galley(tmp_path) as galley:
        galley.keep("1", Plates(b"a" * 500, b"", b""))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(Unavailable, match="room for the entries"):
                galley.keep("2", Plates(b"a" * 1_000, b"", b""))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert _read(galley, "1") == Plates(b"a" * 500, b"", b"")
        assert galley.find("2") is None


def test_a_shared_build_makes_the_same_bytes(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process or three: pages, feeds, archives and reports are the same, octet for octet."""
    for number in range(70):
        series = f"series-{number % 3}"
        folder.post(
            f"{series}/{number // 3 + 1:02}-part-{number}.md", f"Part {number}", tags="[sleep]"
        )
    folder.post("broken.md", "Broken", body="[^nothing] is there\n")

    def build(workers: int) -> tuple[dict[str, bytes], object]:
        shared_by(workers, monkeypatch)
        for name in ("public", "var"):
            if (folder.path / name).exists():
                (folder.path / name).rename(folder.path / f"{name}-{workers}")
        said = folder.json("build")
        public = folder.path / "public"
        files = {
            file.relative_to(public).as_posix(): file.read_bytes()
            for file in public.rglob("*")
            if file.is_file()
        }
        return files, {key: sorted(map(repr, said[key])) for key in ("written", "problems")}

    alone, shared = build(1), build(3)

    assert "archive/2.atom" in alone[0]
    assert alone == shared


def test_no_page_is_public_before_its_post_is_pinned(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process renders while this one pins, and puts nothing in its place."""
    for number in range(12):
        folder.post(f"walks/{number + 1:02}-walk-{number}.md", f"Walk {number}")
    shared_by(2, monkeypatch)
    public, pin = folder.path / "public", pins.pin
    rendered: list[Path] = []
    shown: list[Path] = []

    def pin_late(*given: Any, **named: Any) -> int:
        until = time.monotonic() + 30
        while not list(public.rglob(".~index.html*")) and time.monotonic() < until:
            threading.Event().wait(0.01)
        rendered.extend(public.rglob(".~index.html*"))
        shown.extend(public.rglob("*.html"))
        return pin(*given, **named)

    monkeypatch.setattr(pins, "pin", pin_late)

    assert folder.run("build").code == 0

    assert rendered
    assert shown == []
    assert len(list(public.glob("walks/*/index.html"))) == 12


def test_only_this_process_reads_the_store(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection must not be used by two: posts that are shown from the store are made here."""
    for number in range(12):
        bundle = folder.post(f"walks/{number + 1:02}-walk-{number}/index.md", f"Walk {number}")
        (bundle.parent / "map.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([number]) * 40)
    assert folder.run("build").code == 0
    before = {
        file: file.read_bytes() for file in (folder.path / "public").rglob("*") if file.is_file()
    }
    shutil.rmtree(folder.path / "public")
    shutil.rmtree(folder.path / "posts/walks")
    shared_by(3, monkeypatch)
    here, read = os.getpid(), Library.source

    def read_here(library: Library, post: Post, *, from_store: bool) -> Source:
        assert not from_store or os.getpid() == here
        return read(library, post, from_store=from_store)

    monkeypatch.setattr(Library, "source", read_here)

    assert folder.run("build").code == 4

    assert {file: file.read_bytes() for file in before} == before
