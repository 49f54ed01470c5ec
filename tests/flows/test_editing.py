"""Drafting, approving, freezing, rehearsing, planning: what goes into an edition, and whose word it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from publisher import app, editing
from publisher.editing import drafting, freezing
from publisher.editorial.slots import parse_cron
from publisher.errors import Refused
from publisher.letters import content_sha256
from publisher.model import EditionState, Verdict
from publisher.store import editions
from publisher.subscribing import unsubscribe
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    all_editions,
    approve,
    counts,
    join,
    link_of,
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
    from datetime import datetime

    from publisher.model import Edition, EditionContent
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
WEEK = 7 * DAY
WEEKLY = 'title = "Weekly letter"\nschedule = "every tuesday at 07:30"'
BROKEN = "{{ nothing.there }}"


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with one post and one reader, its digest seen days before its slot."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna")
    tick(site, SEEN)
    return site


def _require_approval(folder: Folder) -> app.Site:
    folder.configure(digests__weekly=f'{WEEKLY}\napproval = "required"')
    return folder.open()


def _drafted(site: app.Site, edition: Edition) -> list[str]:
    """The ids' slugs of an edition's posts, in order, by where they stand in the catalog."""
    desk, _ = app.open_desk(site, now=SLOT)
    by_id = {post.id: post.title for post in desk.catalog.posts}
    with site.store.read() as tx:
        return [by_id[post_id] for post_id, _ in editions.read_posts(tx, edition.id)]


def _content(site: app.Site, edition: Edition) -> EditionContent:
    with site.store.read() as tx:
        return editions.read_content(tx, edition.id)


def _own_template(folder: Folder, text: str, name: str = "letter.html") -> None:
    file = folder.path / "templates" / "letters" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


# ----------------------------------------------------------------------------------------- drafts


def test_a_draft_is_made_when_preparing_begins(site: app.Site) -> None:
    """Before slot less prepare there is no draft; from then on there is one, and nothing goes."""
    tick(site, SLOT - DAY - MINUTE)
    before = shown(site)

    tick(site, SLOT - DAY)

    assert before == []
    assert shown(site) == [("weekly/1", "draft", "")]
    assert verdicts(site) == []


def test_a_draft_follows_the_files(folder: Folder, site: app.Site) -> None:
    """Until it is frozen a draft has what is new: posts join it, leave it and change in it."""
    tick(site, SLOT - DAY)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    tick(site, SLOT - 20 * HOUR)
    joined = _drafted(site, only(site))
    folder.post("sleep/01-one.md", "One, mended", date="2026-11-01")
    folder.post("sleep/02-two.md", "Two", date="2026-11-02", withdrawn='"2026-11-23 wrong"')

    tick(site, SLOT)

    assert joined == ["One", "Two"]
    assert titles(site, only(site)) == ["One, mended"]


def test_a_draft_whose_posts_are_gone_is_removed(folder: Folder, site: app.Site) -> None:
    """A draft with nothing left in it is no edition, and its number is free again."""
    tick(site, SLOT - DAY)
    folder.post("sleep/01-one.md", "One", draft="true")

    tick(site, SLOT - HOUR)

    assert shown(site) == []


def test_the_first_edition_introduces_the_newest_and_the_older_count_as_sent(
    folder: Folder,
) -> None:
    """A first edition brings the newest max_posts in reading order; older ones never come."""
    for day in range(1, 6):
        folder.post(f"p{day}.md", f"Post {day}", date=f"2026-11-0{day}")
    use_relay(folder, digests__weekly=f"{WEEKLY}\nmax_posts = 2")
    site = folder.open()
    tick(site, SEEN)

    tick(site, SLOT)
    tick(site, SLOT + WEEK)

    assert titles(site, only(site)) == ["Post 4", "Post 5"]
    assert verdicts(site)[1][1] == "nothing_new"


def test_a_full_edition_leaves_the_rest_for_the_next_oldest_first(folder: Folder) -> None:
    """After the first, editions take the oldest new posts first; what is too much comes next time."""
    folder.post("zero.md", "Zero", date="2026-10-01")
    use_relay(folder, digests__weekly=f"{WEEKLY}\nmax_posts = 2")
    site = folder.open()
    tick(site, SEEN)
    tick(site, SLOT)
    for day in (28, 25, 26, 27, 29):
        folder.post(f"p{day}.md", f"Post {day}", date=f"2026-11-{day}")

    for week in (1, 2, 3):
        tick(site, SLOT + week * WEEK)

    assert [titles(site, one) for one in all_editions(site)] == [
        ["Zero"],
        ["Post 25", "Post 26"],
        ["Post 27", "Post 28"],
        ["Post 29"],
    ]


def test_a_post_edited_after_it_was_sent_is_not_new(folder: Folder, site: app.Site) -> None:
    """An edit, another title and another date make no second mailing."""
    tick(site, SLOT)
    folder.post("sleep/01-one.md", "Another title", date="2026-11-20", updated="2026-11-25")

    tick(site, SLOT + WEEK)

    assert len(all_editions(site)) == 1


# --------------------------------------------------------------------------------------- freezing


def test_a_frozen_edition_is_what_its_digest_says(site: app.Site) -> None:
    """What was frozen is kept, and content_sha256 is over all of it."""
    tick(site, SLOT)

    edition = only(site)
    content = _content(site, edition)
    assert edition.content_sha256 == content_sha256(content)
    assert edition.content_sha256 != content_sha256(replace(content, crisis="Call 1."))
    assert edition.subject == content.subject == "Weekly letter: One"
    assert content.discreet_subject == "Your weekly reading"
    assert content.dated_on == "2026-11-24"
    assert content.web_url == "http://127.0.0.1:8000/editions/weekly/1/"
    assert (edition.approved_by, edition.approved_at) == ("", None)


def test_an_edit_after_opening_changes_no_letter(folder: Folder, site: app.Site) -> None:
    """What was opened goes as it was frozen, whatever the files say meanwhile."""
    tick(site, SLOT)
    folder.post("sleep/01-one.md", "Edited", date="2026-11-01")
    tick(site, SLOT + MINUTE)

    way_out, _ = send(site, SLOT + MINUTE)

    assert b"Edited" not in way_out.accepted[0][1]
    assert shown(site) == [("weekly/1", "sent", "")]


def test_a_letter_that_fails_fails_its_edition_and_mails_nobody(
    folder: Folder, site: app.Site
) -> None:
    """A template that fails at the slot ends the edition; mended, the next one brings the posts."""
    _own_template(folder, BROKEN)

    told = tick(site, SLOT)
    way_out, _ = send(site, SLOT)
    failed = only(site)
    _own_template(folder, "", "unused.html")
    (folder.path / "templates" / "letters" / "letter.html").unlink()
    tick(site, SLOT + WEEK)

    assert [(problem.code, problem.line) for problem in told] == [("letter.template", 1)]
    assert (str(failed.state), failed.closed_at) == ("failed", SLOT)
    assert "nothing" in failed.reason
    assert way_out.attempts == []
    assert titles(site, all_editions(site)[1]) == ["One"]


def test_a_failure_found_by_two_is_told_once(folder: Folder, site: app.Site) -> None:
    """Only who records a failure tells it."""
    tick(site, SLOT - HOUR)
    _own_template(folder, BROKEN)
    desk, _ = app.open_desk(site, now=SLOT)
    stale = only(site)
    first = tick(site, SLOT)

    second = freezing._settle(desk, site.config.digests["weekly"], stale, now=SLOT)

    assert (len(first), second) == (1, [])


def test_a_draft_that_changed_since_it_was_read_is_not_frozen(
    folder: Folder, site: app.Site
) -> None:
    """Who freezes what is no longer so does nothing; the next tick freezes what is."""
    tick(site, SLOT - HOUR)
    stale = only(site)
    desk, _ = app.open_desk(site, now=SLOT)
    content = editing.current_content(desk, stale)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    tick(site, SLOT - MINUTE)

    frozen = editing.freeze(desk, stale, content, by="", now=SLOT)
    tick(site, SLOT)

    assert not frozen
    assert titles(site, only(site)) == ["One", "Two"]


def test_an_edition_left_without_posts_fails(folder: Folder, site: app.Site) -> None:
    """Where every post was withdrawn between the slot and the freeze there is nothing to send."""
    tick(site, SLOT - HOUR)
    folder.post("sleep/01-one.md", "One", withdrawn='"2026-11-24 wrong"')
    desk, _ = app.open_desk(site, now=SLOT)

    told = editing.settle_drafts(desk, now=SLOT)

    assert [problem.code for problem in told] == ["edition.posts"]
    assert shown(site) == [("weekly/1", "failed", "none of its posts is any more")]


# -------------------------------------------------------------------------------------- approving


def test_a_digest_that_requires_approval_waits_for_it(folder: Folder, site: app.Site) -> None:
    """At the slot an unapproved edition is held; approved, it is sent by the next run."""
    site = _require_approval(folder)

    told = tick(site, SLOT)
    held = shown(site)
    approve(site, only(site), SLOT + 3 * HOUR)
    tick(site, SLOT + 4 * HOUR)
    way_out, _ = send(site, SLOT + 4 * HOUR)

    assert [problem.code for problem in told] == ["edition.unapproved"]
    assert held == [("weekly/1", "held", "unapproved")]
    assert recipients(way_out) == ["anna"]
    assert only(site).approved_by == "Dr Grey"
    assert only(site).approved_at == SLOT + 3 * HOUR


def test_an_approval_ahead_freezes_and_the_edition_goes_at_its_slot(
    folder: Folder, site: app.Site
) -> None:
    """Approved before its slot an edition is fixed: a newer post comes in the next one."""
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")

    tick(site, SLOT - HOUR)
    early = shown(site)
    tick(site, SLOT)

    assert early == [("weekly/1", "scheduled", "")]
    assert shown(site) == [("weekly/1", "sending", "")]
    assert titles(site, only(site)) == ["One"]


def test_an_approval_ahead_does_not_excuse_a_late_start(folder: Folder, site: app.Site) -> None:
    """An edition approved before its slot is held all the same where it starts too late."""
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)

    tick(site, SLOT + 3 * HOUR)

    assert shown(site) == [("weekly/1", "held", "late")]


def test_a_post_edited_after_approval_holds_and_a_second_approval_sends_the_new_text(
    folder: Folder, site: app.Site
) -> None:
    """Nobody gets a text that nobody approved: changed is held, approved again it goes as it is now."""
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)
    folder.post("sleep/01-one.md", "One, edited", date="2026-11-01")

    told = tick(site, SLOT)
    held = shown(site)
    approve(site, only(site), SLOT + MINUTE)
    tick(site, SLOT + 2 * MINUTE)
    way_out, _ = send(site, SLOT + 2 * MINUTE)

    assert [(problem.code, problem.got) for problem in told] == [
        ("edition.changed", "a change since in sleep/01-one.md")
    ]
    assert held == [("weekly/1", "held", "changed")]
    assert b"One, edited" in way_out.accepted[0][1]


def test_templates_edited_after_approval_hold(folder: Folder, site: app.Site) -> None:
    """An approval covers the templates too: with others the letter would not be the approved one."""
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)
    _own_template(folder, "", "unused.html")

    told = tick(site, SLOT)

    assert [problem.got for problem in told] == ["a change since in templates"]


def test_a_withdrawn_post_is_left_out_by_the_second_approval(
    folder: Folder, site: app.Site
) -> None:
    """A post taken back after approval holds the edition; approved again it goes without it."""
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02", withdrawn='"2026-11-24 wrong"')

    tick(site, SLOT)
    approve(site, only(site), SLOT + MINUTE)
    tick(site, SLOT + 2 * MINUTE)

    assert shown(site) == [("weekly/1", "sending", "")]
    assert titles(site, only(site)) == ["One"]


def test_approving_a_frozen_edition_again_follows_the_files(
    folder: Folder, site: app.Site
) -> None:
    """A second approval changes nothing where nothing changed, and freezes anew where a post did."""
    site = _require_approval(folder)
    tick(site, SLOT - DAY)
    approve(site, only(site), SLOT - 20 * HOUR)
    first = only(site)
    approve(site, only(site), SLOT - 10 * HOUR, by="Dr White")
    same = only(site)
    folder.post("sleep/01-one.md", "One, edited", date="2026-11-01")

    approve(site, only(site), SLOT - 5 * HOUR, by="Dr White")

    assert same == first
    assert (only(site).approved_by, str(only(site).state)) == ("Dr White", "scheduled")
    assert titles(site, only(site)) == ["One, edited"]


def test_an_approval_of_a_letter_that_fails_changes_nothing(
    folder: Folder, site: app.Site
) -> None:
    """Who approves is told what is wrong with the letter; the draft stays for its slot."""
    tick(site, SLOT - HOUR)
    _own_template(folder, BROKEN)
    before = only(site)

    told = approve(site, before, SLOT - MINUTE)

    assert [problem.code for problem in told] == ["letter.template"]
    assert only(site) == before


@pytest.mark.parametrize("state", [EditionState.CANCELLED, EditionState.FAILED])
def test_what_is_over_cannot_be_approved(site: app.Site, state: EditionState) -> None:
    """An edition that is over, or being sent, is past approval."""
    tick(site, SLOT - HOUR)
    with site.store.write() as tx:
        editions.move(tx, only(site), state)

    with pytest.raises(Refused, match=f"one that is {state}"):
        approve(site, only(site), SLOT)


def test_an_approval_of_what_changed_meanwhile_is_refused(folder: Folder, site: app.Site) -> None:
    """Who approves what somebody changed a moment ago is told to look again."""
    tick(site, SLOT - HOUR)
    stale = only(site)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    tick(site, SLOT - MINUTE)

    with pytest.raises(Refused, match="that somebody changed"):
        approve(site, stale, SLOT)

    assert only(site).state is EditionState.DRAFT


def test_an_edition_whose_digest_is_gone_cannot_be_approved(
    folder: Folder, site: app.Site
) -> None:
    """Without its table in the configuration an edition has no words to be frozen with."""
    tick(site, SLOT - HOUR)
    folder.settings.pop("digests__weekly")
    folder.configure()

    with pytest.raises(Refused, match=r"a table \[digests.weekly\]"):
        approve(folder.open(), only(site), SLOT)


# ----------------------------------------------------------------------------------- one more, now


def test_now_twice_is_once(site: app.Site) -> None:
    """A second edition right after the first finds nothing new."""
    tick(site, SEEN, digest="weekly")
    tick(site, SEEN + MINUTE, digest="weekly")

    assert shown(site) == [("weekly/1", "sending", "")]


def test_now_again_within_the_second_waits(folder: Folder, site: app.Site) -> None:
    """Two editions of one second would be one slot: what is new then waits for the next run."""
    tick(site, SEEN, digest="weekly")
    folder.post("two.md", "Two", date="2026-11-02")

    tick(site, SEEN, digest="weekly")
    tick(site, SEEN + MINUTE, digest="weekly")

    assert [titles(site, one) for one in all_editions(site)] == [["One"], ["Two"]]


def test_now_takes_the_posts_of_a_waiting_draft(site: app.Site) -> None:
    """What waited for its slot goes now, under the number it had; no empty draft is left."""
    tick(site, SLOT - HOUR)
    waiting = only(site)

    tick(site, SLOT - MINUTE, digest="weekly")
    tick(site, SLOT)

    assert waiting.name == "weekly/1"
    assert [(one.name, one.slot) for one in all_editions(site)] == [
        ("weekly/1", "now:2026-11-24T12:29:00Z")
    ]
    assert verdicts(site)[0][1] == "nothing_new"


def test_now_leaves_what_is_too_much_to_the_draft(folder: Folder, site: app.Site) -> None:
    """An edition more takes the oldest; the draft for the slot keeps the rest and the next number."""
    tick(site, SEEN, digest="weekly")
    folder.configure(digests__weekly=f"{WEEKLY}\nmax_posts = 1")
    site = folder.open()
    folder.post("two.md", "Two", date="2026-11-20")
    folder.post("three.md", "Three", date="2026-11-21")
    tick(site, SLOT - HOUR)

    tick(site, SLOT - MINUTE, digest="weekly")

    assert shown(site)[1:] == [("weekly/2", "sending", ""), ("weekly/3", "draft", "")]
    assert titles(site, all_editions(site)[1]) == ["Two"]
    assert _drafted(site, all_editions(site)[2]) == ["Three"]


def test_now_at_a_due_slot_takes_what_the_slot_left_over(folder: Folder, site: app.Site) -> None:
    """With a slot due and one more asked for, each post goes in one of the two editions."""
    tick(site, SEEN, digest="weekly")
    folder.configure(digests__weekly=f"{WEEKLY}\nmax_posts = 1")
    site = folder.open()
    folder.post("two.md", "Two", date="2026-11-20")
    folder.post("three.md", "Three", date="2026-11-21")

    tick(site, SLOT, digest="weekly")

    assert [titles(site, one) for one in all_editions(site)] == [["One"], ["Two"], ["Three"]]


def test_now_needs_the_approval_that_its_digest_requires(folder: Folder, site: app.Site) -> None:
    """One more edition goes round no approval."""
    site = _require_approval(folder)

    tick(site, SEEN, digest="weekly")

    assert shown(site) == [("weekly/1", "held", "unapproved")]


# ------------------------------------------------------------------------------------- rehearsals


def _rehearse(folder: Folder) -> app.Site:
    folder.configure(mail='transport = "outbox"')
    return folder.open()


def test_what_was_rehearsed_is_new_to_the_live_digest(folder: Folder, site: app.Site) -> None:
    """A rehearsal leaves no receipt, takes no live number, and is not the live digest's first."""
    for day in range(1, 4):
        folder.post(f"p{day}.md", f"Post {day}", date=f"2026-11-0{day}")
    folder.configure(digests__weekly=f"{WEEKLY}\nmax_posts = 2")
    rehearsed = _rehearse(folder)
    tick(rehearsed, SEEN, digest="weekly")
    send(rehearsed, SEEN)
    use_relay(folder)
    live = folder.open()

    tick(live, SEEN + HOUR, digest="weekly")
    way_out, _ = send(live, SEEN + HOUR)
    tick(live, SEEN + 2 * HOUR, digest="weekly")

    assert [(one.name, one.rehearsal) for one in all_editions(live)] == [
        ("weekly/1", True),
        ("weekly/1", False),
    ]
    assert titles(live, all_editions(live)[0]) == titles(live, all_editions(live)[1])
    assert recipients(way_out) == ["anna"]


