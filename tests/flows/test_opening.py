"""Opening an edition: a letter for each distinct set of its posts, receipts, and whom it goes to."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from publisher import app, delivering
from publisher.editing import opening
from publisher.letters import Letters
from publisher.model import Deferred, EditionState, Phase, Rejected
from publisher.store import editions, schema
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    approve,
    counts,
    join,
    leave,
    moment,
    only,
    receipts,
    recipients,
    rows,
    send,
    shown,
    tick,
    titles,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.model import EditionContent, Letter
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
WEEK = 7 * DAY
REFUSED = Rejected(code=552, reply="too large for you", enhanced="5.3.4", phase=Phase.DATA)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with a post of each of two series and a loose one, its digest seen before its slot."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    folder.post("worry/01-two.md", "Two", date="2026-11-02")
    folder.post("three.md", "Three", date="2026-11-03")
    use_relay(folder)
    site = folder.open()
    tick(site, SEEN)
    return site


def _letters(site: app.Site) -> dict[str, int]:
    """How many get which posts, by their titles."""
    desk, _ = app.open_desk(site, now=SLOT + 9 * WEEK)
    title_of = {post.id: post.title for post in desk.catalog.posts}
    edition = all_editions(site)[-1]
    found: dict[str, int] = {}
    with site.store.read() as tx:
        for letter_id in editions.letter_ids(tx, edition.id).values():
            letter = editions.read_letter(tx, edition.id, letter_id)
            found[" ".join(title_of[one] for one in letter.post_ids)] = letter_id
    columns = schema.deliveries.c
    written = rows(site, schema.deliveries, columns.edition_id, columns.letter_id)
    given = [row[1] for row in written if row[0] == edition.id]
    return {name: given.count(letter_id) for name, letter_id in found.items()}


def _preview(folder: Folder, name: str) -> str:
    folder.run("preview", "weekly", "--for", f"{name}@example.net", "--out", str(folder.path))
    return (folder.path / "letter.txt").read_text("utf-8")


def _two_digests(folder: Folder) -> app.Site:
    folder.configure(digests__eve='title = "Eve"\nschedule = "every monday at 07:30"')
    return folder.open()


# --------------------------------------------------------------------------------------- the sets


def test_each_distinct_set_of_posts_is_one_letter(site: app.Site) -> None:
    """Readers who left out the same series share a letter; who left out everything gets none."""
    join(site, "anna", "ben")
    join(site, "carla", "dora", series=("sleep",))
    join(site, "emil", series=("sleep", "worry"))
    join(site, "fay", series=("another",))

    tick(site, SLOT)

    assert _letters(site) == {"One Two Three": 3, "Two Three": 2, "Three": 1}
    assert (only(site).audience, only(site).letters) == (6, 3)


def test_who_left_out_every_series_of_an_edition_gets_nothing(
    folder: Folder, site: app.Site
) -> None:
    """A reader without a post in the edition is no part of its audience."""
    join(site, "anna", series=("sleep",))
    join(site, "ben")
    tick(site, SLOT)
    send(site, SLOT)
    folder.post("sleep/02-more.md", "More", date="2026-11-25")

    tick(site, SLOT + WEEK)
    way_out, _ = send(site, SLOT + WEEK)

    assert all_editions(site)[1].audience == 1
    assert recipients(way_out) == ["ben"]


def test_a_digest_goes_to_those_who_chose_it(folder: Folder, site: app.Site) -> None:
    """No choice means every digest; a choice means only those chosen."""
    site = _two_digests(folder)
    join(site, "anna")
    join(site, "ben", digests=("weekly",))
    join(site, "carla", digests=("eve",))

    tick(site, SLOT)
    way_out, _ = send(site, SLOT)

    weekly = [one for one in all_editions(site) if one.digest == "weekly"]
    assert weekly[0].audience == 2
    assert recipients(way_out)[:2] == ["anna", "ben"]


def test_more_than_two_hundred_letters_are_held(folder: Folder) -> None:
    """With over 200 distinct sets nobody is mailed and no row is written until a person says so."""
    names = [f"s{n}" for n in range(8)]
    for name in names:
        folder.post(f"{name}/01-one.md", f"Post of {name}")
    use_relay(folder)
    site = folder.open()
    sets = [left for size in range(8) for left in combinations(names, size)][:201]
    for n, left in enumerate(sets):
        join(site, f"reader{n}", series=left)
    tick(site, SEEN)

    told = tick(site, SLOT)

    assert [problem.code for problem in told] == ["edition.versions"]
    assert shown(site) == [("weekly/1", "held", "versions")]
    assert counts(site, only(site)) == {}
    assert rows(site, schema.letters) == []


def test_an_approval_lets_many_letters_go(site: app.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held for its number of letters, an edition that a person approves is opened with all of them."""
    monkeypatch.setattr(opening, "MOST_LETTERS", 2)
    join(site, "anna")
    join(site, "ben", series=("sleep",))
    join(site, "carla", series=("worry",))
    tick(site, SLOT)
    held = shown(site)

    approve(site, only(site), SLOT + MINUTE)
    tick(site, SLOT + 2 * MINUTE)

    assert held == [("weekly/1", "held", "versions")]
    assert shown(site) == [("weekly/1", "sending", "")]
    assert only(site).letters == 3


