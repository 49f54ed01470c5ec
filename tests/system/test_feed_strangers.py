"""Whole sites of hostile posts, and every feed of them read by programs that are not ours."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import atoma  # type: ignore[import-untyped]
import feedparser
import feedparser_sgmllib
import pytest
from reader import make_reader

from publisher.engine import clock
from publisher.store import Store
from tests import hostile
from tests.conftest import Folder
from tests.feedcheck import check_feed, check_opml, set_apart
from tests.feedread import KINDS, feed_files, kind_of, pieces, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.feedcheck import Kind
    from tests.feedread import Entry

SITE = "https://letters.example"
POSTS = {"hostile": 30, "none": 0, "one": 1, "many": 120}
"""How many posts the feed of a site and its archives carry."""
XML_HEADERS = {"content-type": "application/xml; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A site as it was built, and its feeds by path."""

    name: str
    folder: Folder
    feeds: dict[str, bytes]
    report: str

    @property
    def main(self) -> dict[Kind, bytes]:
        """The feed of the whole site in each format."""
        return {kind: self.feeds[f"feed.{kind}"] for kind in KINDS}


def _build(folder: Folder) -> str:
    ran = folder.run("build")
    assert ran.code in {0, 4}, ran.err
    return ran.err


def _built(path: Path, name: str) -> Built:
    folder = Folder(path=path)
    path.mkdir(parents=True)
    hostile.fill(folder, name)
    report = _build(folder)
    return Built(name=name, folder=folder, feeds=feed_files(path / "public"), report=report)


@pytest.fixture(scope="module", params=list(POSTS))
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """Each site, built once for all tests that only read it."""
    opened: list[Store] = []

    def remember(*args: Any) -> Store:
        opened.append(Store(*args))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("publisher.app.opening.Store", remember)
        yield _built(tmp_path_factory.mktemp("feeds") / request.param, request.param)
    for store in opened:
        store.close()


# ------------------------------------------------------------------------------------- the checks


def test_old_dates_are_right_though_they_surprise(tmp_path: Path) -> None:
    """Of dates before there were feeds the validator doubts the truth, never the form."""
    ancient = _built(tmp_path / "ancient", "ancient")
    found = [
        finding
        for path, data in ancient.feeds.items()
        for finding in check_feed(data, kind_of(path), now=clock.now(), address=f"{SITE}/{path}")
    ]

    assert [one for one in found if not one.startswith("ImplausibleDate")] == []
    assert any("0001-01-01" in one for one in found)
    atom, rss, by_json = (read(data, kind) for kind, data in ancient.main.items())
    assert atom == by_json
    assert rss[:-1] == atom[:-1]
    assert [one.published_at.year for one in atom] == [2026, 1969, 999, 1]
    # Programs take a year below 100 for one of ours, even in four digits (RFC 5322 §4.3).
    assert b"<pubDate>Mon, 01 Jan 0001 " in ancient.main["rss"]


def _entries(feeds: dict[str, bytes], kind: Kind) -> dict[str, Entry]:
    """Return the entries of the site's feed and its archives by the path of their page."""
    return {
        one.url.removeprefix(SITE): one
        for path, data in feeds.items()
        if path.endswith(kind) and path.startswith(("feed.", "archive/"))
        for one in read(data, kind)
    }


def test_every_feed_is_valid(built: Built) -> None:
    """The public validator's rules find no error and no warning in any feed of the site."""
    found = {
        path: check_feed(data, kind_of(path), now=clock.now(), address=f"{SITE}/{path}")
        for path, data in built.feeds.items()
    }

    assert {path: findings for path, findings in found.items() if findings} == {}
    assert len(_entries(built.feeds, "atom")) == POSTS[built.name]


def test_list_of_feeds_is_valid(built: Built) -> None:
    """The OPML is right and names every Atom feed there is, archives apart."""
    data = (built.folder.path / "public" / "feeds.opml").read_bytes()

    assert check_opml(data) == []
    named = set(re.findall(rf'xmlUrl="{SITE}/([^"]*)"', data.decode()))
    assert named == {path for path in built.feeds if path.endswith("feed.atom")}


