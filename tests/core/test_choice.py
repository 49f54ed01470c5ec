"""Choosing for an edition: what is new goes once, in order, and everything else is explained."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from email.headerregistry import HeaderRegistry
from itertools import permutations
from typing import TYPE_CHECKING
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.choice import (
    PREHEADER_LENGTH,
    choose_posts,
    compose_preheader,
    fill_subject,
    posts_for,
    reading_order,
)
from publisher.model import Channel, Verdict
from tests.factories import (
    make_catalog,
    make_history,
    make_post,
    make_ruling,
    make_series_posts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from publisher.editorial.choice import Choice
    from publisher.model import Post

ON = date(2026, 11, 24)
WEB_ONLY = frozenset({Channel.WEB})


def slugs(posts: Iterable[Post]) -> list[str]:
    return [post.slug for post in posts]


def verdicts(choice: Choice) -> dict[str, Verdict]:
    return {ruling.path: ruling.verdict for ruling in choice.rulings}


# ---------------------------------------------------------------------------------------- choosing


def test_choice_of_nothing_new_is_empty() -> None:
    """Where a digest has had every post there is nothing to send, and each post says so."""
    posts = make_series_posts(count=2)

    choice = choose_posts(
        make_catalog(*posts), make_history(taken=[post.id for post in posts]), max_posts=10
    )

    assert choice.posts == ()
    assert choice.counted == ()
    assert set(verdicts(choice).values()) == {Verdict.SENT}


def test_choice_takes_what_is_new() -> None:
    """New is published, for the email channel, in no earlier edition, not counted as sent."""
    new, had, archived = make_post("new"), make_post("had"), make_post("archived")
    web_only = make_post("web-only", channels=WEB_ONLY)
    history = make_history(taken=[had.id], archived=frozenset({archived.id}))

    choice = choose_posts(make_catalog(new, had, archived, web_only), history, max_posts=10)

    assert choice.posts == (new,)
    assert choice.counted == ()
    assert verdicts(choice) == {
        "archived.md": Verdict.SENT,
        "had.md": Verdict.SENT,
        "new.md": Verdict.INCLUDED,
        "web-only.md": Verdict.NOT_FOR_EMAIL,
    }


def test_choice_explains_every_post_once() -> None:
    """What is not out is explained too, and a post shown from the store counts as the post."""
    post = make_post("out")
    rulings = (
        make_ruling("draft.md", verdict=Verdict.DRAFT, reason="draft: true"),
        make_ruling("out.md", reason="it does not load"),
    )
    catalog = replace(make_catalog(post), rulings=rulings)

    choice = choose_posts(catalog, make_history(), max_posts=10)

    assert [(ruling.path, ruling.reason) for ruling in choice.rulings] == [
        ("draft.md", "draft: true"),
        ("out.md", "new"),
    ]


def test_choice_first_edition_introduces_the_newest() -> None:
    """A digest's first edition brings the newest posts; the older count as sent from then on."""
    posts = [make_post(f"p{n}", days=-n) for n in range(1, 6)]

    choice = choose_posts(make_catalog(*posts), make_history(started=False), max_posts=2)

    assert slugs(choice.posts) == ["p2", "p1"]
    assert set(choice.counted) == {post.id for post in posts[2:]}
    assert verdicts(choice)["p3.md"] is Verdict.SENT


def test_choice_first_edition_of_one_day_takes_the_latest_parts() -> None:
    """Of parts of one date, the later parts are the newer ones."""
    posts = [make_post(f"p{n}", series="s", part=n) for n in range(1, 13)]

    choice = choose_posts(make_catalog(*posts), make_history(started=False), max_posts=3)

    assert slugs(choice.posts) == ["p10", "p11", "p12"]


def test_choice_first_edition_counts_only_what_it_could_bring() -> None:
    """What is not for email, or came with an archive, is neither introduced nor counted."""
    archived = make_post("archived", days=-1)
    web_only = make_post("web-only", days=-1, channels=WEB_ONLY)
    old, new = make_post("old", days=-9), make_post("new", days=-2)
    history = make_history(started=False, archived=frozenset({archived.id}))

    choice = choose_posts(make_catalog(archived, web_only, old, new), history, max_posts=1)

    assert choice.posts == (new,)
    assert choice.counted == (old.id,)


