"""Configuration: every key read and checked, every problem told at once with its line."""

from __future__ import annotations

import tomllib
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publisher.config import (
    KEYS,
    MISSING_FILE,
    OPTIONS,
    Config,
    Imap,
    Listen,
    Mailbox,
    Rate,
    Secret,
    find_digest,
    is_loopback,
    is_reserved_domain,
    list_settings,
    live_problems,
    missing,
    parse,
    sample,
    write_value,
)
from publisher.config.kinds import shown
from publisher.config.lines import locate
from publisher.editorial.slots import parse_cron, parse_words
from publisher.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE_ID = "5f2b0c1e-7d3a-4b52-9c1d-0a1b2c3d4e5f"
PATH = Path("/srv/letters/config.toml")
MINIMAL = f'[site]\nid = "{SITE_ID}"\nname = "Riverside Letters"\n'


def read(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return parse(text.encode(), path=PATH, environ=environ or {})


def read_with(text: str, **environ: str) -> Config:
    """Read the smallest configuration with some tables added."""
    return read(f"{MINIMAL}{text}", environ)


def problems_of(text: str | bytes, **environ: str) -> list[Problem]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse(data, path=PATH, environ=environ)
    return list(caught.value.problems)


def problem_of(text: str, **environ: str) -> Problem:
    """The one problem of the smallest configuration with some tables added."""
    (problem,) = problems_of(f"{MINIMAL}{text}", **environ)
    return problem


def write(values: Mapping[str, Any]) -> str:
    """A file with these values, by dotted key, a table each."""
    tables: dict[str, list[str]] = {}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, []).append(f"{name} = {write_value(value)}")
    return "\n".join(
        line for table, lines in tables.items() for line in (f"[{table}]", *lines, "")
    )


# --------------------------------------------------------------------------------------- defaults


def test_a_name_and_an_id_are_enough() -> None:
    """Two keys make a whole configuration, and everything else has its default."""
    config = read(MINIMAL)

    assert (config.site.name, config.site.id) == ("Riverside Letters", SITE_ID)
    assert config.path == PATH
    assert config.digests == {}
    assert config.site.url == "http://127.0.0.1:8000"
    assert config.site.author == "Riverside Letters"
    assert config.paths.posts == Path("/srv/letters/posts")
    assert config.courses.at == time(7, 30)
    assert config.courses.paces == (timedelta(days=1), timedelta(days=3), timedelta(days=7))
    assert config.mail.from_ == Mailbox(
        name="Riverside Letters", address="letters@example.org", domain="example.org"
    )
    assert config.mail.bounce_domain == "example.org"
    assert config.mail.reply_to is None
    assert config.mail.smtp.rate is None
    assert config.mail.smtp.password == Secret(
        key="mail.smtp.password", env="PUBLISHER_SMTP_PASSWORD"
    )
    assert not config.mail.dkim.rsa_key.is_set
    assert config.feedback.maildir is None
    assert config.feedback.imap is None
    assert config.web.listen == Listen(host="127.0.0.1", port=8000)
    assert config.web.console_listen is None
    assert config.privacy.keep_attempts == timedelta(days=90)
    assert not config.live


def test_a_digest_needs_only_its_time() -> None:
    """A digest takes its title from its name, and its zone from the site."""
    config = read_with('[digests.late-news]\nschedule = "every tuesday at 07:30"\n')

    digest = config.digests["late-news"]
    assert (digest.name, digest.title) == ("late-news", "Late news letter")
    assert digest.zone == "America/New_York"
    assert digest.schedule == parse_words("every tuesday at 07:30", "America/New_York")
    assert (digest.subject, digest.discreet_subject) == ("{title}: {first}", "Your weekly reading")
    assert digest.discreet_from is None
    assert (digest.content, digest.approval, digest.max_posts) == ("summary", "none", 10)
    assert (digest.prepare, digest.heads_up) == (timedelta(hours=24), timedelta(hours=24))
    assert digest.late_after == timedelta(hours=2)


def test_every_value_arrives_parsed() -> None:
    """What the file says in text is a value once it was read, never text to read again."""
    config = read(
        f"""
[site]
id = "{SITE_ID.upper()}"
name = "Riverside Letters"
url = "HTTPS://Letters.Riverside.org/news/"
author = "Riverside Psychiatry"
notice = "One line,\\nand another."
[paths]
posts = "../texts"
state = "/var/lib/publisher"
[digests.weekly]
cron = "30 7 * * 2"
timezone = "Europe/Berlin"
title = "Sundays"
discreet_from = "Reading <r@riverside.org>"
heads_up = ""
[mail]
from = '"Smith, \\"J\\"" <Letters@Riverside.org>'
reply_to = "desk@riverside.org"
bounce_domain = "Bounce.Riverside.org"
[mail.smtp]
rate = "600/min"
password = {{ file = "secrets/smtp" }}
[mail.dkim]
domain = "riverside.org"
selector = "s1.letters"
rsa_key = {{ file = "/etc/dkim.pem" }}
[feedback]
maildir = "bounces"
imap = "imaps://me%40riverside.org@imap.riverside.org/Bounces%2FNew"
[web]
listen = "[::1]:0"
trusted_proxies = ["10.0.0.0/8", "::1"]
console_listen = "localhost:9000"
[subscribe]
embed_origins = ["https://WWW.Riverside.org"]
[hooks]
after_publish = ["rsync", "-a", "public/", "host:"]
"""
    )

    assert config.site.id == SITE_ID
    assert config.site.url == "https://letters.riverside.org/news"
    assert config.site.author == "Riverside Psychiatry"
    assert config.paths.posts == Path("/srv/texts")
    assert config.paths.state == Path("/var/lib/publisher")
    weekly = config.digests["weekly"]
    assert weekly.schedule == parse_cron("30 7 * * 2", "Europe/Berlin")
    assert (weekly.title, weekly.zone, weekly.heads_up) == ("Sundays", "Europe/Berlin", None)
    assert weekly.discreet_from == Mailbox(
        name="Reading", address="r@riverside.org", domain="riverside.org"
    )
    assert config.mail.from_ == Mailbox(
        name='Smith, "J"', address="Letters@riverside.org", domain="riverside.org"
    )
    assert config.mail.reply_to == Mailbox(
        name="", address="desk@riverside.org", domain="riverside.org"
    )
    assert config.mail.bounce_domain == "bounce.riverside.org"
    assert config.mail.smtp.rate == Rate(count=600, per=timedelta(minutes=1))
    assert config.mail.smtp.rate.per_second == 10
    assert config.mail.smtp.password.file == Path("/srv/letters/secrets/smtp")
    assert config.mail.dkim.rsa_key.is_set
    assert config.feedback.maildir == Path("/srv/letters/bounces")
    assert config.feedback.imap == Imap(
        host="imap.riverside.org",
        port=993,
        user="me@riverside.org",
        mailbox="Bounces/New",
        has_tls=True,
    )
    assert config.web.listen == Listen(host="::1", port=0)
    assert config.web.trusted_proxies == ("10.0.0.0/8", "::1")
    assert config.web.console_listen == Listen(host="localhost", port=9000)
    assert config.subscribe.embed_origins == ("https://www.riverside.org",)
    assert config.hooks.after_publish == ("rsync", "-a", "public/", "host:")


