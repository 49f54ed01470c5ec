"""Mail: what a stranger's parser reads is what was meant, and the bytes pass every server."""

from __future__ import annotations

import email.policy
import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import letters
from publisher.errors import Refused
from publisher.mail import (
    CompiledLetter,
    MailingList,
    compile_letter,
    compose,
    compose_notice,
    quoting,
)
from publisher.model import Address, Letter, Notice

DATE = datetime(2026, 11, 24, 7, 30, tzinfo=timezone(timedelta(hours=-5)))
LIST = MailingList(
    name="Riverside Letters",
    list_id="letters.example.org",
    archive_url="https://example.org/archive/",
    web_url="https://example.org/editions/weekly/12/",
    help_url="https://example.org/privacy/",
    owner="hello@example.org",
    reply_to=("Riverside", "hello@example.org"),
    feedback_id="weekly-12:digest:letters:riverside",
)
VALUES: dict[str, Any] = {
    "to": Address(typed="Ada.Lovelace@example.com", key="ada.lovelace@example.com"),
    "from_": ("Riverside Letters", "letters@example.org"),
    "subject": "Weekly letter: Exercise and mood",
    "preheader": "Both helped & more.",
    "reason": "You get this because you confirmed it on 3 March 2026.",
    "unsubscribe_url": "https://example.org/u/abc?x=1&y=2",
    "preferences_url": "https://example.org/preferences/abc",
    "message_id": "12.345@letters.example.org",
    "date": DATE,
}
LETTER = Letter(
    key="k",
    post_ids=("p",),
    html="<p>@@PREHEADER@@</p>\n<p>Grüße = ☂</p>\n@@REASON@@ "
    '<a href="@@PREFERENCES_URL@@">x</a><a href="@@UNSUBSCRIBE_URL@@">y</a>\n',
    text="Hello\n.dot\nFrom me \n\n-- \n@@REASON@@\n@@PREFERENCES_URL@@\n@@UNSUBSCRIBE_URL@@\n",
)


def build(letter: Letter = LETTER, mailing_list: MailingList = LIST, **changes: Any) -> bytes:
    return compose(compile_letter(letter, mailing_list=mailing_list), **(VALUES | changes))


