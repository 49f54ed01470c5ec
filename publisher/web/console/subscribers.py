"""Subscribers: found, known, added with consent, taken in as lists, given out, mailed no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from publisher import app, subscribing
from publisher.errors import ContentError, NotFound, PublisherError, Refused, UsageError
from publisher.model import SubscriberState
from publisher.pages.console import ROOT
from publisher.web.console.asking import Ask, Moved, Octets, Page, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.errors import Problem
    from publisher.web.console.asking import Answer

_SHOWN: Final = 50
_SUPPRESSIONS: Final = 200
_PAGE: Final = f"{ROOT}subscribers"


def show_all(ask: Ask) -> Answer:
    """Show how many there are, the newest, and what can be done."""
    return _all(ask)


def search(ask: Ask) -> Answer:
    """Show people by a piece of their address; it is in no address of ours, so in no log."""
    return _all(ask, piece=ask.text("piece"))


def _all(
    ask: Ask, problems: Sequence[Problem] = (), *, piece: str = "", notes: Sequence[str] = ()
) -> Page:
    return Page(
        name="subscribers",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems[:20],
        values={
            "found": app.find_people(ask.site, piece, limit=_SHOWN),
            "piece": piece,
            "typed": {name: ask.text(name) for name in ("address", "consent")},
            "states": SubscriberState,
            "notes": notes,
        },
    )


def show(ask: Ask) -> Answer:
    """Show one person whole."""
    wanted = ask.parts["subscriber_id"]
    if not wanted.isdecimal() or len(wanted) > 18:  # noqa: PLR2004 - no number we ever gave
        raise NotFound(unknown("subscriber", wanted))
    return Page(
        name="subscriber",
        section="subscribers",
        values={
            "sheet": app.describe_person(ask.site, int(wanted)),
            "digests": list(ask.site.config.digests),
        },
    )


def add(ask: Ask) -> Answer:
    """Add a person who agreed, active at once, with how they did."""
    try:
        is_new = subscribing.add(
            ask.site.store,
            ask.text("address"),
            consent=ask.text("consent"),
            source=f"staff: {ask.by}",
            now=ask.now,
        )
    except (UsageError, Refused) as error:
        return _all(ask, error.problems)
    if is_new:
        person = app.find_reader(ask.site, ask.text("address"))
        app.note_act(ask.site, ask.by, "add", f"subscriber:{person.id}", now=ask.now)
    ask.changed()
    said = "Added, with how they agreed." if is_new else "They are on the list already."
    return Moved(to=_PAGE, said=said)


def take_in(ask: Ask) -> Answer:
    """Take in a list, or only say what would come of it."""
    upload = ask.files.get("list")
    is_trial = bool(ask.text("trial"))
    try:
        done = subscribing.import_list(
            ask.site.store,
            upload.data if upload else b"",
            upload.name if upload else "",
            consent=ask.text("consent"),
            dry_run=is_trial,
            now=ask.now,
        )
    except (ContentError, UsageError, Refused) as error:
        return _all(ask, error.problems)
    ask.changed()
    verb = "Would add" if is_trial else "Added"
    told = (
        f"{verb} {done.added:,}; {done.known:,} known already; {done.suppressed:,} who left; "
        f"{len(done.problems):,} refused."
    )
    if done.problems and not is_trial:
        app.note_act(ask.site, ask.by, "import", "subscribers", detail=told, now=ask.now)
    if done.problems:
        return _all(ask, done.problems, notes=(told, *done.notes))
    if not is_trial:
        app.note_act(ask.site, ask.by, "import", "subscribers", detail=told, now=ask.now)
    end = " Nothing was changed." if is_trial else " No one was emailed."
    return Moved(to=_PAGE, said=f"{told}{end}")


def export(ask: Ask) -> Answer:
    """Give everyone as CSV; that it was given stands in the trail."""
    app.note_act(ask.site, ask.by, "export", "subscribers", now=ask.now)
    return Octets(
        data=subscribing.export_list(ask.site.store).encode(),
        kind="text/csv; charset=utf-8",
        name="subscribers.csv",
    )


def show_export(_ask: Ask) -> Answer:
    """Say what an export is, before it is given."""
    return Page(name="subscribers-export", section="subscribers")


def show_suppressions(ask: Ask) -> Answer:
    """Show who is never mailed, why, and what proves it."""
    return _suppressions(ask)


def _suppressions(ask: Ask, problems: Sequence[Problem] = ()) -> Page:
    return Page(
        name="suppressions",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems,
        values={
            "facts": app.newest_suppressions(ask.site, limit=_SUPPRESSIONS),
            "most": _SUPPRESSIONS,
        },
    )


def suppress(ask: Ask) -> Answer:
    """Mail an address no more."""
    try:
        added = subscribing.suppress_address(
            ask.site.store,
            ask.text("address"),
            evidence=f"{ask.by}: {ask.text('evidence')}",
            now=ask.now,
        )
    except UsageError as error:
        return _suppressions(ask, error.problems)
    ask.changed()
    said = (
        "It is mailed no more, from the next mail on."
        if added
        else "It was mailed no more already."
    )
    return Moved(to=f"{ROOT}suppressions", said=said)


def release(ask: Ask) -> Answer:
    """Take a suppression back, where it is not the person's own will."""
    try:
        subscribing.release_address(ask.site.store, ask.text("hash"), now=ask.now)
    except PublisherError as error:
        return _suppressions(ask, error.problems)
    ask.changed()
    return Moved(to=f"{ROOT}suppressions", said="Taken back: it may be mailed again.")
