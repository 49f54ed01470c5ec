"""Writing posts: opening, saving, what changed meanwhile, new ones, images, and the order of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher import app, writing
from publisher.errors import ContentError, NotFound, Refused
from publisher.publishing import build
from publisher.store import posts as pins
from publisher.store import reviews
from publisher.writing import Conflict, Edit, Saved
from publisher.writing.folder import Overtaken, replace
from tests.edges.test_posts_metadata import GPS, _exif, _jpeg, _png
from tests.flows.scenes import DAY, HOUR, MINUTE, moment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Folder

NOW = moment("2026-11-23 12:00")
ONE, TWO, THREE = "sleep/01-one.md", "sleep/02-two.md", "sleep/03-three.md"
ANN, BEN = "Ann Lee", "Ben Hill"


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A series of three, the third a draft."""
    folder.post(ONE, "One", date="2026-11-01", **{"x-mood": "calm  # mine"})
    folder.post(TWO, "Two", date="2026-11-02", body="After [one](01-one.md).\n")
    folder.post(THREE, "Three", date="2026-11-03", draft="true")
    return folder.open()


def _file(site: app.Site, path: str) -> Path:
    return site.config.paths.posts / path


def _save(site: app.Site, opened: writing.Opened, edit: Edit, by: str = ANN) -> Saved | Conflict:
    return writing.save(
        site.config,
        site.store,
        opened.path,
        edit,
        began_sha256=opened.sha256,
        began=opened.data,
        by=by,
        now=NOW,
    )


def _saves(site: app.Site, path: str) -> list[str]:
    with site.store.read() as tx:
        return [one.saved_by for one in reviews.read_saves(tx, path)]


def _titles(site: app.Site, series: str = "sleep") -> list[tuple[int | None, str]]:
    order = writing.read_order(site.config, site.store, series)
    return [(one.part, one.title) for one in order.parts]


def _published(site: app.Site) -> dict[str, tuple[str, int | None]]:
    build(app.make_workshop(site), now=NOW)
    with site.store.read() as tx:
        found = pins.load_record(tx).published.values()
    return {pin.location: (pin.post_id, pin.part) for pin in found}


def _add(
    site: app.Site, path: str, data: bytes, name: str = "My Lamp.PNG", alt: str = "A lamp"
) -> writing.Added:
    return writing.add_picture(
        site.config, site.store, path, name=name, data=data, alt=alt, by=ANN, now=NOW
    )


# ---------------------------------------------------------------------------------------- opening


def test_an_opened_post_is_a_form_and_a_text(site: app.Site) -> None:
    """Fields are as they are written, keys of one's own among them; the body is the Markdown."""
    opened = writing.open_post(site.config, ONE)

    assert opened.fields == {"title": "One", "date": "2026-11-01", "x-mood": "calm"}
    assert opened.body == "Text of One, a sentence to read.\n"
    assert opened.text.split("\n")[opened.body_line - 1 :] == opened.body.split("\n")
    assert (opened.series, opened.is_form, opened.images) == ("sleep", True, ())


def test_what_yaml_takes_for_another_thing_is_shown_as_it_was_written(site: app.Site) -> None:
    """A title of yes, a slug of digits and dates within lists are words to a form."""
    _file(site, ONE).write_text(
        "---\ntitle: yes\ndate: 2026-11-01\nslug: 2027\npart: 3\ndraft: yes\n"
        "tags: [2026-01-01, a]\nauthors: [{name: Ann}]\n---\n"
    )

    assert writing.open_post(site.config, ONE).fields == {
        "title": "yes",
        "date": "2026-11-01",
        "slug": "2027",
        "part": 3,
        "draft": True,
        "tags": ["2026-01-01", "a"],
        "authors": [{"name": "Ann"}],
    }


def test_a_post_whose_front_matter_is_broken_is_opened_as_a_text(site: app.Site) -> None:
    """What is no YAML cannot be a form: the whole text is edited, and the problem is told."""
    _file(site, ONE).write_text("---\ntitle: a: b\n---\nText\n")

    opened = writing.open_post(site.config, ONE)

    assert (opened.is_form, opened.fields) == (False, {})
    assert (opened.body, opened.body_line) == (opened.text, 1)
    assert opened.problems[0].line == 2
    saved = _save(site, opened, Edit(text="---\ntitle: 'a: b'\ndate: 2026-11-01\n---\nText\n"))
    assert isinstance(saved, Saved)
    assert writing.open_post(site.config, ONE).fields["title"] == "a: b"


