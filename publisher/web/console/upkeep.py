"""How the site is: every setting with its source, the doctor, DNS, and backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher import app, config, probes, subscribing
from publisher.errors import ConfigError, Refused
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Octets, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.web.console.asking import Answer

_BACKUPS = f"{ROOT}settings/backups"


def show_values(ask: Ask) -> Answer:
    """Show every setting as the file and the environment have it now, secrets masked."""
    path = ask.site.config.path
    problems: Sequence[Problem] = ()
    settings: Sequence[config.Setting] = ()
    is_other = False
    try:
        data = path.read_bytes()
        settings = config.list_settings(data, path=path, environ=ask.site.environ)
        is_other = config.parse(data, path=path, environ=ask.site.environ) != ask.site.config
    except ConfigError as error:
        problems = error.problems
    return Page(
        name="values",
        section="settings",
        problems=problems,
        values={"settings": settings, "file": path.name, "is_other": is_other},
    )


def show_doctor(ask: Ask) -> Answer:
    """Show what is wrong with this set-up; DNS is asked only where one wants it."""
    asks_dns = ask.query.get("dns") == "1"
    lookup = probes.make_lookup() if asks_dns else None
    signs = app.examine(ask.site, now=ask.now, lookup=lookup)
    order = (app.Health.BAD, app.Health.WARNING, app.Health.UNKNOWN, app.Health.GOOD)
    return Page(
        name="doctor",
        section="settings",
        values={
            "signs": sorted(signs, key=lambda one: order.index(one.health)),
            "bad": sum(one.health is app.Health.BAD for one in signs),
            "warnings": sum(one.health is app.Health.WARNING for one in signs),
            "asks_dns": asks_dns,
        },
    )


def show_dns(ask: Ask) -> Answer:
    """Show the records that mail needs, and what DNS says of them where one asks."""
    is_asked = ask.query.get("ask") == "1"
    site = ask.site
    findings = app.check_records(site, probes.make_lookup()) if is_asked else []
    records = [one.record for one in findings] or app.list_records(site.config, site.environ)
    return Page(
        name="dns",
        section="settings",
        values={
            "records": records,
            "found": {one.record.line: one for one in findings},
            "is_reserved": config.is_reserved_domain(site.config.mail.from_.domain),
            "domain": site.config.mail.from_.domain,
        },
    )


def show_backups(ask: Ask) -> Answer:
    """Show the backups that were made here."""
    return _backups(ask)


def _backups(ask: Ask, problems: Sequence[Problem] = ()) -> Page:
    return Page(
        name="backups",
        section="settings",
        status=409 if problems else 200,
        problems=problems,
        values={
            "backups": app.list_backups(ask.site),
            "kept": subscribing.say_duration(ask.site.config.privacy.keep_backups),
        },
    )


def make_backup(ask: Ask) -> Answer:
    """Copy the database, and check the copy."""
    try:
        made, rows = app.make_backup(ask.site, by=ask.by, now=ask.now)
    except Refused as error:
        return _backups(ask, error.problems)
    said = f"Made: {made.octets:,} octets, {rows:,} rows, read back and checked."
    return Moved(to=_BACKUPS, said=said)


def give_backup(ask: Ask) -> Answer:
    """Give a backup; the trail tells who took it away."""
    taken = app.take_backup(ask.site, ask.parts["backup"], by=ask.by, now=ask.now)
    return Octets(kind="application/vnd.sqlite3", name=taken.name, file=taken.file)
