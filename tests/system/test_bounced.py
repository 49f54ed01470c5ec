"""What comes back, from the first mail to the edition that leaves a person out, by the real commands."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from publisher.engine import embedded
from tests import imapd, smtpd
from tests.reports import FORMATS, bounce, complaint, leaving, vacation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Folder
    from tests.smtpd import Accepted

PATIENCE_SECONDS = 30
NAMES = ("anna", "ben", "carla", "dora")


def _send(folder: Folder, port: int) -> dict[str, Accepted]:
    """Mail one more edition to everyone over real SMTP; return the mails by reader."""
    folder.configure(
        mail='transport = "smtp"\nfrom = "Letters <letters@river.example>"\n'
        'bounce_domain = "bounce.river.example"',
        mail__smtp=f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"',
    )
    with smtpd.serve(port) as peer:
        assert folder.run("publish", "--now", "weekly").code == 0
    return {one.recipient.partition("@")[0]: one for one in peer.accepted}


@pytest.fixture
def mailed(folder: Folder, free_port: int) -> dict[str, Accepted]:
    """A site whose first edition reached four readers; their mails."""
    folder.post("sleep/01-worry.md", "Worry at night")
    for name in NAMES:
        folder.run("subscribers", "add", f"{name}@example.net", "--consent", "asked")
    mails = _send(folder, free_port)
    assert sorted(mails) == sorted(NAMES)
    return mails


@pytest.fixture
def maildir(folder: Folder) -> Path:
    """The site's Maildir, empty."""
    place = folder.path / "bounces"
    for part in ("new", "cur", "tmp"):
        (place / part).mkdir(parents=True)
    return place


def _returned(mail: Accepted, **said: str) -> bytes:
    """Return a bounce of a mail, with its headers."""
    headers = mail.data.decode().replace("\r\n", "\n").partition("\n\n")[0]
    original = f"Return-Path: <{mail.sender}>\n{headers}\n"
    return bounce(mail.sender, original=original, **said)


def _mailto(mail: Accepted) -> str:
    return mail.data.partition(b"<mailto:")[2].partition(b"?")[0].decode()


def _made(data: Any) -> dict[str, str]:
    return {one["kind"]: one["taken"] for one in data["reports"]}


def test_from_the_mail_to_the_edition_that_leaves_a_person_out(
    folder: Folder, mailed: dict[str, Accepted], maildir: Path, free_port: int
) -> None:
    """A bounce, a complaint and a mail to unsubscribe come back; the next edition goes to the rest."""
    (maildir / "new" / "1").write_bytes(_returned(mailed["anna"]))
    (maildir / "new" / "2").write_bytes(complaint(returns_to=mailed["ben"].sender))
    (maildir / "new" / "3").write_bytes(leaving(_mailto(mailed["carla"])))
    (maildir / "new" / "4").write_bytes(vacation(mailed["dora"].sender))
    (maildir / "new" / "5").write_bytes(leaving("letters@river.example", subject="thank you"))

    ran = folder.run("feedback", "--maildir", str(maildir))
    folder.post("sleep/02-waking.md", "Waking early")
    sent_at = int(time.time())
    _await(lambda: int(time.time()) > sent_at)  # one edition a second
    second = _send(folder, free_port)

    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "5 mails came in.",
        "bounces: 1",
        "  1 suppressed: nobody is there",
        "complaints: 1",
        "  1 unsubscribed: called it spam",
        "unsubscribes: 1",
        "  1 unsubscribed: asked to leave",
        "automatic replies: 1",
        "  1 ignored: an automatic reply",
        "other mails: 1",
        "  1 ignored: for a person to read",
    ]
    assert list(second) == ["dora"]
    assert sorted(one.name for one in (maildir / "cur").iterdir()) == [
        "1:2,S",
        "2:2,S",
        "3:2,S",
        "4:2,S",
        "5:2,",
    ]


