"""A round of sending: every open edition in turn, by whoever holds the sender's lock."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from publisher import deliverability, site
from publisher.delivering import gone
from publisher.delivering.committing import Book
from publisher.delivering.composing import Writer
from publisher.delivering.limits import Limits
from publisher.delivering.loop import Loop, Stop
from publisher.editorial.hand import waits_for_live
from publisher.errors import Problem, Refused, Unavailable
from publisher.model import DeliveryState, Edition, EditionState
from publisher.store import editions, ledger, standing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher import mail
    from publisher.config import Config
    from publisher.store import Store
    from publisher.transport import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a round of sending is given: time, the way out, and how to be told to stop."""

    config: Config
    store: Store
    lines: Callable[[bool], Lines]
    """Opens the way out: the outbox for a rehearsal, else what the configuration says."""
    signer: mail.Signer | None = None
    """Signs every mail; None leaves that to the relay."""
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False
    on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None
    seat: str = ""
    """Its place among several senders of this machine, whose lock its process holds; empty for the
    one that ``sender.lock`` makes alone."""


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
        with ExitStack() as alone:
            if not sending.seat:
                alone.enter_context(site.hold(sending.config.paths.state / "sender.lock"))
            with sending.store.write() as tx:
                # Elsewhere others may be at work; here only whoever had this place, and is gone.
                owner = _owner(sending) if sending.store.is_shared else None
                ledger.release_chunks(tx, now=sending.clock(), owner=owner)
            for edition in _read_open(sending):
                _deliver_edition(sending, edition, done)
    except Unavailable as error:
        if error.problems[0].code != "site.locked":
            raise
        done.left_to = error.problems[0].got
    return done


def _owner(sending: Sending) -> str:
    """Return the name of this sender's place: whoever has it knows that nobody else does."""
    return f"{site.identify(sending.config.paths.state)}:{sending.seat or 'sender'}"


def _read_open(sending: Sending) -> list[Edition]:
    with sending.store.read() as tx:
        return editions.read_all(tx, states=[EditionState.SENDING])


def _deliver_edition(sending: Sending, edition: Edition, done: Round) -> None:
    if not edition.rehearsal and sending.config.mail.transport == "outbox":
        done.problems.append(_waits_for_smtp(edition))
        return
    if not edition.trial and _is_trial(sending):
        hint = "It waits; nobody more is emailed. Go live, or cancel the edition."
        done.problems.append(waits_for_live(edition, hint))
        return
    resend = sending.config.mail.uncertain == "resend"
    if _is_expired(sending, edition):
        # What is uncertain may have arrived: it stays so, and is sent no more.
        resend = False
        with sending.store.write() as tx:
            ledger.end_open(tx, edition, DeliveryState.EXPIRED, "older than expire_after")
    try:
        _send(sending, edition, done, resend=resend)
    except (Unavailable, Refused) as error:
        done.problems.extend(error.problems)
    with sending.store.write() as tx:
        ledger.close(tx, edition, resend=resend, now=sending.clock())


def _send(sending: Sending, edition: Edition, done: Round, *, resend: bool) -> None:
    config, smtp = sending.config, sending.config.mail.smtp
    rate = smtp.rate.per_second if smtp.rate and not edition.rehearsal else None
    pace = deliverability.Pace(connections=smtp.connections, per_second=rate)
    limits = Limits(
        daily_limit=0 if edition.rehearsal else config.mail.daily_limit,
        timezone=config.site.timezone,
        pace=pace,
        per_second=rate,
        is_shared=sending.store.is_shared,
    )
    book = Book(
        store=sending.store,
        edition=edition,
        owner=_owner(sending),
        resend=resend,
        clock=sending.clock,
        limits=limits,
    )
    writer = Writer(config, sending.store, edition, sending.signer)

    def count() -> None:
        done.handed_over += 1
        sending.on_progress(edition, done.handed_over)

    lines = sending.lines(edition.rehearsal)
    try:
        stop = Loop(
            book,
            lines,
            writer,
            pace=pace,
            is_live=config.live,
            may_begin=_left_today(sending, limits),
            is_stopping=sending.is_stopping,
            on_accepted=count,
        ).run()
    finally:
        lines.close()
    if stop:
        _heed(sending, edition, stop, done)


def _heed(sending: Sending, edition: Edition, stop: Stop, done: Round) -> None:
    """Do what a stop asks for: tell it, and pause the edition or let the relay rest."""
    done.problems.append(stop.problem)
    if not (stop.pauses or stop.rests):
        return
    with sending.store.write() as tx:
        if stop.rests:
            ledger.rest_chunks(tx, edition.id, until=sending.clock() + deliverability.RELAY_WAIT)
            return
        gone.take_back(tx, stop.blamed, now=sending.clock())
        now = editions.read_one(tx, edition.id)
        if now.state is EditionState.SENDING:
            editions.move(tx, now, EditionState.PAUSED, reason=stop.problem.got)


def _left_today(sending: Sending, limits: Limits) -> int | None:
    """Return how many mails may still begin on this day of the site's; None for any number."""
    if not limits.daily_limit:
        return None
    with sending.store.write() as tx:
        return limits.left_today(tx, sending.clock())


def _is_trial(sending: Sending) -> bool:
    with sending.store.read() as tx:
        return standing.is_trial(tx, configured=sending.config.mail.trial)


def _is_expired(sending: Sending, edition: Edition) -> bool:
    """Whether its letters are old news: counted from the slot, or a later approval."""
    mail = sending.config.mail
    limit = 0 if edition.rehearsal else mail.daily_limit
    ends_at = deliverability.expires_at(
        max(edition.fire_at, edition.approved_at or edition.fire_at),
        mail.expire_after,
        audience=edition.audience,
        daily_limit=limit,
    )
    return sending.clock() > ends_at


def _waits_for_smtp(edition: Edition) -> Problem:
    return Problem(
        code="edition.transport",
        path=edition.name,
        level="warning",
        expected='transport = "smtp", as when this edition was made',
        got='transport = "outbox"',
        hint="It waits; nothing was sent. Set the transport back, or cancel the edition.",
    )
