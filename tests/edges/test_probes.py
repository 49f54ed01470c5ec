"""DNS: what mail needs there, and what a real server's answers are taken for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import Unavailable
from publisher.probes import Record, RecordKind, State, check, make_lookup, wanted
from tests import dnsd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from publisher.probes import Finding

KEY = f"v=DKIM1; k=rsa; p={'A' * 392}"
FACTS: dict[str, Any] = {
    "senders": ["news.river.org"],
    "bounce_domain": "bounce.news.river.org",
    "server": "smtp.relay.net",
    "reports_to": "desk@news.river.org",
    "signing_domain": "news.river.org",
    "keys": [("s1", KEY), ("s1-ed25519", "v=DKIM1; k=ed25519; p=abc=")],
}


def records(**changes: Any) -> dict[RecordKind, Record]:
    """The last record of each kind."""
    return {one.kind: one for one in wanted(**(FACTS | changes))}


def judge(kind: RecordKind, zone: Mapping[tuple[str, str], tuple[str, ...]]) -> Finding:
    """What is said of the record of a kind, where DNS says what ``zone`` does."""
    keys = [("s1", KEY)]
    return check(records(keys=keys)[kind], lambda name, type_: zone.get((name, type_), ()))


# ------------------------------------------------------------------------------- what to publish


def test_records_are_lines_to_copy() -> None:
    """Keys, SPF, DMARC and the way of bounces, each as one line of a zone file."""
    lines = [one.line for one in wanted(**FACTS)]

    assert lines == [
        f's1._domainkey.news.river.org. IN TXT "{KEY[:255]}" "{KEY[255:]}"',
        's1-ed25519._domainkey.news.river.org. IN TXT "v=DKIM1; k=ed25519; p=abc="',
        'news.river.org. IN TXT "v=spf1 a:smtp.relay.net ~all"',
        'bounce.news.river.org. IN TXT "v=spf1 a:smtp.relay.net ~all"',
        '_dmarc.news.river.org. IN TXT "v=DMARC1; p=none; rua=mailto:desk@news.river.org"',
        "bounce.news.river.org. IN MX 10 smtp.relay.net.",
    ]


def test_lines_are_those_of_a_zone_file() -> None:
    """A stranger's reader takes every line, and the strings of a key join to the key."""
    for one in wanted(**FACTS):
        name, class_, kind, value = one.line.split(" ", 3)
        read = dns.rrset.from_text(name, 60, class_, kind, value)

        if one.type == "TXT":
            assert b"".join(read[0].strings).decode() == one.value
        else:
            assert read[0].exchange.to_text() == "smtp.relay.net."


