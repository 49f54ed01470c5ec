"""What comes in is read, whatever a stranger wrote, and put away only when it is kept."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import inbox
from publisher.bounces import judge_all
from publisher.errors import NotFound, Unavailable
from publisher.inbox import MOST_OCTETS, read_report
from publisher.model import Failure, Meaning, ReportKind
from publisher.tokens import Key, as_mailbox, make
from tests.reports import FORMATS, bounce, complaint, leaving, vacation

KEY = Key(id=2, purpose="bounce", secret=b"a secret of the tests, 32 octets")
TOKEN = as_mailbox(make(KEY, 4711))
RETURNS_TO = f"b+{TOKEN}@bounce.example.org"
LINK = make(Key(id=1, purpose="link", secret=b"another"), 4711)
MOST_SECONDS = 10
"""Far above what a mail needs: it fails where reading grows with the square of the mail."""


# --------------------------------------------------------------------------------------- bounces


@pytest.mark.parametrize("make_of_server", FORMATS)
def test_a_bounce_of_each_make_is_read(make_of_server: str) -> None:
    """Whom it is about comes from the return path, what it means from what was said."""
    report = read_report(bounce(RETURNS_TO, make=make_of_server))

    assert report.kind is ReportKind.BOUNCE
    assert report.bounce_tokens == (TOKEN,)
    judged = judge_all(report.failures)
    assert judged is not None
    assert judged[1] is Meaning.HARD


@pytest.mark.parametrize("make_of_server", FORMATS)
def test_no_address_is_kept_of_what_was_said(make_of_server: str) -> None:
    """A report keeps the server's words without the addresses in them."""
    report = read_report(bounce(RETURNS_TO, make=make_of_server))

    assert "anna" not in repr(report.failures)
    assert "such user" in report.failures[0].reply


@pytest.mark.parametrize("make_of_server", FORMATS)
def test_the_word_of_a_server_in_its_own_form_is_never_hard_by_itself(make_of_server: str) -> None:
    """The library calls every failure permanent; a full mailbox is none, and spam is our fault."""
    full = bounce(
        RETURNS_TO, make=make_of_server, status="5.2.2", said="552 5.2.2 mailbox is full"
    )
    spam = bounce(
        RETURNS_TO, make=make_of_server, status="5.7.1", said="554 5.7.1 it looks like spam"
    )

    judged = [judge_all(read_report(data).failures) for data in (full, spam)]

    assert [one[1] for one in judged if one] == [Meaning.SOFT, Meaning.OURS]


def test_the_mail_it_is_about_is_named() -> None:
    """The Message-ID of the returned mail is kept, for the edition."""
    data = bounce(RETURNS_TO, message_id="<abcdefabcdefabcdefabcdef@example.org>")

    assert read_report(data).marks == ("abcdefabcdefabcdefabcdef",)


def test_a_folded_diagnosis_is_one_line() -> None:
    """Long words of a server are folded; they are read whole."""
    report = read_report(bounce(RETURNS_TO, make="gmail"))

    assert report.failures == (Failure(status="5.1.1", reply="550 5.1.1 <…>: no such user here"),)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("delayed", ReportKind.DELAY),
        ("delivered", ReportKind.ARRIVAL),
        ("relayed", ReportKind.ARRIVAL),
        ("expanded (to list)", ReportKind.ARRIVAL),
        ("FAILED", ReportKind.BOUNCE),
        ("", ReportKind.BOUNCE),
        ("nonsense", ReportKind.BOUNCE),
    ],
)
def test_only_a_failure_is_a_bounce(action: str, kind: ReportKind) -> None:
    """A delay or a delivery is told apart; a status of 5 without an action is a failure."""
    assert read_report(bounce(RETURNS_TO, action=action)).kind is kind


