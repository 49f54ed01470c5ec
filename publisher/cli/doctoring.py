"""The command that says what is wrong with this set-up: doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Command, Frame, current_time, with_frame
from publisher.cli.naming import read_server
from publisher.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.app import Sign
    from publisher.cli.frame import Group

_MARKS = {"good": "✓", "warning": "!", "unknown": "?", "bad": "✗"}


def register(root: Group) -> None:
    """Add the command to the program."""
    root.add_command(doctor)


@click.command(cls=Command)
@click.option("--dns", is_flag=True, help="Ask DNS too; a live site is always asked.")
@click.option(
    "--resolver",
    metavar="ADDRESS",
    help="Ask this DNS server, as 9.9.9.9 or 127.0.0.1:5353; this machine's own if absent.",
)
@with_frame
def doctor(frame: Frame, dns: bool, resolver: str | None) -> None:  # noqa: FBT001 - click gives it by name
    """Say what is wrong with this set-up, and what mends it; nothing is changed."""
    from publisher import app, probes  # noqa: PLC0415

    site = frame.open()
    server = read_server(resolver) if resolver else None
    is_asked = dns or server or site.config.live
    lookup = probes.make_lookup(server) if is_asked else None
    signs = app.examine(site, now=current_time(), lookup=lookup)
    if frame.json:
        frame.give(
            {
                "signs": [
                    {
                        "name": one.name,
                        "health": str(one.health),
                        "says": one.says,
                        "hint": one.hint,
                    }
                    for one in signs
                ]
            }
        )
    for one in signs:
        frame.say(f"{_MARKS[one.health]} {one.name}: {one.says}")
        if one.hint:
            frame.say(f"  {one.hint}")
    raise click.exceptions.Exit(_exit_code(signs))


def _exit_code(signs: Sequence[Sign]) -> int:
    found = {str(one.health) for one in signs}
    if "bad" in found:
        return Refused.exit_code
    return Unavailable.exit_code if "unknown" in found else 0
