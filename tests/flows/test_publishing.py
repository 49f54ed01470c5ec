"""From posts to the public site as time and staff go on: pins, recall, reviews, and what stays."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import publisher
from publisher import app, publishing
from publisher.app import opening
from publisher.errors import Unavailable
from publisher.publishing import Build, build
from publisher.publishing.outputs import list_outputs
from publisher.site import TEMPORARY, hold
from publisher.store import posts as pins
from publisher.store import schema
from tests.flows.scenes import DAY, HOUR, MINUTE, moment, rows, tick, use_relay

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Catalog, PublishedPost
    from publisher.publishing.press import Output, Press
    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with a series of two, its second part a bundle with a picture."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    bundle = folder.post(
        "sleep/02-two/index.md",
        "Two",
        date="2026-11-02",
        body="Look: ![A lamp](lamp.png) See [one](/sleep/one/).\n",
    )
    (bundle.parent / "lamp.png").write_bytes(PICTURE)
    return folder.open()


def _build(site: app.Site, now: datetime = NOW) -> Build:
    return build(app.make_workshop(site), now=now)


def _pins(site: app.Site) -> dict[str, PublishedPost]:
    with site.store.read() as tx:
        return {pin.location: pin for pin in pins.load_record(tx).published.values()}


def _catalog(site: app.Site, now: datetime = NOW) -> Catalog:
    _, shelf = app.open_desk(site, now=now)
    return shelf.catalog


def _titles(site: app.Site, now: datetime = NOW) -> list[str]:
    return sorted(post.title for post in _catalog(site, now).posts)


def _public(folder: Folder) -> dict[str, tuple[bytes, int]]:
    root = folder.path / "public"
    return {
        str(file.relative_to(root)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in root.rglob("*")
        if file.is_file()
    }


def _review_required(folder: Folder) -> app.Site:
    folder.configure(review="required = true")
    return folder.open()


def _review(site: app.Site, path: str, now: datetime = NOW) -> str:
    """Approve a post's source as it lies there now; return its digest."""
    _, shelf = app.open_desk(site, now=now)
    post = next(one for one in shelf.sources.posts if one.path == path)
    with site.store.write() as tx:
        assert pins.approve(tx, post.id, post.source_sha256, reviewer="Dr Grey", now=now)
    return post.source_sha256


# ------------------------------------------------------------------------------------------- pins


def test_what_is_published_is_pinned_with_its_turn(folder: Folder, site: app.Site) -> None:
    """A first build pins every post, oldest first; later posts follow, and a pin is kept for ever."""
    _build(site)
    first = _pins(site)
    folder.post("zero.md", "Zero", date="2020-01-01")

    _build(site)

    assert {where: (pin.sequence, pin.part) for where, pin in _pins(site).items()} == {
        "sleep/one": (1, 1),
        "sleep/two": (2, 2),
        "zero": (3, None),
    }
    assert {where: _pins(site)[where] for where in first} == first


def test_an_edit_keeps_the_id_and_renews_what_is_kept(folder: Folder, site: app.Site) -> None:
    """An edited post has the same id and turn; its new source is the last good one."""
    _build(site)
    before = _pins(site)["sleep/one"]
    folder.post("sleep/01-one.md", "One, mended", date="2026-11-01")

    _build(site)

    after = _pins(site)["sleep/one"]
    with site.store.read() as tx:
        kept = pins.last_good(tx, after.post_id)
    assert (after.post_id, after.sequence) == (before.post_id, before.sequence)
    assert after.source_sha256 != before.source_sha256
    assert kept is not None
    assert b"One, mended" in kept[0]


def test_a_moved_post_keeps_its_id_by_its_alias(folder: Folder, site: app.Site) -> None:
    """With its old place as an alias a post moves, and its old address leads to the new one."""
    _build(site)
    before = _pins(site)["sleep/one"].post_id
    (folder.path / "posts/sleep/01-one.md").unlink()
    folder.post("sleep/01-first.md", "One", date="2026-11-01", aliases="[one]")

    done = _build(site)

    assert done.problems == ()
    assert _pins(site)["sleep/first"].post_id == before
    assert _catalog(site).redirects == {"sleep/one": "sleep/first"}