def test_a_past_slot_that_was_rehearsed_is_never_sent(folder: Folder, site: app.Site) -> None:
    """Changing the transport after a rehearsal sends nothing of its slot, not even approved."""
    rehearsed = _rehearse(folder)
    folder.configure(digests__weekly=f'{WEEKLY}\napproval = "required"')
    rehearsed = folder.open()
    tick(rehearsed, SLOT)
    use_relay(folder)
    live = folder.open()

    tick(live, SLOT + MINUTE)
    with pytest.raises(Refused, match="as when this edition was made"):
        approve(live, only(live), SLOT + MINUTE)
    way_out, _ = send(live, SLOT + MINUTE)

    assert way_out.attempts == []
    assert [(one.name, one.rehearsal, str(one.state)) for one in all_editions(live)] == [
        ("weekly/1", True, "held")
    ]


def test_a_draft_of_a_slot_to_come_becomes_live_with_its_site(
    folder: Folder, site: app.Site
) -> None:
    """What was only drafted, or approved as a rehearsal, is drafted anew for the live slot."""
    rehearsed = _rehearse(folder)
    tick(rehearsed, SLOT - DAY)
    approve(rehearsed, only(rehearsed), SLOT - DAY)
    use_relay(folder)
    live = folder.open()

    tick(live, SLOT - HOUR)
    draft = only(live)
    tick(live, SLOT)

    assert (draft.rehearsal, str(draft.state)) == (False, "draft")
    assert (only(live).rehearsal, str(only(live).state)) == (False, "sending")
    assert _content(live, only(live)).rehearsal is False