@pytest.mark.parametrize(
    "path", ["../config.toml", "/etc/passwd", "sleep/../../config.toml", "sleep", "none.md", ""]
)
def test_only_posts_of_the_folder_are_opened(site: app.Site, path: str) -> None:
    """No path leads out of the folder, or to what is no post."""
    with pytest.raises(NotFound):
        writing.open_post(site.config, path)


def test_a_link_is_never_followed(site: app.Site, tmp_path: Path) -> None:
    """A symbolic link is no post to be opened, and none to be written through."""
    outside = tmp_path / "secret.md"
    outside.write_text("---\ntitle: Secret\n---\n")
    _file(site, "link.md").symlink_to(outside)
    opened = writing.open_post(site.config, ONE)
    _file(site, ONE).unlink()
    _file(site, ONE).symlink_to(outside)

    for path in ("link.md", ONE):
        with pytest.raises(ContentError) as caught:
            writing.open_post(site.config, path)
        assert caught.value.problems[0].code == "posts.symlink"
    with pytest.raises(ContentError):
        _save(site, opened, Edit(body="New"))
    assert outside.read_text() == "---\ntitle: Secret\n---\n"


def test_a_post_is_found_by_path_address_and_id(site: app.Site, folder: Folder) -> None:
    """Whatever a person has at hand names the post, drafts too."""
    folder.post("sleep/04-four.md", "Four", id="urn:x:4", slug="the-fourth")

    for wanted in (THREE, f"posts/{THREE}", "sleep/three", "/sleep/three/", "sleep/03-three"):
        assert writing.find_path(site.config, wanted) == THREE
    for wanted in ("urn:x:4", "sleep/the-fourth"):
        assert writing.find_path(site.config, wanted) == "sleep/04-four.md"
    with pytest.raises(NotFound):
        writing.find_path(site.config, "sleep/nine")


def test_a_text_is_shown_while_it_is_written(site: app.Site) -> None:
    """Rendered and safe, with its images and links, though nothing of it is saved or right yet."""
    added = _add(site, TWO, _png())
    data = b"---\ntitle: [\n---\n\n![A](my-lamp.png) [one](../01-one.md) <script>x</script>\n"

    shown = writing.show_body(site.config, added.path, data)

    assert 'src="/sleep/two/my-lamp.png"' in shown.body.html
    assert 'href="/sleep/one/"' in shown.body.html
    assert "script" not in shown.body.html
    assert shown.body_line == 5
    fresh = writing.show_body(site.config, "new/01-x.md", b"*x*")
    assert (fresh.body.html.strip(), fresh.body_line) == ("<p><em>x</em></p>", 1)
    with pytest.raises(ContentError):
        writing.show_body(site.config, ONE, b"\xff")


# ----------------------------------------------------------------------------------------- saving


