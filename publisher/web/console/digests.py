"""Digests: what each sends next, its calendar, its letters before they go, and changes by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from publisher import app, editing, subscribing
from publisher.editorial import answers
from publisher.editorial.hand import UNDO
from publisher.editorial.moments import find_clock_change, tell_gap
from publisher.errors import (
    ContentError,
    NotFound,
    Problem,
    PublisherError,
    Refused,
    UsageError,
)
from publisher.model import DeliveryState, EditionState, Edits, Role, Verdict
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Page, unknown
from publisher.web.console.editions import STATE_WORDS, calendar_file, path_of
from publisher.web.console.letters import frame_of, view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.config import Digest
    from publisher.editing import Desk, PlannedEdition
    from publisher.model import Edition, EditionContent
    from publisher.web.console.asking import Answer

_NEWEST: Final = 30
_SLOTS: Final = 8
_MOST_AHEAD: Final = timedelta(days=366)
_MOST_SLOTS_AHEAD: Final = 60
_OPEN = (EditionState.DRAFT, EditionState.SCHEDULED)


def _find(ask: Ask) -> Digest:
    name = ask.parts["digest"]
    found = ask.site.config.digests.get(name)
    if found is None:
        raise NotFound(unknown("digest", name))
    return found


def page_of(digest: Digest) -> str:
    """Return the page of a digest."""
    return f"{ROOT}digests/{digest.name}"


def show_all(ask: Ask) -> Answer:
    """Show every digest, and the newest editions."""
    digests = ask.site.config.digests.values()
    before = ask.query.get("before", "")
    made = app.list_newest(
        ask.site, limit=_NEWEST + 1, before=int(before) if before.isdecimal() else None
    )
    return Page(
        name="digests",
        section="digests",
        values={
            "coming": [(one, ask.survey.coming(one, now=ask.now)) for one in digests],
            "followers": app.list_followers(ask.site),
            "editions": [ask.survey.number(one) for one in made[:_NEWEST]],
            "older": made[_NEWEST - 1].id if len(made) > _NEWEST else None,
            "words": STATE_WORDS,
            "accepted": DeliveryState.ACCEPTED,
        },
    )


# -------------------------------------------------------------------------------------- one digest


def show(ask: Ask) -> Answer:
    """Show what a digest sends next, its calendar, and what can be done before."""
    return _show(ask, _find(ask))


def _show(
    ask: Ask, digest: Digest, problems: Sequence[Problem] = (), *, status: int = 200
) -> Page:
    coming = ask.survey.coming(digest, now=ask.now)
    edition = coming.edition if coming else None
    day = ask.query.get("on", "")
    then, wrong = _look_ahead(ask, digest, day) if day else (None, ())
    return Page(
        name="digest",
        section="digests",
        status=status if problems else 422 if wrong else 200,
        problems=[*problems, *wrong],
        values={
            "digest": digest,
            "path": page_of(digest),
            "coming": coming,
            "edition": edition,
            "then": then,
            "on": "" if wrong else day,
            "slots": _calendar(digest, ask.now),
            "may_publish": ask.may(Role.PUBLISHER),
            "can_edit": edition is None or edition.state in _OPEN,
            "my_address": ask.staff.address.typed,
            "verdicts": Verdict,
            "has_people": bool(coming and coming.planned.audience),
            "rehearses": ask.site.config.mail.transport == "outbox",
            "trial": app.read_trial(ask.site),
        },
    )


def _calendar(digest: Digest, now: datetime) -> list[tuple[datetime, str]]:
    """Return the next slots, each with a note where the clocks change before it."""
    noted, before = [], now
    for at in app.list_slots(digest, now=now, count=_SLOTS):
        change = find_clock_change(digest.zone, before, at)
        noted.append((at, "the clocks change before it; the hour stays" if change else ""))
        before = at
    return noted


def _look_ahead(
    ask: Ask, digest: Digest, day: str
) -> tuple[PlannedEdition | None, tuple[Problem, ...]]:
    """Return the edition of the first slot on or after a day, were nothing to change until then."""
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        return None, (_no_day(day),)
    zone = ZoneInfo(digest.zone)
    start = datetime.combine(asked, time(), zone)
    if not ask.now - timedelta(days=1) <= start <= ask.now + _MOST_AHEAD:
        return None, (_no_day(day),)
    slots = app.list_slots(digest, now=ask.now, count=_MOST_SLOTS_AHEAD)
    first = next((at for at in slots if at >= start), None)
    if first is None:
        return None, (_no_slot(day),)
    planned = ask.survey.plan(digest, now=ask.now, until=first + timedelta(seconds=1))
    return (planned[-1] if planned else None), ()


def give_calendar(ask: Ask) -> Answer:
    """Give when a digest goes next, for a calendar; its name may be a topic and is not in it."""
    coming = ask.survey.coming(_find(ask), now=ask.now)
    if coming is None:
        raise NotFound(unknown("time", "none to come"))
    if coming.edition:
        return calendar_file(app.calendar_of(ask.site, coming.edition, now=ask.now))
    return calendar_file(app.calendar_of_next(ask.site, coming.planned, now=ask.now))


def send_test(ask: Ask) -> Answer:
    """Mail a marked letter to one address; it cannot reach the list."""
    digest = _find(ask)
    try:
        address = subscribing.read_address(ask.text("address"))
        outcome, where = app.send_test(ask.site, digest, address, by=ask.by, now=ask.now)
    except (UsageError, Refused, ContentError) as error:
        return _show(ask, digest, error.problems, status=422)
    if ask.site.config.mail.transport == "outbox":
        said = f"The test for {address.typed} is in the outbox. Nothing left this machine."
        return Moved(to=f"{ROOT}outbox", said=said)
    return Moved(to=page_of(digest), said=f"Test to {address.typed}: {outcome}, {where}.")


def schedule(ask: Ask) -> Answer:
    """Schedule what is new: one edition more in a minute, or the next one at its own time."""
    digest = _find(ask)
    desk, _ = ask.survey.open(ask.now)
    if ask.text("when") == "slot":
        return _schedule_next(ask, desk, digest)
    at = ask.now + UNDO
    edition, problems = editing.schedule_one(desk, digest, at=at, by=ask.by, now=ask.now)
    ask.changed()
    if problems:
        return _show(ask, digest, problems, status=409)
    if edition is None:
        return Moved(
            to=page_of(digest), said="Nothing is new, so nothing goes. No one was emailed."
        )
    gap = tell_gap(at, now=ask.now)
    return Moved(
        to=path_of(edition),
        said=f"It goes {gap}. Until then it can be cancelled, and no one was emailed.",
    )


def _schedule_next(ask: Ask, desk: Desk, digest: Digest) -> Answer:
    """Fix the edition of the next slot as it is now; it goes at its time."""
    edition = _draft(ask, digest) or editing.draft_ahead(desk, digest, now=ask.now)
    problems: Sequence[Problem] = ()
    if edition and edition.state is EditionState.DRAFT:
        edition = app.read_edition(ask.site, edition.id)  # its posts have been written since
        try:
            problems = editing.approve(desk, edition, by=ask.by, now=ask.now)
        except Refused as error:
            problems = error.problems
    ask.changed()
    if problems:
        return _show(ask, digest, problems, status=409)
    if edition is None:
        return Moved(
            to=page_of(digest), said="Nothing is new, so nothing goes. No one was emailed."
        )
    gap = tell_gap(edition.fire_at, now=ask.now)
    return Moved(
        to=path_of(edition),
        said=f"It goes {gap}. Until then it can be cancelled, and no one was emailed.",
    )


def show_send(ask: Ask) -> Answer:
    """Show what would go, to how many, and the choice when; the button says how many."""
    digest = _find(ask)
    desk, _ = ask.survey.open(ask.now)
    coming = ask.survey.coming(digest, now=ask.now)
    content = app.coming_content(ask.site, desk, digest, None, at=ask.now)
    return Page(
        name="digest-send",
        section="digests",
        values={
            "digest": digest,
            "path": page_of(digest),
            "coming": coming,
            "content": content,
            "label": f"Schedule {answers.count(coming.planned.audience, 'email')}"
            if coming
            else "",
            "has_slot": coming is not None and coming.planned.state in {"planned", "draft"},
            "trial": app.read_trial(ask.site),
            "rehearses": ask.site.config.mail.transport == "outbox",
        },
    )


# --------------------------------------------------------------------------------------- changing


def show_edit(ask: Ask) -> Answer:
    """Show the form that changes the next edition, made now where it is not there yet."""
    digest = _find(ask)
    edition = _draft(ask, digest)
    return _edit(ask, digest, edition)


def _draft(ask: Ask, digest: Digest) -> Edition | None:
    coming = ask.survey.coming(digest, now=ask.now)
    return coming.edition if coming else None


def _edit(
    ask: Ask, digest: Digest, edition: Edition | None, problems: Sequence[Problem] = ()
) -> Page:
    desk, _ = ask.survey.open(ask.now)
    edits = editing.read_edits(ask.site.store, edition) if edition else Edits()
    coming = ask.survey.coming(digest, now=ask.now)
    listed = _in_order(desk, coming.planned, edits) if coming else []
    content = _content(ask, desk, digest, edition)
    return Page(
        name="digest-edit",
        section="digests",
        status=422 if problems else 200,
        problems=problems,
        values={
            "digest": digest,
            "path": page_of(digest),
            "edition": edition,
            "edits": edits,
            "posts": listed,
            "usual": content,
        },
    )


def _content(
    ask: Ask, desk: Desk, digest: Digest, edition: Edition | None
) -> EditionContent | None:
    try:
        return app.coming_content(ask.site, desk, digest, edition, at=ask.now)
    except ContentError:
        return None


def _in_order(desk: Desk, planned: PlannedEdition, edits: Edits) -> list[tuple[str, str, bool]]:
    """Return id, title and whether it goes, of each post that could; in the order of going."""
    turns = {post_id: turn for turn, post_id in enumerate(edits.order)}
    can = [
        ruling
        for ruling in planned.rulings
        if ruling.verdict in {Verdict.INCLUDED, Verdict.LEFT_OUT} and ruling.post_id
    ]
    reading = {post_id: turn for turn, post_id in enumerate(_reading_order(desk, planned))}
    can.sort(
        key=lambda one: (
            turns.get(one.post_id or "", len(turns)),
            reading.get(one.post_id or "", len(reading)),
        )
    )
    return [
        (one.post_id or "", one.title or one.path, one.verdict is Verdict.INCLUDED) for one in can
    ]


def _reading_order(desk: Desk, planned: PlannedEdition) -> list[str]:
    longest = max(planned.letters, key=len, default=())
    return [*longest, *(post.id for post in desk.catalog.posts if post.id not in longest)]


def edit(ask: Ask) -> Answer:
    """Change the next edition: what is in it, in which order, and its words."""
    digest = _find(ask)
    desk, _ = ask.survey.open(ask.now)
    edition = _draft(ask, digest)
    if edition is None:
        edition = editing.draft_ahead(desk, digest, now=ask.now)
        ask.survey.forget()
    if edition is None:
        return Moved(to=page_of(digest), said="Nothing is new, so there is nothing to change.")
    try:
        editing.change_draft(desk, edition, _read_edits(ask), by=ask.by, now=ask.now)
    except Refused as error:
        return _edit(ask, digest, edition, error.problems)
    ask.changed()
    if ask.text("move"):
        return Moved(to=f"{page_of(digest)}/edit#posts", said="Moved.")
    was_approved = edition.state is EditionState.SCHEDULED
    again = " The approval covered what it was before: approve it again." if was_approved else ""
    return Moved(to=page_of(digest), said=f"Changed. No one was emailed.{again}")


def _read_edits(ask: Ask) -> Edits:
    order = [one for one in ask.form.get("post", ()) if one]
    going = set(ask.form.get("goes", ()))
    way, _, moved = ask.text("move").partition(":")
    if moved in order:
        place = order.index(moved)
        other = place + (-1 if way == "up" else 1)
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
    return Edits(
        subject=ask.text("subject"),
        preheader=ask.text("preheader"),
        intro=ask.raw("intro"),
        order=tuple(order),
        left_out=tuple(one for one in order if one not in going),
    )


# ---------------------------------------------------------------------------------------- letters


def show_letter(ask: Ask) -> Answer:
    """Show a letter of the next edition, as one of its kinds of readers would get it."""
    preview = _preview(ask)
    digest = _find(ask)
    home = page_of(digest)
    return view_of(ask, preview, f"{home}/letter", home, digest.title, digest_path=home)


def give_letter(ask: Ask) -> Answer:
    """Give that letter's HTML, for the frame that shows it."""
    return frame_of(_preview(ask))


