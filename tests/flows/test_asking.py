"""Signing people up against their will does them no harm: how often, how fast, and from where."""

from __future__ import annotations

import base64
import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import app, subscribing, tokens
from publisher.errors import UsageError
from publisher.store import schema, subscribers
from publisher.subscribing import Age, Barred, Gate
from publisher.subscribing.doors import network_of
from publisher.tokens import Key
from tests.conftest import NOON
from tests.flows.scenes import DAY, HOUR, MINUTE, rows

if TYPE_CHECKING:
    from datetime import datetime

    from tests.conftest import Folder

PEPPER = Key(id=1, purpose="pepper", secret=b"pepper")


@pytest.fixture
def site(folder: Folder) -> app.Site:
    """A site with nobody on its list."""
    return folder.open()


def _ask(site: app.Site, address: str, *, now: datetime = NOON) -> None:
    wish = subscribing.Wish(
        address=subscribing.read_address(address), wording="Send it.", source="form"
    )
    subscribing.ask(site.store, wish, now=now)


def _made(site: app.Site) -> list[tuple[str, str]]:
    return rows(site, schema.notices, schema.notices.c.kind, schema.notices.c.state)


# ---------------------------------------------------------------------------------- one a day each


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("Anna@Example.NET", "case"),
        (" anna@example.net ", "spaces"),
        ("anna@example.net", "the same"),
    ],
)
def test_x7_an_address_is_one_however_it_is_spelled(
    site: app.Site, spelled: str, why: str
) -> None:
    """Asked for in another spelling on the same day, an address gets one mail and is on the list once."""
    _ask(site, "anna@example.net")
    _ask(site, spelled, now=NOON + HOUR)

    assert _made(site) == [("confirm", "pending")], why
    assert len(subscribing.list_people(site.store)) == 1


def test_x7_an_alias_is_another_mailbox(site: app.Site) -> None:
    """Dots and +tags are not folded: only the owner's server knows what they mean."""
    for one in ("anna@example.net", "an.na@example.net", "anna+x@example.net"):
        _ask(site, one)

    assert len(subscribing.list_people(site.store)) == 3


def test_one_a_day_and_three_a_month_whatever_comes_of_them(site: app.Site) -> None:
    """Asked for every six hours for sixty days, an address gets a mail on three days of any thirty."""
    for hour in range(0, 60 * 24, 6):
        _ask(site, "anna@example.net", now=NOON + hour * HOUR)

    made = [row[0] for row in rows(site, schema.notices, schema.notices.c.made_at)]
    for one in made:
        assert sum(one - DAY < other <= one for other in made) == 1
        assert sum(one - 30 * DAY < other <= one for other in made) <= 3
    assert len(made) == 6


def test_each_that_is_too_many_is_counted(site: app.Site) -> None:
    """How often an address was asked for in vain stands with its notice, for staff to see."""
    for minute in range(5):
        _ask(site, "anna@example.net", now=NOON + minute * MINUTE)

    assert rows(site, schema.notices, schema.notices.c.asked_again) == [(4,)]


def test_an_hour_of_list_bombing_mails_no_victim_twice(site: app.Site) -> None:
    """100,000 sign-ups for 1,000 addresses from 500 networks within an hour: nobody gets two mails.

    The door shuts at three hundred in all, and staff are told so once.
    """
    gate, dice = Gate(), random.Random(6)  # noqa: S311 - the same attack each time
    shut: Counter[Barred] = Counter()
    warned = 0
    for number in range(100_000):
        now = NOON + number * HOUR / 100_000
        network = f"network {dice.randrange(500)}"
        closed = gate.admit(network, now=now)
        if closed:
            shut[closed.why] += 1
            warned += closed.is_first
            continue
        _ask(site, f"victim{dice.randrange(1_000)}@example.net", now=now)

    mails = Counter(row[0] for row in rows(site, schema.notices, schema.notices.c.address_hash))
    assert max(mails.values()) == 1
    assert len(mails) <= 300
    assert shut.total() == 100_000 - 300
    assert warned == 1


def test_the_address_is_safe_also_without_the_door(site: app.Site) -> None:
    """Many networks that each keep within their limit still get nobody a second mail that day."""
    dice = random.Random(7)  # noqa: S311 - the same
    for number in range(500):
        _ask(site, f"victim{dice.randrange(50)}@example.net", now=NOON + number * MINUTE / 10)

    mails = Counter(row[0] for row in rows(site, schema.notices, schema.notices.c.address_hash))
    again = sum(row[0] for row in rows(site, schema.notices, schema.notices.c.asked_again))
    assert set(mails.values()) == {1}
    assert again == 500 - 50


# ---------------------------------------------------------------------------------------- the door


def test_a_network_waits_until_its_hour_is_over() -> None:
    """The thirty-first of an hour is told when to come back, and then let in."""
    gate = Gate(network_most=2, most=100)
    told = [gate.admit("one", now=NOON + minute * MINUTE) for minute in range(3)]
    other = gate.admit("two", now=NOON + 3 * MINUTE)
    later = gate.admit("one", now=NOON + HOUR)

    assert told[:2] == [None, None] and other is None and later is None
    assert told[2] is not None
    assert (told[2].why, told[2].until) == (Barred.NETWORK, NOON + HOUR)


