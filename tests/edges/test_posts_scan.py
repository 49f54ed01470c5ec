"""The folder of posts: what is found in it, what is refused, and reading one post's bytes."""

from __future__ import annotations

import os
import socket
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from publisher import posts
from publisher.errors import ContentError
from publisher.posts import Found, name_of, outline, read, scan
from publisher.posts.files import MAX_IMAGE_BYTES, MAX_SOURCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from publisher.errors import Problem
    from publisher.posts import Scan

TEXT = b"---\ntitle: T\ndate: 2027-01-05\n---\nText.\n"


def put(root: Path, path: str, data: bytes = TEXT) -> Path:
    """Write a file below the folder of posts."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def only(found: Scan, *, level: str = "error") -> Problem:
    """The one problem of a scan."""
    (problem,) = [one for one in found.problems if one.level == level]
    return problem


# ------------------------------------------------------------------------------------- layout


def test_scan_finds_every_kind_of_source(tmp_path: Path) -> None:
    """A series' files and bundles, loose files and loose bundles, are found, by path."""
    for path in ("sleep/02-b.md", "sleep/01-a/index.md", "loose.md", "alone/index.md"):
        put(tmp_path, path)
    put(tmp_path, "sleep/series.toml", b"")

    found = scan(tmp_path)

    paths = ["alone/index.md", "loose.md", "sleep/01-a/index.md", "sleep/02-b.md"]
    assert [one.path for one in found.found] == paths
    assert [one.bundle for one in found.found] == [True, False, True, False]
    assert {slug: one.path for slug, one in found.series.items()} == {"sleep": "sleep/series.toml"}
    assert found.folders == {"sleep"}
    assert found.problems == ()
    assert found.broken == {}


@pytest.mark.parametrize(
    "path",
    ["loose.md", "sleep/01-a/index.md", "sleep/01-a/lamp.png", "sleep/series.toml", "new/01-x.md"],
)
def test_outline_tells_of_everything_that_may_matter(tmp_path: Path, path: str) -> None:
    """A file that comes, changes its bytes or its time, or goes, at each depth."""
    for there in ("loose.md", "sleep/01-a/index.md", "sleep/02-b.md", "alone/index.md"):
        put(tmp_path, there)
    outlines = [list(outline(tmp_path))]
    file = put(tmp_path, path, TEXT + b"a")
    outlines.append(list(outline(tmp_path)))
    os.utime(file, ns=(1, 1))
    outlines.append(list(outline(tmp_path)))
    file.unlink()
    outlines.append(list(outline(tmp_path)))

    assert all(before != after for before, after in pairwise(outlines))
    assert outlines[-1] == list(outline(tmp_path))


def test_outline_passes_over_what_no_scan_looks_at(tmp_path: Path) -> None:
    """An editor's leftovers, and what lies deeper than any post, change nothing."""
    put(tmp_path, "sleep/01-a/index.md")
    put(tmp_path, "sleep/01-a/deep/one.png")
    before = list(outline(tmp_path)), scan(tmp_path)
    put(tmp_path, "sleep/.01-a.swp")
    put(tmp_path, "sleep/01-a/deep/two.png")

    assert (list(outline(tmp_path)), scan(tmp_path)) == before


def test_outline_tells_of_what_is_no_file(tmp_path: Path) -> None:
    """A folder that is not there, a link in a file's place, and a name in other bytes."""
    missing = list(outline(tmp_path / "none"))
    put(tmp_path, "loose.md")
    as_file = list(outline(tmp_path))
    (tmp_path / "loose.md").unlink()
    (tmp_path / "loose.md").symlink_to("elsewhere.md")
    as_link = list(outline(tmp_path))
    (tmp_path / os.fsdecode(b"\xff.md")).write_bytes(b"")

    assert len(missing) == 1
    assert as_file != as_link
    assert len(list(outline(tmp_path))) == 2


