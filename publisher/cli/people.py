"""Commands about people and access: subscribers keys config."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli.coursing import course
from publisher.cli.frame import Frame, Group, current_time, with_frame
from publisher.errors import ContentError, NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.app import Site


def register(root: Group) -> None:
    """Add the commands to the program."""
    for group in (subscribers, keys, config):
        root.add_command(group)
    subscribers.add_command(course)


@click.group(cls=Group)
def subscribers() -> None:
    """People who asked for letters."""


@subscribers.command("ls")
@with_frame
def list_subscribers(frame: Frame) -> None:
    """List everyone on the list."""
    from publisher import subscribing  # noqa: PLC0415

    site = frame.open()
    people = subscribing.list_people(site.store)
    if frame.json:
        frame.give(
            [
                {
                    "id": one.id,
                    "email": one.address.typed,
                    "state": str(one.state),
                    "subscribed_at": one.subscribed_at.isoformat(),
                    "confirmed_at": one.confirmed_at.isoformat() if one.confirmed_at else None,
                    "source": one.source,
                    "digests": list(one.digests),
                    "series": list(one.series),
                    "discreet": one.discreet,
                }
                for one in people
            ]
        )
    for one in people:
        frame.say(f"{one.address.typed}  {one.state}  since {one.subscribed_at:%Y-%m-%d}")
    if not people:
        frame.say("Nobody yet.")


@subscribers.command("add")
@click.argument("address")
@click.option("--consent", default="", metavar="TEXT", help="How this person agreed.")
@click.option("--confirm", is_flag=True, help="Mail a confirmation; on the list once they press.")
@with_frame
def add_subscriber(
    frame: Frame,
    address: str,
    consent: str,
    confirm: bool,  # noqa: FBT001 - click gives it by name
) -> None:
    """Add a person who agreed; active at once, the consent recorded."""
    from publisher import subscribing  # noqa: PLC0415

    site = frame.open()
    if confirm:
        wording = consent or subscribing.say_wording(site.config.site.name)
        subscribing.invite(
            site.store, address, wording=wording, source="staff", now=current_time()
        )
        if frame.json:
            frame.give({"email": subscribing.read_address(address).typed, "invited": True})
        frame.say(
            "Asked. The mail with the link goes out with publisher run or publisher publish, one"
            " a day to an address at most."
        )
        return
    wording = consent or "added by staff on the command line"
    is_new = subscribing.add(
        site.store, address, consent=wording, source="staff", now=current_time()
    )
    if frame.json:
        frame.give({"email": subscribing.read_address(address).typed, "added": is_new})
    frame.say("Added." if is_new else "Already on the list; nothing was changed.")


@subscribers.command("import", dry_run=True)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--consent", default="", metavar="TEXT", help="How the people agreed.")
@with_frame
def import_subscribers(frame: Frame, sources: tuple[Path, ...], consent: str) -> None:
    """Take in lists as CSV; people who left become suppressions."""
    site, problems = frame.open(), list[Problem]()
    lists = []
    for source in sources:
        try:
            lists.append((str(source), source.read_bytes()))
        except OSError as error:
            raise NotFound(
                Problem(
                    code="import.source",
                    path=str(source),
                    expected="a file that can be read",
                    got=error.strerror or str(error),
                    hint="Nothing was taken in.",
                )
            ) from error
    taken = take_lists(frame, site, lists, consent, problems, current_time())
    if frame.json:
        frame.give({"subscribers": taken, "problems": [problem.as_json() for problem in problems]})
    frame.complain(problems)
    if any(problem.level == "error" for problem in problems):
        raise click.exceptions.Exit(ContentError.exit_code)


def take_lists(
    frame: Frame,
    site: Site,
    lists: Sequence[tuple[str, bytes]],
    consent: str,
    problems: list[Problem],
    now: datetime,
) -> list[dict[str, object]]:
    """Take in lists and say what came; the problems are added to ``problems``."""
    from publisher import subscribing  # noqa: PLC0415

    taken: list[dict[str, object]] = []
    for name, data in lists:
        try:
            done = subscribing.import_list(
                site.store, data, name, consent=consent, dry_run=frame.dry_run, now=now
            )
        except ContentError as error:
            problems += error.problems
            continue
        problems += done.problems
        refused = sum(problem.level == "error" for problem in done.problems)
        frame.say(
            f"{name}: {done.added:,} added, {done.known:,} known, "
            f"{done.suppressed:,} do-not-mail, {refused:,} refused",
            *(f"  {note}" for note in done.notes),
        )
        taken.append(
            {
                "source": name,
                "added": done.added,
                "known": done.known,
                "suppressed": done.suppressed,
                "refused": refused,
                "notes": done.notes,
            }
        )
    return taken


@subscribers.command("export")
@click.option("--proof", is_flag=True, help="Every consent instead: its words, where and when.")
@with_frame
def export_subscribers(frame: Frame, proof: bool) -> None:  # noqa: FBT001 - as above
    """Print everyone as CSV, in the form that import reads."""
    from publisher import subscribing  # noqa: PLC0415

    site = frame.open()
    export = subscribing.export_proofs if proof else subscribing.export_list
    sys.stdout.write(export(site.store))


@subscribers.command("show")
@click.argument("address")
@with_frame
def show_subscriber(frame: Frame, address: str) -> None:
    """Print everything that is kept about a person, as JSON."""
    from publisher import subscribing  # noqa: PLC0415

    site = frame.open()
    sys.stdout.write(subscribing.show_person(site.store, address))


@subscribers.command("erase")
@click.argument("address")
@with_frame
def erase_subscriber(frame: Frame, address: str) -> None:
    """Erase a person at their word; a keyed hash stays, so that nobody mails them again."""
    from publisher import subscribing  # noqa: PLC0415

    site = frame.open()
    subscribing.erase_by_address(site.store, address, now=current_time())
    if frame.json:
        frame.give({"erased": True})
    frame.say("Erased. A keyed hash of the address stays, so that nobody mails it again.")


@click.group(cls=Group)
def keys() -> None:
    """The keys that links are signed with."""


@keys.command("rotate")
@click.argument("purpose", default="link")
@with_frame
def rotate(frame: Frame, purpose: str) -> None:
    """Make a new key; links already mailed stay good."""
    from publisher import operating  # noqa: PLC0415

    site = frame.open()
    made = operating.rotate_key(site.store, purpose, secrets.token_bytes(32), now=current_time())
    if frame.json:
        frame.give({"purpose": purpose, "id": made})
    frame.say(f"New {purpose} key {made}. The one before still opens links already mailed.")


@click.group(cls=Group)
def config() -> None:
    """The configuration."""


@config.command("explain")
@click.argument("key", required=False)
@with_frame
def explain(frame: Frame, key: str | None) -> None:
    """Say what a key of config.toml is for, or list them all."""
    from publisher.config import KEYS  # noqa: PLC0415

    chosen = {name: text for name, text in KEYS.items() if key in {None, name}}
    if not chosen:
        raise NotFound(
            Problem(
                code="config.unknown_key",
                path=str(key),
                expected="a key of config.toml, such as mail.from",
                got=str(key),
                hint="publisher config explain lists them all.",
            )
        )
    if frame.json:
        frame.give(chosen)
    for name, text in chosen.items():
        frame.say(f"{name}  {text}")