def test_a_save_changes_what_was_meant_and_nothing_else(site: app.Site) -> None:
    """Keys of one's own, comments and the rights of the file stay; who saved is remembered."""
    file = _file(site, ONE)
    file.chmod(0o640)
    opened = writing.open_post(site.config, ONE)

    saved = _save(
        site, opened, Edit(fields={**opened.fields, "title": "One, slowly"}, body="New.")
    )

    assert file.read_text() == (
        "---\ntitle: One, slowly\ndate: 2026-11-01\nx-mood: calm  # mine\n---\n\nNew.\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    again = writing.open_post(site.config, ONE)
    assert saved == Saved(path=ONE, sha256=again.sha256, source_sha256=again.source_sha256)
    assert _saves(site, ONE) == [ANN]


def test_a_save_of_the_same_leaves_the_file_alone(site: app.Site) -> None:
    """A form given back as it was is no edit: the file keeps its time and no one wrote it."""
    opened, before = writing.open_post(site.config, ONE), _file(site, ONE).stat()

    saved = _save(site, opened, Edit(fields=opened.fields, body=opened.body.replace("\n", "\r\n")))

    assert isinstance(saved, Saved)
    assert not saved.is_changed
    assert _file(site, ONE).stat().st_mtime_ns == before.st_mtime_ns
    assert _saves(site, ONE) == []


def test_a_file_that_changed_meanwhile_is_shown_and_not_overwritten(site: app.Site) -> None:
    """Both texts come back with one made of both; saving that begins from what is there now."""
    opened = writing.open_post(site.config, TWO)
    theirs = _file(site, TWO).read_text().replace('"Two"', '"Two, again"')
    _file(site, TWO).write_text(theirs)

    conflict = _save(site, opened, Edit(body="\nAfter [one](01-one.md), rest.\n"))

    assert isinstance(conflict, Conflict)
    assert _file(site, TWO).read_text() == conflict.theirs == theirs
    assert "rest." in conflict.yours
    assert (conflict.conflicts, conflict.merged) == (
        0,
        theirs.replace("(01-one.md).", "(01-one.md), rest."),
    )
    saved = writing.save(
        site.config,
        site.store,
        TWO,
        Edit(text=conflict.merged),
        began_sha256=conflict.theirs_sha256,
        by=ANN,
        now=NOW,
    )
    assert isinstance(saved, Saved)
    assert _file(site, TWO).read_text() == conflict.merged


def test_a_place_that_both_changed_must_be_decided(site: app.Site) -> None:
    """Marks are for a person: a text that still holds them is not saved."""
    opened = writing.open_post(site.config, TWO)
    _file(site, TWO).write_text(opened.text.replace("After", "Before"))

    conflict = _save(site, opened, Edit(body=opened.body.replace("After", "Around")))

    assert isinstance(conflict, Conflict)
    assert conflict.conflicts == 1
    with pytest.raises(ContentError) as caught:
        _save(site, writing.open_post(site.config, TWO), Edit(text=conflict.merged))
    assert caught.value.problems[0].code == "post.undecided"
    assert "Before" in _file(site, TWO).read_text()


def test_what_both_wrote_alike_is_no_conflict(site: app.Site) -> None:
    """Where the file is by now what was meant, it is saved already."""
    opened = writing.open_post(site.config, TWO)
    _file(site, TWO).write_text(opened.text.replace("After", "Before"))

    saved = _save(site, opened, Edit(body=opened.body.replace("After", "Before")))

    assert isinstance(saved, Saved)
    assert not saved.is_changed


def test_the_beginning_of_a_merge_may_come_from_the_kept_draft(site: app.Site) -> None:
    """An editor that tells only the digest is merged by the draft; without one all is to be decided."""
    opened = writing.open_post(site.config, TWO)
    _file(site, TWO).write_text(opened.text.replace('"Two"', '"Two, again"'))
    edit = Edit(body="\nAfter one.\n")

    def save() -> Saved | Conflict:
        return writing.save(
            site.config, site.store, TWO, edit, began_sha256=opened.sha256, by=ANN, now=NOW
        )

    without = save()
    writing.keep_draft(site.store, ANN, TWO, began=opened.data, text=opened.text, now=NOW)
    with_draft = save()

    assert isinstance(without, Conflict)
    assert isinstance(with_draft, Conflict)
    assert (without.conflicts, with_draft.conflicts) == (1, 0)


def test_a_file_that_is_gone_is_not_made_again(site: app.Site) -> None:
    """What a colleague removed stays removed; the error says that nothing was changed."""
    opened = writing.open_post(site.config, ONE)
    _file(site, ONE).unlink()

    with pytest.raises(NotFound):
        _save(site, opened, Edit(body="New"))
    assert not _file(site, ONE).exists()


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(body="a" * 1_000_001), "post.size"),
        (Edit(body="a\0b"), "post.control"),
        (Edit(text="---\ntitle: a\n---\n\ud800"), "post.control"),
        (Edit(fields={"title": "a\x01b"}), "post.control"),
    ],
)
def test_what_no_post_can_hold_is_one_clear_error(site: app.Site, edit: Edit, code: str) -> None:
    """Nothing of it is written."""
    opened = writing.open_post(site.config, ONE)

    with pytest.raises(ContentError) as caught:
        _save(site, opened, edit)

    assert [one.code for one in caught.value.problems] == [code]
    assert _file(site, ONE).read_bytes() == opened.data


def test_a_file_that_is_no_text_is_not_opened(site: app.Site) -> None:
    """Other encodings are told as ``check`` tells them."""
    _file(site, ONE).write_bytes("---\ntitle: é\n---\n".encode("latin-1"))

    with pytest.raises(ContentError) as caught:
        writing.open_post(site.config, ONE)

    assert caught.value.problems[0].code == "post.encoding"


