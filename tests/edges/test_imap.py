"""An IMAP mailbox: read from a real server, and given up in time where the server breaks."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from publisher.config import Imap
from publisher.errors import Unavailable
from publisher.inbox import MOST_OCTETS, ImapMailbox
from publisher.inbox.imap import _quoted
from tests import imapd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.imapd import MailHost


@pytest.fixture(scope="module")
def server() -> Iterator[MailHost]:
    """Dovecot, started once."""
    with imapd.serve() as host:
        yield host


@pytest.fixture
def host(server: MailHost) -> MailHost:
    """Dovecot with an empty mailbox."""
    for part in ("new", "cur"):
        for mail in (server.maildir / part).iterdir():
            mail.unlink()
    return server


def place(port: int, *, mailbox: str = "INBOX", has_tls: bool = False) -> Imap:
    """Return the mailbox's place."""
    return Imap(host="127.0.0.1", port=port, user=imapd.USER, mailbox=mailbox, has_tls=has_tls)


def visit(host: MailHost, *, mailbox: str = "INBOX") -> list[bytes]:
    """Take everything as read; return what there was."""
    found = []
    for arrival in ImapMailbox(place(host.port, mailbox=mailbox), imapd.PASSWORD).arrivals():
        found.append(arrival.data)
        arrival.put_away(True)
    return found