@pytest.mark.parametrize("make", FORMATS)
def test_a_bounce_of_each_make_suppresses(
    folder: Folder, mailed: dict[str, Accepted], make: str
) -> None:
    """By the return path that the real mail had, from a file."""
    file = folder.path / "bounce.eml"
    file.write_bytes(_returned(mailed["anna"], make=make))

    data = folder.json("feedback", str(file))
    again = folder.json("feedback", str(file))

    (report,) = data["reports"]
    assert (report["taken"], report["status"], report["edition"]) == (
        "suppressed",
        "5.1.1",
        "weekly/1",
    )
    assert _made(again) == {"bounce": "known"}
    (fact,) = folder.json("suppressions", "ls")
    assert (fact["email"], fact["reason"]) == ("anna@example.net", "bounced")


def test_a_mail_is_taken_in_from_standard_input(
    folder: Folder, mailed: dict[str, Accepted]
) -> None:
    """As a mail server hands it over, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "publisher", "feedback", "-"],
        input=_returned(mailed["anna"]),
        cwd=folder.path,
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"1 suppressed: nobody is there" in done.stdout


def test_a_forged_bounce_suppresses_nobody(folder: Folder, mailed: dict[str, Accepted]) -> None:
    """Another character in the return path, or the address in the text alone, proves nothing."""
    mail = mailed["anna"]
    place = mail.sender.index("@") - 5
    other = "a" if mail.sender[place] != "a" else "b"
    forged = mail.sender[:place] + other + mail.sender[place + 1 :]
    for name, path in (("forged", forged), ("bare", "letters@river.example")):
        (folder.path / f"{name}.eml").write_bytes(bounce(path))

    data = folder.json(
        "feedback", *(str(folder.path / f"{name}.eml") for name in ("forged", "bare"))
    )

    assert {(one["taken"], one["reason"]) for one in data["reports"]} == {
        ("ignored", "no token of ours")
    }
    assert folder.json("suppressions", "ls") == []


def test_exit_codes_and_rehearsal(
    folder: Folder, mailed: dict[str, Accepted], maildir: Path, free_port: int
) -> None:
    """Nowhere 2, a missing file 7, nothing reachable 75, some of it 6; ``--dry-run`` changes nothing."""
    file = folder.path / "bounce.eml"
    file.write_bytes(_returned(mailed["anna"]))
    (maildir / "new" / "1").write_bytes(_returned(mailed["ben"]))

    nowhere = folder.run("feedback")
    missing = folder.run("feedback", "none.eml")
    away = folder.run("feedback", "--maildir", str(folder.path / "none"))
    rehearsed = folder.run("feedback", "--dry-run", "--maildir", str(maildir), str(file))
    untouched = folder.json("suppressions", "ls"), (maildir / "new" / "1").exists()
    partly = folder.run("feedback", str(file), "--maildir", str(folder.path / "none"))
    folder.configure(
        feedback=f'imap = "imap://me@127.0.0.1:{free_port}/INBOX"\nimap_password = {{ env = "P" }}'
    )
    no_password = folder.run("feedback", "--imap")

    codes = [one.code for one in (nowhere, missing, away, rehearsed, partly, no_password)]
    assert codes == [2, 7, 75, 0, 6, 3]
    assert "2 suppressed: nobody is there" in rehearsed.out
    assert untouched == ([], True)
    assert "Nothing was lost" in away.err


def test_an_empty_place_says_so(folder: Folder, maildir: Path) -> None:
    """No mail is no fault."""
    ran = folder.run("feedback", "--maildir", str(maildir))

    assert (ran.code, ran.out) == (0, "No mail came in.\n")


def test_suppressions_are_added_listed_and_taken_back(
    folder: Folder, mailed: dict[str, Accepted]
) -> None:
    """By staff, for an address on the list or not; a person's own will stays."""
    leave = folder.path / "leave.eml"
    leave.write_bytes(leaving(_mailto(mailed["carla"])))
    folder.run("feedback", str(leave))

    added = folder.run("suppressions", "add", "zoe@example.net", "--reason", "wrote on 3 March")
    twice = folder.json("suppressions", "add", "ZOE@example.net")
    listed = folder.run("suppressions", "ls")
    refused = folder.run("suppressions", "rm", "carla@example.net")
    taken_back = folder.json("suppressions", "rm", "zoe@example.net")
    unknown = folder.run("suppressions", "rm", "zoe@example.net")

    assert (added.out, twice["added"]) == ("Not mailed any more.\n", False)
    assert "wrote on 3 March" in listed.out
    assert "zoe" not in listed.out  # she is not on the list: a hash is all that is kept
    assert "carla@example.net  unsubscribed" in listed.out
    assert (refused.code, unknown.code) == (5, 7)
    assert taken_back["removed"]
    assert [one["email"] for one in folder.json("suppressions", "ls")] == ["carla@example.net"]


