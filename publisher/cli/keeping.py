"""Commands that keep a site: backup restore upgrade move export."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli import telling
from publisher.cli.frame import Command, Frame, Group, current_time, with_frame
from publisher.errors import Problem, UsageError

if TYPE_CHECKING:
    from publisher.model import Edition


def register(root: Group) -> None:
    """Add the commands to the program."""
    for command in (backup, restore, upgrade, move, export):
        root.add_command(command)


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@with_frame
def backup(frame: Frame, file: Path) -> None:
    """Copy the database into one file, also while the service runs, and check the copy."""
    from publisher import app, operating  # noqa: PLC0415
    from publisher.site import private_umask  # noqa: PLC0415

    private_umask()
    store = app.name_store(Path(frame.config), os.environ)
    counts = operating.backup(store, file, replace=frame.yes)
    size = file.stat().st_size
    if frame.json:
        frame.give({"file": str(file), "octets": size, "rows": counts})
    rows = f"{sum(counts.values()):,} rows, read back and checked"
    frame.say(
        f"Written {telling.near(file.absolute())}: {size:,} octets, {rows}.",
        "It holds addresses: keep it where only you can read it. Keep config.toml and posts/ too.",
    )


@click.command(cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--adopt", is_flag=True, help="Let this database send from now on.")
@click.option("--by", default="", metavar="NAME", help="Who does it; your login name if absent.")
@with_frame
def restore(
    frame: Frame,
    file: Path | None,
    adopt: bool,  # noqa: FBT001 - click gives it by name
    by: str,
) -> None:
    """Put a backup in the database's place; nothing is sent until it is adopted."""
    from publisher import app  # noqa: PLC0415
    from publisher.site import private_umask  # noqa: PLC0415

    if file is None and not adopt:
        raise UsageError(_neither())
    private_umask()
    who, now, config = by or getpass.getuser(), current_time(), Path(frame.config)
    shape: dict[str, object] = {}
    held: list[Edition] = []
    if file is not None:
        done = app.restore_site(config, os.environ, file, by=who, now=now)
        shape |= {
            "file": str(file),
            "rows": dict(done.counts),
            "aside": str(done.aside) if done.aside else None,
            "left": done.left,
        }
        frame.say(*telling.tell_restored(done, str(file)))
        held = done.held
    if adopt:
        held_now = app.adopt_site(frame.open(), by=who, now=now)
        shape["adopted"] = held_now is not None
        held = held_now or []
        frame.say(*telling.tell_adopted(held_now))
    elif file is not None:
        frame.say(
            "Nothing is sent yet. When this is the one that sends: publisher restore --adopt"
        )
    if frame.json:
        frame.give({**shape, "held": [_held_shape(one) for one in held]})


def _held_shape(edition: Edition) -> dict[str, object]:
    return {
        "edition": edition.name,
        "slot": edition.slot,
        "state": str(edition.state),
        "reason": edition.reason,
        "audience": edition.audience,
    }


def _neither() -> Problem:
    return Problem(
        code="usage",
        path="publisher restore",
        expected="the file of a backup, or --adopt",
        got="neither",
        hint="publisher restore FILE, then publisher restore --adopt",
    )


@click.command(cls=Command)
@with_frame
def upgrade(frame: Frame) -> None:
    """Bring the database to this release's schema; a copy is made before."""
    from publisher import app  # noqa: PLC0415
    from publisher.site import private_umask  # noqa: PLC0415

    private_umask()
    before, after, aside = app.upgrade_site(Path(frame.config), os.environ, now=current_time())
    if frame.json:
        frame.give({"before": before, "schema": after, "aside": str(aside) if aside else None})
    if before == after:
        frame.say(f"The database is at schema {after} already; nothing was changed.")
    else:
        kept = f" The one before is kept at {telling.near(aside)}." if aside else ""
        frame.say(f"The database is at schema {after} now.{kept}")


@click.command(cls=Command)
@click.option(
    "--to", required=True, metavar="URL", help="postgresql+psycopg://…, or sqlite for the file."
)
@click.option("--by", default="", metavar="NAME", help="Who does it; your login name if absent.")
@with_frame
def move(frame: Frame, to: str, by: str) -> None:
    """Carry the database to another server or back, and check every row; the old one is kept."""
    from publisher import app  # noqa: PLC0415
    from publisher.site import private_umask  # noqa: PLC0415

    private_umask()
    who, now = by or getpass.getuser(), current_time()
    done = app.move_site(Path(frame.config), os.environ, to, by=who, now=now)
    if frame.json:
        frame.give({"to": done.where, "rows": dict(done.counts)})
    frame.say(*telling.tell_moved(done))


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@with_frame
def export(frame: Frame, directory: Path) -> None:
    """Write everything as Markdown, CSV and JSON: nothing is kept from you but keys."""
    from publisher import app  # noqa: PLC0415

    written = app.export_site(frame.open(), directory)
    if frame.json:
        frame.give({"directory": str(directory), "written": written})
    frame.say(
        f"Written {telling.near(directory.absolute())}: {telling.count(written['posts'], 'post')}, "
        f"{telling.people(written['subscribers'])}, {telling.count(len(written) - 1, 'table')}.",
        "It holds addresses: keep it where only you can read it.",
    )