def test_paths_are_absolute_even_for_a_relative_file() -> None:
    """A file named relative to the current directory gives absolute paths all the same."""
    config = parse(MINIMAL.encode(), path=Path("sites/config.toml"), environ={})

    assert config.paths.posts == Path.cwd() / "sites" / "posts"


def test_imap_without_tls_stays_on_this_machine() -> None:
    """A mailbox is asked without TLS on loopback only, on its own port."""
    config = read_with('[feedback]\nimap = "imap://me@localhost:1143/INBOX"\n')

    assert config.feedback.imap == Imap(
        host="localhost", port=1143, user="me", mailbox="INBOX", has_tls=False
    )


def test_a_configuration_never_shows_its_passwords() -> None:
    """Neither a secret's place nor a database address prints what is to be kept."""
    config = read(MINIMAL, {"PUBLISHER_DATABASE__URL": "postgresql+psycopg://me:hunter2@db/x"})

    assert config.database.url.endswith("hunter2@db/x")
    assert "hunter2" not in repr(config)


# --------------------------------------------------------------------------------------- problems


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        ("[site]\nurl = 'riverside.org'", "site.url to be an absolute http", '"riverside.org"'),
        ("[site]\nurl = 'ftp://riverside.org'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://river side.org'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://ríverside.org'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://a_b.org'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://a.org:99999'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://a.org/?x'", "site.url to be an absolute", ""),
        ("[site]\nurl = 'https://me:hunter2@a.org'", "site.url to be an absolute", "…@a.org"),
        ("[site]\nlanguage = 'american'", "site.language to be a language tag", '"american"'),
        ("[site]\ntimezone = 'Europe/Berlim'", "site.timezone to be an IANA", '"Europe/Berlim"'),
        ("[site]\naccent = 'teal'", "site.accent to be a colour", '"teal"'),
        ("[site]\naccent = '#0b5c6e0'", "site.accent to be a colour", ""),
        ('[site]\nauthor = "a\\u0000"', "site.author to be text on one line", '"a\\x00"'),
        ('[site]\nauthor = "a\\nb"', "site.author to be text on one line", '"a\\nb"'),
        ('[site]\nnotice = "a\\u0007"', "site.notice to be text without control", ""),
        ("[paths]\nposts = ''", "paths.posts to be a path", '""'),
        ("[paths]\nposts = '~/posts'", "paths.posts to be a path", '"~/posts"'),
        ("[database]\nurl = 'sqlite:///x'", "database.url to be postgresql+psycopg://", ""),
        ("[database]\nurl = 'postgresql+psycopg:x'", "database.url to be postgresql", ""),
        ("[database]\nurl = 'postgresql+psycopg://[x'", "database.url to be postgresql", ""),
        ("[site]\nurl = 'https://[x'", "site.url to be an absolute http", ""),
        ("[review]\nrequired = 'yes'", "review.required to be true or false", '"yes"'),
        ("[feeds]\nentries = 0", "feeds.entries to be a whole number from 1 to 1000", "0"),
        ("[feeds]\nentries = 1001", "feeds.entries to be a whole number", "1001"),
        ("[feeds]\nentries = true", "feeds.entries to be a whole number", "true"),
        ("[feeds]\nentries = 1.5", "feeds.entries to be a whole number", "1.5"),
        ("[feeds]\nentries = 2026-01-01", "feeds.entries to be a whole number", "a date or time"),
        (f"[feeds]\nentries = 0x{'f' * 5000}", "feeds.entries to be", "a very large number"),
        ("[feeds]\ncontent = 'all'", 'feeds.content to be "full" or "summary"', '"all"'),
        ("[feeds]\nhub = 'hub'", 'feeds.hub to be an absolute http or https address, or ""', ""),
        ("[courses]\nat = '7:30'", "courses.at to be a time from 00:00 to 23:59", '"7:30"'),
        ("[courses]\npaces = '1d'", "courses.paces to be a list of lengths", '"1d"'),
        ("[courses]\npaces = ['1d', 3]", "courses.paces to be a list of", "3 among them"),
        ("[courses]\npaces = ['25h']", "courses.paces to be a list of", '"25h" among them'),
        ("[courses]\npaces = ['0d']", "courses.paces to be a list of", '"0d" among them'),
        ("[mail]\ntransport = 'sendmail'", 'mail.transport to be "outbox" or "smtp"', ""),
        ("[mail]\nfrom = 'Riverside'", "mail.from to be one mailbox", '"Riverside"'),
        ("[mail]\nfrom = 'a@b.org, c@d.org'", "mail.from to be one mailbox", ""),
        ("[mail]\nfrom = 'Smith, J <a@b.org>'", "mail.from to be one mailbox", ""),
        ("[mail]\nfrom = 'A <a@b_c.org>'", "mail.from to be one mailbox", ""),
        ("[mail]\nfrom = 'A <a..b@c.org>'", "mail.from to be one mailbox", ""),
        (f"[mail]\nfrom = '{'a' * 65}@b.org'", "mail.from to be one mailbox", "…"),
        ('[mail]\nfrom = "A\\r\\nBcc: <a@b.org>"', "mail.from to be one mailbox", ""),
        ('[mail]\nreply_to = "a@b.org\\n"', "mail.reply_to to be one mailbox", ""),
        ("[mail]\nbounce_domain = 'b@c.org'", "mail.bounce_domain to be a host name", ""),
        ("[mail]\nbounce_domain = '10.0.0.1'", "mail.bounce_domain to be a host name", ""),
        ("[mail]\nexpire_after = '2 days'", "mail.expire_after to be a length", '"2 days"'),
        ("[mail]\nexpire_after = '59s'", 'mail.expire_after to be a length of time of "1m"', ""),
        ("[mail]\nexpire_after = '99999w'", "mail.expire_after to be a length", ""),
        ("[mail]\ndaily_limit = -1", "mail.daily_limit to be a whole number from 0", "-1"),
        ("[mail.smtp]\nhost = ''", "mail.smtp.host to be a host name or an IP", '""'),
        ("[mail.smtp]\nport = 65536", "mail.smtp.port to be a whole number from 1", "65536"),
        ("[mail.smtp]\nport = '587'", "mail.smtp.port to be a whole number", '"587"'),
        ("[mail.smtp]\nrate = '10/day'", "mail.smtp.rate to be a rate", '"10/day"'),
        ("[mail.smtp]\npassword = 'hunter2'", "mail.smtp.password to be { env", "a bare value"),
        ("[mail.smtp]\npassword = 12345", "mail.smtp.password to be { env", "a bare value"),
        ("[mail.smtp]\npassword = {}", "mail.smtp.password to be { env", "a table"),
        (
            "[mail.smtp]\npassword = { env = 'A', file = 'b' }",
            "mail.smtp.password to be { env",
            "a table",
        ),
        ("[mail.smtp]\npassword = { env = 1 }", "mail.smtp.password to be { env", "env = 1"),
        ("[mail.smtp]\npassword = { env = 'A-B' }", "mail.smtp.password to be { env", "a table"),
        ("[mail.dkim]\nselector = 's 1'", "mail.dkim.selector to be a host name", ""),
        ("[feedback]\nimap = 'imaps://imap.a.org/INBOX'", "feedback.imap to be imaps://", ""),
        ("[feedback]\nimap = 'imaps://me@imap.a.org'", "feedback.imap to be imaps://", ""),
        ("[feedback]\nimap = 'imap://me@imap.a.org/INBOX'", "feedback.imap to be imaps://", ""),
        (
            "[feedback]\nimap = 'imaps://me:pw@a.org/INBOX'",
            "feedback.imap",
            '"imaps://…@a.org/INBOX"',
        ),
        ("[web]\nlisten = '8000'", "web.listen to be host:port", '"8000"'),
        ("[web]\nlisten = '127.0.0.1:65536'", "web.listen to be host:port", ""),
        ("[web]\nlisten = '[localhost]:80'", "web.listen to be host:port", ""),
        ("[web]\ntrusted_proxies = ['proxy']", "web.trusted_proxies to be a list of IP", ""),
        ("[subscribe]\nembed_origins = ['https://a.org/']", "subscribe.embed_origins", ""),
        ("[subscribe]\nembed_origins = ['https://me@a.org']", "subscribe.embed_origins", ""),
        ("[hooks]\nafter_publish = ['']", "hooks.after_publish to be a list of words", ""),
        (
            "[hooks]\nafter_publish = [['a']]",
            "hooks.after_publish to be a list",
            "a list among them",
        ),
        ("mail = 3", "mail to be a table", "3"),
        ("[[digests.weekly]]\n", "digests.weekly to be a table", "a list"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_key_and_line(
    text: str, expected: str, got: str
) -> None:
    """Each problem names the key, what it takes, what it got, and the line of the file."""
    site = f"id = '{SITE_ID}'\nname = 'Riverside'\n"
    body = text.replace("[site]\n", f"[site]\n{site}") if "[site]" in text else text
    if "[site]" not in text:
        body = f"{text}\n[site]\n{site}"

    (problem,) = problems_of(body)

    assert problem.code in {"config.value", "config.type"}
    assert expected in problem.expected
    assert got in problem.got
    assert "hunter2" not in problem.as_text()
    assert problem.path == str(PATH)
    told = body.splitlines()[(problem.line or 0) - 1]
    assert told.partition(" = ")[0].strip("[]") in problem.expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""),
        ("id", "5f2b"),
        ("id", SITE_ID[:-1]),
        ("name", ""),
        ("name", " "),
        ("name", "a\n"),
    ],
)
def test_a_site_has_a_uuid_and_a_name(key: str, value: str) -> None:
    """Post ids grow from the one and readers see the other; neither may be empty."""
    (problem,) = problems_of(write({**REQUIRED, f"site.{key}": value}))

    assert problem.code == "config.value"
    assert problem.expected.startswith(f"site.{key} to be ")
    assert problem.line == (2 if key == "id" else 3)


