"""A trial: staff alone are mailed, nobody else loses anything, and an admin ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app, editing, staffing, subscribing
from publisher.errors import Refused
from publisher.model import Correction, EditionState, Role
from publisher.operating import forget_in_time
from publisher.store import drafts, schema, standing
from tests import smtpd
from tests.conftest import NOON
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    join,
    moment,
    receipts,
    recipients,
    rows,
    send,
    tick,
    use_relay,
)
from tests.flows.test_courses import go, series, start

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.model import Edition
    from tests.conftest import Folder

on_sqlite = pytest.mark.parametrize("folder", ["sqlite"], indirect=True)
"""For what has nothing to do with the database."""
READY = 'postal_address = "1 River Road"\nurl = "https://news.riverside-letters.org"'
SEEN = moment("2026-11-20 12:00", "America/New_York")
MORNING = moment("2026-11-21 07:30", "America/New_York")


def _configure(folder: Folder, mail: str = "trial = true", *, port: int = 9) -> None:
    folder.configure(
        mail=f'transport = "smtp"\nfrom = "Letters <letters@riverside-letters.org>"\n{mail}',
        mail__smtp=f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"',
    )


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site on trial with two posts, and three readers of whom the first is staff."""
    folder.post("sleep/01-one.md", "One", date="2026-01-01")
    folder.post("sleep/02-two.md", "Two", date="2026-01-02")
    _configure(folder)
    made = folder.open()
    join(made, "anna", "ben", "cy")
    staffing.add(
        made.store, "Anna@example.net", name="Anna", roles=[Role.ADMIN], by="test", now=NOON
    )
    return made


def _publish(site: app.Site, now: datetime) -> app.Report:
    return app.publish_once(site, now=now, clock=lambda: now, digest="weekly")


def _live(site: app.Site, *, now: datetime) -> None:
    """Note that the site is live, as an admin's word does once all is ready."""
    with site.store.write() as tx:
        assert standing.mark_live(tx, "Anna", now=now)


def _make_ready(folder: Folder, site: app.Site) -> app.Site:
    folder.configure(site=f"{folder.settings['site']}\n{READY}")
    site.store.close()
    return folder.open()


# ------------------------------------------------------------------------------------- who is mailed


def test_staff_alone_are_mailed_and_the_others_get_all_of_it_later(
    folder: Folder, site: app.Site, free_port: int
) -> None:
    """By a real server: in the trial one of three; live, the other two, and nobody a post twice."""
    _configure(folder, port=free_port)
    site = _make_ready(folder, site)
    with smtpd.serve(free_port) as peer:
        _publish(site, NOON)
        in_trial = peer.recipients()
        had = receipts(site)
        folder.post("sleep/03-three.md", "Three", date="2026-01-03")
        _publish(site, NOON + HOUR)
        _live(site, now=NOON + 2 * HOUR)
        _publish(site, NOON + 3 * HOUR)
        _publish(site, NOON + 4 * HOUR)
        mailed = peer.recipients()

    assert in_trial == ["anna@example.net"]
    assert had == {1}
    assert sorted(mailed) == ["anna@example.net"] * 2 + ["ben@example.net", "cy@example.net"]
    given = rows(site, schema.receipts, schema.receipts.c.subscriber_id, schema.receipts.c.post_id)
    assert [sum(one[0] == who for one in given) for who in (1, 2, 3)] == [3, 3, 3]
    assert [(one.number, one.trial, one.audience) for one in all_editions(site)] == [
        (1, True, 1),
        (2, True, 1),
        (3, False, 2),
    ]


@on_sqlite
def test_rehearsals_of_a_trial_are_for_staff_too(folder: Folder, site: app.Site) -> None:
    """Where nothing leaves, the outbox has what the trial would mail, and the plan says of how many."""
    folder.configure(mail="trial = true")
    site.store.close()
    site = folder.open()
    (planned,) = folder.json("plan")["editions"]
    told = folder.run("plan").out
    _publish(site, NOON)

    assert (planned["audience"], planned["everybody"]) == (1, 3)
    assert "Trial: 1 of 3 would get this. No one else is emailed." in told
    assert len(folder.outbox()) == 1


