"""Courses: a series from part 1 to one reader at a pace, beside digests, imports and other courses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from publisher import app, delivering, subscribing
from publisher.editing import courses as editing_courses
from publisher.editing import freezing
from publisher.errors import NotFound, Refused, UsageError
from publisher.model import Act, CourseState, EditionState, Phase, Rejected
from publisher.store import schema
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    counts,
    join,
    leave,
    moment,
    recipients,
    rows,
    send,
    shown,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import Folder

ZONE = "America/New_York"
SEEN = moment("2026-11-20 12:00", ZONE)
MORNING = moment("2026-11-21 07:30", ZONE)
"""The first morning after the courses of most tests began."""
GONE = Rejected(code=550, reply="no such mailbox", enhanced="5.1.1", phase=Phase.RCPT)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with a finished series of three parts, long sent by its digest, and one reader."""
    folder.post("sleep/01-one.md", "One", date="2026-01-01")
    folder.post("sleep/02-two.md", "Two", date="2026-01-02")
    folder.post("sleep/03-three.md", "Three", date="2026-01-03")
    series(folder, status="finished")
    use_relay(folder)
    return folder.open()


def series(folder: Folder, **values: str) -> None:
    lines = "".join(f'{key} = "{value}"\n' for key, value in values.items())
    (folder.path / "posts/sleep/series.toml").write_text(f'title = "Sleep"\n{lines}', "utf-8")


def start(site: app.Site, *who: int, pace: str = "1d", now: datetime = SEEN) -> None:
    desk, _ = app.open_desk(site, now=now)
    timetable = subscribing.read_timetable(site.config)
    for one in who:
        subscribing.start_course(site.store, one, "sleep", pace, desk.catalog, timetable, now=now)


def act(site: app.Site, name: str, who: int, *given: Any, now: datetime) -> bool:
    """Do to a course what the reader would: skip, restart, stop, pace."""
    desk, _ = app.open_desk(site, now=now)
    timetable = subscribing.read_timetable(site.config)
    match name:
        case "skip":
            (post_id,) = given or (None,)
            return subscribing.skip_part(
                site.store, who, "sleep", post_id, desk.catalog, timetable, now=now
            )
        case "restart":
            return subscribing.restart_course(
                site.store, who, "sleep", desk.catalog, timetable, now=now
            )
        case "pace":
            (pace,) = given
            return subscribing.change_pace(site.store, who, "sleep", pace, timetable, now=now)
        case _:
            return subscribing.stop_course(site.store, who, "sleep", now=now)


def view(site: app.Site, who: int, now: datetime) -> subscribing.CourseView:
    desk, _ = app.open_desk(site, now=now)
    timetable = subscribing.read_timetable(site.config)
    (found,) = [
        one
        for one in subscribing.list_courses(site.store, who, desk.catalog, timetable, now=now)
        if one.series.slug == "sleep"
    ]
    return found


def go(site: app.Site, now: datetime, way_out: MemoryTransport | None = None) -> list[str]:
    """Do the job at a moment; return who got what, as ``anna: One``."""
    tick(site, now)
    way_out, _ = send(site, now, way_out)
    got = []
    for envelope, data in way_out.accepted:
        name = envelope.recipient.partition("@")[0]
        got.append(f"{name}: {delivering.readable_parts(data)['subject']}")
    return got


def go_days(site: app.Site, days: int, first: datetime = MORNING) -> list[list[str]]:
    """Do the job on so many mornings; return what each brought."""
    return [go(site, first + n * DAY) for n in range(days)]


# ------------------------------------------------------------------------------------- at a pace


def test_a_course_brings_a_part_a_day_from_part_one(site: app.Site) -> None:
    """The first letter goes the next morning, each next one at its pace, and then no more."""
    (anna,) = join(site, "anna")
    start(site, anna)

    got = go_days(site, 5)

    assert got == [["anna: One"], ["anna: Two"], ["anna: Three"], [], []]
    assert names(site) == ["course:sleep/1", "course:sleep/2", "course:sleep/3"]
    assert view(site, anna, MORNING + 5 * DAY).state is CourseState.FINISHED
    assert due(site) == [None]


def test_a_pace_is_kept_whatever_the_day_brings(folder: Folder, site: app.Site) -> None:
    """Every three days means no part sooner; each reader at their own pace, one edition a day."""
    anna, ben = join(site, "anna", "ben")
    start(site, anna, pace="3d")
    start(site, ben)

    got = go_days(site, 7)

    assert got == [
        ["anna: One", "ben: One"],
        ["ben: Two"],
        ["ben: Three"],
        ["anna: Two"],
        [],
        [],
        ["anna: Three"],
    ]
    assert [one.audience for one in all_editions(site) if one.is_course] == [2, 1, 1, 1, 1]