def test_scan_signs_a_source_and_its_images(tmp_path: Path) -> None:
    """The signature holds name, time and size of the source, then of each image."""
    put(tmp_path, "a/index.md")
    os.utime(put(tmp_path, "a/p.PNG", b"12345"), ns=(1, 7_000_000_000_000_000_000))

    (found,) = scan(tmp_path).found

    assert [(name, size) for name, _, size in found.signature] == [
        ("index.md", len(TEXT)),
        ("p.PNG", 5),
    ]
    assert found.changed_at_ns == 7_000_000_000_000_000_000


def test_scan_signature_changes_with_the_file(tmp_path: Path) -> None:
    """An edit that keeps the length still changes the signature, by its time."""
    file = put(tmp_path, "a.md")
    os.utime(file, ns=(1, 1))
    before = scan(tmp_path).found

    os.utime(file, ns=(1, 2))

    assert scan(tmp_path).found != before


@pytest.mark.parametrize(
    "name",
    [".hidden.md", "a.md~", "#a.md#", ".a.md.swp", "a.tmp", "README.md", "readme.md", "~$a.md"],
)
def test_scan_ignores_leftovers(tmp_path: Path, name: str) -> None:
    """What editors leave behind, and a README, is no post and no problem."""
    put(tmp_path, name)
    put(tmp_path, f"sleep/{name}")

    found = scan(tmp_path)

    assert found.found == ()
    assert found.problems == ()
    assert found.folders == frozenset()


def test_scan_ignores_hidden_and_empty_folders(tmp_path: Path) -> None:
    """A folder without a visible file is no series and no post."""
    put(tmp_path, ".git/config")
    (tmp_path / "empty").mkdir()
    (tmp_path / "sleep" / "empty").mkdir(parents=True)

    found = scan(tmp_path)

    assert found.found == ()
    assert found.problems == ()
    assert found.folders == {"sleep"}


def test_scan_warns_of_other_files(tmp_path: Path) -> None:
    """A file that is no post is left alone, and said so, with what to do about it."""
    for name in ("a.markdown", "b.png", "series.toml", "d.pdf"):
        put(tmp_path, name)
    put(tmp_path, "sleep/Notes.txt")

    found = scan(tmp_path)

    assert {one.level for one in found.problems} == {"warning"}
    assert {one.path: one.hint for one in found.problems} == {
        "posts/a.markdown": "Were it a post, its name would be a.md.",
        "posts/b.png": "Give the post a folder of its own, with index.md and its images.",
        "posts/d.pdf": "Move it elsewhere.",
        "posts/series.toml": "series.toml belongs in the folder of a series.",
        "posts/sleep/Notes.txt": "Were it a post, its name would be Notes.md.",
    }
    assert found.broken == {}


@pytest.mark.parametrize(
    ("path", "series", "slug", "part", "location"),
    [
        ("sleep/03-worry.md", "sleep", "worry", 3, "sleep/worry"),
        ("sleep/003-worry/index.md", "sleep", "worry", 3, "sleep/worry"),
        ("sleep/worry.md", "sleep", "worry", None, "sleep/worry"),
        ("sleep/2027-01-05-worry.md", "sleep", "2027-01-05-worry", None, "sleep/2027-01-05-worry"),
        ("10-tips.md", None, "10-tips", None, "10-tips"),
        ("welcome/index.md", None, "welcome", None, "welcome"),
    ],
)
def test_name_of_reads_series_part_and_slug(
    path: str, series: str | None, slug: str, part: int | None, location: str
) -> None:
    """In a series NN- is the part; a date, or a number of a loose post, belongs to the slug."""
    name = name_of(path)

    assert (name.series, name.slug, name.part) == (series, slug, part)
    assert name.location == location


# ------------------------------------------------------------------------------------ refusals