def parse(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


def fill(text: str, escape: bool, **changes: Any) -> str:
    values = VALUES | changes
    for token in letters.TOKENS:
        name = token.strip("@").lower()
        text = text.replace(token, html.escape(values[name]) if escape else values[name])
    return text


def check_bytes(raw: bytes) -> None:
    """Every rule of RFC 5322 and RFC 2045 that a server may refuse mail for."""
    assert raw.isascii()
    assert b"\0" not in raw
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    head, _, rest = raw.partition(b"\r\n\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert max(map(len, rest.split(b"\r\n"))) <= 76
    assert not [line for line in rest.split(b"\r\n") if line.startswith((b".", b"From "))]
    assert not [line for line in rest.split(b"\r\n") if line.endswith((b" ", b"\t"))]
    assert not [line for line in head.split(b"\r\n") if not line.strip()]


# ------------------------------------------------------------------------------------ one mail


def test_mail_is_what_was_meant() -> None:
    """Headers and both parts come back from a stranger's parser as they went in."""
    raw = build()
    message = parse(raw)

    check_bytes(raw)
    assert [(name, str(value)) for name, value in message.items()] == [
        ("From", "Riverside Letters <letters@example.org>"),
        ("To", "Ada.Lovelace@example.com"),
        ("Subject", "Weekly letter: Exercise and mood"),
        ("Date", "Tue, 24 Nov 2026 07:30:00 -0500"),
        ("Message-ID", "<12.345@letters.example.org>"),
        ("List-Unsubscribe", "<https://example.org/u/abc?x=1&y=2>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Reply-To", "Riverside <hello@example.org>"),
        ("MIME-Version", "1.0"),
        ("List-Id", "Riverside Letters <letters.example.org>"),
        ("Feedback-ID", "weekly-12:digest:letters:riverside"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "bulk"),
        ("List-Help", "<https://example.org/privacy/>"),
        ("List-Owner", "<mailto:hello@example.org>"),
        ("List-Archive", "<https://example.org/archive/>"),
        ("Archived-At", "<https://example.org/editions/weekly/12/>"),
        ("Content-Type", message["Content-Type"]),
        ("Content-Transfer-Encoding", "7bit"),
    ]
    assert body(message, "plain") == fill(LETTER.text, escape=False)
    assert body(message, "html") == fill(LETTER.html, escape=True)


def test_mail_has_two_parts_text_first() -> None:
    """The parts are text and HTML, in this order, in UTF-8 and quoted-printable."""
    message = parse(build())
    parts = list(message.iter_parts())

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    assert {part["Content-Transfer-Encoding"] for part in parts} == {"quoted-printable"}


def test_mail_is_the_same_every_time() -> None:
    """The same letter to the same reader is the same bytes; another letter has another boundary."""
    compiled = compile_letter(LETTER, mailing_list=LIST)
    other = compile_letter(replace(LETTER, text=LETTER.text + "x"), mailing_list=LIST)

    assert compose(compiled, **VALUES) == build() == build()
    assert compiled.segments[0] != other.segments[0]
    assert compiled.html_octets == len(LETTER.html.encode())


def test_mail_for_the_discreet_says_nothing_of_the_web() -> None:
    """A discreet reader's headers do not lead to what the edition is about."""
    message = parse(build(discreet=True, subject="Your weekly reading"))

    assert (message["List-Archive"], message["Archived-At"]) == (None, None)
    assert message["List-Id"] == "Riverside Letters <letters.example.org>"


def test_mail_of_a_plain_list_has_no_empty_headers() -> None:
    """What a list does not have is no header, and a Message-ID may come in its brackets."""
    plain = MailingList(name="", list_id="letters.example.org")
    message = parse(build(mailing_list=plain, message_id="<1@example.org>"))

    assert message["List-Id"] == "<letters.example.org>"
    assert message["Message-ID"] == "<1@example.org>"
    assert {"Reply-To", "Feedback-ID", "List-Archive", "Archived-At"}.isdisjoint(message.keys())


def test_mail_can_be_left_by_mail_too() -> None:
    """A mailto form stands after the https one, unencoded, on a line of its own."""
    raw = build(unsubscribe_mailto="mailto:leave@example.org?subject=abc")

    assert (
        b"List-Unsubscribe: <https://example.org/u/abc?x=1&y=2>,\r\n"
        b" <mailto:leave@example.org?subject=abc>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    ) in raw


def test_mail_keeps_a_long_unsubscribe_plain() -> None:
    """However long the address is, List-Unsubscribe is never an encoded word."""
    url = f"https://example.org/u/{'a' * 300}"

    raw = build(unsubscribe_url=url)

    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert parse(raw)["List-Unsubscribe"] == f"<{url}>"
    assert url in body(parse(raw), "html")


def test_mail_to_an_address_outside_ascii_is_utf8() -> None:
    """Only the To header of such an address is not ASCII: it needs SMTPUTF8 anyway."""
    raw = build(to=Address(typed="jürgen@example.org", key="jürgen@example.org"))

    assert "To: jürgen@example.org\r\n".encode() in raw
    assert raw.replace("ü".encode(), b"").isascii()


def test_slots_are_those_of_letters() -> None:
    """The open places that a letter has are the ones that a mail fills."""
    assert quoting.TOKENS == letters.TOKENS


def test_boundary_is_in_no_part() -> None:
    """A letter that quotes its own boundary does not end a part."""
    compiled = compile_letter(LETTER, mailing_list=LIST)
    found = re.search(rb'boundary="(=_[0-9a-f]{24})"', compiled.headers)
    assert found

    boundary = found[1].decode()
    message = parse(build(reason=f"--{boundary}--", preheader=f"\n--{boundary}\n"))

    assert len(list(message.iter_parts())) == 2
    assert f"--{boundary}--" in body(message, "plain")


@pytest.mark.parametrize(
    "text",
    [
        "@@REASON@@",
        "@@REASON@@@@UNSUBSCRIBE_URL@@",
        "a@@REASON@@b@@REASON@@ \nc",
        "@@REASON@@\n@@REASON@@",
        "x" * 75 + "@@REASON@@" + "y" * 80,
        "x" * 76 + "\n" + "=" * 40 + "\n" + "ü" * 40 + " \n\t",
        "." * 200 + "\n" + "From " * 40,
        "no slot\r\nand\rother line ends\n",
        "",
    ],
)
def test_slots_may_stand_anywhere(text: str) -> None:
    """Wherever its slots are, a part decodes to the letter with the values in their places."""
    letter = replace(LETTER, text=text, html=text)
    values: dict[str, Any] = {
        "reason": "From . it = fällt ",
        "unsubscribe_url": "https://example.org/" + "u" * 90,
    }

    raw = build(letter, **values)

    meant = text.replace("\r\n", "\n").replace("\r", "\n")
    check_bytes(raw)
    assert body(parse(raw), "plain") == fill(meant, escape=False, **values)
    assert body(parse(raw), "html") == fill(meant, escape=True, **values)


# --------------------------------------------------------------------------------- properties

LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)
BODY = st.lists(
    st.one_of(
        LINE,
        st.sampled_from(
            [*letters.TOKENS, "\n", "\n.", "\nFrom ", " \n", "\t\n", "=", "👩🏽‍⚕️", "."]
        ),
        st.integers(60, 1200).map("x".__mul__),
        st.integers(20, 200).map("é".__mul__),
    ),
    max_size=12,
).map("".join)
URL = st.text("abcXYZ012-._~%=&?/", max_size=120).map("https://example.org/u/".__add__)


@given(text=BODY, page=BODY, reason=LINE, preheader=LINE, unsubscribe=URL, preferences=URL)
@settings(max_examples=150, deadline=None)
def test_any_body_comes_back(
    text: str, page: str, reason: str, preheader: str, unsubscribe: str, preferences: str
) -> None:
    """Every text, with every value in its slots, decodes to itself and passes every server."""
    values: dict[str, Any] = {
        "reason": reason,
        "preheader": preheader,
        "unsubscribe_url": unsubscribe,
        "preferences_url": preferences,
    }

    raw = build(replace(LETTER, text=text, html=page), **values)

    message = parse(raw)
    check_bytes(raw)
    assert body(message, "plain") == fill(text, escape=False, **values)
    assert body(message, "html") == fill(page, escape=True, **values)
    assert message["List-Unsubscribe"] == f"<{unsubscribe}>"


@given(text=BODY, page=BODY, reason=LINE)
@settings(max_examples=100, deadline=None)
def test_any_mail_is_what_a_full_build_gives(text: str, page: str, reason: str) -> None:
    """Joined from compiled pieces, a mail reads as one that the standard library built anew."""
    text, page = f"{text}\n", f"{page}\n"
    whole = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=76))
    whole["From"] = "Riverside Letters <letters@example.org>"
    whole["To"] = VALUES["to"].typed
    whole["Subject"] = VALUES["subject"]
    whole["Date"] = DATE
    whole["Message-ID"] = f"<{VALUES['message_id']}>"
    whole.set_content(fill(text, escape=False, reason=reason), cte="quoted-printable")
    whole.add_alternative(
        fill(page, escape=True, reason=reason), subtype="html", cte="quoted-printable"
    )

    ours = parse(build(replace(LETTER, text=text, html=page), reason=reason))

    theirs = parse(bytes(whole))
    for header in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert ours[header] == theirs[header]
    for kind in ("plain", "html"):
        assert body(ours, kind) == body(theirs, kind)