def test_choice_later_editions_take_the_oldest_first() -> None:
    """Of more new posts than an edition holds, the oldest go and the others come later."""
    posts = [make_post(f"p{n}", days=-n) for n in range(1, 4)]

    choice = choose_posts(make_catalog(*posts), make_history(), max_posts=2)

    assert slugs(choice.posts) == ["p3", "p2"]
    assert choice.counted == ()
    assert verdicts(choice)["p1.md"] is Verdict.LATER


@st.composite
def libraries(draw: st.DrawFn) -> list[Post]:
    """Posts of two series, numbered in any order of dates, and loose ones."""
    names = [
        (series, number)
        for series, most in (("a", 5), ("b", 4), (None, 4))
        for number in range(1, draw(st.integers(0, most)) + 1)
    ]
    return [
        make_post(
            f"p{number}",
            series=series,
            part=number if series else None,
            days=draw(st.integers(-6, -1)),
        )
        for series, number in names
    ]


@given(posts=libraries(), data=st.data(), size=st.integers(1, 4), started=st.booleans())
def test_choice_brings_every_new_post_once_and_no_part_overtakes(
    posts: list[Post], data: st.DataObject, size: int, started: bool
) -> None:
    """Edition after edition each new post comes once, and never before an earlier part there is."""
    out_at = {post.id: data.draw(st.integers(0, 3)) for post in posts}
    edition_of: dict[str, int] = {}
    counted: set[str] = set()
    for edition in range(4 + len(posts)):
        there = [post for post in posts if out_at[post.id] <= edition]
        history = make_history(started=started or bool(edition_of), taken=[*edition_of, *counted])

        choice = choose_posts(make_catalog(*there), history, max_posts=size)

        assert len(choice.posts) <= size
        assert not edition_of.keys() & {post.id for post in choice.posts}
        assert set(verdicts(choice)) == {post.path for post in there}
        included = [r.path for r in choice.rulings if r.verdict is Verdict.INCLUDED]
        assert included == sorted(post.path for post in choice.posts)
        edition_of |= {post.id: edition for post in choice.posts}
        counted |= set(choice.counted)

    assert Counter([*edition_of, *counted]) == Counter(post.id for post in posts)
    assert not (started and counted)
    for one, other in permutations(posts, 2):
        if one.series and one.series == other.series and (one.part or 0) < (other.part or 0):
            was_out = out_at[one.id] <= edition_of.get(other.id, -1)
            assert not was_out or edition_of.get(one.id, -1) <= edition_of[other.id]


# ------------------------------------------------------------------------------------------- order


def test_reading_order_keeps_a_series_together() -> None:
    """A series stands where its earliest post stands, its parts together and ascending."""
    two = make_post("two", series="s", part=2, days=-9)
    one = make_post("one", series="s", part=1, days=-3)
    between, before = make_post("between", days=-5), make_post("before", days=-20)
    catalog = make_catalog(one, two, between, before)

    assert slugs(reading_order(catalog, catalog.posts)) == ["before", "one", "two", "between"]


@given(posts=libraries(), data=st.data())
def test_reading_order_keeps_parts_ascending(posts: list[Post], data: st.DataObject) -> None:
    """However posts are handed over, the same order comes out, each once, parts ascending."""
    catalog = make_catalog(*posts)
    some = [post for post in posts if data.draw(st.booleans())]

    order = reading_order(catalog, some)

    assert reading_order(catalog, some[::-1]) == order
    assert sorted(post.id for post in order) == sorted(post.id for post in some)
    for series in catalog.series:
        at = [index for index, post in enumerate(order) if post.series == series.slug]
        parts = [catalog.places[order[index].id].number for index in at]
        assert parts == sorted(parts)
        assert at == list(range(min(at, default=0), min(at, default=0) + len(at)))


# ----------------------------------------------------------------------------------------- subject