@pytest.mark.parametrize(
    ("lines", "code", "expected", "got"),
    [
        ("", "missing", "either digests.weekly.schedule or digests.weekly.cron", "neither"),
        (
            "schedule = 'every day at 07:30'\ncron = '30 7 * * *'",
            "value",
            "either digests.weekly.schedule or digests.weekly.cron",
            "both",
        ),
        ("schedule = 'every tusday at 07:30'", "value", "digests.weekly.schedule", '"tusday"'),
        ("cron = '0 9 30 2 *'", "value", "digests.weekly.cron to name a date", '"0 9 30 2 *"'),
        (f"cron = '0 9 * * {'1' * 90}'", "value", "digests.weekly.cron to have", "…"),
        (f"cron = '0 9 * {'1 ' * 90}'", "value", "five cron fields", "…"),
        ("cron = 5", "type", "digests.weekly.cron to be text", "5"),
        ("cron = '* * * * *'\nsubject = ' '", "value", "digests.weekly.subject", '" "'),
        ("cron = '* * * * *'\nsubject = '{body}'", "value", "{number}", '{body} in "{body}"'),
        ("cron = '* * * * *'\nsubject = '{first!r}'", "value", "{number}", "{first!r} in"),
        ("cron = '* * * * *'\nsubject = '{first'", "value", "{number}", '{ in "{first"'),
        ("cron = '* * * * *'\nsubject = '{}'", "value", "{number}", "{} in"),
        ('cron = "* * * * *"\nsubject = "a\\r\\nb"', "value", "digests.weekly.subject", "a\\r"),
        (
            "cron = '* * * * *'\ndiscreet_subject = '{first}'",
            "value",
            "{date} {number}",
            "{first}",
        ),
        ("cron = '* * * * *'\ntimezone = 'Mars'", "value", "digests.weekly.timezone", '"Mars"'),
        ("cron = '* * * * *'\nlate_after = '0m'", "value", "digests.weekly.late_after", '"0m"'),
    ],
)
def test_a_digest_is_checked_as_a_whole(lines: str, code: str, expected: str, got: str) -> None:
    """A digest goes at exactly one kind of time, and its subjects use known fields only."""
    problem = problem_of(f"[digests.weekly]\n{lines}\n")

    assert problem.code == f"config.{code}"
    assert expected in problem.expected
    assert got in problem.got
    assert (problem.line or 0) >= 4


def test_braces_written_twice_are_text() -> None:
    """A subject may show braces, as ``str.format`` writes them."""
    config = read_with('[digests.weekly]\ncron = "* * * * *"\nsubject = "{{a}} {first}}}"\n')

    assert config.digests["weekly"].subject.format(first="b") == "{a} b}"


def test_a_schedule_is_checked_even_where_its_zone_is_wrong() -> None:
    """A bad zone of the site hides no other problem."""
    text = f'{MINIMAL}timezone = "Mars"\n[digests.weekly]\nschedule = "every tusday at 07:30"\n'

    assert [problem.line for problem in problems_of(text)] == [4, 6]


@pytest.mark.parametrize("name", ["Weekly", "week_ly", "-weekly", '"week ly"', '""'])
def test_a_digest_has_a_plain_name(name: str) -> None:
    """Names of digests are small letters, digits and hyphens, for they stand in addresses."""
    problem = problem_of(f'[digests.{name}]\ncron = "* * * * *"\n')

    assert problem.code == "config.value"
    assert problem.line == 4
    assert name.strip('"') in problem.got


