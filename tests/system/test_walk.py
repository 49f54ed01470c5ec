"""The whole job by the real commands: a real SMTP server, strangers re-read what came out."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import feedparser
import pytest

from publisher.publishing.memory import load_memory
from tests import smtpd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

    from tests.conftest import Folder


def _parse(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


@pytest.fixture
def written(folder: Folder) -> Folder:
    """A site with a series of three and a loose post."""
    folder.post("sleep/01-worry.md", "Worry at night", date="2026-10-01")
    folder.post("sleep/02-light.md", "Light & the clock", date="2026-10-08")
    folder.post("sleep/03-help.md", "When to ask for help", date="2026-10-15")
    folder.post("first-visit.md", "A first visit", date="2026-10-20")
    return folder


def test_rehearsal_makes_pages_feeds_and_letters(written: Folder) -> None:
    """On the embedded defaults one command makes everything and nothing leaves the machine."""
    ran = written.run("--json", "publish", "--now", "weekly")

    assert ran.code == 0, ran.err
    edition = ran.data["editions"][0]
    assert (edition["edition"], edition["state"], edition["rehearsal"]) == (
        "weekly/1",
        "sent",
        True,
    )
    assert edition["counts"]["accepted"] == 1
    assert [one.name for one in written.outbox()] == ["000001.eml"]
    assert "Part 2 of 3" in written.public("sleep/light/index.html")


def test_second_run_changes_nothing(written: Folder) -> None:
    """Run again, nothing is written and nobody gets anything."""
    written.run("publish", "--now", "weekly")
    before = {one: one.stat().st_mtime_ns for one in (written.path / "public").rglob("*")}

    ran = written.run("--json", "publish", "--now", "weekly")

    assert ran.code == 0
    assert ran.data["build"]["written"] == []
    assert ran.data["editions"] == []
    assert len(written.outbox()) == 1
    assert {one: one.stat().st_mtime_ns for one in (written.path / "public").rglob("*")} == before


@pytest.mark.parametrize("name", ["feed.atom", "feed.rss", "sleep/feed.atom", "sleep/feed.rss"])
def test_feeds_are_read_by_a_stranger(written: Folder, name: str) -> None:
    """Feedparser reads every feed without complaint, newest first, each with its place."""
    written.run("build")

    feed = feedparser.parse(written.public(name))

    assert not feed.bozo
    titles = [entry.title for entry in feed.entries if "sleep" in entry.link]
    assert titles == ["When to ask for help", "Light & the clock", "Worry at night"]
    assert all(entry.id.startswith("urn:uuid:") for entry in feed.entries)


def test_smtp_edition_reaches_each_subscriber_once(written: Folder, free_port: int) -> None:
    """Each subscriber gets one mail with both parts, one-click headers and links to the series."""
    written.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    for name in ("anna", "björn", "carla"):
        assert written.run("subscribers", "add", f"{name}@example.net").code == 0
    with smtpd.serve(free_port) as peer:
        peer.replies["carla@example.net"] = "550 5.1.1 no such mailbox"
        ran = written.run("--json", "publish", "--now", "weekly")
        again = written.run("--json", "publish", "--now", "weekly")

    assert ran.code == 0, ran.err
    assert again.data["editions"] == []
    edition = ran.data["editions"][0]
    assert edition["rehearsal"] is False
    assert edition["counts"]["accepted"] == 2
    assert edition["counts"]["rejected"] == 1
    assert peer.recipients() == ["anna@example.net", "björn@example.net"]
    mail = _parse(peer.accepted[0].data)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    for part in (text.get_content(), html.get_content()):
        assert "http://127.0.0.1:8000/sleep/light/" in part
        assert "http://127.0.0.1:8000/sleep/" in part
        assert "@@" not in part


def test_relay_down_is_75_and_the_next_run_sends(written: Folder, free_port: int) -> None:
    """With nobody listening nothing is lost: exit 75, and the next run hands everything over."""
    written.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    written.run("subscribers", "add", "anna@example.net")

    down = written.run("--json", "publish", "--now", "weekly")
    with smtpd.serve(free_port) as peer:
        up = written.run("--json", "publish")

    assert down.code == 75
    assert down.data["editions"][0]["counts"]["pending"] == 1
    assert up.code == 0
    assert peer.recipients() == ["anna@example.net"]


def test_broken_post_stays_as_last_published(written: Folder) -> None:
    """A post broken after publishing stays published, everywhere, and is told with exit 4."""
    written.run("build")
    before = written.public("sleep/light/index.html"), written.public("feed.atom")
    written.post("sleep/02-light.md", "x").write_text("---\ntitle: Light: a guide\n---\nNew\n")

    ran = written.run("--json", "build")

    assert ran.code == 4
    assert ran.data["problems"][0]["file"] == "posts/sleep/02-light.md"
    assert ran.data["problems"][0]["line"] == 2
    assert (written.public("sleep/light/index.html"), written.public("feed.atom")) == before


def test_module_runs_as_a_program(written: Folder) -> None:
    """``python -m publisher`` is the same program, with its exit codes."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "publisher",
            "--config",
            str(written.path / "nowhere.toml"),
            "build",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert "publisher init" in done.stderr


def test_one_changed_post_is_one_page_made_anew(written: Folder) -> None:
    """What an output is made from reads the same in another process: only what changed is made."""
    before = _inputs_after_a_build(written, seed="1")
    after = _inputs_after_a_build(written, seed="2")

    changed = {file for file, digest in after.items() if before[file] != digest}

    # The post, and the feeds and lists that show its text or summary; no other post's page.
    assert "sleep/light/index.html" in changed
    assert not changed & {"sleep/worry/index.html", "sleep/help/index.html", "404.html"}
    assert "first-visit/index.html" not in changed


def _inputs_after_a_build(written: Folder, *, seed: str) -> Mapping[str, str]:
    """Edit one post, build in a process of its own, and return what each output was made from."""
    written.post("sleep/02-light.md", "Light & the clock", date="2026-10-08", body=f"{seed}\n")
    config = str(written.path / "config.toml")
    done = subprocess.run(
        [sys.executable, "-m", "publisher", "--config", config, "build"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0
    memory = load_memory(written.path / "var/build.memory")
    details = memory.details() if memory else None
    assert details is not None
    return details.inputs
