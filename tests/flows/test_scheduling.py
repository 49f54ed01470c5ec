"""From slots to editions as time passes: clock changes, late starts, two schedulers, kills."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from publisher import app
from publisher.editing import opening
from publisher.editing.drafting import draft_now
from publisher.model import EditionState
from publisher.store import Store, editions
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    approve,
    counts,
    join,
    moment,
    only,
    recipients,
    send,
    shown,
    tick,
    titles,
    use_relay,
    verdicts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Folder

SEEN = moment("2026-11-23 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
WEEK = 7 * DAY
KEY = "2026-11-24T07:30[America/New_York]"
MOST_COMMITS = 20
MORNING = 4

NIGHTS = [
    ("Europe/Berlin", "2027-03-28"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2027-03-14"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Lord_Howe", "2027-04-04"),
]


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with one post and two readers, whose digest was seen on the eve of its slot."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna", "ben")
    tick(site, SEEN - DAY)
    return site


# ---------------------------------------------------------------------------------- clock changes


@pytest.mark.parametrize("at", ["01:30", "02:30"])
@pytest.mark.parametrize(("zone", "night"), NIGHTS)
def test_a_change_of_the_clocks_makes_one_edition_per_local_day(
    folder: Folder, zone: str, night: str, at: str
) -> None:
    """A nightly digest goes once each local day, whether the clocks skip its time or show it twice."""
    days = [date.fromisoformat(night), date.fromisoformat(night) + DAY]
    for day in days:
        folder.post(f"{day:%d}.md", f"Post of {day}", date=f"{day}T00:10")
    use_relay(
        folder,
        site=folder.settings["site"].replace("America/New_York", zone),
        digests__weekly=f'title = "Nightly"\nschedule = "every day at {at}"',
    )
    site = folder.open()
    join(site, "anna")
    now, end = moment(f"{days[0] - DAY} 12:00", zone), moment(f"{days[1]} 12:00", zone)
    while now < end:
        tick(site, now)
        is_night = now.astimezone(ZoneInfo(zone)).hour < MORNING
        now += 15 * MINUTE if is_night else HOUR
    way_out, _ = send(site, end)

    made = [one for one in all_editions(site) if one.fire_at <= end]
    assert [one.slot for one in made] == [f"{day}T{at}[{zone}]" for day in days]
    assert [titles(site, one) for one in made] == [[f"Post of {day}"] for day in days]
    assert verdicts(site) == [(one.slot, "edition") for one in made]
    assert recipients(way_out) == ["anna", "anna"]


# ------------------------------------------------------------------------------------ late starts


def test_slots_begin_when_the_digest_was_first_seen(folder: Folder) -> None:
    """A slot before the store met the digest is none: no edition, and no row of a missed one."""
    folder.post("one.md", "One")
    site = folder.open()

    tick(site, SLOT + MINUTE)

    assert verdicts(site) == []
    assert shown(site) == []


def test_a_slot_with_nothing_new_is_recorded_and_makes_no_edition(site: app.Site) -> None:
    """Where every post was sent the slot is decided as nothing new, and no draft is left."""
    tick(site, SLOT)
    send(site, SLOT)

    tick(site, SLOT + WEEK)

    assert verdicts(site)[1] == ("2026-12-01T07:30[America/New_York]", "nothing_new")
    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_start_within_late_after_goes_by_itself(site: app.Site) -> None:
    """A slot that is decided up to late_after late is sent."""
    tick(site, SLOT + 2 * HOUR)

    assert shown(site) == [("weekly/1", "sending", "")]


def test_a_late_slot_is_held_and_an_approval_lets_it_go(site: app.Site) -> None:
    """Later than late_after an edition waits for a person; approved, it goes with the next run."""
    told = tick(site, SLOT + 2 * HOUR + MINUTE)
    held = only(site)
    again = tick(site, SLOT + 3 * HOUR)

    approve(site, held, SLOT + DAY)
    tick(site, SLOT + 2 * DAY)
    way_out, _ = send(site, SLOT + 2 * DAY)

    assert [problem.code for problem in told] == ["edition.late"]
    assert "publisher edition approve weekly/1" in told[0].hint
    assert (str(held.state), held.reason) == ("held", "late")
    assert again == []
    assert recipients(way_out) == ["anna", "ben"]
    assert shown(site) == [("weekly/1", "sent", "")]


def test_an_approval_is_good_for_as_long_as_letters_are_sent(site: app.Site) -> None:
    """A letter that would expire at once is held again, although a person let it go long ago."""
    tick(site, SLOT + DAY)
    approve(site, only(site), SLOT + DAY)

    told = tick(site, SLOT + 4 * DAY)

    assert [problem.code for problem in told] == ["edition.late"]
    assert shown(site) == [("weekly/1", "held", "late")]


def test_of_several_missed_slots_only_the_latest_becomes_an_edition(
    folder: Folder, site: app.Site
) -> None:
    """After a long sleep the latest slot carries everything new; the others are rows ``missed``."""
    tick(site, SLOT - HOUR)  # its draft is there when the machine goes to sleep
    folder.post("sleep/02-two.md", "Two", date="2026-11-30")

    tick(site, SLOT + 2 * WEEK + MINUTE)

    assert [verdict for _, verdict in verdicts(site)] == ["missed", "missed", "edition"]
    assert [str(one.state) for one in all_editions(site)] == ["missed", "missed", "sending"]
    assert all_editions(site)[0].closed_at == SLOT + 2 * WEEK + MINUTE
    assert titles(site, all_editions(site)[2]) == ["One", "Two"]


def test_a_clock_set_back_makes_nothing_twice(site: app.Site) -> None:
    """A clock that goes back over a slot and comes again finds it decided."""
    tick(site, SLOT + MINUTE)
    send(site, SLOT + MINUTE)

    tick(site, SLOT - HOUR)
    tick(site, SLOT + MINUTE)

    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_changed_schedule_takes_its_draft_along(folder: Folder, site: app.Site) -> None:
    """A draft of a slot that is no more is removed, so nothing goes at a time nobody planned."""
    tick(site, SLOT - HOUR)
    folder.configure(digests__weekly='title = "W"\nschedule = "every wednesday at 07:30"')
    moved = folder.open()

    tick(moved, SLOT - MINUTE)
    tick(moved, SLOT + MINUTE)

    assert [one.slot for one in all_editions(moved)] == ["2026-11-25T07:30[America/New_York]"]
    assert only(moved).state == "draft"


# --------------------------------------------------------------------------------- two schedulers


def test_two_schedulers_make_one_edition_and_mail_nobody_twice(
    folder: Folder, site: app.Site
) -> None:
    """Two that tick and send the same due slot again and again come to one edition, one mail each."""
    tracks = [MemoryTransport() for _ in range(2)]
    start = threading.Barrier(2)

    def run(way_out: MemoryTransport) -> None:
        mine = folder.open()
        start.wait()
        for turn in range(10):
            tick(mine, SLOT + turn * MINUTE)
            send(mine, SLOT + turn * MINUTE, way_out)

    threads = [threading.Thread(target=run, args=(one,)) for one in tracks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send(site, SLOT + HOUR, tracks[0])

    assert sorted(name for one in tracks for name in recipients(one)) == ["anna", "ben"]
    assert shown(site) == [("weekly/1", "sent", "")]
    assert verdicts(site) == [(KEY, "edition")]


def _tick_often(config: Path, now: datetime) -> None:
    own = app.open_site(config, {})
    for turn in range(10):
        tick(own, now + turn * MINUTE)
    own.store.close()


def test_two_processes_tick_one_slot_into_one_edition(folder: Folder, site: app.Site) -> None:
    """Two processes on one database decide a slot once, also while a third one ticks."""
    spawn = multiprocessing.get_context("spawn")
    config = folder.path / "config.toml"
    others = [spawn.Process(target=_tick_often, args=(config, SLOT)) for _ in range(2)]

    for process in others:
        process.start()
    for turn in range(10):
        tick(site, SLOT + turn * MINUTE)
    for process in others:
        process.join()

    assert [process.exitcode for process in others] == [0, 0]
    assert shown(site) == [("weekly/1", "sending", "")]
    assert counts(site, only(site)) == {"pending": 2}


def test_publish_now_twice_at_once_is_one_edition(folder: Folder) -> None:
    """Two ``publish --now`` side by side make one edition; both end well."""
    folder.post("one.md", "One")
    site = folder.open()
    join(site, "anna", "ben")
    words = [sys.executable, "-m", "publisher", "--config", str(folder.path / "config.toml")]
    words += ["publish", "--now", "weekly"]

    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate()[0] for one in both]
    folder.run("publish")  # what one left to the other is over by now

    assert [one.returncode for one in both] == [0, 0], told
    assert shown(site) == [("weekly/1", "sent", "")]
    assert [file.name for file in folder.outbox()] == ["000001.eml", "000002.eml"]


# ------------------------------------------------------------------------------------------ kills


class _Killed(BaseException):
    """The process is no more."""


@contextmanager
def _killed_at(monkeypatch: pytest.MonkeyPatch, moment_: str, count: int) -> Iterator[list[bool]]:
    """End the work at a commit; with the transaction open (``before``) or just committed."""
    real, seen, killed = Store.write, 0, [False]

    @contextmanager
    def write(store: Store) -> Iterator[Any]:
        nonlocal seen
        seen += 1
        with real(store) as tx:
            yield tx
            if (moment_, seen) == ("before", count):
                killed[0] = True
                raise _Killed
        if (moment_, seen) == ("after", count):
            killed[0] = True
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", write)
        yield killed


def _tick_until_killed(
    monkeypatch: pytest.MonkeyPatch, site: app.Site, now: datetime, moment_: str, count: int
) -> bool:
    with _killed_at(monkeypatch, moment_, count) as killed, suppress(_Killed):
        tick(site, now, digest="weekly")
    return killed[0]


@pytest.mark.parametrize("moment_", ["before", "after"])
def test_a_kill_between_any_two_commits_of_a_slot_loses_and_doubles_nothing(
    folder: Folder,
    renew: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    moment_: str,
) -> None:
    """Wherever a tick is cut off the next one comes to the same edition for the same readers."""
    monkeypatch.setattr(opening, "OPENING_BATCH", 1)
    count, was_killed = 0, True
    while was_killed:
        count += 1
        renew(f"{moment_}-{count}")
        folder.post("sleep/01-one.md", "One")
        use_relay(folder)
        site = folder.open()
        join(site, "anna", "ben")
        tick(site, SEEN - DAY)
        was_killed = _tick_until_killed(monkeypatch, site, SLOT, moment_, count)

        tick(site, SLOT + MINUTE)
        tick(site, SLOT + 2 * MINUTE)
        way_out, _ = send(site, SLOT + 2 * MINUTE)

        assert recipients(way_out) == ["anna", "ben"]
        assert shown(site) == [("weekly/1", "sent", "")]
        assert verdicts(site) == [(KEY, "edition")]
    assert 5 < count < MOST_COMMITS


def test_a_kill_before_the_freeze_is_found_late(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that was decided, its draft not frozen, is held as late when the machine comes back."""
    assert _tick_until_killed(monkeypatch, site, SLOT, "after", 1)
    assert verdicts(site) == [(KEY, "edition")]

    tick(site, SLOT + 3 * HOUR)

    assert shown(site) == [("weekly/1", "held", "late")]


