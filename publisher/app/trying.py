"""Trying: a trial mails staff alone; what is ready to go live, and going live or back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from publisher.app.doctoring import Health, check_records, examine
from publisher.config import is_reserved_domain
from publisher.editorial.answers import count
from publisher.editorial.moments import tell_gap
from publisher.errors import Problem, PublisherError, Refused
from publisher.model import EditionState, Role

if TYPE_CHECKING:
    from datetime import datetime

    from publisher import probes
    from publisher.app.opening import Site
    from publisher.model import Address, Event

_OPEN: Final = (EditionState.READY, EditionState.SENDING)
SUBJECT: Final = "site:live"
"""What the trail's lines about going live are about."""
TESTED: Final = "site:test"
"""What its lines about tests are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a site stands to being live."""

    is_configured: bool
    """Whether ``mail.trial`` asks for a trial; else nothing here changes whom is mailed."""
    live_at: datetime | None = None
    live_by: str = ""

    @property
    def is_on(self) -> bool:
        """Whether only staff are mailed."""
        return self.is_configured and self.live_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing on the way to being live."""

    key: str
    name: str
    is_ready: bool
    is_needed: bool
    """Whether nobody goes live without it."""
    says: str
    hint: str = ""


def read_trial(site: Site) -> Trial:
    """Return whether only staff are mailed, and since when no longer."""
    from publisher.store import standing  # noqa: PLC0415

    with site.store.read() as tx:
        live = standing.read_live(tx)
    return Trial(
        is_configured=site.config.mail.trial,
        live_at=live[0] if live else None,
        live_by=live[1] if live else "",
    )


def refuse_stranger(site: Site, address: Address) -> None:
    """Raise Refused where a mail would go to somebody who is not staff, in a trial."""
    from publisher.store import staff  # noqa: PLC0415

    if not read_trial(site).is_on:
        return
    with site.store.read() as tx:
        if staff.read_by_key(tx, address.key) is None:
            raise Refused(_stranger(address))


# -------------------------------------------------------------------------------------- the list


def list_steps(site: Site, *, now: datetime, lookup: probes.Lookup | None = None) -> list[Step]:
    """Return what has to be there before everybody is mailed; DNS is asked by a look-up alone."""
    return [
        *_settings(site),
        _dns(site, lookup),
        _tested(site, now=now),
        _reviewer(site),
        _doctor(site, now=now),
    ]


def _settings(site: Site) -> list[Step]:
    config = site.config
    sender, smtp = config.mail.from_, config.mail.smtp
    is_reserved = is_reserved_domain(sender.domain)
    has_relay = config.mail.transport == "smtp"
    is_https = config.site.url.startswith("https://")
    postal = " ".join(config.site.postal_address.split())
    return [
        Step(
            key="relay",
            name="A mail server",
            is_ready=has_relay,
            is_needed=True,
            says=f"Mail leaves through {smtp.host}."
            if has_relay
            else "Nothing leaves this machine: every mail goes to the outbox.",
            hint='Set transport = "smtp" in [mail], and the server in [mail.smtp].',
        ),
        Step(
            key="sender",
            name="The address letters come from",
            is_ready=not is_reserved,
            is_needed=True,
            says=sender.address
            + (" is at a domain for examples and reaches nobody." if is_reserved else "."),
            hint='Write from = "Name <letters@your-domain>" in [mail].',
        ),
        Step(
            key="postal",
            name="The postal address",
            is_ready=bool(postal),
            is_needed=True,
            says=f"{postal}." if postal else "None is set; the law asks for it in every letter.",
            hint="Set postal_address in [site].",
        ),
        Step(
            key="https",
            name="The address of the site",
            is_ready=is_https,
            is_needed=True,
            says=f"{config.site.url}"
            + (" is reached by https." if is_https else " is not reached by https."),
            hint='Set url = "https://…" in [site]: links in letters lead there.',
        ),
    ]


def _dns(site: Site, lookup: probes.Lookup | None) -> Step:
    says, is_ready = "Not asked yet.", False
    if lookup:
        from publisher import probes  # noqa: PLC0415

        try:
            found = check_records(site, lookup)
        except PublisherError as error:
            says = f"{error.problems[0].got}."
        else:
            wrong = [one for one in found if one.state is not probes.State.OK]
            is_ready = not wrong
            says = (
                f"{count(len(wrong), 'record')} of {len(found)} not as mail needs them."
                if wrong
                else f"All {len(found)} records are as mail needs them."
            )
    return Step(
        key="dns",
        name="DNS",
        is_ready=is_ready,
        is_needed=False,
        says=says,
        hint="The page on DNS has the records to paste; publisher dns --check asks for them.",
    )


def _tested(site: Site, *, now: datetime) -> Step:
    """Tell of the newest test that left this machine, and whether somebody says that it arrived."""
    from publisher.store import trail  # noqa: PLC0415

    with site.store.read() as tx:
        newest = trail.read_trail(tx, limit=1, subject=TESTED)
    line = newest[0] if newest else None
    arrived = line is not None and line.verb == "test-arrived"
    return Step(
        key="test",
        name="A test that arrived",
        is_ready=arrived,
        is_needed=False,
        says=_say_test(line, now=now),
        hint="Send yourself a test from the page of a digest, look at it in your own mail, and say here "
        "that it arrived.",
    )


def _say_test(line: Event | None, *, now: datetime) -> str:
    if line is None:
        return "None has left this machine yet."
    if line.verb == "test-arrived":
        return f"{line.by} saw it arrive {tell_gap(line.at, now=now)}."
    return f"One was taken by the mail server {tell_gap(line.at, now=now)}. Did it arrive?"


def _reviewer(site: Site) -> Step:
    from publisher.store import staff  # noqa: PLC0415

    with site.store.read() as tx:
        named = [one.shown for one in staff.read_all(tx) if Role.REVIEWER in one.roles]
    needed = site.config.review.required
    if named:
        says = f"{', '.join(named)} may approve posts."
    else:
        says = (
            "Nobody may approve posts, so none is published."
            if needed
            else "Nobody; reviews are not required here."
        )
    return Step(
        key="reviewer",
        name="A reviewer",
        is_ready=bool(named) or not needed,
        is_needed=needed,
        says=says,
        hint="Give somebody the role of reviewer, under Settings, Staff.",
    )


def _doctor(site: Site, *, now: datetime) -> Step:
    signs = examine(site, now=now)
    bad = [one for one in signs if one.health is Health.BAD]
    warnings = sum(one.health is Health.WARNING for one in signs)
    look = f" {count(warnings, 'thing')} to look at." if warnings else ""
    return Step(
        key="doctor",
        name="The doctor",
        is_ready=not bad,
        is_needed=True,
        says=(f"{bad[0].name}: {bad[0].says}" if bad else "Nothing must be mended.") + look,
        hint="Look at the page of the doctor, or type: publisher doctor",
    )


# -------------------------------------------------------------------------------------- the acts


def note_test(site: Site, *, by: str, now: datetime) -> None:
    """Note that a test left this machine; to whom is nobody's business later."""
    _note(site, "test", TESTED, by=by, now=now)