def test_an_edition_has_a_letter_a_part_and_pace(folder: Folder, site: app.Site) -> None:
    """Readers at the same part and pace share a letter, and each letter has its part's subject."""
    everybody = join(site, "anna", "ben", "carla", "dora")
    start(site, *everybody[:2])
    go(site, MORNING)
    start(site, everybody[2], pace="1d", now=MORNING + HOUR)
    start(site, everybody[3], pace="3d", now=MORNING + HOUR)

    got = go(site, MORNING + DAY)

    edition = all_editions(site)[-1]
    assert got == ["anna: Two", "ben: Two", "carla: One", "dora: One"]
    assert (edition.name, edition.audience, edition.letters) == ("course:sleep/2", 4, 3)


def test_a_course_begun_before_its_time_goes_today_after_it_tomorrow(site: app.Site) -> None:
    """A course begun at six is due at half past seven, one begun at noon the morning after."""
    early, late = join(site, "early", "late")
    start(site, early, now=MORNING - HOUR)
    start(site, late, now=MORNING + HOUR)

    assert go(site, MORNING + 2 * HOUR) == ["early: One"]
    assert view(site, late, MORNING + 2 * HOUR).comes_on == (MORNING + DAY).date()
    assert go(site, MORNING + 3 * HOUR) == []
    assert go(site, MORNING + DAY) == ["early: Two", "late: One"]


def test_days_missed_bring_one_part_not_several(site: app.Site) -> None:
    """A machine that was off for days sends one part when it is on again, and keeps the pace."""
    (anna,) = join(site, "anna")
    start(site, anna)
    go(site, MORNING)

    got = [go(site, MORNING + 5 * DAY), go(site, MORNING + 5 * DAY + HOUR)]

    assert got == [["anna: Two"], []]
    assert go(site, MORNING + 6 * DAY) == ["anna: Three"]


def test_a_part_goes_late_on_its_day_and_no_other(site: app.Site) -> None:
    """A machine that starts at eleven at night still sends; past midnight the next morning does."""
    (anna,) = join(site, "anna")
    start(site, anna)

    assert go(site, moment("2026-11-21 23:00", ZONE)) == ["anna: One"]
    assert go(site, moment("2026-11-23 00:30", ZONE)) == []
    assert go(site, moment("2026-11-23 07:29", ZONE)) == []
    assert go(site, moment("2026-11-23 07:30", ZONE)) == ["anna: Two"]


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("02:30", ["2026-03-07 02:30", "2026-03-08 03:30", "2026-03-09 02:30"]),
        ("01:30", ["2026-10-31 01:30", "2026-11-01 01:30", "2026-11-02 01:30"]),
    ],
)
def test_a_change_of_the_clocks_neither_doubles_nor_drops_a_part(
    folder: Folder, site: app.Site, at: str, days: list[str]
) -> None:
    """A time that is skipped or shown twice is one morning like any other."""
    folder.configure(courses=f'at = "{at}"')
    site = folder.open()
    (anna,) = join(site, "anna")
    mornings = [moment(day, ZONE) for day in days]
    start(site, anna, now=mornings[0] - HOUR)

    got = [[go(site, one - MINUTE), go(site, one), go(site, one + HOUR)] for one in mornings]

    assert got == [[[], [f"anna: {part}"], []] for part in ("One", "Two", "Three")]


# --------------------------------------------------------------------------- a series that goes on


def test_an_unfinished_series_waits_and_goes_on_at_its_pace(
    folder: Folder, site: app.Site
) -> None:
    """Two parts that come out while a course waits go one by one, not at once."""
    series(folder)
    (anna,) = join(site, "anna")
    start(site, anna)
    go_days(site, 3)
    waits = view(site, anna, MORNING + 3 * DAY)
    nothing = go(site, MORNING + 4 * DAY)
    folder.post("sleep/04-four.md", "Four", date="2026-11-25")
    folder.post("sleep/05-five.md", "Five", date="2026-11-25")

    got = [go(site, MORNING + n * DAY) for n in (5, 6, 7)]

    assert (waits.state, waits.next.number, waits.comes_on) == (CourseState.WAITING, None, None)
    assert nothing == []
    assert got == [["anna: Four"], ["anna: Five"], []]