def test_a_changed_id_is_refused(folder: Folder, site: app.Site) -> None:
    """A published post under another id would come twice to every reader: refused, exit 5."""
    _build(site)
    (folder.path / "posts/sleep/01-one.md").unlink()
    folder.post("sleep/01-first.md", "One", date="2026-11-01")

    done = _build(site)
    ran = folder.run("build")

    assert done.refused
    assert ran.code == 5
    assert _titles(site) == ["One", "Two"]


# ----------------------------------------------------------------------------------- what it keeps


def test_a_second_build_writes_nothing(folder: Folder, site: app.Site) -> None:
    """Where nothing changed every file keeps its bytes and its time."""
    first = _build(site)
    before = _public(folder)

    again = _build(site, NOW + HOUR)

    assert (again.written, again.removed, again.unchanged) == ([], [], len(first.written))
    assert _public(folder) == before


@pytest.mark.parametrize("damage", [b"", b"not a pickle", b"\x80\x05N."])
def test_a_build_without_its_memory_comes_to_the_same(
    folder: Folder, site: app.Site, damage: bytes
) -> None:
    """A lost or damaged memory costs time, not a byte."""
    _build(site)
    before = _public(folder)
    (folder.path / "var" / publishing.MEMORY_FILE).write_bytes(damage)

    again = _build(site)

    assert again.written == []
    assert _public(folder) == before


def test_a_file_lost_from_public_is_written_again(folder: Folder, site: app.Site) -> None:
    """What somebody removed or damaged comes back as it was; nobody else's file is touched."""
    _build(site)
    before = _public(folder)
    (folder.path / "public/sleep/one/index.html").unlink()
    strange = folder.path / "public/verification.txt"
    strange.write_text("mine")

    again = _build(site)

    assert again.written == ["sleep/one/index.html"]
    assert {name: data for name, (data, _) in _public(folder).items()} == {
        **{name: data for name, (data, _) in before.items()},
        "verification.txt": b"mine",
    }


def test_a_file_damaged_in_public_is_written_again(folder: Folder, site: app.Site) -> None:
    """A page or a compressed feed that somebody wrote over comes back; the others stay."""
    _build(site)
    before = _public(folder)
    for name in ("sleep/one/index.html", "feed.atom.gz"):
        (folder.path / "public" / name).write_bytes(b"damaged")

    again = _build(site)

    assert sorted(again.written) == ["feed.atom", "sleep/one/index.html"]
    assert {name: data for name, (data, _) in _public(folder).items()} == {
        name: data for name, (data, _) in before.items()
    }


def test_code_of_every_part_is_in_the_fingerprint() -> None:
    """A program that renders otherwise takes nothing from the memory of the one before."""
    lines = list(opening._made_of(str(Path(publisher.__file__).parent)))

    for part in ("pages/templating.py", "feeds/xml_formats.py", "site/files.py", "app/opening.py"):
        assert [line for line in lines if f"/publisher/{part}\0" in line]


def test_other_code_or_templates_render_everything_anew(folder: Folder, site: app.Site) -> None:
    """With another fingerprint nothing is taken from memory, and equal bytes keep their file."""
    _build(site)
    before = _public(folder)
    workshop = replace(app.make_workshop(site), fingerprint="another release")

    again = build(workshop, now=NOW)

    assert again.written == []
    assert _public(folder) == before


def test_a_post_whose_file_is_gone_stays_with_its_pictures(folder: Folder, site: app.Site) -> None:
    """File gone and public/ wiped, a published post comes back from the store, pictures and all."""
    _build(site)
    before = _public(folder)
    shutil.rmtree(folder.path / "posts/sleep/02-two")
    shutil.rmtree(folder.path / "public")

    done = _build(site)

    after = _public(folder)
    assert [problem.path for problem in done.problems] == ["posts/sleep/02-two/index.md"]
    assert after["sleep/two/index.html"][0] == before["sleep/two/index.html"][0]
    assert after["sleep/two/lamp.png"][0] == PICTURE
    assert after["feed.atom"][0] == before["feed.atom"][0]
    assert _catalog(site).recalled == {_pins(site)["sleep/two"].post_id}


