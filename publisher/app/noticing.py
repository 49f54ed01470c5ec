"""Notices on their way out: through the relay, or into the outbox of a site that rehearses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.app.admitting import link_to
from publisher.app.opening import Site, make_notices, open_transport
from publisher.app.signing import make_signer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.subscribing import Mailed


def send_notices(
    site: Site,
    *,
    clock: Callable[[], datetime],
    is_stopping: Callable[[], bool] = lambda: False,
) -> Mailed:
    """Mail every notice that is due. Raises Refused where the database is a copy that sends nothing."""
    from publisher import subscribing  # noqa: PLC0415
    from publisher.operating import adopt_epoch  # noqa: PLC0415

    if not subscribing.has_due_notices(site.config, site.store, now=clock()):
        return subscribing.Mailed()  # most rounds: nothing is loaded for it
    adopt_epoch(site.store, site.config.paths.state, is_new=False)
    rehearsal = site.config.mail.transport == "outbox"
    return subscribing.send_notices(
        subscribing.Post(
            config=site.config,
            store=site.store,
            notices=make_notices(site.config),
            open_transport=lambda: open_transport(site, rehearsal=rehearsal),
            signer=make_signer(site.config, site.environ),
            clock=clock,
            sign_in_link=lambda staff_id: _make_link(site, staff_id, now=clock()),
            is_stopping=is_stopping,
        )
    )


def _make_link(site: Site, staff_id: int, *, now: datetime) -> str | None:
    """Return the address in a mail that signs staff in: it is made as the mail is, and kept nowhere."""
    from publisher import staffing  # noqa: PLC0415

    token = staffing.make_asked_link(site.store, staff_id, now=now)
    return link_to(site.config, f"link/{token}") if token else None