def test_a_part_that_is_not_out_or_not_for_email_is_waited_for(
    folder: Folder, site: app.Site
) -> None:
    """Part 3 never overtakes part 2, be that a draft or on the web only; a finished series passes it."""
    series(folder)
    folder.post("sleep/02-two.md", "Two", date="2026-01-02", channels="[web, feed]")
    (anna,) = join(site, "anna")
    start(site, anna)
    go(site, MORNING)
    waits = view(site, anna, MORNING)

    without = go(site, MORNING + DAY)
    series(folder, status="finished")
    finished = go(site, MORNING + 2 * DAY)

    assert (waits.state, waits.next.number, waits.at) == (CourseState.WAITING, 2, 1)
    assert without == []
    assert finished == ["anna: Three"]


def test_a_withdrawn_part_is_passed_over(folder: Folder, site: app.Site) -> None:
    """What was taken back is not waited for, and costs no day."""
    folder.run("build")
    folder.run("withdraw", "sleep/two", "--yes")
    (anna,) = join(site, "anna")
    start(site, anna)

    assert go_days(site, 3) == [["anna: One"], ["anna: Three"], []]


def test_a_place_is_kept_by_post_when_parts_are_renumbered(folder: Folder, site: app.Site) -> None:
    """Who had parts 1 and 2 gets neither again when they become parts 2 and 3; the new one comes."""
    (anna,) = join(site, "anna")
    start(site, anna)
    go_days(site, 2)
    folder.run("build")
    posts = folder.path / "posts/sleep"
    (posts / "01-one.md").rename(posts / "02-one.md")
    (posts / "02-two.md").rename(posts / "03-two.md")
    (posts / "03-three.md").rename(posts / "04-three.md")
    folder.post("sleep/01-zero.md", "Zero", date="2026-11-22")

    assert go_days(site, 3, MORNING + 2 * DAY) == [["anna: Zero"], ["anna: Three"], []]


def test_a_course_follows_its_series_to_another_folder(folder: Folder, site: app.Site) -> None:
    """The whole series moved: nobody loses their place, and who is on both has one course."""
    anna, ben = join(site, "anna", "ben")
    start(site, anna, ben)
    go(site, MORNING)
    folder.run("build")
    posts = folder.path / "posts"
    (posts / "sleep").rename(posts / "rest")
    for file in (posts / "rest").glob("*.md"):
        slug = file.stem.partition("-")[2]
        text = file.read_text("utf-8").replace("---\n", f"---\naliases: [/sleep/{slug}]\n", 1)
        file.write_text(text, "utf-8")
    assert folder.run("build").code == 0
    with site.store.write() as tx:
        row = tx.execute(
            sa.select(schema.courses).where(schema.courses.c.subscriber_id == ben)
        ).one()
        tx.execute(sa.insert(schema.courses).values({**row._mapping, "series": "rest"}))

    assert go_days(site, 3, MORNING + DAY) == [
        ["anna: Two", "ben: Two"],
        ["anna: Three", "ben: Three"],
        [],
    ]
    assert [row[:2] for row in rows(site, schema.courses)] == [(anna, "rest"), (ben, "rest")]


# ------------------------------------------------------------------------- beside everything else


def test_a_part_that_a_digest_brought_is_passed_over(folder: Folder, site: app.Site) -> None:
    """Nobody gets a part twice, and the pace does not suffer: the next one comes on that day."""
    anna, _ben = join(site, "anna", "ben")
    tick(site, SEEN, "weekly")
    send(site, SEEN)
    folder.post("sleep/04-four.md", "Four", date="2026-11-19")
    (late,) = join(site, "late")
    start(site, anna, late)

    assert go_days(site, 4) == [
        ["anna: Four", "late: One"],
        ["late: Two"],
        ["late: Three"],
        [
            "ben: Weekly letter: Four",
            "late: Four",
        ],
    ]


def test_a_digest_leaves_a_series_to_the_course_that_brings_it(
    folder: Folder, site: app.Site
) -> None:
    """Part 4 does not reach a reader before part 2: the digest goes without it, and plan says so."""
    join(site, "anna", "ben")
    tick(site, SEEN, "weekly")
    send(site, SEEN)
    folder.post("sleep/04-four.md", "Four", date="2026-11-19")
    folder.post("loose.md", "Loose", date="2026-11-19")
    (carla,) = join(site, "carla")
    start(site, carla, pace="7d")

    (planned,) = folder.json("plan", "weekly")["editions"]
    told = folder.run("plan", "weekly").out
    previewed = folder.run(
        "preview", "weekly", "--for", "carla@example.net", "--out", str(folder.path)
    )
    tick(site, moment("2026-11-24 07:30", ZONE))
    way_out, _ = send(site, moment("2026-11-24 07:30", ZONE))

    read = [(one.recipient, delivering.readable_parts(data)) for one, data in way_out.accepted]
    mails = {who: parts["text"] for who, parts in read if parts["subject"] != "One"}
    assert planned["left_out"] == [{"reason": "on a course", "people": 1}]
    assert "part by part, on a course: 1 person" in told
    assert previewed.code == 0
    assert "Four" not in (folder.path / "letter.txt").read_text("utf-8")
    assert "Four" in mails["anna@example.net"]
    assert "Loose" in mails["carla@example.net"]
    assert "Four" not in mails["carla@example.net"]


