"""Notices on their way: mailed once, tried again later, the same mail each time, and not too late."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app, operating, subscribing
from publisher.errors import Problem, Refused, Unavailable
from publisher.model import Deferred, Phase, Rejected, Uncertain
from publisher.store import notices, schema, subscribers
from publisher.subscribing.confirming import confirm_token
from tests.conftest import NOON
from tests.fakes import MemoryTransport
from tests.flows.scenes import DAY, HOUR, MINUTE, join, link_of, rows, use_relay

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import Folder

LATER = Deferred(code=451, reply="try later", phase=Phase.RCPT)
GONE = Rejected(code=550, reply="no such user", phase=Phase.RCPT)
UNKNOWN = Uncertain(reply="", phase=Phase.END)
DOWN = Unavailable(
    Problem(code="smtp.down", path="smtp", expected="an answer", got="nothing", hint="Wait.")
)


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site that mails by a relay on this machine."""
    use_relay(folder)
    return folder.open()


def _ask(site: app.Site, name: str = "anna", *, now: datetime = NOON) -> None:
    address = subscribing.read_address(f"{name}@example.net")
    wish = subscribing.Wish(address=address, wording="Send it.", source="form")
    subscribing.ask(site.store, wish, now=now)


def _send(
    site: app.Site,
    *script: object,
    now: datetime = NOON,
    way_out: MemoryTransport | None = None,
) -> tuple[MemoryTransport, subscribing.Mailed]:
    out = way_out or MemoryTransport(script)  # type: ignore[arg-type]
    post = subscribing.Post(
        config=site.config,
        store=site.store,
        notices=app.make_notices(site.config),
        open_transport=lambda: out,
        signer=None,
        clock=lambda: now,
    )
    return out, subscribing.send_notices(post)


def _states(site: app.Site) -> list[tuple[str, int]]:
    return rows(site, schema.notices, schema.notices.c.state, schema.notices.c.attempts)


# ------------------------------------------------------------------------------------- what is said


def test_a_notice_is_mailed_once(site: app.Site) -> None:
    """Taken by the relay, it is never mailed again; the way out is closed."""
    _ask(site)
    first, done = _send(site)
    second, again = _send(site, now=NOON + DAY)

    assert [envelope.recipient for envelope, _ in first.accepted] == ["anna@example.net"]
    assert (done.sent, again.sent, second.attempts) == (1, 0, [])
    assert first.is_closed
    assert _states(site) == [("sent", 1)]


def test_a_notice_that_is_put_off_is_tried_again_as_the_same_mail(site: app.Site) -> None:
    """A "not now" is waited for, longer each time, and what goes then is the same octet by octet."""
    _ask(site)
    first, done = _send(site, LATER)
    too_soon, _ = _send(site, now=NOON + MINUTE)
    later, _ = _send(site, now=NOON + 6 * MINUTE)

    assert (done.waiting, too_soon.attempts) == (1, [])
    assert first.attempts[0][1] == later.attempts[0][1]
    assert _states(site) == [("sent", 2)]


def test_a_notice_that_is_refused_is_given_up(site: app.Site) -> None:
    """An address that does not exist is mailed nothing more, and the reply is kept."""
    _ask(site)
    _, done = _send(site, GONE)
    _send(site, now=NOON + DAY)

    assert done.failed == 1
    assert rows(site, schema.notices, schema.notices.c.state, schema.notices.c.reply) == [
        ("failed", "no such user")
    ]


def test_a_notice_that_may_have_arrived_is_not_sent_again(site: app.Site) -> None:
    """A stranger may have asked for it: rather none than two."""
    _ask(site)
    _send(site, UNKNOWN)
    second, _ = _send(site, now=NOON + DAY)

    assert second.attempts == []


