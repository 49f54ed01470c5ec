"""Judgement about whom mail can reach: pure, and the only place that knows what an address is.

It also knows what a relay's reply means, when a mail is tried again, and when we had better stop.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

import idna

from publisher.model import Accepted, Address, Deferred, Outcome, Phase, Rejected, Uncertain

if TYPE_CHECKING:
    from datetime import datetime

_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1
_ADDRESS_OCTETS = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 less its two brackets
_READ_AT_MOST = 1000
"""Characters looked at: what is longer is refused before any of it is normalised."""

_INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width characters that pasted text brings along at its ends."""
_JOINERS = "\u200c\u200d"
"""Needed inside some scripts' domain names, where IDNA checks their context."""

_ATOM = r"[^\x00-\x20\x7f()<>@,;:\\\"\[\].]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PLAIN_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_DOMAIN = re.compile(rf"(?:{_PLAIN_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")

_RESERVED = frozenset(
    {"example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"},
)
_ROLES = frozenset(
    {
        "abuse",
        "autoreply",
        "bounce",
        "bounces",
        "complaint",
        "complaints",
        "daemon",
        "devnull",
        "donotreply",
        "fbl",
        "hostmaster",
        "mailerdaemon",
        "nobody",
        "noc",
        "noreply",
        "postmaster",
        "root",
        "spam",
        "unsubscribe",
        "usenet",
        "uucp",
    },
)


def parse_address(text: str) -> Address:
    """Return the address that the text is, once spaces around it are trimmed.

    The local part stays as typed (NFC; dots and +tags are not folded), the domain becomes lower-case
    A-labels (UTS 46).

    Raises:
        ValueError: it is no single address; the message is a plain sentence that says what was
            expected and what was got (RFC 5321 section 4.1.2 without quoted forms, RFC 6531).
    """
    trimmed = _trim(text)
    local, domain = _split(trimmed)
    if not _DOT_ATOM.fullmatch(local):
        raise _refusal("a name before the @ without quotes, brackets or stray dots", trimmed)
    if len(local.encode()) > _LOCAL_OCTETS:
        raise _refusal(f"at most {_LOCAL_OCTETS} bytes before the @", trimmed)
    try:
        encoded = _encode_domain(domain)
    except UnicodeError:
        raise _refusal("a domain such as example.org after the @", trimmed) from None
    typed = f"{local}@{encoded}"
    if len(typed.encode()) > _ADDRESS_OCTETS:
        raise _refusal(f"at most {_ADDRESS_OCTETS} bytes in all", trimmed)
    key = f"{_fold(local)}@{encoded}"
    return Address(typed=typed, key=typed if key == typed else key)


def is_role_address(address: Address) -> bool:
    """Tell whether a duty or a machine reads this mailbox, and nobody who subscribes.

    RFC 2142 names some. ``info@`` and the like are read by people and count as readers.
    """
    local = address.key.rpartition("@")[0]
    return re.sub(r"[-_.]", "", re.split(r"[+=]", local)[0]) in _ROLES


def is_reserved(address: Address) -> bool:
    """Tell whether the domain exists for examples and tests only (RFC 2606, RFC 6761)."""
    labels = address.key.rpartition("@")[2].split(".")
    return labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED


def mask(address: Address) -> str:
    """Return the address as logs and lists show it: ``a•••@example.org``."""
    local, _, domain = address.typed.rpartition("@")
    return f"{local[0]}•••@{domain}"


def _trim(text: str) -> str:
    """Return the text in NFC without spaces around it; refuse what cannot be seen inside."""
    if len(text) > _READ_AT_MOST:
        raise _refusal(f"at most {_ADDRESS_OCTETS} bytes in all", text)
    trimmed = text.strip(" ")
    if trimmed.isascii() and trimmed.isprintable() and " " not in trimmed:
        return trimmed
    trimmed = unicodedata.normalize("NFC", text.strip("".join(filter(_is_edge, set(text)))))
    for character in trimmed:
        kind = unicodedata.category(character)
        if kind[0] == "Z":
            raise _refusal("an address without spaces inside", trimmed)
        if kind[0] == "C" and character not in _JOINERS:
            raise _refusal("an address on one line, without control characters", trimmed)
    return trimmed


def _is_edge(character: str) -> bool:
    return unicodedata.category(character) == "Zs" or character in _INVISIBLE


def _split(trimmed: str) -> tuple[str, str]:
    if not trimmed:
        raise ValueError("expected an address such as ada@example.org; got nothing")
    if "<" in trimmed or ">" in trimmed:
        raise _refusal("the address alone, without a name or < >", trimmed)
    local, at, domain = trimmed.partition("@")
    if not at or "@" in domain:
        raise _refusal("exactly one @ between a name and a domain", trimmed)
    if not local or _JOINERS[0] in local or _JOINERS[1] in local:
        raise _refusal("a name of visible characters before the @", trimmed)
    return local, domain


@lru_cache(maxsize=65536)
def _encode_domain(domain: str) -> str:
    """Return the domain as lower-case A-labels; raise UnicodeError if it can receive no mail."""
    if "--" not in domain and _PLAIN_DOMAIN.fullmatch(domain):
        return domain.lower()
    encoded = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    top = encoded.rpartition(".")[2]
    if not top or top.isdigit() or ("." not in encoded and encoded not in _RESERVED):
        raise UnicodeError(encoded)
    return encoded


def _fold(local: str) -> str:
    """Return the local part as it is compared: Unicode's canonical caseless match, in NFC."""
    if local.isascii():
        return local.lower()
    decomposed = unicodedata.normalize("NFD", local).casefold()
    return unicodedata.normalize("NFC", decomposed)


def _refusal(expected: str, text: str) -> ValueError:
    visible = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:80])
    ending = "…" if len(text) > 80 else ""  # noqa: PLR2004 - a line of the terminal
    return ValueError(f'expected {expected}; got "{visible}{ending}"')


