"""How a digest's readers stand to one post: everybody is counted once, and told so."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.alone import Readers, count_readers, slot_key, tell_readers


@dataclass(frozen=True)
class Alike:
    """People who are alike."""

    declined: frozenset[str]
    on_course: frozenset[str]
    received: frozenset[str]
    people: int


def _some(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


GROUPS = st.lists(
    st.builds(
        Alike,
        declined=_some("sleep", "pain"),
        on_course=_some("sleep", "pain"),
        received=_some("one", "two"),
        people=st.integers(1, 9),
    )
)


@given(GROUPS, st.sampled_from(["", "sleep"]))
def test_each_is_counted_once_and_whoever_has_it_never_gets_it(
    groups: list[Alike], series: str
) -> None:
    """The four parts are all people; a post on its own is kept from nobody who lacks it."""
    told = count_readers(groups, "one", series)
    has = sum(group.people for group in groups if "one" in group.received)

    assert told.reach + told.have + told.declined + told.on_course == sum(
        group.people for group in groups
    )
    assert told.have == has
    assert series or told.declined == told.on_course == 0


def test_it_is_said_in_words() -> None:
    """One or several, and nobody."""
    assert tell_readers(Readers()) == "Nobody would get it."
    assert tell_readers(Readers(reach=1, have=1, on_course=1)) == (
        "1 person gets it. 1 has it already. 1 gets this series as a course, part by part."
    )
    assert tell_readers(Readers(reach=412, have=1200, declined=3)) == (
        "412 people get it. 1,200 have it already. 3 turned this series off."
    )


def test_whoever_asks_at_once_asks_for_one_edition() -> None:
    """The same post in the same turn has one slot; another turn or post has another."""
    keys = {slot_key("a", 0), slot_key("a", 0), slot_key("a", 1), slot_key("b", 0)}

    assert len(keys) == 3
    assert all(key.startswith("post:") for key in keys)