@given(LINE)
@settings(max_examples=300, deadline=None)
def test_any_subject_comes_back(subject: str) -> None:
    """A subject of any characters is read as it was written, on folded lines of ASCII."""
    raw = build(subject=subject)

    head = raw.partition(b"\r\nDate: ")[0].partition(b"Subject:")[2]
    check_bytes(raw)
    assert parse(raw)["Subject"] == subject
    assert max(map(len, (b"Subject:" + head).split(b"\r\n"))) <= 76
    assert max((len(word) for word in re.findall(rb"=\?utf-8\?.\?\S*\?=", head)), default=0) <= 75


@given(LINE)
@settings(max_examples=300, deadline=None)
def test_any_name_comes_back(name: str) -> None:
    """A display name of any characters is read as it was written, needless spaces aside.

    The name is decoded by RFC 2047's own rule: the parser of Python 3.11 leaves a space between
    two encoded words of a name.
    """
    raw = build(from_=(name, "letters@example.org"))

    header = raw.partition(b"\r\nTo: ")[0].decode().replace("\r\n", "").removeprefix("From: ")
    shown, _ = parseaddr(header)
    check_bytes(raw)
    assert parse(raw)["From"].addresses[0].addr_spec == "letters@example.org"
    assert str(make_header(decode_header(shown))) == re.sub(" +", " ", name).strip(" ")


