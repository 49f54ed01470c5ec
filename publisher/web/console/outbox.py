"""The outbox: every mail of a site that rehearses, read here; nothing of it left the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from publisher import app
from publisher.errors import NotFound
from publisher.web.console.asking import Ask, Octets, Page, unknown
from publisher.web.console.letters import LETTER_POLICY

if TYPE_CHECKING:
    from publisher.app import ShownMail
    from publisher.web.console.asking import Answer

_NEWEST: Final = 100


def show_all(ask: Ask) -> Answer:
    """Show the newest mails."""
    return Page(
        name="outbox",
        section="digests",
        values={
            "mails": app.list_outbox(ask.site, limit=_NEWEST),
            "most": _NEWEST,
            "rehearses": ask.site.config.mail.transport == "outbox",
        },
    )


def show(ask: Ask) -> Answer:
    """Show one mail."""
    name = _name(ask)
    return Page(
        name="mail",
        section="digests",
        values={"mail": _find(ask), "name": name, "view": ask.query.get("view", "letter")},
    )


def give(ask: Ask) -> Answer:
    """Give its HTML, for the frame that shows it."""
    return Octets(
        data=_find(ask).html.encode(), kind="text/html; charset=utf-8", policy=LETTER_POLICY
    )


def _name(ask: Ask) -> str:
    return f"{ask.parts['folder']}/{ask.parts['name']}"


def _find(ask: Ask) -> ShownMail:
    found = app.read_outbox(ask.site, _name(ask))
    if found is None:
        raise NotFound(unknown("mail", "none by this name"))
    return found
