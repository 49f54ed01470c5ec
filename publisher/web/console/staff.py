"""Staff: accounts, what each may do, and the links by which they come in first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, staffing
from publisher.errors import NotFound, Refused, UsageError
from publisher.model import Role
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.model import Staff
    from publisher.web.console.asking import Answer

_WORDS = {
    Role.AUTHOR: "writes posts",
    Role.REVIEWER: "approves posts",
    Role.PUBLISHER: "schedules and sends editions, looks after subscribers",
    Role.ADMIN: "looks after staff and settings, exports",
}


def show_all(ask: Ask) -> Answer:
    """Show every account, and the form that adds one."""
    return _all(ask)


def _all(ask: Ask, problems: Sequence[Problem] = (), status: int = 200) -> Page:
    chosen = _chosen(ask)
    return Page(
        name="staff",
        section="settings",
        values={
            "people_of_staff": staffing.list_staff(ask.site.store),
            "roles": [(role, _WORDS[role], role in chosen) for role in Role],
            "typed": {key: ask.text(key) for key in ("address", "name", "credentials")},
        },
        problems=problems,
        status=status,
    )


def add(ask: Ask) -> Answer:
    """Add an account; show the link by which its person comes in, once."""
    try:
        who, link = app.add_staff(
            ask.site,
            ask.text("address"),
            name=ask.text("name"),
            credentials=ask.text("credentials"),
            roles=_chosen(ask),
            by=ask.by,
            now=ask.now,
        )
    except (UsageError, Refused) as error:
        return _all(ask, error.problems, status=422)
    return _one(who, link=link)


def show_one(ask: Ask) -> Answer:
    """Show one account."""
    return _one(_find(ask))


def _one(who: Staff, *, link: str = "", problems: Sequence[Problem] = ()) -> Page:
    return Page(
        name="staff-one",
        section="settings",
        values={
            "who": who,
            "link": link,
            "roles": [(role, _WORDS[role], role in who.roles) for role in Role],
        },
        problems=problems,
        status=409 if problems else 200,
    )


def set_roles(ask: Ask) -> Answer:
    """Say anew what somebody may do."""
    who = _find(ask)
    try:
        staffing.set_roles(ask.site.store, who, _chosen(ask), by=ask.by, now=ask.now)
    except Refused as error:
        return _one(who, problems=error.problems)
    return Moved(to=f"{ROOT}settings/staff", said=f"The roles of {who.name} are changed.")


def remove(ask: Ask) -> Answer:
    """Remove an account and sign it out everywhere."""
    who = _find(ask)
    try:
        staffing.remove(ask.site.store, who, by=ask.by, now=ask.now)
    except Refused as error:
        return _one(who, problems=error.problems)
    said = f"{who.name} is removed and signed out. What they approved and did stays in the trail."
    return Moved(to=f"{ROOT}settings/staff", said=said)


def _chosen(ask: Ask) -> frozenset[Role]:
    return frozenset(role for role in Role if role in ask.form.get("role", ()))


def _find(ask: Ask) -> Staff:
    wanted = ask.parts["staff_id"]
    found = [one for one in staffing.list_staff(ask.site.store) if str(one.id) == wanted]
    if not found:
        raise NotFound(unknown("account", wanted))
    return found[0]