def test_scan_follows_no_link_out(tmp_path: Path) -> None:
    """A link to a file outside is refused, and the problem says where it points."""
    root = tmp_path / "posts"
    secret = put(tmp_path, "secret.md")
    put(root, "sleep/01-a.md")
    (root / "sleep" / "02-b.md").symlink_to(secret)

    found = scan(root)

    problem = only(found)
    assert [one.path for one in found.found] == ["sleep/01-a.md"]
    assert problem.code == "posts.symlink"
    assert problem.path == "posts/sleep/02-b.md"
    assert problem.got == f"a link to {secret}, outside the folder of posts"
    assert found.broken == {"sleep/02-b.md": (problem,)}


def test_scan_follows_no_link_inside(tmp_path: Path) -> None:
    """A link inside the folder is refused too: one post would have two addresses."""
    put(tmp_path, "a.md")
    (tmp_path / "b.md").symlink_to("a.md")

    assert only(scan(tmp_path)).got == "a link to a.md"


def test_scan_ends_in_spite_of_a_circle(tmp_path: Path) -> None:
    """Links in a circle, and links to folders, are refused like any other."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "again").symlink_to(tmp_path)
    put(tmp_path, "sleep/01-a.md")
    (tmp_path / "sleep" / "up").symlink_to("..")

    found = scan(tmp_path)

    assert [one.path for one in found.found] == ["sleep/01-a.md"]
    assert [one.code for one in found.problems] == ["posts.symlink"] * 3


def test_scan_refuses_a_linked_series_file(tmp_path: Path) -> None:
    """The file that describes a series may not be a link; its posts are found all the same."""
    put(tmp_path, "sleep/01-a.md")
    (tmp_path / "sleep" / "series.toml").symlink_to("/etc/hostname")

    found = scan(tmp_path)

    assert found.series == {}
    assert found.folders == {"sleep"}
    assert only(found).code == "posts.symlink"


def test_scan_refuses_links_in_a_bundle(tmp_path: Path) -> None:
    """Neither the text nor an image of a bundle may be a link; the text's post is broken."""
    put(tmp_path, "real.md")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.md").symlink_to("../real.md")
    put(tmp_path, "b/index.md")
    (tmp_path / "b" / "p.png").symlink_to("/etc/hostname")
    (tmp_path / "b" / "q").symlink_to("/etc/hostname")

    found = scan(tmp_path)

    assert [one.path for one in found.found] == ["b/index.md", "real.md"]
    assert [one.path for one in found.problems] == [
        "posts/a/index.md",
        "posts/b/p.png",
        "posts/b/q",
    ]
    assert list(found.broken) == ["a/index.md"]


def test_scan_refuses_what_is_no_regular_file(tmp_path: Path) -> None:
    """A pipe is named and not opened: reading one would wait for ever."""
    os.mkfifo(tmp_path / "a.md")
    (tmp_path / "sleep").mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "sleep" / "s"))

        found = scan(tmp_path)

    assert found.found == ()
    assert [one.code for one in found.problems] == ["posts.not_a_file"] * 2


def test_scan_refuses_names_that_are_no_text(tmp_path: Path) -> None:
    """A name that is not UTF-8, or hides control characters, is refused and shown escaped."""
    (tmp_path / "sleep").mkdir()
    with open(os.fsencode(tmp_path) + b"/sleep/\xe9.md", "wb"):  # noqa: PTH123
        pass
    put(tmp_path, "a\nb.md")

    found = scan(tmp_path)

    assert found.found == ()
    assert [one.path for one in found.problems] == ["posts/a\\nb.md", "posts/sleep/\\\\xe9.md"]
    assert {one.code for one in found.problems} == {"posts.name"}


def test_scan_takes_images_with_any_readable_name(tmp_path: Path) -> None:
    """An image may be called as the camera or the author calls it."""
    put(tmp_path, "a/index.md")
    put(tmp_path, "a/Größe 1.JPG", b"x")

    (found,) = scan(tmp_path).found

    assert found.signature[1][0] == "Größe 1.JPG"