def test_a_returned_bounce_inside_a_persons_mail_is_not_read() -> None:
    """What is inside a mail that is passed on is not what came."""
    inner = bounce(RETURNS_TO).decode()
    outer = (
        "From: Ben <ben@example.net>\nTo: letters@example.org\nSubject: what is this?\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="o"\n\n'
        f"--o\nContent-Type: text/plain\n\nI got this.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )

    assert read_report(outer.encode()).kind is ReportKind.OTHER


def test_a_status_that_is_no_block_of_headers_is_passed_over() -> None:
    """A part that calls itself a status and holds text says nothing."""
    data = bounce("letters@example.org").replace(
        b"message/delivery-status\n",
        b"message/delivery-status\nContent-Transfer-Encoding: base64\n",
    )

    assert read_report(data).kind in {ReportKind.BOUNCE, ReportKind.OTHER, ReportKind.AUTO_REPLY}


def test_the_digest_is_the_same_from_every_place() -> None:
    """Line ends and the line that old mailboxes put in front make no other report."""
    data = bounce(RETURNS_TO)
    from_imap = data.replace(b"\n", b"\r\n")
    from_mbox = b"From MAILER-DAEMON Tue Nov 24 13:00:02 2026\n" + data

    digests = {read_report(one).sha256 for one in (data, from_imap, from_mbox)}

    assert len(digests) == 1
    assert read_report(data + b"x").sha256 not in digests


# ------------------------------------------------------------------------------- everything else


@pytest.mark.parametrize("feedback_type", ["abuse", "opt-out", "ABUSE"])
def test_a_complaint_is_found_by_either_token(feedback_type: str) -> None:
    """Loops take out addresses: the return path or the link to leave remains."""
    by_link = read_report(complaint(token_link=LINK, feedback_type=feedback_type))
    by_path = read_report(complaint(returns_to=RETURNS_TO, feedback_type=feedback_type))

    assert (by_link.kind, by_link.link_tokens) == (ReportKind.COMPLAINT, (LINK,))
    assert (by_path.kind, by_path.bounce_tokens) == (ReportKind.COMPLAINT, (TOKEN,))
    assert by_link.feedback_type == feedback_type.lower()


@pytest.mark.parametrize("feedback_type", ["not-spam", "virus", "auth-failure", ""])
def test_other_reports_are_no_complaints(feedback_type: str) -> None:
    """Only abuse and opt-out are a person's word against the letter (RFC 5965 section 7.3)."""
    report = read_report(complaint(token_link=LINK, feedback_type=feedback_type))

    assert report.kind is ReportKind.OTHER


@pytest.mark.parametrize(
    ("to", "subject", "extra"),
    [
        (f"u+{as_mailbox(LINK)}@example.org", "unsubscribe", ""),
        (f"U+{as_mailbox(LINK).upper()}@EXAMPLE.ORG", "", ""),
        (f"u+{as_mailbox(LINK)}@example.org", "x", "Auto-Submitted: auto-generated\n"),
    ],
)
def test_a_mail_to_unsubscribe_is_known_by_its_recipient(
    to: str, subject: str, extra: str
) -> None:
    """In any case, whatever its subject, and also where a program sent it for the person."""
    report = read_report(leaving(to, subject=subject, extra=extra))

    assert report.kind is ReportKind.UNSUBSCRIBE
    assert [one.lower() for one in report.link_tokens] == [as_mailbox(LINK)]


@pytest.mark.parametrize("subject", [LINK, f"unsubscribe {LINK}", f"Re: Unsubscribe: {LINK}"])
def test_a_mail_to_unsubscribe_is_known_by_its_subject(subject: str) -> None:
    """A token alone in the subject leaves too."""
    report = read_report(leaving("letters@example.org", subject=subject))

    assert (report.kind, report.link_tokens) == (ReportKind.UNSUBSCRIBE, (LINK,))


def test_a_persons_mail_is_left_to_people() -> None:
    """Words without a token are for a person to read, and so is a token among other words."""
    words = leaving("letters@example.org", subject="please unsubscribe me")
    among = leaving("letters@example.org", subject=f"what is {LINK}?")

    assert read_report(words).kind is ReportKind.OTHER
    assert read_report(among).kind is ReportKind.OTHER


@pytest.mark.parametrize(
    "extra",
    [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: Auto-Replied (vacation)\n",
        "X-Autoreply: yes\n",
        "Precedence: auto_reply\n",
        "Precedence: bulk\n",
    ],
)
def test_a_holidays_reply_is_no_bounce(extra: str) -> None:
    """Not even where it quotes one, or returns a subject with a token."""
    report = read_report(vacation(RETURNS_TO, extra=extra))
    with_token = read_report(leaving("b@example.org", subject=LINK, extra=extra))

    assert report.kind is ReportKind.AUTO_REPLY
    assert with_token.kind is ReportKind.AUTO_REPLY


def test_a_holidays_reply_without_a_mark_is_for_a_person() -> None:
    """Nothing says that a program wrote it; a person may look."""
    assert read_report(vacation(RETURNS_TO, extra="")).kind is ReportKind.OTHER


def test_a_read_receipt_says_that_it_arrived() -> None:
    """A disposition notification (RFC 8098) is no bounce."""
    data = (
        b'Content-Type: multipart/report; report-type=disposition-notification; boundary="m"\n\n'
        b"--m\nContent-Type: text/plain\n\nread\n"
        b"--m\nContent-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n--m--\n"
    )

    assert read_report(data).kind is ReportKind.ARRIVAL


# ------------------------------------------------------------------------------------- bad input


def test_a_report_of_ten_megabytes_is_read_from_its_beginning() -> None:
    """What it says comes first; the long mail it returns is not looked at."""
    data = bounce(RETURNS_TO) + b"A" * 10_000_000

    report = read_report(data)

    assert report.kind is ReportKind.BOUNCE
    assert report.sha256 == read_report(data[:MOST_OCTETS]).sha256


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\0" * 1000,
        bytes(range(256)) * 2000,
        b"Subject: =?utf-8?b?////?=\nContent-Type: text/plain; charset=\xff\n\n\xff\xfe",
        b"Content-Type: multipart/report; boundary=\n\n--\n--\n",
        b"Content-Type: multipart/report\n\nno boundary",
        b"Content-Type: message/delivery-status\n\nAction: failed\n",
        b"Content-Type: message/feedback-report\n\n",
        b"Content-Type: message/rfc822\n\n",
        b"From: mailer-daemon@x\nContent-Type: text/plain; charset=klingon\n\n\xff gone",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(9000)
        ),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 90_000,
        b"From: mailer-daemon@x\n\n" + b"a" * 600_000,
        b"From: mailer-daemon@x\n\n" + b"<x@y.z>:\n" * 60_000,
        b"From: mailer-daemon@x\n\n" + b"550 " * 140_000,
        b"To: " + b"b+" * 250_000,
        b"To: x@y\n" * 60_000,
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"Action: delivered\n\n" * 20_000,
        b"Subject: " + b" " * 500_000 + b"x\n\n",
    ],
    ids=range(20),
)
def test_broken_mail_is_read_in_bounded_time(data: bytes) -> None:
    """Nothing a stranger writes raises, takes long, or becomes a bounce by itself."""
    began = process_time()

    report = read_report(data)

    assert process_time() - began < MOST_SECONDS
    assert report.kind is not ReportKind.COMPLAINT
    assert not report.bounce_tokens


