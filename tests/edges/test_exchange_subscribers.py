"""Lists of subscribers: anybody's CSV in, our own form out, nothing lost without a word."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publisher.deliverability import parse_address
from publisher.errors import ContentError, Problem
from publisher.exchange import subscribers
from publisher.exchange.columns import OWN_HEADERS
from publisher.exchange.subscribers import (
    ImportedState,
    ImportedSubscriber,
    SubscriberFile,
    peek_columns,
    read_subscribers,
    write_subscribers,
)
from publisher.model import Subscriber, SubscriberState

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
ADA = Subscriber(
    id=1,
    address=parse_address("Ada@example.org"),
    state=SubscriberState.ACTIVE,
    subscribed_at=NOON,
    confirmed_at=NOON + timedelta(minutes=5),
    source="form",
    discreet=True,
    digests=("weekly", "monthly"),
    series=("sleep",),
)


def read(text: str) -> SubscriberFile:
    return read_subscribers(text.encode(), "list.csv")


def only(found: SubscriberFile) -> ImportedSubscriber:
    (row,) = found.rows
    return row


def refusal(data: bytes) -> Problem:
    with pytest.raises(ContentError) as caught:
        read_subscribers(data, "list.csv")
    (problem,) = caught.value.problems
    return problem


# ------------------------------------------------------------------------------- our own form


def test_own_form_is_read_whole() -> None:
    """Every column of our own form fills its field."""
    found = read(
        "email,state,subscribed_at,confirmed_at,source,digests,series,discreet\r\n"
        "Ada@Example.org,active,2024-03-01T12:00:00Z,2024-03-01T13:05:00+01:00,"
        'form,weekly monthly,"sleep, worry",true\r\n',
    )

    expected = ImportedSubscriber(
        address=parse_address("Ada@example.org"),
        state=ImportedState.ACTIVE,
        subscribed_at=NOON,
        confirmed_at=NOON + timedelta(minutes=5),
        source="form",
        digests=("weekly", "monthly"),
        series=("sleep", "worry"),
        discreet=True,
        line=2,
    )
    assert only(found) == expected
    assert (found.problems, found.notes, found.ignored) == ((), (), ())
    assert found.columns == {header: header for header in OWN_HEADERS}


def test_address_alone_is_an_active_row_without_consent() -> None:
    """All columns but the address are optional; what is not said is empty."""
    row = only(read("email\nada@example.org\n"))

    assert row == ImportedSubscriber(
        address=parse_address("ada@example.org"),
        state=ImportedState.ACTIVE,
        line=2,
    )
    assert row.consent == ""


def test_source_hash_is_of_the_bytes() -> None:
    """The file's SHA-256 goes with what was read."""
    data = b"email\nada@example.org\n"

    assert read_subscribers(data, "list.csv").source_sha256 == sha256(data).hexdigest()


def test_own_form_is_written_for_people_and_spreadsheets() -> None:
    """The export is one header and one row each, times in UTC, lists joined by spaces."""
    text = write_subscribers([replace(ADA, confirmed_at=None)])

    assert text == (
        "email,state,subscribed_at,confirmed_at,source,digests,series,discreet\r\n"
        "Ada@example.org,active,2024-03-01T12:00:00Z,,form,weekly monthly,sleep,true\r\n"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff20"])
def test_no_cell_of_the_export_is_a_formula(start: str) -> None:
    """A cell that a spreadsheet might run begins with an apostrophe, and is read back without."""
    text = write_subscribers([replace(ADA, source=f"{start}cmd|' /C calc'!A1")])

    source = next(csv.DictReader(io.StringIO(text, newline="")))["source"]
    assert source == f"'{start}cmd|' /C calc'!A1"
    assert only(read(text)).source == f"{start}cmd|' /C calc'!A1"


NAMES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}", fullmatch=True), max_size=3).map(tuple)
TIMES = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
SUBSCRIBERS = st.builds(
    Subscriber,
    id=st.just(1),
    address=st.from_regex(
        r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}@[a-z]{1,9}\.example", fullmatch=True
    ).map(
        parse_address,
    ),
    state=st.sampled_from(SubscriberState),
    subscribed_at=TIMES,
    confirmed_at=st.none() | TIMES,
    source=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    discreet=st.booleans(),
    digests=NAMES,
    series=NAMES,
)


