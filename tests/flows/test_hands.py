"""Staff's hand on editions: at most the mail on the wire goes, nobody gets a post twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from publisher import app
from publisher.errors import NotFound, Refused
from publisher.model import (
    Accepted,
    Act,
    Deferred,
    DeliveryState,
    EditionState,
    Phase,
    Uncertain,
)
from publisher.store import editions, hands, ledger
from tests.fakes import MemoryTransport
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    approve,
    counts,
    join,
    moment,
    only,
    receipts,
    recipients,
    send,
    shown,
    tick,
    titles,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from publisher.model import Envelope, Outcome
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
BEFORE = moment("2026-11-23 13:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
BUSY = Deferred(code=451, reply="later", phase=Phase.RCPT)
LOST = Uncertain(reply="the connection ended")
EVERYBODY = ["anna", "ben", "carla", "dora"]


def _act(site: app.Site, act: Act, now: Any = SLOT, *, by: str = "Dr Grey") -> Any:
    return app.handle_edition(site, only(site), act, by=by, now=now)


def _resolve(site: app.Site, as_: Any, now: Any = SLOT, *, address: str | None = None) -> Any:
    return app.resolve_edition(site, only(site), as_, address=address, by="Dr Grey", now=now)


def _history(site: app.Site) -> list[tuple[str, str, str]]:
    with site.store.read() as tx:
        return [(one.by, one.verb, one.detail) for one in hands.read_events(tx, only(site).id)]


class Interrupting(MemoryTransport):
    """Accepts every mail; with one of them on the wire, staff do something."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._at, self._act = at, act

    @override
    def send(self, envelope: Envelope, data: bytes) -> Outcome:
        if len(self.attempts) == self._at:
            self._act()
        return super().send(envelope, data)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with a draft for its coming slot, and four readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, *EVERYBODY)
    tick(site, SEEN)
    tick(site, BEFORE)
    return site


@pytest.fixture
def opened(site: app.Site) -> app.Site:
    """The same, open to its readers."""
    tick(site, SLOT)
    assert only(site).state == "sending"
    return site


# --------------------------------------------------------------------------------- hold, release


def test_held_draft_stays_when_its_slot_comes_and_follows_its_posts_again(
    folder: Folder, site: app.Site
) -> None:
    """A held draft does not go at its slot; released before that it goes, with what is new."""
    _act(site, Act.HOLD, BEFORE)
    tick(site, BEFORE + HOUR)
    held = shown(site)
    _act(site, Act.RELEASE, BEFORE + HOUR)
    folder.post("sleep/02-two.md", "Two", date="2026-11-02")
    tick(site, SLOT)

    assert held == [("weekly/1", "held", "staff")]
    assert titles(site, only(site)) == ["One", "Two"]
    assert recipients(send(site, SLOT)[0]) == EVERYBODY


def test_held_draft_released_after_its_slot_goes_at_once(site: app.Site) -> None:
    """Days late it is neither held as late nor expired: a person let it go."""
    _act(site, Act.HOLD, BEFORE)
    tick(site, SLOT)
    late = SLOT + 3 * DAY
    done = _act(site, Act.RELEASE, late)
    tick(site, late)
    way_out, _ = send(site, late)

    assert done.changed
    assert recipients(way_out) == EVERYBODY
    assert only(site).state == "sent"
    assert _history(site) == [
        ("Dr Grey", "hold", ""),
        ("Dr Grey", "approve", only(site).content_sha256[:12]),
    ]


def test_frozen_edition_is_held_and_goes_as_it_was_frozen(folder: Folder, site: app.Site) -> None:
    """What is approved, held and released goes at its slot, unchanged."""
    approve(site, only(site), BEFORE)
    sha256 = only(site).content_sha256
    _act(site, Act.HOLD, BEFORE)
    held = only(site).state
    _act(site, Act.RELEASE, BEFORE)
    released = only(site).state
    tick(site, SLOT)

    assert (held, released) == ("held", "scheduled")
    assert only(site).state == "sending"
    assert only(site).content_sha256 == sha256