def test_a_relay_that_is_down_is_told_and_waited_for(site: app.Site) -> None:
    """The others are not tried then; all go later, each once."""
    for name in ("anna", "ben", "cleo"):
        _ask(site, name)
    first, done = _send(site, DOWN)
    second, _ = _send(site, now=NOON + HOUR)

    assert [problem.code for problem in done.problems] == ["smtp.down"]
    assert first.attempts == [] and first.is_closed
    assert sorted(envelope.recipient[:2] for envelope, _ in second.accepted) == ["an", "be", "cl"]


def test_a_process_that_ends_on_the_wire_repeats_one_notice_at_most(site: app.Site) -> None:
    """The commit that says "begun" comes first: after a kill one goes again, later, the same."""
    _ask(site)
    with site.store.write() as tx:
        (waiting,) = notices.read_waiting(tx, now=NOON, limit=9)
        assert notices.begin(tx, waiting, next_attempt_at=NOON + 5 * MINUTE)
        assert not notices.begin(tx, waiting, next_attempt_at=NOON)
    at_once, _ = _send(site)
    later, _ = _send(site, now=NOON + 5 * MINUTE)

    assert at_once.attempts == []
    assert len(later.accepted) == 1


# -------------------------------------------------------------------------------- what is of no use


@pytest.mark.parametrize(
    ("kind", "useful"), [("confirm", timedelta(days=7)), ("erase", HOUR), ("welcome", 2 * DAY)]
)
def test_a_notice_is_not_mailed_when_its_link_has_ended(
    site: app.Site, kind: str, useful: timedelta
) -> None:
    """After an outage nobody gets a link that no longer works."""
    (anna,) = join(site, "anna")
    with site.store.write() as tx:
        notices.add(tx, kind, "0" * 64, now=NOON, subscriber_id=anna, consent_id=1)

    late, done = _send(site, now=NOON + useful + MINUTE)

    assert (late.attempts, done.failed) == ([], 1)


def test_a_person_who_was_erased_is_mailed_nothing(site: app.Site) -> None:
    """What waited for them is given up, and names nobody."""
    _ask(site)
    subscribing.erase_by_address(site.store, "anna@example.net", now=NOON)

    out, done = _send(site)

    assert (out.attempts, done.failed) == ([], 1)


def test_a_live_site_mails_no_domain_for_examples(folder: Folder) -> None:
    """Addresses of reserved domains never leave a live site."""
    folder.configure(
        site='name = "R"\nid = "x"\nurl = "https://l.riverside.com"\npostal_address = "12 St"',
        mail='transport = "smtp"\nfrom = "letters@riverside.com"',
        mail__smtp='host = "192.0.2.1"',
    )
    site = folder.open()
    address = subscribing.read_address("anna@example.org")
    wish = subscribing.Wish(address=address, wording="x", source="form")
    subscribing.ask(site.store, wish, now=NOON)

    out, done = _send(site)

    assert (out.attempts, done.failed) == ([], 1)


def test_a_copied_database_mails_nothing(site: app.Site) -> None:
    """A restored copy does not repeat the notices that its original has sent since."""
    _ask(site)
    (site.config.paths.state / "epoch").write_text("another\n")

    with pytest.raises(Refused):
        app.send_notices(site, clock=lambda: NOON)

    assert _states(site) == [("pending", 0)]
    assert not operating.is_sending(site.store, site.config.paths.state)


# ------------------------------------------------------------------------------------- the mail itself


def test_a_notice_comes_back_to_the_person_it_was_for(folder: Folder, site: app.Site) -> None:
    """Its return path has a token, so that a bounce suppresses the address; a move's has none."""
    _ask(site)
    out, _ = _send(site)

    ((envelope, data),) = out.accepted
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert envelope.sender.startswith("b+") and envelope.sender.endswith("@example.org")
    assert mail["From"] == "Letters <letters@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    bounce = (
        f"Return-Path: <>\r\nTo: {envelope.sender}\r\nDelivered-To: {envelope.sender}\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"
        "MIME-Version: 1.0\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; anna@example.net\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    (folder.path / "bounce.eml").write_text(bounce)
    folder.run("feedback", str(folder.path / "bounce.eml"))

    assert [one["reason"] for one in folder.json("suppressions", "ls")] == ["bounced"]


