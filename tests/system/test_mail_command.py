"""``publisher edition mail`` as staff type it: one post, now, to whoever has it not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from publisher import app
from publisher.engine import clock

if TYPE_CHECKING:
    from tests.conftest import Folder


def test_one_post_is_looked_at_mailed_undone_and_told_with_exit_codes(folder: Folder) -> None:
    """A dry run leaves nothing; mailed twice it is refused with what undoes it; then it goes once."""
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post("draft.md", "Not yet", draft="true")
    for name in ("ann", "bo"):
        assert folder.run("subscribers", "add", f"{name}@example.net").code == 0
    words = ("edition", "mail", "posts/sleep/01-worry.md", "--by", "Grey")
    dry = folder.run(*words, "--dry-run")
    as_data = folder.json(*words, "--dry-run")
    none_yet = folder.json("edition", "ls")
    made = folder.run(*words)
    twice = folder.run("--json", *words)
    undone = folder.run("edition", "cancel", "weekly/1")
    again = folder.json(*words, "--digest", "weekly")
    soon = clock.now() + timedelta(minutes=2)
    app.publish_once(folder.open(), now=soon, clock=lambda: soon)
    nobody = folder.run(*words)
    codes = [
        folder.run("edition", "mail", "draft").code,
        folder.run("edition", "mail", "none").code,
        folder.run(*words, "--digest", "none").code,
    ]
    folder.configure(digests__monthly='schedule = "1. of the month at 07:30"')

    assert dry.code == made.code == undone.code == 0
    assert dry.out.splitlines() == [
        "Worry at night: 2 people get it.",
        "Subject: Weekly letter: Worry at night",
        "It would be 2 emails. Nothing was written and no one was emailed.",
    ]
    assert (as_data["edition"], as_data["reach"], none_yet) == (None, 2, [])
    assert made.out.splitlines()[2:] == [
        "weekly/1: 2 emails go in 1 minute, into the outbox, by the service or publisher publish.",
        "No one was emailed yet.",
        "To undo it until then: publisher edition cancel weekly/1",
    ]
    assert (twice.code, twice.data["error"]["code"]) == (5, "post.going")
    assert twice.data["error"]["hint"].endswith("publisher edition cancel weekly/1")
    assert (again["edition"], again["state"], again["have"]) == ("weekly/2", "scheduled", 0)
    assert len(folder.outbox()) == 2
    assert (nobody.code, "nobody: 2 have it already" in nobody.err) == (5, True)
    assert codes == [5, 7, 7]
    assert folder.run(*words).code == 2
