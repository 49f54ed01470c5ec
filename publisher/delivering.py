"""From an open edition to mail on the wire: claim, begin, send, record, close.

One connection, one mail at a time. The commit that records how a mail ended also says that the
next one begins, so a kill loses nothing and can repeat only the mail that was on the wire.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import os
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never
from zoneinfo import ZoneInfo

from publisher import deliverability, mail, site, tokens, urls
from publisher.errors import Problem, Refused, Unavailable
from publisher.model import (
    Accepted,
    Deferred,
    DeliveryState,
    Edition,
    EditionState,
    Envelope,
    Outcome,
    Phase,
    Rejected,
    Uncertain,
)
from publisher.store import editions, ledger, subscribers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config, Mailbox
    from publisher.model import Address, EditionContent, Letter
    from publisher.store import Store
    from publisher.transport import Transport

LEASE = timedelta(minutes=15)
"""Longer than the longest wait for one reply."""
_ROWS = 500
_NEVER = 553
"""What an address or a header that no transport takes counts as (RFC 5321 section 4.2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a round of sending is given: time, the way out, and how to be told to stop."""

    config: Config
    store: Store
    transport: Callable[[bool], Transport]
    """Opens the way out: the outbox for a rehearsal, else what the configuration says."""
    signer: mail.Signer | None = None
    """Signs every mail; None leaves that to the relay."""
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False
    on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None


@dataclass(slots=True)
class Round:
    """What a round of sending came to."""

    handed_over: int = 0
    problems: list[Problem] = field(default_factory=list)
    left_to: str = ""
    """Who sends instead, where another process holds the sender's lock."""


def deliver(sending: Sending) -> Round:
    """Send every open edition until nothing can start; another sender's work is left to it."""
    done = Round()
    if not _read_open(sending):
        return done
    try:
        with site.hold(sending.config.paths.state / "sender.lock"):
            with sending.store.write() as tx:
                ledger.release_chunks(tx, now=sending.clock())
            for edition in _read_open(sending):
                _deliver_edition(sending, edition, done)
    except Unavailable as error:
        if error.problems[0].code != "site.locked":
            raise
        done.left_to = error.problems[0].got
    return done


def _read_open(sending: Sending) -> list[Edition]:
    with sending.store.read() as tx:
        return editions.read_all(tx, states=[EditionState.SENDING])


def _deliver_edition(sending: Sending, edition: Edition, done: Round) -> None:
    if not edition.rehearsal and sending.config.mail.transport == "outbox":
        done.problems.append(_waits_for_smtp(edition))
        return
    resend = sending.config.mail.uncertain == "resend"
    if _is_expired(sending, edition):
        # What is uncertain may have arrived: it stays so, and is sent no more.
        resend = False
        with sending.store.write() as tx:
            ledger.end_open(tx, edition, DeliveryState.EXPIRED, "older than expire_after")
    transport = sending.transport(edition.rehearsal)
    try:
        worker = _Worker(sending, edition, transport, done, resend=resend)
        while not sending.is_stopping() and worker.run_chunk():
            pass
    except (Unavailable, Refused) as error:
        done.problems.extend(error.problems)
    finally:
        transport.close()
    with sending.store.write() as tx:
        ledger.close(tx, edition, resend=resend, now=sending.clock())


def _is_expired(sending: Sending, edition: Edition) -> bool:
    """Whether its letters are old news: counted from the slot, or a later approval."""
    since = max(edition.fire_at, edition.approved_at or edition.fire_at)
    return sending.clock() - since > sending.config.mail.expire_after


def _waits_for_smtp(edition: Edition) -> Problem:
    return Problem(
        code="edition.transport",
        path=edition.name,
        level="warning",
        expected='transport = "smtp", as when this edition was made',
        got='transport = "outbox"',
        hint="It waits; nothing was sent. Set the transport back, or cancel the edition.",
    )


def _refuses_us(outcome: Rejected, envelope: Envelope) -> Problem:
    return Problem(
        code="relay.refused",
        path="mail.smtp",
        expected=f"a relay that takes mail from {envelope.sender}",
        got=f"{outcome.code} {outcome.reply}".strip(),
        hint="It waits; nothing is lost. Ask the relay's operator, or mend mail.from.",
    )


class _Worker:
    """Sends one edition's chunks over one connection."""

    def __init__(
        self,
        sending: Sending,
        edition: Edition,
        transport: Transport,
        done: Round,
        *,
        resend: bool,
    ) -> None:
        self._sending = sending
        self._edition = edition
        self._transport = transport
        self._done = done
        self._resend = resend
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._writer = _Writer(sending, edition)

    def run_chunk(self) -> bool:
        """Send what is due in the next chunk; False where there is no chunk to take."""
        with self._sending.store.write() as tx:
            claim = ledger.claim_chunk(
                tx, self._edition.id, owner=self._owner, now=self._sending.clock(), lease=LEASE
            )
        if claim is None:
            return False
        try:
            return self._send_due(claim)
        except (Unavailable, Refused):
            self._give_back(claim)
            raise

    def _give_back(self, claim: ledger.Claim) -> None:
        with self._sending.store.write() as tx:
            ledger.finish_chunk(tx, claim, resend=self._resend)

    def _send_due(self, claim: ledger.Claim) -> bool:
        """Send row after row; False where somebody took the edition or the chunk away."""
        fact: ledger.Fact | None = None
        after, now = 0, self._sending.clock()
        try:
            while rows := self._read_due(claim, after=after, now=now):
                for due in rows:
                    self._writer.prepare(due.letter_id)
                    at = self._sending.clock().replace(microsecond=0)
                    # The fact is in the same commit as the start: it must not be written twice.
                    began, fact = self._step(claim, fact, due, at), None
                    if began is ledger.Start.STOPPED:
                        self._give_back(claim)
                        return False
                    if began is ledger.Start.STARTED:
                        fact = self._send(due, at)
                after = rows[-1].subscriber_id
        finally:
            if fact:
                self._record(fact)
        self._give_back(claim)
        return True

    def _read_due(self, claim: ledger.Claim, *, after: int, now: datetime) -> list[ledger.Due]:
        with self._sending.store.read() as tx:
            return ledger.read_due(
                tx, claim, now=now, resend=self._resend, after=after, limit=_ROWS
            )

    def _step(
        self, claim: ledger.Claim, fact: ledger.Fact | None, due: ledger.Due, at: datetime
    ) -> ledger.Start:
        """Commit how the last mail ended and that the next one begins."""
        with self._sending.store.write() as tx:
            if fact:
                ledger.record(tx, self._edition, fact, now=at)
            if self._sending.is_stopping():
                return ledger.Start.STOPPED
            reason = self._unmailable(due)
            if reason:
                ledger.suppress_delivery(tx, self._edition, due, reason)
                return ledger.Start.SKIPPED
            began = ledger.start(tx, claim, due, now=at, lease=LEASE)
            if began is ledger.Start.SKIPPED:
                ledger.suppress_delivery(tx, self._edition, due, "left before this mail began")
        return began

    def _unmailable(self, due: ledger.Due) -> str:
        if not due.address.key:
            return "the person was erased"
        if self._sending.config.live and deliverability.is_reserved(due.address):
            return "a domain reserved for examples (RFC 2606)"
        return ""

    def _record(self, fact: ledger.Fact) -> None:
        with self._sending.store.write() as tx:
            ledger.record(tx, self._edition, fact, now=self._sending.clock())

    def _send(self, due: ledger.Due, at: datetime) -> ledger.Fact:
        """Put one mail on the wire and say how it ended.

        A relay that is down, or refuses us before it hears of the reader, undoes the start.
        Whatever else breaks leaves the row as begun: how far the mail went is then unknown, and the
        next round calls it uncertain.
        """
        try:
            envelope, data = self._writer.write(due, due.first_attempt_at or at)
            outcome = self._hand_over(envelope, data)
        except Refused as error:
            outcome = Rejected(code=_NEVER, reply=error.problems[0].got, phase=Phase.RCPT)
        except Unavailable:
            with self._sending.store.write() as tx:
                ledger.put_back(tx, due)
            raise
        if isinstance(outcome, Accepted):
            self._done.handed_over += 1
            self._sending.on_progress(self._edition, self._done.handed_over)
        next_at = _next_attempt_at(outcome, due, self._sending.clock())
        return ledger.Fact(due=due, outcome=outcome, next_attempt_at=next_at)

    def _hand_over(self, envelope: Envelope, data: bytes) -> Outcome:
        outcome = self._transport.send(envelope, data)
        if isinstance(outcome, Rejected) and outcome.phase is Phase.MAIL:
            raise Unavailable(_refuses_us(outcome, envelope))
        return outcome


def _next_attempt_at(outcome: Outcome, due: ledger.Due, now: datetime) -> datetime | None:
    match outcome:
        case Deferred() | Uncertain():
            return now + deliverability.back_off(due.attempts + 1)
        case Accepted() | Rejected():
            return None
        case _:
            assert_never(outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The one person a mail is addressed to, with the token of their links."""

    address: Address
    discreet: bool
    confirmed_at: datetime | None
    token: str


def compile_for(config: Config, content: EditionContent, letter: Letter) -> mail.CompiledLetter:
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
    return mail.compile_letter(letter, mailing_list=usual, discreet_list=discreet)


def _sender(config: Config, content: EditionContent, *, discreet: bool) -> Mailbox:
    digest = config.digests.get(content.digest)  # gone from the configuration, it is still sent
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
    mark: str,
    at: datetime,
    subject: str = "",
    signer: mail.Signer | None = None,
) -> bytes:
    """Return the mail of one reader; the same values give the same bytes.

    ``mark`` is what its Message-ID has before the domain; ``at`` is UTC, the first attempt's second.
    """
    shown = _sender(config, content, discreet=reader.discreet)
    usual = content.discreet_subject if reader.discreet else content.subject
    return mail.compose(
        compiled,
        to=reader.address,
        from_=(shown.name, shown.address),
        subject=subject or usual,
        preheader="" if reader.discreet else content.preheader,
        reason=_reason(reader.confirmed_at),
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


def _reason(confirmed_at: datetime | None) -> str:
    when = f" on {confirmed_at.day} {confirmed_at:%B %Y}" if confirmed_at else ""
    return f"You get this because you confirmed it{when}."


class _Writer:
    """Writes the mail of one delivery: each letter is compiled once, then only joined."""

    def __init__(self, sending: Sending, edition: Edition) -> None:
        self._config = sending.config
        self._store = sending.store
        self._signer = sending.signer
        self._edition = edition
        self._compiled: dict[int, mail.CompiledLetter] = {}
        with sending.store.read() as tx:
            self._content = editions.read_content(tx, edition.id)
            self._link = subscribers.load_keys(tx, "link")[0]
            self._bounce = subscribers.load_keys(tx, "bounce")[0]
            self._pepper = subscribers.load_keys(tx, "pepper")[0]

    def prepare(self, letter_id: int) -> None:
        """Compile a letter before its first mail begins; raises Refused where no mail can be."""
        if letter_id not in self._compiled:
            with self._store.read() as tx:
                letter = editions.read_letter(tx, self._edition.id, letter_id)
            self._compiled[letter_id] = compile_for(self._config, self._content, letter)

    def write(self, due: ledger.Due, at: datetime) -> tuple[Envelope, bytes]:
        """Return the envelope and the bytes; the same for every attempt."""
        edition = self._edition
        shown = _sender(self._config, self._content, discreet=due.discreet)
        returns_by = tokens.as_mailbox(tokens.make(self._bounce, due.subscriber_id))
        sender = urls.return_path(returns_by, _bounce_domain(self._config, shown))
        mark = tokens.mail_mark(self._pepper, edition.id, due.subscriber_id)
        data = address_letter(
            self._config,
            self._content,
            self._compiled[due.letter_id],
            Reader(
                address=due.address,
                discreet=due.discreet,
                confirmed_at=due.confirmed_at,
                token=tokens.make(self._link, due.subscriber_id),
            ),
            mark=mark,
            at=at,
            signer=self._signer,
        )
        name = f"{edition.digest}-{edition.number}/{due.seq:06d}"
        return Envelope(sender=sender, recipient=due.address.typed, name=name), data
