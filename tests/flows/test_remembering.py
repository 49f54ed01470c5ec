"""What a build leaves for the next: whole or not at all, and of a change only what it touches."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from publisher.model import Post
from publisher.publishing.memory import (
    Details,
    Memory,
    Parsed,
    dump_memory,
    load_memory,
    look_at,
    setters,
)
from tests.factories import make_post

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = Memory(
    fingerprint="f",
    revision=1,
    folder="d",
    until=None,
    outputs=2,
    problems=(),
    files="a.html\nb.html",
    lies=array("q", [1, 2, 3, 4]),
)


def parsed(path: str) -> Parsed:
    post = make_post(path=path)
    return Parsed(signature=((path, 1, 2),), post=post, has_links=False, said="")


def details(*paths: str) -> Details:
    return Details(
        inputs={"a.html": "1", "b.html": "2"},
        parsed={path: parsed(path) for path in paths},
        paths="p",
    )


def kept(file: Path, data: bytes) -> tuple[Memory, Details]:
    """Return what a build finds in these bytes."""
    file.write_bytes(data)
    memory = load_memory(file)
    assert memory is not None
    found = memory.details()
    assert found is not None
    return memory, found


def test_what_was_left_is_found(tmp_path: Path) -> None:
    """Both halves come back as they were."""
    left = details("alone.md", "sleep/01-one.md", "sleep/02-two/index.md", "worry/01-one.md")

    memory, found = kept(tmp_path / "memory", dump_memory(MEMORY, left))

    assert replace(memory, rest=b"") == MEMORY
    assert (found.inputs, found.parsed, found.paths) == (left.inputs, left.parsed, left.paths)
    assert sorted(found.folders) == ["", "sleep", "worry"]
    assert memory.by_file(memory.lies) == {"a.html": (1, 2), "b.html": (3, 4)}


@pytest.mark.parametrize("change", ["edited", "new", "gone", "none"])
def test_a_change_is_kept_beside_what_stays(tmp_path: Path, change: str) -> None:
    """A folder without a change keeps its bytes, and what is found is what there is now."""
    paths = ["alone.md", "sleep/01-one.md", "sleep/02-two.md", "worry/01-one.md"]
    _, before = kept(tmp_path / "memory", dump_memory(MEMORY, details(*paths)))
    now = dict(before.parsed)
    if change == "edited":
        now["sleep/01-one.md"] = replace(now["sleep/01-one.md"], has_links=True)
    elif change == "new":
        now["sleep/03-three.md"] = parsed("sleep/03-three.md")
    elif change == "gone":
        del now["sleep/02-two.md"]

    data = dump_memory(MEMORY, replace(before, parsed=now), before)
    _, after = kept(tmp_path / "memory", data)

    assert after.parsed == now
    assert after.folders["worry"] == before.folders["worry"]
    assert (after.folders["sleep"] == before.folders["sleep"]) == (change == "none")


def test_damaged_details_are_none(tmp_path: Path) -> None:
    """The first half may be whole where the second is not."""
    file = tmp_path / "memory"
    file.write_bytes(dump_memory(MEMORY, details("alone.md"))[:-9])

    memory = load_memory(file)

    assert memory is not None
    assert memory.details() is None


def test_details_of_another_release_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that had other fields is no post of ours, whatever was kept of it."""
    file = tmp_path / "memory"
    file.write_bytes(dump_memory(MEMORY, details("alone.md")))
    fewer = tuple(setters(Post)[:-1])
    monkeypatch.setattr(
        "publisher.publishing.memory.setters",
        lambda kind: fewer if kind is Post else setters(kind),
    )

    memory = load_memory(file)

    assert memory is not None
    assert memory.details() is None


def test_files_are_looked_at_as_they_lie(tmp_path: Path) -> None:
    """Size and time of each in turn, of what is not there neither."""
    file = tmp_path / "a.html"
    file.write_bytes(b"12345")

    lies = look_at(tmp_path, ["a.html", "b.html"])

    assert list(lies) == [5, file.stat().st_mtime_ns, -1, -1]
    assert list(look_at(tmp_path, ["b.html", "a.html"], {"a.html": (7, 8)})) == [-1, -1, 7, 8]