def test_now_of_a_live_site_takes_what_a_rehearsal_had_drafted(
    folder: Folder, site: app.Site
) -> None:
    """A rehearsal's draft for a slot to come keeps nothing from a live edition, and is gone then."""
    tick(_rehearse(folder), SLOT - HOUR)
    use_relay(folder)
    live = folder.open()

    tick(live, SLOT - MINUTE, digest="weekly")

    assert [(one.name, one.rehearsal) for one in all_editions(live)] == [("weekly/1", False)]
    assert titles(live, only(live)) == ["One"]


def test_a_live_edition_waits_while_the_site_rehearses(folder: Folder, site: app.Site) -> None:
    """A live draft is neither frozen nor opened by a rehearsing site, and goes once it is live again."""
    tick(site, SLOT - HOUR)
    desk, _ = app.open_desk(site, now=SLOT)
    drafting.decide_due_slots(desk, site.config.digests["weekly"], seen_at=SEEN, now=SLOT)
    rehearsing = _rehearse(folder)

    tick(rehearsing, SLOT + MINUTE)
    waiting = all_editions(rehearsing)[0]
    use_relay(folder)
    tick(folder.open(), SLOT + 2 * MINUTE)

    assert (waiting.rehearsal, str(waiting.state)) == (False, "draft")
    assert str(all_editions(site)[0].state) == "sending"