@pytest.mark.parametrize(
    ("path", "where"), [("a/b/c/d.md", "posts/a/b"), ("a/b/c/index.md", "posts/a/b")]
)
def test_scan_refuses_folders_in_folders(tmp_path: Path, path: str, where: str) -> None:
    """Posts lie in a series, not deeper."""
    put(tmp_path, path)

    found = scan(tmp_path)

    assert found.found == ()
    assert (only(found).code, only(found).path) == ("posts.no_index", where)


def test_scan_refuses_folders_in_a_bundle(tmp_path: Path) -> None:
    """A bundle's images lie beside its text; the post itself is found."""
    put(tmp_path, "a/01-b/index.md")
    put(tmp_path, "a/01-b/images/p.png")

    found = scan(tmp_path)

    assert [one.path for one in found.found] == ["a/01-b/index.md"]
    assert (only(found).code, only(found).path) == ("posts.depth", "posts/a/01-b/images")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("sleep/01-Worry.md", "Rename it; worry would do."),
        ("Überblick.md", "Rename it; uberblick would do."),
        ("sleep/01-a b/index.md", "Rename it; a-b would do."),
        ("日本.md", "Rename it."),
        ("My Series/01-a.md", "Rename it; my-series would do."),
    ],
)
def test_scan_refuses_names_that_are_no_slug(tmp_path: Path, path: str, hint: str) -> None:
    """A name becomes an address, so it is one already; the hint makes one of it."""
    put(tmp_path, path)

    found = scan(tmp_path)

    assert found.found == ()
    assert (only(found).code, only(found).hint) == ("posts.slug", hint)


@pytest.mark.parametrize(
    "path", ["feeds.md", "u/index.md", "tags/01-a.md", "sleep/from.md", "sleep/02-archive.md"]
)
def test_scan_refuses_the_sites_own_paths(tmp_path: Path, path: str) -> None:
    """No post and no series stands where the site serves something else."""
    put(tmp_path, path)

    found = scan(tmp_path)

    assert found.found == ()
    assert only(found).code == "posts.own_path"


@pytest.mark.parametrize("path", ["from.md", "sleep/feeds.md"])
def test_scan_knows_where_own_paths_end(tmp_path: Path, path: str) -> None:
    """What is taken in a series is free outside, and the other way round."""
    put(tmp_path, path)

    assert [one.path for one in scan(tmp_path).found] == [path]


def test_scan_refuses_a_huge_source(tmp_path: Path) -> None:
    """A file of 50 MB is refused by its size alone; the other posts are found (fault X1)."""
    put(tmp_path, "good.md")
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(50_000_000)

    found = scan(tmp_path)

    problem = only(found)
    assert [one.path for one in found.found] == ["good.md"]
    assert (problem.code, problem.expected, problem.got) == (
        "posts.size",
        "at most 5 MB",
        "50.0 MB",
    )
    assert list(found.broken) == ["huge.md"]


