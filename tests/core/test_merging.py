"""Three texts into one: what one person changed is taken, what both did is marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.merging import BETWEEN, THEIRS, YOURS, is_undecided, merge

LINES = st.lists(st.sampled_from("abcdef\u2028"), max_size=8).map(
    lambda words: "".join(f"{word}\n" for word in words)
)


@given(LINES, LINES)
def test_what_one_alone_changed_is_taken(base: str, changed: str) -> None:
    """Where the other left the text as it was, the change is the result, whoever made it."""
    for one in (merge(base, changed, base), merge(base, base, changed)):
        assert (one.text, one.conflicts) == (changed, 0)


@given(LINES, LINES)
def test_what_both_made_alike_is_no_conflict(base: str, changed: str) -> None:
    """The same change twice is one change."""
    assert merge(base, changed, changed).conflicts == 0
    assert merge(base, changed, changed).text == changed


@given(LINES, LINES, LINES)
def test_no_line_of_anybody_is_lost(base: str, theirs: str, yours: str) -> None:
    """Every line that somebody wrote new stands in the proposal, marked or not."""
    merged = merge(base, theirs, yours)
    lines = merged.text.split("\n")

    assert {*theirs.split("\n"), *yours.split("\n")} - {*base.split("\n")} <= {*lines}
    assert lines.count(YOURS) == lines.count(THEIRS) == merged.conflicts
    assert is_undecided(merged.text) is (merged.conflicts > 0)


@given(LINES, LINES)
def test_a_text_without_a_beginning_hides_nothing(theirs: str, yours: str) -> None:
    """Where nobody knows the beginning, every difference is to be decided, and all lines are there."""
    merged = merge(None, theirs, yours)

    assert {*theirs.split("\n"), *yours.split("\n")} - {""} <= {*merged.text.split("\n")}
    assert (merged.conflicts == 0) is (theirs == yours)


def test_changes_apart_from_each_other_are_both_taken() -> None:
    """Two people at two ends of a text are in nobody's way."""
    base = "one\ntwo\nthree\nfour\n"

    merged = merge(base, "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\nfive\n")

    assert (merged.text, merged.conflicts) == ("ONE\ntwo\nthree\nFOUR\nfive\n", 0)


def test_a_place_that_both_changed_is_marked() -> None:
    """Both texts stand between lines that nobody takes for their own; the rest is as it was."""
    merged = merge("one\ntwo\nthree", "one\n2\nthree", "one\nzwei\nthree")

    assert merged.text == f"one\n{YOURS}\nzwei\n{BETWEEN}\n2\n{THEIRS}\nthree"
    assert merged.conflicts == 1
    assert is_undecided(merged.text)
    assert not is_undecided("one\n=======\nA heading of old\n")


def test_an_end_without_a_line_end_is_marked_on_lines_of_its_own() -> None:
    """A last line that both changed does not run into the marks."""
    merged = merge("one", "two", "three")

    assert merged.text == f"{YOURS}\nthree\n{BETWEEN}\ntwo\n{THEIRS}\n"


def test_what_both_took_away_is_gone() -> None:
    """A line that both removed is in no conflict, and one removed beside a change is marked."""
    gone = merge("a\nb\nc\nd\n", "a\nc\nD\n", "a\nc\nd\ne\n")

    assert "b\n" not in gone.text
    assert gone.conflicts == 1
