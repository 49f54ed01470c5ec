"""Staff's hand as staff type it: what is said, what is left, how it ends; killed at each commit."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from publisher import app
from publisher.engine import clock
from publisher.model import DeliveryState, EditionState
from publisher.store import editions, ledger
from tests import smtpd

if TYPE_CHECKING:
    from tests.conftest import Folder

READERS = [f"reader{n}@example.net" for n in range(3)]


@pytest.fixture
def opened(folder: Folder, free_port: int) -> Folder:
    """A site whose first edition is open to three readers, and no relay yet."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    for reader in READERS:
        assert folder.run("subscribers", "add", reader).code == 0
    site = folder.open()
    app.publish_once(site, now=clock.now(), clock=clock.now, digest="weekly", deliver_too=False)
    return folder


def _counts(folder: Folder) -> dict[str, int]:
    (edition,) = folder.json("edition", "ls")
    return {state: number for state, number in edition["counts"].items() if number}


def test_pause_resume_and_cancel_say_what_did_and_did_not_happen(
    opened: Folder, free_port: int
) -> None:
    """Each command ends with 0 and a plain sentence; again it says that nothing was changed."""
    paused = opened.run("edition", "pause", "weekly/1", "--by", "anna")
    again = opened.run("edition", "pause", "1")
    with smtpd.serve(free_port) as peer:
        waited = opened.run("publish")
        resumed = opened.run("edition", "resume", "weekly/1")
        peer.replies[READERS[1]] = "450 later"
        sent = opened.run("publish")
        cancelled = opened.run("edition", "cancel", "weekly/1")
        after = opened.run("publish")

    assert (paused.code, paused.out) == (
        0,
        "Paused. 0 of 3 have it, 3 wait. Go on with: publisher edition resume weekly/1\n",
    )
    assert (again.code, again.out) == (0, "Nothing was changed: weekly/1 is paused.\n")
    assert waited.code == 6
    assert resumed.code == 0
    assert resumed.out.startswith("Resumed. 0 of 3 have it, 3 wait.")
    assert sent.code == 6
    assert (cancelled.code, cancelled.out) == (
        0,
        "Cancelled. 2 of 3 were emailed before; no one else will be.\n",
    )
    assert after.code == 0
    assert peer.recipients() == [READERS[0], READERS[2]]
    assert _counts(opened) == {"accepted": 2, "cancelled": 1}


def test_cancel_before_the_first_mail_says_that_no_one_was_emailed(opened: Folder) -> None:
    """The answer is what staff need to hear; in JSON it is the edition and whether it changed."""
    first = opened.json("edition", "cancel", "1")
    again = opened.run("edition", "cancel", "1")

    assert (first["state"], first["changed"]) == ("cancelled", True)
    assert (again.code, again.out) == (0, "Cancelled already. No one was emailed.\n")
    assert _counts(opened) == {"cancelled": 3}


def test_refused_command_is_exit_5_and_names_the_commands_that_serve(opened: Folder) -> None:
    """Holding what is being sent is refused with the way that is open."""
    ran = opened.run("edition", "hold", "weekly/1")
    as_json = opened.run("--json", "edition", "hold", "weekly/1")

    assert ran.code == as_json.code == 5
    assert "publisher edition pause weekly/1, publisher edition cancel weekly/1" in ran.err
    assert as_json.data["error"]["code"] == "edition.state"
    assert _counts(opened) == {"pending": 3}


@pytest.mark.parametrize("act", ["hold", "release", "pause", "resume", "cancel"])
def test_edition_that_is_not_there_is_7(folder: Folder, act: str) -> None:
    """Every command says that there is no such edition, and where to look."""
    ran = folder.run("edition", act, "weekly/7")

    assert ran.code == 7
    assert "publisher edition ls" in ran.err


def test_hold_and_release_of_a_coming_edition(folder: Folder) -> None:
    """A draft is held and released before its slot; the slot is told in the digest's zone."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.configure(
        digests__weekly='title = "Weekly"\nschedule = "every day at 07:30"\nprepare = "3d"'
    )
    assert folder.run("publish").code == 0
    held = folder.run("edition", "hold", "1")
    released = folder.run("edition", "release", "1")

    assert held.out == (
        "Held. No one was emailed. Let it go with: publisher edition release weekly/1\n"
    )
    assert released.code == 0
    assert "It goes at its slot, " in released.out
    assert ", 07:30 E" in released.out
    assert "It follows its posts until then." in released.out


def test_resolve_says_how_many_were_decided(opened: Folder) -> None:
    """What is uncertain is sent again or taken as accepted; an unknown word is exit 2."""
    site = opened.open()
    with site.store.write() as tx:
        edition = editions.read_all(tx)[0]
        assert ledger.doubt_waiting(tx, edition, now=clock.now()) == 3
    one = opened.run("edition", "resolve", "1", "--as", "accepted", "--for", READERS[0])
    rest = opened.run("edition", "resolve", "1", "--as", "resend")
    none = opened.run("edition", "resolve", "1", "--as", "resend")
    wrong = opened.run("edition", "resolve", "1", "--as", "lost")
    shape = opened.json("edition", "resolve", "1", "--as", "accepted")

    assert one.out == "1 mail of weekly/1 taken as accepted; the edition is sending.\n"
    assert rest.out.startswith("2 mails of weekly/1 will go again. It goes with the next publish")
    assert none.out == "Nothing of weekly/1 is uncertain; nothing was changed.\n"
    assert wrong.code == 2
    assert shape["decided"] == 0
    assert _counts(opened) == {"accepted": 1, "deferred": 2}


def test_history_is_shown(opened: Folder) -> None:
    """``edition show`` says who did what, and when."""
    opened.run("edition", "pause", "1", "--by", "anna")
    opened.run("edition", "resume", "1", "--by", "ben")
    shown = opened.json("edition", "show", "1")["history"]
    told = opened.run("edition", "show", "1").out

    assert [(one["by"], one["verb"]) for one in shown] == [("anna", "pause"), ("ben", "resume")]
    assert "resume by ben" in told


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_kill_at_the_commit_of_an_act_leaves_all_of_it_or_nothing(
    opened: Folder, free_port: int, act: str, moment: str
) -> None:
    """Killed before its commit an act never was, after it is whole; said again it comes to the same."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.system.crasher",
            str(opened.path / "config.toml"),
            moment,
            "0",
            act,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed, state, again = done.stdout.split()
    with smtpd.serve(free_port) as peer:
        opened.run("publish")

    state_then, state_now = EditionState(state), EditionState(again)
    assert killed == "killed"
    expected = EditionState.PAUSED if act == "pause" else EditionState.CANCELLED
    assert state_then is (EditionState.SENDING if moment == "before" else expected)
    assert state_now is expected
    assert peer.recipients() == []
    waits = DeliveryState.PENDING if act == "pause" else DeliveryState.CANCELLED
    assert _counts(opened) == {str(waits): 3}
