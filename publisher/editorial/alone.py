"""One post mailed alone: which edition it is, who gets it, and who does not and why, in words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.editorial.answers import people
from publisher.editorial.choice import posts_for
from publisher.model import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class People(Protocol):
        """People who are alike in what they chose and have."""

        @property
        def declined(self) -> frozenset[str]:
            """The series they turned off."""

        @property
        def on_course(self) -> frozenset[str]:
            """The series that come to them part by part."""

        @property
        def received(self) -> frozenset[str]:
            """The posts they have."""

        @property
        def people(self) -> int:
            """How many they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """How a digest's readers stand to one post; each is counted once."""

    reach: int = 0
    """Who would get it."""
    have: int = 0
    """Who has it already, by whatever digest or course."""
    declined: int = 0
    """Who turned its series off."""
    on_course: int = 0
    """To whom its series comes part by part."""
    everybody: int = 0
    """Who would get it were the site live; in a trial more than its reach."""


def count_readers(groups: Iterable[People], post_id: str, series: str) -> Readers:
    """Count how people stand to a post, as its edition would be opened for them now."""
    reach = have = declined = on_course = 0
    for group in groups:
        without = group.declined | group.on_course
        if posts_for([(post_id, series)], declined=without, received=group.received):
            reach += group.people
        elif post_id in group.received:
            have += group.people
        elif series in group.declined:
            declined += group.people
        else:
            on_course += group.people
    return Readers(reach=reach, have=have, declined=declined, on_course=on_course, everybody=reach)


def slot_key(post_id: str, turn: int) -> str:
    """Return the natural key of a post's edition: who asks for it at once asks for one edition.

    ``turn``: how many of this post the digest had before.
    """
    return f"{ALONE}{hashlib.sha256(post_id.encode()).hexdigest()[:16]}:{turn}"


def tell_left_out(readers: Readers) -> str:
    """Say who does not get a post and why, a sentence each; "" where everybody does."""
    told = []
    if readers.have:
        told.append(f"{readers.have:,} {_verb(readers.have, 'has', 'have')} it already.")
    if readers.declined:
        told.append(f"{readers.declined:,} turned this series off.")
    if readers.on_course:
        gets = _verb(readers.on_course, "gets", "get")
        told.append(f"{readers.on_course:,} {gets} this series as a course, part by part.")
    return " ".join(told)


def tell_readers(readers: Readers) -> str:
    """Say who would get a post and who not."""
    gets = _verb(readers.reach, "gets", "get")
    first = f"{people(readers.reach)} {gets} it." if readers.reach else "Nobody would get it."
    return f"{first} {tell_left_out(readers)}".rstrip()


def _verb(number: int, one: str, several: str) -> str:
    return one if number == 1 else several