# ---------------------------------------------------------------------------- what a reply means

_GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Codes of an address that takes no mail any more (RFC 3463)."""
_UNFIT = frozenset({"5.2.3", "5.3.4", "5.6.7"})
"""Codes of a mail that does not fit: too large, or an address that needs SMTPUTF8."""
_CROWDED = frozenset({"4.3.1", "4.3.2", "4.5.3"})
"""Codes of a relay that has no room or no time, whoever the mail is for."""
_NO_SUCH = frozenset({550, 551, 553})
_UNFIT_CODE = 552  # RFC 1870 section 6.1
_POLICY = re.compile(
    r"spam|block|polic|reputation|dmarc|dkim|spf|denied|relay|banned|blacklist", re.IGNORECASE
)


class Meaning(StrEnum):
    """What the end of an attempt says, and of whom."""

    TAKEN = "taken"  # the relay has the mail
    UNKNOWN = "unknown"  # it may have it
    LATER = "later"  # this mailbox, not now
    BUSY = "busy"  # the relay, not now, whoever the mail is for
    SLOWLY = "slowly"  # this domain, not now: greylisting, too many, a doubt about us
    GONE = "gone"  # this mailbox, never
    REFUSED = "refused"  # this mail to this mailbox, never
    DISTRUSTED = "distrusted"  # never, because of us: it blames no reader
    TURNED_AWAY = "turned away"  # the relay takes nothing from us


def read_outcome(outcome: Outcome) -> Meaning:
    """Return what an outcome means: by phase, then enhanced code (RFC 3463), then words."""
    match outcome:
        case Accepted():
            return Meaning.TAKEN
        case Uncertain():
            return Meaning.UNKNOWN
        case Deferred():
            return _read_deferred(outcome)
        case Rejected():
            return _read_rejected(outcome)
        case _:
            assert_never(outcome)


def _read_deferred(outcome: Deferred) -> Meaning:
    is_about_us = outcome.phase in {Phase.CONNECT, Phase.MAIL}
    is_policy = outcome.enhanced.startswith("4.7.")
    if outcome.code == 421 or is_about_us or outcome.enhanced in _CROWDED:  # noqa: PLR2004 - RFC 5321 section 3.8
        return Meaning.BUSY
    if is_policy:
        return Meaning.BUSY if outcome.phase is Phase.END else Meaning.SLOWLY
    return Meaning.LATER


def _read_rejected(outcome: Rejected) -> Meaning:
    if outcome.enhanced in _UNFIT or outcome.code == _UNFIT_CODE:
        return Meaning.REFUSED
    if outcome.phase in {Phase.CONNECT, Phase.MAIL}:
        return Meaning.TURNED_AWAY
    if outcome.enhanced in _GONE:
        return Meaning.GONE
    is_policy = outcome.enhanced.startswith("5.7.") or _POLICY.search(outcome.reply)
    # Without a code of its own: before DATA it is about the mailbox, after it about what we wrote.
    if is_policy or not (outcome.enhanced or outcome.phase is Phase.RCPT):
        return Meaning.DISTRUSTED
    return Meaning.GONE if not outcome.enhanced and outcome.code in _NO_SUCH else Meaning.REFUSED


def settle(outcome: Outcome, attempts: int) -> Outcome:
    """Return what the ledger keeps of an outcome, after so many attempts.

    A refusal because of us is not final the first time: mended, the same mail may be taken.
    """
    if isinstance(outcome, Rejected) and attempts <= 1:
        meaning = read_outcome(outcome)
        if meaning in {Meaning.DISTRUSTED, Meaning.TURNED_AWAY}:
            return Deferred(
                code=outcome.code,
                reply=outcome.reply,
                enhanced=outcome.enhanced,
                phase=outcome.phase,
            )
    return outcome


# ----------------------------------------------------------------------------------- trying again

_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=3)
_JITTER = 0.2


def back_off(attempts: int, spread_by: str = "") -> timedelta:
    """Return how long to wait after so many attempts: 5 minutes, doubling up to 3 hours.

    Two tries in the first hour, then every two to three (RFC 5321 section 4.5.4.1). Whatever
    ``spread_by`` names waits up to a fifth longer, always the same, so that mails that failed
    together do not come back together.
    """
    usual = min(_FIRST_WAIT * (1 << min(max(attempts, 1) - 1, 16)), _LONGEST_WAIT)
    share = zlib.crc32(f"{spread_by}:{attempts}".encode()) / 2**32 if spread_by else 0.0
    return usual * (1 + _JITTER * share)


def expires_at(
    since: datetime, expire_after: timedelta, *, audience: int, daily_limit: int
) -> datetime:
    """Return when an edition is old news; a daily limit gives it the days that it needs."""
    days = -(-audience // daily_limit) - 1 if daily_limit and audience else 0
    return since + expire_after + timedelta(days=days)


# ---------------------------------------------------------------------------------- when to stop

DISTRUSTED_MOST = 10
"""So many refusals because of us without a mail taken between, and the edition pauses."""
REFUSED_MOST = 20
"""The same for refusals of any kind: so many wrong addresses in a row are our own mistake."""
_DOMAIN_MOST = 3
DOMAIN_WAIT = timedelta(minutes=30)
"""How long a domain is left alone that distrusts us while others take our mail."""


@dataclass(slots=True)
class Breaker:
    """Watches the ends of an edition's mails and says when going on would do harm."""

    distrusted: int = 0
    refused: int = 0
    taken: int = 0
    domains: dict[str, int] = field(default_factory=dict)

    def hear(self, outcome: Outcome, domain: str) -> str:
        """Take one outcome; return why the edition must pause, or nothing."""
        meaning = read_outcome(outcome)
        if meaning is Meaning.TAKEN:
            self.distrusted = self.refused = 0
            self.taken += 1
            self.domains.pop(domain, None)
            return ""
        if meaning in {Meaning.SLOWLY, Meaning.DISTRUSTED}:
            self.domains[domain] = self.domains.get(domain, 0) + 1
        self.distrusted += meaning is Meaning.DISTRUSTED
        self.refused += isinstance(outcome, Rejected)
        if meaning is Meaning.TURNED_AWAY:
            return f"the relay takes nothing from us: {_words(outcome)}"
        if self.distrusted >= DISTRUSTED_MOST:
            return (
                f"{self.distrusted} mails in a row were refused because of us: {_words(outcome)}"
            )
        if self.refused >= REFUSED_MOST:
            return f"{self.refused} mails in a row were refused: {_words(outcome)}"
        return ""

    def is_resting(self, domain: str) -> bool:
        """Tell whether a domain wants no mail now, while others do."""
        return self.taken > 0 and self.domains.get(domain, 0) >= _DOMAIN_MOST


