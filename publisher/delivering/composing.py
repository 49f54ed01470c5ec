"""From a frozen letter to the mail of one reader: compiled once, then only joined.

The same letter, reader and second give the same octets, so a mail that goes again is the same mail.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher import mail, tokens, urls
from publisher.config import find_digest
from publisher.editorial.choice import one_line, shorten
from publisher.editorial.moments import tell_date
from publisher.model import Envelope, corrected_digest, course_series
from publisher.store import editions, subscribers

if TYPE_CHECKING:
    from datetime import date, datetime

    from publisher.config import Config, Mailbox
    from publisher.model import Address, Edition, EditionContent, Letter
    from publisher.store import Store, ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The one person a mail is addressed to, with the token of their links."""

    address: Address
    discreet: bool
    confirmed_at: datetime | None
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a mail program shows of a letter in its list."""

    subject: str
    preheader: str


def heading_of(content: EditionContent, letter: Letter) -> Heading:
    """Return the heading of a letter: the edition's, or its own where each part has a letter."""
    if not course_series(content.digest):
        return Heading(subject=content.subject, preheader=content.preheader)
    own = next(post for post in content.posts if post.post_id == letter.post_ids[0])
    return Heading(subject=one_line(own.title), preheader=shorten(own.summary))


def compile_for(
    config: Config, content: EditionContent, letter: Letter, *, text_only: bool = False
) -> mail.CompiledLetter:
    """Return a letter as bytes, open only where readers differ."""
    reply_to = config.mail.reply_to
    shown, discreet_shown = (_sender(config, content, discreet=one) for one in (False, True))
    usual = mail.MailingList(
        name=config.site.name,
        list_id=f"letters.{shown.domain}",
        archive_url=urls.absolute(config.site.url, "/editions/"),
        web_url=content.web_url,
        help_url=urls.absolute(config.site.url, "/privacy/"),
        owner=(reply_to or shown).address,
        reply_to=(reply_to.name, reply_to.address) if reply_to else None,
        feedback_id=_feedback_id(config, content, shown.domain),
    )
    # A name or an address may tell a topic, and the address of the edition leads to all of them.
    discreet = mail.MailingList(
        name="",
        list_id=f"letters.{discreet_shown.domain}",
        help_url=usual.help_url,
        feedback_id=_feedback_id(config, content, discreet_shown.domain),
    )
    return mail.compile_letter(
        letter, mailing_list=usual, discreet_list=discreet, text_only=text_only
    )


def _sender(config: Config, content: EditionContent, *, discreet: bool) -> Mailbox:
    digest = find_digest(config, content.digest)  # gone from the configuration, it is still sent
    discreet_from = digest.discreet_from if digest and discreet else None
    return discreet_from or config.mail.from_


def _bounce_domain(config: Config, shown: Mailbox) -> str:
    """Return where bounces of a mail from this sender go.

    Receivers write the return path into a header: a sender that hides the site is not given away.
    """
    is_usual = shown.domain == config.mail.from_.domain
    return config.mail.bounce_domain if is_usual else shown.domain


def _feedback_id(config: Config, content: EditionContent, domain: str) -> str:
    """Return what a feedback loop counts by: the digest's name may be a topic, so it is hashed."""
    digest = hashlib.sha256(f"{config.site.id}/{content.digest}".encode()).hexdigest()[:8]
    sender = hashlib.sha256(domain.encode()).hexdigest()[:10]
    return f"{digest}-{content.number}:digest:{digest}:{sender}"


def address_letter(
    config: Config,
    content: EditionContent,
    compiled: mail.CompiledLetter,
    reader: Reader,
    *,
    heading: Heading,
    mark: str,
    at: datetime,
    subject: str = "",
    signer: mail.Signer | None = None,
) -> bytes:
    """Return the mail of one reader; the same values give the same bytes.

    ``mark`` is what its Message-ID has before the domain; ``at`` is UTC, the first attempt's second.
    """
    shown = _sender(config, content, discreet=reader.discreet)
    return mail.compose(
        compiled,
        to=reader.address,
        from_=(shown.name, shown.address),
        subject=subject or (content.discreet_subject if reader.discreet else heading.subject),
        preheader="" if reader.discreet else heading.preheader,
        reason=_reason(content, reader.confirmed_at),
        unsubscribe_url=urls.absolute(config.site.url, urls.unsubscribe_path(reader.token)),
        preferences_url=urls.absolute(config.site.url, urls.preferences_path(reader.token)),
        message_id=f"<{mark}@{shown.domain}>",
        date=at.astimezone(ZoneInfo(config.site.timezone)),
        unsubscribe_mailto=urls.unsubscribe_mailto(
            tokens.as_mailbox(reader.token), _bounce_domain(config, shown)
        ),
        discreet=reader.discreet,
        signer=signer,
    )


