"""The command that ends a trial, and begins it again: live."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Command, Frame, current_time, with_frame
from publisher.cli.naming import read_server
from publisher.errors import Problem, Refused

if TYPE_CHECKING:
    from publisher.app import Site, Step, Trial
    from publisher.cli.frame import Group


def register(root: Group) -> None:
    """Add the command to the program."""
    root.add_command(live)


@click.command(cls=Command, dry_run=True)
@click.option("--back", is_flag=True, help="Mail staff alone again.")
@click.option("--dns", is_flag=True, help="Ask DNS too.")
@click.option("--resolver", metavar="ADDRESS", help="Ask this DNS server, as 9.9.9.9.")
@with_frame
def live(
    frame: Frame,
    back: bool,  # noqa: FBT001 - click gives it by name
    dns: bool,  # noqa: FBT001 - as above
    resolver: str | None,
) -> None:
    """Say what is ready to go live, and end the trial: everybody is mailed from then on."""
    from publisher import app, probes  # noqa: PLC0415

    site, now = frame.open(), current_time()
    server = read_server(resolver) if resolver else None
    lookup = probes.make_lookup(server) if dns or server else None
    steps = app.list_steps(site, now=now, lookup=lookup)
    for one in steps if not back else ():
        mark = "✓" if one.is_ready else "✗" if one.is_needed else "!"
        frame.say(f"{mark} {one.name}: {one.says}")
        if not one.is_ready:
            frame.say(f"  {one.hint}")
    if not frame.dry_run:
        _act(frame, site, back=back)
    trial = app.read_trial(site)
    if frame.json:
        frame.give(_shape(trial, steps))
    frame.say(app.tell_trial(trial, now=now) or "There is no trial here: everybody is emailed.")


def _act(frame: Frame, site: Site, *, back: bool) -> None:
    from publisher import app  # noqa: PLC0415

    trial = app.read_trial(site)
    if trial.is_configured and trial.is_on is not back:
        _ask(frame, "Mail staff alone again?" if back else "Mail everybody from now on?")
    act = app.go_back if back else app.go_live
    act(site, by=getpass.getuser(), now=current_time())


def _ask(frame: Frame, question: str) -> None:
    """Ask whoever types, or look for ``--yes``; raises Refused without either."""
    if frame.yes:
        return
    if sys.stdin.isatty() and not frame.json and click.confirm(question, err=True):
        return
    raise Refused(
        Problem(
            code="live.unconfirmed",
            path="live",
            expected="a yes",
            got="none",
            hint="Nothing was changed. To go on: the same with --yes",
        )
    )


def _shape(trial: Trial, steps: list[Step]) -> dict[str, object]:
    return {
        "trial": trial.is_on,
        "live_at": trial.live_at.isoformat() if trial.live_at else None,
        "live_by": trial.live_by,
        "steps": [
            {
                "key": one.key,
                "ready": one.is_ready,
                "needed": one.is_needed,
                "says": one.says,
                "hint": "" if one.is_ready else one.hint,
            }
            for one in steps
        ],
    }