@given(people=st.lists(SUBSCRIBERS, max_size=5, unique_by=lambda person: person.address.key))
@example(people=[replace(ADA, source='"a", \r\nb\r')])
@example(people=[replace(ADA, address=parse_address("'=x@example.org"))])
@example(people=[replace(ADA, address=parse_address("ä@bücher.example"))])
def test_export_is_read_back_equal(people: list[Subscriber]) -> None:
    """Whatever the words, what is written is what is read."""
    found = read(write_subscribers(people))

    assert found.problems == ()
    assert [facts(row) for row in found.rows] == [facts(person) for person in people]


def facts(person: Subscriber | ImportedSubscriber) -> tuple[object, ...]:
    return (
        person.address,
        person.state.value,
        person.subscribed_at,
        person.confirmed_at,
        person.source,
        person.digests,
        person.series,
        person.discreet,
    )


# ----------------------------------------------------------------------------- other exports


@pytest.mark.parametrize(
    ("text", "state", "subscribed_at", "confirmed_at"),
    [
        pytest.param(
            "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
            'LAST_CHANGED,NOTES,TAGS\nada@example.org,Ada,2,"2024-03-01 12:00:00",192.0.2.1,'
            '"2024-03-01 12:00:00",192.0.2.1,2024-03-02 01:00:00,"one\ntwo","""a"",""b"""\n',
            "active",
            NOON,
            NOON,
            id="mailchimp subscribed",
        ),
        pytest.param(
            "Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON\n"
            "ada@example.org,,2024-03-01 12:00:00,,\n",
            "unsubscribed",
            None,
            NOON,
            id="mailchimp unsubscribed",
        ),
        pytest.param(
            "Email Address,OPTIN_TIME,CONFIRM_TIME,CLEAN_TIME,CLEAN_CAMPAIGN_ID\n"
            "ada@example.org,2024-03-01 12:00:00,,2024-05-01 12:00:00,x\n",
            "cleaned",
            NOON,
            None,
            id="mailchimp cleaned",
        ),
        pytest.param(
            "Deine E-Mail Adresse;OPTIN_TIME\nada@example.org;2024-03-01 12:00:00\n",
            "active",
            NOON,
            None,
            id="mailchimp in German",
        ),
        pytest.param(
            "email,active_subscription,expiry,email_disabled,prefer_digests,created_at\n"
            "ada@example.org,false,,true,false,2024-03-01T12:00:00.000Z\n",
            "unsubscribed",
            NOON,
            None,
            id="substack who left",
        ),
        pytest.param(
            "email,active_subscription,expiry,email_disabled,prefer_digests,created_at\n"
            "ada@example.org,false,,false,false,2024-03-01T12:00:00.000Z\n",
            "active",
            NOON,
            None,
            id="substack",
        ),
        pytest.param(
            "email,name,note,subscribed_to_emails,complimentary_plan,created_at,labels\n"
            "ada@example.org,Ada,,true,false,2024-03-01T12:00:00.000Z,\n",
            "active",
            NOON,
            None,
            id="ghost",
        ),
        pytest.param(
            "email,subscribed_to_emails,created_at\nada@example.org,false,2024-03-01T12:00:00.000Z\n",
            "unsubscribed",
            NOON,
            None,
            id="ghost who left",
        ),
        pytest.param(
            "email,subscribed_to_emails,deleted_at\nada@example.org,,2024-03-01T12:00:00.000Z\n",
            "unsubscribed",
            None,
            None,
            id="ghost deleted",
        ),
        pytest.param(
            "id,email,subscriber_type,creation_date,subscription_date,unsubscription_date,metadata\n"
            "1,ada@example.org,regular,2024-02-01T12:00:00Z,2024-03-01T12:00:00Z,,\"{'a': 'b, c'}\"\n",
            "active",
            NOON,
            None,
            id="buttondown",
        ),
        pytest.param(
            "email,subscriber_type,creation_date,subscription_date,unsubscription_date\n"
            "ada@example.org,regular,2024-03-01T12:00:00Z,,2024-04-01T12:00:00Z\n",
            "unsubscribed",
            NOON,
            None,
            id="buttondown who left",
        ),
        pytest.param(
            "email,subscriber_type\nada@example.org,unactivated\n",
            "pending",
            None,
            None,
            id="buttondown unconfirmed",
        ),
        pytest.param(
            "email,First Name,Last Name,status,tier,created_at,unsubscribed_at\n"
            "ada@example.org,Ada,,active,free,2024-03-01 12:00:00 UTC,\n",
            "active",
            NOON,
            None,
            id="beehiiv",
        ),
        pytest.param(
            "email,status,created_at,unsubscribed_at\n"
            "ada@example.org,inactive,2024-03-01 12:00:00 UTC,2024-04-01 12:00:00 UTC\n",
            "unsubscribed",
            NOON,
            None,
            id="beehiiv who left",
        ),
        pytest.param(
            "uuid,email,name,attributes,status,created_at,updated_at\n"
            'x,ada@example.org,Ada,"{""a"": 1}",enabled,2024-03-01T12:00:00.123456789+00:00,\n',
            "active",
            NOON.replace(microsecond=123456),
            None,
            id="listmonk",
        ),
        pytest.param(
            "email,status\nada@example.org,blocklisted\n",
            "unsubscribed",
            None,
            None,
            id="listmonk blocklisted",
        ),
        pytest.param(
            "Email;External ID;First name;Last name;Data;Status\nada@example.org;;Ada;;{};unreachable\n",
            "cleaned",
            None,
            None,
            id="keila",
        ),
        pytest.param(
            'Email Address,Subscribed at,UTM Source\nada@example.org,"Fri, 01 Mar 2024 12:00:00 +0000",x\n',
            "active",
            NOON,
            None,
            id="curated",
        ),
        pytest.param(
            "E-mail\tUnsubscribed\nada@example.org\tfalse\n",
            "active",
            None,
            None,
            id="any other, by tabs",
        ),
    ],
)
def test_exports_of_others_are_understood(
    text: str,
    state: str,
    subscribed_at: datetime | None,
    confirmed_at: datetime | None,
) -> None:
    """Whoever wrote the list, who left and who agreed when is read right."""
    found = read(text)
    row = only(found)

    assert found.problems == ()
    assert (row.address.typed, row.state) == ("ada@example.org", state)
    assert (row.subscribed_at, row.confirmed_at) == (subscribed_at, confirmed_at)


