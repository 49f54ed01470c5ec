"""Looking before and after: previews, tests, checks, and what became of an edition."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from publisher.app.job import EditionReport, read_reports, refuse_unready
from publisher.app.measuring import read_pace
from publisher.app.opening import make_notices, make_pages, open_desk, open_transport
from publisher.app.signing import make_signer
from publisher.app.trying import note_test, refuse_stranger
from publisher.config import feedback_problems, live_problems, signing_problems
from publisher.editorial.progress import group_reasons, tell_pace
from publisher.errors import ConfigError, ContentError, NotFound, Problem, Refused
from publisher.model import Accepted, EditionState, Envelope, HeldReason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.config import Digest
    from publisher.delivering import Reader
    from publisher.editing import Desk
    from publisher.editorial.progress import Reason
    from publisher.mail import Signer
    from publisher.model import (
        Address,
        Body,
        Catalog,
        Edition,
        EditionContent,
        Letter,
        Post,
        Ruling,
        Subscriber,
    )
    from publisher.store.followers import Following

SAMPLE_READER = "sample.reader@example.org"


def find_edition(site: Site, name: str) -> Edition:
    """Return the edition called ``weekly/12``, or ``12`` where there is one digest.

    A number that stands for a rehearsal and a live edition is the one of the transport in force.
    Raises NotFound.
    """
    from publisher.store import editions  # noqa: PLC0415

    digest, _, number = name.rpartition("/")
    if not digest and len(site.config.digests) == 1:
        digest = next(iter(site.config.digests))
    found = None
    if digest and number.isdecimal():
        with site.store.read() as tx:
            found = editions.read_by_number(
                tx, digest, int(number), rehearsal=site.config.mail.transport == "outbox"
            )
    if found is None:
        raise NotFound(
            Problem(
                code="edition.unknown",
                path=name,
                expected="an edition such as weekly/12",
                got=name,
                hint="publisher edition ls lists them.",
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """One edition in full, as ``edition show`` tells it."""

    report: EditionReport
    details: dict[str, object]
    pace: str = ""
    """How fast it goes and how long it takes still, where it is being sent."""


def list_followers(site: Site) -> list[Following]:
    """Return for how many people the services that fetch feeds for many do so, by feed."""
    from publisher.store import followers  # noqa: PLC0415

    with site.store.read() as tx:
        return followers.read_all(tx)


def list_newest(site: Site, *, limit: int, before: int | None = None) -> list[Edition]:
    """Return the editions that were made last, the newest first, or those before one."""
    from publisher.store import listing  # noqa: PLC0415

    with site.store.read() as tx:
        return listing.read_newest(tx, limit=limit, before=before)


def find_person(site: Site, subscriber_id: int) -> Subscriber | None:
    """Return a subscriber by id."""
    from publisher.store import subscribers  # noqa: PLC0415

    with site.store.read() as tx:
        return subscribers.read_one(tx, subscriber_id)


def report_editions(site: Site) -> list[EditionReport]:
    """Return every edition with its counts, oldest first."""
    return read_reports(site.store, set())


def list_editions(site: Site) -> list[Edition]:
    """Return every edition as it is, without its counts."""
    from publisher.store import editions  # noqa: PLC0415

    with site.store.read() as tx:
        return editions.read_all(tx)


def describe_edition(site: Site, edition: Edition, *, now: datetime) -> EditionView:
    """Return an edition with its posts and letters, what came of it and why, and how fast it goes."""
    from publisher.store import editions, hands, ledger  # noqa: PLC0415

    with site.store.read() as tx:
        current = editions.read_one(tx, edition.id)
        counts = ledger.read_counts(tx, edition.id)
        posts = [post_id for post_id, _ in editions.read_posts(tx, edition.id)]
        content = editions.read_content(tx, edition.id) if current.content_sha256 else None
        reasons = group_reasons(ledger.read_reasons(tx, edition.id, counts))
        pace = read_pace(tx, current, counts, now=now)
        uncertain = ledger.count_uncertain(tx, edition.id)
        history = hands.read_events(tx, edition.id)
    titles = {post.post_id: post for post in content.posts} if content else {}
    details: dict[str, object] = {
        "content_sha256": current.content_sha256,
        "approved_by": current.approved_by,
        "uncertain_attempts": uncertain,
        "posts": [
            {
                "id": post_id,
                "title": titles[post_id].title if post_id in titles else "",
                "path": titles[post_id].path if post_id in titles else "",
            }
            for post_id in posts
        ],
        "reasons": [reason_shape(one) for one in reasons],
        "progress": asdict(pace) if pace else None,
        "history": [
            {"at": one.at.isoformat(), "by": one.by, "verb": one.verb, "detail": one.detail}
            for one in history
        ],
        "problems": [problem.as_json() for problem in _find_problems(site, current, now=now)],
    }
    return EditionView(
        report=EditionReport(edition=current, counts=counts, reasons=tuple(reasons)),
        details=details,
        pace=tell_pace(pace) if pace else "",
    )


def reason_shape(reason: Reason) -> dict[str, object]:
    """Return the JSON of why so many deliveries are where they are."""
    return {"state": str(reason.state), "reason": reason.reason, "count": reason.count}


def _find_problems(site: Site, edition: Edition, *, now: datetime) -> list[Problem]:
    if not _is_stopped(edition):
        return []
    desk, _ = open_desk(site, now=now)
    return read_findings(desk, edition)


def _is_stopped(edition: Edition) -> bool:
    return (edition.state, edition.reason) == (EditionState.HELD, HeldReason.PREFLIGHT)


def read_findings(desk: Desk, edition: Edition) -> list[Problem]:
    """Return what holds an edition that its preflight stopped, as it is by now."""
    from publisher import editing  # noqa: PLC0415

    if not _is_stopped(edition):
        return []
    try:
        return editing.try_letter(desk, editing.current_content(desk, edition))
    except (ContentError, Refused) as error:
        return list(error.problems)


def add_sample_reader(site: Site, *, now: datetime) -> bool:
    """Add a made-up reader to a rehearsing site that has nobody."""
    from publisher.subscribing import ensure_sample_reader  # noqa: PLC0415

    if site.config.mail.transport != "outbox":
        return False
    return ensure_sample_reader(site.store, SAMPLE_READER, now=now)


def preview_letter(
    site: Site, digest: Digest, *, at: datetime, address: str | None, signed: bool
) -> tuple[dict[str, bytes], dict[str, object], list[Problem]]:
    """Return the files of a preview, facts about it and what is wrong; its links never verify.

    ``address`` shows what one subscriber would get. Signed mail is addressed to our own From.
    """
    from publisher import delivering, editing, subscribing, tokens  # noqa: PLC0415

    signer = make_signer(site.config, site.environ) if signed else None
    if signed and signer is None:
        raise Refused(_unsigned())
    desk, _ = open_desk(site, now=at)
    person = find_reader(site, address) if address else None
    content = editing.preview(desk, desk.digest(digest.name) or digest, at=at, person=person)
    version = editing.version_for(desk, content, person, at=at)
    letter = desk.letters.render(content, *version)
    own = subscribing.read_address(site.config.mail.from_.address)
    reader = delivering.Reader(
        # With our signature it could be passed off as ours: it is a letter to ourselves.
        address=person.address if person and not signed else own,
        discreet=person.discreet if person else False,
        confirmed_at=person.confirmed_at if person else at,
        token=tokens.inert("link"),
    )
    files, facts = show_letter(site, content, letter, reader, at=at, signer=signer)
    return files, facts, editing.inspect_letter(desk, content, letter)


def show_letter(
    site: Site,
    content: EditionContent,
    letter: Letter,
    reader: Reader,
    *,
    at: datetime,
    signer: Signer | None = None,
) -> tuple[dict[str, bytes], dict[str, object]]:
    """Return the files of a letter to one reader, and facts about it."""
    from publisher import delivering  # noqa: PLC0415

    compiled = delivering.compile_for(site.config, content, letter)
    data = delivering.address_letter(
        site.config,
        content,
        compiled,
        reader,
        heading=delivering.heading_of(content, letter),
        mark="preview",
        at=at.replace(microsecond=0),
        signer=signer,
    )
    parts = delivering.readable_parts(data)
    facts: dict[str, object] = {
        "subject": parts["subject"],
        "posts": len(letter.post_ids),
        "html_octets": compiled.html_octets,
        "content_sha256": content_sha256_of(content),
    }
    files = {
        "letter.html": parts["html"].encode(),
        "letter.txt": parts["text"].encode(),
        "letter.eml": data,
    }
    return files, facts


def find_reader(site: Site, address: str) -> Subscriber:
    """Return the subscriber at an address; raises NotFound."""
    from publisher import subscribing  # noqa: PLC0415

    parsed = subscribing.read_address(address)
    person = subscribing.find_by_address(site.store, parsed)
    if person is None:
        raise NotFound(_not_on_list(parsed.typed))
    return person


def content_of(desk: Desk, edition: Edition) -> EditionContent:
    """Return what an edition would be frozen with now; raises ContentError where it cannot be."""
    from publisher import editing  # noqa: PLC0415

    return editing.current_content(desk, edition)


def content_sha256_of(content: EditionContent) -> str:
    """Return the digest that an approval covers."""
    from publisher.letters import content_sha256  # noqa: PLC0415

    return content_sha256(content)


def send_test(
    site: Site, digest: Digest, address: Address, *, by: str = "operator", now: datetime
) -> tuple[str, str]:
    """Hand one marked letter with inert links to the transport; return outcome and where.

    Raises Refused in a trial where nobody of the staff has that address.
    """
    from publisher import delivering, editing, tokens  # noqa: PLC0415

    refuse_unready(site)
    refuse_stranger(site, address)
    desk, _ = open_desk(site, now=now)
    content = editing.preview(desk, desk.digest(digest.name) or digest, at=now)
    letter = desk.letters.render(content, *editing.version_for(desk, content, None, at=now))
    heading = delivering.heading_of(content, letter)
    stamp = f"{now:%Y%m%d%H%M%S%f}"
    sender = site.config.mail.from_
    data = delivering.address_letter(
        site.config,
        content,
        delivering.compile_for(site.config, content, letter),
        delivering.Reader(
            address=address, discreet=False, confirmed_at=now, token=tokens.inert("link")
        ),
        heading=heading,
        mark=f"test.{stamp}",
        at=now.replace(microsecond=0),
        subject=f"[Test {now:%H:%M}] {heading.subject}",
        signer=make_signer(site.config, site.environ),
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
    if isinstance(outcome, Accepted) and not rehearsal:
        note_test(site, by=by, now=now)
    return type(outcome).__name__.lower(), str(where)


def _unsigned() -> Problem:
    return Problem(
        code="preview.signed",
        path="--signed",
        expected="keys to sign with",
        got="none set up in [mail.dkim]",
        hint="Make a pair with publisher dns --make-keys, or leave out --signed to see the letter.",
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

    problems = [
        *live_problems(site.config),
        *signing_problems(site.config),
        *feedback_problems(site.config),
        *_try_keys(site),
    ]
    desk, shelf = open_desk(site, now=now)
    problems += _try_notices(site)
    problems += _try_pages(site, shelf.catalog, shelf.body)
    problems += shelf.catalog.problems
    problems += [
        _unreviewed(ruling)
        for ruling in shelf.catalog.rulings
        if ruling.verdict is Verdict.UNREVIEWED
    ]
    for digest in site.config.digests.values():
        try:
            content = editing.preview(desk, digest, at=now)
            if content.posts:
                letter = desk.letters.render(content, [post.post_id for post in content.posts])
                found = editing.inspect_letter(desk, content, letter)
                problems += [one for one in found if one.path != "site.postal_address"]
        except ContentError as error:
            problems += error.problems
    return list(dict.fromkeys(problems))


def _unreviewed(ruling: Ruling) -> Problem:
    return Problem(
        code="post.unreviewed",
        path=f"posts/{ruling.path}",
        level="warning",
        expected="an approval of this exact source",
        got="none",
        hint=f"It waits. publisher review approve {ruling.path} --by NAME, by somebody who did not "
        "write it; without reviewer and review.required it is published.",
    )


def _try_keys(site: Site) -> list[Problem]:
    try:
        make_signer(site.config, site.environ)
    except ConfigError as error:
        return list(error.problems)
    return []


def _try_notices(site: Site) -> list[Problem]:
    """Render a notice of each kind, as ``_try_pages`` does with pages."""
    from publisher.notices import SAMPLES  # noqa: PLC0415

    notices, problems = make_notices(site.config), list[Problem]()
    for kind, values in SAMPLES.items():
        try:
            notices.render(kind, **values)
        except ContentError as error:
            problems += error.problems
    return problems


def _try_pages(site: Site, catalog: Catalog, body_of: Callable[[Post], Body]) -> list[Problem]:
    """Render one page of each kind: a template's slip shows before a build."""
    try:
        pages = make_pages(site.config)
        pages.home(catalog)
        pages.archive(catalog)
        pages.feeds(catalog)
        pages.not_found()
        for series in catalog.series[:1]:
            pages.series(series, catalog)
        for post in catalog.posts[:1]:
            pages.post(post, body_of(post), catalog.place(post), catalog)
    except ContentError as error:
        return list(error.problems)
    return []
