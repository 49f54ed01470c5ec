"""Doctoring: what is wrong with this set-up, each in a sentence with what mends it.

Everything is looked at; nothing is changed, and nothing but DNS is asked, where a look-up is given.
"""

from __future__ import annotations

import shutil
import stat
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from publisher import probes
from publisher.app.naming import list_records
from publisher.app.opening import (
    make_console_pages,
    make_notices,
    make_pages,
    open_desk,
)
from publisher.app.receiving import has_inbox
from publisher.app.saving import list_backups
from publisher.app.signing import make_signer
from publisher.config import feedback_problems, missing_for_live, signing_problems
from publisher.editorial.answers import count
from publisher.editorial.moments import tell_gap
from publisher.errors import ConfigError, ContentError, PublisherError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.errors import Problem

_MEGABYTE = 1_000_000
_LITTLE_ROOM, _NO_ROOM = 2_000 * _MEGABYTE, 200 * _MEGABYTE
BACKUP_WITHIN: Final = timedelta(days=7)
_CLOCKS_AGREE = timedelta(minutes=2)


class Health(StrEnum):
    """How it is with one thing."""

    GOOD = "good"
    WARNING = "warning"  # works, and may hurt later
    BAD = "bad"  # mail does not go, or should not
    UNKNOWN = "unknown"  # nobody answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was found of one thing."""

    name: str
    health: Health
    says: str
    """A plain sentence."""
    hint: str = ""
    """What mends it."""


def examine(site: Site, *, now: datetime, lookup: probes.Lookup | None = None) -> list[Sign]:
    """Return what was found of everything, in the order in which one would look."""
    return [
        *_look_at_mail(site),
        *_look_at_keys(site),
        *_look_at_content(site, now=now),
        *_look_at_templates(site),
        *_look_at_database(site, now=now),
        *_look_at_files(site),
        *_look_at_backups(site, now=now),
        *(_look_at_dns(site, lookup) if lookup else ()),
    ]


def _good(name: str, says: str) -> Sign:
    return Sign(name=name, health=Health.GOOD, says=says)


def _ill(name: str, problem: Problem, health: Health = Health.BAD) -> Sign:
    says = f"Expected {problem.expected}; got {problem.got}."
    return Sign(name=name, health=health, says=says, hint=problem.hint)


# -------------------------------------------------------------------------------------------- mail


def _look_at_mail(site: Site) -> Iterator[Sign]:
    config = site.config
    trial = _is_trial(site)
    is_live = config.live and not trial
    if trial:
        yield _good("Trial", "Only staff are emailed, until an admin goes live.")
    if config.mail.transport == "smtp":
        yield _good("Mail", f"Letters leave through {config.mail.smtp.host}.")
    else:
        yield _good("Mail", "This is a rehearsal: every mail goes to the outbox, none leaves.")
    lacking = missing_for_live(config)
    # What only matters once people are mailed is no fault before.
    for problem in lacking:
        yield _ill("Before people are mailed", problem, Health.BAD if is_live else Health.WARNING)
    if not lacking:
        yield _good("Before people are mailed", "Address, https and From are set.")
    for problem in (*signing_problems(config), *feedback_problems(config)):
        yield _ill("Mail", problem, Health.WARNING)
    if not has_inbox(site):
        yield Sign(
            name="Bounces",
            health=Health.WARNING if is_live else Health.GOOD,
            says="No inbox is set, so addresses that are gone are not found out.",
            hint="Set feedback.maildir or feedback.imap in config.toml.",
        )


def _is_trial(site: Site) -> bool:
    from publisher.store import standing  # noqa: PLC0415

    with site.store.read() as tx:
        return standing.is_trial(tx, configured=site.config.mail.trial)


def _look_at_keys(site: Site) -> Iterator[Sign]:
    try:
        signer = make_signer(site.config, site.environ)
    except ConfigError as error:
        yield from (_ill("Signature", problem) for problem in error.problems)
        return
    says = (
        "Mails are signed here." if signer else "Mails are not signed here; the relay may do so."
    )
    yield _good("Signature", says)


# ----------------------------------------------------------------------------------------- content


def _look_at_content(site: Site, *, now: datetime) -> Iterator[Sign]:
    _, shelf = open_desk(site, now=now)
    wrong = [one for one in shelf.catalog.problems if one.level == "error"]
    if wrong:
        yield Sign(
            name="Posts",
            health=Health.WARNING,
            says=f"{count(len(wrong), 'problem')} in posts and series, the first in {wrong[0].path}.",
            hint="publisher check names each, with the line and what mends it.",
        )
        return
    yield _good("Posts", f"{count(len(shelf.catalog.posts), 'post')}, none with a problem.")