def test_a_post_that_no_longer_loads_stays_as_published(folder: Folder, site: app.Site) -> None:
    """A broken source changes no page; mended, the new text is out."""
    _build(site)
    before = _public(folder)
    file = folder.path / "posts/sleep/01-one.md"
    file.write_text("---\ntitle: [broken\n---\n")
    broken = _build(site)
    during = _public(folder)

    folder.post("sleep/01-one.md", "One again", date="2026-11-01")
    mended = _build(site)

    assert broken.problems[0].path == "posts/sleep/01-one.md"
    assert during == before
    assert mended.problems == ()
    assert "sleep/one/index.html" in mended.written


def test_the_list_of_subjects_follows_the_posts(folder: Folder, site: app.Site) -> None:
    """It is made with the first tag, counts posts as they come, and goes with the last tag."""
    _build(site)
    assert "tags/index.html" not in _public(folder)

    folder.post("sleep/01-one.md", "One", date="2026-11-01", tags="[rest]")
    _build(site)
    assert '<a href="/tags/rest/">rest</a>' in folder.public("tags/index.html")
    assert 'href="/tags/"' in folder.public("archive/index.html")

    folder.post("alone.md", "Alone", date="2026-11-03", tags="[rest]")
    _build(site)
    assert "2 posts" in folder.public("tags/index.html")

    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    folder.post("alone.md", "Alone", date="2026-11-03")
    done = _build(site)
    assert "tags/index.html" in done.removed
    assert 'href="/tags/"' not in folder.public("archive/index.html")


def test_an_authors_page_and_feeds_follow_the_posts(folder: Folder, site: app.Site) -> None:
    """They come with the first post that names the author, once however the name is written, and go."""
    _build(site)
    assert not [file for file in _public(folder) if file.startswith("authors/")]

    folder.post("sleep/01-one.md", "One", date="2026-11-01", authors="[Ann Lee]")
    folder.post("alone.md", "Alone", date="2026-11-03", authors="[Ann LEE, Ann Lee]")
    _build(site)
    feed = folder.public("authors/ann-lee/feed.atom")
    assert feed.count("<entry>") == 2
    assert "authors/ann-lee/feed.atom" in folder.public("feeds.opml")
    assert "/authors/ann-lee/feed.rss" in folder.public("feeds/index.html")
    assert 'href="/authors/ann-lee/"' in folder.public("alone/index.html")

    folder.post("alone.md", "Alone", date="2026-11-03", authors="[Bo Chen]")
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    assert "authors/ann-lee/feed.atom" in _build(site).removed
    assert "/authors/bo-chen/feed.rss" in folder.public("feeds/index.html")
    assert "ann-lee" not in folder.public("feeds/index.html")


def test_feeds_state_their_licence(folder: Folder) -> None:
    """``site.rights`` stands in each format that has a place for it."""
    folder.configure(site=folder.settings["site"] + '\nrights = "CC BY 4.0"')

    _build(folder.open())

    assert "<rights>CC BY 4.0</rights>" in folder.public("feed.atom")
    assert "<copyright>CC BY 4.0</copyright>" in folder.public("feed.rss")


def test_the_archive_leads_to_letters_once_there_are_any(folder: Folder, site: app.Site) -> None:
    """The first edition adds the way to the list of letters to an archive that was without."""
    _build(site)
    before = folder.public("archive/index.html")

    folder.run("subscribers", "add", "anna@example.org", "--consent", "asked")
    folder.run("publish", "--now", "weekly")

    assert 'href="/editions/"' not in before
    assert 'href="/editions/"' in folder.public("archive/index.html")


