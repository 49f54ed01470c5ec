"""Builds a site again and again in children that are killed with SIGKILL at each step of a feed.

Usage: feed_crasher OLD NEW WORK. OLD and NEW are the same site as built before and after an edit.
Each child works on a copy of OLD with the posts of NEW and dies one step later than the one before:
a temporary file half written, whole, given its time, flushed, put in place. A line of JSON for each:
the step, what every file of a feed holds then (``old``, ``new``, ``other``), and whether a later
build makes the public site what it is in NEW.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher import app, publishing, site
from publisher.engine import clock

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_STEPS = 200


def main() -> None:
    old, new, work = map(Path, sys.argv[1:])
    for count in range(_MOST_STEPS):
        trial = work / str(count)
        shutil.copytree(old, trial)
        shutil.rmtree(trial / "posts")
        shutil.copytree(new / "posts", trial / "posts")
        step = _killed_at(trial, count)
        held = {name: _which(name, data, old, new) for name, data in _feeds(trial).items()}
        _build(trial)
        is_whole = _all(trial) == _all(new)
        print(json.dumps({"step": step, "held": held, "whole": is_whole}), flush=True)
        shutil.rmtree(trial)
        if not step:
            return


def _killed_at(trial: Path, count: int) -> str:
    """Return the step that a child died at, nothing where it came to its end."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _die_at(count, tell)
        _build(trial)
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as stream:
        step = stream.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == bool(step)
    return step


def _build(folder: Path) -> None:
    opened = app.open_site(folder / "config.toml", {})
    publishing.build(app.make_workshop(opened), now=clock.now())
    opened.store.close()


def _die_at(count: int, tell: int) -> None:
    """Make the process die once so many steps of a feed's file were taken."""
    taken = 0

    def die(step: str) -> None:
        nonlocal taken
        if taken == count:
            os.write(tell, step.encode())
            os.kill(os.getpid(), signal.SIGKILL)
        taken += 1

    def after(real: Callable[..., Any], word: str) -> Callable[..., Any]:
        def act(path: Any, *rest: Any, **options: Any) -> Any:
            file = _path_of(path)
            result = real(path, *rest, **options)
            if _is_feed(file):
                die(f"{word} {file.name}")
            return result

        return act

    write_aside = site.Batch._write_aside

    def write_half(batch: site.Batch, file: str, data: bytes) -> str:
        folder, name = os.path.split(file)
        if _is_feed(Path(file)) and taken == count:
            descriptor, _ = site.files._create(folder, name, 0o644)
            os.write(descriptor, data[: len(data) // 2])
        if _is_feed(Path(file)):
            die(f"half {name}")
        written = write_aside(batch, file, data)
        if _is_feed(Path(file)):
            die(f"written {name}")
        return written

    site.Batch._write_aside = write_half  # type: ignore[method-assign,assignment]
    os.utime = after(os.utime, "timed")
    os.fsync = after(os.fsync, "flushed")
    os.replace = after(os.replace, "placed")


def _path_of(file: int | str | Path) -> Path:
    """Return where a file lies that is told by its path or by its descriptor."""
    return Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else Path(file)


def _is_feed(path: Path) -> bool:
    # The three formats are written by the same steps; each child costs two builds.
    return path.name.removeprefix(site.TEMPORARY).startswith(("feed.atom", "feed.json"))


def _feeds(folder: Path) -> dict[str, bytes]:
    return {path: data for path, data in _all(folder).items() if path.startswith("feed.")}


def _all(folder: Path) -> dict[str, bytes]:
    public = folder / "public"
    return {
        file.relative_to(public).as_posix(): file.read_bytes()
        for file in sorted(public.rglob("*"))
        if file.is_file()
    }


def _which(name: str, data: bytes, old: Path, new: Path) -> str:
    return {
        (old / "public" / name).read_bytes(): "old",
        (new / "public" / name).read_bytes(): "new",
    }.get(data, "other")


if __name__ == "__main__":
    main()
