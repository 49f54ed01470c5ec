"""The command about one person's courses, for staff: ``subscribers course``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Frame, current_time, with_frame
from publisher.editorial.course import pace_days, spell_pace
from publisher.errors import Problem, UsageError
from publisher.model import CourseState

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app import Site
    from publisher.subscribing import CourseView


@click.command("course")
@click.argument("address")
@click.argument("series", required=False)
@click.option("--pace", default="", metavar="DAYS", help="Start it, or change its pace: 3d.")
@click.option("--skip", "act", flag_value="skip", help="Pass over the next part.")
@click.option("--restart", "act", flag_value="restart", help="Every part once more, from part 1.")
@click.option("--stop", "act", flag_value="stop", help="No more parts; the place is kept.")
@with_frame
def course(frame: Frame, address: str, series: str | None, pace: str, act: str | None) -> None:
    """Show a person's courses, or start, pace, skip in, restart or stop one."""
    from publisher import app, subscribing  # noqa: PLC0415

    if (pace or act) and (series is None or (pace and act)):
        raise UsageError(_one_act())
    site, now = frame.open(), current_time()
    person = app.find_reader(site, address)
    timetable = subscribing.read_timetable(site.config)
    changed = bool(series and (pace or act)) and _change(
        site, person.id, series or "", pace, act, now=now
    )
    desk, _ = app.open_desk(site, now=now)
    views = subscribing.list_courses(site.store, person.id, desk.catalog, timetable, now=now)
    chosen = [one for one in views if series in {None, one.series.slug}]
    if frame.json:
        shapes = [course_shape(one) for one in chosen]
        frame.give({"changed": changed, "courses": shapes} if pace or act else shapes)
    if pace or act:
        frame.say("Done." if changed else "Nothing was changed: it is so already.")
    frame.say(*(tell_course(one) for one in chosen))
    if not chosen:
        frame.say("No series has a part for email.")


def _change(
    site: Site, subscriber_id: int, series: str, pace: str, act: str | None, *, now: datetime
) -> bool:
    from publisher import app, subscribing  # noqa: PLC0415

    catalog = app.open_desk(site, now=now)[0].catalog
    timetable = subscribing.read_timetable(site.config)
    mine = (site.store, subscriber_id, series)
    match act:
        case "skip":
            return subscribing.skip_part(*mine, None, catalog, timetable, now=now)
        case "restart":
            return subscribing.restart_course(*mine, catalog, timetable, now=now)
        case "stop":
            return subscribing.stop_course(*mine, now=now)
        case _:
            return subscribing.start_course(*mine, pace, catalog, timetable, now=now)


def course_shape(view: CourseView) -> dict[str, object]:
    """Return the JSON of one person's course of a series."""
    following = view.next.post
    return {
        "series": view.series.slug,
        "title": view.series.title,
        "state": str(view.state),
        "pace": view.pace if view.state is not CourseState.NONE else None,
        "at": view.at,
        "parts": view.series.total,
        "next": {"part": view.next.number, "post": following.id if following else None},
        "comes_on": view.comes_on.isoformat() if view.comes_on else None,
    }


def tell_course(view: CourseView) -> str:
    """Say where one person's course of a series stands."""
    where = f"{view.series.slug}  {view.state}: at part {view.at} of {view.series.total}"
    if view.state in {CourseState.NONE, CourseState.FINISHED}:
        return where
    comes = f"; part {view.next.number} on {view.comes_on}" if view.comes_on else ""
    return f"{where}, {spell_pace(pace_days(view.pace))}{comes}"


def _one_act() -> Problem:
    return Problem(
        code="course.act",
        path="subscribers course",
        expected="a series and one of --pace, --skip, --restart and --stop",
        got="more than one of them, or no series",
        hint="publisher subscribers course ADDRESS SERIES --pace 3d",
    )