@given(data=st.binary(max_size=2000))
def test_any_octets_are_read(data: bytes) -> None:
    """Octets by chance are no report about anybody."""
    report = read_report(data)

    assert not report.bounce_tokens
    assert not report.link_tokens


@given(cut=st.integers(min_value=0), make_of_server=st.sampled_from(FORMATS))
def test_a_bounce_that_is_cut_is_read(cut: int, make_of_server: str) -> None:
    """A mail that ends anywhere never raises, and never is about another person."""
    data = bounce(RETURNS_TO, make=make_of_server)

    report = read_report(data[: cut % len(data)])

    assert report.bounce_tokens in {(), (TOKEN,)}


def test_a_diagnosis_in_a_wrong_charset_is_read() -> None:
    """Octets that are no ASCII are replaced, and what else is said counts."""
    data = bounce(RETURNS_TO).replace(b"no such user", b"no such user \xe4\xff")

    report = read_report(data)

    assert report.kind is ReportKind.BOUNCE
    assert report.failures[0].reply.isprintable()


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_headers_that_are_encoded_are_read(encoding: str) -> None:
    """Some servers encode the part with the returned headers."""
    headers = f"Return-Path: <{RETURNS_TO}>\nMessage-ID: <mark@example.org>\n"
    body = base64.encodebytes(headers.encode()).decode() if encoding == "base64" else headers
    data = (
        b"From: MAILER-DAEMON@mx\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="e"\n\n'
        b"--e\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
        b"Action: failed\nStatus: 5.1.1\n\n"
        b"--e\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: "
        + f"{encoding}\n\n{body}\n--e--\n".encode()
    )

    report = read_report(data)

    assert (report.bounce_tokens, report.marks) == ((TOKEN,), ("mark",))


