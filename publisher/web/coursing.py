"""``/preferences/TOKEN/courses`` and ``/missed``: series from part 1, and what never came.

By the link in each letter, without a script. Nothing acts on GET.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Form
from fastapi.responses import HTMLResponse, Response

from publisher import subscribing, urls
from publisher.editorial.course import pace_days, spell_pace
from publisher.editorial.moments import tell_day
from publisher.errors import NotFound, Problem, Refused, UsageError
from publisher.model import CourseState, SubscriberState
from publisher.pages import CourseItem
from publisher.publishing.latest import LatestShelf
from publisher.web.answers import PRIVATE, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from publisher.config import Config
    from publisher.model import Subscriber
    from publisher.pages import Pages
    from publisher.store import Store
    from publisher.subscribing import CourseView, Timetable

_RUNNING = {CourseState.RUNNING, CourseState.WAITING}


def add_course_forms(
    app: FastAPI, config: Config, store: Store, pages: Pages, clock: Callable[[], datetime]
) -> None:
    """Let the application answer for a reader's courses, and for what they were not sent."""
    desk = _Desk(config, store, pages)

    @app.api_route("/preferences/{token}/courses", methods=["GET", "HEAD"])
    def show_courses(token: str) -> Response:
        return desk.show(token, now=clock())

    @app.post("/preferences/{token}/courses")
    def change_course(
        token: str,
        series: Annotated[str, Form()] = "",
        act: Annotated[str, Form()] = "",
        pace: Annotated[str, Form()] = "",
        post: Annotated[str, Form()] = "",
    ) -> Response:
        return desk.act(token, series, act, pace=pace, post=post, now=clock())

    @app.api_route("/preferences/{token}/missed", methods=["GET", "HEAD"])
    def show_missed(token: str) -> Response:
        return desk.missed(token, now=clock())


class _Desk:
    """What the pages of courses are made with."""

    def __init__(self, config: Config, store: Store, pages: Pages) -> None:
        self._config = config
        self._store = store
        self._pages = pages
        self._latest = LatestShelf(config, store)
        self._timetable = subscribing.read_timetable(config)

    def show(
        self, token: str, *, now: datetime, slug: str = "", told: str = "", status: int = 200
    ) -> HTMLResponse:
        """Return the page of courses as they are now, and what was just done."""
        person = subscribing.get_by_token(self._store, token)
        if person.state is not SubscriberState.ACTIVE:
            return self._gone(token)
        items = course_forms(
            self._store, person, self._latest, self._timetable, token=token, now=now
        )
        items = [replace(one, done=told) if one.slug == slug else one for one in items]
        is_elsewhere = all(one.slug != slug for one in items)
        text = self._pages.courses(items, token=token, told=told if is_elsewhere else "")
        return HTMLResponse(text, status_code=status, headers=PRIVATE)

    def act(
        self, token: str, slug: str, act: str, *, pace: str, post: str, now: datetime
    ) -> HTMLResponse:
        """Do what a button says, and show what came of it."""
        person = subscribing.get_by_token(self._store, token)
        try:
            told = self._do(person, slug, act, pace=pace, post=post, now=now)
        except (NotFound, Refused, UsageError) as error:
            words = f"{error.problems[0].got}. Nothing was changed."
            told = words[:1].upper() + words[1:]
            return self.show(token, now=now, slug=slug, told=told, status=400)
        return self.show(token, now=now, slug=slug, told=told)

    def _do(
        self, person: Subscriber, slug: str, act: str, *, pace: str, post: str, now: datetime
    ) -> str:
        catalog, mine = self._latest.open(now)[1].catalog, (self._store, person.id, slug)
        views = subscribing.list_courses(self._store, person.id, catalog, self._timetable, now=now)
        view = next((one for one in views if one.series.slug == slug), None)
        chosen = pace if view and pace in view.paces else ""
        match act:
            case "start":
                subscribing.start_course(*mine, chosen, catalog, self._timetable, now=now)
                return "Begun."
            case "pace":
                changed = subscribing.change_pace(*mine, chosen, self._timetable, now=now)
                return "The pace is changed." if changed else "The pace is as it was."
            case "skip":
                done = subscribing.skip_part(
                    *mine, post or None, catalog, self._timetable, now=now
                )
                return "That part is skipped." if done else "That part does not come anyway."
            case "restart":
                own = chosen or (view.pace if view else "")
                subscribing.start_course(*mine, own, catalog, self._timetable, now=now)
                subscribing.restart_course(*mine, catalog, self._timetable, now=now)
                return "Begun again: every part comes once more, from part 1."
            case "stop":
                subscribing.stop_course(*mine, now=now)
                return "Stopped. Your place is kept."
            case _:
                raise UsageError(_no_act(act))

    def missed(self, token: str, *, now: datetime) -> HTMLResponse:
        """Return the page of what a person was not sent since they joined."""
        person = subscribing.get_by_token(self._store, token)
        catalog = self._latest.open(now)[1].catalog
        posts, since = subscribing.list_missed(self._store, person.id, catalog, self._config)
        text = self._pages.missed(posts, catalog, since=since, token=token)
        return HTMLResponse(text, headers=PRIVATE)

    def _gone(self, token: str) -> HTMLResponse:
        return answer(
            self._pages,
            "You get nothing",
            "No series comes to an address that is not subscribed.",
            links=((urls.preferences_path(token), "What you get"),),
        )