def test_two_digests_a_course_and_an_import_give_a_post_once(
    folder: Folder, site: app.Site
) -> None:
    """Whatever way a post may come, over weeks, each reader has it once."""
    folder.configure(
        digests__eve='title = "Eve"\nschedule = "every monday at 07:30"',
        courses='at = "07:30"\npaces = ["1d", "3d"]',
    )
    site = folder.open()
    anna, ben, carla = join(site, "anna", "ben", "carla")
    tick(site, SEEN)
    start(site, anna)
    start(site, ben, pace="3d")
    folder.post("other.md", "Other", date="2026-11-20")
    way_out = MemoryTransport()
    for n in range(18):
        now = MORNING + n * DAY
        if n == 4:
            folder.post("sleep/04-four.md", "Four", date="2026-11-24")
        if n == 6:
            start(site, carla, now=now - HOUR)
        if n == 8:
            act(site, "stop", ben, now=now)
        tick(site, now)
        send(site, now, way_out)

    given: dict[tuple[str, str], int] = {}
    for envelope, data in way_out.accepted:
        text = delivering.readable_parts(data)["text"]
        for title in ("One", "Two", "Three", "Four", "Other"):
            if f"Text of {title}," in text:
                key = envelope.recipient, title
                given[key] = given.get(key, 0) + 1
    assert set(given.values()) == {1}
    assert {title for who, title in given if who.startswith("anna")} == {
        "One",
        "Two",
        "Three",
        "Four",
        "Other",
    }


def test_an_archive_that_counts_as_sent_is_what_a_course_brings(
    folder: Folder, site: app.Site
) -> None:
    """Posts that no digest will ever bring come by a course all the same."""
    folder.run("build")
    with site.store.write() as tx:
        tx.execute(sa.update(schema.posts).values(counts_as_sent=True))
    (anna,) = join(site, "anna")
    start(site, anna)

    assert go(site, MORNING) == ["anna: One"]


# ------------------------------------------------------------------------------ the reader's hand


def test_a_skipped_part_is_not_sent_and_costs_no_day(site: app.Site) -> None:
    """The part after it comes on its day; skipping the same one twice skips no other."""
    (anna,) = join(site, "anna")
    start(site, anna)
    go(site, MORNING)
    two = view(site, anna, MORNING).next.post
    assert two

    assert act(site, "skip", anna, two.id, now=MORNING) is True
    assert act(site, "skip", anna, two.id, now=MORNING) is False
    after = view(site, anna, MORNING)

    assert (after.next.number, after.at) == (3, 2)
    assert go(site, MORNING + DAY) == ["anna: Three"]
    assert go(site, MORNING + 2 * DAY) == []


def test_a_restart_gives_everything_again_once(site: app.Site) -> None:
    """Parts that were had and skipped come anew from part 1; a reader still has one receipt of each."""
    (anna,) = join(site, "anna")
    start(site, anna)
    go(site, MORNING)
    act(site, "skip", anna, now=MORNING)
    go(site, MORNING + DAY)

    act(site, "restart", anna, now=MORNING + DAY + HOUR)
    again = view(site, anna, MORNING + DAY + HOUR)
    got = go_days(site, 4, MORNING + 2 * DAY)

    assert (again.state, again.next.number, again.at) == (CourseState.RUNNING, 1, 0)
    assert got == [["anna: One"], ["anna: Two"], ["anna: Three"], []]
    assert len(rows(site, schema.receipts)) == 3
    assert rows(site, schema.course_marks) == []


def test_a_restart_makes_nothing_new_for_a_digest(folder: Folder, site: app.Site) -> None:
    """Between a restart and its letters, and after a stop, a digest does not repeat what was had."""
    folder.configure(digests__eve='title = "Eve"\nschedule = "every monday at 07:30"')
    site = folder.open()
    (anna,) = join(site, "anna")
    tick(site, SEEN)
    start(site, anna)
    go(site, MORNING)
    act(site, "restart", anna, now=MORNING + HOUR)
    act(site, "stop", anna, now=MORNING + HOUR)
    way_out = MemoryTransport()

    tick(site, moment("2026-11-23 07:30", ZONE))
    send(site, moment("2026-11-23 07:30", ZONE), way_out)

    (text,) = [delivering.readable_parts(data)["text"] for _, data in way_out.accepted]
    assert "Text of Two" in text
    assert "Text of One" not in text