# --------------------------------------------------------------------------------------- planning


def _plan(
    site: app.Site, now: datetime, until: datetime | None = None
) -> list[editing.PlannedEdition]:
    desk, shelf = app.open_desk(site, now=now)
    weekly = site.config.digests["weekly"]
    return editing.plan(desk, weekly, shelf.catalog_at, now=now, until=until)


def test_plan_says_what_the_next_slot_sends_and_why(folder: Folder, site: app.Site) -> None:
    """The next edition is told with each post's verdict and how many get which letter."""
    join(site, "ben", series=("sleep",))
    join(site, "carla", series=("sleep", "worry"))
    folder.post("worry/01-loose.md", "Loose", date="2026-11-02")
    folder.post("later.md", "Later", date="2027-01-01")

    (planned,) = _plan(site, SLOT - HOUR)

    verdict_of = {ruling.path: ruling.verdict for ruling in planned.rulings}
    assert (planned.fire_at, planned.state, planned.audience) == (SLOT, "planned", 2)
    assert sorted(planned.letters.values()) == [1, 1]
    assert verdict_of == {
        "sleep/01-one.md": Verdict.INCLUDED,
        "worry/01-loose.md": Verdict.INCLUDED,
        "later.md": Verdict.FUTURE,
    }


def test_plan_until_a_date_gives_each_post_once(folder: Folder, site: app.Site) -> None:
    """Over several slots every post stands in one edition, as the catalog will then be."""
    folder.post("later.md", "Later", date="2026-12-01")

    planned = _plan(site, SLOT - HOUR, SLOT + 2 * WEEK)

    included = [
        [ruling.title for ruling in one.rulings if ruling.verdict is Verdict.INCLUDED]
        for one in planned
    ]
    assert included == [["One"], ["Later"], []]
    assert [one.audience for one in planned] == [1, 1, 0]