PIECES = st.sampled_from(["one", "two", "three", ""])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(edits=st.lists(st.tuples(st.booleans(), PIECES), min_size=1, max_size=6))
def test_no_change_of_anybody_is_ever_lost(site: app.Site, edits: list[tuple[bool, str]]) -> None:
    """However editor and disk take turns, a save writes only over what its editor had seen."""
    file = _file(site, TWO)
    file.write_text("---\ntitle: Two\ndate: 2026-11-02\n---\nbegin\n")
    opened = writing.open_post(site.config, TWO)
    unseen = False
    for number, (on_disk, piece) in enumerate(edits):
        if on_disk:
            file.write_text(f"{file.read_text()}disk {number} {piece}\n")
            unseen = True
            continue
        before = file.read_bytes()
        result = _save(site, opened, Edit(body=f"{opened.body}editor {number} {piece}\n"))
        if unseen:
            assert isinstance(result, Conflict)
            assert file.read_bytes() == before
            assert all(line in result.merged for line in before.decode().splitlines())
        else:
            assert isinstance(result, Saved)
        opened, unseen = writing.open_post(site.config, TWO), False


# ------------------------------------------------------------------------------------- what is kept


def test_what_is_not_saved_yet_outlives_a_crash(site: app.Site) -> None:
    """A draft is kept with what it began from, and goes with the save; the folder never sees it."""
    opened = writing.open_post(site.config, ONE)
    writing.keep_draft(site.store, ANN, ONE, began=opened.data, text="half a", now=NOW)
    writing.keep_draft(
        site.store, ANN, ONE, began=opened.data, text="half a sentence", now=NOW + MINUTE
    )

    kept = writing.read_draft(site.store, ANN, ONE)

    assert kept
    assert (kept.text, kept.began, kept.began_sha256) == (
        "half a sentence",
        opened.data,
        opened.sha256,
    )
    assert (kept.began_at, kept.changed_at) == (NOW, NOW + MINUTE)
    assert _file(site, ONE).read_bytes() == opened.data
    _save(site, opened, Edit(body="A sentence."))
    assert writing.read_draft(site.store, ANN, ONE) is None


def test_colleagues_see_who_is_writing(site: app.Site) -> None:
    """Whoever changed something lately is writing; what was left behind is told as that."""
    opened = writing.open_post(site.config, ONE)
    for name, now in ((ANN, NOW), (BEN, NOW - HOUR)):
        writing.keep_draft(site.store, name, ONE, began=opened.data, text="x", now=now)

    seen = writing.look_around(site.store, ONE, but="Cy", now=NOW + MINUTE)

    assert [(one.name, one.since, one.is_present) for one in seen] == [
        (ANN, NOW, True),
        (BEN, NOW - HOUR, False),
    ]
    assert [one.name for one in writing.look_around(site.store, ONE, but=ANN, now=NOW)] == [BEN]
    assert writing.forget_draft(site.store, BEN, ONE)
    assert not writing.forget_draft(site.store, BEN, ONE)


def test_a_draft_of_no_text_is_refused(site: app.Site) -> None:
    """A scratch place takes no more than a post could be."""
    for text, code in (("a" * 1_000_001, "post.size"), ("\0", "post.control")):
        with pytest.raises(ContentError) as caught:
            writing.keep_draft(site.store, ANN, ONE, began=b"", text=text, now=NOW)
        assert caught.value.problems[0].code == code


# -------------------------------------------------------------------------------------- new posts


def _begin(site: app.Site, title: str, series: str | None = "sleep") -> Saved:
    return writing.begin_post(
        site.config,
        site.store,
        title,
        series=series,
        make_id=lambda: "urn:uuid:1",
        by=ANN,
        now=NOW,
    )


def test_a_new_post_is_a_draft_with_the_next_number(site: app.Site) -> None:
    """It has an id, the day in the site's zone and a name from its title; who began it is kept."""
    made = _begin(site, "Four: the end")

    assert made.path == "sleep/04-four-the-end.md"
    assert writing.open_post(site.config, made.path).fields == {
        "id": "urn:uuid:1",
        "title": "Four: the end",
        "date": "2026-11-23",
        "draft": True,
    }
    assert _saves(site, made.path) == [ANN]
    assert _begin(site, "About", series=None).path == "about.md"


