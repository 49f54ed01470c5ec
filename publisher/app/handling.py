"""Staff's hand on an edition, with what it needs of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.app.looking import content_sha256_of, find_reader
from publisher.app.opening import open_desk
from publisher.config import find_digest
from publisher.errors import Problem, Refused

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from publisher.app.opening import Site
    from publisher.editing import Handled, Resolved
    from publisher.model import Act, Edition


def handle_edition(site: Site, edition: Edition, act: Act, *, by: str, now: datetime) -> Handled:
    """Hold, release, pause, resume or cancel an edition; raises Refused where it cannot be."""
    from publisher import editing  # noqa: PLC0415

    digest = find_digest(site.config, edition.digest)
    return editing.handle(
        site.store,
        edition,
        act,
        by=by,
        now=now,
        needs_approval=digest is not None and digest.approval == "required",
        open_desk=lambda: open_desk(site, now=now)[0],
    )


def approve_edition(
    site: Site, edition: Edition, *, seen_sha256: str, by: str, now: datetime
) -> None:
    """Approve an edition as a person saw it; raises Refused where it is another by now.

    ``seen_sha256`` is of the content they looked at.
    """
    from publisher import editing  # noqa: PLC0415

    desk, _ = open_desk(site, now=now)
    if content_sha256_of(editing.current_content(desk, edition)) != seen_sha256:
        raise Refused(_changed(edition))
    problems = editing.approve(desk, edition, by=by, now=now)
    if problems:
        raise Refused(*problems)


def _changed(edition: Edition) -> Problem:
    return Problem(
        code="edition.changed_meanwhile",
        path=edition.name,
        expected="the edition as you saw it",
        got="one that changed since: a post, its order or its words",
        hint="Nothing was approved, and no one was emailed. Look at it again.",
    )


def resolve_edition(
    site: Site,
    edition: Edition,
    as_: Literal["accepted", "resend"],
    *,
    address: str | None,
    by: str,
    now: datetime,
) -> Resolved:
    """Decide an edition's uncertain mails, or the one to an address; raises NotFound, Refused."""
    from publisher import editing  # noqa: PLC0415

    person = find_reader(site, address) if address else None
    return editing.resolve(
        site.store,
        edition,
        as_,
        subscriber_id=person.id if person else None,
        by=by,
        now=now,
    )
