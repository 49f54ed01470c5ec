"""What staff read on a button, before it and after it: the act, how many, and what did not happen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from publisher.editorial import answers
from publisher.model import ALONE, CORRECTION, Act, DeliveryState, Edition, EditionState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

D = DeliveryState
EDITION = Edition(
    id=1,
    digest="weekly",
    number=12,
    rehearsal=False,
    slot="now:x",
    fire_at=datetime(2026, 11, 24, tzinfo=UTC),
    state=EditionState.SENDING,
    audience=412,
    letters=3,
)
UNOPENED = replace(EDITION, state=EditionState.DRAFT, letters=0, audience=0)
BEGUN = Counter({D.ACCEPTED: 212, D.PENDING: 190, D.DEFERRED: 10})
FRESH = Counter({D.PENDING: 412})
NONE: Mapping[DeliveryState, int] = Counter()


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (Act.HOLD, "Hold 412 emails back"),
        (Act.RELEASE, "Let 412 emails go"),
        (Act.PAUSE, "Pause 412 emails"),
        (Act.RESUME, "Send the other 412 emails"),
        (Act.CANCEL, "Cancel 412 emails"),
    ],
)
def test_a_button_names_act_and_number(act: Act, name: str) -> None:
    """Before an edition is opened the number is who it would go to, afterwards who waits."""
    assert answers.name_button(act, UNOPENED, NONE, expected=412) == name
    assert answers.name_button(act, EDITION, FRESH, expected=9) == name


def test_what_has_begun_is_stopped_and_not_cancelled() -> None:
    """Once somebody has it, the button says how many others will not."""
    assert answers.name_button(Act.CANCEL, EDITION, BEGUN, expected=0) == (
        "Stop 200 emails for good"
    )
    assert answers.name_button(Act.RESUME, EDITION, BEGUN, expected=0) == (
        "Send the other 200 emails"
    )


def test_harm_is_told_before_it_is_done() -> None:
    """Who has it, who will not get it, and that no one was emailed where that is so."""
    told = answers.warn_of(Act.CANCEL, EDITION, BEGUN, expected=0)
    one = answers.warn_of(Act.CANCEL, EDITION, Counter({D.ACCEPTED: 1}), expected=0)

    assert told == (
        "212 people already have it, which cannot be recalled; 200 people will not get it."
    )
    assert one.startswith("1 person already has it")
    assert answers.warn_of(Act.CANCEL, UNOPENED, NONE, expected=412).startswith(
        "412 people will not get it. No one was emailed."
    )
    assert answers.warn_of(Act.CANCEL, EDITION, FRESH, expected=0).startswith("412 people")
    rehearsal = replace(EDITION, rehearsal=True)
    assert "no one is emailed either way" in answers.warn_of(
        Act.CANCEL, rehearsal, BEGUN, expected=0
    )
    assert answers.warn_of(Act.PAUSE, EDITION, BEGUN, expected=0) == ""


@pytest.mark.parametrize("kind", [{"digest": f"{CORRECTION}weekly"}, {"slot": f"{ALONE}7:now"}])
def test_posts_that_went_another_way_are_not_said_to_be_new_again(kind: dict[str, Any]) -> None:
    """A correction, and a post mailed alone, may be of old posts, which no later edition tells."""
    edition = replace(EDITION, **kind)
    rehearsal = replace(edition, rehearsal=True)

    assert answers.warn_of(Act.CANCEL, edition, FRESH, expected=0) == (
        "412 people will not get it. No one was emailed."
    )
    assert answers.warn_of(Act.CANCEL, rehearsal, FRESH, expected=0) == (
        "It is a rehearsal: no one is emailed either way."
    )


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (Act.CANCEL, "Cancelled. 212 of 412 were emailed before; no one else will be."),
        (Act.PAUSE, "Paused. 212 of 412 have it, 200 wait."),
        (Act.RESUME, "Resumed. 212 of 412 have it, 200 wait."),
        (Act.HOLD, "Held. No one was emailed."),
        (Act.RELEASE, "Released."),
    ],
)
def test_an_answer_says_what_was_done(act: Act, told: str) -> None:
    """The same verb as on the button, and the numbers as they are."""
    assert answers.tell_done(act, EDITION, BEGUN, changed=True) == told


def test_an_answer_says_that_nothing_was_done() -> None:
    """Done already, it names the state; cancelled already, who was emailed is told again."""
    held = replace(UNOPENED, state=EditionState.HELD, reason="late")

    assert answers.tell_done(Act.HOLD, held, NONE, changed=False) == (
        "Nothing was changed: weekly/12 is held (late)."
    )
    assert answers.tell_done(Act.PAUSE, EDITION, BEGUN, changed=False) == (
        "Nothing was changed: weekly/12 is sending."
    )
    assert answers.tell_done(Act.CANCEL, EDITION, NONE, changed=False) == (
        "Cancelled already. No one was emailed."
    )
    assert answers.tell_done(Act.RELEASE, UNOPENED, NONE, changed=True) == (
        "Released. It follows its posts until it goes."
    )


def test_who_was_emailed_is_told_to_the_last_mail() -> None:
    """What is on the wire and what is uncertain is said; a rehearsal emailed no one."""
    mixed = Counter({D.ACCEPTED: 1, D.INFLIGHT: 1, D.UNCERTAIN: 2})
    two = Counter({D.INFLIGHT: 2})

    assert answers.tell_emailed(EDITION, mixed) == (
        "1 of 412 was emailed before, 1 is on the wire, 2 may have been; no one else will be."
    )
    assert answers.tell_emailed(EDITION, two).startswith("0 of 412 were emailed before, 2 are;")
    assert answers.tell_emailed(replace(EDITION, rehearsal=True), mixed) == (
        "It was a rehearsal: no one was emailed."
    )
    assert answers.tell_progress(EDITION, Counter({D.ACCEPTED: 1, D.PENDING: 1})) == (
        "1 of 412 has it, 1 waits."
    )
