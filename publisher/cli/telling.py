"""Values as people and programs read them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from publisher.model import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from publisher.app import EditionReport, Report
    from publisher.editing import PlannedEdition
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


def count(number: int, noun: str) -> str:
    """Return a count before its noun: ``1 letter``, ``2,000 letters``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def people(number: int) -> str:
    """Return how many people: ``1 person``, ``412 people``."""
    return "1 person" if number == 1 else f"{number:,} people"


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


def local(moment: datetime, zone: str) -> str:
    """Return a moment as staff read it, with its zone."""
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there:%A} {there.day} {there:%B %Y, %H:%M} {there.tzname()}"


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
        "subject": edition.subject,
        "audience": edition.audience,
        "letters": edition.letters,
        "counts": {str(state): number for state, number in report.counts.items()},
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
    kind = "rehearsal " if edition.rehearsal else ""
    reason = f" ({edition.reason})" if edition.reason else ""
    size = f"{people(edition.audience)}, {count(edition.letters, 'letter')}"
    return [f"{edition.name}  {kind}{edition.state}{reason}: {size}; {tell_counts(report)}"]


def plan_shape(planned: PlannedEdition) -> dict[str, object]:
    """Return the JSON of one planned edition."""
    return {
        "digest": planned.digest,
        "slot": planned.slot,
        "fire_at": planned.fire_at.isoformat(),
        "state": planned.state,
        "audience": planned.audience,
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
    }


def tell_plan(planned: PlannedEdition, zone: str) -> list[str]:
    """Say when an edition goes, to how many, with which posts, and why the others are not in it."""
    included = [one for one in planned.rulings if one.verdict == "included"]
    size = f"{count(len(included), 'post')} to {people(planned.audience)}"
    lines = [f"{planned.digest}: {local(planned.fire_at, zone)}, {planned.state}: {size}"]
    for ruling in planned.rulings:
        mark = "+" if ruling.verdict == "included" else "-"
        lines.append(f"  {mark} {ruling.title or ruling.path}: {ruling.verdict}, {ruling.reason}")
    if not included:
        lines.append("  Nothing new: no edition would be made.")
    return lines


def tell_details(details: Mapping[str, object]) -> list[str]:
    """Say what an edition consists of and why some deliveries were not accepted."""
    posts = cast("list[dict[str, str]]", details["posts"])
    reasons = cast("list[dict[str, object]]", details["reasons"])
    lines = [f"  {post['title'] or post['id']}" for post in posts]
    lines += [
        f"  {one['count']} {one['state']}: {one['reason'] or 'no reason given'}" for one in reasons
    ]
    lines += [
        f"  to mend: {one['file']}{':' + str(one['line']) if one['line'] else ''}  expected "
        f"{one['expected']}; got {one['got']}\n    {one['hint']}"
        for one in cast("list[dict[str, object]]", details["problems"])
    ]
    if details["uncertain_attempts"]:
        lines.append(f"  attempts that ended without a reply: {details['uncertain_attempts']}")
    if details["content_sha256"]:
        lines.append(f"  content {details['content_sha256']}")
    return lines
