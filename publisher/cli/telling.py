"""Values as people and programs read them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from publisher import app
from publisher.editorial import answers
from publisher.editorial.alone import tell_readers
from publisher.editorial.correcting import tell_holders
from publisher.editorial.moments import tell_gap, tell_moment
from publisher.model import Act, DeliveryState, EditionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from publisher.app import Corrected, EditionReport, Report
    from publisher.editing import Handled, Mailing, PlannedEdition, Resolved
    from publisher.model import Edition
    from publisher.operating import Moved, Restored
    from publisher.publishing import Build

_COUNT_WORDS = {
    DeliveryState.ACCEPTED: "accepted",
    DeliveryState.PENDING: "waiting",
    DeliveryState.INFLIGHT: "on the wire",
    DeliveryState.DEFERRED: "to be tried again",
    DeliveryState.REJECTED: "rejected",
    DeliveryState.SUPPRESSED: "left out",
    DeliveryState.UNCERTAIN: "uncertain",
    DeliveryState.EXPIRED: "expired",
    DeliveryState.CANCELLED: "cancelled",
}
count, people, local = answers.count, answers.people, tell_moment
"""Numbers and moments as every other place tells them."""
_MOST_REASONS = 10
"""Reasons that are told before the rest is only counted."""


def near(path: Path) -> str:
    """Return a path as short as it can be typed from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def program() -> str:
    """Return how this program was called, so that the next command can be typed as it is shown."""
    called = Path(sys.argv[0])
    if called.name != "publisher" or shutil.which("publisher") == str(called):
        return "publisher"
    return near(called.absolute())


def build_shape(build: Build) -> dict[str, object]:
    """Return the JSON of ``build``."""
    return {
        "written": sorted(build.written),
        "unchanged": build.unchanged,
        "removed": sorted(build.removed),
        "problems": [problem.as_json() for problem in build.problems],
    }


def edition_shape(report: EditionReport) -> dict[str, object]:
    """Return the JSON of one edition with its counts."""
    edition = report.edition
    return {
        "edition": edition.name,
        "digest": edition.digest,
        "number": edition.number,
        "slot": edition.slot,
        "fire_at": edition.fire_at.isoformat(),
        "state": str(edition.state),
        "reason": edition.reason,
        "rehearsal": edition.rehearsal,
        "trial": edition.trial,
        "subject": edition.subject,
        "audience": edition.audience,
        "letters": edition.letters,
        "counts": {str(state): number for state, number in report.counts.items()},
        "reasons": [app.reason_shape(one) for one in report.reasons],
    }


def report_shape(report: Report) -> dict[str, object]:
    """Return the JSON of ``publish``."""
    return {
        "build": build_shape(report.build),
        "editions": [edition_shape(one) for one in report.editions],
        "problems": [problem.as_json() for problem in (*report.build.problems, *report.problems)],
    }


def tell_build(build: Build, output: str) -> list[str]:
    """Say what a build did."""
    if not build.written and not build.removed:
        return [f"Nothing new: {count(build.unchanged, 'file')} unchanged in {output}"]
    pages = sum(name.endswith(".html") for name in build.written)
    feeds = sum(name.endswith((".atom", ".rss", ".json")) for name in build.written)
    other = len(build.written) - pages - feeds
    parts = [count(pages, "page"), count(feeds, "feed file"), count(other, "other file")]
    line = f"Written {', '.join(parts)}; {build.unchanged:,} unchanged, "
    return [f"{line}{len(build.removed):,} removed, in {output}"]


def tell_counts(report: EditionReport) -> str:
    """Say how many deliveries came to what, without the zeros."""
    told = [
        f"{report.counts[state]:,} {word}"
        for state, word in _COUNT_WORDS.items()
        if report.counts[state]
    ]
    return ", ".join(told) or "nobody to send to"


def tell_edition(report: EditionReport) -> list[str]:
    """Say what an edition is and came to."""
    edition = report.edition
    kind = ("trial " if edition.trial else "") + ("rehearsal " if edition.rehearsal else "")
    reason = f" ({edition.reason})" if edition.reason else ""
    size = f"{people(edition.audience)}, {count(edition.letters, 'letter')}"
    lines = [f"{edition.name}  {kind}{edition.state}{reason}: {size}; {tell_counts(report)}"]
    shown = report.reasons[:_MOST_REASONS]
    lines += [
        f"  {one.count:,} {_COUNT_WORDS[one.state]}: {one.reason or 'no reason given'}"
        for one in shown
    ]
    if len(report.reasons) > len(shown):
        rest = sum(one.count for one in report.reasons[len(shown) :])
        lines.append(f"  {rest:,} for other reasons: publisher --json edition show {edition.name}")
    return lines


