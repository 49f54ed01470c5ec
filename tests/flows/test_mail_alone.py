"""One published post mailed now: to whoever has it not, once, by an edition like any other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from publisher import app, delivering, editing
from publisher.editorial.alone import Readers, tell_readers
from publisher.errors import NotFound, Refused
from publisher.model import Act, EditionState, HeldReason
from publisher.store import hands, schema
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    approve,
    join,
    leave,
    moment,
    recipients,
    rows,
    send,
    shown,
    tick,
    titles,
    use_relay,
)
from tests.flows.test_courses import go, series, start

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.app import Site
    from publisher.editing import Mailing
    from publisher.errors import Problem
    from publisher.model import Edition
    from tests.conftest import Folder

on_one = pytest.mark.parametrize("folder", ["sqlite"], indirect=True)
"""What no database does in another way."""
SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
LATER = SLOT + DAY
NEXT = SLOT + 7 * DAY


def _send_first(folder: Folder, *names: str) -> tuple[Site, list[int]]:
    """Send the first edition, with two posts, to these readers."""
    use_relay(folder)
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post("alone.md", "On its own")
    site = folder.open()
    tick(site, SEEN)
    ids = join(site, *names)
    _go(site, SLOT)
    return site, ids


def _go(site: Site, at: datetime) -> list[str]:
    """Open and send what is due at a moment; return who got mail."""
    tick(site, at)
    return recipients(send(site, at)[0])


def _mail(site: Site, path: str, now: datetime, *, by: str = "Dr Grey") -> Mailing:
    desk, _ = app.open_desk(site, now=now)
    digest = site.config.digests["weekly"]
    return editing.mail_alone(desk, digest, editing.find_published(desk, path), by=by, now=now)


def _refused(site: Site, path: str, now: datetime) -> Problem:
    with pytest.raises((Refused, NotFound)) as info:
        _mail(site, path, now)
    return info.value.problems[0]


def _weekly(site: Site) -> list[Edition]:
    return sorted(all_editions(site), key=lambda one: one.number or 0)


def test_whoever_has_it_not_gets_it_and_the_next_digest_goes_without_it(folder: Folder) -> None:
    """After its minute, once each; not who turned the series off or left; what else is new waits."""
    site, (_, _, dora) = _send_first(folder, "anna", "ben", "dora")
    folder.post("sleep/02-rest.md", "Rest by day")
    folder.post("other.md", "Something else")
    join(site, "gina")
    join(site, "carl", series=("sleep",))
    ahead = NEXT - HOUR
    tick(site, ahead)  # the next edition is drafted, with both
    leave(site, dora, now=ahead)
    made = _mail(site, "sleep/02-rest.md", ahead)
    at_once = _go(site, ahead)
    then = _go(site, ahead + MINUTE)
    again = _go(site, ahead + 2 * MINUTE)
    following = _go(site, NEXT)
    given = rows(site, schema.receipts, schema.receipts.c.subscriber_id, schema.receipts.c.post_id)

    assert made.readers == Readers(reach=3, declined=1, everybody=3)
    assert (made.edition.state, made.edition.fire_at) == (EditionState.SCHEDULED, ahead + MINUTE)
    assert made.content.subject == "Weekly letter: Rest by day"
    assert (at_once, then, again) == ([], ["anna", "ben", "gina"], [])
    assert following == ["anna", "ben", "gina", "carl"]
    assert [(one.name, titles(site, one)) for one in _weekly(site)[1:]] == [
        ("weekly/2", ["Rest by day"]),
        ("weekly/3", ["Something else"]),
    ]
    assert len(given) == len(set(given))


def test_of_two_who_press_at_once_one_makes_it(folder: Folder) -> None:
    """The other is told which edition it is; pressed later, while it waits or is held, so too."""
    site, _ = _send_first(folder, "anna")
    folder.post("sleep/02-rest.md", "Rest by day")
    desks = [app.open_desk(site, now=LATER)[0] for _ in range(2)]
    gate = Barrier(2)

    def press(desk: editing.Desk) -> str:
        post = editing.find_published(desk, "sleep/02-rest")
        gate.wait()
        try:
            made = editing.mail_alone(
                desk, site.config.digests["weekly"], post, by="Ann", now=LATER
            )
        except Refused as error:
            return error.problems[0].got
        return made.edition.name

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(press, desks))
    app.handle_edition(site, _weekly(site)[-1], Act.HOLD, by="Ann", now=LATER)
    held = _refused(site, "sleep/02-rest", LATER + HOUR)

    assert told == ["one that is in weekly/2, which is scheduled", "weekly/2"]
    assert held.got == "one that is in weekly/2, which is held"
    assert held.hint.endswith("publisher edition cancel weekly/2")
    assert [one.name for one in _weekly(site)] == ["weekly/1", "weekly/2"]


@on_one
def test_an_older_post_goes_to_those_who_came_later(folder: Folder) -> None:
    """Receipts decide: who has it is counted and left out; then nobody is left, and nothing is made."""
    site, _ = _send_first(folder, "anna", "ben")
    join(site, "gina")
    made = _mail(site, "posts/sleep/01-worry.md", LATER)
    got = _go(site, LATER + MINUTE)
    over = _refused(site, "sleep/01-worry", LATER + HOUR)

    assert tell_readers(made.readers) == "1 person gets it. 2 have it already."
    assert got == ["gina"]
    assert (over.code, over.got) == ("post.nobody", "nobody: 3 have it already")
    assert len(all_editions(site)) == 2


@on_one
def test_cancelled_in_its_minute_it_is_new_again(folder: Folder) -> None:
    """Nobody is emailed; it can be mailed anew, or comes in the next edition."""
    site, _ = _send_first(folder, "anna")
    folder.post("sleep/02-rest.md", "Rest by day")
    made = [_mail(site, "sleep/02-rest", LATER)]
    app.handle_edition(site, made[0].edition, Act.CANCEL, by="Ann", now=LATER)
    made.append(_mail(site, "sleep/02-rest", LATER))
    app.handle_edition(site, made[1].edition, Act.CANCEL, by="Ann", now=LATER)
    after = _go(site, LATER + HOUR)
    following = _go(site, NEXT)

    assert after == []
    assert following == ["anna"]
    assert [one.state for one in _weekly(site)] == ["sent", "cancelled", "cancelled", "sent"]
    with site.store.read() as tx:
        events = hands.read_events(tx, made[1].edition.id)
    told = [(one.verb, one.by, one.detail) for one in events]
    assert told[0] == ("mail", "Dr Grey", "sleep/02-rest.md alone")
    assert [one[0] for one in told] == ["mail", "approve", "cancel"]


@on_one
def test_what_cannot_be_mailed_is_refused_in_words(folder: Folder) -> None:
    """Unreviewed, a draft, not for email, of an archive, unknown: said why, and nothing is made."""
    site, _ = _send_first(folder, "anna")
    folder.post("draft.md", "Not yet", draft="true")
    folder.post("web.md", "Pages only", channels="[web]")
    folder.post("old.md", "From before")
    tick(site, LATER)
    app.publish_once(site, now=LATER, clock=lambda: LATER, deliver_too=False)
    desk, _ = app.open_desk(site, now=LATER)
    with site.store.write() as tx:
        hands.count_as_sent(tx, [editing.find_published(desk, "old").id])
    folder.configure(review="required = true")
    folder.post("claims.md", "A claim")
    strict = folder.open()
    told = [
        _refused(strict, "claims", LATER),
        *(_refused(site, one, LATER) for one in ("draft", "web", "old", "none")),
    ]

    assert [one.code for one in told] == [
        "post.unpublished",
        "post.unpublished",
        "post.channels",
        "post.sent",
        "post.unknown",
    ]
    assert "review" in told[0].got or "approv" in told[0].got
    assert all(one.hint == "Nothing was made, and no one was emailed." for one in told)
    assert [one.name for one in all_editions(site)] == ["weekly/1"]


@on_one
def test_changed_since_it_was_looked_at_or_frozen_it_does_not_go(folder: Folder) -> None:
    """A text nobody looked at is refused; one edited in the minute is held, and so is a late one."""
    site, _ = _send_first(folder, "anna")
    folder.post("one.md", "One")
    folder.post("two.md", "Two")
    desk, _ = app.open_desk(site, now=LATER)
    post, digest = editing.find_published(desk, "one"), site.config.digests["weekly"]
    with pytest.raises(Refused, match="changed since"):
        editing.mail_alone(desk, digest, post, seen_sha256="0" * 64, by="Ann", now=LATER)
    _mail(site, "one", LATER)
    _mail(site, "two", LATER)
    folder.post("one.md", "One", body="Another text.")
    soon = LATER + MINUTE
    app.publish_once(site, now=soon, clock=lambda: soon, deliver_too=False)
    changed = {name: (state, why) for name, state, why in shown(site)}
    assert approve(site, _weekly(site)[1], soon) == []
    got = _go(site, soon)
    folder.post("three.md", "Three")
    _mail(site, "three", soon)
    late = _go(site, LATER + 3 * DAY)

    assert changed["weekly/2"] == ("held", HeldReason.CHANGED)
    assert changed["weekly/3"] == ("sending", "")
    assert (got, late) == (["anna", "anna"], [])
    assert shown(site)[-1] == ("weekly/4", "held", HeldReason.LATE)


@on_one
def test_as_the_first_edition_it_lets_no_archive_loose(folder: Folder) -> None:
    """What the first edition would have counted as sent counts as sent; the newest are still new."""
    use_relay(folder, digests__weekly='schedule = "every tuesday at 07:30"\nmax_posts = 2')
    for day in range(1, 6):
        folder.post(f"n{day}.md", f"Post {day}", date=f"2026-01-0{day}")
    site = folder.open()
    tick(site, SEEN)
    join(site, "anna")
    _mail(site, "n1", SEEN + HOUR)
    first = _go(site, SEEN + HOUR + MINUTE)
    following = _go(site, SLOT)

    assert first == following == ["anna"]
    assert [titles(site, one) for one in _weekly(site)] == [["Post 1"], ["Post 4", "Post 5"]]


@on_one
def test_whoever_is_on_a_course_of_the_series_is_left_to_it(folder: Folder) -> None:
    """The course brings the part in its turn."""
    site, (_, ben) = _send_first(folder, "anna", "ben")
    folder.post("sleep/02-rest.md", "Rest by day")
    series(folder, status="finished")
    start(site, ben, now=LATER)
    made = _mail(site, "sleep/02-rest", LATER)

    got = go(site, LATER + MINUTE)

    assert tell_readers(made.readers) == (
        "1 person gets it. 1 gets this series as a course, part by part."
    )
    assert "anna: Weekly letter: Rest by day" in got
    assert [one for one in got if one.startswith("ben: Weekly letter")] == []


@on_one
def test_it_swallows_no_correction(folder: Folder) -> None:
    """What was corrected since the last whole edition is told by the next whole one."""
    site, _ = _send_first(folder, "anna")
    join(site, "gina")
    folder.post(
        "sleep/01-worry.md", "Worry at night", updated="2026-11-25", correction="It is 2 mg."
    )
    folder.post("new.md", "News")
    app.publish_once(site, now=LATER, clock=lambda: LATER, deliver_too=False)
    _mail(site, "alone", LATER + DAY)
    alone, following = MemoryTransport(), MemoryTransport()
    for at, way_out in ((LATER + DAY + MINUTE, alone), (NEXT, following)):
        tick(site, at)
        send(site, at, way_out)

    assert recipients(alone) == ["gina"]
    assert b"2 mg" not in alone.accepted[0][1]
    letters = {one.recipient: data for one, data in following.accepted}
    assert "It is 2 mg." in delivering.readable_parts(letters["anna@example.net"])["text"]
