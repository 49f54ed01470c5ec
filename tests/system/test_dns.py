"""``publisher dns`` as an operator types it: keys, the lines to copy, and what DNS says."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tests import dnsd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Folder

FROM = 'from = "Letters <letters@news.river.org>"'


@pytest.fixture
def river(folder: Folder) -> Folder:
    """A site with a From of its own."""
    folder.configure(mail=FROM)
    return folder


@pytest.fixture
def zone() -> Iterator[dnsd.Zone]:
    """A DNS server on this machine."""
    with dnsd.serve() as one:
        yield one


def test_keys_are_made_once_and_for_this_user_alone(river: Folder) -> None:
    """Both keys are 0600; again makes nothing and says so; ``--yes`` replaces them."""
    made = river.run("--json", "dns", "--make-keys")
    files = [river.path / "var/dkim-rsa.pem", river.path / "var/dkim-ed25519.pem"]
    first = [file.read_bytes() for file in files]

    again = river.run("--json", "dns", "--make-keys")
    kept = [file.read_bytes() for file in files]
    replaced = river.run("--yes", "dns", "--make-keys")

    assert made.code == replaced.code == 0
    assert made.data["made"] == list(map(str, files))
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert (again.code, again.data["error"]["code"]) == (5, "dkim.keys_exist")
    assert kept == first
    assert [file.read_bytes() for file in files] != first


def test_a_missing_key_is_added_beside_the_other(river: Folder) -> None:
    """What is there stays; only the key that is not there is made."""
    river.run("dns", "--make-keys")
    rsa, ed25519 = river.path / "var/dkim-rsa.pem", river.path / "var/dkim-ed25519.pem"
    before = rsa.read_bytes()
    ed25519.unlink()

    made = river.json("dns", "--make-keys")

    assert made["made"] == [str(ed25519)]
    assert rsa.read_bytes() == before


def test_the_printed_configuration_signs(river: Folder) -> None:
    """The lines that are printed are those that are lacking: with them mails are signed."""
    river.post("one.md", "One")
    lines = river.json("dns", "--make-keys")["configure"]
    head, _, table = lines.partition("\n")

    river.configure(mail__dkim=table)
    river.run("test", "weekly", "--to", "staff@example.org")
    told = river.json("dns")

    assert head == "[mail.dkim]"
    assert river.outbox()[0].read_bytes().count(b"DKIM-Signature: ") == 2
    assert told["configure"] == ""
    assert [one["kind"] for one in told["records"]] == ["dkim", "dkim", "spf", "dmarc"]
    assert all(len(string) <= 255 for one in told["records"] for string in one["strings"])


def test_keys_go_where_the_configuration_says(river: Folder) -> None:
    """A configured place is where the key is made; one in the environment is none to make."""
    river.configure(
        mail__dkim='domain = "river.org"\nselector = "m7"\nrsa_key = { file = "keys/mail.pem" }'
    )
    made = river.json("dns", "--make-keys")
    river.configure(mail__dkim='domain = "river.org"\nselector = "m7"\nrsa_key = { env = "KEY" }')
    refused = river.run("--json", "dns", "--make-keys")

    assert made["made"][0] == str(river.path / "keys/mail.pem")
    assert made["records"][0]["name"] == "m7._domainkey.river.org"
    assert 'ed25519_key = { file = "var/dkim-ed25519.pem" }' in made["configure"]
    assert (refused.code, refused.data["error"]["code"]) == (5, "dkim.environment")


def test_a_key_of_the_environment_stays_there(
    river: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record is printed, and what is lacking beside it names the place, never the key."""
    river.run("dns", "--make-keys")
    rsa = river.path / "var/dkim-rsa.pem"
    monkeypatch.setenv("KEY", rsa.read_text())
    rsa.unlink()
    river.configure(
        mail__dkim='domain = "news.river.org"\nselector = "s1"\nrsa_key = { env = "KEY" }'
    )

    told = river.json("dns")

    assert [one["name"] for one in told["records"]][:2] == [
        "s1._domainkey.news.river.org",
        "s1-ed25519._domainkey.news.river.org",
    ]
    assert 'rsa_key = { env = "KEY" }' in told["configure"]
    assert "PRIVATE" not in str(told)


def test_a_site_whose_relay_signs_is_told_what_is_left(river: Folder) -> None:
    """Without keys SPF and DMARC are printed, for every sender, and where bounces go."""
    river.configure(
        site=river.settings["site"] + '\nurl = "https://www.river.org"',
        mail=f'{FROM}\nbounce_domain = "bounce.river.org"',
        digests__weekly='schedule = "every tuesday at 07:30"\ndiscreet_from = "post@plain.org"',
    )

    told = river.run("dns")

    assert told.code == 0
    assert told.out.count("v=spf1 a:www.river.org ~all") == 3
    assert told.out.count("v=DMARC1") == 2
    assert "bounce.river.org. IN MX 10 www.river.org." in told.out
    assert "The relay signs, or nobody" in told.out


def test_a_reserved_domain_is_warned_of(folder: Folder) -> None:
    """Records for example.org can be published by nobody."""
    told = folder.run("dns")

    assert told.code == 0
    assert "which is for examples only" in told.err


def test_check_tells_what_is_missing_wrong_and_right(river: Folder, zone: dnsd.Zone) -> None:
    """0 when all is in order, 5 when something is missing or wrong, with the line to publish."""
    resolver = f"127.0.0.1:{zone.port}"
    records = river.json("dns", "--make-keys")["records"]

    missing = river.run("dns", "--check", "--resolver", resolver)
    for one in records:
        zone.add(one["line"])
    good = river.run("--json", "dns", "--check", "--resolver", resolver)
    zone.records[("news.river.org.", "TXT")] = ['"v=spf1 +all"']
    wrong = river.run("--json", "dns", "--check", "--resolver", resolver)

    assert missing.code == 5
    assert missing.out.count("✗") == 4
    assert records[0]["line"] in missing.out
    assert good.code == 0
    assert {one["state"] for one in good.data["records"]} == {"ok"}
    assert wrong.code == 5
    assert [one["state"] for one in wrong.data["records"]] == ["ok", "ok", "differs", "ok"]


def test_check_without_an_answer_is_for_later(river: Folder, zone: dnsd.Zone) -> None:
    """A server that fails is no verdict: 75, and it can be tried again."""
    zone.broken |= {"news.river.org.", "_dmarc.news.river.org."}

    ran = river.run("dns", "--check", "--resolver", f"127.0.0.1:{zone.port}")

    assert ran.code == 75
    assert ran.out.count("!") == 2


@pytest.mark.parametrize("address", ["nowhere", "9.9.9.9:x", "9.9.9.9:99999", "[::1"])
def test_resolver_must_be_an_address(river: Folder, address: str) -> None:
    """A resolver is an address, perhaps with a port; nothing else is tried."""
    ran = river.run("--json", "dns", "--check", "--resolver", address)

    assert (ran.code, ran.data["error"]["got"]) == (2, address)


@pytest.mark.parametrize("address", ["::1", "[::1]", "127.0.0.1"])
def test_resolver_may_be_any_address(river: Folder, address: str) -> None:
    """IPv4 or IPv6, in brackets or not."""
    assert river.run("dns", "--resolver", address).code == 0
