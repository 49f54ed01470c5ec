"""Staff are told what waits for them and what is coming: once, by a webhook and by a command."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from publisher import app, staffing
from publisher.app.alerting import alert_staff
from publisher.editorial.alerting import TRIES
from publisher.model import EditionState, Role
from publisher.store import staff
from tests.flows.scenes import (
    DAY,
    HOUR,
    MINUTE,
    approve,
    join,
    moment,
    only,
    tick,
    use_relay,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")


@dataclass(slots=True)
class Hook:
    """A webhook that remembers what it was told, and answers as it is bidden."""

    port: int = 0
    status: int = 200
    told: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def _serve() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            hook.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook that takes what it is told."""
    with _serve() as running:
        yield running


@pytest.fixture
def site(folder: Folder, hook: Hook) -> app.Site:
    """A site with two readers whose digest wants an approval, three days before its slot."""
    use_relay(
        folder,
        alerts=f'webhook = "http://127.0.0.1:{hook.port}/in"',
        digests__weekly=folder.settings["digests__weekly"] + '\napproval = "required"',
    )
    folder.post("sleep/01-worry.md", "Worry at night")
    site = folder.open()
    tick(site, SEEN)
    join(site, "anna", "ben")
    return site


def test_staff_are_told_a_day_before_and_when_it_waits(site: app.Site, hook: Hook) -> None:
    """What goes, when and to how many; then that nobody approved it. Each once, in plain words."""
    app.publish_once(site, now=SLOT - DAY + MINUTE, clock=lambda: SLOT - DAY + MINUTE)
    (heads_up,) = hook.told
    assert heads_up["kind"] == "heads-up"
    assert heads_up["what"] == (
        "Weekly letter goes on Tuesday 24 November 2026, 07:30 EST to 2 people."
    )
    assert heads_up["details"] == ["In it: Worry at night.", "It waits for an approval first."]
    assert heads_up["text"].startswith(heads_up["what"])
    assert "anna" not in json.dumps(hook.told)

    tick(site, SLOT)
    assert only(site).state is EditionState.HELD
    assert alert_staff(site, now=SLOT) == []
    assert alert_staff(site, now=SLOT + MINUTE) == []
    assert [one["kind"] for one in hook.told] == ["heads-up", "held"]
    assert hook.told[1]["reason"] == "unapproved"
    assert "nobody has approved it" in hook.told[1]["text"]


def test_an_approved_edition_is_announced_as_such(site: app.Site, hook: Hook) -> None:
    """Who reads the heads-up knows whether anything is asked of them."""
    tick(site, SLOT - DAY + MINUTE)
    assert approve(site, only(site), SLOT - DAY + MINUTE) == []

    assert alert_staff(site, now=SLOT - HOUR) == []

    assert hook.told[0]["details"][-1] == "Hold it if it should not go."


def test_an_edition_whose_posts_were_taken_back_is_not_announced(
    folder: Folder, site: app.Site, hook: Hook
) -> None:
    """Nothing is coming, so nothing is said."""
    tick(site, SLOT - DAY + MINUTE)
    (folder.path / "posts/sleep/01-worry.md").unlink()
    folder.post("sleep/01-worry.md", "Worry at night", withdrawn='"2026-11-23 wrong"')
    app.publish_once(site, now=SLOT - HOUR, clock=lambda: SLOT - HOUR, deliver_too=False)

    assert hook.told == []


def test_an_edition_of_another_schedule_is_announced_by_its_time(
    folder: Folder, site: app.Site, hook: Hook
) -> None:
    """Its slot is not in the plan any more; it goes all the same, and staff are told so."""
    tick(site, SLOT - HOUR)
    changed = folder.settings["digests__weekly"].replace("tuesday", "friday")
    folder.configure(digests__weekly=changed)

    assert alert_staff(folder.open(), now=SLOT - HOUR) == []

    (told,) = hook.told
    assert told["what"] == ("Weekly letter goes on Tuesday 24 November 2026, 07:30 EST.")


def test_a_webhook_that_fails_is_tried_again_and_then_left(site: app.Site, hook: Hook) -> None:
    """Later and later; nothing else waits for it, and the problem says what it answered."""
    hook.status = 500
    now = SLOT - HOUR
    tick(site, now)

    (problem,) = alert_staff(site, now=now)
    assert (problem.code, problem.level) == ("alert.untold", "warning")
    assert "500" in problem.got
    assert alert_staff(site, now=now) == []
    for _ in range(2 * TRIES):
        now += DAY / 2
        alert_staff(site, now=now)

    assert len([one for one in hook.told if one["kind"] == "heads-up"]) == TRIES


