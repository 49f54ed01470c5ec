"""The service's log: what happens to editions, a summary a minute, nobody's address."""

from __future__ import annotations

import io
import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from publisher import app
from publisher.engine.logbook import Lines, Logbook, hide_addresses, open_log
from publisher.model import Accepted, Act, Deferred, Phase
from publisher.store import subscribers
from publisher.tokens import Key, keyed_hash
from tests.factories import make_problem
from tests.fakes import MemoryTransport
from tests.flows.scenes import join, moment, only, send, tick, use_relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

SEEN = moment("2026-11-20 12:00")
SLOT = moment("2026-11-24 07:30", "America/New_York")
PEPPER = Key(id=1, purpose="pepper", secret=b"p" * 32)
ANNA = f"address:{keyed_hash(PEPPER, 'anna@example.net')[:12]}"


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


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; afterwards logging is as it was."""
    logger = logging.getLogger()
    before, level = logger.handlers[:], logger.level
    yield io.StringIO()
    logger.handlers[:] = before
    logger.setLevel(level)


def test_each_change_of_an_edition_is_one_line(site: app.Site, stream: io.StringIO) -> None:
    """Looked at again, what did not change is not told again; what was over before is no news."""
    open_log(site, stream, as_json=True)
    book = Logbook(site, lambda: SLOT)
    for act in (None, None, Act.PAUSE, Act.RESUME):
        if act:
            app.handle_edition(site, only(site), act, by="grey", now=SLOT)
        book.look()
    send(site, SLOT)
    book.look()
    Logbook(site, lambda: SLOT).look()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [line["state"] for line in lines] == ["sending", "paused", "sending", "sent"]
    assert {line["event"] for line in lines} == {"edition"}
    assert lines[-1]["message"] == "weekly/1 sent: 3 accepted"
    assert lines[-1]["counts"] == {"accepted": 3}
    assert lines[0]["progress"] == {"per_second": 0.0, "seconds_left": None}


def test_summary_comes_once_a_minute(site: app.Site, stream: io.StringIO) -> None:
    """While mail goes out, one line a minute says how far it is, how fast, and how long still."""
    open_log(site, stream, as_json=False)
    now = [SLOT]
    book = Logbook(site, lambda: now[0])
    busy = Deferred(code=451, reply="<carla@example.net> later", phase=Phase.RCPT)
    way_out = MemoryTransport([Accepted(), Accepted(), busy])
    send(site, SLOT, way_out, on_progress=book.progress)
    for seconds in (30, 59, 60, 61, 119, 125):
        now[0] = SLOT + timedelta(seconds=seconds)
        book.progress(only(site), 2)
    lines = [line.split(" INFO ")[1] for line in stream.getvalue().splitlines()]

    assert lines == [
        "weekly/1 sending: 2 accepted, 1 deferred; 3/min, 0:20 left",
        "weekly/1 sending: 2 accepted, 1 deferred; none in the last minute",
    ]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("550 <anna@example.net>: unknown", f"550 <{ANNA}>: unknown"),
        ("to=Anna@EXAMPLE.net.", f"to={ANNA}."),
        ("a@b and anna@example.net", f"address:{keyed_hash(PEPPER, 'a@b')[:12]} and {ANNA}"),
        ("nobody here", "nobody here"),
        ("5 @ 3", "5 @ 3"),
    ],
)
def test_addresses_are_hashed_the_same_however_they_are_written(text: str, hidden: str) -> None:
    """The hash is keyed: without the key nobody can try addresses."""
    assert hide_addresses(text, PEPPER) == hidden


@pytest.mark.parametrize("as_json", [True, False])
def test_lines_name_nobody(as_json: bool) -> None:
    """Also what another library logs, its arguments, its traceback and the facts of an event."""
    lines = Lines(PEPPER, as_json=as_json)
    error = ValueError("by anna@example.net")
    record = logging.LogRecord(
        "x", logging.ERROR, "x", 1, "of %s", ("anna@example.net",), (ValueError, error, None)
    )
    record.facts = {"event": "edition", "reasons": ["anna@example.net"]}
    line = lines.format(record)

    assert "anna@" not in line
    assert "example.net" not in line
    assert f"of {ANNA}" in line
    assert "ValueError" in line
    if as_json:
        read = json.loads(line)
        assert (read["level"], read["event"], read["reasons"]) == ("error", "edition", [ANNA])


def test_log_hashes_with_the_sites_own_pepper(site: app.Site, stream: io.StringIO) -> None:
    """The key is the site's; a plain message is an event of its own kind."""
    log = open_log(site, stream, as_json=True)
    log.warning("no mail to %s", "anna@example.net")
    with site.store.read() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
    line = json.loads(stream.getvalue())

    assert line["message"] == f"no mail to address:{keyed_hash(pepper, 'anna@example.net')[:12]}"
    assert (line["event"], line["level"]) == ("message", "warning")


def test_what_is_wrong_is_told_once_until_it_is_mended(
    site: app.Site, stream: io.StringIO
) -> None:
    """Every tick finds the same problem: it is one line, and one more if it comes back."""
    open_log(site, stream, as_json=True)
    book = Logbook(site, lambda: SLOT)
    error, warning = make_problem(), make_problem(path="posts/other.md", level="warning")
    for found in ([error], [error], [error, warning], [], [error]):
        book.complain(found)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [(line["level"], line["path"]) for line in lines] == [
        ("error", "posts/sleep.md"),
        ("warning", "posts/other.md"),
        ("error", "posts/sleep.md"),
    ]
    assert {(line["event"], line["code"]) for line in lines} == {("problem", "post.title")}