def _words(outcome: Outcome) -> str:
    code = "" if isinstance(outcome, Uncertain) else f"{outcome.code} "
    return f"{code}{outcome.reply}".strip()


# ------------------------------------------------------------------------------------- how fast

_UNPROVEN = 4
"""Mails under way before the first one is taken: a relay that refuses us refuses few."""
_TAKEN_A_LINE = 100
_FIRST_REST_SECONDS = 2.0
_RESTS = 6
RELAY_WAIT = timedelta(minutes=15)
"""How long a relay is left alone that said "not now" again and again."""


@dataclass(slots=True)
class Pace:
    """How many mails may be under way, and when the next may begin; times are monotonic seconds.

    A relay that says "not now" gets half the connections and a rest that doubles; a hundred mails
    taken earn one connection back.
    """

    connections: int
    per_second: float | None = None
    width: int = 0
    taken: int = 0
    rests: int = 0
    rests_until: float = 0.0
    _next_at: float = 0.0

    def __post_init__(self) -> None:
        self.width = self.connections

    @property
    def is_worn_out(self) -> bool:
        """Whether the relay said "not now" so often that this round had better end."""
        return self.rests > _RESTS

    def hear(self, meaning: Meaning, now: float) -> None:
        """Take what one mail's end means."""
        if meaning is Meaning.BUSY and now >= self.rests_until:
            self.width = max(1, self.width // 2)
            self.rests_until = now + _FIRST_REST_SECONDS * (1 << self.rests)
            self.rests += 1
        elif meaning is Meaning.TAKEN:
            self.taken += 1
            self.rests = 0
            if self.taken % _TAKEN_A_LINE == 0:
                self.width = min(self.connections, self.width + 1)

    def room(self, under_way: int, now: float) -> int:
        """Return how many mails may begin now."""
        if now < self.rests_until:
            return 0
        most = self.width if self.taken else min(self.width, _UNPROVEN)
        room = max(0, most - under_way)
        if self.per_second is None:
            return room
        # What was not used is not saved up, but for one second's worth.
        self._next_at = max(self._next_at, now - 1.0)
        if now < self._next_at:
            return 0
        return min(room, int((now - self._next_at) * self.per_second) + 1)

    def begun(self, count: int) -> None:
        """Note that so many began."""
        if self.per_second is not None:
            self._next_at += count / self.per_second

    def wait_seconds(self, now: float) -> float:
        """Return how long until the next may begin; 0 where it is not time that it waits for."""
        waits = [self.rests_until - now]
        if self.per_second is not None:
            waits.append(self._next_at - now)
        return max(0.0, *waits)