def test_a_new_post_takes_no_name_that_is_taken(site: app.Site) -> None:
    """Names that differ only in case are one name, and the site's own addresses are taken."""
    _file(site, "sleep/09-Five.md").write_text("x")

    assert _begin(site, "Five").path == "sleep/10-five-2.md"
    assert _begin(site, "Archive").path == "sleep/11-archive-2.md"
    assert _begin(site, "Console", series=None).path == "console-2.md"


@pytest.mark.parametrize("series", ["console", "Sleep Well", "../etc", ""])
def test_a_series_that_the_site_cannot_publish_is_refused(site: app.Site, series: str) -> None:
    """No folder is made for it."""
    with pytest.raises(Refused):
        _begin(site, "Title", series=series)
    with pytest.raises(Refused):
        writing.begin_series(site.config, series, title="Title")


def test_a_title_that_makes_no_address_is_refused(site: app.Site) -> None:
    """A name can be given beside it."""
    with pytest.raises(Refused):
        _begin(site, "睡眠")

    path = writing.new_post(
        site.config, "睡眠", series=None, make_id=lambda: "urn:x", now=NOW, slug="sleep-zh"
    )
    assert path == "sleep-zh.md"


def test_a_new_title_renames_no_file(site: app.Site) -> None:
    """A file is renamed only when asked: then a published post keeps its id, and redirects."""
    before = _published(site)
    opened = writing.open_post(site.config, ONE)
    _save(site, opened, Edit(fields={"title": "Uno"}))
    assert _published(site) == before

    renamed = writing.rename(site.config, site.store, ONE, "uno", by=ANN, now=NOW)

    assert renamed.path == "sleep/01-uno.md"
    assert writing.open_post(site.config, renamed.path).fields["aliases"] == ["one"]
    after = _published(site)
    assert after["sleep/uno"] == before["sleep/one"]
    assert _saves(site, renamed.path) == [ANN, ANN]
    _, shelf = app.open_desk(site, now=NOW)
    assert shelf.catalog.redirects["sleep/one"] == "sleep/uno"
    # A link to the file by its old name is told as in any rename; the post that has it stays.
    assert [(one.code, one.hint) for one in shelf.catalog.problems] == [
        ("post.link", "Did you mean 01-uno.md?")
    ]


def test_a_name_that_is_taken_or_none_is_refused(site: app.Site) -> None:
    """Nothing is overwritten, and what the site serves itself is no name."""
    for slug in ("Two Words", "archive", "../x", ""):
        with pytest.raises(Refused):
            writing.rename(site.config, site.store, ONE, slug, by=ANN, now=NOW)
    _file(site, "sleep/01-TAKEN.md").write_text("x")
    with pytest.raises(Refused):
        writing.rename(site.config, site.store, ONE, "taken", by=ANN, now=NOW)
    same = writing.rename(site.config, site.store, ONE, "one", by=ANN, now=NOW)
    assert (same.path, same.is_changed) == (ONE, False)


# ----------------------------------------------------------------------------------------- images


def test_a_first_image_gives_a_post_a_folder(site: app.Site) -> None:
    """The post keeps its id and address; links in it and to it lead where they did."""
    before = _published(site)

    added = _add(site, TWO, _png())

    assert (added.path, added.name) == ("sleep/02-two/index.md", "my-lamp.png")
    assert added.markdown == "![A lamp](my-lamp.png)"
    assert not _file(site, TWO).exists()
    opened = writing.open_post(site.config, added.path)
    assert "[one](../01-one.md)" in opened.text
    assert (opened.sha256, opened.source_sha256) == (added.sha256, added.source_sha256)
    assert opened.images == ("my-lamp.png",)
    assert isinstance(_save(site, opened, Edit(body=f"{opened.body}\n{added.markdown}\n")), Saved)
    assert _published(site) == before
    _, shelf = app.open_desk(site, now=NOW)
    assert [one.as_text() for one in shelf.catalog.problems if one.level == "error"] == []
    assert _saves(site, added.path) == [ANN, ANN]


def test_a_second_image_lies_beside_the_first(site: app.Site) -> None:
    """The same again is the same file; another of that name gets a number."""
    first = _add(site, "sleep/02-two.md", _png())

    same = _add(site, first.path, _png(), name="other.png")
    other = _add(site, first.path, _jpeg(), name="my lamp.jpeg", alt="A [lamp] \\ two")

    assert (same.name, other.name) == ("my-lamp.png", "my-lamp-2.jpg")
    assert other.markdown == r"![A \[lamp\] \\ two](my-lamp-2.jpg)"
    assert sorted(one.name for one in _file(site, "sleep/02-two").iterdir()) == [
        "index.md",
        "my-lamp-2.jpg",
        "my-lamp.png",
    ]