@given(st.integers(0, 2_000))
def test_long_values_are_cut_into_strings(length: int) -> None:
    """No string of a record is longer than 255, and none is empty but the only one."""
    one = Record(kind=RecordKind.DKIM, name="a.org", value="x" * length, why="")

    assert "".join(one.strings) == one.value
    assert max(map(len, one.strings)) <= 255
    assert len(one.strings) == max(1, -(-length // 255))


@pytest.mark.parametrize(
    ("server", "value"),
    [
        ("192.0.2.1", "v=spf1 ip4:192.0.2.1 ~all"),
        ("2001:db8::1", "v=spf1 ip6:2001:db8::1 ~all"),
        ("", "v=spf1 a mx ~all"),
    ],
)
def test_spf_names_the_server(server: str, value: str) -> None:
    """By its address where that is known, by what the domain's own records say where nothing is."""
    assert records(server=server)[RecordKind.SPF].value == value


def test_one_domain_for_all_needs_each_record_once() -> None:
    """Where bounces go to the domain of the From there is no record for another one."""
    found = wanted(**(FACTS | {"bounce_domain": "news.river.org", "keys": []}))

    assert [one.kind for one in found] == [RecordKind.SPF, RecordKind.DMARC]


@pytest.mark.parametrize(
    ("reports_to", "is_named"),
    [
        ("desk@news.river.org", True),
        ("desk@river.org", True),
        ("desk@desk.news.river.org", True),
        ("desk@elsewhere.org", False),
        ("desk@overriver.org", False),
    ],
)
def test_reports_go_to_no_stranger(reports_to: str, is_named: bool) -> None:
    """Reports are sent to another organisation only with its leave: none are asked for there."""
    value = records(reports_to=reports_to)[RecordKind.DMARC].value

    assert ("rua=" in value) is is_named


# ------------------------------------------------------------------------------------ what is found

DKIM_NAME = "s1._domainkey.news.river.org"
SPF_NAME = "bounce.news.river.org"
DMARC_NAME = "_dmarc.news.river.org"


@pytest.mark.parametrize(
    ("texts", "state", "got"),
    [
        ((), State.MISSING, "nothing"),
        ((KEY,), State.OK, "the key that we sign with"),
        ((f"p={'A' * 392}",), State.OK, "the key that we sign with"),
        (
            (f"v=DKIM1; k = rsa ; p= {'A' * 200} {'A' * 192};",),
            State.OK,
            "the key that we sign with",
        ),
        ((KEY.replace("A", "B"),), State.DIFFERS, "another key"),
        ((KEY.replace("rsa", "ed25519"),), State.DIFFERS, "another key"),
        (("v=DKIM1; p=",), State.DIFFERS, "a key that was taken back"),
        (("nonsense",), State.DIFFERS, "another key"),
        ((KEY, KEY), State.DIFFERS, "2 records"),
    ],
)
def test_dkim_record_is_our_key(texts: tuple[str, ...], state: State, got: str) -> None:
    """One record, with the key we sign with; spaces do not matter (RFC 6376 section 3.6.1)."""
    found = judge(RecordKind.DKIM, {(DKIM_NAME, "TXT"): texts})

    assert (found.state, found.got) == (state, got)
    assert bool(found.hint) is (state is not State.OK)


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        ((), State.MISSING),
        (("something else", "v=spf10 all"), State.MISSING),
        (("other", "v=spf1 include:relay.net -all"), State.OK),
        (("V=SPF1 a ~all",), State.OK),
        (("v=spf1 -all", "v=spf1 a"), State.DIFFERS),
        (("v=spf1 a +all",), State.DIFFERS),
        (("v=spf1 a all",), State.DIFFERS),
        ((f"v=spf1 {'a:x.org ' * 10}-all",), State.OK),
        ((f"v=spf1 {'a:x.org ' * 11}-all",), State.DIFFERS),
        (("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",), State.OK),
    ],
)
def test_spf_record_is_one_and_shuts_somebody_out(texts: tuple[str, ...], state: State) -> None:
    """Exactly one, that does not let everybody in, within ten look-ups (RFC 7208)."""
    assert judge(RecordKind.SPF, {(SPF_NAME, "TXT"): texts}).state is state


def test_spf_look_ups_of_includes_count() -> None:
    """What an include asks counts too; a circle of includes ends."""
    zone = {
        (SPF_NAME, "TXT"): ("v=spf1 include:a.org include:b.org redirect=c.org",),
        ("a.org", "TXT"): (f"v=spf1 {'mx ' * 4}include:a.org -all",),
        ("b.org", "TXT"): ("v=spf1 exists:%{i}.b.org ptr a/24 -all",),
    }

    found = judge(RecordKind.SPF, zone)

    assert (found.state, found.got) == (State.DIFFERS, "11 look-ups")


@pytest.mark.parametrize(
    ("zone", "state"),
    [
        ({}, State.MISSING),
        ({DMARC_NAME: ("v=DMARC1; p=reject",)}, State.OK),
        ({"_dmarc.river.org": ("v=DMARC1; p=none; rua=mailto:a@river.org",)}, State.OK),
        ({"_dmarc.org": ("v=DMARC1; p=reject",)}, State.MISSING),
        ({DMARC_NAME: ("v=DMARC1; p=none", "v=DMARC1; p=reject")}, State.DIFFERS),
        ({DMARC_NAME: ("v=DMARC1; p=nothing",)}, State.DIFFERS),
        ({DMARC_NAME: ("something", "v=DMARC1;p=quarantine")}, State.OK),
    ],
)
def test_dmarc_policy_may_stand_above(zone: dict[str, tuple[str, ...]], state: State) -> None:
    """The policy of the domain, else of the one above it; exactly one, with a policy that is one."""
    assert judge(RecordKind.DMARC, {(name, "TXT"): zone[name] for name in zone}).state is state