def readable_parts(data: bytes) -> dict[str, str]:
    """Return a mail's subject, text and HTML as its reader sees them, decoded by the stdlib."""
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    parts = {"subject": str(parsed["Subject"])}
    for kind in ("plain", "html"):
        part = parsed.get_body((kind,))
        parts["text" if kind == "plain" else kind] = part.get_content() if part else ""
    return parts


def _reason(content: EditionContent, confirmed_at: datetime | None) -> str:
    kind = "course" if course_series(content.digest) else ""
    kind = "correction" if corrected_digest(content.digest) else kind
    return _reason_of(kind, confirmed_at.date() if confirmed_at else None)


@lru_cache(maxsize=4096)
def _reason_of(kind: str, confirmed_on: date | None) -> str:
    when = f" on {tell_date(confirmed_on)}" if confirmed_on else ""
    if kind == "correction":
        return f"You get this because we sent you what it corrects; you confirmed{when}."
    if kind == "course":
        return f"You asked for this series, and confirmed{when}."
    return f"You get this because you confirmed it{when}."


class Writer:
    """Writes the mail of one delivery: each letter is compiled once, then only joined."""

    def __init__(
        self, config: Config, store: Store, edition: Edition, signer: mail.Signer | None
    ) -> None:
        self._config = config
        self._store = store
        self._signer = signer
        self._edition = edition
        self._compiled: dict[tuple[int, bool], mail.CompiledLetter] = {}
        self._headings: dict[int, Heading] = {}
        with store.read() as tx:
            self._content = editions.read_content(tx, edition.id)
            self._link = subscribers.load_keys(tx, "link")[0]
            self._bounce = subscribers.load_keys(tx, "bounce")[0]
            self._pepper = subscribers.load_keys(tx, "pepper")[0]

    @property
    def signs(self) -> bool:
        """Whether a mail costs a signature."""
        return self._signer is not None

    def prepare(self, letter_id: int, *, text_only: bool = False) -> None:
        """Compile a letter before its first mail begins; raises Refused where no mail can be."""
        if (letter_id, text_only) not in self._compiled:
            with self._store.read() as tx:
                letter = editions.read_letter(tx, self._edition.id, letter_id)
            self._headings[letter_id] = heading_of(self._content, letter)
            self._compiled[letter_id, text_only] = compile_for(
                self._config, self._content, letter, text_only=text_only
            )

    def write(self, due: ledger.Due, at: datetime) -> tuple[Envelope, bytes]:
        """Return the envelope and the bytes; the same for every attempt."""
        edition = self._edition
        shown = _sender(self._config, self._content, discreet=due.discreet)
        returns_by = tokens.as_mailbox(tokens.make(self._bounce, due.subscriber_id))
        sender = urls.return_path(returns_by, _bounce_domain(self._config, shown))
        mark = tokens.mail_mark(self._pepper, edition.id, due.subscriber_id)
        compiled = self._compiled[due.letter_id, due.text_only]
        data = address_letter(
            self._config,
            self._content,
            compiled,
            Reader(
                address=due.address,
                discreet=due.discreet,
                confirmed_at=due.confirmed_at,
                token=tokens.make(self._link, due.subscriber_id),
            ),
            heading=self._headings[due.letter_id],
            mark=mark,
            at=at,
            signer=self._signer,
        )
        name = f"{edition.digest}-{edition.number}/{due.seq:06d}"
        envelope = Envelope(
            sender=sender, recipient=due.address.typed, name=name, is_plain=compiled.is_plain
        )
        return envelope, data