def test_columns_not_read_are_named() -> None:
    """What a list holds and is not taken is said; so is what kind of list it was taken for."""
    found = read("Email Address,Email,LATITUDE,UNSUB_TIME\na@example.org,b@example.org,1,\n")

    assert found.columns == {"Email": "email", "UNSUB_TIME": "all_unsubscribed"}
    assert found.ignored == ("Email Address", "LATITUDE")
    assert found.notes == (
        "By its columns this is a list of unsubscribed people; so is everybody in it.",
        'Not read: "Email Address", "LATITUDE".',
    )


def test_column_that_may_say_who_left_is_a_warning() -> None:
    """Nobody who left is read as active because a column was not understood, and nothing said so."""
    found = read("email,Bounce count,name\nada@example.org,3,Ada\n")

    (problem,) = found.problems
    assert (problem.level, problem.code, problem.line) == ("warning", "import.column", 1)
    assert "Bounce count" in problem.got


def test_the_harshest_word_counts() -> None:
    """Where a row contradicts itself, nobody who left is mailed."""
    found = read(
        "email,status,unsubscribed_at,email_disabled\n"
        "a@example.org,active,2024-01-01,false\n"
        "b@example.org,cleaned,2024-01-01,true\n"
        "c@example.org,pending,,false\n"
        "d@example.org,,null,\n",
    )

    assert [row.state for row in found.rows] == ["unsubscribed", "cleaned", "pending", "active"]


