"""What comes back is taken in: one report, one verdict, one transaction.

A report counts only where it bears a token of ours, in its return path or in the mail it returns;
what says of itself whom it is about proves nothing. The same report again changes nothing. Nothing
is ever answered.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from publisher import bounces, inbox, tokens
from publisher.errors import NotFound, Problem, Unavailable
from publisher.model import Meaning, Report, ReportKind, Taken
from publisher.store import feedback, subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from publisher.model import Failure
    from publisher.store import Store, Transaction

    _Keys = Mapping[str, tuple[tokens.Key, ...]]
    """By purpose, retired ones too."""

_SOME_WAIT = 6
_IGNORED = {
    ReportKind.DELAY: "a delay: the server still tries",
    ReportKind.ARRIVAL: "it arrived, or may yet",
    ReportKind.AUTO_REPLY: "an automatic reply",
    ReportKind.OTHER: "for a person to read",
    ReportKind.UNREADABLE: "not readable as a mail",
}
_FOR_PEOPLE = frozenset({ReportKind.OTHER, ReportKind.UNREADABLE})
_PURPOSES = ("bounce", "link", "pepper")
_FORGED = "no token of ours"
_NOBODY = "nobody on the list any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one mail was, and what was made of it; it names no address."""

    where: str
    kind: ReportKind
    taken: Taken
    reason: str
    sha256: str
    edition: str = ""
    status: str = ""


@dataclass(slots=True)
class Intake:
    """What taking in came to."""

    told: list[Told] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    is_incomplete: bool = False
    """A place could not be read, or not to its end."""
    lacks_files: bool = False

    def count(self) -> Counter[tuple[ReportKind, Taken, str]]:
        """Return how many mails there were of each kind, by what was made of them and why."""
        return Counter((one.kind, one.taken, one.reason) for one in self.told)

    @property
    def exit_code(self) -> int:
        """Return the first that applies: 75 nothing could be read, 6 some could not, 7, 0."""
        if self.is_incomplete:
            return _SOME_WAIT if self.told else Unavailable.exit_code
        return NotFound.exit_code if self.lacks_files else 0