def test_mail_goes_in_the_clear_to_this_machine_only() -> None:
    """``security = "none"`` is for a loopback host."""
    near = read_with('[mail.smtp]\nhost = "localhost"\nsecurity = "none"\n')
    far = problem_of('[mail.smtp]\nhost = "mail.riverside.org"\nsecurity = "none"\n')

    assert near.mail.smtp.security == "none"
    assert (far.code, far.line) == ("config.value", 6)
    assert "mail.smtp.security" in far.expected


def test_a_password_in_the_database_address_stays_out_of_the_file() -> None:
    """A database address with a password is for the environment."""
    plain = "postgresql+psycopg://me@db/letters"

    read_with(f'[database]\nurl = "{plain}"\n')
    for url in ("postgresql+psycopg://me:hunter2@db/letters", f"{plain}?password=hunter2"):
        problem = problem_of(f'[database]\nurl = "{url}"\n')
        assert problem.line == 5
        assert "PUBLISHER_DATABASE__URL" in problem.hint
        assert "hunter2" not in problem.as_text()


def test_a_dkim_key_needs_its_domain_and_selector() -> None:
    """A key alone signs nothing, and says so before a mail leaves unsigned."""
    text = f'{MINIMAL}[mail.dkim]\ned25519_key = {{ file = "key.pem" }}\n'

    found = problems_of(text)

    assert [problem.expected.split()[0] for problem in found] == [
        "mail.dkim.domain",
        "mail.dkim.selector",
    ]
    assert {problem.line for problem in found} == {5}


@pytest.mark.parametrize(
    ("paths", "got"),
    [
        ('output = "posts"', "paths.posts"),
        ('state = "public/var"', "paths.state"),
        (
            'output = "."',
            "paths.posts and paths.templates and paths.outbox and paths.state and the configuration",
        ),
    ],
)
def test_nothing_private_lies_in_what_is_served(paths: str, got: str) -> None:
    """The directory that is published holds neither posts nor state nor the configuration."""
    problem = problem_of(f"[paths]\n{paths}\n")

    assert problem.got == f"{got} inside it"
    assert problem.line == 5


def test_an_output_that_is_no_path_is_one_problem() -> None:
    """What cannot be read is not checked against the others as well."""
    assert problem_of("[paths]\noutput = 5\n").code == "config.type"


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    """One run shows all there is to mend, the file's first, the environment's after them."""
    found = problems_of(
        "[site]\nnmae = 'x'\n[mail.smtp]\nport = 0\nhots = 'x'\n",
        PUBLISHER_WEB__LISTEN="x",
    )

    assert [(problem.code, problem.line) for problem in found] == [
        ("config.missing", 1),
        ("config.missing", 1),
        ("config.unknown_key", 2),
        ("config.value", 4),
        ("config.unknown_key", 5),
        ("config.value", None),
    ]
    assert found[-1].path == "PUBLISHER_WEB__LISTEN"


@pytest.mark.parametrize(
    ("text", "got", "hint"),
    [
        ("[site]\nnmae = 1", "site.nmae", "Did you mean site.name?"),
        ("[site]\nfrom = 1", "site.from", "Did you mean mail.from?"),
        ("[site]\nzzz = 1", "site.zzz", "Known here: name, id, url"),
        ("[emial]\nx = 1", "emial", "Did you mean mail?"),
        ("[digests.weekly]\nschedul = 1", "digests.weekly.schedul", "digests.weekly.schedule?"),
        (
            "[mail.smtp]\npassword = { evn = 'X' }",
            "mail.smtp.password.evn",
            "Did you mean mail.smtp.password.env?",
        ),
        ('[site]\n"na me" = 1', 'site."na me"', "Did you mean site.name?"),
    ],
)
def test_an_unknown_key_comes_with_the_one_that_was_meant(text: str, got: str, hint: str) -> None:
    """A misspelt key is never ignored: the nearest known one is offered."""
    found = [p for p in problems_of(text) if p.code == "config.unknown_key"]

    assert [(problem.line, problem.got) for problem in found] == [
        (2 if got != "emial" else 1, got)
    ]
    assert hint in found[0].hint


def test_a_missing_file_names_the_command_that_makes_one() -> None:
    """Without a configuration the way on is ``publisher init``."""
    error = missing(Path("config.toml"))

    assert error.exit_code == 3
    assert error.problems[0].code == MISSING_FILE
    assert error.problems[0].path == "config.toml"
    assert "publisher init" in error.problems[0].hint


# ----------------------------------------------------------------------------------------- syntax


@pytest.mark.parametrize(
    ("data", "line", "got", "hint"),
    [
        (b"\xef\xbb\xbf[site]\n", 1, "a byte order mark", "without BOM"),
        (b"[site]\nname = '\xff'\n", 2, "the byte 0xff", "UTF-8"),
        (b"\xff\xfe[\0s\0", 1, "the byte 0xff", "UTF-8"),
        (b"[site]\nname = '\0'\n", 2, "a NUL character", "UTF-8"),
        (b"[site]\nname = Riverside\n", 2, "invalid value at column 8", "double quotes"),
        (b"[site]\n\nname\n", 3, "after a key in a key/value pair at column 5", "A line is key"),
        (b"a = 1\na = 2", 2, "cannot overwrite a value at the end of the file", "twice"),
        (b"a = 1 b = 2", 1, "at column 7", ""),
        (b"a = " + b"9" * 5000, None, "a number of absurd length", ""),
        (b"a = " + b"[" * 5000, None, "lists or tables too deep in one another", ""),
    ],
)
def test_a_file_that_is_no_toml_says_where_and_why(
    data: bytes, line: int | None, got: str, hint: str
) -> None:
    """A file that cannot be read at all is one problem with its line."""
    (problem,) = problems_of(data)

    assert problem.code == "config.syntax"
    assert problem.line == line
    assert got in problem.got
    assert hint in problem.hint


def test_a_syntax_error_never_quotes_the_line() -> None:
    """An unquoted password does not end up on a screen or in a log."""
    (problem,) = problems_of("[mail.smtp]\npassword = hunter2\n")

    assert "hunter2" not in problem.as_text()


# ------------------------------------------------------------------------------------ environment