# ------------------------------------------------------------------------------------ the forms


def course_forms(
    store: Store,
    person: Subscriber,
    latest: LatestShelf,
    timetable: Timetable,
    *,
    token: str,
    now: datetime,
) -> list[CourseItem]:
    """Return a form for each series a person may get from part 1: ``pages/course_forms.html``."""
    catalog = latest.open(now)[1].catalog
    views = subscribing.list_courses(store, person.id, catalog, timetable, now=now)
    return [
        _item(view, token)
        for view in views
        if timetable.paces or view.state is not CourseState.NONE
    ]


def _item(view: CourseView, token: str) -> CourseItem:
    slug = view.series.slug
    asks_pace = view.state is not CourseState.FINISHED
    return CourseItem(
        slug=slug,
        title=view.series.title,
        path=urls.post_path(slug),
        action=f"{urls.courses_path(token)}#{slug}",
        told=_tell(view),
        paces=tuple(
            (one, spell_pace(pace_days(one)).capitalize(), one == view.pace)
            for one in (view.paces if asks_pace else ())
        ),
        post_id=view.next.post.id if view.next.post else "",
        acts=tuple(_acts(view)),
    )


def _tell(view: CourseView) -> str:
    """Say where a reader is, and what comes when."""
    total, following = view.series.total, view.next
    number, title = following.number, following.post.title if following.post else ""
    where = f"You are on part {view.at} of {total}. " if view.at else ""
    match view.state:
        case CourseState.RUNNING if view.comes_on:
            of = "" if view.at else f" of {total}"
            return f"{where}Part {number}{of}, “{title}”, comes on {tell_day(view.comes_on)}."
        case CourseState.RUNNING | CourseState.WAITING:
            coming = f"Part {number}" if number else "The next part"
            return f"{where}{coming} comes once it is out."
        case CourseState.FINISHED:
            return "You have had every part."
        case CourseState.STOPPED:
            return f"Stopped after part {view.at} of {total}." if view.at else "Stopped."
        case CourseState.NONE:
            parts = f"{total} part{'s' if total != 1 else ''}"
            return f"{parts}. You have had up to part {view.at}." if view.at else f"{parts}."


def _acts(view: CourseView) -> list[tuple[str, str]]:
    number, begun = view.next.number, bool(view.at)
    again = [("restart", "Begin again from part 1")] if begun else []
    if view.state in _RUNNING:
        skip = [("skip", f"Skip part {number}")] if view.next.post else []
        return [("pace", "Save this pace"), *skip, *again, ("stop", "Stop")]
    if view.state is CourseState.FINISHED or view.next.is_over:
        return [("restart", "Begin again from part 1")]
    word = "Go on" if view.state is CourseState.STOPPED else "Start"
    first = f"{word} with part {number}" if number and number > 1 else "Start from part 1"
    return [("start", first if number else word), *again]


def _no_act(act: str) -> Problem:
    return Problem(
        code="course.act",
        path="act",
        expected="start, pace, skip, restart or stop",
        got=f"“{act}” is no button of ours",
        hint="Nothing was changed.",
    )