@given(LINE, st.integers(0, 10**10), st.integers(-14 * 60, 14 * 60))
@settings(max_examples=100, deadline=None)
def test_any_notice_comes_back(text: str, second: int, offset: int) -> None:
    """A notice is text and HTML, with the date it was given and no header of a list."""
    date = datetime.fromtimestamp(second, timezone(timedelta(minutes=offset)))

    raw = compose_notice(
        Notice(subject=text, text=f"{text}\n", html=f"<p>{text}</p>\n"),
        to=VALUES["to"],
        from_=VALUES["from_"],
        message_id="1@example.org",
        date=date,
    )

    message = parse(raw)
    check_bytes(raw)
    assert message["Subject"] == text
    assert body(message, "plain") == text + "\n"
    assert body(message, "html") == f"<p>{text}</p>\n"
    assert message["Date"].datetime == date
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.startswith(("List-", "Precedence"))]


def test_notice_is_answered_and_left_where_asked() -> None:
    """A notice may name another mailbox for answers, and a way to leave where there is one."""
    raw = compose_notice(
        Notice(subject="Welcome", text="One.\r\nTwo.\n", html="<p>One.</p>\n"),
        to=VALUES["to"],
        from_=VALUES["from_"],
        reply_to=("", "desk@example.org"),
        unsubscribe_url="https://example.org/u/abc",
        message_id="1@example.org",
        date=DATE,
    )

    message = parse(raw)
    assert message["Reply-To"] == "desk@example.org"
    assert message["List-Unsubscribe"] == "<https://example.org/u/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body(message, "plain") == "One.\nTwo.\n"


# ---------------------------------------------------------------------------- single headers


@pytest.mark.parametrize(
    ("subject", "wire"),
    [
        ("", b"Subject:\r\n"),
        ("Plain", b"Subject: Plain\r\n"),
        ("Grüße", b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"),
        ("日本語", b"Subject: =?utf-8?q?=E6=97=A5=E6=9C=AC=E8=AA=9E?=\r\n"),
        ("=?utf-8?q?x?=", b"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n"),
        ("日" * 6, b"Subject: =?utf-8?b?5pel5pel5pel5pel5pel5pel?=\r\n"),
        (" two  spaces ", b"Subject: =?utf-8?q?_two__spaces_?=\r\n"),
        (
            "word " * 20 + "end",
            b"Subject: " + b"word " * 12 + b"word\r\n " + b"word " * 7 + b"end\r\n",
        ),
    ],
)
def test_subject_is_encoded_only_where_it_must(subject: str, wire: bytes) -> None:
    """Plain text stays plain and is folded; the rest takes the encoding of fewer words."""
    assert wire in build(subject=subject)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("", b"From: letters@example.org\r\n"),
        (" Ada  L ", b"From: Ada L <letters@example.org>\r\n"),
        ("Ada", b"From: Ada <letters@example.org>\r\n"),
        ("Dr. A, B", b'From: "Dr. A, B" <letters@example.org>\r\n'),
        ('The "A" \\', b'From: "The \\"A\\" \\\\" <letters@example.org>\r\n'),
        ("Jürgen", b"From: =?utf-8?q?J=C3=BCrgen?= <letters@example.org>\r\n"),
        ("word " * 14 + "x", b"From: " + b"word " * 13 + b"word\r\n x <letters@example.org>\r\n"),
    ],
)
def test_name_is_quoted_only_where_it_must(name: str, wire: bytes) -> None:
    """A display name is atoms, a quoted string or encoded words, whichever it needs."""
    assert wire in build(from_=(name, "letters@example.org"))