def test_plan_of_a_frozen_edition_is_what_was_frozen(folder: Folder, site: app.Site) -> None:
    """An approved edition is planned as approved; what is new since comes later."""
    tick(site, SLOT - HOUR)
    approve(site, only(site), SLOT - HOUR)
    folder.post("two.md", "Two", date="2026-11-02")
    folder.post("three.md", "Three", date="2027-01-01")

    (planned,) = _plan(site, SLOT - MINUTE)

    assert planned.state == "scheduled"
    assert planned.audience == 1
    assert {ruling.path: str(ruling.verdict) for ruling in planned.rulings} == {
        "sleep/01-one.md": "included",
        "two.md": "later",
        "three.md": "future",
    }


def test_plan_of_a_schedule_without_slots_is_empty(folder: Folder, site: app.Site) -> None:
    """A date that no year has plans nothing, drafts nothing and breaks nothing."""
    schedule = parse_cron("30 7 30 2 *", "America/New_York")
    weekly = replace(site.config.digests["weekly"], schedule=schedule)
    never = replace(site, config=replace(site.config, digests={"weekly": weekly}))

    tick(never, SLOT)

    assert _plan(never, SLOT) == []
    assert shown(never) == []


def test_preview_shows_what_the_slot_will_send(site: app.Site) -> None:
    """The preview at the slot is the content that the slot freezes, number and date included."""
    tick(site, SLOT - HOUR)
    desk, _ = app.open_desk(site, now=SLOT)

    content = editing.preview(desk, site.config.digests["weekly"], at=SLOT)
    tick(site, SLOT)

    assert content == _content(site, only(site))