def plan_shape(planned: PlannedEdition) -> dict[str, object]:
    """Return the JSON of one planned edition."""
    return {
        "digest": planned.digest,
        "slot": planned.slot,
        "fire_at": planned.fire_at.isoformat(),
        "state": planned.state,
        "audience": planned.audience,
        "everybody": planned.everybody,
        "letters": [
            {"posts": list(posts), "audience": people} for posts, people in planned.letters.items()
        ],
        "posts": [
            {
                "id": ruling.post_id,
                "path": f"posts/{ruling.path}",
                "title": ruling.title,
                "verdict": str(ruling.verdict),
                "reason": ruling.reason,
            }
            for ruling in planned.rulings
        ],
        "left_out": [
            {"reason": reason, "people": number} for reason, number in planned.left_out.items()
        ],
    }


def tell_plan(planned: PlannedEdition, zone: str) -> list[str]:
    """Say when an edition goes, to how many, with which posts, and why the others are not in it."""
    included = [one for one in planned.rulings if one.verdict == "included"]
    size = f"{count(len(included), 'post')} to {people(planned.audience)}"
    lines = [f"{planned.digest}: {local(planned.fire_at, zone)}, {planned.state}: {size}"]
    if planned.everybody > planned.audience:
        lines.append(
            f"  Trial: {planned.audience:,} of {planned.everybody:,} would get this. No one else is "
            "emailed."
        )
    for ruling in planned.rulings:
        mark = "+" if ruling.verdict == "included" else "-"
        lines.append(f"  {mark} {ruling.title or ruling.path}: {ruling.verdict}, {ruling.reason}")
    lines += [
        f"  Without a series that comes part by part, {reason}: {people(number)}"
        for reason, number in planned.left_out.items()
    ]
    if not included:
        lines.append("  Nothing new: no edition would be made.")
    return lines


def tell_details(details: Mapping[str, object]) -> list[str]:
    """Say what an edition consists of and who did what to it."""
    posts = cast("list[dict[str, str]]", details["posts"])
    history = cast("list[dict[str, str]]", details["history"])
    lines = [f"  {post['title'] or post['id']}" for post in posts]
    lines += [
        f"  to mend: {one['file']}{':' + str(one['line']) if one['line'] else ''}  expected "
        f"{one['expected']}; got {one['got']}\n    {one['hint']}"
        for one in cast("list[dict[str, object]]", details["problems"])
    ]
    if details["uncertain_attempts"]:
        lines.append(f"  attempts that ended without a reply: {details['uncertain_attempts']}")
    if details["content_sha256"]:
        lines.append(f"  content {details['content_sha256']}")
    lines += [
        f"  {one['at'][:16].replace('T', ' ')} UTC  {one['verb']} by {one['by']}"
        for one in history
    ]
    return lines


# --------------------------------------------------------------------------------- staff's hand


def tell_act(act: Act, done: Handled, *, zone: str, now: datetime) -> str:
    """Say what an act on an edition came to, what did not happen, and what can be typed next."""
    edition = done.edition
    told = answers.tell_done(act, edition, done.counts, changed=done.changed)
    if not done.changed:
        return told
    match act:
        case Act.CANCEL:
            return told
        case Act.PAUSE:
            return f"{told} Go on with: publisher edition resume {edition.name}"
        case Act.RESUME:
            return f"{told} {_NEXT}"
        case Act.HOLD:
            return f"{told} Let it go with: publisher edition release {edition.name}"
        case Act.RELEASE:
            return f"Released. {_tell_when(done, zone=zone, now=now)}"


_NEXT = "It goes with the next publish, or within 15 seconds where the service runs."


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _tell_when(done: Handled, *, zone: str, now: datetime) -> str:
    edition = done.edition
    if edition.fire_at <= now:
        return _NEXT
    follows = " It follows its posts until then." if edition.state is EditionState.DRAFT else ""
    return f"It goes at its slot, {local(edition.fire_at, zone)}.{follows}"


def tell_resolved(done: Resolved, as_: str) -> str:
    """Say what a person's word on uncertain mails came to."""
    name = done.edition.name
    if done.posts:
        return f"{count(done.posts, 'post')} of {name} count as sent; it is cancelled. No one was emailed."
    if not done.decided:
        return f"Nothing of {name} is uncertain; nothing was changed."
    if as_ == "accepted":
        return f"{count(done.decided, 'mail')} of {name} taken as accepted; the edition is {done.edition.state}."
    if done.edition.state is EditionState.SENDING:
        return f"{count(done.decided, 'mail')} of {name} will go again. {_NEXT}"
    return (
        f"{count(done.decided, 'mail')} of {name} will go again once it is sent; "
        f"it is {done.edition.state}{_because(done.edition.reason)}."
    )


# ------------------------------------------------------------------------------------- restoring


def tell_restored(done: Restored, source: str) -> list[str]:
    """Say what a restore put in place, what it kept, and what is held."""
    lines = [f"Restored {source}: {sum(done.counts.values()):,} rows."]
    if done.aside:
        lines.append(f"The database that was there is kept at {near(done.aside)}.")
    if done.aside and done.left is None:
        lines.append(
            "It could not be read: whoever left after the backup is on the list again. "
            "Look into the replies and the relay's log before anything is sent."
        )
    elif done.left:
        lines.append(f"Kept from it: {count(done.left, 'fact')} of who left after the backup.")
    lines += [f"  {one.name} is held (restored)" for one in done.held]
    return lines


