"""The WebSub hub: told of each feed that changed, once it is live, before any mail; never in the way."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING

import pytest

from publisher import app, notify
from publisher.engine import clock
from tests import hubs, servers, smtpd
from tests.conftest import SITE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder
    from tests.hubs import Hub, Mood
    from tests.servers import House

FORMS = ("atom", "json", "rss")
SITE = [f"/feed.{form}" for form in FORMS]
SLEEP = [f"/sleep/feed.{form}" for form in FORMS]
WALKS = [f"/walks/feed.{form}" for form in FORMS]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that takes what it is told."""
    with hubs.serve() as running:
        yield running


@pytest.fixture
def house(folder: Folder) -> Iterator[House]:
    """The site's pages, served where its configuration says."""
    (folder.path / "public").mkdir()
    with servers.serve(folder.path / "public") as running:
        yield running


@pytest.fixture
def announced(folder: Folder, hub: Hub, house: House) -> Folder:
    """A site of two series whose hub is set; nothing is built yet."""
    _configure(folder, house, hub.url)
    folder.post("sleep/01-worry.md", "Worry at night")
    folder.post("walks/01-hills.md", "Hills")
    return folder


def _configure(folder: Folder, house: House, hub: str) -> None:
    folder.configure(
        site=f'name = "Riverside Letters"\nid = "{SITE_ID}"\nurl = "http://127.0.0.1:{house.port}"',
        feeds=f'hub = "{hub}"',
    )


def _publish(folder: Folder, digest: str | None = None) -> app.Report:
    return app.publish_once(folder.open(), now=clock.now(), clock=clock.now, digest=digest)


def test_each_new_feed_is_told_once_when_it_is_live(announced: Folder, hub: Hub) -> None:
    """One form-encoded ping for each feed address, and whoever fetches it gets the new feed."""
    report = _publish(announced)

    base = announced.open().config.site.url
    assert [ping.address for ping in hub.pings] == [f"{base}{one}" for one in SITE + SLEEP + WALKS]
    for ping in hub.pings:
        assert ping.path == "/hub?of=letters"
        assert ping.content_type == "application/x-www-form-urlencoded"
        assert ping.fields == (("hub.mode", "publish"), ("hub.url", ping.address))
        path = ping.address.removeprefix(f"{base}/")
        assert ping.feed == (announced.path / "public" / path).read_bytes()
        assert (b"Worry at night" in ping.feed) is not ("walks" in path)
    assert report.problems == []


def test_only_what_changed_is_told(announced: Folder, hub: Hub) -> None:
    """A second run tells nothing; an edited post is told of where it stands, as it is now."""
    _publish(announced)
    hub.told()
    _publish(announced)
    at_rest = hub.told()
    announced.post("walks/01-hills.md", "Hills", body="Other words.\n")
    _publish(announced)

    assert at_rest == []
    assert all(b"Other words." in ping.feed for ping in hub.pings)
    assert hub.told() == SITE + WALKS


def test_hub_is_told_before_any_mail(announced: Folder, hub: Hub, free_port: int) -> None:
    """When the first ping comes no mail has gone; then it goes."""
    announced.configure(
        mail='transport = "smtp"',
        mail__smtp=f'host = "127.0.0.1"\nport = {free_port}\nsecurity = "none"',
    )
    announced.run("subscribers", "add", "anna@example.net")
    mailed_by_then = []
    with smtpd.serve(free_port) as peer:
        hub.on_ping = lambda: mailed_by_then.append(len(peer.accepted))
        _publish(announced, "weekly")

    assert mailed_by_then == [0] * 9
    assert peer.recipients() == ["anna@example.net"]


@pytest.mark.parametrize(
    ("mood", "status", "words"),
    [
        ("answers", 500, "the status 500 Internal Server Error"),
        ("answers", 503, "the status 503 Service Unavailable"),
        ("answers", 429, "the status 429 Too Many Requests"),
        ("answers", 301, "the status 301 Moved Permanently"),
        ("answers", 307, "the status 307 Temporary Redirect"),
        ("hangs", 0, "no answer within 1.5 seconds"),
        ("drips", 0, "no answer within 1.5 seconds"),
        ("babbles", 0, "an answer that is no HTTP"),
        ("hangs up", 0, "an answer that is no HTTP"),
    ],
)
def test_hub_that_fails_is_told_by_the_next_run(
    announced: Folder,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    mood: Mood,
    status: int,
    words: str,
) -> None:
    """It is asked once, told of as a warning, and stops nothing; what it missed comes later."""
    patience = 1.5 if mood in {"hangs", "drips"} else 20
    monkeypatch.setattr(notify, "ping", functools.partial(notify.ping, seconds=patience))
    announced.run("subscribers", "add", "anna@example.net")
    hub.mood, hub.status = mood, status
    began = time.monotonic()
    report = _publish(announced, "weekly")
    took = time.monotonic() - began
    first = hub.told()
    hub.mood, hub.status = "answers", 204
    again = _publish(announced)

    assert first == SITE[:1]
    assert [(one.code, one.path, one.level, one.got) for one in report.problems] == [
        ("hub.ping", "feeds.hub", "warning", words)
    ]
    assert "9 feeds" in report.problems[0].hint
    assert report.exit_code == 0
    assert len(announced.outbox()) == 1
    assert took < 10
    assert hub.told() == SITE + SLEEP + WALKS
    assert again.problems == []


