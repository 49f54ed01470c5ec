"""The table of routes: every page and act of the console, and who may.

A test walks it with each role and signed out: this is the authorisation matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from publisher.app import SEES_PEOPLE
from publisher.model import Role
from publisher.web.console import (
    account,
    alone,
    corrections,
    digests,
    editions,
    entering,
    importing,
    letters,
    live,
    outbox,
    people,
    posts,
    reviews,
    settings,
    staff,
    today,
    trail,
    upkeep,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.web.console.asking import Answer, Ask


class Needs(Enum):
    """Who may ask."""

    NOBODY = "anybody, signed in or not"
    STAFF = "whoever is signed in"
    AUTHOR = "authors"
    REVIEWER = "reviewers"
    TEXT = "authors and reviewers"
    PUBLISHER = "publishers"
    ADMIN = "admins"
    PEOPLE = "publishers and admins: being on the list is sensitive"

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of which one is needed."""
        if self is Needs.PEOPLE:
            return SEES_PEOPLE
        if self is Needs.TEXT:
            return (Role.AUTHOR, Role.REVIEWER)
        return tuple(role for role in Role if role.name == self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address, what answers it, and who may ask."""

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[Ask], Answer]
    needs: Needs
    is_proved: bool = False
    """Whether the person has to have shown lately that it is they."""
    page: str = "/console/"
    """For an act: the page it is on, to which whoever has to show that first is led back."""


def _get(
    path: str, handler: Callable[[Ask], Answer], needs: Needs, *, proved: bool = False
) -> Route:
    return Route(
        method="GET", path=f"/console/{path}", handler=handler, needs=needs, is_proved=proved
    )


def _post(
    path: str,
    handler: Callable[[Ask], Answer],
    needs: Needs,
    *,
    proved: bool = False,
    page: str = "",
) -> Route:
    return Route(
        method="POST",
        path=f"/console/{path}",
        handler=handler,
        needs=needs,
        is_proved=proved,
        page=f"/console/{page}",
    )


_N, _S, _PUB, _ADMIN = Needs.NOBODY, Needs.STAFF, Needs.PUBLISHER, Needs.ADMIN
_AUTHOR, _REVIEWER = Needs.AUTHOR, Needs.REVIEWER
_PEOPLE = Needs.PEOPLE

ROUTES: tuple[Route, ...] = (
    _get("", today.show, _S),
    _post("tour", today.end_tour, _S),
    # ---- coming in and going
    _get("setup/{token}", entering.show_setup, _N),
    _post("setup/{token}", entering.set_up, _N),
    _get("sign-in", entering.show_sign_in, _N),
    _post("sign-in", entering.sign_in, _N),
    _get("sign-in/mail", entering.show_mail, _N),
    _post("sign-in/mail", entering.mail_link, _N),
    _get("link/{token}", entering.show_link, _N),
    _post("link/{token}", entering.use_link, _N),
    _post("sign-out", entering.sign_out, _S),
    _get("prove", entering.show_prove, _S),
    _post("prove", entering.prove, _S),
    # ---- oneself
    _get("account", account.show, _S),
    _get("account/password", account.show_password, _S, proved=True),
    _post("account/password", account.set_password, _S, proved=True, page="account/password"),
    _post("account/revoke", account.revoke, _S),
    _post("account/tour", account.begin_tour, _S),
    # ---- posts, series and reviews
    _get("posts", posts.show_all, _S),
    _get("posts/new", posts.show_new, _AUTHOR),
    _post("posts/new", posts.begin, _AUTHOR),
    _get("posts/edit/{path:path}", posts.show_edit, _AUTHOR),
    _post("posts/edit/{path:path}", posts.save, _AUTHOR),
    _post("posts/keep/{path:path}", posts.keep, _AUTHOR),
    _post("posts/body/{path:path}", posts.show_body, _AUTHOR),
    _get("posts/mail/{path:path}", alone.show, _PUB),
    _post("posts/mail/{path:path}", alone.mail, _PUB),
    _post("posts/paste", posts.take_paste, _AUTHOR),
    _post("posts/picture/{path:path}", posts.add_picture, _AUTHOR),
    _get("posts/proof/{path:path}", posts.show_proof, _S),
    _get("posts/frame/{path:path}", posts.give_frame, _S),
    _get("posts/review/{path:path}", reviews.show, _S),
    _post("posts/ask/{path:path}", reviews.ask_for, _AUTHOR),
    _post("posts/approve/{path:path}", reviews.approve, _REVIEWER),
    _post("posts/changes/{path:path}", reviews.ask_for_changes, _REVIEWER),
    _post("posts/comment/{path:path}", reviews.comment, Needs.TEXT),
    _post("posts/answer/{path:path}", reviews.answer, Needs.TEXT),
    _get("reviews", reviews.show_all, _S),
    _get("series/{series}", posts.show_series, _S),
    _post("series/{series}", posts.move_part, _AUTHOR),
    # ---- digests and editions
    _get("digests", digests.show_all, _S),
    _get("digests/{digest}", digests.show, _S),
    _get("digests/{digest}/calendar.ics", digests.give_calendar, _S),
    _get("digests/{digest}/letter", digests.show_letter, _S),
    _get("digests/{digest}/letter.html", digests.give_letter, _S),
    _post("digests/{digest}/person", digests.check_person, _PUB),
    _post("digests/{digest}/test", digests.send_test, _S),
    _get("digests/{digest}/edit", digests.show_edit, _PUB),
    _post("digests/{digest}/edit", digests.edit, _PUB),
    _get("digests/{digest}/send", digests.show_send, _PUB),
    _post("digests/{digest}/send", digests.schedule, _PUB),
    _get("editions/{edition_id}", editions.show, _S),
    _get("editions/{edition_id}/progress", editions.show_progress, _S),
    _get("editions/{edition_id}/result.csv", editions.give_csv, _S),
    _get("editions/{edition_id}/calendar.ics", editions.give_calendar, _S),
    _get("editions/{edition_id}/correction", corrections.show, _PUB),
    _post("editions/{edition_id}/correction", corrections.write, _PUB),
    _get("editions/{edition_id}/letters/{letter}.html", letters.give, _S),
    _get("editions/{edition_id}/letters/{letter}", letters.show, _S),
    _get("editions/{edition_id}/do/{act}", editions.show_act, _PUB),
    _post("editions/{edition_id}/do/{act}", editions.act, _PUB),
    _get("outbox", outbox.show_all, _PUB),
    _get("outbox/{folder}/{name}", outbox.show, _PUB),
    _get("outbox/{folder}/{name}/letter.html", outbox.give, _PUB),
    # ---- subscribers
    _get("subscribers", people.show_all, _PEOPLE),
    _post("subscribers/search", people.search, _PEOPLE),
    _get("subscribers/add", people.show_add, _PEOPLE),
    _post("subscribers/add", people.add, _PEOPLE),
    _get("subscribers/import", importing.show, _PEOPLE),
    _post("subscribers/import", importing.hold, _PEOPLE),
    _get("subscribers/import/{upload}", importing.show_columns, _PEOPLE),
    _post("subscribers/import/{upload}", importing.take_in, _PEOPLE),
    _post("subscribers/import/{upload}/check", importing.check, _PEOPLE),
    _post("subscribers/import/{upload}/forget", importing.forget, _PEOPLE),
    _get("subscribers/suppressions", people.show_suppressions, _PEOPLE),
    _post("subscribers/suppressions", people.suppress, _PEOPLE),
    _post("subscribers/suppressions/search", people.search_suppressions, _PEOPLE),
    _post("subscribers/suppressions/lift", people.lift, _PEOPLE),
    _get("subscribers/export", people.show_export, _ADMIN, proved=True),
    _post("subscribers/export", people.export, _ADMIN, proved=True, page="subscribers/export"),
    _get("subscribers/{subscriber_id}", people.show, _PEOPLE),
    _post("subscribers/{subscriber_id}/unsubscribe", people.take_off, _PEOPLE),
    _post("subscribers/{subscriber_id}/suppress", people.suppress_one, _PEOPLE),
    _get("subscribers/{subscriber_id}/erase", people.show_erase, _PEOPLE, proved=True),
    _post(
        "subscribers/{subscriber_id}/erase",
        people.erase,
        _PEOPLE,
        proved=True,
        page="subscribers",
    ),
    # ---- how the site is
    _get("doctor", upkeep.show_doctor, _PEOPLE),
    _get("settings/dns", upkeep.show_dns, _PEOPLE),
    _get("settings/values", upkeep.show_values, _ADMIN),
    _get("settings/backups", upkeep.show_backups, _ADMIN),
    _post("settings/backups", upkeep.make_backup, _ADMIN),
    _post(
        "settings/backups/{backup}",
        upkeep.give_backup,
        _ADMIN,
        proved=True,
        page="settings/backups",
    ),
    # ---- going live
    _get("settings/live", live.show, _S),
    _post("settings/live/arrived", live.note_arrival, _S),
    _post("settings/live", live.go, _ADMIN, proved=True, page="settings/live"),
    _post("settings/live/back", live.go_back, _ADMIN, proved=True, page="settings/live"),
    # ---- settings
    _get("settings", settings.show, _S),
    _get("settings/trail", trail.show, _S),
    _get("settings/staff", staff.show_all, _ADMIN),
    _post("settings/staff", staff.add, _ADMIN, proved=True, page="settings/staff"),
    _get("settings/staff/{staff_id}", staff.show_one, _ADMIN, proved=True),
    _post(
        "settings/staff/{staff_id}/roles",
        staff.set_roles,
        _ADMIN,
        proved=True,
        page="settings/staff",
    ),
    _post(
        "settings/staff/{staff_id}/remove",
        staff.remove,
        _ADMIN,
        proved=True,
        page="settings/staff",
    ),
)
