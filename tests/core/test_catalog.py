"""The catalog: what is out, in which order, and that nothing once out is ever lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.catalog import IDENTITY, Record, Sources, decide_catalog, on_channel
from publisher.model import Channel, SeriesInfo, Verdict
from tests.factories import (
    NOON,
    make_catalog,
    make_id,
    make_post,
    make_problem,
    make_published,
    make_record,
    make_series_info,
    make_series_posts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from publisher.errors import Problem
    from publisher.model import Catalog, Post, PublishedPost, Ruling, Series

WITHDRAWN = "2026-11-20 The dose was wrong."


def decide(
    *posts: Post,
    record: Record | None = None,
    last_good: Iterable[Post] = (),
    broken: Mapping[str, tuple[Problem, ...]] | None = None,
    problems: tuple[Problem, ...] = (),
    infos: Iterable[SeriesInfo] = (),
    now: datetime = NOON,
    review_required: bool = False,
) -> Catalog:
    kept = {post.id: post for post in last_good}
    return decide_catalog(
        Sources(
            posts=posts,
            broken=broken or {},
            infos={info.slug: info for info in infos},
            problems=problems,
        ),
        record or Record(),
        kept.get,
        now=now,
        review_required=review_required,
    )


def titles(catalog: Catalog) -> list[str]:
    return [post.title for post in catalog.posts]


def codes(catalog: Catalog) -> list[str]:
    return [problem.code for problem in catalog.problems]


def ruling(catalog: Catalog, path: str) -> Ruling:
    (found,) = [one for one in catalog.rulings if one.path == path]
    return found


def numbers(series: Series) -> dict[int, str]:
    return {part.number: part.post.slug for part in series.parts if part.post}


# ------------------------------------------------------------------------------------- one source


def test_catalog_of_nothing_is_empty() -> None:
    """A site without posts has an empty catalog and nothing to report."""
    catalog = decide()

    assert catalog == make_catalog()
    assert (catalog.posts, catalog.series, catalog.problems) == ((), (), ())
    assert catalog.next_change_at is None


def test_catalog_posts_are_newest_first() -> None:
    """Posts stand newest first, and those of one moment by id."""
    old, new = make_post("old", days=-9), make_post("new", days=-1)
    twins = [make_post(name, id=f"urn:x:{name}", days=-4) for name in ("b", "a")]

    catalog = decide(old, *twins, new)

    assert [post.slug for post in catalog.posts] == ["new", "a", "b", "old"]


def test_catalog_publishes_at_its_very_moment() -> None:
    """A post is out from the moment of its date on, and not a microsecond before."""
    post = make_post(days=0)

    before = decide(post, now=NOON - timedelta(microseconds=1))
    at_noon = decide(post, now=NOON)

    assert before.posts == ()
    assert ruling(before, post.path).verdict is Verdict.FUTURE
    assert ruling(before, post.path).reason == "due 2026-11-24 12:00 UTC"
    assert before.next_change_at == NOON
    assert at_noon.posts == (post,)
    assert at_noon.next_change_at is None


def test_catalog_next_change_is_the_first_scheduled_post() -> None:
    """Time alone changes the catalog when the earliest scheduled post is due."""
    first, second = make_post("first", days=2), make_post("second", days=5)

    catalog = decide(second, first)

    assert catalog.next_change_at == first.published_at


def test_catalog_leaves_drafts_out() -> None:
    """A draft is published nowhere, and that is no problem."""
    catalog = decide(make_post(draft=True))

    assert catalog.posts == ()
    assert catalog.problems == ()
    assert catalog.rulings[0].verdict is Verdict.DRAFT


@pytest.mark.parametrize(
    ("required", "reviewer", "approved", "verdict"),
    [
        (False, "", False, Verdict.INCLUDED),
        (True, "", False, Verdict.UNREVIEWED),
        (True, "", True, Verdict.INCLUDED),
        (False, "Dr Lee", False, Verdict.UNREVIEWED),
        (False, "Dr Lee", True, Verdict.INCLUDED),
    ],
)
def test_catalog_asks_for_review(
    required: bool, reviewer: str, approved: bool, verdict: Verdict
) -> None:
    """Where the site or the post asks for review, only an approved source is published."""
    post = make_post(reviewer=reviewer)
    record = make_record(approved=[post] if approved else [])

    catalog = decide(post, record=record, review_required=required)

    assert ruling(catalog, post.path).verdict is verdict
    assert catalog.posts == ((post,) if verdict is Verdict.INCLUDED else ())


def test_catalog_review_is_of_one_exact_source() -> None:
    """The approval of a text does not publish another text of the same post."""
    approved, edited = make_post(summary="As read."), make_post(summary="As edited.")

    catalog = decide(edited, record=make_record(approved=[approved]), review_required=True)

    assert catalog.posts == ()


def test_catalog_tells_of_a_scheduled_post_without_approval() -> None:
    """Of a scheduled post that nobody approved, both are told before it is due."""
    post = make_post(days=1, reviewer="Dr Lee")

    catalog = decide(post)

    assert ruling(catalog, post.path).verdict is Verdict.FUTURE
    assert ruling(catalog, post.path).reason.endswith("; this exact source has no approval")


def test_catalog_reports_broken_sources_and_publishes_the_rest() -> None:
    """A source that does not load is reported with its problems; the others are published."""
    good, problem = make_post("good"), make_problem("posts/bad.md", line=2, got="42")

    catalog = decide(good, broken={"bad.md": (problem,)})

    assert catalog.posts == (good,)
    assert catalog.problems == (problem,)
    assert ruling(catalog, "bad.md").verdict is Verdict.ERROR
    assert ruling(catalog, "bad.md").reason == "it does not load: expected a title; got 42"
    assert ruling(catalog, "bad.md").post_id is None


def test_catalog_problems_are_sorted_and_told_once() -> None:
    """Problems stand by file and line, whatever found them, and none is told twice."""
    late, early = make_problem("posts/b.md", line=9), make_problem("posts/b.md", line=3)
    folder = make_problem("posts/a")

    catalog = decide(problems=(late, folder), broken={"b.md": (late, early)})

    assert catalog.problems == (folder, early, late)


# ------------------------------------------------------------------------------- staying published


def test_published_post_without_its_file_stays() -> None:
    """A published post whose file is gone stays as last published, and is reported."""
    post = make_post()

    catalog = decide(record=make_record(post), last_good=[post])

    assert catalog.posts == (post,)
    assert catalog.recalled == {post.id}
    assert codes(catalog) == ["post.gone"]
    assert "publisher withdraw sleep" in catalog.problems[0].hint


def test_published_post_that_no_longer_loads_stays() -> None:
    """A published post whose file broke stays as last published; its own problem is enough."""
    post, problem = make_post(), make_problem()

    catalog = decide(record=make_record(post), last_good=[post], broken={post.path: (problem,)})

    assert catalog.posts == (post,)
    assert catalog.problems == (problem,)
    assert ruling(catalog, post.path).post_id == post.id
    assert ruling(catalog, post.path).reason.endswith("; it stays as last published")


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({"draft": True}, Verdict.DRAFT, "post.draft"),
        ({"days": 1}, Verdict.FUTURE, "post.date"),
    ],
)
def test_published_post_is_not_unpublished_by_its_file(
    changes: dict[str, object], verdict: Verdict, code: str
) -> None:
    """Neither ``draft`` nor a later date takes a published post away; both are reported."""
    post = make_post()
    edited = make_post(**{"summary": "Anew.", **changes})  # type: ignore[arg-type]

    catalog = decide(edited, record=make_record(post), last_good=[post])

    assert catalog.posts == (post,)
    assert codes(catalog) == [code]
    assert ruling(catalog, post.path).verdict is verdict
    assert ruling(catalog, post.path).reason.endswith("; it stays as last published")


def test_published_post_awaiting_review_stays_as_approved() -> None:
    """An edit that nobody approved keeps the published text live, and is no problem."""
    post, edited = make_post(reviewer="Dr Lee"), make_post(reviewer="Dr Lee", summary="Anew.")

    catalog = decide(edited, record=make_record(post, approved=[post]), last_good=[post])

    assert catalog.posts == (post,)
    assert catalog.problems == ()
    assert ruling(catalog, post.path).verdict is Verdict.UNREVIEWED


def test_published_post_unchanged_needs_no_recall() -> None:
    """To begin with reviews asks the store for no text that the files still hold."""
    post = make_post("part", series="therapies")
    record = make_record(make_published(post, part=1))

    catalog = decide(post, record=record, review_required=True)

    assert [one.id for one in catalog.posts] == [post.id]
    assert catalog.recalled == frozenset()
    assert catalog.problems == ()


def test_published_post_is_shown_at_its_place() -> None:
    """A recalled post stands under its id, address and number, whatever is read into its text."""
    post = make_post("old-slug", series="therapies", part=2)
    misread = make_post("new-slug", series="other", part=7)

    catalog = decide(record=make_record(post), last_good=[replace(misread, id=post.id)])

    (shown,) = catalog.posts
    assert (shown.id, shown.location, shown.part) == (post.id, "therapies/old-slug", 2)


def test_published_post_that_nothing_holds_is_reported() -> None:
    """Where neither the file nor the store has a text left, that is said; it keeps its place."""
    post, other = make_post("a", series="s", part=1), make_post("b", series="s", part=1)

    catalog = decide(other, record=make_record(post))

    assert catalog.posts == ()
    assert codes(catalog) == ["post.lost", "series.double_part"]


def test_published_post_may_change_in_place() -> None:
    """An edited text of a published post replaces it, under the same id."""
    post, edited = make_post(), make_post(summary="Anew.", title="Sleep, again")

    catalog = decide(edited, record=make_record(post), last_good=[post])

    assert catalog.posts == (edited,)
    assert catalog.recalled == frozenset()
    assert catalog.problems == ()


# -------------------------------------------------------------------------------------- withdrawal


def test_withdrawn_post_leaves_and_keeps_its_part() -> None:
    """A withdrawn post is out of the order but for its number; its neighbours meet."""
    one, two, three = make_series_posts(count=3)
    taken_back = replace(two, withdrawn=WITHDRAWN)

    catalog = decide(one, taken_back, three, record=make_record(one, two, three))

    (series,) = catalog.series
    assert [(part.number, part.withdrawn) for part in series.parts] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    assert catalog.places[one.id].next == three
    assert catalog.places[three.id].previous == one
    (withdrawal,) = catalog.withdrawals
    assert (withdrawal.location, withdrawal.part) == (two.location, 2)
    assert withdrawal.reason == WITHDRAWN
    assert catalog.problems == ()


def test_withdrawn_last_part_still_counts() -> None:
    """To withdraw the last part changes no "of m" in the others."""
    one, two = make_series_posts(count=2)

    catalog = decide(one, replace(two, withdrawn=WITHDRAWN), record=make_record(one, two))

    assert catalog.series[0].total == 2
    assert catalog.series[0].parts[1].withdrawn


@pytest.mark.parametrize("has_file", [True, False])
def test_withdrawal_in_the_store_outlives_the_file(has_file: bool) -> None:
    """What ``publisher withdraw`` took back stays away, with its file or without."""
    post = make_post(series="therapies", part=1)
    record = make_record(make_published(post, withdrawn=WITHDRAWN))

    catalog = decide(*[post] if has_file else [], record=record, last_good=[post])

    assert catalog.posts == ()
    assert [one.post_id for one in catalog.withdrawals] == [post.id]
    assert catalog.problems == ()


def test_withdrawal_answers_where_readers_look() -> None:
    """A post moved and withdrawn at once answers at its published address; others lead there."""
    post = make_post("old", series="s", part=1, id="urn:x:1")
    moved = make_post("new", series="t", part=4, id="urn:x:1", aliases=["s/older"], withdrawn="x")
    record = make_record(post, locations={"s/oldest": post.id})

    catalog = decide(moved, record=record)

    (withdrawal,) = catalog.withdrawals
    assert (withdrawal.location, withdrawal.series, withdrawal.part) == ("s/old", "s", 1)
    assert catalog.redirects == {"s/older": "s/old", "s/oldest": "s/old"}


def test_withdrawal_of_what_was_never_out_is_kept_too() -> None:
    """From files alone, on a new machine, a withdrawn post answers as it did on the old one."""
    post = make_post(series="therapies", part=1, withdrawn=WITHDRAWN)

    catalog = decide(post)

    assert [one.location for one in catalog.withdrawals] == [post.location]
    assert catalog.series == ()


def test_withdrawal_never_covers_a_live_address() -> None:
    """A withdrawn file that never was out takes no address from a published post."""
    post = make_post("sleep", id="urn:x:1")
    never_out = replace(make_post("sleep", withdrawn=WITHDRAWN), path="other.md")

    catalog = decide(never_out, record=make_record(post), last_good=[post])

    assert catalog.posts == (post,)
    assert catalog.withdrawals == ()


def test_withdrawal_of_a_published_post_answers_first() -> None:
    """Of two withdrawn posts at one address, it tells of the one that was published there."""
    post = make_post("sleep", id="urn:x:2", title="Once", withdrawn="moved and withdrawn")
    never_out = make_post("sleep", id="urn:x:1", withdrawn=WITHDRAWN)
    moved = replace(post, path="moved.md", slug="moved")

    catalog = decide(never_out, moved, record=make_record(post))

    assert [one.reason for one in catalog.withdrawals] == ["moved and withdrawn"]


def test_withdrawn_address_is_not_used_again() -> None:
    """A new post does not stand where a withdrawn one answers 410."""
    gone = make_published(make_post("sleep", id="urn:x:1"), withdrawn=WITHDRAWN)

    catalog = decide(make_post("sleep", id="urn:x:2"), record=make_record(gone))

    assert catalog.posts == ()
    assert codes(catalog) == ["post.double"]
    assert catalog.problems[0].got == "the address of posts/sleep.md"


def test_withdrawn_number_is_not_used_again() -> None:
    """A number that a withdrawn post keeps is no other's: the series waits for a person."""
    one, two = make_series_posts(count=2)
    record = make_record(one, make_published(two, sequence=2, withdrawn=WITHDRAWN))
    other = make_post("other", series="therapies", part=2)

    catalog = decide(one, other, record=record)

    assert catalog.posts == (one,)
    assert codes(catalog) == ["series.double_part"]
    assert catalog.problems[0].got == "part 2, as the withdrawn /therapies/part-2/ has"


