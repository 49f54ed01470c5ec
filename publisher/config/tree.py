"""What the configuration means: a tree of frozen values, every one read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from publisher.config.hosts import is_loopback
from publisher.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time, timedelta
    from pathlib import Path

    from publisher.editorial.slots import Schedule


# ---------------------------------------------------------------------------------- small values


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A display name, perhaps empty, and an address in ASCII, its domain in lower case."""

    name: str
    address: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many in a stretch of time."""

    count: int
    per: timedelta

    @property
    def per_second(self) -> float:
        """How many a second."""
        return self.count / self.per.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where a server listens; an IPv6 address stands without brackets."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    """A mailbox on an IMAP server; without TLS only on this machine."""

    host: str
    port: int
    user: str
    mailbox: str
    has_tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is kept, never the secret itself; neither place means that it is not set."""

    key: str
    """The configuration key, dotted."""
    env: str = ""
    file: Path | None = None

    @property
    def is_set(self) -> bool:
        """Whether a place is named; what it holds is not looked at."""
        return bool(self.env or self.file)

    def read(self, environ: Mapping[str, str]) -> str:
        """Return the secret without the line end of its file; raises ConfigError where it is not."""
        value = self._from_file(self.file) if self.file else environ.get(self.env, "")
        if value:
            return value
        if self.file:
            raise self._absent(f"an empty file {self.file}", "Write the secret into the file.")
        if self.env:
            raise self._absent(
                f"no environment variable {self.env}, or an empty one",
                f"Set {self.env} where publisher is started.",
            )
        raise self._absent("nothing", 'Write { env = "NAME" } or { file = "path" }.')

    def _from_file(self, file: Path) -> str:
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            raise self._absent(
                f"{error.strerror or 'an error'} for {file}", "Check the path and who may read it."
            ) from error
        except ValueError as error:
            raise self._absent(f"no UTF-8 text in {file}", "Save the file as UTF-8.") from error

    def _absent(self, got: str, hint: str) -> ConfigError:
        return ConfigError(
            Problem(
                code="config.secret",
                path=self.key,
                expected=f"a secret for {self.key}",
                got=got,
                hint=hint,
            )
        )


# ----------------------------------------------------------------------------------------- tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Who publishes, where and how it looks."""

    name: str
    id: str
    """A UUID, lower case, or another word; post ids grow from it."""
    url: str
    """Absolute, without a slash at the end."""
    language: str
    timezone: str
    author: str
    """The site's name where the file says nothing."""
    logo: str
    accent: str
    postal_address: str
    rights: str
    notice: str
    crisis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where things lie; absolute."""

    posts: Path
    templates: Path
    output: Path
    outbox: Path
    state: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the store is: empty for SQLite in ``paths.state``, else ``postgresql+psycopg://``."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Whether posts wait for a person."""

    required: bool
    four_eyes: bool
    checklist: tuple[str, ...]
    """What is to be affirmed with an approval, item by item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """What feeds carry."""

    entries: int
    content: Literal["full", "summary"]
    hub: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A recurring mailing."""

    name: str
    title: str
    schedule: Schedule
    zone: str
    """An IANA name: its own, else the site's."""
    subject: str
    """With the fields ``title first count date number`` in braces, as ``str.format`` reads them."""
    discreet_subject: str
    """With the fields ``count date number`` at most."""
    discreet_from: Mailbox | None
    content: Literal["summary", "full"]
    max_posts: int
    approval: Literal["none", "required"]
    prepare: timedelta
    heads_up: timedelta | None
    late_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """When a course's letters go, and the paces on offer, in whole days."""

    at: time
    paces: tuple[timedelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The relay."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: Secret
    connections: int
    rate: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """What mails are signed with (RFC 6376, RFC 8463)."""

    domain: str
    selector: str
    rsa_key: Secret
    ed25519_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How mail leaves."""

    transport: Literal["outbox", "smtp"]
    trial: bool
    """Only staff are mailed, until an admin goes live."""
    from_: Mailbox
    """Its display name is the site's where the file says none."""
    reply_to: Mailbox | None
    bounce_domain: str
    """The From domain where the file says nothing."""
    uncertain: Literal["resend", "hold"]
    expire_after: timedelta
    daily_limit: int
    """0 is no limit."""
    smtp: Smtp
    dkim: Dkim


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Where bounces and complaints come in."""

    maildir: Path | None
    imap: Imap | None
    imap_password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the web server listens, and whose word it takes for the visitor's address."""

    listen: Listen
    trusted_proxies: tuple[str, ...]
    """IP addresses and networks."""
    console_listen: Listen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """How people come in."""

    embed_origins: tuple[str, ...]
    confirm_within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Commands of the site's own, as argument lists; empty for none."""

    after_publish: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """How staff are told without mail; empty for not."""

    webhook: str = field(repr=False)
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How long things are kept."""

    keep_attempts: timedelta
    keep_unconfirmed: timedelta
    keep_drafts: timedelta
    """Texts that were not saved, since their writer changed them last."""
    keep_backups: timedelta
    """Copies in the state directory; the newest is kept for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A site's whole configuration."""

    path: Path
    """The file it came from, as the person named it."""
    site: Site
    paths: Paths
    database: Database
    review: Review
    feeds: Feeds
    digests: Mapping[str, Digest]
    courses: Courses
    mail: Mail
    feedback: Feedback
    web: Web
    subscribe: Subscribe
    hooks: Hooks
    alerts: Alerts
    privacy: Privacy

    @property
    def live(self) -> bool:
        """Whether mail reaches people: the transport is smtp, to a host that is not loopback."""
        return self.mail.transport == "smtp" and not is_loopback(self.mail.smtp.host)
