"""Notices on their way: read from their table, rendered, tried, recorded, and tried again later.

The commit that says a notice is tried comes before its first octet on the wire. Each has one
Message-ID and one date whatever happens, so one that is tried again is the same mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, assert_never

from publisher import mail, tokens, urls
from publisher.deliverability import back_off, is_reserved
from publisher.errors import ContentError, Unavailable
from publisher.model import (
    SIGN_IN_WITHIN,
    Accepted,
    Deferred,
    Envelope,
    Rejected,
    Uncertain,
)
from publisher.notices import Kind
from publisher.store import notices, standing, subscribers
from publisher.subscribing.confirming import confirm_token
from publisher.subscribing.owning import LINK_WITHIN, MOVE_WITHIN, data_token, move_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from publisher.config import Config
    from publisher.errors import Problem
    from publisher.model import Address, Outcome
    from publisher.notices import Notices
    from publisher.store import Store, Transaction
    from publisher.store.notices import Waiting

_AT_ONCE = 50
_OUTBOX, _STAFF_OUTBOX = "notices", "staff"
"""No page shows mails to staff: their links sign in."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class WayOut(Protocol):
    """As much of a transport as notices need."""

    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        """Hand over one mail."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What notices are mailed with."""

    config: Config
    store: Store
    notices: Notices
    open_transport: Callable[[], WayOut]
    signer: mail.Signer | None
    clock: Callable[[], datetime]
    sign_in_link: Callable[[int], str | None] = lambda _staff_id: None
    """Makes the address that signs a member of staff in, once; None where the account is gone."""
    is_stopping: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Mailed:
    """What a round of notices came to."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    problems: tuple[Problem, ...] = ()


def has_due_notices(config: Config, store: Store, *, now: datetime) -> bool:
    """Return whether a notice is due."""
    return bool(_read_due(config, store, now=now, limit=1))


def _read_due(config: Config, store: Store, *, now: datetime, limit: int) -> list[Waiting]:
    """Return what is due; what waits for the site to be live is not."""
    with store.read() as tx:
        trial = standing.is_trial(tx, configured=config.mail.trial)
        return notices.read_waiting(tx, now=now, limit=limit, trial=trial)


def send_notices(post: Post) -> Mailed:
    """Mail every notice that is due; one that cannot go now waits, longer each time."""
    if not has_due_notices(post.config, post.store, now=post.clock()):
        return Mailed()
    a_round = _Round(post)
    try:
        a_round.send_due()
    except Unavailable as error:
        a_round.done.problems = error.problems
    finally:
        a_round.close()
    return a_round.done


@dataclass(frozen=True, slots=True, kw_only=True)
class _Over:
    """How a notice ended."""

    waiting: Waiting
    outcome: Outcome
    again_at: datetime
    now: datetime


class _Round:
    """One notice after another: the commit that says how one ended says also that the next begins."""

    def __init__(self, post: Post) -> None:
        self.done = Mailed()
        self._post = post
        self._way_out = post.open_transport()
        self._over: _Over | None = None

    def send_due(self) -> None:
        """Mail what is due until nothing is. Raises Unavailable where nothing can be handed over."""
        post = self._post
        while due := _read_due(post.config, post.store, now=post.clock(), limit=_AT_ONCE):
            for waiting in due:
                if self._post.is_stopping():
                    return
                self._try(waiting)
            self._settle()

    def close(self) -> None:
        """Record what the last one came to, and let go of the way out."""
        self._settle()
        self._way_out.close()

    def _try(self, waiting: Waiting) -> None:
        post, now = self._post, self._post.clock()
        again_at = now + back_off(waiting.attempts + 1, spread_by=f"notice {waiting.id}")
        useless = _why_not(post.config, waiting, now=now)
        with post.store.write() as tx:
            self._record(tx)
            begun = notices.begin(tx, waiting, next_attempt_at=again_at)
            if begun and useless:
                notices.end(tx, waiting.id, "failed", reply=useless, now=now)
                self.done.failed += 1
        self._over = None
        if not begun or useless or waiting.to is None:
            return
        try:
            envelope, data = _write(post, waiting, waiting.to)
            outcome = self._way_out.send(envelope, data)
        except (Unavailable, ContentError) as error:
            with post.store.write() as tx:
                said = error.problems[0].got
                notices.put_back(tx, waiting, reply=said, next_attempt_at=again_at)
            self.done.waiting += 1
            raise Unavailable(*error.problems) from error
        self._over = _Over(waiting=waiting, outcome=outcome, again_at=again_at, now=now)

    def _settle(self) -> None:
        if self._over:
            with self._post.store.write() as tx:
                self._record(tx)
            self._over = None

    def _record(self, tx: Transaction) -> None:
        if self._over is None:
            return
        waiting, outcome, now = self._over.waiting, self._over.outcome, self._over.now
        match outcome:
            # One that may have arrived is not sent again: a second may be a stranger's doing.
            case Accepted() | Uncertain():
                notices.end(tx, waiting.id, "sent", reply=outcome.reply, now=now)
                self.done.sent += 1
            case Rejected():
                notices.end(tx, waiting.id, "failed", reply=outcome.reply, now=now)
                self.done.failed += 1
            case Deferred():
                again_at = self._over.again_at
                notices.put_back(tx, waiting, reply=outcome.reply, next_attempt_at=again_at)
                self.done.waiting += 1
            case _:
                assert_never(outcome)


def _why_not(config: Config, waiting: Waiting, *, now: datetime) -> str:
    """Return why a notice is of no use any more, or nothing."""
    if waiting.to is None:
        return "the person was erased"
    if config.live and is_reserved(waiting.to):
        return "a domain for examples"
    if now > waiting.made_at + _useful_for(config, waiting.kind):
        return "too late: its link has ended"
    return ""


def _useful_for(config: Config, kind: str) -> timedelta:
    ends = {
        "erase": LINK_WITHIN,
        "move": MOVE_WITHIN,
        "confirm": config.subscribe.confirm_within,
        "sign-in": SIGN_IN_WITHIN,
    }
    return ends.get(kind, config.mail.expire_after)


# ----------------------------------------------------------------------------------------- writing


def _write(post: Post, waiting: Waiting, to: Address) -> tuple[Envelope, bytes]:
    """Return the envelope and the bytes; the same for every attempt, but for a link to sign in."""
    config = post.config
    shown = config.mail.from_
    link = post.sign_in_link(waiting.staff_id) if waiting.staff_id is not None else None
    with post.store.read() as tx:
        values = _values(tx, config, waiting) if link is None else _let_in(link)
        rendered = post.notices.render(Kind(waiting.kind), **values)
        pepper = subscribers.load_keys(tx, "pepper")[0]
        returns_to = _returns_to(tx, config, waiting)
        leave = _leave_url(tx, config, waiting)
    mark = tokens.keyed_hash(pepper, f"notice {waiting.id}")[:24]
    data = mail.compose_notice(
        rendered,
        to=to,
        from_=(shown.name, shown.address),
        message_id=f"<{mark}@{shown.domain}>",
        date=waiting.made_at.replace(microsecond=0),
        reply_to=_reply_to(config),
        unsubscribe_url=leave,
        signer=post.signer,
    )
    folder = _OUTBOX if waiting.staff_id is None else _STAFF_OUTBOX
    name = f"{folder}/{waiting.id:06d}-{waiting.kind}"
    return Envelope(sender=returns_to, recipient=to.typed, name=name), data


def _reply_to(config: Config) -> mail.Mailbox | None:
    named = config.mail.reply_to
    return (named.name, named.address) if named else None


def _returns_to(tx: Transaction, config: Config, waiting: Waiting) -> str:
    """Return where a notice comes back to; a new address that fails says nothing of the old one."""
    if waiting.kind == "move" or waiting.subscriber_id is None:
        return config.mail.from_.address
    token = tokens.make(subscribers.load_keys(tx, "bounce")[0], waiting.subscriber_id)
    return urls.return_path(tokens.as_mailbox(token), config.mail.bounce_domain)


def _leave_url(tx: Transaction, config: Config, waiting: Waiting) -> str:
    return (
        _own_link(tx, config, waiting, urls.unsubscribe_path) if waiting.kind == "welcome" else ""
    )


def _values(tx: Transaction, config: Config, waiting: Waiting) -> Mapping[str, str]:
    """Return what the words of a notice need: the links are made anew, and never stored."""

    def link(path: str) -> str:
        return urls.absolute(config.site.url, path)

    match waiting.kind:
        case "confirm":
            path = urls.confirm_path(confirm_token(tx, waiting.consent_id or 0))
            within = say_duration(config.subscribe.confirm_within)
            return {"link": link(path), "within": within, "never_link": link(f"{path}/never")}
        case "move":
            token = move_token(tx, waiting.id)
            return {"link": link(urls.confirm_path(token)), "within": say_duration(MOVE_WITHIN)}
        case "erase":
            token = data_token(tx, waiting.id)
            return {"link": link(urls.data_path(token)), "within": say_duration(LINK_WITHIN)}
        case _:
            return {
                "preferences_link": _own_link(tx, config, waiting, urls.preferences_path),
                "unsubscribe_link": _own_link(tx, config, waiting, urls.unsubscribe_path),
            }


def _let_in(link: str) -> Mapping[str, str]:
    return {"link": link, "within": say_duration(SIGN_IN_WITHIN)}


def _own_link(
    tx: Transaction, config: Config, waiting: Waiting, path: Callable[[str], str]
) -> str:
    token = tokens.make(subscribers.load_keys(tx, "link")[0], waiting.subscriber_id or 0)
    return urls.absolute(config.site.url, path(token))


def tell_trial(config: Config, store: Store, within: timedelta) -> str:
    """Say to whoever asks for a mail that only staff get one now; nothing once everybody does.

    It is the same for every address. ``within`` is how long such a mail is of use.
    """
    with store.read() as tx:
        if not standing.is_trial(tx, configured=config.mail.trial):
            return ""
    return (
        "This site is being tried out, and mails its own staff alone until it opens. A mail for"
        f" anybody else waits for that, {say_duration(within)} at most."
    )


def say_duration(length: timedelta) -> str:
    """Return a length of time as people say it: ``7 days``, ``1 hour``, ``90 minutes``."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour")):
        if length >= unit and length % unit == timedelta(0):
            count = length // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{length // timedelta(minutes=1)} minutes"