def test_a_stop_holds_and_a_start_goes_on_where_it_was(site: app.Site) -> None:
    """A stopped course sends nothing; started again it goes on with the next part, not before its pace."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="3d")
    go(site, MORNING)

    assert act(site, "stop", anna, now=MORNING + HOUR) is True
    assert act(site, "stop", anna, now=MORNING + HOUR) is False
    stopped = view(site, anna, MORNING + HOUR).state
    start(site, anna, pace="3d", now=MORNING + HOUR)
    got = go_days(site, 3, MORNING + DAY)

    assert stopped is CourseState.STOPPED
    assert got == [[], [], ["anna: Two"]]


def test_a_start_twice_changes_nothing(site: app.Site) -> None:
    """The same wish again is no second course, and no second letter."""
    (anna,) = join(site, "anna")
    start(site, anna)
    before = rows(site, schema.courses)
    start(site, anna, now=MORNING - HOUR)

    assert rows(site, schema.courses) == before
    assert go_days(site, 2) == [["anna: One"], ["anna: Two"]]


def test_another_pace_counts_from_the_last_letter(site: app.Site) -> None:
    """From a week to a day the next part comes tomorrow; from a day to three it waits for them."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="7d")
    go(site, MORNING)

    assert act(site, "pace", anna, "1d", now=MORNING + HOUR) is True
    assert act(site, "pace", anna, "1d", now=MORNING + HOUR) is False
    faster = go(site, MORNING + DAY)
    act(site, "pace", anna, "3d", now=MORNING + DAY + HOUR)
    slower = go_days(site, 3, MORNING + 2 * DAY)

    assert faster == ["anna: Two"]
    assert slower == [[], [], ["anna: Three"]]


def test_a_pace_chosen_before_the_first_letter_does_not_move_it(site: app.Site) -> None:
    """The first part comes when it was promised."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="1d")
    act(site, "pace", anna, "7d", now=SEEN + MINUTE)

    assert go(site, MORNING) == ["anna: One"]
    assert view(site, anna, MORNING).comes_on == (MORNING + 7 * DAY).date()


def test_a_start_takes_up_a_series_that_was_left_out(site: app.Site) -> None:
    """Asking for a series from part 1 is no longer leaving it out; leaving it out ends its letters."""
    (anna,) = join(site, "anna", series=("sleep",))
    start(site, anna)
    first = go(site, MORNING)
    with site.store.write() as tx:
        tx.execute(sa.insert(schema.declined_series).values(subscriber_id=anna, series="sleep"))

    assert first == ["anna: One"]
    assert go(site, MORNING + DAY) == []


def test_what_cannot_be_is_said(site: app.Site) -> None:
    """No such series, part, course, pace or person: each is told and changes nothing."""
    anna, gone = join(site, "anna", "gone")
    leave(site, gone, now=SEEN)
    desk, _ = app.open_desk(site, now=SEEN)
    timetable = subscribing.read_timetable(site.config)
    start_with = (desk.catalog, timetable)

    with pytest.raises(NotFound, match="a series with a part for email: sleep"):
        subscribing.start_course(site.store, anna, "slept", "1d", *start_with, now=SEEN)
    with pytest.raises(NotFound, match="nobody"):
        subscribing.start_course(site.store, 99, "sleep", "1d", *start_with, now=SEEN)
    with pytest.raises(Refused, match="unsubscribed"):
        start(site, gone)
    for pace in ("0d", "366d", "1", "d", "-1d", "1w", "1000d"):
        with pytest.raises(UsageError, match="whole days"):
            start(site, anna, pace=pace)
    for name in ("skip", "restart"):
        with pytest.raises(NotFound, match="none of sleep"):
            act(site, name, anna, now=SEEN)
    with pytest.raises(NotFound, match="none of sleep"):
        act(site, "pace", anna, "1d", now=SEEN)
    start(site, anna)
    with pytest.raises(NotFound, match="a part of sleep that is out"):
        act(site, "skip", anna, "urn:x", now=SEEN)
    assert rows(site, schema.course_marks) == []


# ---------------------------------------------------------------------------- people who go, or not


def test_who_left_away_or_suppressed_gets_no_part(site: app.Site) -> None:
    """Unsubscribed, away and erased in the middle of a course; who was away goes on afterwards."""
    left, away, erased = join(site, "left", "away", "erased")
    start(site, left, away, erased)
    go(site, MORNING)
    leave(site, left, now=MORNING + HOUR)
    with site.store.write() as tx:
        people = schema.subscribers
        tx.execute(
            sa.update(people)
            .where(people.c.id == away)
            .values(paused_until=MORNING + 2 * DAY + HOUR)
        )
        tx.execute(sa.delete(people).where(people.c.id == erased))

    got = go_days(site, 3, MORNING + DAY)

    assert got == [[], [], ["away: Two"]]
    assert [row[0] for row in rows(site, schema.courses)] == [left, away]


def test_who_leaves_between_opening_and_mail_is_not_mailed(site: app.Site) -> None:
    """A delivery that has not begun is suppressed, and the part is not had."""
    (anna,) = join(site, "anna")
    start(site, anna)
    tick(site, MORNING)
    leave(site, anna, now=MORNING)
    way_out, _ = send(site, MORNING)

    assert recipients(way_out) == []
    assert counts(site, all_editions(site)[0]) == {"suppressed": 1}
    assert rows(site, schema.receipts) == []


def test_a_part_whose_mail_was_rejected_comes_again_at_the_pace(site: app.Site) -> None:
    """What did not arrive is still the next part."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="3d")
    tick(site, MORNING)
    send(site, MORNING, MemoryTransport([GONE]))

    assert go_days(site, 3, MORNING + DAY) == [[], [], ["anna: One"]]


