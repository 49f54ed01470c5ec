"""What a reader who comes late or rarely finds: archives (RFC 5005) that stay as they are."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from tests import hostile
from tests.conftest import Folder
from tests.feedread import KINDS, feed_files, kind_of, links, pieces, read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.feedcheck import Kind

SITE = "https://letters.example"
PLACES = ("", "series-0/", "series-1/", "series-2/")
"""Where a site of many posts has feeds with archives."""
_XML: Final[tuple[Kind, ...]] = ("atom", "rss")


@pytest.fixture
def many(tmp_path: Path) -> Folder:
    """A site of 120 posts in three series and loose, of which a feed carries ten."""
    folder = Folder(path=tmp_path / "many")
    folder.path.mkdir()
    hostile.fill(folder, "many")
    folder.configure(feeds="entries = 10")
    assert folder.run("build").code == 0
    return folder


def _walk(feeds: dict[str, bytes], start: str) -> list[str]:
    """Return the feed's documents, from the live one to the oldest archive, each once."""
    walked = [start]
    while address := links(feeds[walked[-1]], kind_of(start)).get("prev-archive", ""):
        path = address.removeprefix(f"{SITE}/")
        assert path not in walked
        walked.append(path)
    return walked


def _ids(feeds: dict[str, bytes], path: str) -> list[str]:
    return [one.id for one in read(feeds[path], kind_of(path))]


def test_walk_returns_every_post(many: Folder) -> None:
    """From the live feed backwards every post is found, and at most once among the archives."""
    feeds = feed_files(many.path / "public")

    for place, kind in product(PLACES, KINDS):
        live, *archives = _walk(feeds, f"{place}feed.{kind}")
        archived = [post_id for path in archives for post_id in _ids(feeds, path)]
        everything = {*_ids(feeds, live), *archived}

        assert archives, f"{place}feed.{kind} has no archive"
        assert len(everything) == (30 if place else 120)
        assert len(archived) == len(set(archived))
        assert {
            path for path in feeds if path.startswith(f"{place}archive/") and path.endswith(kind)
        } == set(archives)


def test_archives_know_their_neighbours(many: Folder) -> None:
    """Each archive names the live feed, the one before and the one after, and walks back as it came."""
    feeds = feed_files(many.path / "public")

    for place, kind in product(PLACES, _XML):
        live, *archives = _walk(feeds, f"{place}feed.{kind}")
        assert archives, f"{place}feed.{kind} has no archive"
        for newer, path in zip([live, *archives], archives, strict=False):
            own = links(feeds[path], kind)
            assert own["current"] == f"{SITE}/{live}"
            assert own.get("next-archive", "") == ("" if newer == live else f"{SITE}/{newer}")
            assert b"fh:archive" in feeds[path]
        assert b"fh:archive" not in feeds[live]


def _without_next(data: bytes, kind: Kind) -> bytes:
    """Return an archive without its link to the one after, which the newest gets in time."""
    if kind == "json":
        return data
    lines = data.replace(b"/>", b"/>\n").split(b"\n")
    return b"\n".join(line for line in lines if b"next-archive" not in line and line.strip())


def test_archives_stay_as_they_are(many: Folder) -> None:
    """A new post, and ten more, change no byte of an archive, one link to the next apart."""
    before = feed_files(many.path / "public")
    archives = {path for path in before if "archive/" in path}
    assert archives
    after = before
    for number in range(1, 12):
        many.post(f"new-{number}.md", f"New {number}", date=f"2026-11-{number:02}")
        if number in {1, 11}:
            assert many.run("build").code == 0
            after = feed_files(many.path / "public")
            changed = {path for path in archives if after[path] != before[path]}

            assert len(changed) <= 2, changed
            assert {
                path
                for path in changed
                if _without_next(after[path], kind_of(path))
                != _without_next(before[path], kind_of(path))
            } == set()
    assert _ids(after, "feed.atom") != _ids(before, "feed.atom")


def test_edit_reaches_the_archive_it_is_in(many: Folder) -> None:
    """A correction of an old post changes its entry alone, in each document that holds it."""
    before = feed_files(many.path / "public")
    address = f"{SITE}/series-1/part-2/"
    post_id = next(
        one.id
        for path, data in before.items()
        for one in read(data, kind_of(path))
        if one.url == address
    )
    many.post(
        "series-1/02-part-2.md", "Post 5 of many", date="2026-10-01 05:30", tags='["many"]',
        body="Better words.\n", updated="2026-11-02", correction="It was worse.",
    )  # fmt: skip
    assert many.run("build").code == 0
    after = feed_files(many.path / "public")

    holding = {path for path, data in before.items() if post_id in pieces(data, kind_of(path))[1]}
    assert {path for path in holding if "archive/" in path}
    for path in holding:
        old, new = pieces(before[path], kind_of(path))[1], pieces(after[path], kind_of(path))[1]
        assert {one for one in old if old[one] != new.get(one)} == {post_id}, path


def test_renamed_part_changes_its_entry_alone(many: Folder) -> None:
    """A new slug of a part in the middle of a series leaves the parts beside it as they were."""
    before = feed_files(many.path / "public")
    (many.path / "posts" / "series-1" / "28-part-28.md").unlink()
    many.post(
        "series-1/28-better.md", "Post 109 of many", date="2026-10-05 13:30", tags='["many"]',
        body="A sentence to read.\n", aliases="[part-28]",
    )  # fmt: skip
    assert many.run("build").code == 0
    after = feed_files(many.path / "public")

    old, new = (
        pieces(before["series-1/feed.atom"], "atom")[1],
        pieces(after["series-1/feed.atom"], "atom")[1],
    )
    assert list(old) == list(new)
    changed = [one for one in old if old[one] != new[one]]
    assert [b"/series-1/better/" in new[one] for one in changed] == [True]


def test_retitled_part_changes_its_entry_alone(many: Folder) -> None:
    """A new title of a part is said in its own entry; the entries beside it do not change."""
    before = feed_files(many.path / "public")
    many.post(
        "series-1/28-part-28.md", "A better title", date="2026-10-05 13:30", tags='["many"]',
        body="A sentence to read.\n",
    )  # fmt: skip
    assert many.run("build").code == 0
    after = feed_files(many.path / "public")

    for path, data in before.items():
        kind = kind_of(path)
        old, new = pieces(data, kind)[1], pieces(after[path], kind)[1]
        changed = [one for one in old if old[one] != new[one]]
        assert all(b"A better title" in new[one] for one in changed), path
        assert len(changed) <= 1, path