# ---------------------------------------------------------------------------- how it is written


@pytest.mark.parametrize(
    "data",
    [
        b"email,source\r\nada@example.org,caf\xc3\xa9\r\n",
        b"\xef\xbb\xbfemail,source\nada@example.org,caf\xc3\xa9",
        b"sep=;\r\nemail;source\r\nada@example.org;caf\xc3\xa9\r\n",
        b"\xef\xbb\xbfsep=\t\nemail\tsource\nada@example.org\tcaf\xc3\xa9\n",
        b"\n\n EMAIL ; Source \n\nada@example.org;caf\xc3\xa9;;\n;;\n",
        b'"email"\t"source"\r"ada@example.org"\t"caf\xc3\xa9"\r',
        b"email;source\nada@example.org;caf\xe9\n",
        b"source;email\ncaf\xc3\xa9; ada@example.org \n",
        b"e;source,email\n1;x,caf\xc3\xa9@example.org\n".replace(b"caf\xc3\xa9@", b"ada@"),
    ],
)
def test_delimiter_encoding_and_line_ends_are_recognised(data: bytes) -> None:
    """Comma, semicolon or tab; BOM or none; UTF-8 or Windows-1252; any line end."""
    row = only(read_subscribers(data, "list.csv"))

    assert row.address.typed == "ada@example.org"
    assert row.source in ("café", "")


def test_windows_file_is_noted() -> None:
    """An encoding that was guessed is said."""
    found = read_subscribers(b"email,source\nada@example.org,caf\xe9\n", "list.csv")

    assert found.notes == ("The file is not UTF-8; it was read as Windows-1252.",)


def test_rows_know_their_line_behind_quoted_line_breaks() -> None:
    """A line number is the one an editor shows, whatever cells hold."""
    found = read('\nemail,note\na@example.org,"one\ntwo"\nnobody,\nb@example.org,\n')

    assert [row.line for row in found.rows] == [3, 6]
    assert [problem.line for problem in found.problems] == [5]