def note_arrival(site: Site, *, by: str, now: datetime) -> None:
    """Note that somebody saw a test arrive. Raises Refused where none left this machine."""
    from publisher.store import trail  # noqa: PLC0415

    with site.store.read() as tx:
        if not trail.read_trail(tx, limit=1, subject=TESTED):
            raise Refused(_no_test())
    _note(site, "test-arrived", TESTED, by=by, now=now)


def _note(site: Site, verb: str, subject: str, *, by: str, now: datetime) -> None:
    from publisher.store import subscribers  # noqa: PLC0415

    with site.store.write() as tx:
        subscribers.note(tx, by, verb, subject, now=now)


def go_live(site: Site, *, by: str, now: datetime) -> Trial:
    """End the trial: from now on everybody is mailed. Done already, it changes nothing.

    Raises Refused, with everything that is still needed, and where no trial is configured.
    """
    from publisher.store import standing, subscribers  # noqa: PLC0415

    if not site.config.mail.trial:
        raise Refused(_no_trial())
    lacking = [one for one in list_steps(site, now=now) if one.is_needed and not one.is_ready]
    if lacking and read_trial(site).is_on:
        raise Refused(*map(_lacks, lacking))
    with site.store.write() as tx:
        if standing.mark_live(tx, by, now=now):
            subscribers.note(tx, by, "go-live", SUBJECT, now=now)
    return read_trial(site)


def go_back(site: Site, *, by: str, now: datetime) -> Trial:
    """Mail staff alone again. Raises Refused while an edition for everybody is on its way."""
    from publisher.store import editions, standing, subscribers  # noqa: PLC0415

    if not site.config.mail.trial:
        raise Refused(_no_trial())
    with site.store.write() as tx:
        going = [one for one in editions.read_all(tx, states=_OPEN) if not one.trial]
        if going:
            raise Refused(*(_on_its_way(one.name) for one in going))
        if standing.mark_trial(tx):
            subscribers.note(tx, by, "back-to-trial", SUBJECT, now=now)
    return read_trial(site)


# --------------------------------------------------------------------------------------- problems


def _lacks(step: Step) -> Problem:
    return Problem(
        code=f"live.{step.key}",
        path="live",
        expected=f"{step.name[0].lower()}{step.name[1:]} before everybody is emailed",
        got=step.says.rstrip("."),
        hint=step.hint,
    )


def _no_trial() -> Problem:
    return Problem(
        code="live.no_trial",
        path="mail.trial",
        expected="trial = true in [mail]",
        got="false: everybody on the list is emailed already",
        hint="Nothing was changed.",
    )


def _on_its_way(name: str) -> Problem:
    return Problem(
        code="live.going",
        path=name,
        expected="no edition for everybody on its way",
        got=f"{name}, which is being sent",
        hint="Let it end, or pause or cancel it first. Nothing was changed.",
    )


def _stranger(address: Address) -> Problem:
    return Problem(
        code="trial.stranger",
        path="address",
        expected="the address of somebody with an account here: in a trial only staff are emailed",
        got=address.typed,
        hint="Add them under Settings, Staff, or go live. No one was emailed.",
    )


def _no_test() -> Problem:
    return Problem(
        code="live.no_test",
        path="test",
        expected="a test that left this machine",
        got="none yet",
        hint="Send one from the page of a digest. Nothing was changed.",
    )


def tell_trial(trial: Trial, *, now: datetime) -> str:
    """Say in a sentence whom this site mails; nothing where no trial was ever asked for."""
    if not trial.is_configured:
        return ""
    if trial.live_at is None:
        return "This is a trial: only people with an account of the staff are emailed."
    return f"Live since {trial.live_at:%Y-%m-%d}, {tell_gap(trial.live_at, now=now)}, by {trial.live_by}."
