"""Staff's hand: what each act comes to in each state, judged without a store."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.hand import Done, Move, Refusal, Standing, judge_act, possible_acts
from publisher.model import ACTS_DONE, ACTS_FROM, TRANSITIONS, Act, EditionState, HeldReason

S = EditionState
ENDS = (S.SENT, S.PARTIAL, S.CANCELLED, S.FAILED, S.MISSED)
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from(EditionState),
    reason=st.sampled_from(["", *HeldReason]),
    is_frozen=st.booleans(),
    is_opened=st.booleans(),
    is_due=st.booleans(),
    needs_approval=st.booleans(),
    undecided=st.integers(0, 2),
)


def _held(**facts: Any) -> Standing:
    return Standing(state=S.HELD, reason=facts.pop("reason", HeldReason.STAFF), **facts)


@pytest.mark.parametrize("act", Act)
def test_act_reaches_some_states_and_is_done_in_others(act: Act) -> None:
    """No state is both before an act and after it."""
    assert ACTS_FROM[act]
    assert not ACTS_FROM[act] & ACTS_DONE[act]


def test_every_state_says_where_it_leads() -> None:
    """The table of transitions knows each state, and no end but one leads anywhere."""
    assert set(TRANSITIONS) == set(EditionState)
    assert [state for state in ENDS if TRANSITIONS[state]] == [S.PARTIAL]


@given(act=st.sampled_from(Act), standing=STANDINGS)
def test_answers_keep_to_the_table(act: Act, standing: Standing) -> None:
    """A move follows the transitions; what is done or refused moves nothing, and says why."""
    answer = judge_act(act, standing)

    match answer:
        case Move():
            assert answer.to in TRANSITIONS[standing.state]
            assert standing.state in ACTS_FROM[act]
            assert answer.to in ACTS_DONE[act]
        case Done():
            assert standing.state in ACTS_DONE[act]
        case Refusal():
            assert answer.why
            assert str(act) not in answer.can


@pytest.mark.parametrize(("act", "state"), list(product(Act, EditionState)))
def test_done_twice_is_done_once(act: Act, state: EditionState) -> None:
    """Whatever an act leads to, the same act again has nothing to do."""
    answer = judge_act(act, Standing(state=state))

    if isinstance(answer, Move):
        assert judge_act(act, Standing(state=answer.to)) == Done()


@pytest.mark.parametrize("state", ENDS)
def test_nothing_can_be_done_at_the_end(state: EditionState) -> None:
    """An edition at its end is refused every act but the one that led there."""
    answers = {act: judge_act(act, Standing(state=state)) for act in Act}

    assert {act for act, one in answers.items() if not isinstance(one, Refusal)} == {
        act for act in Act if state in ACTS_DONE[act]
    }


def test_refusal_says_what_can_be_done() -> None:
    """A sending edition cannot be held: it can be paused or cancelled."""
    assert judge_act(Act.HOLD, Standing(state=S.SENDING)) == Refusal(
        why="is sending", can=("pause", "cancel")
    )


@pytest.mark.parametrize(
    ("standing", "to"),
    [
        (_held(), S.DRAFT),
        (_held(is_frozen=True), S.SCHEDULED),
        (_held(is_frozen=True, is_due=True), S.READY),
        (_held(is_frozen=True, is_due=True, reason=HeldReason.LATE), S.READY),
        (_held(is_frozen=True, is_due=True, reason=HeldReason.CHANGED), S.READY),
        (_held(is_frozen=True, is_opened=True, reason=HeldReason.VERSIONS), S.READY),
        (_held(is_frozen=True, is_opened=True, reason=HeldReason.RESTORED), S.READY),
        (_held(needs_approval=True), S.DRAFT),
    ],
)
def test_release_leads_back_to_where_it_was(standing: Standing, to: EditionState) -> None:
    """A held edition goes on as a draft, frozen, or to its readers; its content stays as it is."""
    assert judge_act(Act.RELEASE, standing) == Move(to=to)


def test_release_of_a_draft_whose_slot_passed_freezes_it() -> None:
    """A person lets it go: it need not wait for another slot."""
    assert judge_act(Act.RELEASE, _held(is_due=True)) == Move(to=S.SCHEDULED, freezes=True)


@pytest.mark.parametrize(
    "standing",
    [_held(reason=HeldReason.UNAPPROVED), _held(is_due=True, needs_approval=True)],
)
def test_release_is_no_approval(standing: Standing) -> None:
    """Where a digest asks for approval, release does not stand in for it."""
    answer = judge_act(Act.RELEASE, standing)

    assert isinstance(answer, Refusal)
    assert answer.can == ("approve", "cancel")


def test_release_waits_until_what_may_have_gone_is_decided() -> None:
    """What may have been mailed after a backup is decided first."""
    answer = judge_act(Act.RELEASE, _held(reason=HeldReason.RESTORED, is_opened=True, undecided=3))

    assert isinstance(answer, Refusal)
    assert answer.can == ("resolve", "cancel")
    assert "3 of its mails" in answer.why


@pytest.mark.parametrize(
    ("state", "acts"),
    [
        (S.DRAFT, ("approve", "hold", "cancel")),
        (S.READY, ("hold", "cancel")),
        (S.HELD, ("approve", "release", "cancel")),
        (S.PAUSED, ("resume", "cancel")),
        (S.PARTIAL, ("resolve",)),
        (S.SENT, ()),
    ],
)
def test_possible_acts_are_the_words_of_commands(
    state: EditionState, acts: tuple[str, ...]
) -> None:
    """Each state names the commands that change something."""
    assert possible_acts(Standing(state=state, is_opened=state is S.READY)) == acts