def test_the_environment_overrides_the_file() -> None:
    """``PUBLISHER_`` and a double underscore between levels set a key, whatever the file says."""
    config = read_with(
        '[mail]\nfrom = "broken"\n[digests.late-news]\ncron = "* * * * *"\n',
        PUBLISHER_MAIL__FROM="Desk <desk@riverside.org>",
        PUBLISHER_MAIL__SMTP__PORT="465",
        PUBLISHER_REVIEW__REQUIRED="true",
        PUBLISHER_SITE__NAME="2026",
        PUBLISHER_SITE__AUTHOR='"Riverside" # quoted',
        PUBLISHER_SITE__LOGO="a\nb = 1"[:1],
        PUBLISHER_WEB__TRUSTED_PROXIES='["::1"]',
        PUBLISHER_DIGESTS__LATE_NEWS__MAX_POSTS="3",
        PUBLISHER_DIGESTS__MONTHLY__SCHEDULE="first monday of the month at 07:30",
        PUBLISHER_MAIL__SMTP__PASSWORD="hunter2",
        PUBLISHER_FEEDBACK__IMAP_PASSWORD__FILE="imap",
        PUBLISHER_SMTP_PASSWORD="ignored: it overrides nothing",
        OTHER__NAME="ignored",
    )

    assert config.mail.from_.address == "desk@riverside.org"
    assert config.mail.smtp.port == 465
    assert config.review.required
    assert (config.site.name, config.site.author, config.site.logo) == ("2026", "Riverside", "a")
    assert config.web.trusted_proxies == ("::1",)
    assert config.digests["late-news"].max_posts == 3
    assert config.digests["monthly"].title == "Monthly letter"
    assert config.mail.smtp.password == Secret(
        key="mail.smtp.password", env="PUBLISHER_MAIL__SMTP__PASSWORD"
    )
    assert config.feedback.imap_password.file == Path("/srv/letters/imap")


def test_the_environment_alone_can_configure_a_site() -> None:
    """An empty file is enough where every required key is in the environment."""
    config = read("", {"PUBLISHER_SITE__NAME": "Riverside", "PUBLISHER_SITE__ID": SITE_ID})

    assert config.site.name == "Riverside"


@pytest.mark.parametrize(
    ("variable", "text", "code", "words"),
    [
        ("PUBLISHER_MAIL__FORM", "x", "unknown_key", "Did you mean PUBLISHER_MAIL__FROM?"),
        ("PUBLISHER_mail__from", "x", "unknown_key", "Did you mean PUBLISHER_MAIL__FROM?"),
        ("PUBLISHER___X", "x", "unknown_key", "PUBLISHER_MAIL__FROM for mail.from"),
        ("PUBLISHER_Q__X", "x", "unknown_key", "Unset it"),
        ("PUBLISHER_SITE__NAME__FILE", "x", "unknown_key", "Did you mean PUBLISHER_SITE__NAME?"),
        (
            "PUBLISHER_DIGESTS__LATE_NEWS__TITEL",
            "x",
            "unknown_key",
            "Did you mean PUBLISHER_DIGESTS__LATE_NEWS__TITLE?",
        ),
        ("PUBLISHER_MAIL__SMTP__PORT", "", "type", "mail.smtp.port to be a whole number"),
        ("PUBLISHER_MAIL__SMTP__PORT", "1\n[x]", "type", "mail.smtp.port to be a whole number"),
        ("PUBLISHER_WEB__TRUSTED_PROXIES", "::1", "type", "web.trusted_proxies to be a list"),
        ("PUBLISHER_WEB__TRUSTED_PROXIES", "[" * 5000, "type", "web.trusted_proxies"),
        ("PUBLISHER_SITE__NAME", "\udc80", "value", "site.name to be text on one line"),
    ],
)
def test_a_variable_that_sets_nothing_is_told_by_its_name(
    variable: str, text: str, code: str, words: str
) -> None:
    """A wrong override is an error that names the variable, not a line of the file."""
    problem = problem_of("", **{variable: text})

    assert (problem.code, problem.path, problem.line) == (f"config.{code}", variable, None)
    assert words in problem.as_text()


def test_a_digest_of_the_environment_needs_a_plain_name_too() -> None:
    """A variable cannot make a digest that a file could not."""
    problem = problem_of("", **{"PUBLISHER_DIGESTS__A.B__CRON": "* * * * *"})

    assert problem.path == "PUBLISHER_DIGESTS__A.B__CRON"
    assert "name of a digest" in problem.expected


# ---------------------------------------------------------------------------------------- secrets


def test_a_secret_is_read_from_where_it_is_kept(tmp_path: Path) -> None:
    """A variable is taken as it is, a file without the line end that editors add."""
    kept = tmp_path / "smtp"
    kept.write_text("hunter2 \r\n", encoding="utf-8")

    variable, file = Secret(key="k", env="X"), Secret(key="k", file=kept)

    assert variable.read({"X": "hunter2"}) == "hunter2"
    assert file.read({}) == "hunter2 "
    assert "hunter2" not in f"{variable!r} {file!r}"


def test_a_secret_that_is_not_there_is_told_by_its_key(tmp_path: Path) -> None:
    """An unset variable, a missing, empty or binary file, and no place at all each say so."""
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n", encoding="utf-8")
    binary.write_bytes(b"\xff")
    told = {}

    for name, secret in {
        "env": Secret(key="mail.smtp.password", env="X"),
        "gone": Secret(key="mail.smtp.password", file=tmp_path / "gone"),
        "empty": Secret(key="mail.smtp.password", file=empty),
        "binary": Secret(key="mail.smtp.password", file=binary),
        "unset": Secret(key="mail.smtp.password"),
    }.items():
        with pytest.raises(ConfigError) as caught:
            secret.read({"X": ""})
        (problem,) = caught.value.problems
        told[name] = problem.got
        assert (problem.code, problem.path) == ("config.secret", "mail.smtp.password")
        assert problem.hint

    assert told == {
        "env": "no environment variable X, or an empty one",
        "gone": f"No such file or directory for {tmp_path / 'gone'}",
        "empty": f"an empty file {empty}",
        "binary": f"no UTF-8 text in {binary}",
        "unset": "nothing",
    }


@pytest.mark.parametrize("place", ['{ env = "" }', '{ file = "" }'])
def test_an_empty_place_is_no_secret(place: str) -> None:
    """An empty name means that there is none, and is no error."""
    config = read_with(f"[mail.smtp]\npassword = {place}\n")

    assert not config.mail.smtp.password.is_set


# ------------------------------------------------------------------------------------------- live


LIVE = """
[mail]
transport = "smtp"
from = "Letters <letters@riverside-psychiatry.org>"
[mail.smtp]
host = "smtp.relay.org"
"""


def test_a_live_site_needs_an_address_https_and_its_own_sender() -> None:
    """Before people are mailed, the letter must say where it is from."""
    bare = read_with(LIVE.replace("riverside-psychiatry.org", "example.org"))
    full = read(
        f'{MINIMAL}url = "https://letters.riverside.org"\npostal_address = "1 Main St"\n{LIVE}'
    )

    assert bare.live
    assert full.live
    assert [problem.expected.split()[0] for problem in live_problems(bare)] == [
        "site.postal_address",
        "site.url",
        "mail.from",
    ]
    assert {problem.code for problem in live_problems(bare)} == {"config.live"}
    assert live_problems(full) == ()


