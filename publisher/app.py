"""The composition root: opens a site from its configuration and strings the use cases together."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from publisher import config as configuration
from publisher import site as files
from publisher.config import Config, live_problems
from publisher.errors import ContentError, NotFound, Problem, Refused, Unavailable
from publisher.model import DeliveryState, Edition, EditionState, Envelope
from publisher.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from publisher.config import Digest
    from publisher.delivering import Round
    from publisher.editing import Desk
    from publisher.model import Address, EditionContent
    from publisher.pages import Pages
    from publisher.publishing import Build, Shelf, Workshop
    from publisher.transport import Transport

HOOK_SECONDS = 300
SAMPLE_READER = "sample.reader@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site: its configuration and its store."""

    config: Config
    store: Store
    environ: Mapping[str, str]
    is_new: bool
    """Whether the database was made just now."""


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration; raises ConfigError with every problem at once."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise configuration.missing(path) from error
    return configuration.parse(data, path=path, environ=environ)


def open_site(path: Path, environ: Mapping[str, str]) -> Site:
    """Open the site of a configuration file; its state directory and tables are made."""
    config = load_config(path, environ)
    files.ensure_private(config.paths.state)
    store = Store(config.database.url, config.paths.state / "publisher.sqlite3")
    is_new = store.prepare()
    if is_new:
        from publisher.operating import adopt_epoch  # noqa: PLC0415 - a new site only

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
        feed_css=lambda: _first_file(template_paths(site.config), "feeds/feed.css"),
        fingerprint=_fingerprint(site.config),
    )


def make_pages(config: Config) -> Pages:
    """Return the renderer of pages."""
    from publisher.pages import Pages, SiteView  # noqa: PLC0415

    site = config.site
    return Pages(
        template_paths(config),
        SiteView(
            name=site.name,
            url=site.url,
            language=site.language,
            author=site.author,
            logo=site.logo,
            accent=site.accent,
            notice=site.notice,
            crisis=site.crisis,
            zone=site.timezone,
        ),
    )


def _first_file(folders: list[Path], name: str) -> bytes:
    return next(folder / name for folder in folders if (folder / name).is_file()).read_bytes()


def _fingerprint(config: Config) -> str:
    """Return a digest of everything but posts and store that outputs are made from."""
    digest = hashlib.sha256(repr((config.site, config.feeds, config.mail)).encode())
    digest.update(repr((config.review, sorted(config.digests))).encode())
    for folder in (
        Path(__file__).parent,
        *template_paths(config),
    ):
        for file in sorted(folder.rglob("*")):
            if file.suffix in {".py", ".html", ".css", ".xml"}:
                facts = file.stat()
                digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def open_desk(site: Site, *, now: datetime) -> tuple[Desk, Shelf]:
    """Return what editions are made with, at ``now``."""
    from publisher.editing import Desk  # noqa: PLC0415
    from publisher.letters import Letters  # noqa: PLC0415
    from publisher.publishing import open_shelf  # noqa: PLC0415

    shelf = open_shelf(site.config, site.store, now=now)
    desk = Desk(
        config=site.config,
        store=site.store,
        letters=Letters(template_paths(site.config)),
        catalog=shelf.catalog,
        body_of=shelf.body,
    )
    return desk, shelf


def open_transport(site: Site, *, rehearsal: bool) -> Transport:
    """Return the way out: the outbox for a rehearsal, else the relay."""
    from publisher.transport import Outbox, Smtp, SmtpSettings  # noqa: PLC0415

    if rehearsal:
        return Outbox(site.config.paths.outbox)
    smtp = site.config.mail.smtp
    return Smtp(
        SmtpSettings(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password.read(site.environ) if smtp.username else "",
            hello=site.config.mail.from_.domain,
        )
    )


# -------------------------------------------------------------------------------------- the big job


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionReport:
    """One edition as a report tells it."""

    edition: Edition
    counts: Mapping[DeliveryState, int]


@dataclass(slots=True)
class Report:
    """What one run of the job came to."""

    build: Build
    editions: list[EditionReport] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    round: Round | None = None

    @property
    def exit_code(self) -> int:
        """Return the first that applies: 75 nothing handed over, 6 some wait, 5, 4, 0."""
        open_states = (DeliveryState.PENDING, DeliveryState.INFLIGHT, DeliveryState.DEFERRED)
        doubtful = (DeliveryState.UNCERTAIN, DeliveryState.EXPIRED)
        waiting = sum(
            one.counts[state] for one in self.editions for state in (*open_states, *doubtful)
        )
        left = bool(self.round and self.round.left_to)
        failed = any(one.edition.state is EditionState.FAILED for one in self.editions)
        if waiting and not left:
            handed = self.round.handed_over if self.round else 0
            return 6 if handed or not self._relay_failed else Unavailable.exit_code
        if self.build.refused:
            return Refused.exit_code
        has_errors = any(problem.level == "error" for problem in self.build.problems)
        return 4 if has_errors or failed else 0

    @property
    def _relay_failed(self) -> bool:
        return bool(self.round and self.round.problems)