def take_in(
    store: Store,
    sources: Iterable[inbox.Source],
    *,
    now: datetime,
    dry_run: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Intake:
    """Take in what each source has; one that fails is told, and the others are read all the same."""
    done = Intake()
    with store.read() as tx:
        keys = {purpose: subscribers.load_keys(tx, purpose) for purpose in _PURPOSES}
    for source in sources:
        try:
            for arrival in source.arrivals():
                if is_stopping():
                    return done
                told = _take_one(store, keys, arrival, now=now, dry_run=dry_run)
                done.told.append(told)
                if not dry_run:
                    arrival.put_away(told.kind not in _FOR_PEOPLE)
        except Unavailable as error:
            done.is_incomplete = True
            done.problems += error.problems
        except NotFound as error:
            done.lacks_files = True
            done.problems += error.problems
    done.problems += _our_faults(done.told)
    return done


def _take_one(
    store: Store, keys: _Keys, arrival: inbox.Arrival, *, now: datetime, dry_run: bool
) -> Told:
    """Read, and decide and record where it is a report with a token of ours."""
    report = inbox.read_report(arrival.data)
    subscriber_id = _read_token(report, keys)
    made = _Made(taken=Taken.IGNORED, reason=_IGNORED.get(report.kind, _FORGED))
    if report.kind not in _IGNORED and subscriber_id is not None:
        with suppress(_Undo), store.write() as tx:
            made = _decide(tx, report, subscriber_id, keys["pepper"][0], now=now)
            if dry_run:
                raise _Undo
    return Told(
        where=arrival.name,
        kind=report.kind,
        taken=made.taken,
        reason=made.reason,
        sha256=report.sha256,
        edition=made.edition,
        status=made.status,
    )


class _Undo(Exception):  # noqa: N818 - it undoes a transaction, and nothing is wrong
    """Leaves a transaction without keeping it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    taken: Taken
    reason: str
    edition: str = ""
    status: str = ""


def _decide(
    tx: Transaction, report: Report, subscriber_id: int, pepper: tokens.Key, *, now: datetime
) -> _Made:
    """Judge a report about a reader and keep it, in the transaction it was given."""
    reader = feedback.read_reader(tx, subscriber_id)
    if reader is None:
        return _Made(taken=Taken.IGNORED, reason=_NOBODY)
    if feedback.is_known(tx, report.sha256):
        return _Made(taken=Taken.KNOWN, reason="taken in before")
    if report.kind is ReportKind.UNSUBSCRIBE:
        return _let_go(tx, report, reader, None, "unsubscribed", now=now)
    mailed = _about(tx, report, reader, pepper, now=now)
    if report.kind is ReportKind.COMPLAINT:
        return _let_go(tx, report, reader, mailed, "complained", now=now)
    return _take_bounce(tx, report, reader, mailed, now=now)


def _read_token(report: Report, keys: _Keys) -> int | None:
    """Return whom the first token that we made is for.

    Where a mail failed its return path says; a complaint may only have kept a link; a link to
    leave is what an unsubscribe consists of.
    """
    found: list[tuple[str, str]] = []
    if report.kind is not ReportKind.UNSUBSCRIBE:
        found += [("bounce", one) for one in report.bounce_tokens]
    if report.kind is not ReportKind.BOUNCE:
        found += [("link", one) for one in report.link_tokens]
    for purpose, text in found:
        # A mail address may have lost its case; a link has not.
        for token in (tokens.from_mailbox(text), text):
            subscriber_id = tokens.read(token, keys[purpose], purpose)
            if subscriber_id is not None:
                return subscriber_id
    return None


def _about(
    tx: Transaction, report: Report, reader: feedback.Reader, pepper: tokens.Key, *, now: datetime
) -> feedback.Mailed | None:
    """Return the edition a report is about: by the Message-ID it returns, else the newest."""
    mailed = feedback.read_mailed(tx, reader.id, until=now)
    wanted = {mark.lower() for mark in report.marks}
    named = (
        one for one in mailed if tokens.mail_mark(pepper, one.edition_id, reader.id) in wanted
    )
    return next(named, mailed[0] if mailed else None)


def _take_bounce(
    tx: Transaction,
    report: Report,
    reader: feedback.Reader,
    mailed: feedback.Mailed | None,
    *,
    now: datetime,
) -> _Made:
    judged = bounces.judge_all(report.failures)
    if judged is None:
        return _Made(taken=Taken.IGNORED, reason=_IGNORED[ReportKind.ARRIVAL])
    failure, meaning = judged
    status = bounces.status_of(failure)
    row = feedback.Row(
        sha256=report.sha256,
        kind=report.kind,
        subscriber_id=reader.id,
        edition_id=mailed.edition_id if mailed else None,
        meaning=meaning,
        status=status,
        reply=failure.reply,
    )
    feedback.add_report(tx, row, now=now)
    taken, reason = _weigh(tx, reader, meaning, now=now)
    made = _Made(taken=taken, reason=reason, edition=mailed.name if mailed else "", status=status)
    if taken is Taken.SUPPRESSED:
        _suppress(tx, reader, "bounced", _evidence(made, failure), now=now)
    return made


def _weigh(
    tx: Transaction, reader: feedback.Reader, meaning: Meaning, *, now: datetime
) -> tuple[Taken, str]:
    match meaning:
        case Meaning.HARD:
            return Taken.SUPPRESSED, "nobody is there"
        case Meaning.OURS:
            return Taken.OURS, "refused for how it was sent; the reader stays"
        case Meaning.SOFT:
            history = [_as_sent(one) for one in feedback.read_mailed(tx, reader.id, until=now)]
            if bounces.is_lasting(history):
                return Taken.SUPPRESSED, "failed edition after edition"
            return Taken.COUNTED, "it may work another time"
        case _:
            assert_never(meaning)


def _as_sent(one: feedback.Mailed) -> bounces.Sent:
    soft = [status for meaning, status in one.bounces if meaning is not Meaning.OURS]
    meaning = Meaning.SOFT if soft else Meaning.OURS if one.bounces else None
    return bounces.Sent(
        edition_id=one.edition_id,
        at=one.at,
        meaning=meaning,
        is_full=bool(soft) and all(map(bounces.is_full, soft)),
    )


def _let_go(
    tx: Transaction,
    report: Report,
    reader: feedback.Reader,
    mailed: feedback.Mailed | None,
    why: str,
    *,
    now: datetime,
) -> _Made:
    """End a person's subscription for good: they asked, or called it spam."""
    row = feedback.Row(
        sha256=report.sha256,
        kind=report.kind,
        subscriber_id=reader.id,
        edition_id=mailed.edition_id if mailed else None,
    )
    feedback.add_report(tx, row, now=now)
    subscribers.unsubscribe(tx, reader.id, now=now)
    made = _Made(
        taken=Taken.UNSUBSCRIBED,
        reason="called it spam" if why == "complained" else "asked to leave",
        edition=mailed.name if mailed else "",
    )
    told = f"complaint {report.feedback_type}" if why == "complained" else "mail to unsubscribe"
    _suppress(tx, reader, why, f"{made.edition}: {told}" if made.edition else told, now=now)
    return made


def _suppress(
    tx: Transaction, reader: feedback.Reader, reason: str, evidence: str, *, now: datetime
) -> None:
    """Record that this address is not mailed; its keyed hash outlives the person's row."""
    subscribers.suppress(tx, [(reader.address_hash, reason, evidence)], now=now)
    subscribers.note(
        tx,
        "feedback",
        "suppress",
        f"subscriber:{reader.id}",
        now=now,
        detail=f"{reason}: {evidence}",
    )


def _evidence(made: _Made, failure: Failure) -> str:
    said = failure.reply if made.status in failure.reply else f"{made.status} {failure.reply}"
    return f"{made.edition}: {said.strip()}" if made.edition else said.strip()


def _our_faults(told: list[Told]) -> list[Problem]:
    """Return a warning for each status by which servers refused us."""
    refused = Counter(one.status or "no status" for one in told if one.taken is Taken.OURS)
    return [
        Problem(
            code="feedback.ours",
            path="mail",
            level="warning",
            expected="servers that take our mail",
            got=f"{number:,} refused for how it was sent ({status})",
            hint="Nobody was taken off the list. Look at publisher dns --check, and ask the relay.",
        )
        for status, number in refused.most_common(5)
    ]