# ----------------------------------------------------------------------------- runs that meet or end


def test_the_same_run_twice_makes_one_edition(site: app.Site) -> None:
    """A second run of the same morning, and of a second scheduler, finds the day decided."""
    (anna,) = join(site, "anna")
    start(site, anna)
    desk, _ = app.open_desk(site, now=MORNING)
    tick(site, MORNING)

    for _ in range(2):
        editing_courses._decide_series(desk, "sleep", _slot(site), now=MORNING)
        editing_courses.decide_courses(desk, now=MORNING)
        tick(site, MORNING)

    assert names(site) == ["course:sleep/1"]
    assert counts(site, all_editions(site)[0]) == {"pending": 1}


def test_of_two_schedulers_one_makes_the_edition(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who counts the same readers at the same time comes second, and makes nothing."""
    (anna,) = join(site, "anna")
    start(site, anna)
    desk, _ = app.open_desk(site, now=MORNING)
    in_order = editing_courses._in_order

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(editing_courses, "_in_order", in_order)
        tick(site, MORNING)
        return in_order(*given)

    monkeypatch.setattr(editing_courses, "_in_order", meanwhile)
    editing_courses.decide_courses(desk, now=MORNING)

    assert names(site) == ["course:sleep/1"]
    assert counts(site, all_editions(site)[0]) == {"pending": 1}


@pytest.mark.parametrize("cut", ["_draft", "decide", "freeze", "settle"])
def test_a_run_cut_off_anywhere_goes_on(
    site: app.Site, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """Killed before the draft, before the day is decided, before the freeze or in the opening."""
    anna, ben = join(site, "anna", "ben")
    start(site, anna, ben)

    class Killed(Exception):  # noqa: N818 - a kill is no error
        pass

    def kill(*_given: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if cut == "freeze":
            patch.setattr(freezing, "freeze", kill)
        elif cut == "settle":
            patch.setattr(editing_courses.CourseAudience, "settle", kill)
        elif cut == "decide":
            patch.setattr("publisher.store.editions.decide_slot", kill)
        else:
            patch.setattr(editing_courses, cut, kill)
        with pytest.raises(Killed):
            tick(site, MORNING)

    assert go(site, MORNING + MINUTE) == ["anna: One", "ben: One"]
    assert go(site, MORNING + DAY) == ["anna: Two", "ben: Two"]


@pytest.mark.parametrize("cut", ["freeze", "settle"])
def test_a_run_cut_off_and_found_the_next_morning_sends_one_part(
    site: app.Site, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """A draft of yesterday is missed; an opening of yesterday is finished first. Nobody gets two."""
    (anna,) = join(site, "anna")
    start(site, anna)

    def kill(*_given: Any, **_named: Any) -> None:
        raise KeyError

    with monkeypatch.context() as patch:
        where = freezing if cut == "freeze" else editing_courses.CourseAudience
        patch.setattr(where, cut, kill)
        with pytest.raises(KeyError):
            tick(site, MORNING)

    got = [go(site, MORNING + DAY), go(site, MORNING + DAY + MINUTE), go(site, MORNING + 2 * DAY)]

    assert got == [["anna: One"], [], ["anna: Two"]]


def test_an_opening_goes_on_batch_after_batch(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many readers are written in several transactions, each once, each with their next day."""
    monkeypatch.setattr(editing_courses, "BATCH", 2)
    everybody = join(site, *(f"reader{n}" for n in range(5)))
    start(site, *everybody)

    tick(site, MORNING)

    assert all_editions(site)[0].audience == 5
    assert {str(one) for one in due(site)} == {"2026-11-22"}
    assert {row[0] for row in rows(site, schema.receipts)} == set(everybody)


def test_courses_of_a_series_that_is_finished_later_end(
    folder: Folder, site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had every part when the series was finished has no course any more."""
    monkeypatch.setattr(editing_courses, "BATCH", 2)
    series(folder)
    everybody = join(site, "anna", "ben", "carla")
    start(site, *everybody)
    go_days(site, 4)
    waiting = due(site)
    series(folder, status="finished")

    go(site, MORNING + 4 * DAY)

    assert None not in waiting
    assert due(site) == [None, None, None]


# ------------------------------------------------------------------------------------ staff's hand


def test_a_held_edition_keeps_its_course_until_it_is_let_go(site: app.Site) -> None:
    """While one is held no other takes its parts; released days later it keeps the pace from then."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="3d")
    editing_courses.decide_courses(app.open_desk(site, now=MORNING)[0], now=MORNING)
    app.handle_edition(site, all_editions(site)[0], Act.HOLD, by="Dr Grey", now=MORNING)

    waits = go_days(site, 2, MORNING)
    held = all_editions(site)[0]
    app.handle_edition(site, held, Act.RELEASE, by="Dr Grey", now=MORNING + DAY + HOUR)
    got = [go(site, MORNING + DAY + 2 * HOUR), *go_days(site, 3, MORNING + 2 * DAY)]

    assert waits == [[], []]
    assert got == [["anna: One"], [], [], ["anna: Two"]]


def test_a_cancelled_edition_gives_its_parts_to_another_day(site: app.Site) -> None:
    """Cancelled before it is opened nobody is emailed; the same part comes the next morning."""
    (anna,) = join(site, "anna")
    start(site, anna)
    editing_courses.decide_courses(app.open_desk(site, now=MORNING)[0], now=MORNING)
    app.handle_edition(site, all_editions(site)[0], Act.CANCEL, by="Dr Grey", now=MORNING)

    assert go_days(site, 2, MORNING) == [[], ["anna: One"]]
    assert [state for name, state, _ in shown(site) if "course" in name] == ["cancelled", "sent"]


def test_a_restored_edition_of_a_course_cannot_count_as_sent(site: app.Site) -> None:
    """To whom it went nobody knows, so no post is marked as sent for everybody."""
    (anna,) = join(site, "anna")
    start(site, anna)
    editing_courses.decide_courses(app.open_desk(site, now=MORNING)[0], now=MORNING)
    edition = all_editions(site)[0]
    with site.store.write() as tx:
        from publisher.store import editions  # noqa: PLC0415

        assert editions.move(tx, edition, EditionState.HELD, reason="restored")

    with pytest.raises(Refused, match="course"):
        app.resolve_edition(
            site, all_editions(site)[0], "accepted", address=None, by="Dr Grey", now=MORNING
        )


def test_courses_are_hidden_in_the_list_unless_asked(folder: Folder, site: app.Site) -> None:
    """``edition ls`` is about digests; ``--courses`` shows the rest, and ``show`` finds one by name."""
    (anna,) = join(site, "anna")
    start(site, anna)
    go(site, MORNING)

    assert folder.json("edition", "ls") == []
    assert folder.run("edition", "ls").out == "No editions yet.\n"
    (listed,) = folder.json("edition", "ls", "--courses")
    shown_one = folder.json("edition", "show", "course:sleep/1")
    assert listed["edition"] == shown_one["edition"] == "course:sleep/1"
    assert [post["title"] for post in shown_one["posts"]] == ["One"]


def test_a_rehearsed_course_leaves_the_live_one_at_its_beginning(folder: Folder) -> None:
    """What went to the outbox was read by nobody: live, the course begins with part 1."""
    folder.post("sleep/01-one.md", "One", date="2026-01-01")
    folder.post("sleep/02-two.md", "Two", date="2026-01-02")
    series(folder, status="finished")
    site = folder.open()
    (anna,) = join(site, "anna")
    start(site, anna)
    rehearsed = go_days(site, 3)
    use_relay(folder)
    site = folder.open()

    got = go_days(site, 2, MORNING + 3 * DAY)

    assert rehearsed == [["anna: One"], ["anna: Two"], []]
    assert got == [["anna: One"], ["anna: Two"]]


# ------------------------------------------------------------------------------------- the letters


def test_a_letter_says_where_one_is_and_what_comes(folder: Folder, site: app.Site) -> None:
    """Its part, its series, the day of the next one, the way to change it; the last says so."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="3d")
    way_out = MemoryTransport()
    for n in (0, 3, 6):
        tick(site, MORNING + n * DAY)
        send(site, MORNING + n * DAY, way_out)

    first, second, last = (delivering.readable_parts(data) for _, data in way_out.accepted[:3])
    assert first["subject"] == "One"
    assert "Part 2 comes on Tuesday 24 November." in first["text"]
    assert "Part 1 of 3" in first["text"].replace("\u00a0", " ")
    assert "Part 3 comes on Friday 27 November." in second["html"]
    assert "This was the last part." in last["text"]
    for parts in (first, second, last):
        assert "Missed the beginning?" not in parts["text"]
        assert "You asked for this series, and confirmed on 2 March 2026." in parts["text"]
        assert "Read this on the web" not in parts["text"]
        assert "/sleep/" in parts["html"]


def test_a_discreet_letter_names_no_topic_outside(folder: Folder, site: app.Site) -> None:
    """Subject and sender are the discreet ones; the preheader is empty."""
    (anna,) = join(site, "anna", discreet=True)
    start(site, anna)
    tick(site, MORNING)
    way_out, _ = send(site, MORNING)

    ((_, data),) = way_out.accepted
    head = data.partition(b"\r\n\r\n")[0]
    assert delivering.readable_parts(data)["subject"] == "Your weekly reading"
    assert b"leep" not in head.replace(b"\r\n ", b"")


def test_a_course_is_previewed_and_tested(folder: Folder, site: app.Site) -> None:
    """``preview course:sleep`` is part 1, or what one reader gets next; it changes nothing."""
    (anna,) = join(site, "anna")
    start(site, anna, pace="3d")
    go(site, MORNING)
    out = ("--out", str(folder.path), "--at", "2026-11-22")
    before = rows(site, schema.courses)

    plain = folder.json("preview", "course:sleep", *out)
    own = folder.json("preview", "course:sleep", "--for", "anna@example.net", *out)
    text = (folder.path / "letter.txt").read_text("utf-8")
    unknown = folder.run("preview", "course:slept", *out)

    assert plain["subject"] == "One"
    assert own["subject"] == "Two"
    assert "Part 3 comes on" in text
    assert unknown.code == 7
    assert "a series with a part for email" in unknown.err
    assert rows(site, schema.courses) == before


# ------------------------------------------------------------------------------------ the command


def test_staff_see_and_change_a_persons_courses(folder: Folder, site: app.Site) -> None:
    """``subscribers course`` lists, starts, paces, skips, stops and begins again; twice changes nothing."""
    join(site, "anna")
    command = ("subscribers", "course", "anna@example.net")

    (never,) = folder.json(*command)
    started = folder.json(*command, "sleep", "--pace", "3d")
    twice = folder.run(*command, "sleep", "--pace", "3d")
    skipped = folder.json(*command, "sleep", "--skip")
    stopped = folder.json(*command, "sleep", "--stop")
    again = folder.json(*command, "sleep", "--restart")

    assert (never["state"], never["pace"], never["parts"]) == ("none", None, 3)
    (one,) = started["courses"]
    assert (started["changed"], one["state"], one["pace"], one["at"]) == (True, "running", "3d", 0)
    assert one["next"]["part"] == 1
    assert "Nothing was changed" in twice.out
    assert "sleep  running: at part 0 of 3, every 3 days; part 1 on 2" in twice.out
    assert skipped["courses"][0]["next"]["part"] == 2
    assert stopped["courses"][0]["state"] == "stopped"
    assert again["courses"][0]["next"]["part"] == 1


def test_the_command_says_what_it_cannot_do(folder: Folder, site: app.Site) -> None:
    """Two acts at once, an act without a series, a stranger, a series that is none."""
    join(site, "anna")
    command = ("subscribers", "course", "anna@example.net")

    assert folder.run(*command, "sleep", "--pace", "1d", "--stop").code == 2
    assert folder.run(*command, "--stop").code == 2
    assert folder.run("subscribers", "course", "nobody@example.net").code == 7
    assert folder.run(*command, "slept", "--pace", "1d").code == 7
    assert folder.run(*command, "sleep", "--pace", "soon").code == 2
    assert rows(site, schema.courses) == []


# --------------------------------------------------------------------------------------- in these tests


def names(site: app.Site) -> list[str]:
    return [one.name for one in all_editions(site) if one.is_course]


def due(site: app.Site) -> list[Any]:
    return [
        row[1]
        for row in rows(
            site, schema.courses, schema.courses.c.subscriber_id, schema.courses.c.next_due_on
        )
    ]


def _slot(site: app.Site) -> Any:
    from publisher.editorial.course import day_slot  # noqa: PLC0415

    slot = day_slot(site.config.courses.at, site.config.site.timezone, MORNING)
    assert slot
    return slot
