"""DKIM: a stranger's verifier finds every mail as we signed it, and nothing else."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.errors import ConfigError
from publisher.mail import MailingList, Signer, compile_letter, compose, compose_notice
from publisher.mail.dkim import OVERSIGNED, SIGNED, relax_body
from publisher.mail.keys import load_signer, make_ed25519_key, make_rsa_key
from publisher.model import Address, Envelope, Letter, Notice
from publisher.transport import Smtp, SmtpSettings
from tests.smtpd import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = datetime(2026, 11, 24, 12, 30, 17, tzinfo=UTC)
LETTER = Letter(
    key="k",
    post_ids=("p",),
    html="<p>@@PREHEADER@@</p>\n  <p>Grüße  =\t☂ </p>\n@@REASON@@ "
    '<a href="@@PREFERENCES_URL@@">x</a><a href="@@UNSUBSCRIBE_URL@@">y</a>\n' + "é" * 3_000,
    text="Hello  there\n.dot\n..\nFrom me \n\n-- \n@@REASON@@\n@@PREFERENCES_URL@@\n"
    "@@UNSUBSCRIBE_URL@@\n\n\n" + "x" * 2_000 + "\n",
)
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
    "to": Address(typed="ada@example.com", key="ada@example.com"),
    "from_": ("Riverside Lettérs", "letters@example.org"),
    "subject": "A subject in so many words that it is folded, and then  some: Grüße",
    "preheader": "Both  helped & more.",
    "reason": "You get this because you confirmed it.",
    "unsubscribe_url": "https://example.org/u/abc?x=1&y=2",
    "preferences_url": "https://example.org/preferences/abc",
    "message_id": "12.345@example.org",
    "date": SECOND,
}
NOTICE = Notice(subject="Confirm", text="One.\n\nTwo.\n", html="<p>One.</p>\n")


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Both keys, made as the command makes them."""
    return load_signer(
        "example.org",
        "s1",
        rsa_pem=make_rsa_key().decode(),
        ed25519_pem=make_ed25519_key().decode(),
    )


def build(signer: Signer | None, letter: Letter = LETTER, **changes: Any) -> bytes:
    return compose(compile_letter(letter, mailing_list=LIST), **(VALUES | changes), signer=signer)


def verdicts(raw: bytes, signer: Signer) -> list[bool]:
    """What the verifier says of each signature; the DNS is what the signer would publish."""
    zone = {f"{key.selector}._domainkey.{signer.domain}.": key.record for key in signer.keys}

    def answer(name: bytes, timeout: int = 5) -> bytes:
        return zone.get(name.decode(), "").encode()

    count = len(re.findall(rb"^DKIM-Signature:", raw, re.MULTILINE))
    return [_verify(raw, index, answer) for index in range(count)]


def _verify(raw: bytes, index: int, answer: Any) -> bool:
    try:
        return bool(dkim.DKIM(raw).verify(idx=index, dnsfunc=answer))
    except dkim.DKIMException:
        return False


def tags(raw: bytes, index: int = 0) -> dict[str, str]:
    value = message_from_bytes(raw).get_all("DKIM-Signature", [])[index]
    pairs = (tag.partition("=") for tag in re.sub(r"\s+", "", value).split(";"))
    return {name: text for name, _, text in pairs}


def test_mail_verifies_by_both_algorithms(signer: Signer) -> None:
    """An RSA signature and an Ed25519 signature stand side by side, and both are good."""
    raw = build(signer)

    assert verdicts(raw, signer) == [True, True]
    assert [tags(raw, at)["a"] for at in (0, 1)] == ["rsa-sha256", "ed25519-sha256"]
    assert [tags(raw, at)["s"] for at in (0, 1)] == ["s1", "s1-ed25519"]
    assert tags(raw)["c"] == "relaxed/relaxed"
    assert tags(raw)["t"] == str(int(SECOND.timestamp()))
    assert {"l", "x"}.isdisjoint(tags(raw))
    assert raw.endswith(build(None))


