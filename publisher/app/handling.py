"""Staff's hand on an edition, with what it needs of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.app.looking import find_reader
from publisher.app.opening import open_desk

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from publisher.app.opening import Site
    from publisher.editing import Handled, Resolved
    from publisher.model import Act, Edition


def handle_edition(site: Site, edition: Edition, act: Act, *, by: str, now: datetime) -> Handled:
    """Hold, release, pause, resume or cancel an edition; raises Refused where it cannot be."""
    from publisher import editing  # noqa: PLC0415

    digest = site.config.digests.get(edition.digest)
    return editing.handle(
        site.store,
        edition,
        act,
        by=by,
        now=now,
        needs_approval=digest is not None and digest.approval == "required",
        open_desk=lambda: open_desk(site, now=now)[0],
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