def test_hub_that_is_not_there_is_a_warning(folder: Folder, house: House, free_port: int) -> None:
    """Nobody listens: publishing goes on and the command ends well, with the reason on the screen."""
    _configure(folder, house, f"http://127.0.0.1:{free_port}/")
    folder.post("sleep/01-worry.md", "Worry at night")

    ran = folder.run("publish")

    assert ran.code == 0
    assert "feeds.hub" in ran.err
    assert "refused" in ran.err


def test_one_feed_that_the_hub_refuses_keeps_none_of_the_others(
    announced: Folder, hub: Hub
) -> None:
    """What is wrong with one feed is told of that one; it alone is tried again."""
    hub.statuses = {"/sleep/feed.atom": 404}

    report = _publish(announced)
    first = hub.told()
    _publish(announced)

    assert first == SITE + SLEEP + WALKS
    assert [one.got for one in report.problems] == ["the status 404 Not Found"]
    assert "/sleep/feed.atom" in report.problems[0].expected
    assert "1 feed " in report.problems[0].hint
    assert hub.told() == ["/sleep/feed.atom"]


def test_what_a_kill_left_untold_is_told(announced: Folder, hub: Hub) -> None:
    """Feeds that were written and not announced, by a build or before a kill, are told next time."""
    announced.run("build")
    after_build = hub.told()

    report = _publish(announced)

    assert after_build == []
    assert report.build.written == []
    assert hub.told() == SITE + SLEEP + WALKS


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "null", '{"hub": 1}', '{"hub": "HUB", "told": []}', "\xff"]
)
def test_damaged_record_costs_only_pings(announced: Folder, hub: Hub, record: str) -> None:
    """Without its record the hub is told of everything once more, and the record is whole again."""
    _publish(announced)
    hub.told()
    file = announced.path / "var" / "hub.json"
    file.write_text(record.replace("HUB", hub.url), "latin-1")

    _publish(announced)

    assert hub.told() == SITE + SLEEP + WALKS
    assert set(json.loads(file.read_text("utf-8"))["told"]) == {*SITE, *SLEEP, *WALKS}
    assert file.stat().st_mode & 0o777 == 0o600


def test_record_that_cannot_be_kept_stops_nothing(announced: Folder, hub: Hub) -> None:
    """What is in its way is named, and mail goes out."""
    (announced.path / "var" / "hub.json").mkdir(parents=True)
    announced.run("subscribers", "add", "anna@example.net")

    report = _publish(announced, "weekly")

    assert [one.code for one in report.problems] == ["site.in_the_way"]
    assert len(announced.outbox()) == 1
    assert hub.told() == SITE + SLEEP + WALKS


def test_feed_that_went_is_forgotten(announced: Folder, hub: Hub) -> None:
    """A feed that is no more is told of nobody and leaves the record."""
    _publish(announced)
    announced.run("withdraw", "walks/hills")
    hub.told()

    _publish(announced)

    record = json.loads((announced.path / "var" / "hub.json").read_text("utf-8"))
    assert hub.told() == SITE
    assert set(record["told"]) == {*SITE, *SLEEP}


def test_another_hub_is_told_of_everything(announced: Folder, hub: Hub, house: House) -> None:
    """A hub that is new to the site knows none of its feeds."""
    _publish(announced)
    with hubs.serve() as other:
        _configure(announced, house, other.url)
        _publish(announced)

        assert sorted(other.told()) == sorted(SITE + SLEEP + WALKS)


def test_without_a_hub_nothing_is_told_or_kept(folder: Folder) -> None:
    """No hub, no record."""
    folder.post("sleep/01-worry.md", "Worry at night")

    report = _publish(folder)

    assert report.problems == []
    assert not (folder.path / "var" / "hub.json").exists()


def test_round_ends_in_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that is slow for hundreds of feeds holds up the mail for a moment; the rest comes later."""
    hub.fetches = False

    def think() -> None:
        hub.closing.wait(0.05)

    hub.on_ping = think
    monkeypatch.setattr(notify, "ROUND_SECONDS", 0.3)

    done = notify.announce(hub.url, [f"http://a.example/{n}/feed.atom" for n in range(100)])

    assert 1 <= len(done.taken) < 10
    assert list(done.failures.values()) == ["no more answers within 0 seconds"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://nobody.invalid/", "Name or service not known"),
        ("http://127.0.0.1:1/", "refused"),
        ("https://127.0.0.1:PORT/", "SSL"),
        (f"http://{'a' * 70}.example/", "label"),
    ],
)
def test_address_that_is_no_hub_is_told_in_words(hub: Hub, address: str, words: str) -> None:
    """Whatever keeps the hub from being reached comes back as words, never as an exception."""
    reply = notify.ping(address.replace("PORT", str(hub.port)), "http://a.example/feed.atom")

    assert not reply.is_taken
    assert reply.is_about_the_hub
    assert words in reply.words