def _look_at_templates(site: Site) -> Iterator[Sign]:
    makers: tuple[Callable[[], object], ...] = (
        lambda: make_pages(site.config),
        lambda: make_notices(site.config),
        lambda: make_console_pages(site.config),
    )
    problems: list[Problem] = []
    for make in makers:
        try:
            make()
        except ContentError as error:
            problems += error.problems
    yield from (_ill("Templates", problem) for problem in dict.fromkeys(problems))
    if not problems:
        yield _good("Templates", "Every template can be read.")


# ---------------------------------------------------------------------------------------- database


def _look_at_database(site: Site, *, now: datetime) -> Iterator[Sign]:
    from publisher.operating import is_sending  # noqa: PLC0415
    from publisher.store import standing, trail  # noqa: PLC0415

    kind = "PostgreSQL" if site.store.is_shared else "the embedded database"
    yield _good("Database", f"It is {kind}, schema {site.store.schema()}.")
    if is_sending(site.store, site.config.paths.state):
        yield _good("Who sends", "This database sends.")
    else:
        yield Sign(
            name="Who sends",
            health=Health.BAD,
            says="This database is a copy or was restored, so it sends nothing.",
            hint="If it is the one that sends from now on: publisher restore --adopt",
        )
    with site.store.read() as tx:
        newest = trail.read_trail(tx, limit=1)
        theirs = standing.read_clock(tx) if site.store.is_shared else now
    seen = max([theirs, *(one.at for one in newest)])
    if seen - now > _CLOCKS_AGREE or now - theirs > _CLOCKS_AGREE:
        yield Sign(
            name="Clock",
            health=Health.BAD,
            says=f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, the database knows of "
            f"{(seen if seen > now else theirs):%Y-%m-%d %H:%M} UTC.",
            hint="Let the machine set its clock by the network; editions go by it.",
        )
    else:
        yield _good("Clock", f"It is {now:%Y-%m-%d %H:%M} UTC.")


def _look_at_files(site: Site) -> Iterator[Sign]:
    state = site.config.paths.state
    free = shutil.disk_usage(state).free
    says = f"{free // _MEGABYTE:,} MB are free where the database is."
    if free < _LITTLE_ROOM:
        yield Sign(
            name="Disk",
            health=Health.BAD if free < _NO_ROOM else Health.WARNING,
            says=says,
            hint="Make room: a full disk stops mail and backups.",
        )
    else:
        yield _good("Disk", says)
    if stat.S_IMODE(state.stat().st_mode) & 0o077:
        yield Sign(
            name="Privacy",
            health=Health.WARNING,
            says=f"Other users of this machine can look into {state}, where addresses are.",
            hint=f"chmod 700 {state}",
        )
    else:
        yield _good("Privacy", "Only this user can look into the folder with addresses.")


def _look_at_backups(site: Site, *, now: datetime) -> Iterator[Sign]:
    made = list_backups(site)
    if made and now - made[0].made_at <= BACKUP_WITHIN:
        yield _good("Backup", f"The newest here was made {tell_gap(made[0].made_at, now=now)}.")
        return
    yield Sign(
        name="Backup",
        health=Health.WARNING,
        says=f"The newest here was made {tell_gap(made[0].made_at, now=now)}."
        if made
        else "None was made here; one made elsewhere by command is not known here.",
        hint="Make one in the console, or by a timer: publisher backup FILE",
    )


# --------------------------------------------------------------------------------------------- DNS


def check_records(site: Site, lookup: probes.Lookup) -> list[probes.Finding]:
    """Ask DNS about every record that mail needs. Raises ConfigError for a key that cannot sign."""
    return [probes.check(one, lookup) for one in list_records(site.config, site.environ)]


_HEALTH = {
    probes.State.OK: Health.GOOD,
    probes.State.UNANSWERED: Health.UNKNOWN,
    probes.State.MISSING: Health.BAD,
    probes.State.DIFFERS: Health.BAD,
}


def _look_at_dns(site: Site, lookup: probes.Lookup) -> Iterator[Sign]:
    try:
        findings = check_records(site, lookup)
    except PublisherError as error:
        yield from (_ill("DNS", problem) for problem in error.problems)
        return
    for one in findings:
        yield Sign(
            name=f"DNS: {one.record.kind.upper()}",
            health=_HEALTH[one.state],
            says=f"{one.record.name}: {one.state}, {one.got}.",
            hint="" if one.state is probes.State.OK else one.hint,
        )