def test_nobody_is_told_as_such(folder: Folder) -> None:
    """An empty list says so, and a release is told."""
    folder.run("suppressions", "add", "zoe@example.net")

    released = folder.run("suppressions", "rm", "zoe@example.net")

    assert released.out == "May be mailed again.\n"
    assert folder.run("suppressions", "ls").out == "Nobody.\n"


def test_exports_and_imports_keep_the_fact(folder: Folder, mailed: dict[str, Accepted]) -> None:
    """A list that is taken out and in again brings no one back."""
    file = folder.path / "bounce.eml"
    file.write_bytes(_returned(mailed["anna"]))
    folder.run("feedback", str(file))
    listed = folder.path / "list.csv"

    listed.write_text(folder.run("subscribers", "export").out, "utf-8")
    folder.run("subscribers", "import", str(listed))

    facts = {one["email"]: one["reason"] for one in folder.json("suppressions", "ls")}
    assert facts == {"anna@example.net": "bounced"}


def test_thousands_of_files_are_taken_in(
    folder: Folder, mailed: dict[str, Accepted], maildir: Path
) -> None:
    """Two thousand reports, most of them nobody's, each looked at once."""
    ours = _returned(mailed["anna"], status="5.2.2", said="552 5.2.2 full")
    for number in range(2_000):
        data = ours + b"%d" % number if number % 40 == 0 else vacation(f"x{number}@river.example")
        (maildir / "new" / f"{number:05}").write_bytes(data)

    data = folder.json("feedback", "--maildir", str(maildir))

    counts = {(one["kind"], one["taken"]): one["count"] for one in data["counts"]}
    assert counts == {("bounce", "counted"): 50, ("auto_reply", "ignored"): 1_950}
    assert list((maildir / "new").iterdir()) == []


def test_the_service_takes_in_what_comes(
    folder: Folder,
    mailed: dict[str, Accepted],
    maildir: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """From the Maildir and from a real IMAP server, beside the schedule, and it says so in the log."""
    (maildir / "new" / "1").write_bytes(_returned(mailed["anna"]))
    with imapd.serve() as host:
        host.deliver(_returned(mailed["ben"]), leaving("x@y.example", subject="a question"))
        folder.configure(
            feedback=f'maildir = "bounces"\nimap = "imap://bounces%40example.org@127.0.0.1:{host.port}/INBOX"\n'
            'imap_password = { file = "imap-password" }'
        )
        secret = folder.path / "imap-password"
        secret.write_text(imapd.PASSWORD, "utf-8")
        secret.chmod(0o600)
        with caplog.at_level("INFO"):
            service = embedded.Service(folder.open(), inbox_seconds=0.2)
            service.start()
            try:
                _await(lambda: len(folder.json("suppressions", "ls")) == 2)
            finally:
                service.stop()
        flags = host.flags()

    emails = {one["email"] for one in folder.json("suppressions", "ls")}
    assert emails == {"anna@example.net", "ben@example.net"}
    assert "feedback: 2 bounce suppressed: nobody is there" in caplog.text
    assert sorted("S" in one for one in flags) == [False, True]


def test_a_place_that_is_away_stops_no_service(
    folder: Folder, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A mail server that is away, or a password that is missing, is a line in the log."""
    folder.configure(
        feedback=f'maildir = "none"\nimap = "imap://me@127.0.0.1:{free_port}/INBOX"\n'
        'imap_password = { env = "NO_SUCH_PASSWORD" }'
    )
    service = embedded.Service(folder.open(), inbox_seconds=0.1)
    service.start()
    try:
        _await(lambda: "NO_SUCH_PASSWORD" in caplog.text)
        assert service._sender
        assert service._sender._thread.is_alive()
    finally:
        service.stop()


def _await(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)  # noqa: TID251 - a thread is waited for
