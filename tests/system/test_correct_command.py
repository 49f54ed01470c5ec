"""``publisher edition correct`` as staff type it: what is said, what goes, how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app
from publisher.engine import clock

if TYPE_CHECKING:
    from tests.conftest import Folder


@pytest.fixture
def sent(folder: Folder) -> Folder:
    """A site whose first edition went to two readers, into the outbox."""
    folder.post("sleep/01-worry.md", "Worry at night")
    for name in ("ann", "bo"):
        assert folder.run("subscribers", "add", f"{name}@example.net").code == 0
    assert folder.run("publish", "--now", "weekly").code == 0
    return folder


def test_a_dry_run_says_to_how_many_and_leaves_nothing(sent: Folder) -> None:
    """The subject, who has it and how many emails it would be; no edition is made."""
    ran = sent.run("edition", "correct", "weekly/1", "--text", "It is 2 mg.", "--dry-run")

    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            "weekly/1: 2 people have it or may have it.",
            "Subject: Correction: Weekly letter: Worry at night",
            "It would be 2 emails. Nothing was written and no one was emailed.",
        ],
    )
    assert len(sent.json("edition", "ls")) == 1


def test_it_goes_after_its_minute_and_the_same_words_once(sent: Folder) -> None:
    """Sent twice it is one edition; before its minute is over nobody is emailed."""
    (sent.path / "dose.md").write_text("It is *2 mg*.\n", "utf-8")
    words = ["edition", "correct", "1", "--post", "posts/sleep/01-worry.md"]
    words += ["--file", str(sent.path / "dose.md"), "--subject", "The dose", "--by", "Grey"]
    first, second = sent.run(*words), sent.json(*words)
    at_once = sent.run("publish")
    before = len(sent.outbox())
    soon = clock.now() + timedelta(minutes=2)
    app.publish_once(sent.open(), now=soon, clock=lambda: soon)
    shown = sent.json("edition", "show", "correction:weekly/1")
    third = sent.run(*words)

    assert first.code == at_once.code == 0
    assert first.out.splitlines()[2:] == [
        (
            "correction:weekly/1: 2 emails go in 1 minute, by the service or publisher publish. "
            "No one was emailed yet."
        ),
        "To undo it until then: publisher edition cancel correction:weekly/1",
    ]
    assert (second["edition"], second["corrects"]) == ("correction:weekly/1", "weekly/1")
    assert (second["state"], second["have"], second["reach"]) == ("scheduled", 2, 2)
    assert (before, len(sent.outbox())) == (2, 4)
    assert (shown["state"], shown["counts"]["accepted"]) == ("sent", 2)
    assert third.out.splitlines()[-1] == (
        "This very correction is correction:weekly/1, sent. Nothing was changed."
    )


def test_what_cannot_be_is_told_with_its_exit_code(sent: Folder) -> None:
    """No words 2, of nothing 7, a post that is not in it 7, of a correction 5; nothing is left."""
    text = ("--text", "It is 2 mg.")
    codes = [
        sent.run("edition", "correct", "weekly/1").code,
        sent.run("edition", "correct", "weekly/9", *text).code,
        sent.run("edition", "correct", "weekly/1", *text, "--post", "sleep/02").code,
        sent.run("edition", "correct", "weekly/1", "--text", " ").code,
    ]
    left = len(sent.json("edition", "ls"))
    assert sent.run("edition", "correct", "weekly/1", *text).code == 0
    of_a_correction = sent.run("--json", "edition", "correct", "correction:weekly/1", *text)

    assert codes == [2, 7, 7, 5]
    assert left == 1
    assert of_a_correction.code == 5
    assert of_a_correction.data["error"]["code"] == "correction.state"
