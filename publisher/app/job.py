"""The scheduled job: the one place that strings the use cases together."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from publisher.app.alerting import alert_staff
from publisher.app.announcing import announce_feeds
from publisher.app.holding import forget_old_lists
from publisher.app.keeping import running_service
from publisher.app.noticing import send_notices
from publisher.app.opening import Site, make_workshop, open_desk, open_lines
from publisher.app.saving import forget_old_backups
from publisher.app.signing import make_signer
from publisher.config import live_problems
from publisher.editorial.progress import Reason, group_reasons
from publisher.errors import Problem, Refused, Unavailable
from publisher.model import DeliveryState, Edition, EditionState, HeldReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from publisher.delivering import Round
    from publisher.publishing import Build
    from publisher.store import Store

HOOK_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionReport:
    """One edition as a report tells it."""

    edition: Edition
    counts: Mapping[DeliveryState, int]
    reasons: tuple[Reason, ...] = ()
    """Why deliveries are neither accepted nor waiting for their turn, in groups."""


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
        failed = any(_needs_mending(one.edition) for one in self.editions)
        if waiting and not left:
            handed = self.round.handed_over if self.round else 0
            return 6 if handed or not self._relay_failed else Unavailable.exit_code
        if self.build.refused:
            return Refused.exit_code
        has_errors = any(problem.level == "error" for problem in self.build.problems)
        return 4 if has_errors or failed else 0

    @property
    def _relay_failed(self) -> bool:
        told = self.round.problems if self.round else []
        return any(problem.code != "mail.daily_limit" for problem in told)


def _needs_mending(edition: Edition) -> bool:
    held = (edition.state, edition.reason) == (EditionState.HELD, HeldReason.PREFLIGHT)
    return held or edition.state is EditionState.FAILED


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

    ``digest`` makes one edition more of that digest, now. Pages and feeds are live, and the hub
    knows, before the first mail. Raises Refused for a live site that may not mail yet.
    """
    from publisher import editing  # noqa: PLC0415
    from publisher.operating import forget_in_time  # noqa: PLC0415
    from publisher.publishing import build  # noqa: PLC0415

    refuse_unready(site)
    workshop = make_workshop(site)
    report = Report(build=build(workshop, now=now))
    if report.build.written or report.build.removed:
        report.problems += _run_hook(site)
    report.problems += announce_feeds(site)  # before an edition opens: the sender waits for no one
    before = _open_ids(site.store)
    desk, _ = open_desk(site, now=now)
    one_more = site.config.digests[digest] if digest else None
    report.problems += editing.advance(desk, now=now, one_more=one_more)
    again = build(workshop, now=now)
    report.build.written += [one for one in again.written if one not in report.build.written]
    if again.written or again.removed:
        report.problems += _run_hook(site)
    if deliver_too:
        report.round = _deliver_or_leave(
            site, clock=clock, is_stopping=is_stopping, on_progress=on_progress
        )
        report.problems += report.round.problems
        if not report.round.left_to:
            report.problems += send_notices(site, clock=clock, is_stopping=is_stopping).problems
    forget_in_time(site.store, site.config.privacy, now=now)
    forget_old_lists(site, now=now)
    forget_old_backups(site, now=now)
    report.problems += alert_staff(site, now=now)
    report.editions = read_reports(site.store, before)
    return report


def _deliver_or_leave(site: Site, **told: Any) -> Round:
    """Send every open edition, unless a service runs beside: the delivery is its own."""
    from publisher.delivering import Round  # noqa: PLC0415

    service = running_service(site)
    return Round(left_to=service) if service else deliver_open(site, **told)


def deliver_open(
    site: Site,
    *,
    clock: Callable[[], datetime],
    is_stopping: Callable[[], bool],
    on_progress: Callable[[Edition, int], None] = lambda _edition, _done: None,
    seat: str = "",
) -> Round:
    """Send every open edition until nothing can start; ``seat`` names one sender among several."""
    from publisher import delivering  # noqa: PLC0415
    from publisher.operating import adopt_epoch  # noqa: PLC0415

    adopt_epoch(site.store, site.config.paths.state, is_new=False)
    if seat:
        clock = _in_step(site.store, clock)
    return delivering.deliver(
        delivering.Sending(
            config=site.config,
            store=site.store,
            lines=lambda rehearsal: open_lines(site, rehearsal=rehearsal),
            signer=make_signer(site.config, site.environ),
            clock=clock,
            is_stopping=is_stopping,
            on_progress=on_progress,
            seat=seat,
        )
    )


def _in_step(store: Store, clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """Return the database's clock, which all who share it go by: leases are told in its time."""
    from publisher.store import standing  # noqa: PLC0415

    with store.read() as tx:
        ahead = standing.read_clock(tx) - clock()
    return lambda: clock() + ahead


def refuse_unready(site: Site) -> None:
    """Raise Refused where mail would reach people before the site is ready for it.

    In a trial it reaches staff alone, who find out by it what is missing. Raises ConfigError where a key cannot sign: no mail is to leave without its signature.
    """
    from publisher.store import standing  # noqa: PLC0415

    make_signer(site.config, site.environ)
    with site.store.read() as tx:
        trial = standing.is_trial(tx, configured=site.config.mail.trial)
    if site.config.live and not trial:
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


def read_reports(store: Store, over_before: set[int]) -> list[EditionReport]:
    """Return the editions with their counts, but for those named."""
    from publisher.store import editions, ledger  # noqa: PLC0415

    with store.read() as tx:
        found = [one for one in editions.read_all(tx) if one.id not in over_before]
        counts = {one.id: ledger.read_counts(tx, one.id) for one in found}
        return [
            EditionReport(
                edition=one,
                counts=counts[one.id],
                reasons=tuple(group_reasons(ledger.read_reasons(tx, one.id, counts[one.id]))),
            )
            for one in found
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