def test_a_correction_goes_to_whom_the_corrected_edition_was_for(
    folder: Folder, site: app.Site
) -> None:
    """Of a trial's edition to staff, also when live; of one for everybody it waits while on trial."""
    site = _make_ready(folder, site)
    by_step: dict[str, list[str]] = {}

    def correct(edition: Edition, at: datetime, text: str) -> Edition:
        wanted = Correction(corrects_id=edition.id, subject="", text=text)
        return app.correct_edition(site, edition, wanted, by="Anna", now=at).edition

    def go_on(step: str, at: datetime) -> None:
        tick(site, at)
        by_step[step] = sorted(recipients(send(site, at)[0]))

    _live(site, now=NOON)
    tick(site, NOON, "weekly")
    go_on("everybody", NOON)
    (whole,) = all_editions(site)
    of_whole = correct(whole, NOON + HOUR, "It is 2 mg.")
    with site.store.write() as tx:  # before its minute is over; by staff's hand it is refused
        assert standing.mark_trial(tx)
    go_on("waits", NOON + HOUR + MINUTE)
    made = len(all_editions(site))
    with pytest.raises(Refused, match="Go live first"):
        correct(whole, NOON + HOUR, "It is 3 mg.")
    assert len(all_editions(site)) == made  # no draft is left behind
    folder.post("sleep/03-three.md", "Three", date="2026-01-03")
    tick(site, NOON + HOUR + 2 * MINUTE, "weekly")
    go_on("trial", NOON + HOUR + 2 * MINUTE)
    trial = next(one for one in all_editions(site) if one.trial)
    of_trial = correct(trial, NOON + HOUR + 3 * MINUTE, "It is 4 mg.")
    go_on("trial corrected", NOON + HOUR + 4 * MINUTE)
    _live(site, now=NOON + HOUR + 5 * MINUTE)
    correct(trial, NOON + HOUR + 5 * MINUTE, "It is 5 mg.")
    go_on("live again", NOON + HOUR + 6 * MINUTE)

    assert (of_whole.trial, of_trial.trial) == (False, True)
    assert by_step == {
        "everybody": ["anna", "ben", "cy"],
        "waits": [],
        "trial": ["anna"],
        "trial corrected": ["anna"],
        "live again": ["anna", "anna", "ben", "cy"],
    }


def test_a_course_begins_for_others_once_the_site_is_live(folder: Folder, site: app.Site) -> None:
    """In the trial the parts go to staff; whoever else began gets part 1 on the first live day."""
    folder.post("sleep/03-three.md", "Three", date="2026-01-03")
    series(folder, status="finished")
    site = _make_ready(folder, site)
    start(site, 1, 2, now=SEEN)

    first, second = go(site, MORNING), go(site, MORNING + DAY)
    _live(site, now=MORNING + DAY + HOUR)
    third = go(site, MORNING + 2 * DAY)

    assert [one.partition(":")[0] for one in (*first, *second)] == ["anna", "anna"]
    assert sorted(one.partition(":")[0] for one in third) == ["anna", "ben"]
    parts = rows(
        site, schema.receipts, schema.receipts.c.subscriber_id, schema.receipts.c.edition_id
    )
    assert [sum(one[0] == who for one in parts) for who in (1, 2)] == [3, 1]


def test_what_was_approved_for_staff_is_not_for_everybody(folder: Folder, site: app.Site) -> None:
    """An edition of the trial stays with staff though the site goes live before; the next does not."""
    site = _make_ready(folder, site)
    tick(site, NOON)
    desk, _ = app.open_desk(site, now=NOON)
    digest = site.config.digests["weekly"]
    soon, _ = editing.schedule_one(desk, digest, at=NOON + MINUTE, by="Anna", now=NOON)
    _live(site, now=NOON)
    tick(site, NOON + MINUTE)
    way_out, _ = send(site, NOON + MINUTE)
    ahead = editing.draft_ahead(app.open_desk(site, now=NOON + MINUTE)[0], digest, now=NOON + HOUR)

    assert soon and soon.trial
    assert recipients(way_out) == ["anna"]
    assert ahead and not ahead.trial


def test_a_trial_that_begins_again_stops_what_is_for_everybody(
    folder: Folder, site: app.Site
) -> None:
    """Neither opened nor sent: it waits and is told; live again it goes, to each once."""
    site = _make_ready(folder, site)
    _live(site, now=NOON)
    tick(site, NOON, "weekly")
    with pytest.raises(Refused, match=r"weekly/1|for everybody on its way"):
        app.go_back(site, by="Anna", now=NOON)
    with site.store.write() as tx:
        standing.mark_trial(tx)
    in_trial, told = send(site, NOON)
    _live(site, now=NOON)
    live, _ = send(site, NOON)

    assert recipients(in_trial) == []
    assert [one.code for one in told.problems] == ["edition.trial"]
    assert sorted(recipients(live)) == ["anna", "ben", "cy"]


