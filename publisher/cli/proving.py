"""The command about privacy: privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Command, Frame, current_time, with_frame
from publisher.errors import ContentError

if TYPE_CHECKING:
    from publisher.app.proving import Proof
    from publisher.cli.frame import Group


def register(root: Group) -> None:
    """Add the command to the program."""
    root.add_command(privacy)


@click.command(cls=Command)
@with_frame
def privacy(frame: Frame) -> None:
    """Say what is stored of people and how long, and read every page and letter for trackers."""
    from publisher import app  # noqa: PLC0415

    proof = app.prove_privacy(frame.open(), now=current_time())
    if frame.json:
        frame.give(_shape(proof))
    for one in proof.stored:
        rows = f"{one.rows:,} row{'' if one.rows == 1 else 's'}"
        frame.say(f"{one.title} ({one.table}, {rows})", f"  Kept: {one.how_long}")
        frame.say(*(f"  - {what}" for what in dict.fromkeys(one.what)))
    frame.complain(proof.problems)
    found = sum(problem.level == "error" for problem in proof.problems)
    frame.say(
        f"Read {_count(proof.pages, 'page')} and {_count(proof.letters, 'letter')}: "
        + ("nothing tracks." if not found else f"{_count(found, 'thing')} to mend.")
    )
    if found:
        raise click.exceptions.Exit(ContentError.exit_code)


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _shape(proof: Proof) -> dict[str, object]:
    return {
        "stored": [
            {
                "table": one.table,
                "title": one.title,
                "columns": list(one.what),
                "kept": one.how_long,
                "rows": one.rows,
                "overdue": one.overdue,
            }
            for one in proof.stored
        ],
        "pages": proof.pages,
        "letters": proof.letters,
        "problems": [problem.as_json() for problem in proof.problems],
    }