@pytest.mark.parametrize(
    ("row", "expected", "got"),
    [
        ("nobody,active,,", "exactly one @ between a name and a domain", '"nobody"'),
        (",active,,", "an address such as ada@example.org", "nothing"),
        ("ada@example.org,perhaps,,", "active, pending, unsubscribed or cleaned", '"perhaps"'),
        ("ada@example.org,active,maybe,", "true or false", '"maybe"'),
        ("ada@example.org,active,no,x,y", "4 cells, as in the first line", "5 cells"),
        (
            f"ada@example.org,{'x' * 70},,",
            "active, pending, unsubscribed or cleaned",
            f'"{"x" * 60}…"',
        ),
        ('ada@example.org,"a\x1bb",,', "active, pending, unsubscribed or cleaned", '"a\ufffdb"'),
    ],
)
def test_row_that_cannot_be_used_is_a_problem_and_the_rest_is_read(
    row: str,
    expected: str,
    got: str,
) -> None:
    """A refused row says where, what was expected and what was got; no other row suffers."""
    found = read(f"email,state,discreet,source\na@example.org,,,\n{row}\nb@example.org,,,\n")

    (problem,) = found.problems
    assert (problem.path, problem.line, problem.level) == ("list.csv", 3, "error")
    assert (problem.expected, problem.got) == (expected, got)
    assert [row.address.typed for row in found.rows] == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("rest", "lines", "kept"),
    [
        ('b@example.org,"open\nc@example.org,\n', "lines 3 to 4", ["a@example.org"]),
        (
            'b@example.org,"x"y\nc@example.org,\n',
            "lines 3 to 3",
            ["a@example.org", "c@example.org"],
        ),
    ],
)
def test_broken_quotes_never_swallow_rows_in_silence(
    rest: str,
    lines: str,
    kept: list[str],
) -> None:
    """Lines that a broken quote makes unreadable are named."""
    found = read(f"email,note\na@example.org,\n{rest}")

    (problem,) = found.problems
    assert problem.line == 3
    assert lines in problem.got
    assert [row.address.typed for row in found.rows] == kept


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2024-03-01", NOON.replace(hour=0)),
        ("2024-03-01 12:00:00", NOON),
        ("2024-03-01 12:00:00 UTC", NOON),
        ("2024-03-01T14:00:00+02:00", NOON),
        ("0000-00-00 00:00:00", None),
        ("NULL", None),
        ("", None),
    ],
)
def test_times_are_read_in_utc(cell: str, moment: datetime | None) -> None:
    """ISO 8601 and what databases write is understood; no zone is UTC, none is none."""
    found = read(f"email,confirmed_at\nada@example.org,{cell}\n")

    assert only(found).confirmed_at == moment
    assert not any("could not be read" in note for note in found.notes)


def test_times_without_a_zone_are_noted() -> None:
    """That a zone was supposed is said once."""
    found = read("email,confirmed_at\na@example.org,2024-03-01\nb@example.org,2024-03-01\n")

    assert found.notes == ("Times without a zone were read as UTC.",)


@pytest.mark.parametrize(
    "cell", ["03/04/2024", "yesterday", "2024-13-01", "0001-01-01T00:00+14:00"]
)
def test_time_that_would_be_a_guess_is_none_and_noted(cell: str) -> None:
    """A time nobody can read proves nothing: the row stays without it, and that is said."""
    found = read(f"email,confirmed_at\na@example.org,{cell}\nb@example.org,{cell}\n")

    assert [row.confirmed_at for row in found.rows] == [None, None]
    (note,) = found.notes
    assert note.startswith(
        'The time in "confirmed_at" could not be read in 2 rows, first on line 2'
    )


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ("active", "active", 2),
        ("active", "pending", 2),
        ("active", "unsubscribed", 3),
        ("active", "cleaned", 3),
        ("unsubscribed", "active", 2),
        ("cleaned", "unsubscribed", 3),
    ],
)
def test_repeated_address_counts_once(first: str, second: str, winner: int) -> None:
    """The first row counts, unless a later one says that the person left; each repeat is noted."""
    found = read(f"email,state\nAda@example.org,{first}\nada@EXAMPLE.org,{second}\n")

    assert only(found).line == winner
    assert found.notes == (f"Line 3 repeats the address of line 2; line {winner} counts.",)


