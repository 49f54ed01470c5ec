"""``/metrics``: read by Prometheus' own rules, by callers on this machine and nobody else."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from publisher import app
from publisher.app import measuring
from publisher.model import Act
from publisher.web import make_site
from publisher.web.metrics import add_metrics
from publisher.web.public import make_app
from tests import servers
from tests.flows.scenes import MINUTE, join, moment, only, send, tick, use_relay

if TYPE_CHECKING:
    from tests.conftest import Folder
    from tests.servers import Kind

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
NOW = SLOT + 5 * MINUTE
SAMPLE = re.compile(r'(publisher_[a-z_]+)(?:\{(state|level)="([a-z]+)"\})? ([0-9.]+)')
"""One sample of the text format 0.0.4, as far as we use it."""


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site whose first edition is open to three readers."""
    folder.post("sleep/01-one.md", "One", date="2026-11-01")
    use_relay(folder)
    site = folder.open()
    join(site, "anna", "ben", "carla")
    tick(site, SEEN)
    tick(site, SLOT)
    return site


def _samples(text: str) -> dict[str, float]:
    """Read the text as its rules are: each family has HELP and TYPE first, each sample one line."""
    found: dict[str, float] = {}
    described: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, told = line.removeprefix("# HELP ").split(" ", 1)
            assert told
            assert name not in described
            described[name] = ""
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert described[name] == ""
            assert kind in {"gauge", "counter"}
            assert (kind == "counter") == name.endswith("_total")
            described[name] = kind
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert described[sample[1]]
            key = sample[1] if sample[3] is None else f"{sample[1]} {sample[3]}"
            assert key not in found
            found[key.removeprefix("publisher_")] = float(sample[4])
    assert text.endswith("\n")
    return found


def test_metrics_count_what_is_there(site: app.Site) -> None:
    """Editions and deliveries by state, the age of the queue, what this process did."""
    meter = app.Meter()
    before = _samples(app.describe_metrics(site, meter, now=NOW))
    app.handle_edition(site, only(site), Act.PAUSE, by="grey", now=NOW)
    paused = _samples(app.describe_metrics(site, meter, now=NOW))
    app.handle_edition(site, only(site), Act.RESUME, by="grey", now=NOW)
    send(site, NOW, on_progress=lambda _edition, _done: meter.count_accepted(now=NOW))
    after = _samples(app.describe_metrics(site, meter, now=NOW + MINUTE))

    assert (before["editions sending"], before["deliveries pending"]) == (1, 3)
    assert before["queue_age_seconds"] == timedelta(minutes=5).total_seconds()
    assert before["accepted_total"] == before["last_accepted_timestamp_seconds"] == 0
    assert before["sending_allowed"] == 1
    assert (paused["editions paused"], paused["queue_age_seconds"]) == (1, 0)
    assert (after["editions sent"], after["deliveries pending"]) == (1, 0)
    assert after["accepted_total"] == 3
    assert after["last_accepted_timestamp_seconds"] == NOW.timestamp()


def test_a_million_deliveries_are_not_counted_at_every_look(
    site: app.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are very many, what was counted just now is good enough; mails are always told."""
    monkeypatch.setattr(measuring, "_MANY", 3)
    monkeypatch.setattr(measuring, "_REST", 1_000_000)
    meter = app.Meter()
    before = _samples(app.describe_metrics(site, meter, now=NOW))
    send(site, NOW, on_progress=lambda _edition, _done: meter.count_accepted(now=NOW))
    resting = _samples(app.describe_metrics(site, meter, now=NOW))
    anew = _samples(app.describe_metrics(site, app.Meter(), now=NOW))

    assert before["deliveries pending"] == resting["deliveries pending"] == 3
    assert (resting["accepted_total"], anew["deliveries pending"]) == (3, 0)


def test_metrics_of_the_build_and_of_a_copied_database(folder: Folder, site: app.Site) -> None:
    """A build's problems are counted by level; a database that may not send is told."""
    folder.post("sleep/02-two.md", "Two", date="nonsense")
    meter = app.Meter()
    report = app.publish_once(site, now=NOW, clock=lambda: NOW, deliver_too=False)
    meter.note_publish(report, now=NOW)
    (folder.path / "var" / "epoch").unlink()
    read = _samples(app.describe_metrics(site, meter, now=NOW))

    assert read["build_problems error"] == 1
    assert read["build_problems warning"] == 0
    assert read["last_publish_timestamp_seconds"] == NOW.timestamp()
    assert read["sending_allowed"] == 0


def test_metrics_name_nobody_and_no_topic(site: app.Site) -> None:
    """No address, no title, no name of a digest or a series is in them."""
    text = app.describe_metrics(site, app.Meter(), now=NOW)

    for word in ("anna", "example", "One", "sleep", "weekly", "Weekly"):
        assert word not in text


@pytest.mark.parametrize(
    ("peer", "host", "headers", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", {}, 200),
        ("::1", "[::1]:8000", {}, 200),
        ("127.0.0.1", "localhost:8000", {}, 200),
        ("127.0.0.1", "letters.example.org", {}, 404),
        ("127.0.0.1", "127.0.0.1:8000", {"Via": "1.1 nginx"}, 404),
        ("127.0.0.1", "127.0.0.1:8000", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", "127.0.0.1:8000", {"Forwarded": "for=127.0.0.1"}, 404),
        ("127.0.0.1", "127.0.0.1:8000", {"X-Real-IP": "127.0.0.1"}, 404),
        ("192.0.2.7", "127.0.0.1:8000", {}, 404),
        ("192.0.2.7", "192.0.2.7:8000", {}, 404),
        ("unix", "127.0.0.1:8000", {}, 404),
    ],
)
def test_metrics_are_for_programs_of_this_machine(
    site: app.Site, peer: str, host: str, headers: dict[str, str], status: int
) -> None:
    """Whoever asks from elsewhere, by another name or through a proxy finds no such page."""
    asgi = make_site(
        site.config,
        site.store,
        app.make_pages(site.config),
        lambda: NOW,
        metrics=lambda: app.describe_metrics(site, app.Meter(), now=NOW),
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=asgi, client=(peer, 5_000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/metrics", headers=headers)

    with ThreadPoolExecutor(1) as pool:  # a browser's tests may have a loop running in this one
        reply = pool.submit(asyncio.run, ask()).result()

    assert reply.status_code == status
    if status == 200:
        assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert reply.headers["cache-control"] == "no-store"
        assert _samples(reply.text)["sending_allowed"] == 1
    else:
        assert "publisher_" not in reply.text


@pytest.mark.parametrize("kind", ["service", "nginx", "caddy"])
def test_metrics_are_not_passed_on_by_the_shipped_settings(
    folder: Folder, site: app.Site, kind: Kind
) -> None:
    """Whoever asks nginx or Caddy, even by the service's own name, finds no such page."""
    behind = make_app(site.config, site.store, app.make_pages(site.config), lambda: NOW)
    add_metrics(
        behind,
        app.make_pages(site.config),
        lambda: app.describe_metrics(site, app.Meter(), now=NOW),
    )
    with servers.serve(folder.path / "public", kind, fallback=behind) as house:
        answer = httpx.get(f"http://127.0.0.1:{house.port}/metrics", timeout=20)

    assert answer.status_code == (200 if kind == "service" else 404)
    assert ("publisher_editions" in answer.text) == (kind == "service")
