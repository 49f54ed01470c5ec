"""What comes back: one report, one verdict, and nobody leaves the list by a forged one."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from publisher import app, inbox, operating, subscribing, tokens
from publisher.errors import NotFound, Problem, Refused, Unavailable, UsageError
from publisher.model import Meaning, ReportKind, SubscriberState, Taken
from publisher.store import schema, subscribers
from tests.flows.scenes import (
    DAY,
    all_editions,
    join,
    link_of,
    moment,
    recipients,
    rows,
    send,
    tick,
    use_relay,
)
from tests.reports import bounce, complaint, leaving, vacation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from publisher.feedback import Intake
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
WEEK = 7 * DAY


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site whose first edition was accepted for three readers; a post for each week to come."""
    for number, date in enumerate(("11-01", "11-28", "12-05", "12-12"), start=1):
        folder.post(f"sleep/{number:02}-{number}.md", f"Part {number}", date=f"2026-{date}")
    use_relay(folder)
    site = folder.open()
    join(site, "anna", "ben", "carla")
    tick(site, SEEN)
    tick(site, SLOT)
    send(site, SLOT)
    return site


class Here:
    """Mails that are simply there."""

    name = "here"

    def __init__(self, *mails: bytes) -> None:
        self.mails = mails
        self.put_away: list[bool] = []

    def arrivals(self) -> Iterator[inbox.Arrival]:
        """Give them."""
        for turn, data in enumerate(self.mails):
            yield inbox.Arrival(name=f"here/{turn}", data=data, put_away=self.put_away.append)


def take_in(site: app.Site, *mails: bytes, now: datetime = SLOT + DAY) -> Intake:
    """Take in mails at a moment."""
    return app.take_in_feedback(site, [Here(*mails)], now=now)


def returns_to(site: app.Site, subscriber_id: int, purpose: str = "bounce") -> str:
    """Return the return path of a reader's mails."""
    with site.store.read() as tx:
        token = tokens.make(subscribers.load_keys(tx, purpose)[0], subscriber_id)
    return f"b+{tokens.as_mailbox(token)}@example.org"


def ids(site: app.Site) -> dict[str, int]:
    """Return the readers' ids by name."""
    people = subscribing.list_people(site.store)
    return {one.address.typed.partition("@")[0]: one.id for one in people}


def suppressed(site: app.Site) -> list[tuple[str, str]]:
    """Return address and reason of every suppression."""
    return sorted((one.address, one.reason) for one in subscribing.list_suppressions(site.store))


def made_of(done: Intake) -> list[tuple[str, str]]:
    """Return kind and what was made of it, for each mail."""
    return [(str(one.kind), str(one.taken)) for one in done.told]


# --------------------------------------------------------------------------------------- bounces


def test_the_envelope_names_its_reader_and_nothing_else(site: app.Site) -> None:
    """Each mail's sender is a return path of its own, in lower case and without an address."""
    tick(site, SLOT + WEEK)
    way_out, _ = send(site, SLOT + WEEK)

    senders = {envelope.recipient: envelope.sender for envelope, _ in way_out.accepted}
    wanted = {f"{name}@example.net": returns_to(site, one) for name, one in ids(site).items()}
    assert senders == wanted
    assert all(len(one.partition("@")[0]) <= 64 for one in senders.values())


def test_one_hard_bounce_suppresses(site: app.Site) -> None:
    """The next edition leaves the person out; the proof is kept without an address."""
    anna = ids(site)["anna"]

    done = take_in(site, bounce(returns_to(site, anna)))
    tick(site, SLOT + WEEK)
    way_out, _ = send(site, SLOT + WEEK)

    (told,) = done.told
    assert (told.taken, told.status, told.edition) == (Taken.SUPPRESSED, "5.1.1", "weekly/1")
    assert recipients(way_out) == ["ben", "carla"]
    (fact,) = subscribing.list_suppressions(site.store)
    assert fact.reason == "bounced"
    assert fact.evidence == "weekly/1: 550 5.1.1 <…>: no such user here"


