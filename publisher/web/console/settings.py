"""Settings: what is configured, from where, with secrets left out; and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app
from publisher.model import Role
from publisher.web.console.asking import Ask, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer


def show(ask: Ask) -> Answer:
    """Show what there is to look after."""
    return Page(name="settings", section="settings", values={"is_admin": ask.may(Role.ADMIN)})


def show_config(ask: Ask) -> Answer:
    """Show every key with its value, where it comes from and what it is for."""
    return Page(
        name="settings-config",
        section="settings",
        values={"rows": app.list_settings(ask.site), "file": ask.site.config.path.name},
    )


def show_health(ask: Ask) -> Answer:
    """Show everything that is wrong, with the fix, as ``check`` does."""
    return Page(
        name="settings-health",
        section="settings",
        values={"problems": app.check_site(ask.site, now=ask.now)},
    )