# ------------------------------------------------------------------------------------- identities


@pytest.mark.parametrize(
    ("renamed", "alias"),
    [
        (make_post("slept", title="Sleep"), "sleep"),
        (make_post("sleep", series="nights", title="Anew"), "/sleep"),
        (make_post("sleep", id="urn:x:1", title="Anew"), "sleep"),
        (make_post("slept", title="Sleep", days=3), "sleep"),
        (make_post("slept", title="Sleep", reviewer="Dr Lee"), "sleep"),
    ],
    ids=["title", "moved", "new id", "scheduled", "unreviewed"],
)
def test_changed_id_is_refused_with_the_line_to_write(renamed: Post, alias: str) -> None:
    """A published post that is gone while a new one bears its name: readers would get it twice."""
    post = make_post("sleep")

    catalog = decide(renamed, record=make_record(post), last_good=[post])

    (problem,) = catalog.problems
    assert catalog.posts == (post,)
    assert problem.code == IDENTITY
    assert f"id: {post.id}  and  aliases: [{alias}]" in problem.hint
    assert ruling(catalog, renamed.path).verdict is Verdict.ERROR


def test_changed_id_within_a_series_names_the_old_slug() -> None:
    """Inside its series a post's old slug is alias enough."""
    post = make_post("rest", series="nights", part=1, title="Rest")

    catalog = decide(
        make_post("resting", series="nights", part=1, title="Rest"),
        record=make_record(post),
        last_good=[post],
    )

    assert "aliases: [rest]" in catalog.problems[0].hint


