"""Commands about staff: add ls passwd rm."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Frame, Group, current_time, with_frame
from publisher.model import Role

if TYPE_CHECKING:
    from publisher.model import Staff


def register(root: Group) -> None:
    """Add the commands to the program."""
    root.add_command(staff)


@click.group(cls=Group)
def staff() -> None:
    """People who may sign in to the console."""


def _shape(who: Staff) -> dict[str, object]:
    return {
        "email": who.address.typed,
        "name": who.name,
        "credentials": who.credentials,
        "roles": [str(role) for role in Role if role in who.roles],
        "password": who.has_password,
        "made_at": who.made_at.isoformat(),
    }


@staff.command("ls")
@with_frame
def list_staff(frame: Frame) -> None:
    """List who may sign in, and what each may do."""
    from publisher import staffing  # noqa: PLC0415

    site = frame.open()
    people = staffing.list_staff(site.store)
    if frame.json:
        frame.give([_shape(one) for one in people])
    for one in people:
        roles = ", ".join(role for role in Role if role in one.roles) or "may look only"
        waiting = "" if one.has_password else "  (has not come in yet)"
        frame.say(f"{one.address.typed}  {one.shown}: {roles}{waiting}")
    if not people:
        frame.say("Nobody yet. Add somebody: publisher staff add ADDRESS --name NAME")


@staff.command("add")
@click.argument("address")
@click.option("--name", default="", metavar="NAME", help="As it stands beside what they approve.")
@click.option("--credentials", default="", metavar="TEXT", help="Such as MD.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([str(role) for role in Role]),
    help="What they may do, once for each role; without one, everything.",
)
@with_frame
def add_staff(
    frame: Frame, address: str, name: str, credentials: str, roles: tuple[str, ...]
) -> None:
    """Add an account; print the link by which its person comes in, once, within a day."""
    from publisher import app  # noqa: PLC0415

    site = frame.open()
    who, link = app.add_staff(
        site,
        address,
        name=name or address.partition("@")[0].replace(".", " ").title(),
        credentials=credentials,
        roles=[Role(one) for one in roles] or list(Role),
        by=getpass.getuser(),
        now=current_time(),
    )
    if frame.json:
        frame.give({**_shape(who), "link": link})
    frame.say(
        f"Added {who.shown}. The link works once, within a day, while the service runs:",
        f"  {link}",
    )


@staff.command("passwd")
@click.argument("address")
@with_frame
def set_password(frame: Frame, address: str) -> None:
    """Set somebody's password, typed or from stdin; they are signed out everywhere."""
    from publisher import staffing  # noqa: PLC0415

    site = frame.open()
    who = staffing.find(site.store, address)
    if sys.stdin.isatty():
        password = click.prompt(
            f"New password of {who.name}", hide_input=True, confirmation_prompt=True, err=True
        )
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    staffing.set_password(
        site.store, who, password, by=getpass.getuser(), keep_session=None, now=current_time()
    )
    if frame.json:
        frame.give({"email": who.address.typed, "changed": True})
    frame.say(f"The password of {who.name} is set; every browser of theirs is signed out.")


@staff.command("rm")
@click.argument("address")
@with_frame
def remove_staff(frame: Frame, address: str) -> None:
    """Remove an account; what its person approved and did stays in the trail."""
    from publisher import staffing  # noqa: PLC0415

    site = frame.open()
    who = staffing.find(site.store, address)
    staffing.remove(site.store, who, by=getpass.getuser(), now=current_time())
    if frame.json:
        frame.give({"email": who.address.typed, "removed": True})
    frame.say(f"Removed {who.name}, who is signed out everywhere.")