# --------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("data", "code", "got", "hint"),
    [
        (b"", "import.empty", "an empty file", ""),
        (b"email\n\0", "import.binary", "a NUL byte", "plain text in UTF-8"),
        (
            b"name,phone\nAda,1\n",
            "import.no_email",
            'the columns "name", "phone"',
            "name the column of addresses email",
        ),
        (
            b"ada@example.org\nbob@example.org\n",
            "import.no_email",
            'the columns "ada@example.org"',
            "put a first line above the addresses",
        ),
        ("\u00a0\n".encode(), "import.no_email", "no columns", "name the column"),
    ],
)
def test_file_that_is_no_list_is_one_clear_problem(
    data: bytes,
    code: str,
    got: str,
    hint: str,
) -> None:
    """A file without addresses is refused with what was found and what to do."""
    problem = refusal(data)

    assert (problem.path, problem.code, problem.got) == ("list.csv", code, got)
    assert hint in problem.hint


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the limits is refused as a whole, before it is half imported."""
    monkeypatch.setattr(subscribers, "_MOST_ROWS", 2)
    monkeypatch.setattr(subscribers, "_MOST_BYTES", 1_000_000)

    rows = refusal(b"email\n" + b"ada@example.org\n" * 3)
    size = refusal(b"email\n" + b"a" * 1_000_000)

    assert (rows.code, rows.line, rows.expected) == ("import.size", 4, "at most 2 rows")
    assert (size.code, size.expected) == ("import.size", "at most 1 MB")


@given(data=st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
@example(data=b'"')
@example(data=b"a,b")
def test_any_bytes_below_a_header_are_rows_or_problems(data: bytes) -> None:
    """Whatever the bytes, the answer is rows and problems, or one refusal."""
    for start in (b"", b"email,state,created_at,discreet\nada@example.org,"):
        assert answer(start + data) == answer(start + data)


def answer(data: bytes) -> SubscriberFile | str:
    try:
        return read_subscribers(data, "list.csv")
    except ContentError as error:
        return str(error)


@given(cell=st.text(st.sampled_from("0123456789-:/TZ+. ,aeMonUTC"), max_size=25))
def test_any_time_is_read_or_noted(cell: str) -> None:
    """No text in a column of times stops the import."""
    found = read(f'email,confirmed_at\nada@example.org,"{cell}"\n')

    moment = only(found).confirmed_at
    assert moment is None or moment.tzinfo is UTC


def test_long_lists_are_read_in_seconds() -> None:
    """Time grows with the length only: a million rows take well under a minute anywhere."""
    rows = 20_000
    text = write_subscribers(
        replace(ADA, address=parse_address(f"reader{number}@mail{number % 500}.example"))
        for number in range(rows)
    )

    started = time.monotonic()
    found = read(text)
    seconds = time.monotonic() - started

    assert len(found.rows) == rows
    assert seconds < 5


# ------------------------------------------------------------------------------- chosen by people


def test_columns_are_guessed_for_a_look_before_they_are_read() -> None:
    """Each has its header, what it would be read as, and the beginning of its first cells."""
    text = "Email;Second email;Deleted at\na@x.org;b@x.org;\n;;\nc@x.org\n"
    found = peek_columns(f"{text}d@x.org;{'e' * 99};2026\nlater@x.org\n".encode(), "list.csv")

    assert [(one.header, one.field) for one in found] == [
        ("Email", "email"),
        ("Second email", ""),
        ("Deleted at", "left_at"),
    ]
    assert found[0].cells == ("a@x.org", "c@x.org", "d@x.org")
    assert found[1].cells == ("b@x.org", "e" * 60)
    with pytest.raises(ContentError):
        peek_columns(b"\n\n", "list.csv")


def test_fields_that_were_chosen_count_before_headers() -> None:
    """A column is read as what people say it is, one they left out is not, and too few are no slip."""
    data = b"email,who,joined\nold@x.org,new@x.org,2026-01-02\n"

    found = read_subscribers(data, "list.csv", fields=["", "email", "confirmed_at", "state"])
    fewer = read_subscribers(data, "list.csv", fields=["email"])
    with pytest.raises(ContentError):
        read_subscribers(data, "list.csv", fields=["", "", ""])

    assert only(found).address.typed == "new@x.org"
    assert only(found).confirmed_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert found.ignored == ("email",)
    assert only(fewer).address.typed == "old@x.org" and only(fewer).confirmed_at is None


def test_a_list_of_those_who_left_can_be_said_to_be_one() -> None:
    """Where people say so of a column, everybody in the list left."""
    found = read_subscribers(b"a,b\nx@x.org,1\n", "l.csv", fields=["email", "all_unsubscribed"])

    assert only(found).state is ImportedState.UNSUBSCRIBED