def test_what_is_unread_is_given_once(host: MailHost) -> None:
    """The oldest first; taken in it is seen, and never erased."""
    host.deliver(b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n")

    first, second = visit(host), visit(host)

    assert first == [b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n"]
    assert second == []
    assert all("S" in flags for flags in host.flags())
    assert len(host.flags()) == 2


def test_what_is_for_a_person_stays_unread_and_is_given_once(host: MailHost) -> None:
    """It bears a keyword instead, so that it is not fetched each minute."""
    host.deliver(b"Subject: a question\r\n\r\n?\r\n")

    (arrival,) = ImapMailbox(place(host.port), imapd.PASSWORD).arrivals()
    # The line is closed by now, as it is after a visit that broke off.
    with pytest.raises(Unavailable):
        arrival.put_away(False)
    for again in ImapMailbox(place(host.port), imapd.PASSWORD).arrivals():
        again.put_away(False)

    assert visit(host) == []
    assert all("S" not in flags for flags in host.flags())


def test_what_was_not_put_away_is_given_again(host: MailHost) -> None:
    """A visit that broke off loses nothing: fetching alone marks nothing as seen."""
    host.deliver(b"Subject: one\r\n\r\n1\r\n")

    looked = [one.data for one in ImapMailbox(place(host.port), imapd.PASSWORD).arrivals()]

    assert looked == visit(host)


def test_what_arrives_meanwhile_is_for_the_next_visit(host: MailHost) -> None:
    """Mail that is delivered while others are read is neither lost nor given twice."""
    host.deliver(b"Subject: one\r\n\r\n1\r\n")
    given = []

    for arrival in ImapMailbox(place(host.port), imapd.PASSWORD).arrivals():
        given.append(arrival.data)
        host.deliver(b"Subject: late\r\n\r\n2\r\n")
        arrival.put_away(True)

    assert given == [b"Subject: one\r\n\r\n1\r\n"]
    assert visit(host) == [b"Subject: late\r\n\r\n2\r\n"]


def test_of_a_long_mail_the_beginning_is_fetched(host: MailHost) -> None:
    """Megabytes do not cross the wire."""
    host.deliver(b"Subject: long\r\n\r\n" + b"x" * 2_000_000)

    (data,) = visit(host)

    assert len(data) == MOST_OCTETS


def test_a_mailbox_with_a_name_of_any_script_is_opened(host: MailHost) -> None:
    """Names are quoted, and written in IMAP's own UTF-7."""
    host.deliver(b"Subject: one\r\n\r\n1\r\n", folder=".R&APw-ckl&AOQ-ufer &- more")

    assert visit(host, mailbox="Rückläufer & more") == [b"Subject: one\r\n\r\n1\r\n"]
    assert _quoted('a "b" \\ 台北') == '"a \\"b\\" \\\\ &U,BTFw-"'


def test_a_server_with_tls_is_read_where_its_certificate_is_trusted(host: MailHost) -> None:
    """An unknown certificate ends the visit before the password is said."""
    host.deliver(b"Subject: one\r\n\r\n1\r\n")
    there = place(host.tls_port, has_tls=True)
    trusted = ssl.create_default_context(cafile=str(host.certificate))

    found = [one.data for one in ImapMailbox(there, imapd.PASSWORD, trusted=trusted).arrivals()]
    with pytest.raises(Unavailable, match="certificate"):
        list(ImapMailbox(there, imapd.PASSWORD).arrivals())

    assert len(found) == 1


@pytest.mark.parametrize(
    ("password", "mailbox", "said"),
    [("wrong", "INBOX", "AUTHENTICATIONFAILED"), (imapd.PASSWORD, "Nowhere", "Mailbox")],
)
def test_a_server_that_lets_us_not_in_is_told(
    host: MailHost, password: str, mailbox: str, said: str
) -> None:
    """The problem says what the server said, and not the password."""
    with pytest.raises(Unavailable) as caught:
        list(ImapMailbox(place(host.port, mailbox=mailbox), password).arrivals())

    (problem,) = caught.value.problems
    assert said in problem.got
    assert password not in problem.as_text()


# -------------------------------------------------------------------------------- when it breaks


@contextmanager
def broken(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that answers one line of a visit as it likes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        taken: list[socket.socket] = []

        def serve() -> None:
            wire, _ = listening.accept()
            taken.append(wire)
            try:
                answer(wire)
            except OSError:  # the visitor gave up first
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            thread.join()
            for wire in taken:
                wire.close()


def _silent(wire: socket.socket) -> None:
    wire.recv(1)


def _drips(wire: socket.socket) -> None:
    while True:
        wire.sendall(b"* OK")
        threading.Event().wait(0.05)


def _drops(wire: socket.socket) -> None:
    wire.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    wire.recv(100)
    wire.shutdown(socket.SHUT_RDWR)


def _babbles(wire: socket.socket) -> None:
    wire.sendall(b"\xff\x00 what?\r\n" * 100)
    wire.recv(1)


def _goodbye(wire: socket.socket) -> None:
    wire.sendall(b"* BYE too many connections\r\n")


@pytest.mark.parametrize("answer", [_silent, _drips, _drops, _babbles, _goodbye])
def test_a_server_that_breaks_is_given_up_in_time(answer: Callable[[socket.socket], None]) -> None:
    """Silent, dripping, dropping the line, talking nonsense: bounded, and nothing is lost."""
    began = monotonic()

    with broken(answer) as port, pytest.raises(Unavailable) as caught:
        list(
            ImapMailbox(
                place(port), imapd.PASSWORD, silence_seconds=0.5, visit_seconds=1
            ).arrivals()
        )

    assert monotonic() - began < 10
    assert caught.value.problems[0].code == "feedback.imap"
    assert caught.value.problems[0].got


def test_a_silent_server_does_not_hold_up_the_end() -> None:
    """Told to stop, the visit ends at once; nothing is lost."""
    began, stopping = monotonic(), threading.Event()
    threading.Timer(0.2, stopping.set).start()

    with broken(_silent) as port, pytest.raises(Unavailable):
        list(ImapMailbox(place(port), "x", is_stopping=stopping.is_set).arrivals())

    assert monotonic() - began < 8


def test_no_server_is_told(free_port: int) -> None:
    """Nobody listens there."""
    with pytest.raises(Unavailable, match="refused"):
        list(ImapMailbox(place(free_port), imapd.PASSWORD).arrivals())