def test_changed_ids_are_told_each_by_its_address() -> None:
    """Where all ids change at once, each post is told its own, though slugs are alike."""
    posts = [make_post("intro", series=series, part=1) for series in ("a", "b")]
    changed = [replace(post, id=f"urn:x:{post.series}") for post in posts]

    catalog = decide(*changed, record=make_record(*posts), last_good=posts)

    hints = {problem.path: problem.hint for problem in catalog.problems}
    assert len(hints) == 2
    assert all(f"id: {post.id} " in hints[f"posts/{post.path}"] for post in posts)


def test_changed_id_of_an_imported_post_names_its_own() -> None:
    """The id to write is the one that was imported, so that the RSS guid stays too."""
    post = make_post("sleep", raw_id="https old 12", id="urn:x:1")

    catalog = decide(make_post("sleep"), record=make_record(post), last_good=[post])

    assert "id: https old 12  and" in catalog.problems[0].hint


def test_changed_id_is_refused_without_a_last_good_text() -> None:
    """Even where nothing can be shown in its place, a changed id is refused."""
    post = make_post("sleep", id="urn:x:1")

    catalog = decide(make_post("sleep"), record=make_record(post))

    assert catalog.posts == ()
    assert codes(catalog) == [IDENTITY, "post.lost"]