def test_a_withdrawn_post_leaves_and_keeps_its_number(folder: Folder, site: app.Site) -> None:
    """Taken back, a post is out of pages and feeds; the next part still is part 2 of 2."""
    _build(site)
    folder.post("sleep/01-one.md", "One", date="2026-11-01", withdrawn='"2026-11-23 wrong dose"')

    done = _build(site)
    (folder.path / "posts/sleep/01-one.md").unlink()
    _build(site)

    assert "sleep/one/index.html" not in _public(folder)
    assert "sleep/one/index.html" in [*done.removed, *done.written]
    assert "One" not in folder.public("feed.atom")
    assert "Part 2 of 2" in folder.public("sleep/two/index.html")
    assert _pins(site)["sleep/one"].withdrawn == "2026-11-23 wrong dose"
    assert _titles(site) == ["Two"]


# ------------------------------------------------------------------------------------------- time


def test_a_scheduled_post_appears_when_its_time_comes(folder: Folder, site: app.Site) -> None:
    """With no file changed a post is out at its moment, not before: the build knows when to look."""
    folder.post("three.md", "Three", date="2026-11-25T09:00")
    due = moment("2026-11-25 09:00", "America/New_York")
    _build(site)
    early = _build(site, due - MINUTE)
    before = "three/index.html" in _public(folder)

    done = _build(site, due)

    assert (early.written, before) == ([], False)
    assert "three/index.html" in done.written
    assert "Three" in folder.public("feed.rss")


def test_the_shelf_knows_the_catalog_of_another_day(folder: Folder, site: app.Site) -> None:
    """Planning sees what will be out by then, recalled posts included."""
    _build(site)
    (folder.path / "posts/sleep/01-one.md").unlink()
    folder.post("three.md", "Three", date="2026-12-01")
    _, shelf = app.open_desk(site, now=NOW)

    later = shelf.catalog_at(NOW + 30 * DAY)

    assert sorted(post.title for post in shelf.catalog.posts) == ["One", "Two"]
    assert sorted(post.title for post in later.posts) == ["One", "Three", "Two"]


# ---------------------------------------------------------------------------------------- reviews


def test_with_reviews_required_nothing_is_out_before_its_approval(
    folder: Folder, site: app.Site
) -> None:
    """A post is published nowhere until its exact source was approved; then it is, at once."""
    site = _review_required(folder)
    _build(site)
    before = _titles(site)

    _review(site, "sleep/01-one.md")
    done = _build(site)

    assert before == []
    assert _titles(site) == ["One"]
    assert "sleep/one/index.html" in done.written
    assert "sleep/two/index.html" not in _public(folder)


def test_an_approval_is_of_one_exact_source(folder: Folder, site: app.Site) -> None:
    """An approval of a text that was edited before it was out publishes nothing."""
    site = _review_required(folder)
    _review(site, "sleep/01-one.md")
    folder.post("sleep/01-one.md", "One, edited", date="2026-11-01")

    _build(site)

    assert _titles(site) == []


