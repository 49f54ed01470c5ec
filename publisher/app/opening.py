"""Opens a site from its configuration, and what each use case works with."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import publisher
from publisher import config as configuration
from publisher import site as files
from publisher.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from publisher.config import Config
    from publisher.editing import Desk
    from publisher.model import Edition
    from publisher.notices import Notices
    from publisher.pages import Pages, SiteView
    from publisher.pages.console import ConsolePages
    from publisher.publishing import Shelf, Workshop
    from publisher.store import Transaction
    from publisher.transport import Lines, SmtpSettings, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site: its configuration and its store."""

    config: Config
    store: Store
    environ: Mapping[str, str]
    is_new: bool
    """Whether the database was made just now."""
    ring: Callable[[Transaction, Edition], None] = lambda _tx, _edition: None
    """Calls the workers, in the transaction that lets an edition be sent."""


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration; raises ConfigError with every problem at once."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise configuration.missing(path) from error
    return configuration.parse(data, path=path, environ=environ)


def open_site(path: Path, environ: Mapping[str, str]) -> Site:
    """Open the site of a configuration file; its state directory and tables are made."""
    config = load_config(path, environ)
    files.ensure_private(config.paths.state)
    store = Store(config.database.url, config.paths.state / "publisher.sqlite3")
    is_new = store.prepare()
    if is_new or not (config.paths.state / "epoch").exists():
        from publisher.operating import adopt_epoch, is_unused  # noqa: PLC0415 - a new site only

        # A kill between the tables and the file leaves a database that never did anything.
        if is_new or is_unused(store):
            adopt_epoch(store, config.paths.state, is_new=True)
    return Site(config=config, store=store, environ=environ, is_new=is_new)


def template_paths(config: Config) -> list[Path]:
    """Return where templates are looked for: the site's own first, then the shipped."""
    own, shipped = config.paths.templates, files.shipped("templates")
    return [own, shipped] if own.is_dir() and own.resolve() != shipped.resolve() else [shipped]


# --------------------------------------------------------------------------------------- workshops


def make_workshop(site: Site) -> Workshop:
    """Return what a build works with."""
    from publisher.publishing import Workshop  # noqa: PLC0415

    return Workshop(
        config=site.config,
        store=site.store,
        make_pages=lambda: make_pages(site.config),
        fingerprint=_fingerprint(site.config),
    )


def make_pages(config: Config) -> Pages:
    """Return the renderer of pages."""
    from publisher.pages import Pages  # noqa: PLC0415

    compiled = config.paths.state / "templates"
    files.ensure_private(compiled)
    return Pages(template_paths(config), _describe(config), compiled=compiled)


def make_console_pages(config: Config) -> ConsolePages:
    """Return the renderer of the console's pages."""
    from publisher.pages.console import ConsolePages  # noqa: PLC0415 - a build needs none

    return ConsolePages(template_paths(config), _describe(config))


def _describe(config: Config) -> SiteView:
    from publisher.pages import SiteView  # noqa: PLC0415 - as above

    site = config.site
    return SiteView(
        name=site.name,
        url=site.url,
        language=site.language,
        author=site.author,
        logo=site.logo,
        accent=site.accent,
        notice=site.notice,
        crisis=site.crisis,
        zone=site.timezone,
    )


def make_notices(config: Config) -> Notices:
    """Return the renderer of notices."""
    from publisher.notices import Notices, NoticeSite  # noqa: PLC0415

    site = config.site
    return Notices(
        template_paths(config),
        NoticeSite(
            name=site.name,
            language=site.language,
            accent=site.accent,
            postal_address=site.postal_address,
        ),
    )


def _fingerprint(config: Config) -> str:
    """Return a digest of everything but posts and store that outputs are made from."""
    digest = hashlib.sha256(repr((config.site, config.feeds, config.mail)).encode())
    digest.update(repr((config.review, config.privacy, sorted(config.digests))).encode())
    for folder in (Path(publisher.__file__).parent, *template_paths(config)):
        for line in sorted(_made_of(str(folder))):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _made_of(folder: str) -> Iterator[str]:
    """Yield name, size and time of everything below that code or templates are made of."""
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.endswith((".py", ".html", ".css", ".xml")):
                facts = entry.stat()
                yield f"{entry.path}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
            elif "." not in entry.name and entry.is_dir(follow_symlinks=False):
                yield from _made_of(entry.path)


def open_desk(site: Site, *, now: datetime) -> tuple[Desk, Shelf]:
    """Return what editions are made with, at ``now``."""
    from publisher.editing import Desk  # noqa: PLC0415
    from publisher.letters import Letters  # noqa: PLC0415
    from publisher.publishing import open_shelf  # noqa: PLC0415
    from publisher.store import standing  # noqa: PLC0415

    shelf = open_shelf(site.config, site.store, now=now)
    with site.store.read() as tx:
        trial = standing.is_trial(tx, configured=site.config.mail.trial)
    desk = Desk(
        config=site.config,
        store=site.store,
        letters=Letters(template_paths(site.config)),
        catalog=shelf.catalog,
        body_of=shelf.body,
        source_of=shelf.source,
        ring=site.ring,
        trial=trial,
    )
    return desk, shelf


def open_transport(site: Site, *, rehearsal: bool) -> Transport:
    """Return the way out for one mail at a time: the outbox for a rehearsal, else the relay."""
    from publisher.transport import Outbox, Smtp  # noqa: PLC0415

    if rehearsal:
        return Outbox(site.config.paths.outbox)
    return Smtp(_smtp_settings(site))


def open_lines(site: Site, *, rehearsal: bool) -> Lines:
    """Return the way out for an edition: the outbox for a rehearsal, else lines to the relay."""
    from publisher.transport import Outbox, Single, SmtpLines  # noqa: PLC0415

    if rehearsal:
        return Single(Outbox(site.config.paths.outbox))
    return SmtpLines(_smtp_settings(site))


def _smtp_settings(site: Site) -> SmtpSettings:
    from publisher.transport import SmtpSettings  # noqa: PLC0415

    smtp = site.config.mail.smtp
    return SmtpSettings(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        username=smtp.username,
        password=smtp.password.read(site.environ) if smtp.username else "",
        hello=site.config.mail.from_.domain,
    )