@pytest.mark.parametrize("changes", [{"draft": True}, {"withdrawn": WITHDRAWN}])
def test_changed_id_of_what_will_not_appear_is_let_be(changes: dict[str, object]) -> None:
    """A draft, or a withdrawn file, under a missing post's title harms nobody."""
    post = make_post("sleep")
    other = make_post("other", title="Sleep", **changes)  # type: ignore[arg-type]

    catalog = decide(other, record=make_record(post), last_good=[post])

    assert catalog.posts == (post,)
    assert codes(catalog) == ["post.gone"]


def test_same_title_beside_a_published_post_is_another_post() -> None:
    """A new post may bear a title that a published one has, while that is there."""
    post, other = make_post("sleep"), make_post("more-sleep", title="Sleep")

    catalog = decide(post, other, record=make_record(post))

    assert {one.id for one in catalog.posts} == {post.id, other.id}
    assert catalog.problems == ()


def test_published_post_under_a_missing_ones_title_is_itself() -> None:
    """A published post that takes a missing one's title keeps its own id and is not refused."""
    gone, post = make_post("gone", title="Sleep"), make_post("here", title="Rest")
    retitled = make_post("here", title="Sleep")

    catalog = decide(retitled, record=make_record(gone, post), last_good=[gone, post])

    assert {one.id for one in catalog.posts} == {gone.id, post.id}
    assert codes(catalog) == ["post.gone"]


def test_moved_post_keeps_its_id_and_leads_on() -> None:
    """A post renamed with its alias is the same post; its old address leads to the new one."""
    post = make_post("old", series="s", part=1)
    moved = make_post("new", series="t", part=1, aliases=["s/old"])

    catalog = decide(moved, record=make_record(post), last_good=[post])

    assert catalog.posts == (moved,)
    assert moved.id == post.id
    assert catalog.redirects == {"s/old": "t/new"}
    assert catalog.problems == ()


# ----------------------------------------------------------------------------------------- clashes


@pytest.mark.parametrize(("post_id", "slug"), [(make_id("one"), "two"), ("urn:x:1", "one")])
def test_doubled_new_posts_are_both_left_out(post_id: str, slug: str) -> None:
    """Of two new files with one id, or one address, nothing tells which is meant."""
    one, two = make_post("one"), replace(make_post("two"), id=post_id, slug=slug)

    catalog = decide(one, two)

    assert catalog.posts == ()
    assert codes(catalog) == ["post.double", "post.double"]
    assert ruling(catalog, "two.md").reason.endswith("is that of posts/one.md")


def test_doubled_post_stays_with_the_published_file() -> None:
    """A copy of a published post with its id is an error, and the published one goes on."""
    post = make_post("one")
    copy = make_post("two", id=post.id)

    catalog = decide(copy, post, record=make_record(post))

    assert catalog.posts == (post,)
    assert codes(catalog) == ["post.double"]


def test_doubled_post_stays_with_the_file_it_had() -> None:
    """Of two files that give one id and one address, the one that was published is meant."""
    post = make_post("one", series="s", part=1)
    copy = make_post("one", series="s", part=2)

    catalog = decide(copy, post, record=make_record(post))

    assert catalog.posts == (post,)
    assert ruling(catalog, copy.path).verdict is Verdict.ERROR
    assert codes(catalog) == ["post.double"]


def test_doubled_post_that_nothing_tells_apart_stays_as_published() -> None:
    """A published post in two files, neither where it was: its last good text stays."""
    post = make_post("one", id="urn:x:1")
    copies = [make_post(name, id="urn:x:1") for name in ("two", "three")]

    catalog = decide(*copies, record=make_record(post), last_good=[post])

    assert catalog.posts == (post,)
    assert codes(catalog) == ["post.double", "post.double"]


def test_doubled_by_a_draft_publishes_the_ready_one() -> None:
    """A draft that was copied with its id does not hold up the post it was copied from."""
    post = make_post("one")
    draft = make_post("two", id=post.id, draft=True)

    catalog = decide(post, draft)

    assert catalog.posts == (post,)
    assert codes(catalog) == ["post.double"]


def test_doubled_withdrawal_withdraws() -> None:
    """Where one of two new files takes the post back, it is taken back."""
    post = make_post("one")
    taken_back = make_post("two", id=post.id, withdrawn=WITHDRAWN)

    catalog = decide(post, taken_back)

    assert catalog.posts == ()
    assert [one.post_id for one in catalog.withdrawals] == [post.id]