def test_changed_edition_is_released_with_the_approved_text(
    folder: Folder, site: app.Site
) -> None:
    """A post edited after approval holds the edition; release sends what was approved."""
    approve(site, only(site), BEFORE)
    folder.post("sleep/01-one.md", "One, edited", date="2026-11-01")
    tick(site, SLOT)
    held = shown(site)
    _act(site, Act.RELEASE)
    tick(site, SLOT + MINUTE)
    way_out, _ = send(site, SLOT + MINUTE)

    assert held == [("weekly/1", "held", "changed")]
    assert titles(site, only(site)) == ["One"]
    assert recipients(way_out) == EVERYBODY


def test_half_opened_edition_is_held_and_goes_on(site: app.Site) -> None:
    """An edition whose rows are being made can be held; released, it is opened to the end, once."""
    approve(site, only(site), BEFORE)
    with site.store.write() as tx:
        assert ledger.begin_opening(tx, only(site), now=SLOT)
    _act(site, Act.HOLD)
    tick(site, SLOT)
    held = shown(site)
    _act(site, Act.RELEASE)
    tick(site, SLOT)

    assert held == [("weekly/1", "held", "staff")]
    assert recipients(send(site, SLOT)[0]) == EVERYBODY


def test_release_is_no_approval(folder: Folder, site: app.Site) -> None:
    """Where a digest asks for approval the refusal names that command, and nothing changes."""
    folder.configure(
        digests__weekly='title = "Weekly"\nschedule = "every tuesday at 07:30"\n'
        'approval = "required"'
    )
    site = folder.open()
    tick(site, SLOT)
    with pytest.raises(Refused) as told:
        _act(site, Act.RELEASE)

    assert shown(site) == [("weekly/1", "held", "unapproved")]
    assert "publisher edition approve weekly/1" in told.value.problems[0].hint


def test_release_of_a_letter_that_cannot_be_made_is_refused(
    folder: Folder, site: app.Site
) -> None:
    """The problem is told, and the edition stays held."""
    _act(site, Act.HOLD, BEFORE)
    broken = folder.path / "templates" / "letters" / "letter.html"
    broken.parent.mkdir(parents=True)
    broken.write_text("{{ nothing }}", "utf-8")
    with pytest.raises(Refused, match=r"letter\.html"):
        _act(site, Act.RELEASE)

    assert only(site).state == "held"


# --------------------------------------------------------------------------------- pause, resume


@pytest.mark.parametrize("at", range(4))
def test_pause_acts_from_the_next_mail_on(opened: app.Site, at: int) -> None:
    """With a mail on the wire that one is finished and recorded; the rest waits for resume."""
    way_out, _ = send(opened, SLOT, Interrupting(at, lambda: _act(opened, Act.PAUSE)))
    paused = only(opened).state, recipients(way_out)
    again, _ = send(opened, SLOT)
    _act(opened, Act.RESUME)
    rest, _ = send(opened, SLOT)

    # After the last mail the edition is paused all the same, and ends once it is resumed.
    assert paused == ("paused", EVERYBODY[: at + 1])
    assert recipients(again) == []
    assert recipients(way_out) + recipients(rest) == EVERYBODY
    assert only(opened).state == "sent"


def test_pause_and_resume_a_hundred_times_changes_nobody(opened: app.Site) -> None:
    """The set of readers stays, and nobody is mailed twice."""
    way_out = MemoryTransport()
    for n in range(100):
        _act(opened, Act.PAUSE)
        _act(opened, Act.RESUME)
        if n % 25 == 0:
            one = Interrupting(0, lambda: _act(opened, Act.PAUSE))
            send(opened, SLOT, one)
            way_out.attempts += one.attempts
            _act(opened, Act.RESUME)
    send(opened, SLOT, way_out)

    assert recipients(way_out) == EVERYBODY
    assert receipts(opened) == {1, 2, 3, 4}


# ---------------------------------------------------------------------------------------- cancel


@pytest.mark.parametrize("at", range(4))
def test_cancel_acts_from_the_next_mail_on(opened: app.Site, at: int) -> None:
    """What was accepted stays, what had not begun is cancelled and its receipts are given back."""
    way_out, _ = send(opened, SLOT, Interrupting(at, lambda: _act(opened, Act.CANCEL)))
    again, _ = send(opened, SLOT + HOUR)

    left = 3 - at
    expected = {"accepted": at + 1} | ({"cancelled": left} if left else {})
    assert recipients(way_out) == EVERYBODY[: at + 1]
    assert recipients(again) == []
    assert shown(opened) == [("weekly/1", "cancelled", "")]
    assert counts(opened, only(opened)) == expected
    assert receipts(opened) == set(range(1, at + 2))