def test_the_same_report_again_changes_nothing(site: app.Site) -> None:
    """Twice in one visit, later, and with other line ends."""
    anna = ids(site)["anna"]
    data = bounce(returns_to(site, anna), status="5.2.2", said="552 5.2.2 full")

    done = take_in(site, data, data, data.replace(b"\n", b"\r\n"))
    kept = rows(site, schema.reports)
    again = take_in(site, data, now=SLOT + WEEK)

    assert [one.taken for one in done.told] == [Taken.COUNTED, Taken.KNOWN, Taken.KNOWN]
    assert [one.taken for one in again.told] == [Taken.KNOWN]
    assert rows(site, schema.reports) == kept
    assert len(kept) == 1


def test_a_report_again_does_not_undo_a_release(site: app.Site) -> None:
    """What staff took back stays taken back when the same file is read once more."""
    data = bounce(returns_to(site, ids(site)["anna"]))
    take_in(site, data)
    subscribing.release_address(site.store, "anna@example.net", now=SLOT + DAY)

    take_in(site, data)

    assert suppressed(site) == []


def test_soft_bounces_of_three_editions_suppress(site: app.Site) -> None:
    """In a row and over 15 days; several reports of one edition count once."""
    path = returns_to(site, ids(site)["anna"])
    taken = []
    for week in range(4):
        now = SLOT + week * WEEK
        if week:
            tick(site, now)
            send(site, now)
        one = bounce(path, status="4.4.7", said=f"expired, report {week}", message_id="<x@y>")
        two = bounce(path, status="4.4.7", said=f"expired again, {week}", message_id="<x@y>")
        done = take_in(site, one, two, now=now + DAY)
        taken.append([told.taken for told in done.told])

    counted = [Taken.COUNTED] * 2
    assert taken == [counted, counted, counted, [Taken.SUPPRESSED] * 2]
    assert suppressed(site) == [("anna@example.net", "bounced")]
    assert [one[-1] for one in rows(site, schema.reports, schema.reports.c.meaning)] == [
        "soft"
    ] * 8


def test_a_soft_bounce_is_of_the_edition_it_returns(site: app.Site) -> None:
    """A late report counts for the edition whose Message-ID it bears, not for the newest."""
    anna = ids(site)["anna"]
    first = all_editions(site)[0]
    with site.store.read() as tx:
        mark = tokens.mail_mark(subscribers.load_keys(tx, "pepper")[0], first.id, anna)
    tick(site, SLOT + WEEK)
    send(site, SLOT + WEEK)
    path = returns_to(site, anna)

    done = take_in(
        site,
        bounce(path, status="4.4.7", said="late", message_id=f"<{mark.upper()}@example.org>"),
        bounce(path, status="4.4.7", said="unnamed", message_id="<other@example.org>"),
        now=SLOT + WEEK + DAY,
    )

    assert [one.edition for one in done.told] == ["weekly/1", "weekly/2"]


@pytest.mark.parametrize(
    ("status", "said"),
    [("5.7.1", "550 5.7.1 refused"), ("5.1.1", "550 looks like spam"), ("5.3.4", "too big")],
)
def test_nobody_leaves_for_a_fault_of_ours(site: app.Site, status: str, said: str) -> None:
    """Refusals of how it was sent are told as a warning, however many there are."""
    path = returns_to(site, ids(site)["anna"])

    done = take_in(site, *(bounce(path, status=status, said=f"{said} {n}") for n in range(5)))

    assert {one.taken for one in done.told} == {Taken.OURS}
    assert suppressed(site) == []
    (problem,) = done.problems
    assert (problem.code, problem.level) == ("feedback.ours", "warning")
    assert problem.got.startswith("5 refused")


