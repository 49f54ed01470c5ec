"""Every key of ``config.toml``, one row each: what it takes, its default, what it is for.

``NAME`` stands for the name of a digest. A default of ``None`` means that the key is required.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from publisher.config.addresses import (
    domain,
    dsn,
    endpoint,
    host,
    imap,
    listen,
    mailbox,
    network,
    origin,
    rate,
    web_address,
)
from publisher.config.kinds import (
    Kind,
    choice,
    clock,
    colour,
    duration,
    flag,
    folder,
    identity,
    language,
    line,
    or_empty,
    prose,
    secret,
    several,
    template,
    whole,
    zone,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING = timedelta(0)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)

_WORDS = several(line(empty=False), "words, a command and its arguments")

_ROWS: tuple[tuple[str, Kind, Any, str], ...] = (
    ("site.name", line(empty=False), None, "what readers know the site by"),
    ("site.id", identity(), None, "written once by init; post ids grow from it; never change it"),
    (
        "site.url",
        web_address(),
        "http://127.0.0.1:8000",
        "where the site is reached; https when live",
    ),
    ("site.language", language(), "en-US", "language of the posts"),
    ("site.timezone", zone(), "America/New_York", "zone of dates and schedules"),
    ("site.author", line(), "", 'who publishes; "" = the name of the site'),
    ("site.logo", line(), "", 'address of a picture; "" = none'),
    ("site.accent", colour(), "#0b5c6e", "colour of links; contrast is checked, light and dark"),
    ("site.postal_address", prose(), "", "at the end of every letter; a live site needs one"),
    ("site.rights", line(), "", 'the licence or copyright that feeds state, such as "CC BY 4.0"'),
    (
        "site.notice",
        prose(),
        "General information, not medical advice.",
        "on every page, feed entry and letter",
    ),
    (
        "site.crisis",
        prose(),
        "In the US call or text 988. In an emergency call 911.",
        "where a reader finds help at once; beside the notice",
    ),
    ("paths.posts", folder(), "posts", "what you write, a directory a series"),
    (
        "paths.templates",
        folder(),
        "templates",
        "your own, each in place of the shipped one",
    ),
    ("paths.output", folder(), "public", "the site, ready to serve"),
    ("paths.outbox", folder(), "outbox", "mails of rehearsals, as .eml files"),
    ("paths.state", folder(), "var", "database and locks: keep it, back it up"),
    ("database.url", or_empty(dsn()), "", '"" = SQLite in paths.state; postgresql+psycopg://…'),
    ("review.required", flag(), False, "no post is published before a person approved it"),
    ("review.four_eyes", flag(), True, "nobody approves their own text"),
    (
        "review.checklist",
        several(line(empty=False), "items, each text on one line"),
        [
            "Claims match their sources",
            "Sources are current",
            "No one can be identified",
            "The crisis line is present",
        ],
        "what a reviewer ticks, each item, to approve; [] = nothing",
    ),
    ("feeds.entries", whole(1, 1000), 30, "newest posts in a feed; older ones in its archives"),
    ("feeds.content", choice("full", "summary"), "full", "of each post: full | summary"),
    ("feeds.hub", or_empty(endpoint()), "", "WebSub hub to announce and ping"),
    ("digests.NAME.title", line(), "", 'what readers know it by; "" = its name and "letter"'),
    ("digests.NAME.schedule", line(), "", "when it goes, in words; this or cron"),
    ("digests.NAME.cron", line(), "", "when it goes, in five cron fields; this or schedule"),
    (
        "digests.NAME.timezone",
        or_empty(zone()),
        "",
        'zone of its schedule; "" = the zone of the site',
    ),
    (
        "digests.NAME.subject",
        template("title", "first", "count", "date", "number"),
        "{title}: {first}",
        "fields title first count date number, nothing else",
    ),
    (
        "digests.NAME.discreet_subject",
        template("count", "date", "number"),
        "Your weekly reading",
        "for readers who asked for a subject that tells nothing",
    ),
    (
        "digests.NAME.discreet_from",
        or_empty(mailbox(), None),
        "",
        'the sender for those readers; "" = mail.from',
    ),
    ("digests.NAME.content", choice("summary", "full"), "summary", "of each post: summary | full"),
    (
        "digests.NAME.max_posts",
        whole(1, 100),
        10,
        "posts in one edition; the others wait for the next",
    ),
    (
        "digests.NAME.approval",
        choice("none", "required"),
        "none",
        "who lets an edition go: none | required",
    ),
    (
        "digests.NAME.prepare",
        duration(_NOTHING),
        "24h",
        "so long before its slot an edition is drafted",
    ),
    (
        "digests.NAME.heads_up",
        or_empty(duration(_SECOND), None),
        "24h",
        'so long before staff are told, with a link to hold; "" = not',
    ),
    (
        "digests.NAME.late_after",
        duration(_MINUTE),
        "2h",
        "an edition later than this waits for a person",
    ),
    ("courses.at", clock(), "07:30", "when the letters of courses go, in the zone of the site"),
    (
        "courses.paces",
        several(duration(_DAY, in_days=True), 'lengths of time in whole days, such as "3d"'),
        ["1d", "3d", "7d"],
        "time from part to part, on offer to readers",
    ),
    (
        "mail.transport",
        choice("outbox", "smtp"),
        "outbox",
        "outbox: .eml files, nothing leaves | smtp",
    ),
    (
        "mail.trial",
        flag(),
        False,
        "true: only staff are mailed, until an admin goes live in the console",
    ),
    (
        "mail.from",
        mailbox(),
        "letters@example.org",
        "who letters are from; a live site needs its own",
    ),
    ("mail.reply_to", or_empty(mailbox(), None), "", '"" = answers go to mail.from'),
    ("mail.bounce_domain", or_empty(domain()), "", 'return paths b+TOKEN@…; "" = the From domain'),
    (
        "mail.uncertain",
        choice("resend", "hold"),
        "resend",
        "when the relay fell silent: resend | hold",
    ),
    ("mail.expire_after", duration(_MINUTE), "48h", "a mail not handed over by then is given up"),
    ("mail.daily_limit", whole(0, 10**9), 0, "warm-up: an edition spreads over days; 0 = none"),
    ("mail.smtp.host", host(), "127.0.0.1", "name or address of the relay"),
    ("mail.smtp.port", whole(1, 65535), 587, "587 with starttls, 465 with tls"),
    (
        "mail.smtp.security",
        choice("tls", "starttls", "none"),
        "starttls",
        "tls | starttls | none (loopback only)",
    ),
    ("mail.smtp.username", line(), "", 'for the relay; "" = it asks for none'),
    ("mail.smtp.password", secret(), {"env": "PUBLISHER_SMTP_PASSWORD"}, "for the relay"),
    ("mail.smtp.connections", whole(1, 1000), 8, "connections to the relay at a time"),
    (
        "mail.smtp.rate",
        or_empty(rate(), None),
        "",
        'mails, such as 600/min; "" = as fast as accepted',
    ),
    (
        "mail.dkim.domain",
        or_empty(domain()),
        "",
        "domain that signs",
    ),
    ("mail.dkim.selector", or_empty(domain()), "", "name of the key in DNS"),
    ("mail.dkim.rsa_key", secret(), {"file": ""}, 'private key, PEM; "" = none'),
    ("mail.dkim.ed25519_key", secret(), {"file": ""}, "a second key, beside the RSA key"),
    (
        "feedback.maildir",
        or_empty(folder(), None),
        "",
        'where bounces arrive as files; "" = nowhere',
    ),
    ("feedback.imap", or_empty(imap(), None), "", "imaps://user@host/INBOX, password beside it"),
    ("feedback.imap_password", secret(), {"env": "PUBLISHER_IMAP_PASSWORD"}, "for feedback.imap"),
    ("web.listen", listen(), "127.0.0.1:8000", "where the web server listens"),
    (
        "web.trusted_proxies",
        several(network(), "IP addresses and networks"),
        ["127.0.0.1"],
        "whose word is taken for the address of a visitor",
    ),
    (
        "web.console_listen",
        or_empty(listen(), None),
        "",
        'where the console listens; "" = the same origin',
    ),
    (
        "subscribe.embed_origins",
        several(origin(), "origins such as https://www.example.com"),
        [],
        "sites that may show the form",
    ),
    ("subscribe.confirm_within", duration(_MINUTE), "7d", "how long the link to confirm works"),
    ("hooks.after_publish", _WORDS, [], "command run after files are live and before any mail"),
    ("alerts.webhook", or_empty(endpoint()), "", "address told by POST when staff are needed"),
    ("alerts.command", _WORDS, [], "command run when staff are needed"),
    ("privacy.keep_attempts", duration(_DAY), "90d", "how long what relays said is kept"),
    (
        "privacy.keep_unconfirmed",
        duration(_DAY),
        "14d",
        "how long addresses that never confirmed are kept",
    ),
    (
        "privacy.keep_drafts",
        duration(_DAY),
        "180d",
        "how long texts are kept that nobody saved or touched",
    ),
    (
        "privacy.keep_backups",
        duration(_DAY),
        "90d",
        "how long backups in paths.state are kept; the newest always",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key: what it takes, its default as TOML has it, what it is for."""

    key: str
    kind: Kind
    default: Any
    about: str


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        key: Option(key=key, kind=kind, default=default, about=about)
        for key, kind, default, about in _ROWS
    }
)
"""By dotted key, in the order of the file."""

KEYS: Mapping[str, str] = MappingProxyType({key: row.about for key, row in OPTIONS.items()})
"""What each key is for, in one line, by dotted key; ``digests.NAME.x`` for a digest's."""


def _tables() -> Mapping[str, tuple[str, ...]]:
    tables: dict[str, list[str]] = {}
    for key in OPTIONS:
        parts = key.split(".")
        for depth, name in enumerate(parts):
            names = tables.setdefault(".".join(parts[:depth]), [])
            if name not in names:
                names.append(name)
    return MappingProxyType({table: tuple(names) for table, names in tables.items()})


TABLES: Mapping[str, tuple[str, ...]] = _tables()
"""The names in each table, by its dotted name; the empty name is the file itself."""