def test_next_edition_brings_the_posts_of_a_cancelled_one_to_those_who_lack_them(
    opened: app.Site,
) -> None:
    """Cancelled half way, its posts are new again; whoever was emailed does not get them twice."""
    first, _ = send(opened, SLOT, Interrupting(1, lambda: _act(opened, Act.CANCEL)))
    tick(opened, SLOT + 7 * DAY)
    second, _ = send(opened, SLOT + 7 * DAY)

    assert recipients(first) == ["anna", "ben"]
    assert recipients(second) == ["carla", "dora"]
    assert shown(opened) == [("weekly/1", "cancelled", ""), ("weekly/2", "sent", "")]


def test_cancelled_mail_that_is_deferred_ends_too(opened: app.Site) -> None:
    """What was on the wire as the edition was cancelled is not tried again."""
    way_out = Interrupting(0, lambda: _act(opened, Act.CANCEL))
    way_out._script.append(BUSY)
    send(opened, SLOT, way_out)

    assert counts(opened, only(opened)) == {"cancelled": 4}
    assert receipts(opened) == set()


@pytest.mark.parametrize("state", ["draft", "scheduled", "ready", "sending", "paused", "held"])
def test_cancel_before_the_start_emails_no_one_and_frees_the_posts(
    site: app.Site, state: str
) -> None:
    """In each state before an end cancel is the end; its posts go in the next edition."""
    if state == "scheduled":
        approve(site, only(site), BEFORE)
    elif state == "held":
        _act(site, Act.HOLD, BEFORE)
    elif state != "draft":
        approve(site, only(site), BEFORE)
        with site.store.write() as tx:
            assert ledger.begin_opening(tx, only(site), now=SLOT)
        if state != "ready":
            tick(site, SLOT)
        if state == "paused":
            _act(site, Act.PAUSE)
    before = only(site).state
    done = _act(site, Act.CANCEL)
    way_out, _ = send(site, SLOT)
    tick(site, SLOT + 7 * DAY)
    later, _ = send(site, SLOT + 7 * DAY)

    assert (before, done.edition.state) == (state, "cancelled")
    assert done.edition.closed_at == SLOT
    assert recipients(way_out) == []
    assert recipients(later) == EVERYBODY


def test_each_act_twice_is_each_act_once(opened: app.Site) -> None:
    """Said again, an act changes nothing, is no mistake, and stands in the history once."""
    for act in (Act.PAUSE, Act.RESUME, Act.CANCEL):
        assert _act(opened, act).changed
        assert not _act(opened, act).changed

    assert [verb for _, verb, _ in _history(opened)] == ["pause", "resume", "cancel"]


def test_refusal_names_the_state_who_and_what_can_be_done(opened: app.Site) -> None:
    """Staff who come second read what the first did, and when; nothing is changed."""
    _act(opened, Act.CANCEL, by="anna")
    with pytest.raises(Refused) as told:
        _act(opened, Act.RESUME, by="ben")
    problem = told.value.problems[0]

    assert told.value.exit_code == 5
    assert problem.code == "edition.state"
    assert problem.got == f"one that is cancelled, cancel by anna at {SLOT:%H:%M} UTC"
    assert "It is at its end" in problem.hint
    assert [verb for _, verb, _ in _history(opened)] == ["cancel"]


@pytest.mark.parametrize("turn", range(3))
def test_of_two_hands_at_once_one_wins_and_the_other_is_told(
    folder: Folder, opened: app.Site, turn: int
) -> None:
    """Cancel and resume at the same moment: the history has what happened, the loser an error."""
    _act(opened, Act.PAUSE)
    start, told = threading.Barrier(8), list[object]()

    def act(site: app.Site, which: Act) -> None:
        start.wait()
        try:
            told.append(_act(site, which, by=f"{which}").changed)
        except Refused as error:
            told.append(error.problems[0].got)

    others = [folder.open() for _ in range(8)]
    hands_at_once = [
        threading.Thread(target=act, args=(one, Act.CANCEL if n % 2 else Act.RESUME))
        for n, one in enumerate(others)
    ]
    for one in hands_at_once:
        one.start()
    for one in hands_at_once:
        one.join()

    verbs = [verb for _, verb, _ in _history(opened)]
    assert only(opened).state == "cancelled"
    assert verbs in (["pause", "cancel"], ["pause", "resume", "cancel"])
    assert told.count(True) == len(verbs) - 1
    refused = [one for one in told if isinstance(one, str)]
    assert all("cancelled, cancel by cancel" in one for one in refused)
    assert counts(opened, only(opened)) == {"cancelled": 4}


