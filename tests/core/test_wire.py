"""SMTP as values: stuffing is undone by any server, and any octets are a reply or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.transport.wire import LONGEST_REPLY, Reply, parse_reply, stuff


def unstuff(octets: bytes) -> bytes:
    """Read what follows DATA as a server does, line by line (RFC 5321 section 4.5.2)."""
    lines = octets.split(b"\r\n")
    end = lines.index(b".")
    assert lines[end + 1 :] == [b""]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


@given(st.lists(st.text(alphabet=".ab\u00fc", max_size=4)))
def test_stuffing_is_undone_by_a_server(lines: list[str]) -> None:
    """However many dots a mail has, a server reads the mail and only then its end."""
    data = "".join(f"{line}\r\n" for line in lines).encode()

    assert unstuff(stuff(data)) == data


def test_mail_without_a_last_line_end_gets_one() -> None:
    """The final dot stands on its own line."""
    assert stuff(b"hello") == b"hello\r\n.\r\n"
    assert stuff(b"") == b".\r\n"


@given(st.binary(max_size=200))
def test_any_octets_are_a_reply_or_none(octets: bytes) -> None:
    """Garbage is a value too: no octets raise, and what is taken was there."""
    found = parse_reply(octets + b"\n")

    reply, taken = found or (Reply(code=200, lines=()), 0)
    assert reply.code == 0 or 200 <= reply.code < 600
    assert taken <= len(octets) + 1
    assert reply.text.isprintable()


@given(
    st.sampled_from([250, 354, 421, 550]),
    st.lists(st.from_regex(r"[ -~]{0,20}", fullmatch=True), min_size=1, max_size=4),
    st.data(),
)
def test_reply_is_whole_or_not_there(code: int, lines: list[str], data: st.DataObject) -> None:
    """A reply of any number of lines is read when its last octet is there, and not before."""
    marks = "-" * (len(lines) - 1) + " "
    octets = "".join(f"{code}{m}{x}\r\n" for m, x in zip(marks, lines, strict=True)).encode()
    cut = data.draw(st.integers(min_value=0, max_value=len(octets) - 1))

    reply = Reply(code=code, lines=tuple(line.encode() for line in lines))

    assert parse_reply(octets[:cut]) is None
    assert parse_reply(octets + b"250 next") == (reply, len(octets))


@pytest.mark.parametrize(
    ("octets", "code", "enhanced", "text"),
    [
        (b"250\r\n", 250, "", ""),
        (b"250 ok\n", 250, "", "ok"),
        (b"550 5.1.1 no such user\r\n", 550, "5.1.1", "5.1.1 no such user"),
        (b"550 #5.1.0 no\r\n", 550, "5.1.0", "#5.1.0 no"),
        (b"550 5.7.515 denied\r\n", 550, "5.7.515", "5.7.515 denied"),
        (b"550-5.7.1 a\r\n550 5.7.1 b\r\n", 550, "5.7.1", "5.7.1 a 5.7.1 b"),
        (b"550 4.1.1 odd\r\n", 550, "", "4.1.1 odd"),
        (b"550 5.1.1.1 odd\r\n", 550, "", "5.1.1.1 odd"),
        (b"550 see 5.1.1\r\n", 550, "", "see 5.1.1"),
        (b"451 4.7.1\r\n", 451, "4.7.1", "4.7.1"),
        (b"550 \xc3\xa9\x1b[2J\r\n", 550, "", "\ufffd\ufffd\ufffd[2J"),
        (b"550 " + b"x" * 600 + b"\r\n", 550, "", "x" * 500),
        (b"250-a\r\n550 b\r\n", 0, "", "250-a 550 b"),
        (b"HTTP/1.1 400 Bad\r\n", 0, "", "HTTP/1.1 400 Bad"),
        (b"999 no\r\n", 0, "", "999 no"),
        (b"2500 no\r\n", 0, "", "2500 no"),
        (b"\r\n", 0, "", ""),
    ],
)
def test_reply_is_understood(octets: bytes, code: int, enhanced: str, text: str) -> None:
    """Codes and words come out of what servers really say; octets that are no text are replaced."""
    reply, _ = parse_reply(octets) or (None, 0)

    assert reply
    assert (reply.code, reply.enhanced) == (code, enhanced)
    assert reply.text == text


def test_endless_reply_is_none() -> None:
    """64 KB are no reply, in one line or in many."""
    one_line = b"250 " + b"x" * LONGEST_REPLY
    many_lines = b"250-more\r\n" * (LONGEST_REPLY // 10 + 1)

    codes = [found[0].code for text in (one_line, many_lines) if (found := parse_reply(text))]

    assert codes == [0, 0]