def test_list_id_is_never_encoded() -> None:
    """A list whose name is not ASCII goes by its identifier alone."""
    raw = build(mailing_list=replace(LIST, name="Grüße"))

    assert b"List-Id: <letters.example.org>\r\n" in raw
    assert parse(raw)["List-Id"] == "<letters.example.org>"


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"subject": "a\r\nBcc: x@example.org"}, "Subject"),
        ({"subject": "a\nb"}, "Subject"),
        ({"subject": "a\rb"}, "Subject"),
        ({"subject": "a\0b"}, "Subject"),
        ({"subject": "a\u2028b"}, "Subject"),
        ({"subject": "a\ud800"}, "Subject"),
        ({"from_": ("a\nb", "letters@example.org")}, "From"),
        ({"from_": ("a", "letters@example.org>\r\nX: y")}, "From"),
        ({"from_": ("a", "jürgen@example.org")}, "From"),
        ({"to": Address(typed="a@example.org, b@example.org", key="x")}, "To"),
        ({"to": Address(typed="a\n@example.org", key="x")}, "To"),
        ({"to": Address(typed="a@example.org\n", key="x")}, "To"),
        ({"message_id": "12"}, "Message-ID"),
        ({"message_id": "1@example.org\n"}, "Message-ID"),
        ({"unsubscribe_url": "https://example.org/u/a b"}, "List-Unsubscribe"),
        ({"unsubscribe_url": "https://example.org/ü"}, "List-Unsubscribe"),
        ({"unsubscribe_url": "javascript:x"}, "List-Unsubscribe"),
        ({"unsubscribe_url": "https://example.org/>\r\nX: y"}, "List-Unsubscribe"),
        ({"unsubscribe_mailto": "mailto:a@example.org, b"}, "List-Unsubscribe"),
    ],
)
def test_header_that_would_break_is_refused(changes: dict[str, Any], header: str) -> None:
    """A value that ends its line, or is not the address it must be, makes no mail."""
    with pytest.raises(Refused) as caught:
        build(**changes)

    assert (caught.value.problems[0].code, caught.value.problems[0].path) == (
        "mail.header",
        header,
    )


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"name": "a\nb"}, "List-Id"),
        ({"list_id": "letters"}, "List-Id"),
        ({"list_id": "letters.example.org>\n"}, "List-Id"),
        ({"archive_url": "/archive/"}, "List-Archive"),
        ({"web_url": "https://example.org/\n"}, "Archived-At"),
        ({"feedback_id": "weekly"}, "Feedback-ID"),
        ({"feedback_id": "a:b:c:four"}, "Feedback-ID"),
        ({"reply_to": ("", "nobody")}, "Reply-To"),
    ],
)
def test_list_that_would_break_is_refused(changes: dict[str, Any], header: str) -> None:
    """A list's own values are looked at once, when its letter is compiled."""
    with pytest.raises(Refused) as caught:
        compile_letter(LETTER, mailing_list=replace(LIST, **changes))

    assert caught.value.problems[0].path == header


def test_date_must_be_aware() -> None:
    """A date without a zone is a mistake of the caller, not a guess."""
    with pytest.raises(ValueError, match="aware"):
        build(date=datetime(2026, 11, 24, 7, 30))  # noqa: DTZ001 - on purpose


def test_date_is_written_in_its_zone() -> None:
    """UTC is +0000, which says that it is known."""
    assert b"Date: Tue, 24 Nov 2026 12:30:00 +0000\r\n" in build(date=DATE.astimezone(UTC))


def test_compiled_letter_holds_no_reader() -> None:
    """What is compiled once has nothing of any reader in it."""
    compiled: CompiledLetter = compile_letter(LETTER, mailing_list=LIST)
    everything = b"".join((compiled.headers, compiled.discreet_headers, *compiled.segments))

    assert len(compiled.segments) == len(compiled.slots) + 1 == 8
    assert b"@@" not in everything
    assert b"confirmed" not in everything