# --------------------------------------------------------------------------------------- resolve


def _with_uncertain(folder: Folder) -> app.Site:
    """A site that holds what is uncertain, whose edition ended partial: two of four uncertain."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder, mail='uncertain = "hold"')
    site = folder.open()
    join(site, *EVERYBODY)
    tick(site, SEEN)
    tick(site, SLOT)
    send(site, SLOT, MemoryTransport([Accepted(), LOST, Accepted(), LOST]))
    assert only(site).state == "partial"
    return site


def test_uncertain_taken_as_accepted_closes_the_edition(folder: Folder) -> None:
    """One taken as accepted leaves it partial, the last one makes it sent; receipts stay."""
    site = _with_uncertain(folder)
    first = _resolve(site, "accepted", address="ben@example.net")
    between = only(site).state
    rest = _resolve(site, "accepted")
    again = _resolve(site, "accepted")

    assert (first.decided, between) == (1, "partial")
    assert (rest.decided, again.decided) == (1, 0)
    assert shown(site) == [("weekly/1", "sent", "")]
    assert counts(site, only(site)) == {"accepted": 4}
    assert receipts(site) == {1, 2, 3, 4}
    assert _history(site) == [("Dr Grey", "resolve", "1 as accepted")] * 2


@pytest.mark.parametrize("days", [0, 30])
def test_uncertain_that_is_resent_goes_again_to_those_only(folder: Folder, days: int) -> None:
    """Also where the configuration holds what is uncertain, and weeks later; then it is sent."""
    site = _with_uncertain(folder)
    now = SLOT + days * DAY
    done = _resolve(site, "resend", now)
    way_out, _ = send(site, now)

    assert (done.decided, str(done.edition.state)) == (2, "sending")
    assert recipients(way_out) == ["ben", "dora"]
    assert shown(site) == [("weekly/1", "sent", "")]


def test_uncertain_of_a_cancelled_edition_is_never_resent(folder: Folder) -> None:
    """Cancelled is an end: what is uncertain of it can only be taken as accepted."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder, mail='uncertain = "hold"')
    site = folder.open()
    join(site, *EVERYBODY)
    tick(site, SEEN)
    tick(site, SLOT)
    way_out = Interrupting(0, lambda: _act(site, Act.CANCEL))
    way_out._script.append(LOST)
    send(site, SLOT, way_out)
    with pytest.raises(Refused, match="cancelled"):
        _resolve(site, "resend")
    before = counts(site, only(site))
    _resolve(site, "accepted")

    assert before == {"uncertain": 1, "cancelled": 3}
    assert counts(site, only(site)) == {"accepted": 1, "cancelled": 3}
    assert only(site).state is EditionState.CANCELLED
    assert receipts(site) == {1}


def test_resolve_for_somebody_unknown_is_told(folder: Folder) -> None:
    """An address of nobody on the list changes nothing."""
    site = _with_uncertain(folder)
    with pytest.raises(NotFound):
        _resolve(site, "accepted", address="nobody@example.net")

    assert counts(site, only(site))["uncertain"] == 2


def test_resolving_beside_the_sender_wakes_the_chunk(folder: Folder) -> None:
    """While the edition is being sent, what is decided goes with the next round."""
    site = _with_uncertain(folder)
    with site.store.write() as tx:
        edition = editions.read_one(tx, only(site).id)
        ledger.reopen(tx, edition, EditionState.SENDING)
    done = _resolve(site, "resend", address="dora@example.net")
    way_out, _ = send(site, SLOT)

    assert done.decided == 1
    assert recipients(way_out) == ["dora"]
    assert counts(site, only(site))[str(DeliveryState.UNCERTAIN)] == 1
    assert only(site).state == "partial"
