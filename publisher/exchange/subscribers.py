"""Lists of subscribers as CSV: anybody's export in, our own form out."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING

from publisher.deliverability import parse_address
from publisher.errors import ContentError, Problem
from publisher.exchange import ImportedState, read_encoding
from publisher.exchange.columns import (
    HEADERS,
    OWN_HEADERS,
    STATES,
    Columns,
    doubt_columns,
    find_columns,
    fold_header,
    guess_fields,
    show_cell,
    tell_columns,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from publisher.model import Address, Subscriber

__all__ = [
    "ColumnGuess",
    "ImportedState",
    "ImportedSubscriber",
    "SubscriberFile",
    "peek_columns",
    "read_subscribers",
    "write_subscribers",
]

_MOST_BYTES = 100_000_000
_MOST_ROWS = 1_000_000
_HEAD_CHARACTERS = 65_536
_PEEKED_ROWS, _PEEKED = 3, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSubscriber:
    """A person as a list tells them; nothing says yet that they may be mailed."""

    address: Address
    state: ImportedState
    subscribed_at: datetime | None = None
    confirmed_at: datetime | None = None
    source: str = ""
    digests: tuple[str, ...] = ()
    """The digests chosen; empty means every one."""
    series: tuple[str, ...] = ()
    """The series left out."""
    discreet: bool = False
    consent: str = ""
    """How they agreed; no list says it, whoever imports it does."""
    line: int
    """The line of the file that the row begins on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberFile:
    """What a list of subscribers holds, and all that was not taken from it."""

    rows: tuple[ImportedSubscriber, ...]
    """One for each address, in the order of the file."""
    problems: tuple[Problem, ...] = ()
    """An error for each row that was refused; a warning for a column that needs a look."""
    notes: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """Header as the file has it → the field it was read as."""
    ignored: tuple[str, ...] = ()
    """Headers of which nothing was read."""
    source_sha256: str


_SEVERITY = {state: place for place, state in enumerate(ImportedState)}
_GONE = (ImportedState.UNSUBSCRIBED, ImportedState.CLEANED)
_WORDS = {
    **dict.fromkeys(("true", "yes", "y", "1", "t", "on"), True),
    **dict.fromkeys(("false", "no", "n", "0", "f", "off", ""), False),
}
_FORMULA = tuple("=+-@\t\r\n'＝＋－＠")  # noqa: RUF001 - spreadsheets run the full-width ones too
"""What a spreadsheet may run as a formula, and the apostrophe that keeps it from doing so."""


# --------------------------------------------------------------------------------------- reading


