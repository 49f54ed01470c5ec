"""Comments placed: each is shown once, at the paragraph it was about wherever that went."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.placing import Placed, place
from publisher.model import Comment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORDS = ["sleep", "worry", "dose", "night", "light", "rest", "it's", "20", "\u00e9tude"]
PARAGRAPHS = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join) | st.text(max_size=12)
TEXTS = st.lists(PARAGRAPHS, max_size=8)


def _comment(number: int, words: str, at: int) -> Comment:
    return Comment(
        id=number,
        post_id="urn:x",
        source_sha256="0" * 64,
        place=at,
        words=words,
        by="Ben",
        text="Why?",
        at=NOW,
    )


def _ids(placed: Placed) -> list[list[int]]:
    return [[one.id for one in those] for those in placed.at]


@given(TEXTS, st.lists(st.tuples(PARAGRAPHS, st.integers(0, 12)), max_size=8))
def test_every_comment_is_shown_exactly_once(text: list[str], said: list[tuple[str, int]]) -> None:
    """Whatever became of the text, none is lost, none comes twice, and each place has its list."""
    comments = [_comment(n, words, at) for n, (words, at) in enumerate(said)]

    placed = place(text, comments)

    shown = [one for those in (*placed.at, placed.gone) for one in those]
    assert sorted(one.id for one in shown) == list(range(len(said)))
    assert len(placed.at) == len(text)
    assert all([one.id for one in those] == sorted(one.id for one in those) for those in placed.at)


@given(TEXTS.filter(bool), st.data())
def test_a_comment_stays_where_nothing_changed(text: list[str], data: st.DataObject) -> None:
    """In the text it was said of a comment is at its own paragraph, also where two are the same."""
    at = data.draw(st.integers(0, len(text) - 1))

    assert _ids(place(text, [_comment(1, text[at], at)]))[at] == [1]


@given(st.permutations(WORDS), st.integers(0, len(WORDS) - 1))
def test_a_comment_follows_its_paragraph(order: list[str], at: int) -> None:
    """A paragraph that was moved takes its comments with it."""
    before = [f"{word} is what this one is about" for word in WORDS]
    after = [f"{word} is what this one is about" for word in order]

    placed = place(after, [_comment(1, before[at], at)])

    assert _ids(placed)[order.index(WORDS[at])] == [1]


def test_an_edited_paragraph_keeps_its_comment_and_another_gets_none() -> None:
    """Most of its words are enough; a text that is about something else is not it."""
    said = _comment(1, "Take 20 mg at night, with water.", 1)

    edited = place(["The end.", "Sleep well.", "Take 25 mg at night, with water."], [said])
    gone = place(["Take a walk.", "Sleep at night.", ""], [said])

    assert _ids(edited) == [[], [], [1]]
    assert (_ids(gone), gone.gone) == ([[], [], []], (said,))
