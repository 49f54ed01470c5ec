"""What should stand in DNS for mail to be believed, and judgement of what does.

A look-up is an argument: a function from a name and a type to the texts found, none where there is
none; it raises Unavailable where no server answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from publisher.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Lookup = Callable[[str, str], tuple[str, ...]]

_STRING = 255
"""Octets of one string of a TXT record (RFC 1035 section 3.3.14)."""
_MOST_SPF_LOOKUPS = 10  # RFC 7208 section 4.6.4
_SPF_LOOKUP = re.compile(
    r"[+?~-]?(include|a|mx|ptr|exists)(?=[:/]|$)|redirect(?==)", re.IGNORECASE
)
_DMARC_POLICIES = ("none", "quarantine", "reject")


class RecordKind(StrEnum):
    """What a record is for."""

    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"
    MX = "mx"


class State(StrEnum):
    """What was found of a record."""

    OK = "ok"
    MISSING = "missing"
    DIFFERS = "differs"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record to publish."""

    kind: RecordKind
    name: str
    """Fully qualified, without the last dot."""
    value: str
    why: str

    @property
    def type(self) -> str:
        """The type in DNS."""
        return "MX" if self.kind is RecordKind.MX else "TXT"

    @property
    def strings(self) -> tuple[str, ...]:
        """The value as the strings of a TXT record, each of 255 octets at most."""
        return tuple(
            self.value[at : at + _STRING] for at in range(0, max(len(self.value), 1), _STRING)
        )

    @property
    def line(self) -> str:
        """The record as one line of a zone file (RFC 1035 section 5.1)."""
        if self.kind is RecordKind.MX:
            return f"{self.name}. IN MX {self.value}."
        return " ".join([f"{self.name}. IN TXT", *(f'"{one}"' for one in self.strings)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What DNS says of one record."""

    record: Record
    state: State
    got: str = ""
    hint: str = ""


def wanted(
    *,
    senders: Sequence[str],
    bounce_domain: str,
    server: str,
    reports_to: str,
    signing_domain: str,
    keys: Sequence[tuple[str, str]],
) -> list[Record]:
    """Return the records that mail from these domains needs, what is signed with first.

    ``server`` is the machine that hands mail to the world, by name or address, "" where it is not
    known; ``keys`` are selectors and what their records say.
    """
    records = [
        Record(
            kind=RecordKind.DKIM,
            name=f"{selector}._domainkey.{signing_domain}",
            value=value,
            why="the key that receivers check our signatures with",
        )
        for selector, value in keys
    ]
    records += [
        Record(
            kind=RecordKind.SPF,
            name=domain,
            value=f"v=spf1 {_spf_term(server)} ~all",
            why="who may send for this domain; add the relay's own include: if it names one, "
            "and change a record that is there: two count as none",
        )
        for domain in dict.fromkeys([*senders, bounce_domain])
    ]
    records += [_dmarc(domain, reports_to) for domain in dict.fromkeys(senders)]
    if bounce_domain not in senders:
        records.append(
            Record(
                kind=RecordKind.MX,
                name=bounce_domain,
                value=f"10 {server or bounce_domain}",
                why="the server that takes in bounces; name another where it is another",
            )
        )
    return records


def _spf_term(server: str) -> str:
    if not server:
        return "a mx"
    try:
        return f"ip{ip_address(server).version}:{server}"
    except ValueError:
        return f"a:{server}"


def _dmarc(domain: str, reports_to: str) -> Record:
    # Reports to another organisation need its leave (RFC 7489 section 7.1).
    theirs = f".{reports_to.rpartition('@')[2]}"
    is_ours = f".{domain}".endswith(theirs) or theirs.endswith(f".{domain}")
    return Record(
        kind=RecordKind.DMARC,
        name=f"_dmarc.{domain}",
        value=f"v=DMARC1; p=none{f'; rua=mailto:{reports_to}' if is_ours else ''}",
        why="what receivers do with mail that only claims to be ours; read the reports for some "
        "weeks, then change p=none to p=quarantine, later to p=reject",
    )


# ----------------------------------------------------------------------------------------- judging


def check(record: Record, lookup: Lookup) -> Finding:
    """Return what DNS says of a record; a question that nobody answers is a finding too."""
    judge = {
        RecordKind.DKIM: _check_dkim,
        RecordKind.SPF: _check_spf,
        RecordKind.DMARC: _check_dmarc,
        RecordKind.MX: _check_mx,
    }[record.kind]
    try:
        return judge(record, lookup)
    except Unavailable as error:
        problem = error.problems[0]
        return Finding(record=record, state=State.UNANSWERED, got=problem.got, hint=problem.hint)


def _check_dkim(record: Record, lookup: Lookup) -> Finding:
    found = lookup(record.name, "TXT")
    if not found:
        return _missing(record)
    if len(found) > 1:
        return _differs(record, f"{len(found)} records", "Leave the one that stands here.")
    if _tags(found[0]).get("p") == "":
        return _differs(record, "a key that was taken back", "Publish what stands here.")
    theirs, ours = _tags(found[0]), _tags(record.value)
    if any(theirs.get(tag, default) != ours[tag] for tag, default in (("k", "rsa"), ("p", ""))):
        return _differs(
            record, "another key", "Publish what stands here; until then mail fails the check."
        )
    return _ok(record, "the key that we sign with")


def _check_spf(record: Record, lookup: Lookup) -> Finding:
    found = _spf_of(record.name, lookup)
    if not found:
        return _missing(record)
    if len(found) > 1:
        return _differs(record, f"{len(found)} records", "Make them one: two count as none.")
    (text,) = found
    if re.search(r"(?:^|\s)\+?all(?:\s|$)", text, re.IGNORECASE):
        return _differs(record, text, "It lets everybody send for this domain: write ~all.")
    asked = _count_lookups(text, lookup, frozenset({record.name}))
    if asked > _MOST_SPF_LOOKUPS:
        return _differs(
            record,
            f"{asked} look-ups",
            f"Receivers stop at {_MOST_SPF_LOOKUPS}: leave out an include: that is not needed.",
        )
    return _ok(record, text)


def _check_dmarc(record: Record, lookup: Lookup) -> Finding:
    domain = record.name.removeprefix("_dmarc.")
    for name in _and_above(domain):
        found = [one for one in lookup(f"_dmarc.{name}", "TXT") if _is_version(one, "DMARC1")]
        if len(found) > 1:
            return _differs(record, f"{len(found)} records", "Leave one: two count as none.")
        if found:
            policy = _tags(found[0]).get("p", "")
            if policy not in _DMARC_POLICIES:
                return _differs(record, found[0], "Write p=none, p=quarantine or p=reject.")
            return _ok(record, found[0])
    return _missing(record)


def _check_mx(record: Record, lookup: Lookup) -> Finding:
    found = lookup(record.name, "MX")
    if any(one.rpartition(" ")[2] == "." for one in found):  # RFC 7505
        return _differs(
            record, "a domain that takes no mail", "Bounces would be lost: name a server."
        )
    if found:
        return _ok(record, ", ".join(found))
    address = lookup(record.name, "A") or lookup(record.name, "AAAA")  # RFC 5321 section 5.1
    return _ok(record, address[0]) if address else _missing(record)


def _spf_of(name: str, lookup: Lookup) -> list[str]:
    return [one for one in lookup(name, "TXT") if re.match(r"v=spf1(?:\s|$)", one, re.IGNORECASE)]


def _count_lookups(text: str, lookup: Lookup, seen: frozenset[str]) -> int:
    """Return how many questions a receiver asks for an SPF record, those of its includes too."""
    asked = 0
    for term in text.split()[1:]:
        match = _SPF_LOOKUP.match(term)
        if not match:
            continue
        asked += 1
        target = re.split("[:=]", term, maxsplit=1)[-1].lower().rstrip(".")
        follows = (match[1] or "redirect").lower() in {"include", "redirect"}
        if follows and target not in seen and asked <= _MOST_SPF_LOOKUPS:
            for inner in _spf_of(target, lookup)[:1]:
                asked += _count_lookups(inner, lookup, seen | {target})
    return asked


def _and_above(domain: str) -> Iterator[str]:
    """Yield a domain and those above it that can be somebody's: two labels at the least."""
    labels = domain.split(".")
    for at in range(max(len(labels) - 1, 1)):
        yield ".".join(labels[at:])


def _is_version(text: str, version: str) -> bool:
    return _tags(text).get("v") == version


def _tags(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in text.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}


def _ok(record: Record, got: str) -> Finding:
    return Finding(record=record, state=State.OK, got=got)


def _missing(record: Record) -> Finding:
    return Finding(
        record=record,
        state=State.MISSING,
        got="nothing",
        hint="Publish it. What is new is seen once the old answer has run out, within an hour or so.",
    )


def _differs(record: Record, got: str, hint: str) -> Finding:
    return Finding(record=record, state=State.DIFFERS, got=got, hint=hint)