def test_preview_with_nothing_new_shows_the_newest(folder: Folder, site: app.Site) -> None:
    """Where everything was sent there is still a letter to see, numbered as the next one."""
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    tick(site, SLOT)
    desk, _ = app.open_desk(site, now=SLOT)

    content = editing.preview(desk, site.config.digests["weekly"], at=SLOT)

    assert [post.title for post in content.posts] == ["One", "Two"]
    assert content.number == 2


# ---------------------------------------------------------------------------------------- content


def test_a_full_text_is_fit_for_mail(folder: Folder, site: app.Site) -> None:
    """A whole post in a letter has absolute addresses, pictures as words with a link, and its notes."""
    folder.configure(digests__weekly=f'{WEEKLY}\ncontent = "full"')
    full = folder.open()
    bundle = folder.post(
        "sleep/02-two/index.md",
        "Two",
        date="2026-11-02",
        body=(
            "See [part one](/sleep/one/) and a note[^1].\n\n![A lamp & a bed](lamp.png)\n\n"
            "[![A map](lamp.png)](https://example.com/map)\n\n[^1]: A book, [here](/archive/).\n"
        ),
    ).parent
    (bundle / "lamp.png").write_bytes(_png())

    tick(full, SLOT)

    two = _content(full, only(full)).posts[1]
    site_url = "http://127.0.0.1:8000"
    assert f'href="{site_url}/sleep/one/"' in two.html
    assert f'<a href="{site_url}/sleep/two/">Picture: A lamp &amp; a bed</a>' in two.html
    assert f'href="{site_url}/sleep/two/#note-1"' in two.html
    assert f'href="{site_url}/archive/"' in two.html
    assert '<a href="https://example.com/map">Picture: A map</a>' in two.html
    assert "<img" not in two.html
    assert "References" in two.text


def test_a_summary_letter_carries_no_text(site: app.Site) -> None:
    """By default a letter has the summary and where to read on."""
    tick(site, SLOT)

    (one,) = _content(site, only(site)).posts
    assert (one.html, one.text) == ("", "")
    assert one.url == "http://127.0.0.1:8000/sleep/one/"
    assert one.summary


def test_everybody_left_out_is_an_edition_to_nobody(site: app.Site) -> None:
    """An edition that nobody gets is sent to nobody, with numbers that say so."""
    unsubscribe(site.store, link_of(site, 1), now=SEEN)

    tick(site, SLOT)
    send(site, SLOT)

    assert shown(site) == [("weekly/1", "sent", "")]
    assert (only(site).audience, counts(site, only(site))) == (0, {})
    assert only(site).closed_at == SLOT


def _png() -> bytes:
    return bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
        "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
    )
