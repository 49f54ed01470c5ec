"""Subscribers: found, seen whole, added, taken off, suppressed, erased, and given out as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from publisher import app, subscribing
from publisher.editorial.answers import count
from publisher.errors import NotFound, Problem, PublisherError, UsageError
from publisher.model import Role, SubscriberState
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Octets, Page, unknown
from publisher.web.console.editions import STATE_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.subscribing import Matches, PersonSheet
    from publisher.web.console.asking import Answer

LIST = f"{ROOT}subscribers"
SUPPRESSIONS = f"{LIST}/suppressions"
STANDS = {
    "unsubscribed": "they left",
    "complained": "they called a letter spam",
    "erased": "they had themselves erased",
    "bounced": "the address takes no mail",
    "cleaned": "an imported list said the address takes no mail",
    "staff": "staff said so",
}
"""What a standing do-not-mail fact is, in words."""
_OUTCOMES = {str(state): words for state, words in STATE_WORDS.items()}


# ----------------------------------------------------------------------------------------- the list


def show_all(ask: Ask) -> Answer:
    """Show who came last, and the search."""
    before = ask.query.get("before", "")
    is_page = before.isdecimal() and len(before) < 13  # noqa: PLR2004 - no number we ever gave
    found = subscribing.list_newest(ask.site.store, before=int(before) if is_page else None)
    return _list(ask, found)


def search(ask: Ask) -> Answer:
    """Show the person at an address, or those whose address begins so; no address is in a link."""
    text, after = ask.text("text"), ask.text("after")
    is_page = after.isdecimal() and len(after) < 13  # noqa: PLR2004 - as above
    try:
        found = subscribing.search(ask.site.store, text, after=int(after) if is_page else 0)
    except UsageError as error:
        return _list(ask, None, text=text, problems=error.problems)
    if len(found.people) == 1 and not is_page:
        return Moved(to=f"{LIST}/{found.people[0].id}")
    return _list(ask, found, text=text)


def _list(
    ask: Ask, found: Matches | None, *, text: str = "", problems: Sequence[Problem] = ()
) -> Page:
    counts = ask.survey.states(now=ask.now)
    return Page(
        name="people",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems,
        values={
            "found": found,
            "text": text,
            "active": counts.get(SubscriberState.ACTIVE, 0),
            "pending": counts.get(SubscriberState.PENDING, 0),
            "left": counts.get(SubscriberState.UNSUBSCRIBED, 0),
            "stands": STANDS,
            "may_export": ask.may(Role.ADMIN),
            "least": subscribing.LEAST_TYPED,
        },
    )


# -------------------------------------------------------------------------------------- one person


def show(ask: Ask) -> Answer:
    """Show one person: where they stand, the proof of their consent, choices and letters."""
    return _show(ask, _find(ask))


def _find(ask: Ask) -> PersonSheet:
    wanted = ask.parts["subscriber_id"]
    if not wanted.isdecimal() or len(wanted) > 12:  # noqa: PLR2004 - as above
        raise NotFound(unknown("subscriber", wanted))
    return subscribing.read_person(
        ask.site.store, int(wanted), rehearsal=ask.site.config.mail.transport == "outbox"
    )


def _show(ask: Ask, sheet: PersonSheet, problems: Sequence[Problem] = ()) -> Page:
    _, shelf = ask.survey.open(ask.now)
    titles = {one.slug: one.title for one in shelf.catalog.series}
    digests = {name: one.title for name, one in ask.site.config.digests.items()}
    person = sheet.person
    return Page(
        name="person",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems,
        values={
            "sheet": sheet,
            "person": person,
            "path": f"{LIST}/{person.id}",
            "digests": [digests.get(one, one) for one in person.digests] or list(digests.values()),
            "has_chosen": bool(person.digests),
            "left_out": [titles.get(one, one) for one in person.series],
            "courses": [(titles.get(slug, slug), one) for slug, one in sheet.courses.items()],
            "outcomes": _OUTCOMES,
            "stands": STANDS,
            "evidence": ask.text("evidence"),
        },
    )


def show_add(ask: Ask) -> Answer:
    """Show the form that adds a person."""
    return _add(ask)


def _add(ask: Ask, problems: Sequence[Problem] = (), status: int = 200) -> Page:
    return Page(
        name="person-add",
        section="subscribers",
        status=status,
        problems=problems,
        values={"typed": {one: ask.text(one) for one in ("address", "consent", "how")}},
    )


def add(ask: Ask) -> Answer:
    """Add a person who agreed, or mail them a confirmation; say what did not happen."""
    address, consent = ask.text("address"), ask.text("consent")
    store = ask.site.store
    try:
        if ask.text("how") == "confirm":
            wording = subscribing.say_wording(ask.site.config.site.name)
            subscribing.invite(store, address, wording=wording, source="staff", now=ask.now)
            said = "Asked by mail. They get no letters until they confirm; one mail a day at most."
            within = ask.site.config.subscribe.confirm_within
            waits = subscribing.tell_trial(ask.site.config, store, within)
            said = f"{said} {waits}".strip()
            return Moved(to=LIST, said=said)
        is_new = subscribing.add(
            store, address, consent=consent, source="staff", by=ask.by, now=ask.now
        )
    except PublisherError as error:
        return _add(ask, error.problems, 422)
    ask.survey.forget_people()
    person = subscribing.find_by_address(store, subscribing.read_address(address))
    in_trial = " once the trial is over" if app.read_trial(ask.site).is_on else ""
    said = (
        f"Added. They get the next letter{in_trial}; no one was emailed."
        if is_new
        else "They were on the list already. Nothing was changed."
    )
    return Moved(to=f"{LIST}/{person.id}" if person else LIST, said=said)


def take_off(ask: Ask) -> Answer:
    """End a subscription at the person's word."""
    sheet = _find(ask)
    try:
        changed = subscribing.take_off(
            ask.site.store, sheet.person.id, evidence=ask.text("evidence"), by=ask.by, now=ask.now
        )
    except UsageError as error:
        return _show(ask, sheet, error.problems)
    ask.survey.forget_people()
    said = (
        "Unsubscribed. No letter that has not begun goes to them; no one was emailed."
        if changed
        else "They had left already, so nothing changed for them."
    )
    return Moved(to=f"{LIST}/{sheet.person.id}", said=said)


