"""Which editions can be corrected, and which approval a small one rests on: decided, not looked up."""

from __future__ import annotations

import pytest

from publisher.editorial.correcting import find_obstacle
from publisher.editorial.reviewing import find_whole
from publisher.model import Approval, EditionState
from tests.factories import NOON, make_edition


@pytest.mark.parametrize(
    ("state", "have", "got"),
    [
        (EditionState.SENT, 3, ""),
        (EditionState.SENT, 0, "one that nobody has"),
        (EditionState.SENDING, 3, "one that is sending"),
    ],
)
def test_an_edition_is_corrected_once_somebody_has_it(
    state: EditionState, have: int, got: str
) -> None:
    """Not while it is sent, and not for nobody; the answer says which."""
    assert find_obstacle(make_edition(state=state), have)[1] == got


def test_approvals_that_rest_on_each_other_are_no_approval_of_a_whole() -> None:
    """A chain leads to the whole text it rests on; one that goes round leads nowhere."""

    def approval(source: str, since: str = "") -> Approval:
        return Approval(source_sha256=source, reviewer="Bo", approved_at=NOON, changes_since=since)

    whole = approval("a")

    assert find_whole([whole, approval("b", "a"), approval("c", "b")]) == whole
    assert find_whole([approval("b", "c"), approval("c", "b")]) is None
    assert find_whole([]) is None
