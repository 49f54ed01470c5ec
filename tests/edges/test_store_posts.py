"""Pins: what was published stays known by its id, its turn, its places and its last good source."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from publisher.store import posts, schema
from publisher.store.posts import Publication
from tests import stores
from tests.factories import NOON, make_post, make_sha256

if TYPE_CHECKING:
    from publisher.model import Post
    from publisher.store import Store

home, prepared_file, store = stores.home, stores.prepared_file, stores.store

LATER = NOON + timedelta(days=1)


def make_publication(
    slug: str = "sleep",
    *,
    text: str = "text",
    images: dict[str, bytes] | None = None,
    part: int | None = None,
    **changes: Any,
) -> Publication:
    """Return a post as it is being published; its digest follows from its text."""
    post = make_post(slug, source_sha256=make_sha256(text, images), **changes)
    return Publication(post=post, part=part, data=text.encode(), images=images or {})


def pin(store: Store, *publications: Publication, archived: frozenset[str] = frozenset()) -> int:
    with store.write() as tx:
        return posts.pin(tx, publications, archived=archived, now=NOON)


def sequence_of(store: Store) -> dict[str, int]:
    with store.read() as tx:
        return posts.sequences(tx)


def id_of(slug: str) -> str:
    return make_post(slug).id


def test_pins_are_numbered_in_turn(store: Store) -> None:
    """Posts are numbered from 1 in the order they are published, over builds, without gaps."""
    counts = [
        pin(store, make_publication("one"), make_publication("two")),
        pin(store, make_publication("one"), make_publication("three")),
        pin(store, make_publication("two"), make_publication("one")),
        pin(store),
    ]

    assert counts == [2, 1, 0, 0]
    assert sequence_of(store) == {id_of("one"): 1, id_of("two"): 2, id_of("three"): 3}


def test_pin_is_what_the_catalog_gets_back(store: Store) -> None:
    """Everything the catalog must know of a published post comes back as it was."""
    post = make_post("sleep", series="therapies", part=2, title="Sleep & “rest”")
    pin(store, Publication(post=post, part=3, data=b"text", images={}))

    with store.read() as tx:
        record = posts.load_record(tx)

    found = record.published[post.id]
    assert (found.path, found.location, found.title) == (post.path, post.location, post.title)
    assert (found.series, found.part, found.sequence) == ("therapies", 3, 1)
    assert (found.source_sha256, found.published_at) == (post.source_sha256, post.published_at)
    assert (found.withdrawn, found.counts_as_sent) == ("", False)
    assert record.locations == {"therapies/sleep": post.id}
    assert record.approved == frozenset()


def test_changed_post_keeps_its_turn_and_its_moment(store: Store) -> None:
    """A post that is edited keeps its number, its mark and when it was first published."""
    pin(store, make_publication("one"), archived=frozenset({"one.md"}))
    pin(store, make_publication("two"))

    with store.write() as tx:
        edited = [make_publication("one", text="better", title="Anew"), make_publication("two")]
        changed = posts.pin(tx, edited, archived=frozenset({"two.md"}), now=LATER)
        rows = tx.execute(
            sa.select(schema.posts.c.title, schema.posts.c.sequence, schema.posts.c.pinned_at)
        ).all()
        archived = posts.archived_ids(tx)

    assert changed == 1
    assert sorted(tuple(row) for row in rows) == [("Anew", 1, NOON), ("Two", 2, NOON)]
    assert archived == {id_of("one")}


def test_moved_post_keeps_every_location(store: Store) -> None:
    """A post that moves, or that gets another place in its series, is pinned anew; links stay."""
    before = make_publication("sleep", part=1)
    moved: Post = make_post("rest", id=before.post.id, source_sha256=before.post.source_sha256)
    after = Publication(post=moved, part=1, data=b"text", images={})

    counts = [pin(store, before), pin(store, after), pin(store, after)]
    counts.append(pin(store, Publication(post=moved, part=2, data=b"text", images={})))

    with store.read() as tx:
        record = posts.load_record(tx)
    assert counts == [1, 1, 0, 1]
    assert record.locations == {"sleep": moved.id, "rest": moved.id}
    assert record.published[moved.id].location == "rest"
    assert record.published[moved.id].part == 2


def test_last_good_source_is_what_was_published_last(store: Store) -> None:
    """The text and images of the newest publication are kept; an image that is gone is gone."""
    pin(store, make_publication("one", text="old", images={"a.png": b"a", "b.png": b"b"}))
    pin(store, make_publication("two", text="other", images={"a.png": b"theirs"}))
    pin(store, make_publication("one", text="new", images={"b.png": b"B", "c.png": b"c"}))

    with store.read() as tx:
        found = [posts.last_good(tx, id_of(slug)) for slug in ("one", "two", "three")]

    assert found == [
        (b"new", {"b.png": b"B", "c.png": b"c"}),
        (b"other", {"a.png": b"theirs"}),
        None,
    ]


def test_post_without_images_has_lost_them_all(store: Store) -> None:
    """A post whose last image is removed has none in the store either."""
    pin(store, make_publication("one", text="old", images={"a.png": b"a"}))
    pin(store, make_publication("one", text="new"))

    with store.read() as tx:
        found = posts.last_good(tx, id_of("one"))

    assert found == (b"new", {})


def test_series_keeps_what_it_last_said(store: Store) -> None:
    """The newest ``series.toml`` of each series that loaded is kept; the others are not touched."""
    with store.write() as tx:
        posts.keep_series(tx, {"sleep": b"old", "therapies": b"kept"})
        posts.keep_series(tx, {"sleep": b"new"})
        posts.keep_series(tx, {})
        found = posts.last_good_series(tx)

    assert found == {"sleep": b"new", "therapies": b"kept"}


def test_thousands_of_posts_are_pinned_at_once(store: Store) -> None:
    """A first build of a large archive is one transaction, whatever its number of posts."""
    many = [make_publication(f"post-{n}") for n in range(3000)]

    counts = [pin(store, *many), pin(store, *many)]

    assert counts == [3000, 0]
    assert sorted(sequence_of(store).values()) == list(range(1, 3001))


def test_withdrawn_post_stays_withdrawn_by_its_first_reason(store: Store) -> None:
    """A post is taken back once; the build looks again; an edit does not bring it back."""
    pin(store, make_publication("one"))
    before = store.revision()

    with store.write() as tx:
        first = posts.withdraw(tx, id_of("one"), "2026-11-24 wrong")
        second = posts.withdraw(tx, id_of("one"), "2026-11-25 again")
        unknown = posts.withdraw(tx, id_of("nothing"), "2026-11-25")
    pin(store, make_publication("one", text="edited"))

    with store.read() as tx:
        kept = posts.load_record(tx).published[id_of("one")]
    assert (first, second, unknown) == (True, False, False)
    assert kept.withdrawn == "2026-11-24 wrong"
    assert store.revision() > before


def test_approval_is_of_one_exact_source(store: Store) -> None:
    """An approval names a post and a source; approving again is no second one; builds look."""
    before = store.revision()
    source = make_sha256("text")

    with store.write() as tx:
        new = [
            posts.approve(tx, id_of("one"), source, reviewer="Ada", now=NOON),
            posts.approve(tx, id_of("one"), source, reviewer="Ben", now=LATER),
            posts.approve(tx, id_of("one"), make_sha256("other"), reviewer="Ben", now=LATER),
        ]
        approved = posts.load_record(tx).approved

    assert new == [True, False, True]
    assert approved == {(id_of("one"), source), (id_of("one"), make_sha256("other"))}
    assert store.revision() > before


def test_import_is_remembered_by_its_source(store: Store) -> None:
    """A foreign source is known by its digest; only an archive's posts count as sent."""
    with store.write() as tx:
        posts.record_import(tx, "a" * 64, "old.md", counts_as_sent=True, now=NOON)
        posts.record_import(tx, "b" * 64, "new.md", counts_as_sent=False, now=NOON)
        posts.record_import(tx, "b" * 64, "moved.md", counts_as_sent=False, now=LATER)
        found = posts.imported_paths(tx), posts.archived_paths(tx)

    assert found == ({"a" * 64: "old.md", "b" * 64: "moved.md"}, frozenset({"old.md"}))