def test_only_the_hostile_site_needs_leave(built: Built) -> None:
    """Posts of one second and MathML are all that is told apart, and only where they are."""
    apart = {
        finding.partition(":")[0]
        for kind, data in built.main.items()
        for finding in set_apart(data, kind, now=clock.now())
    }

    assert apart == ({"DuplicateUpdated", "MathML"} if built.name == "hostile" else set())


# ----------------------------------------------------------------------------------- the strangers


def test_feedparser_reads_every_feed(built: Built) -> None:
    """Feedparser finds every XML feed well-formed, of its version, with our ids, links and dates."""
    for path, data in built.feeds.items():
        kind = kind_of(path)
        if kind == "json":
            continue
        parsed = feedparser.parse(data, response_headers=XML_HEADERS)
        ours = read(data, kind)

        assert not parsed.bozo, (path, parsed.get("bozo_exception"))
        assert parsed.version == {"atom": "atom10", "rss": "rss20"}[kind]
        assert [one.id for one in parsed.entries] == [one.id for one in ours]
        assert [one.link for one in parsed.entries] == [one.url for one in ours]
        assert [one.published_parsed[:6] for one in parsed.entries] == [
            one.published_at.timetuple()[:6] for one in ours
        ]
        assert [one.updated_parsed[:6] for one in parsed.entries] == [
            one.updated_at.timetuple()[:6] for one in ours
        ]


def test_atoma_reads_every_feed(built: Built) -> None:
    """Atoma, which is strict, reads every feed of all three formats with our ids and titles."""
    for path, data in built.feeds.items():
        ours = [(one.id, one.title) for one in read(data, kind_of(path))]
        if kind_of(path) == "atom":
            theirs = [(one.id_, one.title.value) for one in atoma.parse_atom_bytes(data).entries]
        elif kind_of(path) == "rss":
            theirs = [(one.guid, one.title) for one in atoma.parse_rss_bytes(data).items]
        else:
            # It knows version 1 alone, of which 1.1 is a superset.
            first = data.replace(b"jsonfeed.org/version/1.1", b"jsonfeed.org/version/1")
            theirs = [(one.id_, one.title) for one in atoma.parse_json_feed_bytes(first).items]

        assert theirs == ours, path


