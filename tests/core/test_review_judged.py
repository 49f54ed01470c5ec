"""Reviews judged: how a text stands, who wrote it, who may approve it; without a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.reviewing import (
    Save,
    is_same_person,
    judge_state,
    refuse_own,
    warn_of_other,
    writers,
)
from publisher.model import ReviewAnswer, ReviewRequest, ReviewState
from tests.factories import NOON

TEXT, OTHER = "a" * 64, "b" * 64


def _request(
    answer: ReviewAnswer | None = None, source: str = TEXT, asked_by: str = "Ann"
) -> ReviewRequest:
    return ReviewRequest(
        id=1,
        post_id="p",
        path="p.md",
        source_sha256=source,
        asked_by=asked_by,
        reviewer="Ben",
        note="",
        due_on=None,
        asked_at=NOON,
        answer=answer,
    )


CHANGES, OVERTAKEN = ReviewAnswer.CHANGES, ReviewAnswer.OVERTAKEN


@pytest.mark.parametrize(
    ("approved", "requests", "needs_review", "state"),
    [
        (set(), [], False, ReviewState.FREE),
        (set(), [], True, ReviewState.UNREVIEWED),
        ({TEXT}, [_request()], True, ReviewState.APPROVED),
        ({OTHER}, [], True, ReviewState.VOID),
        ({OTHER}, [], False, ReviewState.VOID),
        ({OTHER}, [_request(source=OTHER)], True, ReviewState.ASKED),
        (set(), [_request(CHANGES)], True, ReviewState.CHANGES),
        (set(), [_request(CHANGES), _request(OVERTAKEN)], True, ReviewState.CHANGES),
        (set(), [_request(CHANGES, OTHER)], True, ReviewState.UNREVIEWED),
        ({OTHER}, [_request(CHANGES, OTHER)], True, ReviewState.VOID),
    ],
)
def test_a_text_stands_as_was_said_of_it(
    approved: set[str], requests: list[ReviewRequest], needs_review: bool, state: ReviewState
) -> None:
    """An approval of this text is above all; then who is asked, then what was last answered of it."""
    assert judge_state(TEXT, approved, requests, needs_review=needs_review) is state


def test_writers_are_who_made_exactly_this_text() -> None:
    """Who saved it or asked for its review; of a text from elsewhere who saved last; else nobody."""
    saves = [
        Save(source_sha256=TEXT, saved_by="Ann"),
        Save(source_sha256=OTHER, saved_by="Ben"),
        Save(source_sha256=TEXT, saved_by="Ann"),
    ]

    assert writers(TEXT, saves, [_request(asked_by="Cy"), _request(asked_by="")]) == ("Ann", "Cy")
    assert writers(OTHER, saves, [_request()]) == ("Ben",)
    assert writers("c" * 64, saves, [_request()]) == ("Ann",)
    assert writers(TEXT, [], []) == ()


@given(st.sampled_from(["Ann Lee", "Ben", "Cy Dow, MD", "", "  "]), st.text(max_size=5))
def test_a_person_is_the_same_by_any_case_and_title(name: str, title: str) -> None:
    """Nobody is the same as nobody."""
    assert is_same_person(name, f" {name.partition(',')[0].upper()} ,{title}") is bool(
        name.strip()
    )


def test_an_own_text_is_refused_and_another_name_is_told() -> None:
    """A refusal names who it is about, a warning whom the page names."""
    own = refuse_own("ann", ["Ben", "Ann"], where="posts/p.md")
    other = warn_of_other("Ann", "Ben, MD", where="posts/p.md")

    assert own
    assert (own.level, own.got) == ("error", "ann, who saved it or asked for its review")
    assert other
    assert (other.level, other.expected) == (
        "warning",
        "the approval of Ben, MD, whom the page names",
    )
    assert refuse_own("Cy", ["Ben", "Ann"], where="p") is None
    assert warn_of_other("Ben", "ben, MD", where="p") is None
    assert warn_of_other("Ben", "", where="p") is None