def test_scan_refuses_a_huge_image(tmp_path: Path) -> None:
    """An image over 20 MB is left out of its bundle."""
    put(tmp_path, "a/index.md")
    with put(tmp_path, "a/p.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)

    found = scan(tmp_path)

    assert [len(one.signature) for one in found.found] == [1]
    assert only(found).hint == "Make the image smaller."


@pytest.mark.parametrize(
    ("name", "got", "hint"),
    [
        ("p.svg", "a file of type svg", "An svg can carry scripts, and mail programs do not"),
        ("p.tiff", "a file of type tiff", "Move it out of the post's folder."),
        ("notes", "a file without an ending", "Move it out of the post's folder."),
        ("other.md", "a file of type md", "Move it out of the post's folder."),
    ],
)
def test_scan_refuses_other_types_in_a_bundle(
    tmp_path: Path, name: str, got: str, hint: str
) -> None:
    """A bundle holds its text and pictures that every reader shows."""
    put(tmp_path, "a/index.md")
    put(tmp_path, f"a/{name}")

    problem = only(scan(tmp_path))

    assert (problem.code, problem.got) == ("posts.image_type", got)
    assert problem.hint.startswith(hint)


def test_scan_says_that_the_folder_is_missing(tmp_path: Path) -> None:
    """A missing folder is one problem under its own name."""
    found = scan(tmp_path / "gone", shown="content")

    assert found.found == ()
    assert (only(found).code, only(found).path) == ("posts.unreadable", "content")


def test_scan_leaves_out_a_file_that_just_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that an editor replaces during the walk is no problem of anybody's."""
    file = put(tmp_path, "a.md")
    listing = os.scandir

    @contextmanager
    def list_then_lose(path: str) -> Iterator[list[os.DirEntry[str]]]:
        with listing(path) as entries:
            kept = list(entries)
        file.unlink()
        yield kept

    monkeypatch.setattr(os, "scandir", list_then_lose)

    found = scan(tmp_path)

    assert (found.found, found.problems) == ((), ())


def test_the_package_has_what_it_names() -> None:
    """What is loaded on demand is there, and nothing else is."""
    assert all(callable(getattr(posts, name)) for name in posts.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = posts.nothing


# ---------------------------------------------------------------------------------------- read


def test_read_returns_text_and_images(tmp_path: Path) -> None:
    """The bytes come as they are, the images by name."""
    put(tmp_path, "a/index.md", b"\xff text")
    put(tmp_path, "a/p.png", b"png")
    (found,) = scan(tmp_path).found

    source = read(tmp_path, found)

    assert (source.path, source.data, source.images) == (
        "a/index.md",
        b"\xff text",
        {"p.png": b"png"},
    )


def failure(root: Path, found: Found) -> Problem:
    """The one problem that reading raises."""
    with pytest.raises(ContentError) as raised:
        read(root, found)
    (problem,) = raised.value.problems
    return problem


def test_read_refuses_a_file_that_is_being_written(tmp_path: Path) -> None:
    """A file that changed since the scan is left for the next time (fault X2)."""
    put(tmp_path, "a.md")
    (found,) = scan(tmp_path).found
    put(tmp_path, "a.md", b"---\ntitle: half")

    problem = failure(tmp_path, found)

    assert (problem.code, problem.path) == ("posts.changing", "posts/a.md")


def test_read_opens_no_link(tmp_path: Path) -> None:
    """A file that became a link since the scan is not followed."""
    put(tmp_path, "a.md")
    (found,) = scan(tmp_path).found
    (tmp_path / "a.md").unlink()
    (tmp_path / "a.md").symlink_to("/etc/hostname")

    assert failure(tmp_path, found).code == "posts.unreadable"


def test_read_waits_for_no_pipe(tmp_path: Path) -> None:
    """A file that became a pipe or a folder since the scan is refused at once."""
    for name in ("a.md", "b.md"):
        put(tmp_path, name)
    first, second = scan(tmp_path).found
    for name in ("a.md", "b.md"):
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / "a.md")
    (tmp_path / "b.md").mkdir()

    assert failure(tmp_path, first).got == "something else"
    assert failure(tmp_path, second).got == "something else"


def test_read_says_that_a_file_is_gone(tmp_path: Path) -> None:
    """A file that is gone is told as the system tells it."""
    gone = Found(path="a/index.md", signature=(("index.md", 1, 1),))

    assert failure(tmp_path, gone).got == "no such file or directory"


def test_read_checks_the_size_again(tmp_path: Path) -> None:
    """A file that grew beyond the limit since the scan is not read into memory."""
    file = put(tmp_path, "a.md")
    (found,) = scan(tmp_path).found
    with file.open("r+b") as writing:
        writing.truncate(MAX_SOURCE_BYTES + 1)

    assert failure(tmp_path, found).code == "posts.size"


def test_read_names_the_image_that_fails(tmp_path: Path) -> None:
    """A problem of an image is told under the image's own path."""
    put(tmp_path, "s/01-a/index.md")
    put(tmp_path, "s/01-a/p.png", b"1")
    (found,) = scan(tmp_path).found
    (tmp_path / "s/01-a/p.png").unlink()

    assert failure(tmp_path, found).path == "posts/s/01-a/p.png"