def test_an_edit_keeps_the_approved_text_live_until_it_is_approved(
    folder: Folder, site: app.Site
) -> None:
    """An edited post stays as it was approved, in pages, feeds and editions; approved, it changes."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01", reviewer="Dr Grey")
    _review(site, "sleep/01-one.md")
    _build(site)
    before = folder.public("sleep/one/index.html")
    folder.post("sleep/01-one.md", "One, edited", date="2026-11-01", reviewer="Dr Grey")

    waiting = _build(site)
    during = folder.public("sleep/one/index.html")
    _review(site, "sleep/01-one.md")
    _build(site)

    assert waiting.problems == ()
    assert during == before
    assert "One, edited" in folder.public("sleep/one/index.html")
    assert "One, edited" in folder.public("feed.atom")


def test_a_changed_picture_needs_a_new_approval(folder: Folder, site: app.Site) -> None:
    """A review covers the pictures too: another lamp is another source."""
    site = _review_required(folder)
    first = _review(site, "sleep/02-two/index.md")
    _build(site)
    (folder.path / "posts/sleep/02-two/lamp.png").write_bytes(PICTURE + b"\0")

    _build(site)
    second = _review(site, "sleep/02-two/index.md")
    _build(site)

    assert first != second
    assert (folder.path / "public/sleep/two/lamp.png").read_bytes() == PICTURE + b"\0"


# ------------------------------------------------------------------------------- editions, archives


def test_an_edition_has_its_page_when_it_is_opened(folder: Folder, site: app.Site) -> None:
    """Before its slot an edition has no page; opened, it has one, and so has its list."""
    use_relay(folder)
    site = folder.open()
    tick(site, NOW)
    _build(site)
    before = "editions/weekly/1/index.html" in _public(folder)

    tick(site, NOW + MINUTE, digest="weekly")
    done = _build(site, NOW + MINUTE)

    assert not before
    assert "editions/weekly/1/index.html" in done.written
    assert "One" in folder.public("editions/weekly/1/index.html")


def test_a_rehearsals_page_is_gone_once_the_site_is_live(folder: Folder, site: app.Site) -> None:
    """Readers look up what was sent, not what was rehearsed."""
    tick(site, NOW, digest="weekly")
    _build(site)
    before = "editions/weekly/1/index.html" in _public(folder)
    use_relay(folder)

    _build(folder.open())

    assert before
    assert "editions/weekly/1/index.html" not in _public(folder)


def test_an_imported_archive_counts_as_sent(folder: Folder, site: app.Site) -> None:
    """What came with an archive is published and never mailed; a page imported as new is."""
    with site.store.write() as tx:
        pins.record_import(tx, "a" * 64, "sleep/01-one.md", counts_as_sent=True, now=NOW)
        pins.record_import(tx, "b" * 64, "sleep/02-two/index.md", counts_as_sent=False, now=NOW)

    _build(site)
    tick(site, NOW, digest="weekly")

    marks = {where: pin.counts_as_sent for where, pin in _pins(site).items()}
    posts = schema.edition_posts.c.post_id
    assert marks == {"sleep/one": True, "sleep/two": False}
    assert rows(site, schema.edition_posts, posts) == [(_pins(site)["sleep/two"].post_id,)]


# ------------------------------------------------------------------------------------- the folder


def test_a_site_that_is_being_written_is_waited_for_and_then_told(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes the site a build waits, and in the end says who does."""
    monkeypatch.setattr(publishing, "LOCK_PATIENCE_SECONDS", 0.05)

    with (
        hold(site.config.paths.state / "site.lock"),
        pytest.raises(Unavailable, match=r"site\.lock"),
    ):
        _build(site)


def test_an_empty_site_is_a_site(folder: Folder) -> None:
    """Without a post there is a home page and feeds that validate, and no edition."""
    site = folder.open()

    done = _build(site)
    tick(site, NOW, digest="weekly")

    assert {"index.html", "feed.atom", "feed.rss", "feed.json"} <= set(done.written)
    assert done.problems == ()
    assert rows(site, schema.editions) == []


def test_a_temporary_file_of_a_killed_build_is_swept(folder: Folder, site: app.Site) -> None:
    """What a kill left half written is gone after the next build."""
    _build(site)
    left = folder.path / "public" / f"{TEMPORARY}left"
    left.write_bytes(b"half")
    begun = folder.path / "var" / publishing.BEGUN_FILE
    begun.touch()

    _build(site)

    assert not left.exists()
    assert not begun.exists()


def test_edition_opened_during_a_build_is_seen_by_the_next(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process opened while this one rendered has its page before its mail goes."""
    folder.post("one.md", "One")
    use_relay(folder)
    site = folder.open()
    tick(site, NOW)
    workshop = app.make_workshop(site)

    def open_meanwhile(press: Press) -> list[Output]:
        tick(site, NOW, digest="weekly")
        return list_outputs(press)

    with monkeypatch.context() as patch:
        patch.setattr("publisher.publishing.outputs.list_outputs", open_meanwhile)
        first = build(workshop, now=NOW)
    again = build(workshop, now=NOW)

    assert first.written
    assert "editions/weekly/1/index.html" not in first.written
    assert "editions/weekly/1/index.html" in again.written