def test_where_a_photograph_was_taken_is_not_kept(site: app.Site) -> None:
    """EXIF with its place is gone from the file, and that is told."""
    added = _add(site, ONE, _jpeg(_exif(6)), name="../../../etc/IMG_0001")

    data = (_file(site, added.path).parent / added.name).read_bytes()

    assert added.was_bared
    assert added.name == "img-0001.jpg"
    assert GPS not in data
    assert not _add(site, added.path, data).was_bared


@pytest.mark.parametrize(
    ("data", "alt", "code"),
    [
        (_png(), " ", "image.alt"),
        (_png(), "word " * 200, "image.alt"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "A", "image.file"),
        (b"\x89PNG\r\n\x1a\n", "A", "image.file"),
        (b"MZ", "A", "image.file"),
        (_png() + bytes(10_000_001), "A", "image.file"),
        (_png(), "a\0b", "post.control"),
    ],
)
def test_an_image_that_cannot_be_shown_to_all_is_refused(
    site: app.Site, data: bytes, alt: str, code: str
) -> None:
    """Without words, or where it is none, nothing is written."""
    with pytest.raises(ContentError) as caught:
        _add(site, ONE, data, alt=alt)

    assert caught.value.problems[0].code == code
    assert _file(site, ONE).exists()


def test_a_post_that_is_no_text_gets_no_image(site: app.Site) -> None:
    """It is told as when it is opened, and stays as it is."""
    _file(site, ONE).write_bytes(b"---\ntitle: \xff\n---\n")

    with pytest.raises(ContentError) as caught:
        _add(site, ONE, _png())

    assert caught.value.problems[0].code == "post.encoding"
    assert _file(site, ONE).exists()


def test_a_folder_that_is_in_the_way_is_not_overwritten(site: app.Site) -> None:
    """A folder of that name belongs to somebody."""
    _file(site, "sleep/01-One").mkdir()

    with pytest.raises(Refused):
        _add(site, ONE, _png())

    assert _file(site, ONE).exists()


BODY = (
    "[One](sleep/01-one.md) [end][e] [home](/) [x](http://a.org/b.md) `[a](code.md)`\n\n"
    "[e]: sleep/01-one.md#end\n"
)


def test_a_loose_post_gets_a_folder_too(site: app.Site, folder: Folder) -> None:
    """Its links into series follow."""
    folder.post("about.md", "About", body=BODY)
    before = _published(site)

    added = _add(site, "about.md", _png())

    assert added.path == "about/index.md"
    text = writing.open_post(site.config, added.path).text
    assert text.endswith(
        "[One](../sleep/01-one.md) [end][e] [home](/) [x](http://a.org/b.md) `[a](code.md)`\n\n"
        "[e]: ../sleep/01-one.md#end\n"
    )
    assert _published(site) == before


# --------------------------------------------------------------------------- the order of a series


def test_the_order_of_a_series_shows_gaps_and_doubles(site: app.Site, folder: Folder) -> None:
    """Drafts count, numbers of posts taken back are no gaps, and what has no number follows."""
    folder.post("sleep/06-six.md", "Six")
    folder.post("sleep/seven.md", "Seven", part="6")
    folder.post("sleep/last.md", "Last")
    folder.post("sleep/08-broken.md", "Broken", body="\0")

    order = writing.read_order(site.config, site.store, "sleep")

    assert [(one.part, one.title, one.by, one.is_draft) for one in order.parts] == [
        (1, "One", "name", False),
        (2, "Two", "name", False),
        (3, "Three", "name", True),
        (6, "Six", "name", False),
        (6, "Seven", "part", False),
        (8, "broken", "name", False),
        (None, "Last", "", False),
    ]
    assert (order.gaps, order.doubles, order.next_part) == ((4, 5, 7), (6,), 9)
    with pytest.raises(NotFound):
        writing.read_order(site.config, site.store, "none")


def _move(site: app.Site, path: str, way: str) -> writing.Moved:
    return writing.move_part(
        site.config,
        site.store,
        path,
        way,  # type: ignore[arg-type]
        by=ANN,
        now=NOW,
    )


