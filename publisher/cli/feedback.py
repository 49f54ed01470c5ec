"""Commands about what comes back: feedback suppressions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli import telling
from publisher.cli.frame import Command, Frame, Group, current_time, with_frame

if TYPE_CHECKING:
    from publisher.feedback import Intake

_KINDS = {
    "bounce": "bounces",
    "delay": "delays",
    "arrival": "arrivals",
    "complaint": "complaints",
    "unsubscribe": "unsubscribes",
    "auto_reply": "automatic replies",
    "other": "other mails",
    "unreadable": "unreadable",
}


def register(root: Group) -> None:
    """Add the commands to the program."""
    for command in (feedback, suppressions):
        root.add_command(command)


@click.command(cls=Command, dry_run=True)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--maildir", type=click.Path(path_type=Path), metavar="DIR", help="Take in this Maildir."
)
@click.option("--imap", "use_imap", is_flag=True, help="Take in the mailbox of feedback.imap.")
@with_frame
def feedback(
    frame: Frame, *, files: tuple[Path, ...], maildir: Path | None, use_imap: bool
) -> None:
    """Take in bounces, complaints and mails to unsubscribe; - reads one from standard input."""
    from publisher import app  # noqa: PLC0415

    site = frame.open()
    sources = app.open_inbox(site, maildir=maildir, use_imap=use_imap, files=files)
    done = app.take_in_feedback(site, sources, now=current_time(), dry_run=frame.dry_run)
    if frame.json:
        frame.give(_shape(done))
    frame.say(*_tell(done))
    frame.complain(done.problems)
    raise click.exceptions.Exit(done.exit_code)


def _tell(done: Intake) -> list[str]:
    """Return how many came of each kind, then what was made of them and why."""
    if not done.told:
        return ["No mail came in."]
    counted = done.count()
    lines = [f"{telling.count(len(done.told), 'mail')} came in."]
    for kind, name in _KINDS.items():
        rows = [(made, n) for made, n in counted.items() if made[0] == kind]
        if rows:
            lines.append(f"{name}: {sum(n for _, n in rows):,}")
        lines += [f"  {n:,} {taken}: {reason}" for (_, taken, reason), n in sorted(rows)]
    return lines


def _shape(done: Intake) -> dict[str, object]:
    return {
        "counts": [
            {"kind": kind, "taken": taken, "reason": reason, "count": n}
            for (kind, taken, reason), n in sorted(done.count().items())
        ],
        "reports": [
            {
                "where": one.where,
                "kind": one.kind,
                "taken": one.taken,
                "reason": one.reason,
                "edition": one.edition or None,
                "status": one.status or None,
                "sha256": one.sha256,
            }
            for one in done.told
        ],
        "problems": [problem.as_json() for problem in done.problems],
    }


@click.group(cls=Group)
def suppressions() -> None:
    """Addresses that are never mailed."""


@suppressions.command("ls")
@with_frame
def list_suppressions(frame: Frame) -> None:
    """List them, the newest first, with the reason and what proves it."""
    from publisher import subscribing  # noqa: PLC0415

    found = subscribing.list_suppressions(frame.open().store)
    if frame.json:
        frame.give(
            [
                {
                    "hash": one.address_hash,
                    "email": one.address or None,
                    "reason": one.reason,
                    "since": one.suppressed_at.isoformat(),
                    "evidence": one.evidence,
                }
                for one in found
            ]
        )
    for one in found:
        who = one.address or one.address_hash[:12]
        frame.say(
            f"{who}  {one.reason}  since {one.suppressed_at:%Y-%m-%d}  {one.evidence}".rstrip()
        )
    if not found:
        frame.say("Nobody.")


@suppressions.command("add")
@click.argument("address")
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever looks later.")
@with_frame
def add_suppression(frame: Frame, address: str, reason: str) -> None:
    """Mail an address no more, whether it is on the list or not."""
    from publisher import subscribing  # noqa: PLC0415

    is_new = subscribing.suppress_address(
        frame.open().store, address, evidence=reason, now=current_time()
    )
    if frame.json:
        frame.give({"email": subscribing.read_address(address).typed, "added": is_new})
    frame.say("Not mailed any more." if is_new else "Suppressed already; nothing was changed.")


@suppressions.command("rm")
@click.argument("address")
@with_frame
def remove_suppression(frame: Frame, address: str) -> None:
    """Take one back, by address or hash; not of a person who left."""
    from publisher import subscribing  # noqa: PLC0415

    hashed = subscribing.release_address(frame.open().store, address, now=current_time())
    if frame.json:
        frame.give({"hash": hashed, "removed": True})
    frame.say("May be mailed again.")