def publish_once(
    site: Site,
    *,
    now: datetime,
    clock: Callable[[], datetime],
    digest: str | None = None,
    deliver_too: bool = True,
    is_stopping: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
) -> Report:
    """Do the scheduled job once: build, bring every digest to ``now``, publish, deliver, report.

    ``digest`` makes one edition more of that digest, now. Pages and feeds are live before the
    first mail. Raises Refused for a live site that may not mail yet.
    """
    from publisher import editing  # noqa: PLC0415
    from publisher.publishing import build  # noqa: PLC0415

    refuse_unready(site)
    workshop = make_workshop(site)
    report = Report(build=build(workshop, now=now))
    before = _open_ids(site.store)
    desk, _ = open_desk(site, now=now)
    one_more = site.config.digests[digest] if digest else None
    report.problems += editing.advance(desk, now=now, one_more=one_more)
    again = build(workshop, now=now)
    report.build.written += [one for one in again.written if one not in report.build.written]
    if report.build.written or report.build.removed:
        report.problems += _run_hook(site)
    if deliver_too:
        report.round = deliver_open(
            site, clock=clock, is_stopping=is_stopping, on_progress=on_progress
        )
        report.problems += report.round.problems
    report.editions = _report_editions(site.store, before)
    return report


def deliver_open(
    site: Site,
    *,
    clock: Callable[[], datetime],
    is_stopping: Callable[[], bool],
    on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
) -> Round:
    """Send every open edition until nothing can start."""
    from publisher import delivering  # noqa: PLC0415
    from publisher.operating import adopt_epoch  # noqa: PLC0415

    adopt_epoch(site.store, site.config.paths.state, is_new=False)
    return delivering.deliver(
        delivering.Sending(
            config=site.config,
            store=site.store,
            transport=lambda rehearsal: open_transport(site, rehearsal=rehearsal),
            clock=clock,
            is_stopping=is_stopping,
            on_progress=on_progress,
        )
    )


def refuse_unready(site: Site) -> None:
    """Raise Refused where mail would reach people before the site is ready for it."""
    if site.config.live:
        problems = live_problems(site.config)
        if problems:
            raise Refused(*problems)


def _open_ids(store: Store) -> set[int]:
    """Return the editions that were over before this run: they are no news."""
    from publisher.store import editions  # noqa: PLC0415

    over = (
        EditionState.SENT,
        EditionState.PARTIAL,
        EditionState.CANCELLED,
        EditionState.FAILED,
        EditionState.MISSED,
    )
    with store.read() as tx:
        return {one.id for one in editions.read_all(tx, states=over)}


def _report_editions(store: Store, over_before: set[int]) -> list[EditionReport]:
    from publisher.store import editions, ledger  # noqa: PLC0415

    with store.read() as tx:
        return [
            EditionReport(edition=one, counts=ledger.read_counts(tx, one.id))
            for one in editions.read_all(tx)
            if one.id not in over_before
        ]


def _run_hook(site: Site) -> list[Problem]:
    """Run ``hooks.after_publish``; its failure is told and stops nothing."""
    argv = list(site.config.hooks.after_publish)
    if not argv:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            argv,
            cwd=site.config.path.parent,
            env=dict(os.environ),
            timeout=HOOK_SECONDS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        got = f"exit {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}"
        failed = done.returncode != 0
    except (OSError, subprocess.TimeoutExpired) as error:
        got, failed = str(error), True
    if not failed:
        return []
    return [
        Problem(
            code="hook.failed",
            path="hooks.after_publish",
            level="warning",
            expected="a command that ends with exit 0",
            got=got,
            hint="The files are live and mail goes out all the same.",
        )
    ]


# --------------------------------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """One edition in full, as ``edition show`` tells it."""

    report: EditionReport
    details: dict[str, object]


def report_editions(site: Site) -> list[EditionReport]:
    """Return every edition with its counts, oldest first."""
    return _report_editions(site.store, set())


def describe_edition(site: Site, edition: Edition) -> EditionView:
    """Return an edition with its posts and letters."""
    from publisher.store import editions, ledger  # noqa: PLC0415

    with site.store.read() as tx:
        current = editions.read_one(tx, edition.id)
        counts = ledger.read_counts(tx, edition.id)
        posts = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
        content = editions.read_content(tx, edition.id) if current.content_sha256 else None
        reasons = ledger.read_reasons(tx, edition.id)
    titles = {post.post_id: post for post in content.posts} if content else {}
    details: dict[str, object] = {
        "content_sha256": current.content_sha256,
        "approved_by": current.approved_by,
        "posts": [
            {
                "id": post_id,
                "title": titles[post_id].title if post_id in titles else "",
                "path": titles[post_id].path if post_id in titles else "",
            }
            for post_id in posts
        ],
        "reasons": [
            {"state": str(state), "reason": reason, "count": number}
            for state, reason, number in reasons
        ],
    }
    return EditionView(report=EditionReport(edition=current, counts=counts), details=details)