def test_moving_a_part_moves_no_post(site: app.Site) -> None:
    """Files get other numbers; ids, addresses and links stay, and what was pinned is found again."""
    before = _published(site)
    with site.store.write() as tx:
        pins.record_import(tx, "s", TWO, counts_as_sent=True, now=NOW)
        reviews.record_save(tx, TWO, "x", by=BEN, now=NOW)

    moved = _move(site, TWO, "up")

    assert [one.path for one in moved.order.parts] == ["sleep/01-two.md", "sleep/02-one.md", THREE]
    assert moved.edited == ()
    assert _published(site) == {
        "sleep/one": (before["sleep/one"][0], 2),
        "sleep/two": (before["sleep/two"][0], 1),
    }
    _, shelf = app.open_desk(site, now=NOW + DAY)
    assert [one.as_text() for one in shelf.catalog.problems if one.level == "error"] == []
    assert _saves(site, "sleep/01-two.md") == [BEN]
    with site.store.read() as tx:
        assert pins.archived_paths(tx) == {"sleep/01-two.md"}
    assert _move(site, "sleep/01-two.md", "up").order == moved.order
    assert _move(site, THREE, "down").order == moved.order
    with pytest.raises(NotFound):
        _move(site, TWO, "up")


def test_a_number_in_the_front_matter_is_edited_there(site: app.Site, folder: Folder) -> None:
    """Where ``part`` says the number the file keeps its name, and its text is another one."""
    folder.post("sleep/nine.md", "Nine", part="4")
    _add(site, THREE, _png())

    moved = _move(site, "sleep/nine.md", "up")

    assert moved.edited == ("sleep/nine.md",)
    assert _titles(site) == [(1, "One"), (2, "Two"), (3, "Nine"), (4, "Three")]
    assert _file(site, "sleep/04-three/index.md").exists()
    assert "part: 3\n" in _file(site, "sleep/nine.md").read_text()
    assert _saves(site, "sleep/nine.md") == [ANN]


def test_gaps_close(site: app.Site, folder: Folder) -> None:
    """Numbers run from 1 without gaps and doubles, but for those of posts taken back."""
    folder.post("sleep/007-six.md", "Six", date="2026-11-04")
    folder.post("sleep/zero.md", "Zero", date="2026-11-05")
    _published(site)
    with site.store.write() as tx:
        pins.withdraw(tx, _published(site)["sleep/two"][0], "2026-11-20 wrong")
    _file(site, TWO).unlink()

    moved = writing.close_gaps(site.config, site.store, "sleep", by=ANN, now=NOW)

    assert moved.order.withdrawn == (2,)
    assert [one.path for one in moved.order.parts] == [
        ONE,
        THREE,
        "sleep/004-six.md",
        "sleep/05-zero.md",
    ]
    assert (moved.order.gaps, moved.order.next_part) == ((), 6)


def test_a_new_series_is_a_folder_with_its_words(site: app.Site) -> None:
    """What was said stands in ``series.toml``; a folder that is there stays as it is."""
    writing.begin_series(
        site.config, "worry", title='Worry "at night"', summary="Less of it.", planned_parts=6
    )

    assert _file(site, "worry/series.toml").read_text() == (
        'title = "Worry \\"at night\\""\nsummary = "Less of it."\nplanned_parts = 6\n'
    )
    order = writing.read_order(site.config, site.store, "worry")
    assert (order.parts, order.gaps, order.next_part) == ((), (), 1)
    assert _begin(site, "First", series="worry").path == "worry/01-first.md"
    for taken in ("worry", "sleep"):
        with pytest.raises(Refused):
            writing.begin_series(site.config, taken, title="Again")
    with pytest.raises(ContentError):
        writing.begin_series(site.config, "more", title="More", planned_parts=-1)


def test_a_change_at_the_last_moment_is_seen(site: app.Site) -> None:
    """Between reading and writing another program may write: its text stays, and nothing is left."""
    before = sorted(site.config.paths.posts.rglob("*"))
    for path, began in ((ONE, "0" * 64), ("sleep/gone.md", "0" * 64)):
        with pytest.raises(Overtaken):
            replace(site.config, path, b"mine", began_sha256=began)

    assert sorted(site.config.paths.posts.rglob("*")) == before
    assert "Text of One" in _file(site, ONE).read_text()