def test_a_network_that_is_shut_uses_up_nobody_elses_share() -> None:
    """What is refused is not counted: a machine that goes on asking shuts only itself out."""
    gate = Gate(network_most=1, most=3)
    for _ in range(50):
        gate.admit("machine", now=NOON)

    assert gate.admit("person", now=NOON) is None
    assert gate.admit("another", now=NOON) is None


def test_staff_are_told_once_an_attack() -> None:
    """The first that is refused because of all others says so, and the next hour's first again."""
    gate = Gate(network_most=100, most=1)
    moments = (NOON, NOON + MINUTE, NOON + 2 * MINUTE, NOON + HOUR, NOON + HOUR + MINUTE)
    told = [gate.admit("one", now=at) for at in moments]

    assert [one.is_first if one else None for one in told] == [None, True, False, None, True]


def test_networks_are_forgotten_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of a network that was not seen for an hour, however many there were."""
    monkeypatch.setattr("publisher.subscribing.doors._MOST_NETWORKS", 10)
    gate = Gate(most=1_000)
    for number in range(50):
        gate.admit(f"network {number}", now=NOON + number * 10 * MINUTE)

    assert len(gate._networks) <= 11


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("unknown", "", True),
    ],
)
def test_a_network_is_24_or_48_bits(one: str, other: str, same: bool) -> None:
    """Neighbours in a network are one; the hash names none of them."""
    hashes = network_of(one, PEPPER), network_of(other, PEPPER)

    assert (hashes[0] == hashes[1]) is same
    assert len(hashes[0]) == 16


# ---------------------------------------------------------------------------------- the form's time


def test_a_form_has_its_time(site: app.Site) -> None:
    """From three seconds to a day after it was given out a form is right, also by a retired key."""
    stamp = subscribing.stamp_form(site.store, now=NOON)
    with site.store.write() as tx:
        subscribers.rotate_key(tx, "form", b"new", now=NOON)

    def age(**length: float) -> Age:
        return subscribing.read_stamp(site.store, stamp, now=NOON + timedelta(**length))

    assert [age(seconds=0), age(seconds=2.9), age(seconds=3)] == [Age.YOUNG, Age.YOUNG, Age.RIGHT]
    assert [age(hours=24), age(hours=24, seconds=1), age(seconds=-1)] == [
        Age.RIGHT,
        Age.OLD,
        Age.OLD,
    ]


@given(bit=st.integers(min_value=0, max_value=24 * 8 - 1))
def test_a_forms_time_cannot_be_changed(bit: int) -> None:
    """No bit of a form's time can be flipped: what is not ours is too old."""
    key = Key(id=3, purpose="form", secret=b"form")
    octets = bytearray(base64.urlsafe_b64decode(tokens.make(key, int(NOON.timestamp()))))
    octets[bit // 8] ^= 1 << bit % 8

    assert tokens.read(base64.urlsafe_b64encode(octets).decode(), [key], "form") is None


@given(
    purposes=st.lists(
        st.sampled_from(["link", "confirm", "data", "move"]), min_size=2, max_size=2, unique=True
    ),
    number=st.integers(min_value=0, max_value=2**63 - 1),
)
def test_a_lent_key_opens_only_what_it_is_lent_for(purposes: list[str], number: int) -> None:
    """A link to confirm, to one's data or to a new address is made by one secret, and opens no other."""
    key = Key(id=3, purpose="link", secret=b"secret")
    mine, other = (tokens.lend([key], purpose) for purpose in purposes)
    token = tokens.make(mine[0], number)

    assert tokens.read(token, mine, purposes[0]) == number
    assert tokens.read(token, other, purposes[1]) is None
    assert tokens.read(token, other, purposes[0]) is None


# ------------------------------------------------------------------------------------ poisoned ones


POISONED = (
    "anna@example.net\r\nBcc: eve@example.org",
    "anna@example.net\nX: y",
    "anna\0@example.net",
    "<>",
    "<anna@example.net>",
    '"a b"@example.net',
    "anna@example.net, eve@example.org",
    "a" * 400 + "@example.net",
    "anna@[127.0.0.1]",
    "@",
    "anna@exa\u202emple.net",
    "anna@" + "a" * 300 + ".net",
)


@pytest.mark.parametrize("address", POISONED)
def test_x6_a_poisoned_address_reaches_neither_table_nor_wire(
    site: app.Site, address: str
) -> None:
    """What could say more than one address is refused where it comes in."""
    with pytest.raises(UsageError):
        _ask(site, address)

    assert (_made(site), subscribing.list_people(site.store)) == ([], [])


def test_x6_an_address_in_any_script_is_one_mailbox(folder: Folder, site: app.Site) -> None:
    """An international domain is mailed by its A-label; nothing of it breaks a header."""
    _ask(site, "anna@bücher.example.org")
    app.send_notices(site, clock=lambda: NOON)

    (mail,) = folder.outbox()
    head = mail.read_bytes().partition(b"\r\n\r\n")[0]
    assert b"\r\nTo: anna@xn--bcher-kva.example.org\r\n" in head


@given(text=st.text(max_size=60))
def test_any_text_is_an_address_on_one_line_or_none(text: str) -> None:
    """Whatever is typed is refused, or is one address without a line's end or a space in it."""
    try:
        address = subscribing.read_address(f"{text}@example.net")
    except UsageError:
        return

    assert address.typed.count("@") == 1
    assert not set(address.typed) & set("\r\n\0 <>")
