"""Courses judged: which part is next, on which day, and what never came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.course import (
    Awaited,
    Next,
    change_pace_of,
    day_of,
    day_slot,
    due_after,
    find_missed,
    find_next,
    first_due_on,
    not_before,
    spell_pace,
    state_of,
)
from publisher.model import (
    Channel,
    Course,
    CourseState,
    Part,
    Post,
    Series,
    SeriesInfo,
    course_series,
)
from tests.factories import NOON, make_catalog, make_post, make_series_posts

ZONE = "America/New_York"
TODAY = date(2026, 11, 24)
AT = time(7, 30)


def make_series(*parts: str, status: str = "ongoing") -> Series:
    """A series of parts that are ``out``, ``coming`` or ``withdrawn``."""
    return Series(
        info=SeriesInfo(slug="sleep", title="Sleep", status=status),
        parts=tuple(
            Part(
                number=n,
                post=make_post(f"part-{n}", series="sleep") if kind == "out" else None,
                withdrawn=kind == "withdrawn",
            )
            for n, kind in enumerate(parts, start=1)
        ),
    )


def make_course(**changes: object) -> Course:
    values = {
        "series": "sleep",
        "pace": "3d",
        "started_on": TODAY - timedelta(days=9),
        "due_on": TODAY + timedelta(days=2),
        "ended_at": None,
    }
    return Course(**(values | changes))  # type: ignore[arg-type]


def ids(series: Series, *numbers: int) -> set[str]:
    return {part.post.id for part in series.parts if part.post and part.number in numbers}


# -------------------------------------------------------------------------------------- the part


@pytest.mark.parametrize(
    ("parts", "status", "had", "number", "is_out", "is_over"),
    [
        ("out out out", "ongoing", (), 1, True, False),
        ("out out out", "ongoing", (1, 3), 2, True, False),
        ("out withdrawn out", "ongoing", (1,), 3, True, False),
        ("out coming out", "ongoing", (1,), 2, False, False),
        ("out coming out", "finished", (1,), 3, True, False),
        ("out out", "ongoing", (1, 2), None, False, False),
        ("out out", "finished", (1, 2), None, False, True),
        ("out out coming", "ongoing", (1, 2), 3, False, False),
        ("withdrawn coming", "finished", (), None, False, True),
    ],
)
def test_the_next_part_is_the_first_that_a_reader_does_not_have(
    parts: str, status: str, had: tuple[int, ...], number: int | None, is_out: bool, is_over: bool
) -> None:
    """What is had or withdrawn is passed over, what is to come is waited for while a series goes on."""
    series = make_series(*parts.split(), status=status)

    found = find_next(series, ids(series, *had))

    assert (found.number, found.post is not None, found.is_over) == (number, is_out, is_over)


def test_renumbering_changes_no_place() -> None:
    """The same posts under other numbers: what was had stays had."""
    series = make_series("out", "out", "out")
    had = ids(series, 1, 2)
    shifted = (Part(number=1), *(replace(one, number=one.number + 1) for one in series.parts))

    following = find_next(replace(series, parts=shifted), had).number
    finished = replace(series.info, status="finished")
    assert following == 1
    assert find_next(replace(series, info=finished, parts=shifted), had).number == 4


@pytest.mark.parametrize(
    ("changes", "following", "state"),
    [
        ({}, Next(number=2, post=make_post("two")), CourseState.RUNNING),
        ({}, Next(number=2, post=None), CourseState.WAITING),
        ({}, Next(number=None, post=None), CourseState.WAITING),
        ({}, Next(number=None, post=None, is_over=True), CourseState.FINISHED),
        ({"due_on": None}, Next(number=2, post=None), CourseState.FINISHED),
        ({"ended_at": NOON}, Next(number=2, post=make_post("two")), CourseState.STOPPED),
    ],
)
def test_the_state_of_a_course(
    changes: dict[str, object], following: Next, state: CourseState
) -> None:
    """Running, waiting, finished or stopped; never begun without a course."""
    assert state_of(make_course(**changes), following) is state
    assert state_of(None, following) is CourseState.NONE


def test_a_course_runs_until_it_is_stopped_or_over() -> None:
    """Stopped and finished courses do not run; a waiting one does."""
    assert make_course().is_running
    assert not make_course(ended_at=NOON).is_running
    assert not make_course(due_on=None).is_running


def test_a_courses_editions_are_known_by_their_digest() -> None:
    """``course:sleep`` is the course of sleep; a digest's name is none."""
    assert course_series("course:sleep") == "sleep"
    assert course_series("weekly") is None