def test_address_stays_with_who_stood_there() -> None:
    """A published post moved to another's address goes back to its own."""
    one, two = make_post("one"), make_post("two", id="urn:x:2")
    moved = replace(two, slug="one")

    catalog = decide(one, moved, record=make_record(one, two), last_good=[one, two])

    assert {post.location for post in catalog.posts} == {"one", "two"}
    assert catalog.recalled == {two.id}
    assert codes(catalog) == ["post.double"]


def test_address_stays_though_its_file_was_renamed() -> None:
    """It is the address that tells who stood there, not the file's name."""
    one, two = make_post("one"), make_post("two", id="urn:x:2")
    renamed, moved = replace(one, path="uno.md"), replace(two, slug="one")

    catalog = decide(moved, renamed, record=make_record(one, two), last_good=[one, two])

    assert {post.id: post.location for post in catalog.posts} == {one.id: "one", two.id: "two"}
    assert ruling(catalog, "uno.md").verdict is Verdict.INCLUDED


def test_address_of_a_recalled_post_stays_its_own() -> None:
    """What comes back from the store stands where it stood, and a newcomer there waits."""
    one, new = make_post("one", id="urn:x:1"), replace(make_post("one"), path="new.md")

    catalog = decide(
        new,
        record=make_record(one),
        last_good=[one],
        broken={one.path: (make_problem("posts/one.md"),)},
    )

    assert catalog.posts == (one,)
    assert set(codes(catalog)) == {"post.title", "post.double"}


def test_address_is_given_back_in_turn() -> None:
    """A post sent back to its own address sends back whoever moved in meanwhile."""
    one, two, three = (make_post(name, id=f"urn:x:{name}") for name in ("one", "two", "three"))
    moved = [replace(two, slug="one"), replace(three, slug="two")]

    catalog = decide(
        *moved,
        record=make_record(one, two, three),
        last_good=[one, two, three],
        broken={one.path: (make_problem("posts/one.md"),)},
    )

    assert {post.id: post.location for post in catalog.posts} == {
        one.id: "one",
        two.id: "two",
        three.id: "three",
    }


def test_address_of_a_series_is_no_new_posts() -> None:
    """A new loose post does not stand where a series stands."""
    loose, part = make_post("nights"), make_post("one", series="nights", part=1)

    catalog = decide(loose, part)

    assert catalog.posts == (part,)
    assert catalog.problems[0].got == "the address of the series nights"


def test_address_of_a_published_post_is_no_new_series() -> None:
    """A new series does not drive out the published post that bears its name."""
    loose, part = make_post("nights"), make_post("one", series="nights", part=1)

    catalog = decide(loose, part, record=make_record(loose))

    assert catalog.posts == (loose,)
    assert ruling(catalog, part.path).reason == "its address is that of posts/nights.md"


def test_published_posts_never_give_way_to_each_other() -> None:
    """Even of two posts that the record has at one address, neither disappears."""
    one, two = make_post("one"), make_post("two", id="urn:x:2")
    record = make_record(one, make_published(two, location="one", sequence=2))

    catalog = decide(one, record=record, last_good=[two])

    assert {post.id for post in catalog.posts} == {one.id, two.id}


# ------------------------------------------------------------------------------------------- order


def test_order_is_by_number_then_date_then_name() -> None:
    """Numbered posts stand at their number, the others follow by date, then by name."""
    posts = [
        make_post("c", series="s", days=-3),
        make_post("b", series="s", days=-5),
        make_post("a", series="s", days=-3),
        make_post("z", series="s", part=2, days=-1),
        make_post("y", series="s", part=1, days=-2),
    ]

    (series,) = decide(*posts).series

    assert numbers(series) == {1: "y", 2: "z", 3: "b", 4: "a", 5: "c"}


def test_order_keeps_places_by_post() -> None:
    """A post without a number keeps the place it got, whatever comes later with an older date."""
    first, late = make_post("first", series="s", days=-2), make_post("late", series="s", days=-9)
    record = make_record(make_published(first, part=1))

    catalog = decide(first, late, record=record)

    assert numbers(catalog.series[0]) == {1: "first", 2: "late"}


def test_order_gives_a_post_that_moved_a_new_place() -> None:
    """A place is kept in the series it is of: elsewhere a post without a number comes last."""
    moved = make_post("moved", series="t", aliases=["s/moved"])
    record = make_record(make_published(make_post("moved", series="s"), part=1))

    catalog = decide(moved, make_post("other", series="t", part=1), record=record)

    assert numbers(catalog.series[0]) == {1: "other", 2: "moved"}


def test_order_leaves_numbers_to_those_who_ask_for_them() -> None:
    """A post without a number takes none that a draft or a scheduled post asks for."""
    posts = [
        make_post("one", series="s", part=1),
        make_post("coming", series="s", part=2, days=4),
        make_post("draft", series="s", part=3, draft=True),
        make_post("loose-leaf", series="s"),
    ]

    catalog = decide(*posts)

    assert numbers(catalog.series[0]) == {1: "one", 4: "loose-leaf"}