def test_a_webhook_that_is_away_stops_nothing(
    folder: Folder, site: app.Site, free_port: int
) -> None:
    """Once for all that waits: the next alert is not tried at the same moment."""
    folder.configure(alerts=f'webhook = "http://127.0.0.1:{free_port}/in"')
    site = folder.open()

    report = app.publish_once(site, now=SLOT - HOUR, clock=lambda: SLOT - HOUR)

    assert [one.code for one in report.problems] == ["alert.untold"]


def test_a_command_gets_the_alert_as_its_input(folder: Folder, site: app.Site, hook: Hook) -> None:
    """Both channels are told, each by itself; one that fails is no matter of the other."""
    save = "import sys; open('told.json', 'w').write(sys.stdin.read())"
    folder.configure(
        alerts=folder.settings["alerts"] + f'\ncommand = ["{sys.executable}", "-c", "{save}"]'
    )
    site = folder.open()
    tick(site, SLOT - HOUR)

    assert alert_staff(site, now=SLOT - HOUR) == []

    told = json.loads((folder.path / "told.json").read_text("utf-8"))
    assert [told] == hook.told

    folder.configure(alerts=f'command = ["{sys.executable}", "-c", "raise SystemExit(3)"]')
    tick(site, SLOT)
    (problem,) = alert_staff(folder.open(), now=SLOT)
    assert (problem.path, problem.got) == ("alerts.command", "exit 3: ")

    folder.configure(alerts='command = ["no-such-program"]')
    (problem,) = alert_staff(folder.open(), now=SLOT + 2 * MINUTE)
    assert "no-such-program" in problem.got


def test_without_a_channel_nothing_is_kept(folder: Folder, site: app.Site, hook: Hook) -> None:
    """A site that set none is not told years later of what was held then."""
    folder.configure(alerts="")
    site = folder.open()
    tick(site, SLOT - HOUR)

    assert alert_staff(site, now=SLOT - HOUR) == []
    assert hook.told == []


def test_a_channel_that_was_taken_out_is_left(folder: Folder, site: app.Site, hook: Hook) -> None:
    """What it was still to be told stays untold, and is no problem."""
    hook.status = 500
    tick(site, SLOT - HOUR)
    assert len(alert_staff(site, now=SLOT - HOUR)) == 1
    folder.configure(alerts=f'command = ["{sys.executable}", "-c", "pass"]')

    assert alert_staff(folder.open(), now=SLOT - MINUTE) == []
    assert len(hook.told) == 1


def test_who_can_act_gets_a_mail(folder: Folder, hook: Hook) -> None:
    """Publishers and admins, each once; an author does not. On a rehearsing site it is in the outbox."""
    folder.configure(digests__weekly=folder.settings["digests__weekly"] + '\nheads_up = "24h"')
    folder.post("sleep/01-worry.md", "Worry at night")
    site = folder.open()
    tick(site, SEEN)
    join(site, "anna")
    for name, role in (("Pat", Role.PUBLISHER), ("Ada", Role.ADMIN), ("Art", Role.AUTHOR)):
        address = f"{name.lower()}@practice.example"
        staffing.add(site.store, address, name=name, roles=[role], by="test", now=SEEN)
    tick(site, SLOT - HOUR)

    assert alert_staff(site, now=SLOT - HOUR) == []
    assert alert_staff(site, now=SLOT - MINUTE) == []

    mails = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in (folder.path / "outbox" / "staff").glob("*.eml")
    ]
    assert sorted(one["To"] for one in mails) == ["ada@practice.example", "pat@practice.example"]
    assert "Tuesday 24 November 2026, 07:30" in mails[0]["Subject"]
    body = mails[0].get_body(("plain",))
    assert body
    text = body.get_content()
    assert f"/console/editions/{only(site).id}" in text
    assert "anna" not in text
    assert hook.told == []


def test_an_account_that_is_gone_is_told_nothing(folder: Folder) -> None:
    """Its alert is left, and is no problem for anybody."""
    use_relay(folder)  # to a port where nobody listens
    folder.post("sleep/01-worry.md", "Worry at night")
    site = folder.open()
    tick(site, SEEN)
    join(site, "anna")
    pat = staffing.add(
        site.store, "pat@example.com", name="Pat", roles=[Role.ADMIN], by="test", now=SEEN
    )
    tick(site, SLOT - HOUR)

    (problem,) = alert_staff(site, now=SLOT - HOUR)
    assert (problem.code, problem.path) == ("alert.untold", "alerts.mail")
    with site.store.write() as tx:
        staff.remove(tx, pat.id)

    assert alert_staff(site, now=SLOT - MINUTE) == []
