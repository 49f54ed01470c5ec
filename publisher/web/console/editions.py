"""Editions: each whole, with what staff can do with it and what came of it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Literal, cast

from publisher import app
from publisher.config import find_digest
from publisher.editorial import answers
from publisher.editorial.alerting import WHY_HELD
from publisher.editorial.correcting import tell_holders
from publisher.editorial.moments import tell_clock_change, tell_gap, tell_moment
from publisher.errors import ContentError, NotFound, Refused
from publisher.model import Act, DeliveryState, EditionState, HeldReason, Role
from publisher.pages.calendar import CONTENT_TYPE
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Octets, Page, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.app import EditionSheet, Progress
    from publisher.errors import Problem
    from publisher.model import Edition
    from publisher.web.console.asking import Answer

STATE_WORDS = {
    DeliveryState.ACCEPTED: "accepted",
    DeliveryState.PENDING: "waiting",
    DeliveryState.INFLIGHT: "on the wire",
    DeliveryState.DEFERRED: "trying again",
    DeliveryState.REJECTED: "refused for good",
    DeliveryState.SUPPRESSED: "left out: do not mail",
    DeliveryState.UNCERTAIN: "uncertain",
    DeliveryState.EXPIRED: "given up: too late",
    DeliveryState.CANCELLED: "not sent: cancelled",
}
COMING = (EditionState.DRAFT, EditionState.SCHEDULED)
"""Before they go."""
_BEGUN = (EditionState.READY, EditionState.SENDING, EditionState.PAUSED)


def path_of(edition: Edition) -> str:
    """Return the page of an edition."""
    return f"{ROOT}editions/{edition.id}"


def find(ask: Ask) -> Edition:
    """Return the edition that a path names; raises NotFound."""
    wanted = ask.parts["edition_id"]
    if not wanted.isdecimal() or len(wanted) > 12:  # noqa: PLR2004 - no number we ever gave
        raise NotFound(unknown("edition", wanted))
    return app.read_edition(ask.site, int(wanted))


def _sheet(ask: Ask) -> EditionSheet:
    return app.describe_sheet(ask.survey, find(ask), now=ask.now)


# --------------------------------------------------------------------------------------- looking


def show(ask: Ask) -> Answer:
    """Show an edition whole."""
    return _show(ask, _sheet(ask))


def _show(ask: Ask, sheet: EditionSheet, problems: Sequence[Problem] = ()) -> Page:
    edition = sheet.edition
    return Page(
        name="edition",
        section="digests",
        status=409 if problems else 200,
        problems=problems,
        values={
            "sheet": sheet,
            "edition": edition,
            "path": path_of(edition),
            "why_held": _why(edition),
            "buttons": _buttons(sheet) if ask.may(Role.PUBLISHER) else (),
            "extras": _extras(sheet) if ask.may(Role.PUBLISHER) else (),
            "holders": tell_holders(sheet.correcting.have, sheet.correcting.reach)
            if sheet.correcting
            else "",
            "may_publish": ask.may(Role.PUBLISHER),
            "is_going": edition.state in _BEGUN,
            # A correction, or one post, goes in a minute: nothing for a calendar.
            "has_time": edition.state in COMING
            and not (edition.is_correction or edition.is_alone),
            "figures": _figures(sheet),
            "words": STATE_WORDS,
            "clock": tell_clock_change(sheet.zone, ask.now, edition.fire_at),
        },
    )


def _why(edition: Edition) -> str:
    if edition.state is not EditionState.HELD or not edition.reason:
        return ""
    return WHY_HELD.get(HeldReason(edition.reason), "")


def _figures(sheet: EditionSheet | Progress) -> list[tuple[str, str, int]]:
    """Return state, words and number of everything that deliveries came to, without the zeros."""
    return [
        (str(state), words, sheet.counts[state])
        for state, words in STATE_WORDS.items()
        if sheet.counts[state]
    ]


def show_progress(ask: Ask) -> Answer:
    """Show how far an edition is, as the part of its page that a script asks for."""
    sheet = app.describe_progress(ask.site, find(ask), now=ask.now)
    return Page(
        name="progress",
        values={
            "sheet": sheet,
            "edition": sheet.edition,
            "is_going": sheet.edition.state in _BEGUN,
            "figures": _figures(sheet),
        },
    )


def give_csv(ask: Ask) -> Answer:
    """Give what came of an edition as CSV: numbers and reasons, no addresses."""
    sheet = _sheet(ask)
    stream = io.StringIO()
    table = csv.writer(stream)
    table.writerow(["edition", "outcome", "reason", "people"])
    for state, words, number in _figures(sheet):
        told = [one for one in sheet.reasons if str(one.state) == state]
        explained = sum(one.count for one in told)
        rows = [(one.reason, one.count) for one in told]
        rows += [("", number - explained)] if number > explained else []
        for reason, count in rows:
            table.writerow([sheet.edition.name, words, _harmless(reason), count])
    return Octets(
        data=stream.getvalue().encode(),
        kind="text/csv; charset=utf-8",
        name=f"{sheet.edition.name.replace('/', '-')}.csv",
    )


def give_calendar(ask: Ask) -> Answer:
    """Give when an edition goes, for a calendar; neither posts nor people are named in it."""
    edition = find(ask)
    if edition.state not in COMING:
        raise NotFound(unknown("time", "one that has passed"))
    return calendar_file(app.calendar_of(ask.site, edition, now=ask.now))


def calendar_file(data: bytes) -> Octets:
    """Return a calendar file, under a name that tells nothing."""
    return Octets(data=data, kind=CONTENT_TYPE, name="mail.ics")


def _harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


# ----------------------------------------------------------------------------------------- acting

_DIRECT = frozenset({"hold", "pause", "resume"})
"""What harms nobody is done at once; before anything else the page asks once more."""


def _buttons(sheet: EditionSheet) -> list[tuple[str, str, bool]]:
    """Return what can be done: the act, what its button says, whether it is done at once."""
    made = [(act, _label(act, sheet), act in _DIRECT) for act in sheet.acts if act != "cancel"]
    last = [("cancel", _label("cancel", sheet), False)] if "cancel" in sheet.acts else []
    return made + last


def _extras(sheet: EditionSheet) -> list[tuple[str, str]]:
    """Return what else can be done from here: what its button says, and where it leads."""
    edition, about = sheet.edition, sheet.correcting
    if sheet.can_be_corrected:
        has = "person who has" if sheet.have == 1 else f"{sheet.have:,} who have"
        return [(f"Send a correction to the {has} it", f"{path_of(edition)}/correction")]
    if about is None:
        return []
    if edition.state in {EditionState.DRAFT, EditionState.SCHEDULED}:
        return [("Change what it says", f"{path_of(edition)}/correction")]
    if edition.state is EditionState.CANCELLED and not edition.audience:
        path = f"{path_of(about.corrected)}/correction?again={edition.id}"
        return [("Write it again", path)]
    return []


def _label(act: str, sheet: EditionSheet) -> str:
    if act == "approve" and sheet.correcting:
        return f"Send {answers.count(sheet.size, 'email')} in 1 minute"
    if act == "approve":
        return f"Schedule {answers.count(sheet.size, 'email')}"
    if act == "resolve":
        return f"Decide {sheet.counts[DeliveryState.UNCERTAIN]:,} uncertain"
    return answers.name_button(Act(act), sheet.edition, sheet.counts, expected=sheet.expected)


def show_act(ask: Ask) -> Answer:
    """Show what an act does, to whom and when, before it is done."""
    sheet, act = _sheet(ask), ask.parts["act"]
    if act not in sheet.acts:
        return _show(ask, sheet)
    return _check(ask, sheet, act)


def _check(ask: Ask, sheet: EditionSheet, act: str, problems: Sequence[Problem] = ()) -> Page:
    edition = sheet.edition
    content, findings = None, list(problems)
    if act == "approve":
        try:
            content = app.content_of(ask.survey.open(ask.now)[0], edition)
        except ContentError as error:
            findings += error.problems
    warning = ""
    if act == "cancel":
        warning = answers.warn_of(Act.CANCEL, edition, sheet.counts, expected=sheet.expected)
    is_due = edition.fire_at <= ask.now
    return Page(
        name="edition-check",
        section="digests",
        status=409 if problems else 200,
        problems=findings,
        values={
            "sheet": sheet,
            "edition": edition,
            "act": act,
            "label": _label(act, sheet),
            "content": content,
            "sha256": app.content_sha256_of(content) if content else "",
            "warning": warning,
            "when": "within a minute"
            if is_due
            else f"{tell_moment(edition.fire_at, sheet.zone)} ({tell_gap(edition.fire_at, now=ask.now)})",
            "sender": ask.site.config.mail.from_,
            "reply_to": ask.site.config.mail.reply_to,
            "path": path_of(edition),
        },
    )


def act(ask: Ask) -> Answer:
    """Do what a button says; the answer says what did not happen."""
    name, edition = ask.parts["act"], find(ask)
    try:
        said = _do(ask, name, edition)
    except (Refused, ContentError) as error:
        ask.survey.forget()
        return _show(ask, _sheet(ask), error.problems)
    ask.changed()
    return Moved(to=path_of(edition), said=said)


def _do(ask: Ask, name: str, edition: Edition) -> str:
    if name == "approve":
        return _approve(ask, edition)
    if name == "resolve":
        return _resolve(ask, edition)
    if name not in set(Act):
        raise NotFound(unknown("act", name))
    done = app.handle_edition(ask.site, edition, Act(name), by=ask.by, now=ask.now)
    told = answers.tell_done(Act(name), done.edition, done.counts, changed=done.changed)
    return f"{told} {_tell_when(ask, done.edition)}" if name in {"release", "resume"} else told


def _approve(ask: Ask, edition: Edition) -> str:
    app.approve_edition(ask.site, edition, seen_sha256=ask.text("sha256"), by=ask.by, now=ask.now)
    if edition.is_correction:
        return "It goes in 1 minute. Until then it can be cancelled, and no one was emailed."
    return f"Approved. No one was emailed yet. {_tell_when(ask, edition)}"


def _tell_when(ask: Ask, edition: Edition) -> str:
    if edition.fire_at <= ask.now:
        return "It goes within a minute."
    digest = find_digest(ask.site.config, edition.digest)
    zone = digest.zone if digest else ask.site.config.site.timezone
    gap = tell_gap(edition.fire_at, now=ask.now)
    return f"It goes on {tell_moment(edition.fire_at, zone)}, {gap}."


def _resolve(ask: Ask, edition: Edition) -> str:
    as_ = ask.text("as")
    if as_ not in {"accepted", "resend"}:
        raise Refused(unknown("decision", as_ or "none"))
    done = app.resolve_edition(
        ask.site,
        edition,
        cast("Literal['accepted', 'resend']", as_),
        address=None,
        by=ask.by,
        now=ask.now,
    )
    if done.posts:
        posts = answers.count(done.posts, "post")
        return f"{posts} count as sent, and the edition is cancelled. No one was emailed."
    if as_ == "accepted":
        return f"{answers.count(done.decided, 'email')} taken as accepted. No one was emailed."
    return f"{answers.count(done.decided, 'email')} will go again, within a minute."
