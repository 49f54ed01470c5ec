"""Telling staff, by mail and by ``[alerts]``, what waits for them and what is coming.

An alert is kept with its channels before any is told, and each channel is tried by itself until it
took the alert or was tried often enough. A process that ends between telling and recording tells
the same once more: better twice than never.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from publisher.app.admitting import link_to, send_notice
from publisher.app.opening import make_notices, open_desk
from publisher.config import find_digest
from publisher.editorial.alerting import WHY_HELD, AlertKind, find_alerts, next_try_at
from publisher.editorial.answers import people
from publisher.editorial.moments import tell_moment
from publisher.errors import Problem, PublisherError
from publisher.model import Accepted, HeldReason, Role, Uncertain
from publisher.notices import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app.opening import Site
    from publisher.editorial.alerting import Alert
    from publisher.model import Edition
    from publisher.store.alerts import Untold

COMMAND_SECONDS: Final = 30
_TOLD: Final = {Role.PUBLISHER, Role.ADMIN}
"""Who gets a mail: the roles that can do something about it."""
_WEBHOOK, _COMMAND, _MAIL = "webhook", "command", "mail"


def alert_staff(site: Site, *, now: datetime) -> list[Problem]:
    """Tell staff what they have not been told; return what a channel said instead of taking it.

    Never raises for what a channel does: mail waits for nobody here.
    """
    channels = _channels(site)
    if not channels:
        return []
    from publisher.store import alerts, editions  # noqa: PLC0415

    heads_up = {name: one.heads_up for name, one in site.config.digests.items()}
    with site.store.read() as tx:
        found = {one.key: one for one in find_alerts(editions.read_all(tx), heads_up, now=now)}
        unknown = alerts.unknown_keys(tx, found)
    if unknown:
        told = {key: json.dumps(_describe(site, found[key], now)) for key in sorted(unknown)}
        with site.store.write() as tx:
            for key, facts in told.items():
                alerts.add(tx, key, found[key].edition.id, facts, channels, now=now)
    with site.store.read() as tx:
        waiting = alerts.read_untold(tx, now=now)
    problems: list[Problem] = []
    broken: set[str] = set()
    for one in waiting:
        if one.channel in broken:  # the same would be said of the next
            continue
        failure = (
            _tell(site, one, now) if one.channel in channels else "the channel is not set any more"
        )
        again_at = next_try_at(one.tries + 1, now=now) if failure else None
        with site.store.write() as tx:
            alerts.record(tx, one, told_at=None if failure else now, next_try_at=again_at)
        if failure and one.channel in channels:
            broken.add(one.channel)
            problems.append(_untold(one, failure, again_at))
    return problems


def _channels(site: Site) -> list[str]:
    """Return the channels there are; each person who sends is one of their own."""
    from publisher.store import staff  # noqa: PLC0415

    configured = site.config.alerts
    named = {_WEBHOOK: configured.webhook, _COMMAND: configured.command}
    with site.store.read() as tx:
        people = [one.id for one in staff.read_all(tx) if _TOLD & set(one.roles)]
    return [
        *(channel for channel, where in named.items() if where),
        *(f"{_MAIL}:{one}" for one in people),
    ]


def _describe(site: Site, alert: Alert, now: datetime) -> dict[str, object]:
    """Return what is told of an alert: who reads letters is no part of it."""
    edition = alert.edition
    what, details = _WORDS[alert.kind](site, edition, now)
    return {
        # The word that chat programs show.
        "text": " ".join((what, *details)),
        "kind": str(alert.kind),
        "edition": edition.name,
        "digest": edition.digest,
        "slot": edition.slot,
        "state": str(edition.state),
        "reason": edition.reason,
        "rehearsal": edition.rehearsal,
        "what": what,
        "details": details,
        "link": link_to(site.config, f"editions/{edition.id}"),
        "at": now.isoformat(),
    }


def _tell_held(site: Site, edition: Edition, _now: datetime) -> tuple[str, list[str]]:
    why = WHY_HELD.get(HeldReason(edition.reason), "") if edition.reason else ""
    return f"{_title(site, edition)} is held.", [
        *([why] if why else []),
        "It waits for you: approve it, release it or cancel it.",
    ]


def _tell_failed(site: Site, edition: Edition, _now: datetime) -> tuple[str, list[str]]:
    return f"{_title(site, edition)} could not be made.", ["No one was emailed."]


def _tell_missed(site: Site, edition: Edition, _now: datetime) -> tuple[str, list[str]]:
    return f"{_title(site, edition)} was missed.", [
        "Nothing ran at its time, and a later one takes its place. No one was emailed."
    ]


def _tell_partial(site: Site, edition: Edition, _now: datetime) -> tuple[str, list[str]]:
    return f"{_title(site, edition)} went out, but not to everybody.", [
        "Some mails are uncertain or came too late."
    ]


def _tell_coming(site: Site, edition: Edition, now: datetime) -> tuple[str, list[str]]:
    from publisher import editing  # noqa: PLC0415

    digest = site.config.digests[edition.digest]
    when = tell_moment(edition.fire_at, digest.zone)
    # The plan of the day before its slot is this slot's.
    just_before = edition.fire_at - timedelta(seconds=1)
    desk, shelf = open_desk(site, now=now)
    plans = editing.plan(desk, digest, shelf.catalog_at, now=just_before, until=None)
    planned = next((one for one in plans if one.slot == edition.slot), None)
    if planned is None:  # the digest has another schedule now
        return f"{digest.title} goes on {when}.", ["Hold it if it should not go."]
    titles = [one.title for one in planned.rulings if one.verdict == "included"]
    approval = digest.approval == "required" and not edition.approved_at
    return f"{digest.title} goes on {when} to {people(planned.audience)}.", [
        f"In it: {'; '.join(titles)}.",
        "It waits for an approval first." if approval else "Hold it if it should not go.",
    ]


_WORDS = {
    AlertKind.HELD: _tell_held,
    AlertKind.FAILED: _tell_failed,
    AlertKind.MISSED: _tell_missed,
    AlertKind.PARTIAL: _tell_partial,
    AlertKind.HEADS_UP: _tell_coming,
}


def _title(site: Site, edition: Edition) -> str:
    digest = find_digest(site.config, edition.digest)
    name = edition.name if edition.number is not None else edition.slot
    return f"{digest.title if digest else edition.digest} ({name})"


def _tell(site: Site, one: Untold, now: datetime) -> str:
    """Give one alert to one channel; return what went wrong, "" where it was taken."""
    channel, _, staff_id = one.channel.partition(":")
    if channel == _COMMAND:
        return _run(site, one.facts)
    if channel == _MAIL:
        return _mail(site, int(staff_id), json.loads(one.facts), now=now)
    from publisher import notify  # noqa: PLC0415 - most runs have nothing to tell

    reply = notify.tell_webhook(site.config.alerts.webhook, json.loads(one.facts))
    return "" if reply.is_taken else reply.words


def _mail(site: Site, staff_id: int, facts: Mapping[str, Any], *, now: datetime) -> str:
    from publisher.store import staff  # noqa: PLC0415

    with site.store.read() as tx:
        who = staff.read_one(tx, staff_id)
    if who is None:
        return "this account is gone"
    notice = make_notices(site.config).render(
        Kind.ALERT, what=facts["what"], details=facts["details"], link=facts["link"]
    )
    try:
        outcome = send_notice(site, who.address, notice, now=now)
    except PublisherError as error:
        return error.problems[0].got
    return "" if isinstance(outcome, Accepted | Uncertain) else outcome.reply


def _run(site: Site, facts: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            list(site.config.alerts.command),
            cwd=site.config.path.parent,
            env=dict(os.environ),
            timeout=COMMAND_SECONDS,
            input=facts.encode(),
            capture_output=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode("utf-8", "replace").strip()[-300:]
    return f"exit {done.returncode}: {said}" if done.returncode else ""


def _untold(one: Untold, failure: str, again_at: datetime | None) -> Problem:
    what = json.loads(one.facts)["what"]
    return Problem(
        code="alert.untold",
        path=f"alerts.{one.channel.partition(':')[0]}",
        level="warning",
        expected=f"it to take the alert: {what}",
        got=failure,
        hint="It is tried again." if again_at else "It was tried often enough and is left.",
    )