# --------------------------------------------------------------------------------------- Maildir


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_maildir_gives_what_is_new_and_is_put_away_when_told(maildir: Path) -> None:
    """What is read goes to ``cur`` as seen, what is for a person unseen; nothing before that."""
    (maildir / "new" / "1.a").write_bytes(b"one")
    (maildir / "new" / "2.b").write_bytes(b"two")
    (maildir / "new" / ".hidden").write_bytes(b"no mail")
    (maildir / "cur" / "0.old:2,").write_bytes(b"for a person")

    first, second = inbox.Maildir(maildir).arrivals()
    before = _names(maildir / "new")
    first.put_away(True)
    second.put_away(False)

    assert (first.data, second.data) == (b"one", b"two")
    assert before == [".hidden", "1.a", "2.b"]
    assert _names(maildir / "new") == [".hidden"]
    assert _names(maildir / "cur") == ["0.old:2,", "1.a:2,S", "2.b:2,"]


def test_a_maildir_that_is_delivered_to_meanwhile_loses_nothing(maildir: Path) -> None:
    """What comes during the visit is for the next; what another program took is passed over."""
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())
    visit = inbox.Maildir(maildir).arrivals()

    first = next(visit)
    (maildir / "new" / "1").rename(maildir / "cur" / "1:2,S")
    (maildir / "new" / "2").unlink()
    (maildir / "new" / "0.late").write_bytes(b"late")
    first.put_away(True)
    rest = list(visit)

    assert [one.data for one in rest] == [b"3"]
    assert [one.data for one in inbox.Maildir(maildir).arrivals()] == [b"late", b"3"]


def test_no_mail_is_written_over(maildir: Path) -> None:
    """Two mails of one name both stay."""
    (maildir / "cur" / "1:2,S").write_bytes(b"first")
    (maildir / "new" / "1").write_bytes(b"second")

    (arrival,) = inbox.Maildir(maildir).arrivals()
    arrival.put_away(True)

    assert _names(maildir / "cur") == ["1.1:2,S", "1:2,S"]
    assert (maildir / "cur" / "1:2,S").read_bytes() == b"first"


def test_what_is_no_file_is_passed_over(maildir: Path) -> None:
    """A link, a folder or a pipe in ``new`` is neither followed nor waited for."""
    secret = maildir / "secret"
    secret.write_bytes(b"elsewhere")
    (maildir / "new" / "1.link").symlink_to(secret)
    (maildir / "new" / "2.folder").mkdir()
    os.mkfifo(maildir / "new" / "3.pipe")

    assert list(inbox.Maildir(maildir).arrivals()) == []


def test_a_folder_that_is_no_maildir_is_told(tmp_path: Path) -> None:
    """The problem names the folder and says that nothing was lost."""
    with pytest.raises(Unavailable) as caught:
        list(inbox.Maildir(tmp_path / "nowhere").arrivals())

    (problem,) = caught.value.problems
    assert problem.code == "feedback.maildir"
    assert "Nothing was lost" in problem.hint


def test_a_maildir_that_cannot_be_changed_is_told(maildir: Path) -> None:
    """Where a mail cannot be put away the visit ends; it is read again, and counts once."""
    (maildir / "new" / "1").write_bytes(b"one")
    (arrival,) = inbox.Maildir(maildir).arrivals()
    (maildir / "cur").rmdir()
    (maildir / "cur").write_bytes(b"")

    with pytest.raises(Unavailable):
        arrival.put_away(True)

    assert _names(maildir / "new") == ["1"]


# ----------------------------------------------------------------------------------------- files


def test_a_file_is_read_and_left(tmp_path: Path) -> None:
    """One mail a file, its beginning only; it stays as it is."""
    file = tmp_path / "bounce.eml"
    file.write_bytes(b"x" * (MOST_OCTETS + 5))

    (arrival,) = inbox.MailFile(file).arrivals()
    arrival.put_away(True)

    assert len(arrival.data) == MOST_OCTETS
    assert file.exists()


def test_a_mail_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a mail server hands it over: its beginning is kept, and the pipe is read to its end."""
    handed_over = io.BytesIO(b"x" * (MOST_OCTETS + 5))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(handed_over))

    (arrival,) = inbox.MailFile(Path("-")).arrivals()

    assert len(arrival.data) == MOST_OCTETS
    assert handed_over.read() == b""


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    """The problem names it."""
    with pytest.raises(NotFound) as caught:
        list(inbox.MailFile(tmp_path / "none.eml").arrivals())

    assert caught.value.problems[0].path.endswith("none.eml")