def test_an_edition_for_everybody_is_not_opened_in_a_trial(folder: Folder, site: app.Site) -> None:
    """Frozen while the site was live and due in the trial, it gives nobody anything."""
    site = _make_ready(folder, site)
    _live(site, now=NOON)
    desk, _ = app.open_desk(site, now=NOON)
    digest = site.config.digests["weekly"]
    editing.schedule_one(desk, digest, at=NOON + MINUTE, by="Anna", now=NOON)
    app.go_back(site, by="Anna", now=NOON)
    problems = tick(site, NOON + MINUTE)

    (edition,) = [one for one in all_editions(site) if not one.trial]
    assert edition.state is EditionState.SCHEDULED
    assert [one.code for one in problems] == ["edition.trial"]
    assert receipts(site) == set()


@on_sqlite
def test_without_the_key_everybody_is_mailed(folder: Folder, site: app.Site) -> None:
    """The default changes no site: three of three, and going live or back is refused."""
    _configure(folder, "")
    site.store.close()
    site = folder.open()
    tick(site, NOON, "weekly")
    way_out, _ = send(site, NOON)

    assert sorted(recipients(way_out)) == ["anna", "ben", "cy"]
    assert app.read_trial(site) == app.Trial(is_configured=False)
    for act in (app.go_live, app.go_back):
        with pytest.raises(Refused):
            act(site, by="Anna", now=NOON)


# --------------------------------------------------------------------------------------- other mail


def _ask(site: app.Site, name: str) -> None:
    wish = subscribing.Wish(
        address=subscribing.read_address(f"{name}@example.net"), wording="Yes.", source="form"
    )
    subscribing.ask(site.store, wish, now=NOON)


def _mail(site: app.Site, now: datetime) -> list[str]:
    way_out = MemoryTransport()
    subscribing.send_notices(
        subscribing.Post(
            config=site.config,
            store=site.store,
            notices=app.make_notices(site.config),
            open_transport=lambda: way_out,
            signer=None,
            clock=lambda: now,
        )
    )
    return recipients(way_out)


def test_a_mail_to_confirm_waits_for_the_site_to_open(folder: Folder, site: app.Site) -> None:
    """Staff get theirs at once; anybody else's is mailed when the site is live, if of use still."""
    site = _make_ready(folder, site)
    for name in ("anna", "dora"):
        _ask(site, name)

    in_trial = _mail(site, NOON)
    waiting = subscribing.has_due_notices(site.config, site.store, now=NOON)
    _live(site, now=NOON + DAY)

    assert (in_trial, waiting) == (["anna"], False)
    assert _mail(site, NOON + DAY) == ["dora"]


@on_sqlite
def test_a_mail_that_waited_too_long_is_given_up(folder: Folder, site: app.Site) -> None:
    """A link that would not work any more is not mailed after the trial."""
    site = _make_ready(folder, site)
    _ask(site, "dora")
    _live(site, now=NOON + 8 * DAY)

    assert _mail(site, NOON + 8 * DAY) == []
    assert [row[0] for row in rows(site, schema.notices, schema.notices.c.state)] == ["failed"]


@on_sqlite
def test_a_test_goes_to_staff_alone(folder: Folder, site: app.Site, free_port: int) -> None:
    """A test to a stranger is refused in words; one to staff goes, and is on the list of what is ready."""
    _configure(folder, port=free_port)
    with smtpd.serve(free_port) as peer:
        refused = folder.run("test", "weekly", "--to", "ben@example.net")
        sent = folder.run("test", "weekly", "--to", "ANNA@example.net")
    site.store.close()
    site = folder.open()
    step = next(one for one in app.list_steps(site, now=NOON) if one.key == "test")
    app.note_arrival(site, by="Anna", now=NOON)
    then = next(one for one in app.list_steps(site, now=NOON) if one.key == "test")

    assert (refused.code, sent.code) == (5, 0)
    assert "in a trial only staff are emailed" in refused.err
    assert peer.recipients() == ["ANNA@example.net"]
    assert not step.is_ready and step.says.endswith("Did it arrive?")
    assert then.is_ready and then.says.startswith("Anna saw it arrive")


# --------------------------------------------------------------------------------------- going live