def test_a_site_that_mails_nobody_needs_none_of_it() -> None:
    """An outbox, and a relay on this machine, are not live."""
    outbox = read(MINIMAL)
    loopback = read_with('[mail]\ntransport = "smtp"\n')

    assert not outbox.live
    assert not loopback.live
    assert live_problems(outbox) == live_problems(loopback) == ()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("relay.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a name, nothing listens
        ("localhost.example.org", False),
        ("smtp.relay.org", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_for_sure(host: str, expected: bool) -> None:
    """Only a name or address that cannot leave the machine is loopback."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("example.org", True),
        ("Mail.Example.COM.", True),
        ("example.net", True),
        ("example", True),
        ("a.test", True),
        ("b.invalid", True),
        ("localhost", True),
        ("printer.local", True),
        ("notexample.org", False),
        ("example.de", False),
        ("test.org", False),
    ],
)
def test_reserved_domains_reach_nobody(domain: str, expected: bool) -> None:
    """Domains of RFC 2606, RFC 6761 and RFC 6762 are reserved, with all below them."""
    assert is_reserved_domain(domain) is expected


# ----------------------------------------------------------------------------------------- sample


@pytest.mark.parametrize(
    "name", ["Riverside Letters", 'The "R" \\ Letters: one, two', "Bücher <und> mehr", "a\tb"[:1]]
)
def test_the_sample_is_read_back_with_every_default(name: str) -> None:
    """What ``init`` writes parses to the defaults, whatever the site is called."""
    text = sample(site_id=SITE_ID, name=name, url="http://127.0.0.1:8000", timezone="Asia/Tokyo")

    config = read(text)
    plain = read(write({"site.id": SITE_ID, "site.name": name, "site.timezone": "Asia/Tokyo"}))
    assert config.site == plain.site
    assert config.mail == plain.mail
    assert config.digests["weekly"].title == "Weekly letter"
    assert config.digests["weekly"].schedule == parse_words("every tuesday at 07:30", "Asia/Tokyo")


def test_the_sample_names_every_key_once_with_its_use() -> None:
    """Every key stands in the file of a new site, cron as a comment beside schedule."""
    text = sample(site_id=SITE_ID, name="Riverside", url="https://a.org", timezone="UTC")
    written = {".".join(key).replace("weekly", "NAME") for key in locate(text)}

    assert set(KEYS) - written == {"digests.NAME.cron"}
    assert '\n# cron = "30 7 * * 2"' in text
    for key, about in KEYS.items():
        assert f"# {about}\n" in text, key


def test_a_name_that_no_header_can_carry_makes_no_sample_that_parses() -> None:
    """The text is TOML for any name; whether the name is good is for ``parse`` to say."""
    text = sample(site_id=SITE_ID, name="a\x07\n", url="https://a.org", timezone="UTC")

    assert tomllib.loads(text)["site"]["name"] == "a\x07\n"
    assert {problem.line for problem in problems_of(text)} == {
        locate(text)["site", "name"],
        locate(text)["mail", "from"],
    }


def test_every_key_is_described_in_one_line() -> None:
    """The table of options is what explains itself: no key without words, none with two lines."""
    assert list(KEYS) == list(OPTIONS)
    assert all(about and "\n" not in about and len(about) <= 70 for about in KEYS.values())


# ------------------------------------------------------------------------------------------ lines


def test_keys_are_found_in_every_form_of_toml() -> None:
    """Comments, strings of all kinds, lists and inline tables hide no key and make none."""
    text = (
        "# a = 1\n"
        'a = """\nx = 1\n\\"""\n""""\n'
        "b = '''\ny = 2''' # c = 3\n"
        "c = [ # d = 4\n  ']', [1, \"]\"], # ]\n  { z = 5 },\n]\n"
        'd = { e = 1, f.g = "}", "h i" = { j = [] } , k = {} }\n'
        "l . 'm' . \"n\\u006f\" = 1979-05-27 07:32:00\n"
        "[ o . p ] # [q]\n"
        "\tr = true\r\n"
        "[[s]]\nt = 1\n[[s]]\nu = -1.5\n"
        "[o]\nv = '#'"
    )

    found = {".".join(key): line for key, line in locate(text).items()}

    assert found == {
        "a": 2,
        "b": 6,
        "c": 8,
        "d": 12,
        "d.e": 12,
        "d.f": 12,
        "d.f.g": 12,
        "d.h i": 12,
        "d.h i.j": 12,
        "d.k": 12,
        "l": 13,
        "l.m": 13,
        "l.m.no": 13,
        "o": 14,
        "o.p": 14,
        "o.p.r": 15,
        "s": 16,
        "s.t": 17,
        "s.u": 19,
        "o.v": 21,
    }


def test_an_empty_file_has_no_keys() -> None:
    """Nothing is found where nothing is."""
    assert locate("") == {}
    assert locate(" \n# only a comment") == {}


RAW_VALUES = st.sampled_from(
    [
        "1",
        "true",
        "-1_000",
        "inf",
        "1979-05-27 07:32:00Z",
        '"a # b = \\" ] }"',
        "'c = [ \\'",
        '"""\na = 1\n\n"quoted" \\\n  [x]"""',
        "'''\n[y]\n''''",
        '""""two quotes"""""',
        "[]",
        "[1, # ]\n 2,\n]",
        "[['a]'], [\"]\", '''\n]'''], { k = 1 }]",
        "{}",
        "{ x = 1, y.z = '}' }",
        "{ x = { y = [ { z = 1 } ] } }",
    ]
)
RAW_KEYS = st.sampled_from(["a", "b-c", "d_1", '"e f"', "'g.h'", "i . j", "k.'l'.\"m\\t\"", "5"])
RAW_ENDS = st.sampled_from(["\n", "\r\n", " # a = 1\n", "\n\n\t\n# [x]\n"])


def paths_in(table: Mapping[str, Any], at: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for name, value in table.items():
        found.add((*at, name))
        if isinstance(value, dict):
            found |= paths_in(value, (*at, name))
    return found


@given(st.lists(st.tuples(RAW_KEYS, RAW_VALUES, RAW_ENDS, st.booleans()), max_size=8))
def test_lines_agree_with_tomllib(items: list[tuple[str, str, str, bool]]) -> None:
    """Every key that tomllib reads is found, no other, on the line where it was written."""
    text, expected = "", {}
    for n, (key, value, end, is_table) in enumerate(items):
        name = f"k{n}"
        expected[name] = text.count("\n") + 1
        text += f"[{name}]{end}" if is_table else ""
        prefix = "" if is_table or "[k" in text else f"{name} . "
        if not prefix and not is_table:
            text += f"[{name}]\n"
        text += f"{prefix}{key} = {value}{end}"

    found = locate(text)

    assert set(found) == paths_in(tomllib.loads(text))
    assert {name: found[name,] for name in expected} == expected


# ------------------------------------------------------------------------------------- properties


DURATIONS = st.sampled_from(["90s", "15m", "24h", "7d", "2w"])
LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
MAILBOXES = st.sampled_from(["a@riverside.org", "Name <a.b+c@riverside.org>", '"N, M" <a@b>'])
PLACES = st.sampled_from([{"env": "X"}, {"file": "x"}, {"env": ""}, {"file": ""}])
VALID: dict[str, st.SearchStrategy[Any]] = {
    "site.name": LINES,
    "site.id": st.uuids().map(str),
    "site.url": st.sampled_from(["https://a.org", "http://127.0.0.1:8000/", "https://[::1]/x/"]),
    "site.language": st.sampled_from(["en", "de-CH", "zh-Hant-TW", "es-419"]),
    "site.timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"]),
    "site.author": LINES,
    "site.rights": LINES,
    "site.logo": LINES,
    "site.accent": st.integers(0, 0xFFFFFF).map("#{:06x}".format),
    "site.postal_address": LINES.map(lambda text: f"{text}\n{text}"),
    "site.notice": LINES,
    "site.crisis": LINES,
    "paths.posts": st.sampled_from(["texts", "../texts", "/srv/texts"]),
    "paths.templates": st.just("my/templates"),
    "paths.output": st.sampled_from(["www", "/srv/www"]),
    "paths.outbox": st.just("out"),
    "paths.state": st.just("state"),
    "database.url": st.sampled_from(["", "postgresql+psycopg:///x?host=/run/postgresql"]),
    "review.required": st.booleans(),
    "review.four_eyes": st.booleans(),
    "review.checklist": st.lists(LINES, max_size=3),
    "feeds.entries": st.integers(1, 1000),
    "feeds.content": st.sampled_from(["full", "summary"]),
    "feeds.hub": st.sampled_from(["", "https://hub.a.org/?x=1"]),
    "digests.NAME.title": LINES,
    "digests.NAME.schedule": st.just("every tuesday, friday at 07:30"),
    "digests.NAME.timezone": st.sampled_from(["", "UTC"]),
    "digests.NAME.subject": st.sampled_from(["{title}", "{first} {count} {date} {number}"]),
    "digests.NAME.discreet_subject": st.sampled_from(["Reading", "{date}"]),
    "digests.NAME.discreet_from": st.one_of(st.just(""), MAILBOXES),
    "digests.NAME.content": st.sampled_from(["full", "summary"]),
    "digests.NAME.max_posts": st.integers(1, 100),
    "digests.NAME.approval": st.sampled_from(["none", "required"]),
    "digests.NAME.prepare": st.one_of(st.just("0h"), DURATIONS),
    "digests.NAME.heads_up": st.one_of(st.just(""), DURATIONS),
    "digests.NAME.late_after": DURATIONS,
    "courses.at": st.times().map("{:%H:%M}".format),
    "courses.paces": st.lists(st.sampled_from(["1d", "48h", "1w"]), max_size=3),
    "mail.transport": st.sampled_from(["outbox", "smtp"]),
    "mail.trial": st.booleans(),
    "mail.from": MAILBOXES,
    "mail.reply_to": st.one_of(st.just(""), MAILBOXES),
    "mail.bounce_domain": st.sampled_from(["", "bounce.a.org"]),
    "mail.uncertain": st.sampled_from(["resend", "hold"]),
    "mail.expire_after": DURATIONS,
    "mail.daily_limit": st.integers(0, 10**9),
    "mail.smtp.host": st.sampled_from(["smtp.a.org", "::1", "10.0.0.1"]),
    "mail.smtp.port": st.integers(1, 65535),
    "mail.smtp.security": st.sampled_from(["tls", "starttls"]),
    "mail.smtp.username": LINES,
    "mail.smtp.password": PLACES,
    "mail.smtp.connections": st.integers(1, 1000),
    "mail.smtp.rate": st.sampled_from(["", "1/sec", "600/min", "5000/hour"]),
    "mail.dkim.domain": st.just("a.org"),
    "mail.dkim.selector": st.just("s1"),
    "mail.dkim.rsa_key": st.sampled_from([{"file": ""}, {"env": ""}]),
    "mail.dkim.ed25519_key": st.just({"file": ""}),
    "feedback.maildir": st.sampled_from(["", "bounces"]),
    "feedback.imap": st.sampled_from(["", "imaps://me@a.org:1993/INBOX"]),
    "feedback.imap_password": PLACES,
    "web.listen": st.sampled_from(["0.0.0.0:80", "[::]:8000", "localhost:0"]),
    "web.trusted_proxies": st.lists(st.sampled_from(["::1", "10.0.0.0/8"])),
    "web.console_listen": st.sampled_from(["", "127.0.0.1:9000"]),
    "subscribe.embed_origins": st.lists(st.sampled_from(["https://a.org", "http://b.org:8080"])),
    "subscribe.confirm_within": DURATIONS,
    "hooks.after_publish": st.lists(LINES),
    "alerts.webhook": st.sampled_from(["", "https://a.org/hook?x"]),
    "alerts.command": st.lists(LINES),
    "privacy.keep_attempts": st.sampled_from(["24h", "90d", "52w"]),
    "privacy.keep_unconfirmed": st.sampled_from(["1d", "14d"]),
    "privacy.keep_drafts": st.sampled_from(["1d", "26w"]),
    "privacy.keep_backups": st.sampled_from(["24h", "90d"]),
}
REQUIRED = {"site.id": SITE_ID, "site.name": "Riverside"}


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Any subset of the keys, the required ones always, with values they take."""
    keys = draw(st.lists(st.sampled_from(sorted(VALID)), unique=True))
    values = {key: draw(VALID[key]) for key in keys}
    if any(key.startswith("digests.") for key in keys):
        values.setdefault("digests.NAME.schedule", "every day at 07:30")
    return {key.replace("NAME", "weekly"): value for key, value in {**REQUIRED, **values}.items()}


def test_the_properties_try_every_key() -> None:
    """No key is left out of the properties; cron excludes schedule and has its own tests."""
    assert set(KEYS) - set(VALID) == {"digests.NAME.cron"}
    assert set(VALID) <= set(KEYS)


@settings(deadline=None)
@given(configurations())
def test_any_subset_of_valid_keys_parses(values: dict[str, Any]) -> None:
    """Keys do not need one another, and reading twice gives the same value."""
    text = write(values)

    assert read(text) == read(text)


@settings(deadline=None)
@given(configurations(), st.data())
def test_a_key_with_another_name_is_one_unknown_key(
    values: dict[str, Any], data: st.DataObject
) -> None:
    """Whichever key is misspelt, exactly one problem says so, with its line and a suggestion."""
    key = data.draw(st.sampled_from(sorted(values)))
    flipped = {(f"{key}x" if name == key else name): value for name, value in values.items()}
    text = write(flipped)

    found = [p for p in problems_of(text) if p.code == "config.unknown_key"]

    assert [problem.got for problem in found] == [f"{key}x"]
    assert text.splitlines()[(found[0].line or 0) - 1].startswith(f"{key.rpartition('.')[2]}x = ")
    assert key in found[0].hint


@settings(deadline=None)
@given(st.binary(max_size=60).map(lambda data: MINIMAL.encode() + data))
def test_no_bytes_end_in_anything_but_a_config_or_its_problems(data: bytes) -> None:
    """Whatever is in the file, the answer is a configuration or a list of problems."""
    try:
        answer: object = parse(data, path=PATH, environ={})
    except ConfigError as error:
        answer = error.problems

    assert answer


@settings(deadline=None)
@example(key="digests.NAME.schedule", value="\uaaf7")
@given(
    st.sampled_from(sorted(VALID)),
    st.one_of(
        st.text(), st.integers(), st.lists(st.text()), st.booleans(), st.floats(), st.none()
    ),
)
def test_no_value_is_too_strange_to_be_told(key: str, value: object) -> None:
    """Any value for any key is taken or told on one line; nothing else is raised."""
    text = write_value(value) if not isinstance(value, float | None) else "2026-01-01"
    table, _, name = key.replace("NAME", "weekly").rpartition(".")
    document = "" if table == "site" else MINIMAL

    try:
        parse(f"{document}[{table}]\n{name} = {text}\n".encode(), path=PATH, environ={})
    except ConfigError as error:
        for problem in error.problems:
            assert problem.got.isprintable()
            assert len(problem.got) < 200


def test_values_are_shown_short_and_without_passwords() -> None:
    """What an error quotes fits a line and betrays nothing."""
    assert shown("a" * 100) == f'"{"a" * 59}…"'
    assert shown("https://me:hunter2@a.org") == '"https://…@a.org"'
    assert shown("x://h?user=me&password=hunter2&x") == '"x://h?user=me&password=…&x"'
    assert shown(float("nan")) == "nan"


@pytest.mark.parametrize("identity", ["riverside-letters", SITE_ID.upper()])
def test_site_id_is_a_uuid_or_another_word(identity: str) -> None:
    """A word serves as well as a UUID, which is given in lower case."""
    config = parse(write({**REQUIRED, "site.id": identity}).encode(), path=PATH, environ={})

    assert config.site.id == (identity if "river" in identity else SITE_ID)


# ---------------------------------------------------------------------------------------- courses


def test_a_course_has_the_settings_of_the_first_digest_and_its_own_time() -> None:
    """Zone and time are the site's and ``[courses]``; looks and discretion the first digest's."""
    config = read(
        f"""
        [site]
        name = "Letters"
        id = "{SITE_ID}"
        timezone = "Europe/Berlin"
        [courses]
        at = "06:15"
        [digests.weekly]
        schedule = "every tuesday at 07:30"
        discreet_subject = "Something to read"
        content = "full"
        [digests.daily]
        schedule = "every day at 07:30"
        discreet_from = "Reading <reading@example.com>"
        """
    )

    found = find_digest(config, "course:sleep", "Sleeping well")

    assert found is not None
    assert (found.name, found.title, found.zone) == (
        "course:sleep",
        "Sleeping well",
        "Europe/Berlin",
    )
    assert found.schedule == parse_words("every day at 06:15", "Europe/Berlin")
    assert (found.subject, found.discreet_subject) == ("{first}", "Something to read")
    assert (found.content, found.discreet_from) == ("full", config.digests["daily"].discreet_from)
    assert (found.approval, found.heads_up) == ("none", None)


def test_a_course_needs_no_digest_and_a_digest_is_found_by_name() -> None:
    """Without any digest a course has neutral words; a name that is neither is nothing."""
    bare = read(f'[site]\nname = "Letters"\nid = "{SITE_ID}"')
    weekly = read_with('[digests.weekly]\nschedule = "every tuesday at 07:30"')

    found = find_digest(bare, "course:sleep")

    assert found is not None
    assert (found.title, found.discreet_subject, found.content) == (
        "sleep",
        "Your reading",
        "summary",
    )
    assert found.discreet_from is None
    assert find_digest(weekly, "weekly") is weekly.digests["weekly"]
    assert find_digest(weekly, "daily") is None


# ----------------------------------------------------------------------------------------- sources


def _settings(text: str, **environ: str) -> dict[str, tuple[str, str]]:
    found = list_settings(f"{MINIMAL}{text}".encode(), path=PATH, environ=environ)
    return {one.key: (one.value, one.source) for one in found}


def test_each_setting_is_told_with_its_source() -> None:
    """The file's line, the variable or the default; digests by their names; every key is there."""
    found = _settings(
        "[digests.weekly]\nmax_posts = 4\n[digests.short-one]\n", PUBLISHER_MAIL__FROM="a@b.net"
    )

    assert found["site.name"] == ('"Riverside Letters"', "line 3")
    assert found["mail.from"] == ('"a@b.net"', "environment: PUBLISHER_MAIL__FROM")
    assert found["digests.weekly.max_posts"] == ("4", "line 5")
    assert found["digests.short-one.max_posts"] == ("10", "default")
    assert {key.replace("weekly", "NAME") for key in found if "short-one" not in key} == set(KEYS)