def add_sample_reader(site: Site, *, now: datetime) -> bool:
    """Add a made-up reader to a rehearsing site that has nobody."""
    from publisher.subscribing import ensure_sample_reader  # noqa: PLC0415

    if site.config.mail.transport != "outbox":
        return False
    return ensure_sample_reader(site.store, SAMPLE_READER, now=now)


def preview_letter(
    site: Site, digest: Digest, *, at: datetime, address: str | None, signed: bool
) -> tuple[dict[str, bytes], dict[str, object]]:
    """Return the files of a preview and facts about it; its links never verify.

    ``address`` shows what one subscriber would get. Signed mail is addressed to our own From.
    """
    from publisher import delivering, editing, subscribing, tokens  # noqa: PLC0415
    from publisher.editorial.choice import posts_for  # noqa: PLC0415

    if signed:
        raise Refused(_unsigned())
    desk, _ = open_desk(site, now=at)
    content = editing.preview(desk, digest, at=at)
    to = site.config.mail.from_.address if address is None else address
    parsed = subscribing.read_address(to)
    person = subscribing.find_by_address(site.store, parsed) if address else None
    if address and person is None:
        raise NotFound(_not_on_list(parsed.typed))
    chosen = tuple(post.post_id for post in content.posts)
    if person:
        pairs = [(post.post_id, post.series) for post in content.posts]
        chosen = posts_for(pairs, declined=frozenset(person.series), received=frozenset())
    letter = desk.letters.render(content, chosen)
    compiled = delivering.compile_for(site.config, content, letter)
    reader = delivering.Reader(
        address=person.address if person else parsed,
        discreet=person.discreet if person else False,
        confirmed_at=person.confirmed_at if person else at,
        token=tokens.inert("link"),
    )
    data = delivering.address_letter(
        site.config,
        content,
        compiled,
        reader,
        message_id=f"<preview@{site.config.mail.from_.domain}>",
        at=at.replace(microsecond=0),
    )
    parts = delivering.readable_parts(data)
    facts = {
        "subject": parts["subject"],
        "posts": len(chosen),
        "html_octets": compiled.html_octets,
        "content_sha256": content_sha256_of(content),
    }
    files = {
        "letter.html": parts["html"].encode(),
        "letter.txt": parts["text"].encode(),
        "letter.eml": data,
    }
    return files, facts


def content_sha256_of(content: EditionContent) -> str:
    """Return the digest that an approval covers."""
    from publisher.letters import content_sha256  # noqa: PLC0415

    return content_sha256(content)


def send_test(site: Site, digest: Digest, address: Address, *, now: datetime) -> tuple[str, str]:
    """Hand one marked letter with inert links to the transport; return outcome and where."""
    from publisher import delivering, editing, tokens  # noqa: PLC0415

    refuse_unready(site)
    desk, _ = open_desk(site, now=now)
    content = editing.preview(desk, digest, at=now)
    letter = desk.letters.render(content, [post.post_id for post in content.posts])
    stamp = f"{now:%Y%m%d%H%M%S%f}"
    sender = site.config.mail.from_
    data = delivering.address_letter(
        site.config,
        content,
        delivering.compile_for(site.config, content, letter),
        delivering.Reader(
            address=address, discreet=False, confirmed_at=now, token=tokens.inert("link")
        ),
        message_id=f"<test.{stamp}@{sender.domain}>",
        at=now.replace(microsecond=0),
        subject=f"[Test {now:%H:%M}] {content.subject}",
    )
    name = f"test-{digest.name}/{stamp}"
    envelope = Envelope(sender=sender.address, recipient=address.typed, name=name)
    rehearsal = site.config.mail.transport == "outbox"
    transport = open_transport(site, rehearsal=rehearsal)
    try:
        outcome = transport.send(envelope, data)
    finally:
        transport.close()
    where = f"{site.config.paths.outbox / name}.eml" if rehearsal else outcome.reply
    return type(outcome).__name__.lower(), str(where)


def _unsigned() -> Problem:
    return Problem(
        code="preview.signed",
        path="--signed",
        expected="keys to sign with",
        got="none set up in [mail.dkim]",
        hint="Leave out --signed to see the letter.",
    )


def _not_on_list(address: str) -> Problem:
    return Problem(
        code="subscriber.unknown",
        path="--for",
        expected="the address of a subscriber",
        got=address,
        hint="publisher subscribers ls lists them.",
    )


# -------------------------------------------------------------------------------------- checking


def check_site(site: Site, *, now: datetime) -> list[Problem]:
    """Return every problem of configuration, posts, series, templates and letters."""
    from publisher import editing  # noqa: PLC0415

    problems = [] if not site.config.live else list(live_problems(site.config))
    try:
        make_pages(site.config)
    except ContentError as error:
        problems += error.problems
    desk, shelf = open_desk(site, now=now)
    problems += shelf.catalog.problems
    for digest in site.config.digests.values():
        try:
            content = editing.preview(desk, digest, at=now)
            if content.posts:
                desk.letters.render(content, [post.post_id for post in content.posts])
        except ContentError as error:
            problems += error.problems
    return list(dict.fromkeys(problems))