# --------------------------------------------------------------------------------------- the day


def local(text: str) -> datetime:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "key"),
    [
        ("2026-11-24T07:29:59", None),
        ("2026-11-24T07:30", "2026-11-24T07:30[America/New_York]"),
        ("2026-11-24T23:59", "2026-11-24T07:30[America/New_York]"),
        ("2026-11-25T00:00", None),
        ("2026-03-08T07:30", "2026-03-08T07:30[America/New_York]"),
        ("2026-11-01T07:30", "2026-11-01T07:30[America/New_York]"),
    ],
)
def test_a_days_slot_is_there_from_its_time_to_midnight(now: str, key: str | None) -> None:
    """Before its time there is none; a day that passed has none either."""
    slot = day_slot(AT, ZONE, local(now))

    assert (slot.key if slot else None) == key


def test_the_first_letter_goes_today_or_tomorrow() -> None:
    """Before the time of courses today, from it on tomorrow."""
    assert first_due_on(AT, ZONE, local("2026-11-24T07:29")) == TODAY
    assert first_due_on(AT, ZONE, local("2026-11-24T07:30")) == TODAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (1, "every day"),
        (3, "every 3 days"),
        (7, "every week"),
        (10, "every 10 days"),
        (14, "every 2 weeks"),
    ],
)
def test_paces_are_said_in_words(days: int, words: str) -> None:
    """Whole weeks are called so."""
    assert spell_pace(days) == words


@pytest.mark.parametrize(
    ("changes", "to", "expected"),
    [
        ({}, "7d", TODAY + timedelta(days=6)),
        ({}, "1d", TODAY),
        ({"due_on": TODAY}, "7d", TODAY),
        ({"due_on": TODAY - timedelta(days=1)}, "7d", TODAY - timedelta(days=1)),
        ({"due_on": None}, "7d", None),
        (
            {"due_on": TODAY + timedelta(days=1), "started_on": TODAY + timedelta(days=1)},
            "7d",
            TODAY + timedelta(days=1),
        ),
    ],
)
def test_another_pace_counts_from_the_last_letter(
    changes: dict[str, object], to: str, expected: date | None
) -> None:
    """What is due stays due, and the first letter where it was; nothing is due before today."""
    assert change_pace_of(make_course(**changes), to, TODAY) == expected


def test_a_course_taken_up_again_keeps_its_pace() -> None:
    """Stopping and starting is no way to get a part sooner."""
    later = TODAY + timedelta(days=2)

    assert not_before(later, TODAY) == later
    assert not_before(TODAY - timedelta(days=30), TODAY) == TODAY
    assert not_before(None, TODAY) == TODAY


# ---------------------------------------------------------------------- a course over many days


@dataclass
class Walk:
    """One reader's course, driven day by day as the engine does; what was sent, and when."""

    series: Series
    pace: str
    due_on: date
    had: set[str] = field(default_factory=set)
    sent: list[tuple[date, str]] = field(default_factory=list)
    is_over: bool = False

    def look(self, on: date) -> None:
        if self.is_over or on < self.due_on:
            return
        post = find_next(self.series, self.had).post
        if post is None:
            return
        self.had.add(post.id)
        self.sent.append((on, post.id))
        self.due_on = due_after(on, self.pace)
        self.is_over = find_next(self.series, self.had).is_over

    def restart(self, on: date) -> None:
        self.had.clear()
        self.sent.clear()
        self.due_on, self.is_over = on, False


KINDS = st.lists(
    st.sampled_from(["out", "out", "out", "coming", "withdrawn"]), min_size=1, max_size=8
)
DAYS = st.lists(st.integers(0, 60), max_size=60).map(sorted)
PACES = st.integers(1, 9).map("{}d".format)