def _preview(ask: Ask) -> app.Preview:
    digest = _find(ask)
    desk, _ = ask.survey.open(ask.now)
    coming = ask.survey.coming(digest, now=ask.now)
    edition = coming.edition if coming else None
    content = app.coming_content(ask.site, desk, digest, edition, at=ask.now)
    letters = sorted(coming.planned.letters.items(), key=lambda one: -one[1]) if coming else []
    wanted = ask.query.get("n", "")
    turn = int(wanted) - 1 if wanted.isdecimal() else 0
    mine = frozenset(post.post_id for post in content.posts)
    post_ids = letters[turn][0] if 0 <= turn < len(letters) else ()
    person = None
    if ask.query.get("person", "").isdecimal() and ask.may(*app.SEES_PEOPLE):
        person = app.find_person(ask.site, int(ask.query["person"]))
    return app.preview_of(
        ask.site,
        desk,
        content,
        post_ids=[one for one in post_ids if one in mine],
        person=person,
        discreet=ask.query.get("discreet") == "1",
        at=ask.now,
        has_news=bool(letters),
    )


def check_person(ask: Ask) -> Answer:
    """Show the very letter that one person would get."""
    digest = _find(ask)
    try:
        person = app.find_reader(ask.site, ask.text("address"))
    except PublisherError as error:
        return _show(ask, digest, error.problems, status=422)
    return Moved(to=f"{page_of(digest)}/letter?person={person.id}")


# --------------------------------------------------------------------------------------- problems


def _no_day(day: str) -> Problem:
    return Problem(
        code="digest.day",
        path="on",
        expected="a day from today on, a year ahead at most, such as 2027-03-16",
        got=day[:40],
    )


def _no_slot(day: str) -> Problem:
    return Problem(
        code="digest.slot",
        path="on",
        expected="a day before its sixtieth edition from now",
        got=day,
        hint="Look at an earlier one.",
    )