def test_order_doubled_part_holds_its_series_only() -> None:
    """Two equal parts: nothing of that series is republished, the rest is."""
    one, two = make_series_posts("s", count=2)
    changed_one = make_post("part-1", series="s", part=1, days=-2, summary="Anew.")
    doubles = [make_post("x", series="s", part=2), make_post("y", series="s", part=3)]
    elsewhere = make_post("e", series="t", part=1)

    catalog = decide(
        changed_one,
        two,
        *doubles,
        elsewhere,
        record=make_record(one, two),
        last_good=[one, two],
    )

    assert {post.id: post.summary for post in catalog.posts} == {
        post.id: post.summary for post in (one, two, elsewhere)
    }
    assert catalog.recalled == {one.id}
    (problem,) = catalog.problems
    assert (problem.code, problem.path) == ("series.double_part", "posts/s/02-x.md")
    assert problem.got == "part 2, as posts/s/02-part-2.md has"
    assert [ruling(catalog, post.path).verdict for post in (changed_one, two, doubles[1])] == [
        Verdict.ERROR,
        Verdict.INCLUDED,
        Verdict.ERROR,
    ]


def test_order_doubled_part_counts_places_kept() -> None:
    """A number that a post holds without asking for it is its own too."""
    first = make_post("first", series="s")
    record = make_record(make_published(first, part=1))

    catalog = decide(first, make_post("other", series="s", part=1), record=record)

    assert numbers(catalog.series[0]) == {1: "first"}
    assert codes(catalog) == ["series.double_part"]


def test_order_doubled_part_is_told_of_the_newcomer() -> None:
    """It is the file that was not published yet that is told to change."""
    one, other = make_series_posts("s", count=1)[0], make_post("a", series="s", part=1)

    catalog = decide(other, one, record=make_record(one))

    assert [problem.path for problem in catalog.problems] == ["posts/s/01-a.md"]


def test_order_doubled_part_undoes_a_new_number() -> None:
    """A published post renumbered to another's place, by its name alone, goes back to its own."""
    one, two = make_series_posts("s", count=2)
    renumbered = make_post("part-1", series="s", part=2, days=-2)

    catalog = decide(renumbered, two, record=make_record(one, two), last_good=[one, two])

    assert numbers(catalog.series[0]) == {1: "part-1", 2: "part-2"}
    assert codes(catalog) == ["series.double_part"]


def test_order_doubled_by_a_withdrawn_file_moves_nobody() -> None:
    """A withdrawn file with a published post's number is an error, and the post is shown."""
    one = make_post("one", series="s", part=1)
    never_out = make_post("other", series="s", part=1, withdrawn=WITHDRAWN)

    catalog = decide(one, never_out, record=make_record(one))

    (part,) = catalog.series[0].parts
    assert (part.post, part.withdrawn) == (one, False)
    assert codes(catalog) == ["series.double_part"]


def test_order_leaves_the_number_of_a_lost_post() -> None:
    """A post that nothing can show keeps its number until it is back."""
    one, two = make_series_posts("s", count=2)

    catalog = decide(one, make_post("new", series="s"), record=make_record(one, two))

    assert numbers(catalog.series[0]) == {1: "part-1", 3: "new"}


def test_order_doubled_part_brings_back_who_left() -> None:
    """A series left as it was still has the post that was to move out, in its place."""
    one, two = make_series_posts("s", count=2)
    moved = make_post("part-2", series="t", part=1, aliases=[two.location])
    doubles = [make_post(name, series="s", part=3) for name in "xy"]

    catalog = decide(one, moved, *doubles, record=make_record(one, two), last_good=[one, two])

    assert numbers(catalog.series[0]) == {1: "part-1", 2: "part-2"}


def test_order_survives_a_record_with_equal_parts() -> None:
    """Were two published posts to hold one number, the later stands behind the last."""
    one, two = make_series_posts("s", count=2)
    record = make_record(one, make_published(two, part=1, sequence=2))

    catalog = decide(record=record, last_good=[one, two])

    assert numbers(catalog.series[0]) == {1: "part-1", 2: "part-2"}


def test_order_warns_of_gaps() -> None:
    """Numbers that nobody has are told as a warning, and shown as still to come."""
    catalog = decide(make_post("one", series="s", part=1), make_post("four", series="s", part=4))

    (problem,) = catalog.problems
    assert (problem.code, problem.level) == ("series.gap", "warning")
    assert problem.got == "no published part 2, 3"
    assert catalog.series[0].total == 4


def test_order_counts_what_is_planned() -> None:
    """The m of "Part n of m" is what is planned, or the last part where there are more."""
    posts = make_series_posts(count=3)

    planned = decide(*posts, infos=[make_series_info(planned_parts=6)])
    exceeded = decide(*posts, infos=[make_series_info(planned_parts=2)])

    assert planned.series[0].total == 6
    assert exceeded.series[0].total == 3
    assert planned.problems == ()


def test_series_are_by_title() -> None:
    """Series stand by their titles as people sort them; one without a file is told by its slug."""
    posts = [make_post("one", series=slug, part=1) for slug in ("b-side", "a", "c")]
    infos = [make_series_info("a", title="zebra"), make_series_info("c", title="Apple")]

    catalog = decide(*posts, infos=[*infos, make_series_info("empty")])

    assert [series.title for series in catalog.series] == ["Apple", "B side", "zebra"]
    assert set(catalog.infos) == {"a", "c", "empty"}


def test_places_name_published_neighbours() -> None:
    """A post's neighbours are the nearest published parts; a loose post has no place."""
    one, four = make_post("one", series="s", part=1), make_post("four", series="s", part=4)
    loose = make_post()

    catalog = decide(one, four, loose)

    assert catalog.place(loose) is None
    place = catalog.places[four.id]
    assert (place.number, place.previous, place.next) == (4, one, None)
    assert catalog.places[one.id].next == four


