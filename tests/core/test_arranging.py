"""The numbers of a series: gaps and doubles found, neighbours exchanged, gaps closed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.arranging import close_up, find_doubles, find_gaps, swap

NUMBERS = st.lists(st.integers(1, 9), min_size=2, max_size=6)


def test_gaps_and_doubles_are_found() -> None:
    """A number that nobody has is a gap, unless a post taken back keeps it; one of two is a double."""
    assert find_gaps([1, 4, 4, 6], kept={2}) == [3, 5]
    assert find_doubles([1, 4, 4, 6]) == [4]
    assert (find_gaps([]), find_doubles([])) == ([], [])


def test_neighbours_exchange_their_numbers() -> None:
    """The places keep their numbers, gaps and all."""
    assert swap(["a", "b", "c"], {"a": 1, "b": 3, "c": 7}, 1, 2) == {"a": 1, "c": 3, "b": 7}


def test_a_double_is_parted_by_a_move() -> None:
    """Of two with one number the later goes up, and pushes only those that are in its way."""
    assert swap(["a", "b", "c"], {"a": 2, "b": 2, "c": 3}, 0, 1) == {"b": 2, "a": 3, "c": 4}


def test_what_has_no_number_gets_one() -> None:
    """A post without a number gets the next when it is moved."""
    assert swap(["a", "b"], {"a": 4}, 1, 0) == {"b": 4, "a": 5}


@given(NUMBERS, st.data())
def test_a_move_changes_the_order_of_two_alone(numbers: list[int], data: st.DataObject) -> None:
    """After a move the order is the old one with two exchanged, and no number is there twice."""
    order = [f"p{n}" for n in range(len(numbers))]
    at = data.draw(st.integers(0, len(order) - 2))

    found = swap(order, dict(zip(order, sorted(numbers), strict=True)), at, at + 1)

    meant = [*order[:at], order[at + 1], order[at], *order[at + 2 :]]
    assert sorted(found, key=lambda key: found[key]) == meant
    assert find_doubles(list(found.values())) == []


def test_gaps_close_around_those_taken_back() -> None:
    """The numbers run from 1, and leave out what a post taken back keeps."""
    assert close_up(["a", "b", "c"], kept={1, 3}) == {"a": 2, "b": 4, "c": 5}
