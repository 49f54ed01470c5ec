"""A database server that dies while mails are on the wire, and comes back (K15, K16, D3)."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from publisher import delivering
from publisher.delivering import loop
from publisher.errors import Unavailable
from publisher.model import EditionState
from publisher.transport import SmtpLines, SmtpSettings
from tests.flows.scenes import HOUR, attempts, counts, join, moment, only, tick, use_relay
from tests.postgres import Server
from tests.relay import Moment, Relay

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from datetime import datetime

    from publisher import app
    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
READERS = [f"reader{n:02}" for n in range(40)]
LINES = 3


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one test, that keeps what it said it kept."""
    server = Server(durable=True)
    yield server
    server.stop()


def _send(site: app.Site, relay: Relay, at: datetime) -> None:
    settings = SmtpSettings(host="127.0.0.1", port=relay.port, security="none", hello="us.example")
    delivering.deliver(
        delivering.Sending(
            config=site.config,
            store=site.store,
            lines=lambda _: SmtpLines(settings),
            clock=lambda: at,
        )
    )


@pytest.mark.parametrize("what", ["MAIL", "END"])
def test_k16_a_server_that_dies_while_mails_are_on_the_wire_loses_nobody(
    folder: Folder, server: Server, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Nobody is lost; what may have gone twice is at most one mail a connection, and is named."""
    monkeypatch.setattr(loop, "PATIENCE_SECONDS", 0.2)
    folder.configure(database=f'url = "{server.make()}"')
    folder.post("one.md", "One", date="2026-11-01")
    use_relay(folder)
    folder.configure(mail__smtp=f'host = "127.0.0.1"\nport = 9\nconnections = {LINES}')
    site = folder.open()
    join(site, *READERS)
    tick(site, SEEN)
    tick(site, SLOT)
    turn = threading.Lock()

    def die(now: Moment, _wire: socket.socket) -> None:
        with turn:
            if (now.what, now.times) == (what, 9):
                server.kill()

    with Relay(die) as relay:
        with suppress(Unavailable):
            _send(site, relay, SLOT)
        taken = len(relay.kept)
        server.start()
        between = only(site).state
        for hours in range(1, 5):
            _send(site, relay, SLOT + hours * HOUR)

    uncertain = {one for one, _, outcome in attempts(site) if outcome == "uncertain"}
    assert (between, only(site).state) == (EditionState.SENDING, EditionState.SENT)
    assert 0 < taken < len(READERS)
    assert counts(site, only(site)) == {"accepted": len(READERS)}
    assert len(relay.counts) == len(READERS)
    assert relay.differing() == []
    assert sum(relay.repeats.values()) <= LINES
    assert {f"{READERS[one - 1]}@example.net" for one in uncertain} >= set(relay.repeats)