def test_no_secret_is_told_only_where_it_is() -> None:
    """Neither a secret in its own variable nor one in an address or a command's arguments."""
    found = _settings(
        """
        [mail.smtp]
        password = "hunter2"
        [mail.dkim]
        rsa_key = { file = "dkim.pem" }
        [alerts]
        webhook = "https://hooks.example.net/T1/hunter2?k=hunter2"
        command = ["notify", "--token", "hunter2"]
        [hooks]
        after_publish = ["sync"]
        [database]
        url = "postgresql+psycopg://letters:hunter2@db.example.net/letters"
        """,
        PUBLISHER_FEEDBACK__IMAP_PASSWORD="hunter2",
    )

    assert found["mail.smtp.password"][0] == "••••"
    assert found["mail.dkim.rsa_key"][0] == "•••• (file dkim.pem)"
    assert found["mail.dkim.ed25519_key"][0] == "none"
    assert found["feedback.imap_password"][0] == "•••• (env PUBLISHER_FEEDBACK__IMAP_PASSWORD)"
    assert found["alerts.webhook"][0] == "https://hooks.example.net/••••"
    assert found["alerts.command"][0] == '"notify" and ••••'
    assert found["hooks.after_publish"][0] == '"sync"'
    assert found["feeds.hub"] == ('""', "default")
    assert "hunter2" not in repr(found)


def test_settings_of_what_is_no_toml_are_a_problem() -> None:
    """A file that cannot be read at all is told as it is at the start."""
    with pytest.raises(ConfigError):
        list_settings(b"[site", path=PATH, environ={})