@on_sqlite
def test_nobody_goes_live_before_it_is_ready(folder: Folder, site: app.Site) -> None:
    """The command tells what is missing, refuses with 5, and is done once with a yes."""
    refused = folder.run("--json", "live", "--yes")
    site = _make_ready(folder, site)
    unsaid = folder.run("live")
    done = folder.json("live", "--yes")
    again = app.go_live(site, by="Bo", now=NOON)
    back = app.go_back(site, by="Anna", now=NOON)
    told = [one.says for one in app.examine(site, now=NOON) if one.name == "Trial"]

    assert refused.code == 5
    codes = [one["code"] for one in refused.data["errors"]]
    assert codes == ["live.postal", "live.https"]
    assert unsaid.code == 5 and "with --yes" in unsaid.err
    missing = [one["key"] for one in done["steps"] if not one["ready"]]
    assert missing == ["dns", "test"]
    assert (done["trial"], back.is_on) == (False, True)
    assert again.live_by == done["live_by"] and not again.is_on
    assert told == ["Only staff are emailed, until an admin goes live."]
    verbs = [one.verb for one in app.read_trail(site, limit=2)]
    assert verbs == ["back-to-trial", "go-live"]


@on_sqlite
def test_a_trial_on_a_real_relay_needs_no_postal_address(folder: Folder, site: app.Site) -> None:
    """Staff are mailed before all is set; everybody is not, without the trial."""
    folder.configure(mail__smtp='host = "192.0.2.1"')
    site.store.close()
    site = folder.open()
    app.refuse_unready(site)
    _live(site, now=NOON)
    with pytest.raises(Refused):
        app.refuse_unready(site)


# --------------------------------------------------------------------------------- mails to sign in


@on_sqlite
def test_a_mail_to_sign_in_waits_for_a_relay_that_is_down(
    folder: Folder, site: app.Site, free_port: int
) -> None:
    """It is tried again, with a link made for that mail; after half an hour it is gone."""
    _configure(folder, port=free_port)
    site.store.close()
    site = folder.open()
    app.mail_sign_in_link(site, "anna@example.net", now=NOON)
    app.mail_sign_in_link(site, "nobody@example.net", now=NOON)
    down = app.send_notices(site, clock=lambda: NOON)
    with smtpd.serve(free_port) as peer:
        later = app.send_notices(site, clock=lambda: NOON + 20 * MINUTE)
        app.mail_sign_in_link(site, "anna@example.net", now=NOON + 20 * MINUTE)
    kept = len(rows(site, schema.notices))
    too_late = app.send_notices(site, clock=lambda: NOON + 60 * MINUTE)
    forget_in_time(site.store, site.config.privacy, now=NOON + 60 * MINUTE)

    assert (down.sent, later.sent, kept) == (0, 1, 2)
    assert peer.recipients() == ["Anna@example.net"]
    assert (too_late.sent, too_late.failed) == (0, 1)
    assert rows(site, schema.notices) == []


# ------------------------------------------------------------------------------- kept for a while


@on_sqlite
def test_old_texts_and_backups_go_and_the_newest_backup_stays(
    folder: Folder, site: app.Site
) -> None:
    """By the job, as configured; a file that bears another name than ours is left alone."""
    use_relay(folder, privacy='keep_drafts = "10d"\nkeep_backups = "10d"')
    site.store.close()
    site = folder.open()
    backups = folder.path / "var" / "backups"
    made = {
        age: app.make_backup(site, by="Anna", now=NOON - timedelta(days=age))[0].name
        for age in (40, 20, 11, 9)
    }
    (backups / "mine.sqlite3").write_bytes(b"")
    for name, age in (("old.md", 11), ("new.md", 9)):
        at = NOON - timedelta(days=age)
        with site.store.write() as tx:
            draft = drafts.Draft(
                editor="Anna",
                path=name,
                began_sha256="0" * 64,
                began=b"",
                text="Begun",
                began_at=at,
                changed_at=at,
            )
            drafts.keep(tx, draft)
    app.publish_once(site, now=NOON, clock=lambda: NOON)
    left = sorted(file.name for file in backups.iterdir())
    app.publish_once(site, now=NOON + 99 * DAY, clock=lambda: NOON + 99 * DAY)
    last = sorted(file.name for file in backups.iterdir())

    assert left == sorted([made[9], "mine.sqlite3"])
    assert last == left
    assert rows(site, schema.drafts, schema.drafts.c.path) == []
