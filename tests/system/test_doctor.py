"""``publisher doctor`` as an operator types it: what is wrong, what mends it, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import dnsd

if TYPE_CHECKING:
    from tests.conftest import Folder


def _signs(folder: Folder, *words: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in folder.json("doctor", *words)["signs"]:
        found.setdefault(one["name"], []).append(one["health"])
    return found


def test_a_rehearsing_site_is_well_and_told_what_it_lacks_to_be_live(folder: Folder) -> None:
    """What only matters once people are mailed is a warning, and no fault."""
    ran = folder.run("doctor")

    assert ran.code == 0
    assert "✓ Mail: This is a rehearsal" in ran.out
    assert "! Before people are mailed: Expected site.url to begin with https://" in ran.out
    assert "Write the address where the site is reached from everywhere." in ran.out
    assert "! Backup: None was made here" in ran.out
    assert "DNS" not in ran.out
    assert not (folder.path / "public").exists()


def test_what_a_live_site_lacks_is_a_fault(folder: Folder) -> None:
    """The same is a fault where letters go to people, and DNS is asked."""
    folder.configure(mail='transport = "smtp"', mail__smtp='host = "relay.example.net"')
    with dnsd.serve() as zone:
        resolver = f"127.0.0.1:{zone.port}"
        ran = folder.run("doctor", "--resolver", resolver)
        signs = _signs(folder, "--resolver", resolver)

    assert ran.code == 5
    assert signs["Before people are mailed"] == ["bad"] * 3
    assert signs["DNS: SPF"] == ["bad"]
    assert signs["Bounces"] == ["warning"]


def test_a_copy_a_wrong_clock_broken_posts_and_open_doors_are_found(folder: Folder) -> None:
    """Each is told with what mends it."""
    folder.post("one.md", "One", body="", date="never")
    folder.configure(
        mail__dkim='domain = "example.org"\nselector = "a"\nrsa_key = { file = "no" }'
    )
    folder.run("plan")
    state = folder.path / "var"
    (state / "epoch").write_text("another", "utf-8")
    state.chmod(0o755)
    (folder.path / "templates" / "console").mkdir(parents=True)
    (folder.path / "templates" / "console" / "today.html").write_text("{% if %}", "utf-8")

    signs = _signs(folder)
    ran = folder.run("doctor")

    assert ran.code == 5
    assert signs["Who sends"] == signs["Signature"] == signs["Templates"] == ["bad"]
    assert signs["Posts"] == signs["Privacy"] == ["warning"]
    assert "chmod 700" in ran.out


def test_dns_that_does_not_answer_is_no_fault_of_the_site(folder: Folder) -> None:
    """Nobody answered: it is told so, and the exit code is that of what is not there now."""
    with dnsd.serve() as zone:
        zone.broken |= {"example.org.", "_dmarc.example.org."}
        ran = folder.run("doctor", "--dns", "--resolver", f"127.0.0.1:{zone.port}")

    assert ran.code == 75
    assert "? DNS: SPF" in ran.out