def fill(template: str, *, title: str = "Weekly letter", first: str = "Sleep") -> str:
    return fill_subject(template, title=title, first=first, count=3, on=ON, number=12)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{title}: {first}", "Weekly letter: Sleep"),
        ("{count} posts, {date}, no. {number}", "3 posts, 24 November 2026, no. 12"),
        ("Your weekly reading", "Your weekly reading"),
        ("{unknown} {first", "{unknown} {first"),
        ("  {first}\t! ", "Sleep !"),
    ],
)
def test_subject_is_filled(template: str, expected: str) -> None:
    """A subject has five fields; anything else in it stays as written, on one line."""
    assert fill(template) == expected


def test_subject_fields_in_titles_are_text() -> None:
    """A title that looks like a field is not filled again."""
    assert fill("{first} {title}", first="{title} {number}", title="{first}") == (
        "{title} {number} {first}"
    )


@given(template=st.text(), title=st.text(), first=st.text())
def test_subject_never_breaks_a_header(template: str, title: str, first: str) -> None:
    """No title and no template puts a line break, or any control, into a header."""
    subject = fill(template + "{first}{title}", title=title, first=first)

    assert len(subject.splitlines()) <= 1
    assert "Cc" not in {category(letter) for letter in subject}
    assert subject == subject.strip()
    assert not HeaderRegistry()("Subject", subject).defects


# --------------------------------------------------------------------------------------- preheader


def test_preheader_of_one_post_is_its_summary() -> None:
    """Beside a subject that names the one post, the preheader says what it says."""
    assert compose_preheader([make_post(summary="How to\nrest.")]) == "How to rest."


def test_preheader_of_many_names_the_others() -> None:
    """The first title is in the subject; the preheader names the others."""
    posts = [make_post(slug) for slug in ("one", "two", "three")]

    assert compose_preheader(posts) == "Also: Two; Three"


def test_preheader_of_none_is_empty() -> None:
    """Without posts there is nothing to say."""
    assert compose_preheader([]) == ""


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("x" * 130, "x" * 130),
        ("x" * 131, "x" * 129 + "…"),
        ("word " * 25 + "whole and cut", "word " * 24 + "word…"),
        ("a" * 60 + " " + "b" * 60 + ", " + "c" * 60, "a" * 60 + " " + "b" * 60 + "…"),
    ],
)
def test_preheader_is_cut_between_words(summary: str, expected: str) -> None:
    """A long preheader ends after a whole word, without its comma; one word alone is cut."""
    assert compose_preheader([make_post(summary=summary)]) == expected


@given(st.lists(st.tuples(st.text(), st.text(max_size=400)), max_size=5))
def test_preheader_is_short_and_one_line(said: list[tuple[str, str]]) -> None:
    """Whatever titles and summaries say, the preheader is one line of at most 130 characters."""
    preheader = compose_preheader([make_post(title=title, summary=text) for title, text in said])

    assert len(preheader) <= PREHEADER_LENGTH == 130
    assert len(preheader.splitlines()) <= 1


# ------------------------------------------------------------------------------------- one reader


def test_posts_for_leaves_out_what_a_reader_declined_or_has() -> None:
    """A reader gets the edition's posts in order, less the series left out, less receipts."""
    posts = [("1", "a"), ("2", "b"), ("3", ""), ("4", "b"), ("5", "a")]

    chosen = posts_for(posts, declined=frozenset({"b"}), received=frozenset({"5", "9"}))

    assert chosen == ("1", "3")


@given(
    posts=st.lists(
        st.tuples(st.text(), st.sampled_from(["", "a", "b"])), unique_by=lambda pair: pair[0]
    ),
    declined=st.frozensets(st.sampled_from(["a", "b"])),
    data=st.data(),
)
def test_posts_for_sends_nothing_twice(
    posts: list[tuple[str, str]], declined: frozenset[str], data: st.DataObject
) -> None:
    """Asked again after delivery, a reader is due nothing more; loose posts are for everyone."""
    chosen = posts_for(posts, declined=declined, received=frozenset())

    assert posts_for(posts, declined=declined, received=frozenset(chosen)) == ()
    assert {post_id for post_id, series in posts if not series} <= set(chosen)
