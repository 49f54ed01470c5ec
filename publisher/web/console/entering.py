"""Coming in and going: the first account, signing in by password or mailed link, signing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, staffing
from publisher.errors import Problem, UsageError
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page

if TYPE_CHECKING:
    from publisher.web.console.asking import Answer

_MANY = Problem(
    code="sign-in.many",
    path="password",
    expected="a few tries at most",
    got="many in a short time",
    hint="Wait a quarter of an hour, or have a link mailed to you.",
)
_WRONG = Problem(
    code="sign-in.wrong",
    path="password",
    expected="an address and its password",
    got="two that do not belong together",
    hint="Try again, or have a link mailed to you.",
)


# ----------------------------------------------------------------------------- the first account


def show_setup(ask: Ask) -> Answer:
    """Show the form that makes the first account, to whoever has its link."""
    found = staffing.look_at_link(ask.site.store, ask.parts["token"], now=ask.now)
    if found is None or found[0] is not None or staffing.has_staff(ask.site.store):
        return _no_link(ask)
    return Page(name="setup", values=_typed(ask))


def set_up(ask: Ask) -> Answer:
    """Make the first account, and sign its person in."""
    try:
        token = staffing.make_first(
            ask.site.store,
            ask.parts["token"],
            ask.text("address"),
            name=ask.text("name"),
            password=ask.raw("password"),
            agent=ask.agent,
            now=ask.now,
        )
    except UsageError as error:
        return Page(name="setup", values=_typed(ask), problems=error.problems, status=422)
    return Moved(to=ROOT, cookie=token) if token else _no_link(ask)


def _typed(ask: Ask) -> dict[str, object]:
    return {
        "action": ask.path,
        "name": ask.text("name"),
        "address": ask.text("address"),
    }


# -------------------------------------------------------------------------------- by a password


def show_sign_in(ask: Ask) -> Answer:
    """Show the form; whoever is signed in already goes on to where they wanted."""
    if ask.signed_in:
        return Moved(to=ask.query.get("next", ROOT))
    return Page(name="sign-in", values=_sign_in_values(ask, ask.query.get("next", "")))


def sign_in(ask: Ask) -> Answer:
    """Sign in by password; an earlier session of this browser ends."""
    address, target = ask.text("address"), ask.text("next")
    if not ask.doors.are_open(address, ask.client, now=ask.now):
        return _refuse_sign_in(ask, _MANY, status=429)
    entrance = staffing.sign_in(
        ask.site.store, address, ask.raw("password"), agent=ask.agent, now=ask.now
    )
    if entrance is None:
        return _refuse_sign_in(ask, _WRONG, status=422)
    ask.doors.welcome(address)
    if ask.signed_in:
        staffing.sign_out(ask.site.store, ask.signed_in)
    return Moved(to=target or ROOT, cookie=entrance.token)


def _refuse_sign_in(ask: Ask, problem: Problem, *, status: int) -> Page:
    return Page(
        name="sign-in",
        values=_sign_in_values(ask, ask.text("next")),
        problems=[problem],
        status=status,
    )


def _sign_in_values(ask: Ask, target: str) -> dict[str, object]:
    return {
        "address": ask.text("address"),
        "next": target,
        "has_staff": staffing.has_staff(ask.site.store),
    }


# ------------------------------------------------------------------------------------- by a link


def show_mail(_ask: Ask) -> Answer:
    """Show the form that asks for a link."""
    return Page(name="sign-in-mail", values={"address": "", "was_asked": False})


def mail_link(ask: Ask) -> Answer:
    """Mail a link where the address has an account; the answer is the same where it has none."""
    address = ask.text("address")
    if ask.doors.are_open(f"link {address}", ask.client, now=ask.now):
        app.mail_sign_in_link(ask.site, address, now=ask.now)
    is_rehearsing = ask.site.config.mail.transport == "outbox"
    return Page(
        name="sign-in-mail",
        values={"address": address, "was_asked": True, "is_rehearsing": is_rehearsing},
    )


def show_link(ask: Ask) -> Answer:
    """Show the button of a link: whoever only looks, a mail scanner for one, signs nobody in."""
    found = staffing.look_at_link(ask.site.store, ask.parts["token"], now=ask.now)
    if found is None or found[0] is None:
        return _no_link(ask)
    return Page(name="sign-in-link", values={"action": ask.path, "name": found[0].name})


def use_link(ask: Ask) -> Answer:
    """Sign in by a link, which works no more then."""
    entrance = staffing.open_by_link(
        ask.site.store, ask.parts["token"], agent=ask.agent, now=ask.now
    )
    if entrance is None:
        return _no_link(ask)
    if ask.signed_in:
        staffing.sign_out(ask.site.store, ask.signed_in)
    return Moved(to=entrance.target or ROOT, cookie=entrance.token)


def _no_link(ask: Ask) -> Page:
    sentence = "It was used, or is out of date. Nothing was changed."
    hint = (
        "Have a new one mailed to you on the page where you sign in."
        if staffing.has_staff(ask.site.store)
        else "The service prints a new one when it starts; so does: publisher staff add ADDRESS"
    )
    return Page(
        name="message",
        values={"title": "This link works no more", "sentence": f"{sentence} {hint}"},
        status=404,
    )


# -------------------------------------------------------------------------- going, and proving


def sign_out(ask: Ask) -> Answer:
    """End this session; its cookie opens nothing any more."""
    staffing.sign_out(ask.site.store, ask.session)
    return Moved(to=f"{ROOT}sign-in", cookie="")


def show_prove(ask: Ask) -> Answer:
    """Ask for the password once more, before what would hurt in other hands."""
    return Page(
        name="prove",
        values={"next": ask.query.get("next", ""), "has_password": ask.staff.has_password},
    )


def prove(ask: Ask) -> Answer:
    """Take the password as proof for a while."""
    account, target = ask.staff.address.key, ask.text("next")
    values = {"next": target, "has_password": ask.staff.has_password}
    if not ask.doors.are_open(account, ask.client, now=ask.now):
        return Page(name="prove", values=values, problems=[_MANY], status=429)
    if not staffing.prove(ask.site.store, ask.session, ask.raw("password"), now=ask.now):
        return Page(name="prove", values=values, problems=[_WRONG], status=422)
    ask.doors.welcome(account)
    return Moved(to=target or ROOT)