def tell_moved(done: Moved) -> list[str]:
    """Say what was carried where, and what to write for it to be used."""
    rows = sum(done.counts.values())
    setting = "" if done.where == "sqlite" else done.where
    return [
        f"Moved to {done.where}: {rows:,} rows, each read back and compared."
        if rows
        else f"It had moved to {done.where} before; nothing was changed.",
        "Nothing uses it yet. Write into config.toml, on every machine:",
        "",
        "[database]",
        f'url = "{setting}"',
        "",
        "A password belongs in PUBLISHER_DATABASE__URL or a .pgpass file.",
        "The old database is kept, and refuses to be used.",
    ]


def tell_adopted(held: Sequence[Edition] | None) -> list[str]:
    """Say that a database sends from now on, and what staff decide about each edition."""
    if held is None:
        return ["This database is the one that sends already; nothing was changed."]
    lines = ["This database is the one that sends from now on."]
    if held:
        lines.append("Held until you say what became of them since the backup:")
    for one in held:
        name = one.name
        lines += [
            f"  {name}, {people(one.audience)}" if one.audience else f"  {name}, not opened yet",
            f"    it went out:     publisher edition resolve {name} --as accepted",
        ]
        lines.append(
            f"    it did not:      publisher edition resolve {name} --as resend"
            if one.letters
            else f"    it did not:      publisher edition release {name}"
        )
        lines.append(
            f"    then:            publisher edition release {name}" if one.letters else ""
        )
    return [line for line in lines if line]


def correction_shape(done: Corrected, corrected: Edition) -> dict[str, object]:
    """Return the JSON of a correction; before it is written it has no name."""
    edition = done.edition
    return {
        "edition": edition.name if edition.number is not None else None,
        "corrects": corrected.name,
        "state": str(edition.state),
        "goes_at": edition.fire_at.isoformat(),
        "subject": done.content.subject,
        "have": done.have,
        "reach": done.reach,
    }


def tell_correction(
    done: Corrected, corrected: Edition, *, now: datetime, dry_run: bool
) -> list[str]:
    """Say whom a correction goes to and when, and that nobody was emailed yet."""
    edition = done.edition
    told = [
        f"{corrected.name}: {tell_holders(done.have, done.reach)}",
        f"Subject: {done.content.subject}",
    ]
    mails = answers.count(done.reach, "email")
    if dry_run:
        return [*told, f"It would be {mails}. Nothing was written and no one was emailed."]
    if edition.state is not EditionState.SCHEDULED:
        return [
            *told,
            f"This very correction is {edition.name}, {edition.state}. Nothing was changed.",
        ]
    goes = f"{mails} {'goes' if done.reach == 1 else 'go'} {tell_gap(edition.fire_at, now=now)}"
    return [
        *told,
        f"{edition.name}: {goes}, by the service or publisher publish. No one was emailed yet.",
        f"To undo it until then: publisher edition cancel {edition.name}",
    ]


def mailing_shape(done: Mailing, *, dry_run: bool) -> dict[str, object]:
    """Return the JSON of one post mailed alone; before it is made it has no name."""
    edition, readers = done.edition, done.readers
    return {
        "edition": None if dry_run else edition.name,
        "digest": edition.digest,
        "post": {"id": done.post.id, "path": done.post.path, "title": done.post.title},
        "state": str(edition.state),
        "goes_at": edition.fire_at.isoformat(),
        "rehearsal": edition.rehearsal,
        "trial": edition.trial,
        "subject": done.content.subject,
        "reach": readers.reach,
        "have": readers.have,
        "declined": readers.declined,
        "on_course": readers.on_course,
    }


def tell_mailing(done: Mailing, *, now: datetime, dry_run: bool) -> list[str]:
    """Say whom one post goes to and when, and that nobody was emailed yet."""
    edition, readers = done.edition, done.readers
    told = [
        f"{done.post.title}: {tell_readers(readers)}",
        f"Subject: {done.content.subject}",
    ]
    if edition.trial:
        told.append(
            f"Trial: {readers.reach:,} of {readers.everybody:,} would get this. "
            "No one else is emailed."
        )
    mails = answers.count(readers.reach, "email")
    if dry_run:
        return [*told, f"It would be {mails}. Nothing was written and no one was emailed."]
    goes = f"{mails} {'goes' if readers.reach == 1 else 'go'} {tell_gap(edition.fire_at, now=now)}"
    where = ", into the outbox" if edition.rehearsal else ""
    return [
        *told,
        f"{edition.name}: {goes}{where}, by the service or publisher publish.",
        "No one was emailed yet.",
        f"To undo it until then: publisher edition cancel {edition.name}",
    ]