def test_letters_found_too_many_in_a_later_batch_are_undone(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the first batches do not keep their readers: approved anew, each gets one letter."""
    monkeypatch.setattr(opening, "MOST_LETTERS", 1)
    monkeypatch.setattr(opening, "OPENING_BATCH", 1)
    join(site, "anna")
    join(site, "ben", series=("sleep",))
    tick(site, SLOT)
    written = counts(site, only(site))

    approve(site, only(site), SLOT + MINUTE)
    tick(site, SLOT + 2 * MINUTE)
    way_out, _ = send(site, SLOT + 2 * MINUTE)

    assert written == {"pending": 1}
    assert recipients(way_out) == ["anna", "ben"]
    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_letter_that_fails_for_some_holds_the_edition(folder: Folder, site: app.Site) -> None:
    """A template that fails for one set only mails nobody; mended and approved, everybody gets it."""
    template = folder.path / "templates" / "letters" / "letter.html"
    template.parent.mkdir(parents=True)
    shipped = (app.template_paths(site.config)[-1] / "letters" / "letter.html").read_text("utf-8")
    template.write_text(shipped + "{% if items | length == 1 %}{{ nothing }}{% endif %}", "utf-8")
    join(site, "anna")
    join(site, "ben", series=("sleep", "worry"))

    told = tick(site, SLOT)
    held = shown(site)
    template.unlink()
    approve(site, only(site), SLOT + MINUTE)
    tick(site, SLOT + 2 * MINUTE)

    assert [problem.code for problem in told] == ["edition.preflight"]
    assert "'nothing' is undefined" in told[0].got
    assert held == [("weekly/1", "held", "preflight")]
    assert counts(site, only(site)) == {"pending": 2}


def test_who_has_part_one_is_not_led_to_it(folder: Folder, site: app.Site) -> None:
    """Who never got part 1 is offered it; who has it gets the same posts without; rehearsals apart."""
    join(site, "anna")
    tick(site, SLOT)
    send(site, SLOT)
    join(site, "ben")
    folder.post("sleep/02-next.md", "Next", date="2026-11-25")

    previewed = [_preview(folder, "anna"), _preview(folder, "ben")]
    tick(site, SLOT + WEEK)
    way_out, _ = send(site, SLOT + WEEK)

    mails = {
        envelope.recipient: delivering.readable_parts(data) for envelope, data in way_out.accepted
    }
    start = "Start “Sleep” from part 1"
    for kind in ("html", "text"):
        assert start not in mails["anna@example.net"][kind]
        assert start in mails["ben@example.net"][kind]
    assert [start in text for text in previewed] == [False, True]
    assert (all_editions(site)[-1].audience, all_editions(site)[-1].letters) == (2, 2)


def test_each_letter_is_inlined_once(site: app.Site, inlinings: list[str]) -> None:
    """From slot to wire the costly step runs once a letter, however many people get it."""
    join(site, *(f"reader{number}" for number in range(20)))
    join(site, *(f"other{number}" for number in range(20)), series=("sleep",))

    tick(site, SLOT)
    way_out, _ = send(site, SLOT)

    assert only(site).letters == 2
    assert len(way_out.accepted) == 40
    assert len(inlinings) == 2


# ---------------------------------------------------------------------------------------- batches


def test_an_opening_goes_on_batch_after_batch(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many people are written in several transactions, each once, with their receipts."""
    monkeypatch.setattr(opening, "OPENING_BATCH", 2)
    everybody = join(site, "anna", "ben", "carla", "dora", "emil")

    tick(site, SLOT)

    assert only(site).audience == 5
    assert counts(site, only(site)) == {"pending": 5}
    assert receipts(site) == set(everybody)


def test_others_write_while_letters_are_rendered(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rendering holds no transaction: who leaves meanwhile is heard at once, and gets nothing."""
    anna, _ = join(site, "anna", "ben")
    real = Letters.render

    def render(
        self: Letters, content: EditionContent, post_ids: Sequence[str], known: Sequence[str] = ()
    ) -> Letter:
        leave(site, anna, now=SLOT)
        return real(self, content, post_ids, known)

    monkeypatch.setattr(Letters, "render", render)
    tick(site, SLOT)

    assert counts(site, only(site)) == {"pending": 1}


def test_an_opening_stops_where_somebody_took_the_edition_away(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edition held between two batches gets no more rows, and is not sent."""
    monkeypatch.setattr(opening, "OPENING_BATCH", 1)
    join(site, "anna", "ben", "carla")
    write = opening._write_batch

    def write_and_hold(tx: object, edition: object, *rest: object) -> None:
        write(tx, edition, *rest)  # type: ignore[arg-type]
        current = editions.read_one(tx, edition.id)  # type: ignore[arg-type, attr-defined]
        editions.move(tx, current, EditionState.HELD, reason="staff")  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "_write_batch", write_and_hold)

    told = tick(site, SLOT)

    assert told == []
    assert shown(site) == [("weekly/1", "held", "staff")]
    assert counts(site, only(site)) == {"pending": 1}


def test_an_opening_that_two_begin_is_done_once(site: app.Site) -> None:
    """Who comes second to an opening leaves it to the first."""
    join(site, "anna")
    tick(site, SLOT - HOUR)
    approve(site, only(site), SLOT - HOUR)
    stale = only(site)
    tick(site, SLOT)
    desk, _ = app.open_desk(site, now=SLOT)

    told = opening._open(desk, stale, now=SLOT)

    assert told == []
    assert counts(site, only(site)) == {"pending": 1}


def test_a_hold_that_comes_second_is_not_told(site: app.Site) -> None:
    """Only who holds an edition says so."""
    join(site, "anna")
    tick(site, SLOT - HOUR)
    approve(site, only(site), SLOT - HOUR)
    stale = only(site)
    tick(site, SLOT)
    desk, _ = app.open_desk(site, now=SLOT + 3 * HOUR)

    told = opening._open(desk, stale, now=SLOT + 3 * HOUR)

    assert told == []
    assert shown(site) == [("weekly/1", "sending", "")]


def test_who_joins_after_the_opening_waits_for_the_next_edition(
    folder: Folder, site: app.Site
) -> None:
    """The audience is fixed when the opening begins."""
    join(site, "anna")
    tick(site, SLOT)
    join(site, "late")
    way_out, _ = send(site, SLOT)
    folder.post("four.md", "Four", date="2026-11-25")

    tick(site, SLOT + WEEK)
    send(site, SLOT + WEEK, way_out)

    assert recipients(way_out) == ["anna", "anna", "late"]


# --------------------------------------------------------------------------------------- receipts


def test_nobody_gets_a_post_by_two_digests(folder: Folder, site: app.Site) -> None:
    """What one digest brought the other leaves out; who has all of it gets no second letter."""
    site = _two_digests(folder)
    join(site, "anna")
    join(site, "ben", digests=("eve",))
    tick(site, SEEN)

    tick(site, SLOT - DAY)  # the other digest goes first, to both
    first, _ = send(site, SLOT - DAY)
    folder.post("four.md", "Four", date="2026-11-24")
    tick(site, SLOT)
    weekly = [one for one in all_editions(site) if one.digest == "weekly"][-1]
    second, _ = send(site, SLOT)

    assert recipients(first) == ["anna", "ben"]
    assert titles(site, weekly) == ["One", "Two", "Three", "Four"]
    assert recipients(second) == ["anna"]
    assert b"Four" in second.accepted[0][1]
    assert _letters(site) == {"Four": 1}


@pytest.mark.parametrize("end", ["rejected", "suppressed", "expired"])
def test_an_end_that_leaves_a_mail_unsent_gives_the_posts_back(
    folder: Folder, site: app.Site, end: str
) -> None:
    """Rejected, suppressed or expired, the reader has not got the posts: another digest may bring them."""
    (anna,) = join(site, "anna")
    tick(site, SLOT)
    had = receipts(site)
    later = SLOT
    if end == "rejected":
        send(site, SLOT, MemoryTransport([REFUSED]))
    elif end == "suppressed":
        leave(site, anna, now=SLOT)
        send(site, SLOT)
    else:
        busy = Deferred(code=451, reply="later", phase=Phase.RCPT)
        send(site, SLOT, MemoryTransport([busy]))
        later = SLOT + 49 * HOUR
        send(site, later)

    assert had == {anna}
    assert counts(site, only(site)) == {end: 1}
    assert receipts(site) == set()


def test_a_reader_whose_mail_was_rejected_gets_the_posts_by_another_digest(
    folder: Folder, site: app.Site
) -> None:
    """The receipt that came back makes the posts new for that reader, and for nobody else."""
    site = _two_digests(folder)
    join(site, "anna", "ben")
    tick(site, SEEN)
    tick(site, SLOT - DAY)
    send(site, SLOT - DAY, MemoryTransport([REFUSED]))

    tick(site, SLOT)
    way_out, _ = send(site, SLOT)

    assert recipients(way_out) == ["anna"]