@given(KINDS, st.sampled_from(["ongoing", "finished"]), PACES, DAYS, st.sets(st.integers(1, 8)))
def test_never_twice_never_out_of_order_never_too_fast(
    kinds: list[str], status: str, pace: str, days: list[int], had: set[int]
) -> None:
    """On whatever days the machine runs, with whatever a digest brought before."""
    series = make_series(*kinds, status=status)
    walk = Walk(series, pace, TODAY, had=ids(series, *had))
    before = set(walk.had)
    for day in days:
        walk.look(TODAY + timedelta(days=day))

    given_ids = [one for _, one in walk.sent]
    order = [post.id for post in series.posts]
    assert len(set(given_ids)) == len(given_ids)
    assert not before & set(given_ids)
    assert given_ids == sorted(given_ids, key=order.index)
    gaps = [after - before for (before, _), (after, _) in pairwise(walk.sent)]
    assert all(gap.days >= int(pace[:-1]) for gap in gaps)


@given(KINDS, PACES, st.sets(st.integers(1, 8)), st.sets(st.integers(1, 8)))
def test_everything_comes_of_a_finished_series_but_what_was_had_or_skipped(
    kinds: list[str], pace: str, had: set[int], skipped: set[int]
) -> None:
    """Given days enough, a course brings each other part, and then it is over."""
    series = make_series(*kinds, status="finished")
    walk = Walk(series, pace, TODAY, had=ids(series, *had, *skipped))
    for day in range(len(kinds) * 9 + 1):
        walk.look(TODAY + timedelta(days=day))

    assert {one for _, one in walk.sent} == {post.id for post in series.posts} - ids(
        series, *had, *skipped
    )
    assert find_next(series, walk.had).is_over


@given(KINDS, PACES, st.integers(0, 30))
def test_a_restart_gives_everything_anew(kinds: list[str], pace: str, on: int) -> None:
    """From part 1, in order, each once."""
    series = make_series(*kinds, status="finished")
    walk = Walk(series, pace, TODAY)
    for day in range(on):
        walk.look(TODAY + timedelta(days=day))
    walk.restart(TODAY + timedelta(days=on))
    for day in range(on, on + len(kinds) * 9 + 1):
        walk.look(TODAY + timedelta(days=day))

    assert [one for _, one in walk.sent] == [post.id for post in series.posts]


@given(
    st.integers(0, 700),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 1439),
)
def test_every_day_has_one_slot_whatever_the_clocks_do(day: int, at: time, minute: int) -> None:
    """The slot that is found at any minute belongs to that very day, and its time has come."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, minutes=minute)

    slot = day_slot(at, ZONE, now)

    if slot:
        assert slot.local.date() == day_of(now, ZONE)
        assert slot.fire_at <= now
    assert first_due_on(at, ZONE, now) - day_of(now, ZONE) == timedelta(days=1 if slot else 0)


# ------------------------------------------------------------------------------- what was missed


def missed(
    *posts: Post, received: tuple[str, ...] = (), awaited: Awaited | None = None
) -> list[str]:
    found = find_missed(
        make_catalog(*posts),
        since=NOON - timedelta(days=30),
        received=received,
        awaited=awaited or Awaited(series=frozenset(), posts=frozenset()),
    )
    return [post.slug for post in found]


def test_missed_is_what_came_out_since_in_series_order() -> None:
    """Series by title and part, then loose posts by date; not what was before or is had."""
    therapies = make_series_posts("therapies", 3)
    anxiety = list(reversed(make_series_posts("anxiety", 2)))
    loose = [make_post("late", days=-1), make_post("early", days=-9), make_post("old", days=-31)]

    found = missed(*therapies, *anxiety, *loose, received=(therapies[1].id,))

    assert found == ["part-1", "part-2", "part-1", "part-3", "early", "late"]


def test_missed_leaves_out_what_is_still_to_come_and_has_no_page() -> None:
    """What a course or a digest will bring is not missed; nor what cannot be read on the web."""
    therapies = make_series_posts("therapies", 2)
    hidden = make_post("mail-only", channels=frozenset({Channel.EMAIL}))
    coming, web_only = (
        make_post("coming"),
        make_post("web-only", channels=frozenset({Channel.WEB})),
    )
    awaited = Awaited(series=frozenset({"therapies"}), posts=frozenset({coming.id}))

    assert missed(*therapies, hidden, coming, web_only, awaited=awaited) == ["web-only"]
