"""Admitting staff: accounts with the links that open them, and notices to staff on their way out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher import mail, staffing, urls
from publisher.app.opening import make_notices, open_transport
from publisher.app.signing import make_signer
from publisher.editorial.answers import count
from publisher.errors import PublisherError
from publisher.model import Accepted, Envelope
from publisher.notices import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.config import Config
    from publisher.model import Address, Comment, Notice, Outcome, Role, Staff


_MOST_NOTE = 400
_MOST_BEGINNING = 80
_MOST_TOLD = 10

STAFF_FOLDER = "staff"
"""In the outbox: mails to staff, whose links sign in; no page shows them."""


def console_url(config: Config) -> str:
    """Return where the console is reached, without a slash at the end."""
    listen = config.web.console_listen
    if listen is None:
        return config.site.url
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    shown = "127.0.0.1" if host in {"0.0.0.0", "[::]"} else host  # noqa: S104 - told, not listened on
    return f"http://{shown}:{listen.port}"


def link_to(config: Config, path: str) -> str:
    """Return the address of a page of the console, such as ``setup/TOKEN``."""
    return f"{console_url(config)}{urls.CONSOLE}{path}"


def make_setup_link(site: Site, *, now: datetime) -> str | None:
    """Return the address at which the first account is made, once; None where there is one."""
    token = staffing.make_setup_link(site.store, now=now)
    return link_to(site.config, f"setup/{token}") if token else None


def make_sign_in_link(site: Site, who: Staff, *, target: str = "", now: datetime) -> str:
    """Return the address that signs a member of staff in, once."""
    within = staffing.SETUP_WITHIN if not who.has_password else staffing.LINK_WITHIN
    token = staffing.make_link(site.store, who, within=within, target=target, now=now)
    return link_to(site.config, f"link/{token}")


def add_staff(
    site: Site,
    address: str,
    *,
    name: str,
    credentials: str = "",
    roles: Collection[Role],
    by: str,
    now: datetime,
) -> tuple[Staff, str]:
    """Add an account; return it, and the address by which the person comes in and sets a password."""
    who = staffing.add(
        site.store, address, name=name, credentials=credentials, roles=roles, by=by, now=now
    )
    return who, make_sign_in_link(site, who, target=f"{urls.CONSOLE}account/password", now=now)


def mail_sign_in_link(site: Site, address: str, *, now: datetime) -> None:
    """Let a link to sign in be mailed to an address that has an account; nothing tells whether it has.

    It waits among the notices, so that a relay which does not answer loses none.
    """
    staffing.ask_link(site.store, address, now=now)


def mail_review_link(
    site: Site, who: Staff, *, title: str, by: str, target: str, now: datetime
) -> bool:
    """Mail a member of staff a link that signs them in once and leads to a review; say if it went."""
    return _mail_staff(
        site, who, f"{by} asks you for a review", [_one_line(title)], target=target, now=now
    )


def mail_changes(
    site: Site,
    names: Collection[str],
    *,
    title: str,
    by: str,
    note: str,
    comments: Sequence[Comment],
    target: str,
    now: datetime,
) -> list[str]:
    """Mail those of staff with these names that changes are asked for; return who was mailed.

    The mail says how many comments are open and how each begins. Who asks is told nothing.
    """
    wanted = {name.casefold() for name in names} - {by.casefold()}
    details = [
        _one_line(title),
        f"{_begin(note, _MOST_NOTE)}" if note else "",
        f"{count(len(comments), 'comment is', 'comments are')} open:" if comments else "",
        *(_begin(one.text, _MOST_BEGINNING) for one in comments[:_MOST_TOLD]),
        "and more." if len(comments) > _MOST_TOLD else "",
    ]
    return [
        who.name
        for who in staffing.list_staff(site.store)
        if who.name.casefold() in wanted
        and _mail_staff(site, who, f"{by} asks you for changes", details, target=target, now=now)
    ]


def _begin(text: str, most: int) -> str:
    """Return how somebody's words begin, between quotation marks: no line of a mail is made of them."""
    line = _one_line(text)
    return f"\u201c{line if len(line) <= most else line[: most - 1].rstrip() + chr(0x2026)}\u201d"


def _mail_staff(
    site: Site, who: Staff, what: str, details: Iterable[str], *, target: str, now: datetime
) -> bool:
    token = staffing.make_link(
        site.store, who, within=staffing.REVIEW_WITHIN, target=target, now=now
    )
    notice = make_notices(site.config).render(
        Kind.ALERT,
        what=what,
        details=(
            *filter(None, details),
            "The link signs you in once, within 72 hours, and leads to it. A phone will do.",
        ),
        link=link_to(site.config, f"link/{token}"),
    )
    try:
        return isinstance(send_notice(site, who.address, notice, now=now), Accepted)
    except PublisherError:
        return False


def _one_line(text: str) -> str:
    return " ".join(one for one in text.split() if one.isprintable())


def send_notice(site: Site, address: Address, notice: Notice, *, now: datetime) -> Outcome:
    """Hand one notice to the transport; in a rehearsing site it goes to the outbox."""
    rehearsal = site.config.mail.transport == "outbox"
    sender = site.config.mail.from_
    mark = uuid.uuid4().hex
    data = mail.compose_notice(
        notice,
        to=address,
        from_=(sender.name, sender.address),
        message_id=f"<notice.{mark}@{sender.domain}>",
        date=now.astimezone(ZoneInfo(site.config.site.timezone)).replace(microsecond=0),
        signer=make_signer(site.config, site.environ),
    )
    envelope = Envelope(
        sender=sender.address,
        recipient=address.typed,
        name=f"{STAFF_FOLDER}/{now:%Y%m%d%H%M%S}-{mark[:8]}",
    )
    transport = open_transport(site, rehearsal=rehearsal)
    try:
        return transport.send(envelope, data)
    finally:
        transport.close()