# --------------------------------------------------------------------------------------- redirects


def test_redirects_lead_to_the_place_now() -> None:
    """Every earlier address leads to the latest one at once, however often a post moved."""
    post = make_post("c", aliases=["a", "b"])
    record = make_record(post, locations={"a": post.id, "b": post.id, "x/z": post.id})

    catalog = decide(post, record=record)

    assert catalog.redirects == {"a": "c", "b": "c", "x/z": "c"}


def test_redirects_never_point_away_from_what_is_there() -> None:
    """An alias that is a live address, a series or a withdrawn one does nothing."""
    post = make_post("c", id="urn:x:1", aliases=["here", "series", "gone"])
    there = [make_post("here"), make_post("one", series="series", part=1)]
    gone = make_post("gone", withdrawn=WITHDRAWN)

    catalog = decide(post, *there, gone)

    assert len(catalog.posts) == 3
    assert catalog.redirects == {}


def test_redirects_of_two_claims_follow_the_newer_post() -> None:
    """Where two posts claim one earlier address, the newer one has it."""
    new = make_post("new", id="urn:x:1", aliases=["a"])
    old = make_post("old", id="urn:x:2", aliases=["a"], days=-9)

    catalog = decide(old, new)

    assert catalog.redirects == {"a": "new"}


def test_redirects_of_two_withdrawn_claims_follow_the_path() -> None:
    """Where two withdrawn files claim one earlier address, the order of reading changes nothing."""
    posts = [
        make_post(slug, id=f"urn:x:{slug}", aliases=["old"], withdrawn=WITHDRAWN)
        for slug in ("b", "a")
    ]

    assert decide(*posts).redirects == decide(*reversed(posts)).redirects == {"old": "a"}


# ---------------------------------------------------------------------------------------- channels


def test_channel_that_hides_nothing_shows_the_catalog_itself() -> None:
    """Where every post is for a channel, that channel's catalog is the catalog."""
    catalog = make_catalog(*make_series_posts())

    assert on_channel(catalog, Channel.WEB) is catalog


def test_channel_hides_posts_and_keeps_numbers() -> None:
    """A channel does not show the posts of others; the numbers stay and neighbours close up."""
    one, two, three = make_series_posts(count=3)
    two = replace(two, channels=frozenset({Channel.WEB}), aliases=("old-two",))
    alone = make_post("alone", series="notes", part=1, channels=frozenset({Channel.WEB}))
    catalog = make_catalog(one, two, replace(three, aliases=("old-three",)), alone)

    shown = on_channel(catalog, Channel.FEED)

    (series,) = shown.series
    assert [post.slug for post in shown.posts] == ["part-3", "part-1"]
    assert numbers(series) == {1: "part-1", 3: "part-3"}
    assert set(shown.places) == {one.id, three.id}
    assert shown.places[three.id].previous == one
    assert shown.places[three.id].number == 3
    assert shown.redirects == {"old-three": three.location}
    assert set(catalog.redirects) == {"old-two", "old-three"}


@given(
    channels=st.lists(st.frozensets(st.sampled_from(Channel), min_size=1), max_size=8),
    channel=st.sampled_from(Channel),
)
def test_channel_is_consistent(channels: list[frozenset[Channel]], channel: Channel) -> None:
    """A channel's posts, series, places and redirects speak of the same posts, numbered alike."""
    posts = [
        make_post(f"post-{n}", series=(None, "a", "b")[n % 3], channels=one, aliases=[f"was-{n}"])
        for n, one in enumerate(channels)
    ]
    catalog = make_catalog(*posts)

    shown = on_channel(catalog, channel)

    ids = {post.id for post in shown.posts}
    assert ids == {post.id for post in posts if channel in post.channels}
    assert set(shown.places) == {post.id for series in shown.series for post in series.posts}
    assert set(shown.places) == {post.id for post in shown.posts if post.series}
    assert set(shown.redirects.values()) == {post.location for post in shown.posts}
    for post_id, place in shown.places.items():
        assert place.number == catalog.places[post_id].number
        assert {one.id for one in (place.previous, place.next) if one} <= ids
        assert all(series.posts for series in shown.series)


# ------------------------------------------------------------------------- whatever becomes of files


@dataclass
class Shop:
    """What a store keeps over many builds: pins, every address, last good texts."""

    published: dict[str, PublishedPost] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    last_good: dict[str, Post] = field(default_factory=dict)
    approved: set[tuple[str, str]] = field(default_factory=set)

    def record(self) -> Record:
        return Record(
            published=dict(self.published),
            locations=dict(self.locations),
            approved=frozenset(self.approved),
        )

    def publish(self, catalog: Catalog) -> None:
        """Pin what is out, as a build does."""
        for post in reversed(catalog.posts):
            if post.id in catalog.recalled:
                continue
            pin, place = self.published.get(post.id), catalog.place(post)
            self.published[post.id] = make_published(
                post,
                part=place.number if place else None,
                sequence=pin.sequence if pin else len(self.published) + 1,
            )
            self.locations[post.location] = post.id
            self.last_good[post.id] = post
        for one in catalog.withdrawals:
            if one.post_id in self.published:
                pin = self.published[one.post_id]
                self.published[one.post_id] = replace(pin, withdrawn=one.reason)


@dataclass(frozen=True)
class Day:
    """What a day finds in the folder, and what staff did."""

    posts: tuple[Post, ...]
    broken: frozenset[str]
    review_required: bool
    approves: bool
    withdraws: int | None