@pytest.mark.parametrize(
    "changes",
    [
        {"discreet": True, "subject": "Your weekly reading"},
        {"to": Address(typed="jürgen@example.org", key="jürgen@example.org")},
        {"unsubscribe_mailto": "mailto:leave@example.org?subject=abc"},
        {"reason": "", "preheader": ""},
        {"reason": " two  lines\nand a tab\t.\n\n", "preheader": "\t"},
        {"subject": ""},
        {"date": SECOND.astimezone().replace(microsecond=999_999)},
    ],
)
def test_any_mail_verifies(signer: Signer, changes: dict[str, Any]) -> None:
    """Whatever differs from reader to reader, the signatures hold."""
    assert verdicts(build(signer, **changes), signer) == [True, True]


def test_notice_verifies(signer: Signer) -> None:
    """A notice is signed like a letter."""
    raw = compose_notice(
        NOTICE,
        to=VALUES["to"],
        from_=VALUES["from_"],
        message_id="1@example.org",
        date=SECOND,
        unsubscribe_url="https://example.org/u/abc",
        signer=signer,
    )

    assert verdicts(raw, signer) == [True, True]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    page=st.lists(
        st.sampled_from(["  ", "\t", " \n", "\n\n", "@@REASON@@", "x", "=", ".", "é", "y" * 90])
    ).map("".join),
    reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=90),
)
@settings(max_examples=60, deadline=None)
def test_any_body_verifies(signer: Signer, text: str, page: str, reason: str) -> None:
    """Every text, spaced as it may be, is hashed as a verifier hashes it."""
    letter = replace(LETTER, text=text, html=page)

    assert verdicts(build(signer, letter, reason=reason), signer) == [True, True]


def test_resend_is_the_same_byte_by_byte(signer: Signer) -> None:
    """The same mail for the same second is the same bytes, signatures too; a second later it is not."""
    again = build(signer, date=SECOND + timedelta(seconds=1))

    assert build(signer) == build(signer)
    assert tags(again)["b"] != tags(build(signer))["b"]


def test_every_header_is_signed(signer: Signer) -> None:
    """Each header of a mail is signed; those that readers see or act on are named once more."""
    raw = build(signer)

    named = tags(raw)["h"].split(":")
    there = [name for name in message_from_bytes(raw) if name != "DKIM-Signature"]

    assert {name: named.count(name) for name in named} == {
        name: there.count(name) + (name in OVERSIGNED)
        for name in SIGNED
        if name in OVERSIGNED or name in there
    }
    assert set(there) <= set(SIGNED)
    assert {"List-Unsubscribe", "List-Unsubscribe-Post"} <= set(there) & set(OVERSIGNED)


@pytest.mark.parametrize("name", OVERSIGNED)
@pytest.mark.parametrize("on_top", [True, False])
def test_added_header_breaks_the_signatures(signer: Signer, name: str, on_top: bool) -> None:
    """A second From, a Cc or a way to leave that is not ours makes both signatures fail."""
    raw = build(signer)
    added = f"{name}: x@example.org\r\n".encode()

    changed = added + raw if on_top else raw.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)

    assert verdicts(changed, signer) == [False, False]


@pytest.mark.parametrize("name", ["Received", "Return-Path", "Feedback-ID", "X-Anything"])
def test_header_that_a_relay_adds_breaks_nothing(signer: Signer, name: str) -> None:
    """What relays write above a mail on its way leaves the signatures good."""
    raw = f"{name}: <x@example.org>\r\n".encode() + build(signer)

    assert verdicts(raw, signer) == [True, True]


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_changed_byte_breaks_the_signatures(signer: Signer, data: st.DataObject) -> None:
    """No byte that is read as anything can be another: not in a header, not in the body."""
    raw = build(signer)
    begins = raw.index(b"From: ")
    at = data.draw(st.integers(begins, len(raw) - 1).filter(lambda at: raw[at] not in b" \t\r\n"))
    other = data.draw(st.integers(0x21, 0x7E).filter(lambda octet: _differs(octet, raw[at])))

    changed = raw[:at] + bytes([other]) + raw[at + 1 :]

    assert verdicts(changed, signer) == [False, False]


def _differs(octet: int, other: int) -> bool:
    """Whether it is another octet, and not the same letter in another case: names have none."""
    return bytes([octet]).lower() != bytes([other]).lower()


