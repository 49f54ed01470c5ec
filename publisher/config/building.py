"""Values that hang together: the checks that need more than one, and the tree they make."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from publisher.config.entries import Where, dotted
from publisher.config.hosts import is_loopback
from publisher.config.kinds import WIDEST, shown
from publisher.config.tree import (
    Alerts,
    Config,
    Courses,
    Database,
    Digest,
    Dkim,
    Feedback,
    Feeds,
    Hooks,
    Mail,
    Paths,
    Privacy,
    Review,
    Site,
    Smtp,
    Subscribe,
    Web,
)
from publisher.editorial.slots import ScheduleError, next_slot, parse_cron, parse_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from publisher.config.entries import Entry
    from publisher.config.lines import Parts
    from publisher.config.tree import Mailbox
    from publisher.errors import Problem

_OTHER_PATHS = ("posts", "templates", "outbox", "state")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_PASSWORD_IN_QUERY = re.compile(r"(?:^|&)password=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything found, on its way to a tree."""

    path: Path
    lines: Mapping[Parts, int]
    entries: Mapping[Parts, Entry]
    """What was written, in the file or the environment."""
    digests: Mapping[str, Where]
    values: dict[Parts, Any]
    """What it means, defaults included; what cannot be read is not there."""

    @property
    def base(self) -> Path:
        """The directory that paths are taken from."""
        return self.path.absolute().parent

    def get(self, key: str) -> Any:
        """Return the value of a dotted key, or None where it could not be read."""
        return self.values.get(tuple(key.split(".")))

    def at(self, parts: Parts) -> Where:
        """Return where a key or table stands in the file, without a line if it does not."""
        return Where(path=str(self.path), line=self.lines.get(parts))

    def where(self, *keys: str) -> Where:
        """Return where the first of some keys that was written stands, else the file."""
        written = (self.entries.get(tuple(key.split("."))) for key in keys)
        return next((entry.where for entry in written if entry), self.at(()))


# ------------------------------------------------------------------------------------- the checks