@st.composite
def files(draw: st.DrawFn) -> Post:
    """A file that may say anything: few names, so that it is soon in another's way."""
    series = draw(st.sampled_from([None, "a", "b"]))
    slug = draw(st.sampled_from(["a", "b", "c", "d"]))
    own_id = draw(st.sampled_from([None, "urn:x:1", "urn:x:2"]))
    title = draw(st.sampled_from(["One", "Two", "Three"]))
    mood = draw(st.sampled_from(["", "", "", "draft", "withdrawn"]))
    post = make_post(
        slug,
        series=series,
        part=draw(st.sampled_from([None, 1, 2, 3])) if series else None,
        days=draw(st.integers(-3, 3)),
        title=f"{title} {slug}",
        reviewer=draw(st.sampled_from(["", "", "Dr Lee"])),
        aliases=tuple(
            draw(st.lists(st.sampled_from(["a", "c", "a/c", "b/d", "x/y"]), max_size=1))
        ),
        draft=mood == "draft",
        withdrawn=WITHDRAWN if mood == "withdrawn" else "",
        path=f"file-{draw(st.integers(1, 5))}.md",
    )
    return replace(post, id=own_id) if own_id else post


days = st.builds(
    Day,
    posts=st.lists(files(), max_size=5, unique_by=lambda post: post.path).map(tuple),
    broken=st.frozensets(st.sampled_from([f"file-{n}.md" for n in range(1, 6)]), max_size=2),
    review_required=st.sampled_from([False, False, True]),
    approves=st.booleans(),
    withdraws=st.sampled_from([None, None, None, 0, 1]),
)


@given(st.lists(days, min_size=1, max_size=4))
def test_catalog_loses_and_doubles_nothing_whatever_becomes_of_files(week: list[Day]) -> None:
    """A published post leaves by withdrawal only; no address, id or number is ever given twice."""
    shop = Shop()
    for number, day in enumerate(week):
        posts = tuple(post for post in day.posts if post.path not in day.broken)
        if day.approves:
            shop.approved |= {(post.id, post.source_sha256) for post in posts}
        if day.withdraws is not None and len(shop.published) > day.withdraws:
            pin = list(shop.published.values())[day.withdraws]
            shop.published[pin.post_id] = replace(pin, withdrawn=WITHDRAWN)
        record = shop.record()

        def look(posts: tuple[Post, ...], record: Record) -> Catalog:
            return decide(
                *posts,
                record=record,
                last_good=list(shop.last_good.values()),
                broken={path: (make_problem(f"posts/{path}"),) for path in day.broken},  # noqa: B023
                now=NOON + timedelta(days=number),  # noqa: B023
                review_required=day.review_required,  # noqa: B023
            )

        catalog = look(posts, record)

        assert look(posts, record) == catalog
        assert look(posts[::-1], record) == catalog
        nothing_is_lost(catalog, posts, record)
        nothing_is_doubled(catalog)
        everything_is_told(catalog, posts, day.broken, record)
        addresses_stay(catalog, record)
        shop.publish(catalog)
        again = look(posts, shop.record())
        assert where_all_stand(again) == where_all_stand(catalog)


def nothing_is_lost(catalog: Catalog, posts: Iterable[Post], record: Record) -> None:
    shown = {post.id for post in catalog.posts}
    taken_back = {post.id for post in posts if post.withdrawn}
    for pin in record.published.values():
        if pin.withdrawn:
            assert pin.post_id not in shown
        elif pin.post_id not in taken_back:
            assert pin.post_id in shown
    for post_id in catalog.recalled:
        post = next(post for post in catalog.posts if post.id == post_id)
        place, pin = catalog.place(post), record.published[post_id]
        assert post.location == pin.location
        assert (place.number if place else None) == pin.part


def nothing_is_doubled(catalog: Catalog) -> None:
    addresses = [post.location for post in catalog.posts]
    addresses += [series.slug for series in catalog.series]
    addresses += [one.location for one in catalog.withdrawals]
    assert len(addresses) == len(set(addresses))
    assert len({post.id for post in catalog.posts}) == len(catalog.posts)
    in_series = [post for series in catalog.series for post in series.posts]
    assert {post.id for post in in_series} == {post.id for post in catalog.posts if post.series}
    assert len(in_series) == len(catalog.places)


def everything_is_told(
    catalog: Catalog, posts: Iterable[Post], broken: Iterable[str], record: Record
) -> None:
    rulings = {one.path: one for one in catalog.rulings}
    assert list(rulings) == sorted({*(post.path for post in posts), *broken})
    assert len(rulings) == len(catalog.rulings)
    for post in catalog.posts:
        if post.id not in record.published:
            assert rulings[post.path].verdict is Verdict.INCLUDED
    held_up = [one for one in catalog.rulings if one.verdict is Verdict.ERROR]
    assert not held_up or any(problem.level == "error" for problem in catalog.problems)


def addresses_stay(catalog: Catalog, record: Record) -> None:
    live = {post.location for post in catalog.posts} | {one.slug for one in catalog.series}
    gone = {one.location for one in catalog.withdrawals}
    assert not (live | gone) & set(catalog.redirects)
    assert set(catalog.redirects.values()) <= live | gone
    assert set(record.locations) <= live | gone | set(catalog.redirects)


def where_all_stand(catalog: Catalog) -> dict[str, tuple[str, int | None]]:
    return {
        post.id: (post.location, place.number if (place := catalog.place(post)) else None)
        for post in catalog.posts
    }
