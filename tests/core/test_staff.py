"""Staff as everybody reads them."""

from __future__ import annotations

from dataclasses import replace

from publisher.model import Staff
from tests.factories import NOON, make_address


def test_staff_are_shown_with_their_credentials() -> None:
    """A name stands alone, or with what its bearer is."""
    ann = Staff(
        id=1,
        address=make_address("ann@example.org"),
        name="Ann Lee",
        credentials="MD",
        made_at=NOON,
    )

    assert ann.shown == "Ann Lee, MD"
    assert replace(ann, credentials="").shown == "Ann Lee"