def read_subscribers(
    data: bytes, name: str, *, fields: Sequence[str] | None = None
) -> SubscriberFile:
    """Return everybody on a list, once each, and every row that was refused, with its line.

    Delimiter, encoding and columns are recognised, or the columns are what ``fields`` says. Times without a zone are read as UTC. Where
    columns contradict one another the harshest counts: nobody who left is read as active. Of two
    rows for one address the first counts, unless the later says unsubscribed or cleaned.

    Raises:
        ContentError: empty, over 100 MB or 1,000,000 rows, no text, or no column of addresses.
    """
    encoding, guess = read_encoding(data, name, most_bytes=_MOST_BYTES)
    reading = _Reading(name=name, notes=list(guess))
    records = _records(data, encoding, reading)
    head = next(records, (1, []))[1]
    columns = find_columns(head, name, fields=fields)
    rows = _without_repeats(_read_rows(records, columns, reading), reading)
    return SubscriberFile(
        rows=tuple(rows),
        problems=(*doubt_columns(columns, name), *reading.problems),
        notes=(*tell_columns(columns), *reading.notes, *_tell_times(reading)),
        columns=columns.read_as,
        ignored=columns.ignored,
        source_sha256=hashlib.sha256(data).hexdigest(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnGuess:
    """A column of a list: its header, what it would be read as, and what stands in it."""

    header: str
    field: str
    """Empty where it would not be read."""
    cells: tuple[str, ...]
    """Of the first rows, shortened."""


def peek_columns(data: bytes, name: str) -> list[ColumnGuess]:
    """Return the columns of a list with what each would be read as, from its first rows.

    Raises ContentError: empty, too large, or no text.
    """
    encoding, _ = read_encoding(data, name, most_bytes=_MOST_BYTES)
    records = _records(data, encoding, _Reading(name=name))
    head = [cell.strip() for cell in next(records, (1, []))[1]]
    rows = [row for _, row in islice(records, _PEEKED_ROWS)]
    return [
        ColumnGuess(
            header=header,
            field=found,
            cells=tuple(row[place].strip()[:_PEEKED] for row in rows if place < len(row)),
        )
        for place, (header, found) in enumerate(zip(head, guess_fields(head), strict=True))
    ]


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What comes to light while the rows stream by."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread_times: dict[str, list[int]] = field(default_factory=dict)
    """Header → the lines whose time could not be read."""
    has_local_times: bool = False

    def refuse(self, line: int, expected: str, got: str, hint: str = "") -> None:
        """Keep why a row is not taken."""
        self.problems.append(
            Problem(
                code="import.row",
                path=self.name,
                line=line,
                expected=expected,
                got=got,
                hint=hint,
            ),
        )


def _records(
    data: bytes,
    encoding: str,
    reading: _Reading,
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line it begins on; the first is the header."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    skipped, delimiter = _sniff(text.read(_HEAD_CHARACTERS))
    text.seek(0)
    for _ in range(skipped):
        text.readline()
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            _refuse_lines(reading, skipped + line + 1, skipped + rows.line_num, error)
            continue
        if any(row) and any(map(str.strip, row)):
            yield skipped + line + 1, row


def _refuse_lines(reading: _Reading, first: int, last: int, error: csv.Error) -> None:
    reading.refuse(
        first,
        "a row whose quotes are closed and doubled inside",
        f"{error} (lines {first} to {last} were not read)",
        'close the quote, and write "" for a quote inside a cell',
    )


def _sniff(head: str) -> tuple[int, str]:
    """Return how many lines to pass over, and the delimiter of the header."""
    skipped = 0
    for skipped, line in enumerate(head.splitlines()):
        if declared := re.fullmatch(r"sep=([,;\t])", line.strip("\ufeff \r\n")):
            return skipped + 1, declared[1]
        if line.strip():
            break
    lines = head.splitlines(keepends=True)[skipped:]
    return skipped, max(",;\t", key=lambda mark: _suits(lines, mark))


def _suits(lines: list[str], delimiter: str) -> tuple[bool, int]:
    """Rate a delimiter: does the header then name a column of addresses, and how many columns."""
    head = next(csv.reader(lines, delimiter=delimiter), [])
    return any(HEADERS.get(fold_header(cell)) == "email" for cell in head), len(head)


# ------------------------------------------------------------------------------------------ rows


def _read_rows(
    records: Iterable[tuple[int, list[str]]],
    columns: Columns,
    reading: _Reading,
) -> Iterator[ImportedSubscriber]:
    """Yield a person for each row that can be used; keep why the others cannot."""
    width = len(columns.headers)
    for count, (line, row) in enumerate(records, 1):
        if count > _MOST_ROWS:
            raise _too_many(reading.name, line)
        if len(row) > width and any(map(str.strip, row[width:])):
            reading.refuse(line, f"{width} cells, as in the first line", f"{len(row)} cells")
            continue
        # One cell more than there are columns: place -1, a column there is not, is always empty.
        cells = [*row[:width], *[""] * (max(width - len(row), 0) + 1)]
        try:
            yield _read_row(line, cells, columns, reading)
        except ValueError as error:
            expected, _, got = str(error).removeprefix("expected ").partition("; got ")
            reading.refuse(line, expected, got)


def _read_row(
    line: int,
    row: list[str],
    columns: Columns,
    reading: _Reading,
) -> ImportedSubscriber:
    if columns.is_own:
        row = [_unguard(cell) if cell.startswith("'") else cell for cell in row]
    return ImportedSubscriber(
        address=parse_address(row[columns.first("email")]),
        state=_read_state(row, columns),
        subscribed_at=_read_time(line, row, columns, "subscribed_at", reading),
        confirmed_at=_read_time(line, row, columns, "confirmed_at", reading),
        source=row[columns.first("source")],
        digests=_read_list(row[columns.first("digests")]),
        series=_read_list(row[columns.first("series")]),
        discreet=_read_word(row[columns.first("discreet")]),
        line=line,
    )


def _read_state(row: list[str], columns: Columns) -> ImportedState:
    """Return the harshest of what the file's kind and the row's columns say."""
    state = columns.whole_file
    for field_name, read in _EVIDENCE:
        for place in columns.places.get(field_name, ()):
            state = max(state, read(row[place]), key=_SEVERITY.__getitem__)
    return state


def _read_state_word(cell: str) -> ImportedState:
    state = STATES.get(cell) or STATES.get(fold_header(cell))
    if state is None:
        raise ValueError(
            f"expected active, pending, unsubscribed or cleaned; got {show_cell(cell)}",
        )
    return state


def _read_left_at(cell: str) -> ImportedState:
    stays = not _is_filled(cell) or _WORDS.get(cell.strip().casefold()) is False
    return ImportedState.ACTIVE if stays else ImportedState.UNSUBSCRIBED


def _read_out(cell: str) -> ImportedState:
    return ImportedState.UNSUBSCRIBED if _read_word(cell) else ImportedState.ACTIVE


def _read_in(cell: str) -> ImportedState:
    stays = not cell.strip() or _read_word(cell)
    return ImportedState.ACTIVE if stays else ImportedState.UNSUBSCRIBED


_EVIDENCE: tuple[tuple[str, Callable[[str], ImportedState]], ...] = (
    ("state", _read_state_word),
    ("left_at", _read_left_at),
    ("out", _read_out),
    ("in", _read_in),
)


def _read_word(cell: str) -> bool:
    answer = _WORDS.get(cell.strip().casefold())
    if answer is None:
        raise ValueError(f"expected true or false; got {show_cell(cell)}")
    return answer


def _read_list(cell: str) -> tuple[str, ...]:
    return tuple(cell.replace(",", " ").replace(";", " ").split())


def _read_time(
    line: int,
    row: list[str],
    columns: Columns,
    field_name: str,
    reading: _Reading,
) -> datetime | None:
    """Return the first time that the row has for a field, in UTC; a row without one stays."""
    for place in columns.places.get(field_name, ()):
        cell = row[place].strip()
        if not _is_filled(cell):
            continue
        try:
            moment = _parse_time(cell)
            aware = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            reading.unread_times.setdefault(columns.headers[place], []).append(line)
            continue
        reading.has_local_times |= moment.tzinfo is None
        return aware
    return None


def _is_filled(cell: str) -> bool:
    """Tell whether a cell holds a time; databases write a zero date or a word for none."""
    bare = cell.strip().casefold()
    return (
        bool(bare) and bare not in ("null", "none", "nil", "n/a") and not bare.startswith("0000")
    )


def _parse_time(cell: str) -> datetime:
    """Return the moment a cell names: ISO 8601, a zone called UTC, or RFC 5322; never a guess."""
    plain = re.sub(r"\s*(?:UTC|GMT)$", "+00:00", cell) if cell.endswith(("UTC", "GMT")) else cell
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return parsedate_to_datetime(cell)


def _tell_times(reading: _Reading) -> Iterator[str]:
    if reading.has_local_times:
        yield "Times without a zone were read as UTC."
    for header, lines in reading.unread_times.items():
        yield (
            f"The time in {show_cell(header)} could not be read in {len(lines)} rows, first on line "
            f"{lines[0]}; write it as 2026-03-01T12:00:00Z."
        )


def _without_repeats(
    rows: Iterable[ImportedSubscriber],
    reading: _Reading,
) -> Iterable[ImportedSubscriber]:
    """Return one row for each address; who left once has left."""
    kept: dict[str, ImportedSubscriber] = {}
    for row in rows:
        known = kept.setdefault(row.address.key, row)
        if known is row:
            continue
        winner = row if row.state in _GONE else known
        kept[row.address.key] = winner
        reading.notes.append(
            f"Line {row.line} repeats the address of line {known.line}; line {winner.line} counts.",
        )
    return kept.values()


def _too_many(name: str, line: int) -> ContentError:
    return ContentError(
        Problem(
            code="import.size",
            path=name,
            line=line,
            expected=f"at most {_MOST_ROWS:,} rows",
            got="more",
            hint="split the file and import its parts",
        ),
    )


# --------------------------------------------------------------------------------------- writing


def write_subscribers(
    rows: Iterable[Subscriber], *, gone: Mapping[str, ImportedState] | None = None
) -> str:
    """Return our own form of a list: UTF-8 CSV that no spreadsheet runs as a formula.

    ``read_subscribers`` reads it back equal. Times are ISO 8601 in UTC; lists are joined by spaces.
    ``gone`` is the state of those who must not be mailed, by the key of their address.
    """
    states = gone or {}
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(OWN_HEADERS)
    writer.writerows(_write_row(one, states.get(one.address.key, one.state).value) for one in rows)
    return text.getvalue()


def _write_row(subscriber: Subscriber, state: str) -> list[str]:
    cells = (
        subscriber.address.typed,
        state,
        _write_time(subscriber.subscribed_at),
        _write_time(subscriber.confirmed_at),
        subscriber.source,
        " ".join(subscriber.digests),
        " ".join(subscriber.series),
        "true" if subscriber.discreet else "false",
    )
    return [_guard(cell) for cell in cells]


def _write_time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _guard(cell: str) -> str:
    """Return the cell with an apostrophe before it where a spreadsheet might run it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unguard(cell: str) -> str:
    """Return a cell that begins with an apostrophe as it was before it was guarded."""
    return cell[1:] if cell.startswith(_FORMULA, 1) else cell
