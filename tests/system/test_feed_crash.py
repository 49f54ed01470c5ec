"""kill -9 at every step of writing a feed: what is served is the old feed or the new one."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import brotli
import pytest

from publisher.engine import clock
from tests.conftest import Folder
from tests.feedcheck import check_feed
from tests.feedread import KINDS, feed_files, kind_of, read

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = ("half", "written", "timed", "flushed", "placed")


@pytest.fixture
def editions(folder: Folder, tmp_path: Path) -> tuple[Folder, Folder]:
    """The same site built before and after an edit of its one post."""
    folder.configure(site=f'{folder.settings["site"]}\nurl = "https://letters.example"')
    folder.post("first.md", "First")
    assert folder.run("build").code == 0
    after = Folder(path=tmp_path / "after")
    shutil.copytree(folder.path, after.path)
    after.post("first.md", "First", body="Another text, and a longer one than it was.\n")
    assert after.run("build").code == 0
    return folder, after


def test_kill_at_every_step_leaves_whole_feeds(
    editions: tuple[Folder, Folder], tmp_path: Path
) -> None:
    """Whatever step the kill falls on, each file is whole, and none is older than the plain one.

    A reader who takes the compressed rendition is never behind one who takes the plain file, and
    the next build finishes what the kill left.
    """
    old, new = editions
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.feed_crasher", old.path, new.path, tmp_path / "work"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    steps = [trial["step"] for trial in trials]
    # Half written, written, timed, flushed, placed: of three files in two of the formats.
    assert [len([step for step in steps if step.startswith(word)]) for word in _WORDS] == [6] * 5
    assert steps[-1] == ""
    for trial in trials:
        assert set(trial["held"].values()) <= {"old", "new"}, trial
        assert trial["whole"], trial
        for kind in KINDS:
            if trial["held"][f"feed.{kind}"] == "new":
                assert (
                    trial["held"][f"feed.{kind}.br"] == trial["held"][f"feed.{kind}.gz"] == "new"
                )
    assert set(trials[0]["held"].values()) == {"old"}
    assert set(trials[-1]["held"].values()) == {"new"}


def test_old_and_new_feed_are_both_whole(editions: tuple[Folder, Folder]) -> None:
    """What a kill may leave is a feed that strangers read, and its renditions are the same feed."""
    for folder in editions:
        public = folder.path / "public"
        for path, data in feed_files(public).items():
            address = f"https://letters.example/{path}"
            assert check_feed(data, kind_of(path), now=clock.now(), address=address) == []
            assert len(read(data, kind_of(path))) == 1
            assert gzip.decompress((public / f"{path}.gz").read_bytes()) == data
            assert brotli.decompress((public / f"{path}.br").read_bytes()) == data
