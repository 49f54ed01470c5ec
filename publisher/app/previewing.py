"""Previewing: a letter as its reader would see it, its text, its headers and size; links are inert."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.app.admitting import STAFF_FOLDER
from publisher.app.looking import content_of
from publisher.errors import NotFound, Problem
from publisher.model import corrected_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.config import Digest
    from publisher.editing import Desk
    from publisher.model import Edition, EditionContent, Letter, Subscriber

_SHOWN_HEADERS = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Message-ID",
    "Date",
    "Content-Type",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMail:
    """One mail, taken apart for people."""

    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A letter before it is sent, or as it was."""

    mail: ShownMail
    preheader: str
    html_octets: int
    titles: tuple[str, ...]
    problems: tuple[Problem, ...]
    has_news: bool
    """Whether there is anything new; else the newest posts stand in."""


def take_apart(data: bytes) -> ShownMail:
    """Return a mail's parts and the headers that people ask about, decoded."""
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    parts = {kind: parsed.get_body((kind,)) for kind in ("html", "plain")}
    texts = {kind: str(part.get_content()) if part else "" for kind, part in parts.items()}
    return ShownMail(
        subject=str(parsed["Subject"] or ""),
        html=texts["html"],
        text=texts["plain"],
        headers=tuple(
            (name, " ".join(str(parsed[name]).split())) for name in _SHOWN_HEADERS if parsed[name]
        ),
        octets=len(data),
    )


def preview_of(
    site: Site,
    desk: Desk,
    content: EditionContent,
    *,
    post_ids: Sequence[str] = (),
    letter: Letter | None = None,
    person: Subscriber | None = None,
    discreet: bool = False,
    at: datetime,
    has_news: bool = True,
) -> Preview:
    """Return a letter as one person, or a made-up one, would see it; nobody can leave by its links."""
    from publisher import delivering, editing, subscribing, tokens  # noqa: PLC0415

    if letter is None:
        chosen = tuple(post_ids) or tuple(post.post_id for post in content.posts)
        corrected = tuple(one.post_id for one in content.corrected)
        version = (
            editing.version_for(desk, content, person, at=at) if person else (chosen, corrected)
        )
        letter = desk.letters.render(content, *version)
    heading = delivering.heading_of(content, letter)
    compiled = delivering.compile_for(site.config, content, letter)
    own = subscribing.read_address(site.config.mail.from_.address)
    reader = delivering.Reader(
        address=person.address if person else own,
        discreet=person.discreet if person else discreet,
        confirmed_at=person.confirmed_at if person else at,
        token=tokens.inert("link"),
    )
    data = delivering.address_letter(
        site.config,
        content,
        compiled,
        reader,
        heading=heading,
        mark="preview",
        at=at.replace(microsecond=0),
    )
    titles = {post.post_id: post.title for post in content.posts}
    return Preview(
        mail=take_apart(data),
        preheader="" if reader.discreet else heading.preheader,
        html_octets=compiled.html_octets,
        titles=tuple(titles.get(one, one) for one in letter.post_ids)
        if not corrected_digest(content.digest)
        else (),
        problems=tuple(editing.inspect_letter(desk, content, letter)),
        has_news=has_news,
    )


def coming_content(
    site: Site, desk: Desk, digest: Digest, edition: Edition | None, *, at: datetime
) -> EditionContent:
    """Return what a digest would send at a moment: as frozen, as drafted, or what is new then."""
    from publisher import editing  # noqa: PLC0415
    from publisher.store import editions  # noqa: PLC0415

    if edition is None:
        return editing.preview(desk, digest, at=at)
    if edition.content_sha256:
        with site.store.read() as tx:
            return editions.read_content(tx, edition.id)
    return content_of(desk, edition)


def read_letter(
    site: Site, desk: Desk, edition: Edition, number: int, *, at: datetime, discreet: bool
) -> Preview:
    """Return a letter of an edition that was opened, as it was mailed; raises NotFound."""
    from publisher.store import editions  # noqa: PLC0415

    if edition.is_correction and not edition.letters:  # not opened yet: as it would be
        content = content_of(desk, edition)
        return preview_of(site, desk, content, at=at, discreet=discreet)
    with site.store.read() as tx:
        if number not in editions.letter_ids(tx, edition.id).values():
            raise NotFound(_no_letter(edition, number))
        letter = editions.read_letter(tx, edition.id, number)
        content = editions.read_content(tx, edition.id)
    return preview_of(site, desk, content, letter=letter, at=at, discreet=discreet)


def _no_letter(edition: Edition, number: int) -> Problem:
    return Problem(
        code="letter.unknown",
        path=edition.name,
        expected="a letter of this edition",
        got=f"number {number}, which it has not",
        hint="Its page lists them.",
    )


def as_markdown(html: str) -> str:
    """Return rich text, as Word, Google Docs or a browser gives it, as Markdown."""
    from publisher.exchange.richtext import read_rich_text  # noqa: PLC0415

    return read_rich_text(html).markdown


# -------------------------------------------------------------------------------------- the outbox


def list_outbox(site: Site, *, limit: int) -> list[tuple[str, datetime, ShownMail]]:
    """Return the newest mails of the outbox: name, when it was written, and the mail."""
    from publisher.transport import list_mails  # noqa: PLC0415

    found = []
    folders = (f"{STAFF_FOLDER}/",)
    for name, at in list_mails(site.config.paths.outbox, limit=limit, but=folders):
        mail = read_outbox(site, name)
        if mail:
            found.append((name, at, mail))
    return found


def read_outbox(site: Site, name: str) -> ShownMail | None:
    """Return one mail of the outbox by the name it is listed under."""
    from publisher.transport import read_mail  # noqa: PLC0415

    if name.startswith(f"{STAFF_FOLDER}/"):
        return None
    data = read_mail(site.config.paths.outbox, name)
    return take_apart(data) if data is not None else None