@pytest.mark.parametrize(
    ("zone", "state", "got"),
    [
        ({}, State.MISSING, "nothing"),
        (
            {"MX": ("10 mx.relay.net", "20 mx2.relay.net")},
            State.OK,
            "10 mx.relay.net, 20 mx2.relay.net",
        ),
        ({"MX": ("0 .",)}, State.DIFFERS, "a domain that takes no mail"),
        ({"A": ("192.0.2.1",)}, State.OK, "192.0.2.1"),
        ({"AAAA": ("2001:db8::1",)}, State.OK, "2001:db8::1"),
    ],
)
def test_bounces_have_somewhere_to_go(
    zone: dict[str, tuple[str, ...]], state: State, got: str
) -> None:
    """A server for mail, or an address (RFC 5321 section 5.1), but not the one that takes none."""
    found = judge(RecordKind.MX, {(SPF_NAME, kind): zone[kind] for kind in zone})

    assert (found.state, found.got) == (state, got)


# ---------------------------------------------------------------------------------- a real server


@pytest.fixture
def zone() -> Iterator[dnsd.Zone]:
    """A DNS server on this machine."""
    with dnsd.serve() as one:
        yield one


def test_what_was_published_is_found(zone: dnsd.Zone) -> None:
    """Every record as it was printed is found to be in order by a look-up over the wire."""
    lookup = make_lookup(("127.0.0.1", zone.port))
    for one in wanted(**FACTS):
        zone.add(one.line)

    findings = [check(one, lookup) for one in wanted(**FACTS)]

    assert [one.state for one in findings] == [State.OK] * 6
    assert findings[-1].got == "10 smtp.relay.net"
    assert (f"{DKIM_NAME}.", "TXT") in zone.asked


def test_nothing_published_is_missing(zone: dnsd.Zone) -> None:
    """No such name, and a name without such a record, are both nothing."""
    zone.records[("news.river.org.", "A")] = ["192.0.2.1"]
    lookup = make_lookup(("127.0.0.1", zone.port))

    assert {check(one, lookup).state for one in wanted(**FACTS)} == {State.MISSING}


def test_null_mx_is_read_as_one(zone: dnsd.Zone) -> None:
    """The dot of a domain that takes no mail is no name to be cut."""
    zone.records[(f"{SPF_NAME}.", "MX")] = ["0 ."]

    found = check(records()[RecordKind.MX], make_lookup(("127.0.0.1", zone.port)))

    assert found.got == "a domain that takes no mail"


def test_server_that_fails_is_no_answer(zone: dnsd.Zone) -> None:
    """A server that cannot say is not taken for one that says there is nothing."""
    zone.broken.add("news.river.org.")
    lookup = make_lookup(("127.0.0.1", zone.port))

    found = check(records(bounce_domain="news.river.org")[RecordKind.SPF], lookup)

    assert (found.state, found.got) == (State.UNANSWERED, "servers that cannot say")


def test_server_that_is_silent_is_no_answer() -> None:
    """Silence ends after the time it is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        lookup = make_lookup(("127.0.0.1", silent.getsockname()[1]), seconds=0.2)

        with pytest.raises(Unavailable) as caught:
            lookup("river.org", "TXT")

    assert caught.value.problems[0].got == "no answer in time"


def test_name_that_is_none_is_no_answer() -> None:
    """What cannot be asked is told, and nobody is asked."""
    with pytest.raises(Unavailable):
        make_lookup(("127.0.0.1", 1))("a..b", "TXT")


def test_machine_without_a_name_service_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine knows no server to ask, that is the problem named."""
    import dns.resolver  # noqa: PLC0415

    def unconfigured(*_args: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", unconfigured)

    with pytest.raises(Unavailable) as caught:
        make_lookup()

    assert caught.value.problems[0].path == "this machine's name service"