@pytest.mark.parametrize(
    ("action", "kind"), [("delivered", "arrival"), ("relayed", "arrival"), ("delayed", "bounce")]
)
def test_a_bounce_of_a_mail_that_reached_another_counts_for_nothing(
    site: app.Site, action: str, kind: str
) -> None:
    """Where one of several recipients has it, or may yet, it arrived."""
    path = returns_to(site, ids(site)["anna"])
    data = bounce(path).replace(
        b"Diagnostic-Code", f"Remote-MTA: dns; x\n\nAction: {action}\nDiagnostic-Code".encode()
    )

    done = take_in(site, data)

    assert made_of(done) == [(kind, "ignored")]
    assert suppressed(site) == []


# ---------------------------------------------------------------------------------------- forged


@settings(max_examples=60)
@given(bit=st.integers(min_value=0, max_value=24 * 8 - 1))
def test_a_flipped_bit_of_a_return_path_fails(bit: int) -> None:
    """No bit of the 192 can change; a local part that changed its case still verifies."""
    key = tokens.Key(id=2, purpose="bounce", secret=b"0123456789abcdef0123456789abcdef")
    whole = tokens.make(key, 4711)
    octets = bytearray(base64.urlsafe_b64decode(whole))
    octets[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(octets).decode()

    def through_mail(token: str, change: str) -> int | None:
        path = getattr(f"b+{tokens.as_mailbox(token)}@example.org", change)()
        report = inbox.read_report(bounce(path))
        (found,) = report.bounce_tokens
        return tokens.read(tokens.from_mailbox(found), [key], "bounce")

    for change in ("lower", "upper", "title", "swapcase"):
        assert through_mail(whole, change) == 4711
        assert through_mail(forged, change) is None


def test_what_is_not_ours_is_ignored_and_counted(site: app.Site, tmp_path: Path) -> None:
    """No token, one of another purpose, one cut short, one of another site: nobody is touched."""
    anna = ids(site)["anna"]
    path = returns_to(site, anna)
    other = tokens.as_mailbox(tokens.make(tokens.Key(id=2, purpose="bounce", secret=b"x"), anna))

    done = take_in(
        site,
        bounce("letters@example.org"),
        bounce(returns_to(site, anna, "link")),
        bounce(path.replace("@", "a@")),
        bounce(path[:-20] + "@example.org"),
        bounce(f"b+{other}@example.org"),
        complaint(token_link=tokens.inert("link")),
        complaint(),
        leaving(f"u+{other}@example.org"),
        leaving("letters@example.org", subject=tokens.inert("link")),
    )

    assert {one.taken for one in done.told} == {Taken.IGNORED}
    assert done.count()[ReportKind.BOUNCE, Taken.IGNORED, "no token of ours"] == 5
    assert suppressed(site) == []
    assert rows(site, schema.reports) == []


def test_a_report_about_somebody_who_is_gone_changes_nothing(site: app.Site) -> None:
    """The token is ours, and nobody is there any more."""
    done = take_in(site, bounce(returns_to(site, 99)), complaint(returns_to=returns_to(site, 99)))

    assert [one.reason for one in done.told] == ["nobody on the list any more"] * 2


def test_a_retired_key_still_verifies(site: app.Site) -> None:
    """Bounces come days later; keys may have been rotated meanwhile."""
    path = returns_to(site, ids(site)["anna"])
    operating.rotate_key(site.store, "bounce", b"n" * 32, now=SLOT)

    assert made_of(take_in(site, bounce(path))) == [("bounce", "suppressed")]


# --------------------------------------------------------------------- complaints, people, replies


@pytest.mark.parametrize("by", ["link", "return path"])
def test_a_complaint_ends_the_subscription(site: app.Site, by: str) -> None:
    """At once and for good; kept are the token's person and the date, no text."""
    anna = ids(site)["anna"]
    data = (
        complaint(token_link=link_of(site, anna))
        if by == "link"
        else complaint(returns_to=returns_to(site, anna).upper())
    )

    done = take_in(site, data)

    assert made_of(done) == [("complaint", "unsubscribed")]
    assert suppressed(site) == [("anna@example.net", "complained")]
    state = {one.id: one.state for one in subscribing.list_people(site.store)}
    assert state[anna] is SubscriberState.UNSUBSCRIBED
    assert [row[-1] for row in rows(site, schema.reports)] == [""]


def test_a_complaint_stands_in_place_of_a_bounce(site: app.Site) -> None:
    """Staff may take a bounce back, but not what the person said."""
    anna = ids(site)["anna"]
    take_in(site, bounce(returns_to(site, anna)))

    take_in(site, complaint(token_link=link_of(site, anna)))
    take_in(site, bounce(returns_to(site, anna), said="550 5.1.1 once more"))

    assert suppressed(site) == [("anna@example.net", "complained")]
    with pytest.raises(Refused):
        subscribing.release_address(site.store, "anna@example.net", now=SLOT)


def test_the_mailto_of_a_letter_unsubscribes(site: app.Site) -> None:
    """The address in List-Unsubscribe, as a mail program would write to it."""
    tick(site, SLOT + WEEK)
    way_out, _ = send(site, SLOT + WEEK)
    letter = next(data for envelope, data in way_out.accepted if "anna" in envelope.recipient)
    target = letter.partition(b"<mailto:")[2].partition(b"?")[0].decode()

    done = take_in(site, leaving(target), now=SLOT + WEEK + DAY)

    assert made_of(done) == [("unsubscribe", "unsubscribed")]
    assert suppressed(site) == [("anna@example.net", "unsubscribed")]


def test_a_token_in_the_subject_unsubscribes(site: app.Site) -> None:
    """In the spelling of the link or of addresses."""
    people = ids(site)
    anna, ben = (link_of(site, people[name]) for name in ("anna", "ben"))

    take_in(
        site,
        leaving("letters@example.org", subject=anna),
        leaving("letters@example.org", subject=f"unsubscribe {tokens.as_mailbox(ben).upper()}"),
    )

    assert [address for address, _ in suppressed(site)] == ["anna@example.net", "ben@example.net"]


def test_replies_by_programs_are_ignored_and_people_are_left_alone(site: app.Site) -> None:
    """A holiday's reply is put away; a person's mail stays unread."""
    path = returns_to(site, ids(site)["anna"])
    here = Here(vacation(path), leaving("letters@example.org", subject="a question"), b"\xff")

    done = app.take_in_feedback(site, [here], now=SLOT)

    assert made_of(done) == [("auto_reply", "ignored"), ("other", "ignored"), ("other", "ignored")]
    assert here.put_away == [True, False, False]
    assert suppressed(site) == []


# --------------------------------------------------------------------------------- when it breaks


class Breaks(Here):
    """A place that drops the line after its mails."""

    @override
    def arrivals(self) -> Iterator[inbox.Arrival]:
        """Give them, then break."""
        yield from super().arrivals()
        raise Unavailable(Problem(code="x", path="x", expected="a line", got="a dropped one"))


def test_a_place_that_breaks_keeps_what_was_taken_in(site: app.Site) -> None:
    """The other places are read all the same, and the exit code tells that some is left."""
    people = ids(site)
    broken = Breaks(bounce(returns_to(site, people["anna"])))
    whole = Here(bounce(returns_to(site, people["ben"])))

    done = app.take_in_feedback(site, [broken, whole], now=SLOT)
    nothing = app.take_in_feedback(site, [Breaks()], now=SLOT)

    assert [address for address, _ in suppressed(site)] == ["anna@example.net", "ben@example.net"]
    assert (done.exit_code, nothing.exit_code) == (6, 75)
    assert [problem.got for problem in done.problems] == ["a dropped one"]


@pytest.mark.parametrize("folder", ["sqlite"], indirect=True)  # PostgreSQL's is every test's
def test_nothing_is_put_away_before_it_is_kept(site: app.Site) -> None:
    """A database that breaks leaves the mail where it is; the next visit takes it in."""
    here = Here(bounce(returns_to(site, ids(site)["anna"])))

    with site.store.write() as tx:
        tx.execute(sa.text("ALTER TABLE reports RENAME TO reports_away"))
    broken = app.take_in_feedback(site, [here], now=SLOT)
    with site.store.write() as tx:
        tx.execute(sa.text("ALTER TABLE reports_away RENAME TO reports"))
    before = list(here.put_away)
    mended = app.take_in_feedback(site, [here], now=SLOT)

    assert (broken.exit_code, before) == (75, [])
    assert made_of(mended) == [("bounce", "suppressed")]
    assert here.put_away == [True]


class Killed(BaseException):
    """The end of the process, at one place."""


def test_a_kill_between_keeping_and_putting_away_counts_once(site: app.Site) -> None:
    """The mail is still there at the next start; it is known, and put away then."""
    data = bounce(returns_to(site, ids(site)["anna"]), status="5.2.2", said="552 5.2.2 full")

    def kill(_is_read: bool) -> None:
        raise Killed

    class Cut(Here):
        @override
        def arrivals(self) -> Iterator[inbox.Arrival]:
            yield inbox.Arrival(name="1", data=data, put_away=kill)

    with pytest.raises(Killed):
        app.take_in_feedback(site, [Cut()], now=SLOT)
    kept = rows(site, schema.reports)
    here = Here(data)
    again = app.take_in_feedback(site, [here], now=SLOT)

    assert made_of(again) == [("bounce", "known")]
    assert rows(site, schema.reports) == kept
    assert (len(kept), here.put_away) == (1, [True])


def test_it_stops_when_told(site: app.Site) -> None:
    """After the mail under way; the rest is left where it is."""
    people = ids(site)
    here = Here(*(bounce(returns_to(site, one)) for one in people.values()))

    done = app.take_in_feedback(
        site, [here], now=SLOT, is_stopping=lambda: len(here.put_away) == 1
    )

    assert len(done.told) == 1
    assert len(suppressed(site)) == 1


def test_a_rehearsal_of_taking_in_changes_nothing(site: app.Site) -> None:
    """It says what would be done."""
    here = Here(bounce(returns_to(site, ids(site)["anna"])))

    done = app.take_in_feedback(site, [here], now=SLOT, dry_run=True)

    assert made_of(done) == [("bounce", "suppressed")]
    assert (suppressed(site), here.put_away, rows(site, schema.reports)) == ([], [], [])


def test_two_visits_at_once_count_once(site: app.Site) -> None:
    """The command beside the service: each report is taken in by one of them."""
    mails = [
        bounce(returns_to(site, one), status="5.2.2", said=f"552 5.2.2 full {n}")
        for one in ids(site).values()
        for n in range(10)
    ]
    done: list[Intake] = []

    def visit() -> None:
        done.append(take_in(site, *mails))

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counted = [one for visit in done for one in visit.told if one.taken is Taken.COUNTED]
    assert len(counted) == len(mails) == len(rows(site, schema.reports))


def test_a_copy_of_the_database_takes_nothing_in(site: app.Site) -> None:
    """What a copy put away the real one would never see."""
    (site.config.paths.state / "epoch").write_text("another\n")

    with pytest.raises(Refused):
        take_in(site, bounce(returns_to(site, 1)))


def test_what_servers_said_is_forgotten_in_time(site: app.Site) -> None:
    """After ``keep_attempts``; that the report came stays, so that it never counts again."""
    data = bounce(returns_to(site, ids(site)["anna"]), status="5.2.2", said="552 5.2.2 full")
    take_in(site, data, now=SLOT)

    erased = operating.forget_in_time(site.store, site.config.privacy, now=SLOT + 91 * DAY)

    assert erased == 1
    assert [row[-1] for row in rows(site, schema.reports)] == [""]
    assert made_of(take_in(site, data)) == [("bounce", "known")]


# --------------------------------------------------------------------------------------- places


def test_places_are_those_of_the_configuration_or_of_the_command(folder: Folder) -> None:
    """Named ones are taken alone; with neither it is an error that says what to write."""
    folder.configure(
        feedback='maildir = "bounces"\nimap = "imap://me@127.0.0.1:9/INBOX"\n'
        'imap_password = { env = "MAIL_PASSWORD" }'
    )
    site = replace(folder.open(), environ={"MAIL_PASSWORD": "x"})

    configured = [type(one).__name__ for one in app.open_inbox(site)]
    named = app.open_inbox(site, files=[Path("a"), Path("b")], maildir=Path("c"))
    by_imap = app.open_inbox(site, use_imap=True)

    assert configured == ["Maildir", "ImapMailbox"]
    assert [one.name for one in named] == ["a", "b", "c"]
    assert [one.name for one in by_imap] == ["me at 127.0.0.1:9"]
    assert app.has_inbox(site)


def test_no_place_is_an_error(folder: Folder) -> None:
    """The hint says what to write."""
    site = folder.open()

    for use_imap in (False, True):
        with pytest.raises(UsageError) as caught:
            app.open_inbox(site, use_imap=use_imap)
        assert "config.toml" in caught.value.problems[0].hint
    assert not app.has_inbox(site)


# ------------------------------------------------------------------------------------ suppressions


def test_a_suppression_outlives_the_person(site: app.Site) -> None:
    """Kept by a keyed hash: who was erased and is added again is refused."""
    anna = ids(site)["anna"]
    take_in(site, bounce(returns_to(site, anna)))
    with site.store.write() as tx:
        tx.execute(sa.delete(schema.subscribers).where(schema.subscribers.c.id == anna))

    with pytest.raises(Refused):
        subscribing.add(site.store, "ANNA@Example.net", consent="asked", source="staff", now=SLOT)
    assert suppressed(site) == [("", "bounced")]
    assert "anna" not in repr(rows(site, schema.suppressions))


def test_staff_suppress_and_release_an_address(site: app.Site) -> None:
    """Known or not; by address, or by the beginning of its hash."""
    assert subscribing.suppress_address(site.store, "Zoe@example.net", evidence="letter", now=SLOT)
    assert not subscribing.suppress_address(
        site.store, "zoe@example.NET", evidence="again", now=SLOT
    )
    subscribing.suppress_address(site.store, "anna@example.net", evidence="", now=SLOT)
    by_hash = next(
        one for one in subscribing.list_suppressions(site.store) if one.evidence == "letter"
    )

    subscribing.release_address(site.store, by_hash.address_hash[:12].upper(), now=SLOT)
    subscribing.release_address(site.store, "ANNA@example.net", now=SLOT)

    assert suppressed(site) == []
    with pytest.raises(NotFound):
        subscribing.release_address(site.store, "anna@example.net", now=SLOT)


def test_an_export_lets_no_suppressed_address_be_mailed_again(site: app.Site) -> None:
    """Taken in elsewhere, the list brings the fact along: a bounce as cleaned, a will as a will."""
    people = ids(site)
    take_in(
        site,
        bounce(returns_to(site, people["anna"])),
        complaint(token_link=link_of(site, people["ben"])),
    )

    lines = subscribing.export_list(site.store).splitlines()

    states = {line.split(",")[0]: line.split(",")[1] for line in lines[1:]}
    assert states == {
        "anna@example.net": "cleaned",
        "ben@example.net": "unsubscribed",
        "carla@example.net": "active",
    }


def test_meanings_are_kept_with_each_bounce(site: app.Site) -> None:
    """The table takes a meaning with a bounce, and none without."""
    anna = ids(site)["anna"]
    take_in(site, bounce(returns_to(site, anna)), complaint(token_link=link_of(site, anna)))

    reports = schema.reports.c
    assert rows(site, schema.reports, reports.kind, reports.meaning) == [
        ("bounce", str(Meaning.HARD)),
        ("complaint", None),
    ]