def test_a_notice_is_signed_as_letters_are(folder: Folder) -> None:
    """With keys configured, the mail begins with their signature, over what it says of itself."""
    folder.configure(mail='from = "letters@example.org"')
    assert folder.run("dns", "--make-keys").code == 0
    folder.configure(
        mail__dkim='domain = "example.org"\nselector = "s1"\nrsa_key = { file = "var/dkim-rsa.pem" }'
    )
    site = folder.open()
    _ask(site)

    app.send_notices(site, clock=lambda: NOON)

    (mail,) = folder.outbox()
    head = mail.read_bytes().partition(b"\r\n\r\n")[0]
    assert head.startswith(b"DKIM-Signature: ")
    assert b"d=example.org" in head


def test_an_address_that_bounced_comes_back_by_confirming(folder: Folder, site: app.Site) -> None:
    """Its owner can ask again, and by confirming proves that it takes mail."""
    (anna,) = join(site, "anna")
    with site.store.write() as tx:
        from publisher.subscribing.addresses import hash_address  # noqa: PLC0415

        hashed = hash_address(tx, subscribing.read_address("anna@example.net"))
        subscribers.suppress(tx, [(hashed, "bounced", "5.1.1")], now=NOON)
    _ask(site)
    out, _ = _send(site)
    with site.store.read() as tx:
        token = confirm_token(tx, 2)
    subscribing.confirm(site.store, token, within=7 * DAY, now=NOON + HOUR)

    assert token.encode() in out.accepted[0][1].replace(b"=\r\n", b"")
    assert folder.json("suppressions", "ls") == []
    assert subscribing.find_by_token(site.store, link_of(site, anna)) is not None


def test_staff_invite_by_a_confirmation(folder: Folder, site: app.Site) -> None:
    """``subscribers add --confirm`` puts nobody on the list before they press; their own word counts."""
    told = folder.run("subscribers", "add", "anna@example.net", "--confirm")
    again = folder.json("subscribers", "add", "anna@example.net", "--confirm")
    out, _ = _send(site, now=NOON + 400 * DAY)

    (person,) = folder.json("subscribers", "ls")
    assert told.code == 0 and "one a day to an address" in told.out.replace("\n", " ")
    assert again == {"email": "anna@example.net", "invited": True}
    assert (person["state"], person["source"]) == ("pending", "staff")
    assert out.attempts == []  # it was asked for long before that moment, and had ended


def test_the_job_mails_notices_too(folder: Folder) -> None:
    """``publisher publish`` sends what is due, into the outbox where the site rehearses."""
    folder.run("subscribers", "add", "anna@example.net", "--confirm")

    ran = folder.run("publish")

    names = [file.relative_to(folder.path / "outbox").as_posix() for file in folder.outbox()]
    assert ran.code == 0
    assert names == ["notices/000001-confirm.eml"]


def test_a_person_is_shown_and_erased_at_their_word_to_staff(folder: Folder) -> None:
    """``subscribers show`` prints all that is kept, ``erase`` leaves a keyed hash and no more."""
    folder.run("subscribers", "add", "anna@example.net")
    shown = folder.json("subscribers", "show", "anna@example.net")
    erased = folder.json("subscribers", "erase", "ANNA@example.net")
    gone = folder.run("subscribers", "show", "anna@example.net")
    again = folder.run("subscribers", "erase", "anna@example.net")

    assert shown["subscribers"][0]["address"] == "anna@example.net"
    assert erased == {"erased": True}
    assert (gone.code, again.code) == (7, 7)
    assert [one["reason"] for one in folder.json("suppressions", "ls")] == ["erased"]


def test_lengths_of_time_are_said_as_people_do() -> None:
    """Whole days, whole hours, else minutes."""
    said = [subscribing.say_duration(one) for one in (7 * DAY, DAY, HOUR, 36 * HOUR, 90 * MINUTE)]

    assert said == ["7 days", "1 day", "1 hour", "36 hours", "90 minutes"]