def test_reader_reads_all_formats_alike(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library ``reader`` takes the same entries from all three formats of a feed."""
    # Its copy of feedparser looks for this module under the name that it had before.
    monkeypatch.setitem(sys.modules, "sgmllib", feedparser_sgmllib)
    public = built.folder.path / "public"
    taken: dict[str, dict[tuple[str, Any], tuple[Any, ...]]] = {}
    with make_reader(":memory:", feed_root=str(public)) as library:
        for kind in KINDS:
            library.add_feed(f"feed.{kind}")
        for result in library.update_feeds_iter():
            assert not isinstance(result.value, Exception), result
        for kind in KINDS:
            entries = list(library.get_entries(feed=f"feed.{kind}"))
            taken[kind] = {
                (one.link or "", one.published): (one.id, one.updated) for one in entries
            }

    ours = read(built.main["json"], "json")
    assert taken["json"] == {(one.url, one.published_at): (one.id, one.updated_at) for one in ours}
    assert taken["atom"] == taken["json"]
    foreign = {(one.url, one.published_at) for one in ours if "/foreign/" in one.url}
    assert taken["rss"].keys() == taken["json"].keys()
    assert {key for key, said in taken["rss"].items() if said != taken["json"][key]} == foreign


def test_formats_agree(built: Built) -> None:
    """Ids, addresses, dates, titles, authors, tags, summaries and HTML are the same in each format.

    The one exception is an imported id that is no address: RSS keeps it verbatim.
    """
    for path in built.feeds:
        if not path.endswith(".atom"):
            continue
        stem = path.removesuffix("atom")
        atom, rss, by_json = (read(built.feeds[stem + kind], kind) for kind in KINDS)

        assert atom == by_json, path
        assert [_without_foreign_id(one) for one in rss] == [
            _without_foreign_id(one) for one in atom
        ]


def _without_foreign_id(one: Entry) -> Entry:
    return replace(one, id="") if "/foreign/" in one.url else one


# ------------------------------------------------------------------------------------ what is there


def test_same_posts_make_the_same_bytes(built: Built, tmp_path: Path) -> None:
    """A second build changes nothing, and a clone without any state builds the same public site."""
    public = built.folder.path / "public"
    before = _tree(public)
    _build(built.folder)
    clone = Folder(path=tmp_path / "elsewhere")
    clone.path.mkdir()
    shutil.copytree(
        built.folder.path / "posts", clone.path / "posts", copy_function=shutil.copyfile
    )
    shutil.copyfile(built.folder.path / "config.toml", clone.path / "config.toml")
    _build(clone)

    assert _tree(public) == before
    there = _tree(clone.path / "public")
    assert there.keys() == before.keys()
    assert [path for path in before if there[path] != before[path]] == []


def _tree(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("built", ["hostile"], indirect=True)
def test_what_is_not_published_is_in_no_feed(built: Built) -> None:
    """Drafts, future posts, posts for letters, withdrawn and refused ones are in no feed."""
    texts = b"\n".join(built.feeds.values())

    for words in (b"Secret", b"Withdrawn", b"Bell", b"Half", b"The last"):
        assert words not in texts
    for slug in hostile.REFUSED:
        assert slug in built.report


@pytest.mark.parametrize("built", ["hostile"], indirect=True)
def test_hostile_posts_stay_themselves(built: Built) -> None:
    """What was written arrives: titles less markup, images with their words, ids as imported."""
    entries = _entries(built.feeds, "rss")
    titles = {path: one.title for path, one in entries.items()}

    assert titles["/titles/cdata-end/"] == "It ends ]]> here"
    assert titles["/titles/bold/"] == "A bold and fine claim"
    assert titles["/titles/emoji/"].startswith("A \U0001f469\U0001f3fd\u200d\u2695\ufe0f and ")
    assert (
        titles["/titles/arabic/"]
        == "\u0627\u0644\u0646\u0648\u0645 \u0648\u0627\u0644\u0635\u062d\u0629"
    )
    assert titles["/titles/brackets/"] == "a < b > c, <sertraline> and <3"
    assert len(titles["/titles/long/"]) > 300
    assert len(entries["/large/"].html.encode()) > hostile.MEGABYTE
    assert re.findall(r'alt="([^"]*)"', entries["/images/"].html)[-1] == "An image"
    assert set(re.findall(r'alt="([^"]*)"', entries["/raw/"].html)) == {
        "An image that fails",
        "Several sizes",
    }
    assert "<math" in entries["/raw/"].html
    assert entries["/foreign/"].id == "?p=12 & more"
    assert entries["/tagged/"].id == "tag:old.example,2009:blog-7"
    assert entries["/corrected/"].updated_at == datetime(2026, 11, 9, 15, tzinfo=UTC)
    assert "<strong>Correction:</strong>" in entries["/corrected/"].html
    assert entries["/titles/c1/"].published_at == datetime(2026, 10, 1, 3, 15, tzinfo=UTC)
    assert len({one.published_at for path, one in entries.items() if "/same-" in path}) == 1


@pytest.mark.parametrize("built", ["hostile"], indirect=True)
def test_every_tag_has_its_feed(built: Built) -> None:
    """Tags of punctuation, of Chinese and Arabic letters and of an emoji have feeds of their own."""
    tagged = {path.split("/")[1] for path in built.feeds if path.startswith("tags/")}

    assert tagged == {
        "sleep", "u21-u21-u21", "u7761-u7720", "c-b-more-b", "u1f9e0", "r-d", "a-b",
        "u645-u631-u62d-u628-u627",
    }  # fmt: skip


# -------------------------------------------------------------------------------------- small edits


@pytest.fixture
def small(tmp_path: Path) -> Folder:
    """A site of a series of three and two loose posts, built."""
    folder = Folder(path=tmp_path / "small")
    folder.path.mkdir()
    hostile.fill(folder, "none")
    for number in (1, 2, 3):
        folder.post(
            f"sleep/{number:02}-part-{number}.md",
            f"Part the {number}.",
            date=f"2026-10-0{number}",
            tags="[night]",
        )
    folder.post("first.md", "First", date="2026-10-10", tags="[night]")
    folder.post("second.md", "Second", date="2026-10-11")
    _build(folder)
    return folder


def _changes(
    before: dict[str, bytes], after: dict[str, bytes]
) -> dict[str, tuple[bool, set[str]]]:
    """Return for each feed that changed whether what is around did, and the entries that did."""
    assert before.keys() == after.keys()
    changed = {}
    for path, data in before.items():
        if after[path] != data:
            (around, old), (new_around, new) = (
                pieces(feeds[path], kind_of(path)) for feeds in (before, after)
            )
            assert list(old) == list(new)
            changed[path] = around != new_around, {one for one in old if old[one] != new[one]}
    return changed


def _holding(feeds: dict[str, bytes], post_id: str) -> set[str]:
    return {path for path, data in feeds.items() if post_id in pieces(data, kind_of(path))[1]}


def _id_of(feeds: dict[str, bytes], url: str) -> str:
    return next(one.id for one in read(feeds["feed.atom"], "atom") if one.url == f"{SITE}{url}")


def test_renamed_post_changes_its_entry_alone(small: Folder) -> None:
    """A new slug with the old as alias: the id stays, the address changes, and nothing else does."""
    before = feed_files(small.path / "public")
    post_id = _id_of(before, "/first/")
    (small.path / "posts" / "first.md").unlink()
    small.post("better.md", "First", date="2026-10-10", tags="[night]", aliases="[first]")
    _build(small)
    after = feed_files(small.path / "public")

    assert _id_of(after, "/better/") == post_id
    assert _changes(before, after) == {
        path: (False, {post_id}) for path in _holding(before, post_id)
    }
    assert len(_holding(before, post_id)) == 6


def test_corrected_post_changes_its_entry_alone(small: Folder) -> None:
    """New text with a date and a correction: one entry and the feed's date change, where it is."""
    before = feed_files(small.path / "public")
    post_id = _id_of(before, "/sleep/part-2/")
    small.post(
        "sleep/02-part-2.md", "Part the 2.", date="2026-10-02", body="It is five.\n",
        tags="[night]", updated="2026-11-02", correction="It was six.",
    )  # fmt: skip
    _build(small)
    after = feed_files(small.path / "public")

    # JSON Feed has no date of the feed, so there the entry alone changes.
    assert _changes(before, after) == {
        path: (kind_of(path) != "json", {post_id}) for path in _holding(before, post_id)
    }
    assert len(_holding(before, post_id)) == 9
    assert b"It was six." in after["sleep/feed.json"]


def test_retouched_post_changes_its_entry_alone(small: Folder) -> None:
    """New text without a new date is a typo put right: one entry changes, no date does."""
    before = feed_files(small.path / "public")
    post_id = _id_of(before, "/second/")
    small.post("second.md", "Second", date="2026-10-11", body="The typo is gone.\n")
    _build(small)

    assert _changes(before, feed_files(small.path / "public")) == {
        f"feed.{kind}": (False, {post_id}) for kind in KINDS
    }


def test_json_is_the_only_other_json(small: Folder) -> None:
    """Every JSON file that is served is a feed, so that none escapes the checks above."""
    public = small.path / "public"
    found = {file.relative_to(public).as_posix() for file in public.rglob("*.json")}

    assert found == {path for path in feed_files(public) if path.endswith(".json")}
    assert all(json.loads((public / path).read_bytes())["version"] for path in found)