def check_together(settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong between values that are right by themselves.

    What a digest says of its time becomes a ``Schedule`` on the way.
    """
    yield from _check_security(settings)
    yield from _check_output(settings)
    yield from _check_dsn(settings)
    yield from _check_dkim(settings)
    for name in settings.digests:
        yield from _read_schedule(settings, name)


def _check_security(settings: Settings) -> Iterator[Problem]:
    host, security = settings.get("mail.smtp.host"), settings.get("mail.smtp.security")
    if host and security == "none" and not is_loopback(host):
        yield settings.where("mail.smtp.security").problem(
            "value",
            expected='mail.smtp.security to be "starttls" or "tls" for a host that is not loopback',
            got=f'"none" for {host}',
            hint="Port 587 goes with starttls, 465 with tls.",
        )


def _check_output(settings: Settings) -> Iterator[Problem]:
    output = settings.get("paths.output")
    if output is None:
        return
    others = {f"paths.{name}": settings.get(f"paths.{name}") for name in _OTHER_PATHS}
    others["the configuration"] = settings.base
    inside = [name for name, other in others.items() if other and other.is_relative_to(output)]
    if inside:
        yield settings.where("paths.output", inside[0]).problem(
            "value",
            expected="paths.output to hold nothing but what is published",
            got=f"{' and '.join(inside)} inside it",
            hint='Name a directory of its own, such as "public".',
        )


def _check_dsn(settings: Settings) -> Iterator[Problem]:
    where, url = settings.where("database.url"), settings.get("database.url") or ""
    parts = urlsplit(url)
    if where.path != str(settings.path):  # from the environment, which is the place for it
        return
    if parts.password is not None or _PASSWORD_IN_QUERY.search(parts.query):
        yield where.problem(
            "value",
            expected="database.url to be without a password in the file",
            got="one",
            hint="Set PUBLISHER_DATABASE__URL where publisher is started, or use a .pgpass file.",
        )


def _check_dkim(settings: Settings) -> Iterator[Problem]:
    for key in ("mail.dkim.rsa_key", "mail.dkim.ed25519_key"):
        secret = settings.get(key)
        for name in ("mail.dkim.domain", "mail.dkim.selector"):
            if secret and secret.is_set and settings.get(name) == "":
                yield settings.where(key).problem(
                    "missing",
                    expected=f"{name} to be set beside {key}",
                    got="nothing",
                    hint="Set both, or leave both empty.",
                )


def _read_schedule(settings: Settings, name: str) -> Iterator[Problem]:
    table = dotted(("digests", name))
    words, cron = (settings.values.get(("digests", name, key)) for key in ("schedule", "cron"))
    if words is None or cron is None:
        return
    if bool(words) == bool(cron):
        yield settings.digests[name].problem(
            "value" if words else "missing",
            expected=f"either {table}.schedule or {table}.cron to be set",
            got="both" if words else "neither",
            hint='Write schedule = "every tuesday at 07:30", or cron = "30 7 * * 2".',
        )
        return
    key, parse = ("schedule", parse_words) if words else ("cron", parse_cron)
    text = words or cron
    where = settings.entries[("digests", name, key)].where
    try:
        schedule = parse(text, _zone_of(settings, name))
    except ScheduleError as error:
        yield where.problem(
            "value",
            expected=f"{table}.{key} to have {error.expected}",
            got=error.got if len(error.got) <= WIDEST and error.got.isprintable() else shown(text),
            hint=error.hint,
        )
        return
    if next_slot(schedule, _ANY_TIME) is None:
        yield where.problem(
            "value", expected=f"{table}.{key} to name a date that comes", got=shown(text)
        )
    settings.values[("digests", name, "schedule")] = schedule


def _zone_of(settings: Settings, name: str) -> str:
    own = settings.values.get(("digests", name, "timezone"))
    return str(own or settings.get("site.timezone") or "UTC")


# --------------------------------------------------------------------------------------- the tree


def build(settings: Settings) -> Config:
    """Return the tree of settings without a problem."""
    return Config(
        path=settings.path,
        site=_build_site(settings),
        paths=Paths(**_table(settings, "paths")),
        database=Database(**_table(settings, "database")),
        review=Review(**_table(settings, "review")),
        feeds=Feeds(**_table(settings, "feeds")),
        digests={name: _build_digest(settings, name) for name in settings.digests},
        courses=Courses(**_table(settings, "courses")),
        mail=_build_mail(settings),
        feedback=Feedback(**_table(settings, "feedback")),
        web=Web(**_table(settings, "web")),
        subscribe=Subscribe(**_table(settings, "subscribe")),
        hooks=Hooks(**_table(settings, "hooks")),
        alerts=Alerts(**_table(settings, "alerts")),
        privacy=Privacy(**_table(settings, "privacy")),
    )


def _table(settings: Settings, *table: str) -> dict[str, Any]:
    """Return the values of a table by their names, those of tables in it left out."""
    return {parts[-1]: value for parts, value in settings.values.items() if parts[:-1] == table}


def _build_site(settings: Settings) -> Site:
    site = Site(**_table(settings, "site"))
    return site if site.author else replace(site, author=site.name)


def _build_digest(settings: Settings, name: str) -> Digest:
    values = _table(settings, "digests", name)
    del values["cron"], values["timezone"]
    values["title"] = values["title"] or f"{name.replace('-', ' ').capitalize()} letter"
    return Digest(name=name, zone=values["schedule"].zone, **values)


def _build_mail(settings: Settings) -> Mail:
    values = _table(settings, "mail")
    sender: Mailbox = values.pop("from")
    values["bounce_domain"] = values["bounce_domain"] or sender.domain
    return Mail(
        from_=sender if sender.name else replace(sender, name=settings.get("site.name")),
        smtp=Smtp(**_table(settings, "mail", "smtp")),
        dkim=Dkim(**_table(settings, "mail", "dkim")),
        **values,
    )