@pytest.mark.parametrize("tag", ["d", "s", "t", "a", "bh", "b"])
def test_changed_signature_is_none(signer: Signer, tag: str) -> None:
    """A signature whose own tags were changed fails; the other one still holds."""
    raw = build(signer)
    found = re.search(rf"[ \t]{tag}=(\w)".encode(), raw)
    assert found

    other = b"y" if found[1] != b"y" else b"z"
    changed = raw[: found.start(1)] + other + raw[found.end(1) :]

    assert verdicts(changed, signer) == [False, True]


def test_other_spacing_breaks_nothing(signer: Signer) -> None:
    """What servers do to spaces on the way is forgiven: that is what relaxed means."""
    raw = build(signer)

    changed = raw.replace(b"Subject: ", b"SUBJECT:   ", 1).replace(
        b"Hello  there", b"Hello there "
    )

    assert changed != raw
    assert verdicts(changed, signer) == [True, True]


@pytest.mark.parametrize("typed", ["ada@example.com", "jürgen@example.com"])
def test_mail_verifies_after_its_way_over_smtp(signer: Signer, free_port: int, typed: str) -> None:
    """Dots, long lines and a header of eight bits arrive as they were signed."""
    raw = build(signer, to=Address(typed=typed, key=typed))
    settings_ = SmtpSettings(host="127.0.0.1", port=free_port, security="none")
    envelope = Envelope(sender="letters@example.org", recipient=typed, name="x/1")

    with serve(free_port) as peer, Smtp(settings_) as transport:
        transport.send(envelope, raw)

    (arrived,) = peer.accepted
    assert arrived.data == raw
    assert verdicts(arrived.data, signer) == [True, True]


def test_head_with_a_header_twice_is_a_mistake(signer: Signer) -> None:
    """We never write a header twice; which one a signature means would be unclear."""
    with pytest.raises(ValueError, match="From"):
        signer.sign(b"From: a\r\nFrom: b\r\n", b"", at=SECOND)


@pytest.mark.parametrize(
    ("octets", "relaxed"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a  b\t c \r\n \r\nd", b"a b c\r\n\r\nd"),
        (b"\t\ta \t\r\n", b" a\r\n"),
        (b"", b""),
    ],
)
def test_body_is_relaxed(octets: bytes, relaxed: bytes) -> None:
    """Runs of spaces are one, and none is left at the end of a line (RFC 6376 section 3.4.4)."""
    assert relax_body(octets) == relaxed


# ---------------------------------------------------------------------------------------- the keys


def pem(private: Any, password: bytes = b"") -> str:
    hidden: Any = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    octets: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden
    )
    return octets.decode()


def test_record_is_the_one_of_the_rfc() -> None:
    """The key of RFC 8463 appendix A gives the record that it prints."""
    seed = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)

    (key,) = load_signer("football.example.com", "brisbane", ed25519_pem=pem(private)).keys

    assert key.record == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_one_key_signs_alone() -> None:
    """Without the other key there is one signature."""
    signer = load_signer("example.org", "s1", rsa_pem=make_rsa_key().decode())

    assert verdicts(build(signer), signer) == [True]


def _wrong_keys() -> Iterator[tuple[str, str, str]]:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - on purpose
    good, other = make_rsa_key().decode(), make_ed25519_key().decode()
    yield "rsa_key", "nonsense", "something else"
    yield "rsa_key", good.replace("A", "B"), "something else"
    yield "rsa_key", other, "a key of another kind"
    yield "rsa_key", pem(small), "one of 1024 bits"
    yield "ed25519_key", good, "a key of another kind"
    yield "ed25519_key", "-----BEGIN PRIVATE KEY-----\n", "something else"
    hidden = pem(ed25519.Ed25519PrivateKey.generate(), b"secret")
    yield "ed25519_key", hidden, "one that asks for a pass phrase"


@pytest.mark.parametrize("number", range(7))
def test_wrong_key_says_so(number: int) -> None:
    """What cannot sign is named by its key, with what it is, and never quoted."""
    name, text, got = list(_wrong_keys())[number]
    with pytest.raises(ConfigError) as caught:
        load_signer("example.org", "s1", **{name.replace("key", "pem"): text})

    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.got) == ("config.dkim", f"mail.dkim.{name}", got)
    assert text not in problem.as_text()