def suppress_one(ask: Ask) -> Answer:
    """Mail a person no more, by staff's word."""
    sheet = _find(ask)
    if not ask.text("evidence"):
        return _show(ask, sheet, [_no_evidence()])
    return _suppress(ask, sheet.person.address.typed, f"{LIST}/{sheet.person.id}")


def show_erase(ask: Ask) -> Answer:
    """Show what erasing a person takes away, before it does."""
    return Page(name="person-erase", section="subscribers", values={"person": _find(ask).person})


def erase(ask: Ask) -> Answer:
    """Erase a person at their word."""
    person = _find(ask).person
    subscribing.erase_by_address(ask.site.store, person.address.typed, by=ask.by, now=ask.now)
    ask.survey.forget_people()
    said = "Erased. A keyed hash of the address stays, so that nobody mails it again."
    return Moved(to=LIST, said=said)


# ------------------------------------------------------------------------------------ suppressions


def show_suppressions(ask: Ask) -> Answer:
    """Show who must not be mailed, and what proves it."""
    return _suppressions(ask)


def search_suppressions(ask: Ask) -> Answer:
    """Show what stands against an address; neither is in a link."""
    text = ask.text("text")
    try:
        return _suppressions(ask, text=text)
    except UsageError as error:
        return _suppressions(ask, error.problems)


def _suppressions(ask: Ask, problems: Sequence[Problem] = (), *, text: str = "") -> Page:
    store, has_more = ask.site.store, False
    if text:
        found = subscribing.search_suppressions(store, text)
    else:
        found, has_more = subscribing.page_suppressions(
            store, after=ask.query.get("after") or None
        )
    typed: dict[str, Any] = {one: ask.text(one) for one in ("address", "evidence")}
    return Page(
        name="people-suppressions",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems,
        values={
            "found": found,
            "is_search": bool(text),
            "text": text or ask.text("text"),
            "older": found[-1].address_hash if has_more else None,
            "stands": STANDS,
            "will": subscribing.WILL,
            "typed": typed,
        },
    )


def suppress(ask: Ask) -> Answer:
    """Mail an address no more, known or not."""
    if not ask.text("evidence"):
        return _suppressions(ask, [_no_evidence()])
    try:
        return _suppress(ask, ask.text("address"), SUPPRESSIONS)
    except UsageError as error:
        return _suppressions(ask, error.problems)


def _suppress(ask: Ask, address: str, to: str) -> Moved:
    is_new = subscribing.suppress_address(
        ask.site.store, address, evidence=ask.text("evidence"), by=ask.by, now=ask.now
    )
    ask.survey.forget_people()
    said = (
        "Nobody mails this address any more, in force for every mail that has not begun."
        if is_new
        else "This address was not to be mailed already. The first reason stands."
    )
    return Moved(to=to, said=said)


def lift(ask: Ask) -> Answer:
    """Take back what is no one's will; Refused where it is the person's own."""
    subscribing.release_address(ask.site.store, ask.text("hash"), by=ask.by, now=ask.now)
    ask.survey.forget_people()
    said = "Taken back. They get letters again where they are on the list; no one was emailed."
    to = ask.text("person")
    return Moved(to=f"{LIST}/{to}" if to.isdecimal() else SUPPRESSIONS, said=said)


def _no_evidence() -> Problem:
    return Problem(
        code="suppression.evidence",
        path="evidence",
        expected="why, for whoever looks later",
        got="nothing",
        hint="Such as: letter of 3 March. Nothing was changed.",
    )


# ------------------------------------------------------------------------------------------ export


def show_export(ask: Ask) -> Answer:
    """Show what can be taken away."""
    counts = ask.survey.states(now=ask.now)
    return Page(
        name="people-export",
        section="subscribers",
        values={"number": count(sum(counts.values()), "person", "people")},
    )


def export(ask: Ask) -> Answer:
    """Give everyone as CSV, or every consent; the trail tells who took it away."""
    is_proof = ask.text("what") == "proof"
    make = subscribing.export_proofs if is_proof else subscribing.export_list
    text = make(ask.site.store)
    what = "consents" if is_proof else "subscribers"
    subscribing.note_export(ask.site.store, what, by=ask.by, now=ask.now)
    return Octets(
        data=text.encode(),
        kind="text/csv; charset=utf-8",
        name=f"{what}-{ask.now:%Y-%m-%d}.csv",
    )