def test_a_kill_before_the_freeze_is_missed_once_the_next_slot_is_due(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft that was never frozen gives its posts to the next slot's edition."""
    assert _tick_until_killed(monkeypatch, site, SLOT, "after", 1)

    tick(site, SLOT + WEEK)

    assert shown(site) == [("weekly/1", "missed", ""), ("weekly/2", "sending", "")]
    assert titles(site, all_editions(site)[1]) == ["One"]


def test_a_kill_of_one_more_edition_is_gone_on_with(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edition that ``--now`` drafted and nobody froze goes with the next tick, and goes once."""
    killed = [
        _tick_until_killed(monkeypatch, site, SEEN - HOUR, "before", count) for count in (1, 2)
    ]
    drafts = [str(one.state) for one in all_editions(site)]

    tick(site, SEEN)
    tick(site, SLOT)

    assert killed == [True, True]
    assert drafts == ["draft"]
    assert [(name, state) for name, state, _ in shown(site)] == [("weekly/1", "sending")]


def test_a_draft_that_was_promised_its_posts_keeps_them(site: app.Site) -> None:
    """While a due draft waits to be frozen nothing else takes its posts, nor what counts as sent."""
    desk, _ = app.open_desk(site, now=SEEN)

    draft_now(desk, site.config.digests["weekly"], now=SEEN)
    draft_now(desk, site.config.digests["weekly"], now=SEEN + MINUTE)

    assert [one.slot for one in all_editions(site)] == [f"now:{SEEN:%Y-%m-%dT%H:%M:%SZ}"]


def test_one_more_edition_that_was_killed_keeps_its_posts_when_the_next_slot_comes(
    folder: Folder, site: app.Site
) -> None:
    """A slot takes what is new besides the unfrozen draft of ``--now``, which waits as late."""
    tick(site, SLOT)
    folder.post("sleep/02-two.md", "Two", date="2026-11-25")
    desk, _ = app.open_desk(site, now=SLOT + DAY)
    draft_now(desk, site.config.digests["weekly"], now=SLOT + DAY)
    folder.post("sleep/03-three.md", "Three", date="2026-11-26")

    tick(site, SLOT + WEEK)

    _, late, weekly = all_editions(site)
    assert (str(late.state), late.reason) == ("held", "late")
    assert titles(site, weekly) == ["Three"]


def test_a_draft_due_in_a_digest_that_is_gone_waits(folder: Folder, site: app.Site) -> None:
    """A digest taken out of the configuration keeps its drafts, and nothing of it is sent."""
    tick(site, SLOT - HOUR)
    folder.settings.pop("digests__weekly")
    folder.configure(digests__daily='title = "D"\nschedule = "every day at 23:00"')
    without = folder.open()

    tick(without, SLOT + MINUTE)

    assert ("weekly/1", "draft", "") in shown(without)


def test_an_unapproved_edition_of_the_eve_is_missed_with_its_slot(site: app.Site) -> None:
    """An edition approved ahead whose slot passed with the machine off goes with the latest slot."""
    tick(site, SLOT - HOUR)
    approve(site, only(site), SLOT - HOUR)

    tick(site, SLOT + WEEK)

    assert [str(one.state) for one in all_editions(site)] == ["missed", "sending"]
    with site.store.read() as tx:
        content = editions.read_content(tx, all_editions(site)[1].id)
    assert [post.title for post in content.posts] == ["One"]


def test_an_edition_that_ended_before_its_slot_was_missed_stays_as_it_is(site: app.Site) -> None:
    """A cancelled edition whose slot is missed stays cancelled in the record."""
    tick(site, SLOT - HOUR)
    with site.store.write() as tx:
        editions.move(tx, only(site), EditionState.CANCELLED)

    tick(site, SLOT + WEEK)

    assert [str(one.state) for one in all_editions(site)] == ["cancelled", "sending"]
