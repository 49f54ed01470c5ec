"""Reporting: one edition whole, as its page shows it: what it is, what can be done, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.app.correcting import describe_correcting
from publisher.app.looking import read_findings
from publisher.app.measuring import read_pace
from publisher.app.tracing import read_trail
from publisher.editorial.answers import count_waiting
from publisher.editorial.correcting import find_obstacle
from publisher.editorial.hand import possible_acts
from publisher.editorial.progress import group_reasons, tell_pace
from publisher.errors import NotFound, Problem
from publisher.model import DeliveryState, EditionState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app.correcting import Correcting
    from publisher.app.opening import Site
    from publisher.app.surveying import Survey
    from publisher.app.tracing import TrailLine
    from publisher.editorial.hand import Standing
    from publisher.editorial.progress import Reason
    from publisher.model import Edition
    from publisher.store.reach import LetterReach, People

_HISTORY = 100
_UNOPENED = (EditionState.DRAFT, EditionState.SCHEDULED, EditionState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLetter:
    """One letter of an edition: which posts, for how many."""

    number: int
    """Its place in the list, from 1; of an edition that was opened the id of what is kept."""
    titles: tuple[str, ...]
    people: int
    post_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionSheet:
    """One edition, whole."""

    edition: Edition
    title: str
    """The digest's."""
    zone: str
    counts: Mapping[DeliveryState, int]
    reasons: tuple[Reason, ...]
    pace: str
    acts: tuple[str, ...]
    """What staff can do with it now."""
    expected: int
    """How many people it would be for, where it was not opened yet."""
    everybody: int
    """How many it would be for were it no trial's; of one that was opened, how many are listed."""
    letters: tuple[ShownLetter, ...]
    posts: tuple[tuple[str, str], ...]
    """Titles, with the paths of their pages."""
    people: People
    findings: tuple[Problem, ...]
    history: tuple[TrailLine, ...]
    correcting: Correcting | None = None
    """Of a correction: what it says, and whom it is for."""
    corrections: tuple[Edition, ...] = ()
    """Those of this edition."""

    @property
    def is_opened(self) -> bool:
        """Whether it has deliveries."""
        return bool(self.edition.letters)

    @property
    def have(self) -> int:
        """How many have it, or may have it."""
        told = (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN, DeliveryState.INFLIGHT)
        return sum(self.counts[state] for state in told)

    @property
    def can_be_corrected(self) -> bool:
        """Whether those who have it can be told what was wrong."""
        return not find_obstacle(self.edition, self.have)[0]

    @property
    def size(self) -> int:
        """How many people it is for."""
        return self.edition.audience if self.is_opened else self.expected

    @property
    def waiting(self) -> int:
        """How many mails are still to be accepted, but for those on the wire."""
        return count_waiting(self.counts)

    @property
    def not_for(self) -> int:
        """How many people on the list get nothing of it: they have it all, or left it out."""
        return max(self.people.listed - self.size, 0)


def read_edition(site: Site, edition_id: int) -> Edition:
    """Return an edition by its id; raises NotFound."""
    from publisher.store import listing  # noqa: PLC0415

    with site.store.read() as tx:
        found = listing.find_one(tx, edition_id)
    if found is None:
        raise NotFound(
            Problem(
                code="edition.unknown",
                path=str(edition_id),
                expected="an edition that is there",
                got="none by this number",
                hint="A draft goes when its digest or its slot changes.",
            )
        )
    return found


def describe_sheet(survey: Survey, edition: Edition, *, now: datetime) -> EditionSheet:
    """Return everything about one edition, as it is at this moment."""
    from publisher import editing  # noqa: PLC0415
    from publisher.store import editions, hands, ledger  # noqa: PLC0415

    site, (desk, _) = survey.site, survey.open(now)
    digest = desk.digest(edition.digest)
    needs_approval = digest is not None and digest.approval == "required"
    with site.store.read() as tx:
        edition = editions.read_one(tx, edition.id)
        standing = hands.read_standing(tx, edition, needs_approval=needs_approval, now=now)
        counts = ledger.read_counts(tx, edition.id)
        reasons = group_reasons(ledger.read_reasons(tx, edition.id, counts))
        pace = read_pace(tx, edition, counts, now=now)
        chosen = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
        content = editions.read_content(tx, edition.id) if edition.content_sha256 else None
    known = {post.id: (post.title, f"/{post.location}/") for post in desk.catalog.posts}
    if content:
        known |= {post.post_id: (post.title, post.url) for post in content.posts}
    planned, everybody = {}, 0
    people = survey.people(edition.digest, now=now)
    correcting = describe_correcting(site, edition) if edition.is_correction else None
    if not edition.letters and edition.state in _UNOPENED:
        planned = editing.count_reach(desk, edition, now=now)
        if edition.trial and not correcting:
            everybody = sum(editing.count_reach(desk, edition, trial=False, now=now).values())
        if correcting and correcting.reach:
            planned = {(): correcting.reach}
    return EditionSheet(
        edition=edition,
        title=digest.title if digest else edition.digest,
        zone=digest.zone if digest else site.config.site.timezone,
        counts=counts,
        reasons=tuple(reasons),
        pace=tell_pace(pace) if pace else "",
        acts=_acts(standing, edition),
        expected=sum(planned.values()),
        everybody=everybody or people.listed,
        letters=_letters(survey.letters(edition), planned, known),
        posts=tuple(known.get(one, (one, "")) for one in chosen),
        people=people,
        findings=tuple(read_findings(desk, edition)),
        correcting=correcting,
        corrections=tuple(editing.read_corrections(site.store, edition)),
        history=tuple(read_trail(site, limit=_HISTORY, subject=f"edition:{edition.id}")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one edition is."""

    edition: Edition
    counts: Mapping[DeliveryState, int]
    pace: str


def describe_progress(site: Site, edition: Edition, *, now: datetime) -> Progress:
    """Return how far an edition is, and no more: a page that follows it asks every second."""
    from publisher.store import ledger  # noqa: PLC0415

    with site.store.read() as tx:
        counts = ledger.read_counts(tx, edition.id)
        pace = read_pace(tx, edition, counts, now=now)
    return Progress(edition=edition, counts=counts, pace=tell_pace(pace) if pace else "")


def _acts(standing: Standing, edition: Edition) -> tuple[str, ...]:
    acts = possible_acts(standing)
    if edition.is_correction:
        # Approved it has its minute, and before that nothing goes that could be held.
        needless = {EditionState.SCHEDULED: "approve", EditionState.DRAFT: "hold"}
        acts = tuple(act for act in acts if act != needless.get(edition.state))
    if edition.is_alone and edition.state is EditionState.SCHEDULED:
        acts = tuple(act for act in acts if act != "approve")  # a person's press made it
    if standing.undecided and "resolve" not in acts:
        return (*(act for act in acts if act not in {"release", "approve"}), "resolve")
    return acts


def _letters(
    opened: list[LetterReach],
    planned: Mapping[tuple[str, ...], int],
    known: Mapping[str, tuple[str, str]],
) -> tuple[ShownLetter, ...]:
    def titles(post_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(known.get(one, (one, ""))[0] for one in post_ids)

    if opened:
        return tuple(
            ShownLetter(number=one.id, titles=titles(one.post_ids), people=one.people)
            for one in opened
        )
    most_first = sorted(planned.items(), key=lambda pair: -pair[1])
    return tuple(
        ShownLetter(number=turn, titles=titles(post_ids), people=number, post_ids=post_ids)
        for turn, (post_ids, number) in enumerate(most_first, start=1)
    )
