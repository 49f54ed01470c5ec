"""A list taken in: sent, its columns confirmed, looked at as it would be, and only then taken in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from publisher import app, subscribing
from publisher.editorial.answers import count, people
from publisher.errors import ContentError, Problem
from publisher.exchange.subscribers import peek_columns
from publisher.web.console.asking import Ask, Moved, Page
from publisher.web.console.people import LIST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.app import HeldList
    from publisher.subscribing import Import
    from publisher.web.console.asking import Answer

FIELD_WORDS: Final = {
    "": "Not read",
    "email": "Email address",
    "subscribed_at": "When they asked",
    "confirmed_at": "When they confirmed",
    "state": "State: active, unsubscribed, bounced …",
    "left_at": "When they left; filled for who left",
    "out": "Yes for who left",
    "in": "No for who left",
    "all_unsubscribed": "Everybody in this list left",
    "all_cleaned": "Nobody in this list can be reached",
    "source": "Where they came from",
    "digests": "Digests they chose",
    "series": "Series they left out",
    "discreet": "Yes for a discreet subject",
}
_LINES_TOLD = 10


def show(_ask: Ask) -> Answer:
    """Show the form that a list is sent with."""
    return _form()


def _form(problems: Sequence[Problem] = ()) -> Page:
    return Page(
        name="import", section="subscribers", problems=problems, status=422 if problems else 200
    )


def hold(ask: Ask) -> Answer:
    """Keep a list, private, until staff say what becomes of it."""
    sent = ask.files.get("list")
    if sent is None or not sent.data:
        return _form([_no_file()])
    try:
        peek_columns(sent.data, sent.name)
    except ContentError as error:
        return _form(error.problems)
    held = app.hold_list(ask.site, sent.name, sent.data, now=ask.now)
    return Moved(to=f"{LIST}/import/{held.key}")


def show_columns(ask: Ask) -> Answer:
    """Show which column was taken for what, so that staff can choose otherwise."""
    return _columns(ask, app.read_held(ask.site, ask.parts["upload"]))


def _columns(ask: Ask, held: HeldList, problems: Sequence[Problem] = ()) -> Page:
    chosen = _chosen(ask)
    columns = peek_columns(held.data, held.name)
    fields = chosen if chosen is not None else [one.field for one in columns]
    fields = [*fields, *[""] * len(columns)][: len(columns)]
    return Page(
        name="import-columns",
        section="subscribers",
        status=422 if problems else 200,
        problems=problems,
        values={
            "held": held,
            "path": f"{LIST}/import/{held.key}",
            "columns": list(zip(columns, fields, strict=True)),
            "words": FIELD_WORDS,
            "consent": ask.text("consent"),
        },
    )


def _chosen(ask: Ask) -> list[str] | None:
    chosen = ask.form.get("field")
    return None if chosen is None else [one if one in FIELD_WORDS else "" for one in chosen]


def check(ask: Ask) -> Answer:
    """Show what taking the list in would come to; nothing is changed."""
    held = app.read_held(ask.site, ask.parts["upload"])
    try:
        done = _import(ask, held, dry_run=True)
    except ContentError as error:
        return _columns(ask, held, error.problems)
    return Page(
        name="import-check",
        section="subscribers",
        values={
            "held": held,
            "path": f"{LIST}/import/{held.key}",
            "done": done,
            "refusals": _group(done.problems),
            "label": _label(done),
            "fields": _chosen(ask) or (),
            "consent": ask.text("consent"),
        },
    )


def take_in(ask: Ask) -> Answer:
    """Take the list in, and say what came and what did not."""
    held = app.read_held(ask.site, ask.parts["upload"])
    try:
        done = _import(ask, held, dry_run=False)
    except ContentError as error:
        return _columns(ask, held, error.problems)
    app.forget_held(ask.site, held.key)
    ask.survey.forget_people()
    return Page(
        name="import-done",
        section="subscribers",
        values={"held": held, "done": done, "refusals": _group(done.problems)},
    )


def forget(ask: Ask) -> Answer:
    """Remove a list that was sent, with nothing taken from it."""
    app.forget_held(ask.site, ask.parts["upload"])
    return Moved(to=LIST, said="The file is removed. Nobody was added.")


def _import(ask: Ask, held: HeldList, *, dry_run: bool) -> Import:
    return subscribing.import_list(
        ask.site.store,
        held.data,
        held.name,
        consent=ask.text("consent"),
        fields=_chosen(ask),
        dry_run=dry_run,
        by=ask.by,
        now=ask.now,
    )


def _label(done: Import) -> str:
    """Return what the button says, with its number; "" where there is nothing to take in."""
    if done.added:
        return f"Add {people(done.added)}"
    if done.suppressed:
        return f"Take in {count(done.suppressed, 'do-not-mail fact')}"
    return ""


def _group(problems: Sequence[Problem]) -> list[tuple[int, Problem, str]]:
    """Return what is wrong with rows, once each: how many, the first, and on which lines."""
    groups: dict[tuple[str, str, str], list[Problem]] = defaultdict(list)
    for one in problems:
        # What was got is of one row only where an address or a time is wrong.
        groups[one.level, one.code, one.expected].append(one)
    told = []
    for same in groups.values():
        lines = [str(one.line) for one in same[:_LINES_TOLD] if one.line]
        rest = " and more" if len(same) > _LINES_TOLD else ""
        told.append((len(same), same[0], f"{', '.join(lines)}{rest}"))
    return told


def _no_file() -> Problem:
    return Problem(
        code="import.file",
        path="list",
        expected="a file with a list, as CSV",
        got="none, or an empty one",
        hint="Choose a file. Nothing was changed.",
    )
