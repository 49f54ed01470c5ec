"""Addresses: what is one, how two are compared, and which are never mailed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from publisher.deliverability import is_reserved, is_role_address, mask, parse_address

LOCALS = st.one_of(
    st.from_regex(
        r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[A-Za-z0-9+_-]{1,20})?", fullmatch=True
    ),
    st.text(
        st.characters(exclude_categories=["C", "Z"], exclude_characters='()<>@,;:\\"[].'),
        min_size=1,
        max_size=12,
    ),
)
DOMAINS = st.sampled_from(
    [
        "example.org",
        "EXAMPLE.Org",
        "bücher.example",
        "BÜCHER.example",
        "faß.example",
        "例え.テスト",
        "xn--bcher-kva.example",
        "mail.sub.example.co.uk",
        "localhost",
    ],
)


@pytest.mark.parametrize(
    ("text", "typed", "key"),
    [
        ("ada@example.org", "ada@example.org", "ada@example.org"),
        ("  Ada.Byron@Example.ORG ", "Ada.Byron@example.org", "ada.byron@example.org"),
        ("ada+news@example.org", "ada+news@example.org", "ada+news@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example", "ada@xn--fa-hia.example"),
        ("ada@例え。テスト", "ada@xn--r8jz45g.xn--zckzah", "ada@xn--r8jz45g.xn--zckzah"),
        ("Zoe\u0308@example.org", "Zoë@example.org", "zoë@example.org"),
        ("\ufeffada@example.org\u00a0", "ada@example.org", "ada@example.org"),
        ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
        ("ada@3com.example", "ada@3com.example", "ada@3com.example"),
    ],
)
def test_address_is_kept_as_typed_and_compared_by_its_key(text: str, typed: str, key: str) -> None:
    """The local part stays as typed, the domain is lower-case A-labels, the key folds case only."""
    address = parse_address(text)

    assert (typed, key) == (address.typed, address.key)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected an address such as ada@example.org; got nothing"),
        ("   ", "got nothing"),
        ("ada", "exactly one @"),
        ("ada@@example.org", "exactly one @"),
        ("ada@home@example.org", "exactly one @"),
        ("@example.org", "a name of visible characters before the @"),
        ("a\u200db@example.org", "a name of visible characters before the @"),
        ("a\u200cb@example.org", "a name of visible characters before the @"),
        ("Ada <ada@example.org>", "without spaces inside"),
        ("<ada@example.org>", "without a name or < >"),
        ('"ada"@example.org', "without quotes"),
        ("ada.@example.org", "stray dots"),
        (".ada@example.org", "stray dots"),
        ("a..da@example.org", "stray dots"),
        ("ada,bob@example.org", "without quotes"),
        ("a da@example.org", "without spaces inside"),
        ("ada\u2003b@example.org", "without spaces inside"),
        ("ada@example.org\n", "on one line"),
        ("ada@example.org\r\nBcc: bob@example.org", "on one line"),
        ("ada\0@example.org", "on one line"),
        ("ada\u202e@example.org", "on one line"),
        ("ada@", "a domain such as example.org"),
        ("ada@example..org", "a domain such as example.org"),
        ("ada@.example.org", "a domain such as example.org"),
        ("ada@example.org.", "a domain such as example.org"),
        ("ada@example.org。", "a domain such as example.org"),
        ("ada@-example.org", "a domain such as example.org"),
        ("ada@exa_mple.org", "a domain such as example.org"),
        ("ada@xn--zz.example", "a domain such as example.org"),
        ("ada@127.0.0.1", "a domain such as example.org"),
        ("ada@[127.0.0.1]", "a domain such as example.org"),
        ("ada@mailbox", "a domain such as example.org"),
        ("ada@" + "x" * 64 + ".org", "a domain such as example.org"),
        ("a" * 65 + "@example.org", "at most 64 bytes before the @"),
        ("ä" * 33 + "@example.org", "at most 64 bytes before the @"),
        ("a" * 64 + "@" + ".".join(["x" * 63] * 3), "at most 254 bytes in all"),
        ("a" * 1001, "at most 254 bytes in all"),
    ],
)
def test_what_is_no_single_address_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    """A refusal says what was expected and what was got, and shows nothing a terminal acts on."""
    with pytest.raises(ValueError, match=r"^expected .+; got ") as caught:
        parse_address(text)

    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["a" * 64 + "@example.org", "a@" + ".".join(["x" * 62] * 4)],
    ids=["64 bytes before the @", "253 bytes in all"],
)
def test_longest_addresses_are_taken(text: str) -> None:
    """The limits of RFC 5321 are inclusive."""
    assert text == parse_address(text).typed


@given(before=st.text(max_size=20), breaking=st.sampled_from("\r\n"), after=st.text(max_size=20))
@example(before="ada@example.org", breaking="\n", after="")
@example(before="", breaking="\r", after="ada@example.org")
def test_no_address_holds_a_line_break(before: str, breaking: str, after: str) -> None:
    """A text with CR or LF anywhere is never an address, so no address can add a header."""
    with pytest.raises(ValueError, match="expected"):
        parse_address(f"{before}{breaking}{after}")


@given(text=st.text(max_size=80))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    """Whatever is typed, the answer is an address of printable parts or a plain refusal."""
    seen = answer(text)

    assert seen.startswith("expected ") or seen.count("@") == 1
    assert not any(
        unicodedata.category(character)[0] in "CZ" for character in seen.replace(" ", "")
    )


def answer(text: str) -> str:
    try:
        return parse_address(text).typed
    except ValueError as error:
        return str(error)


@given(local=LOCALS, domain=DOMAINS)
def test_an_address_read_again_is_the_same(local: str, domain: str) -> None:
    """Reading what is mailed gives the same address and the same key."""
    try:
        first = parse_address(f"{local}@{domain}")
    except ValueError:
        reject()

    again = parse_address(first.typed)

    assert first == again


def test_case_and_script_variants_share_a_key() -> None:
    """One person is one key, however they write their domain and their capitals."""
    variants = ("ÖZ@Bücher.example", "öz@BÜCHER.EXAMPLE", "o\u0308z@xn--bcher-kva.example")

    assert len({parse_address(text).key for text in variants}) == 1


@pytest.mark.parametrize(
    ("text", "is_role"),
    [
        ("abuse@example.org", True),
        ("No-Reply@example.org", True),
        ("noreply@example.org", True),
        ("do_not_reply@example.org", True),
        ("postmaster@example.org", True),
        ("MAILER-DAEMON@example.org", True),
        ("bounces+ada=example.net@example.org", True),
        ("info@example.org", False),
        ("ada@example.org", False),
        ("abuse.survivor@example.org", False),
    ],
)
def test_duties_and_machines_are_no_readers(text: str, is_role: bool) -> None:
    """Mailboxes that no subscriber reads are told from those that one may."""
    assert is_role is is_role_address(parse_address(text))


@pytest.mark.parametrize(
    ("text", "reserved"),
    [
        ("ada@example.com", True),
        ("ada@EXAMPLE.net", True),
        ("ada@mail.example.org", True),
        ("ada@clinic.example", True),
        ("ada@clinic.test", True),
        ("ada@clinic.invalid", True),
        ("ada@localhost", True),
        ("ada@box.localhost", True),
        ("ada@example.co.uk", False),
        ("ada@notexample.com", False),
        ("ada@testing.org", False),
    ],
)
def test_reserved_domains_are_known(text: str, reserved: bool) -> None:
    """Domains of RFC 2606 and RFC 6761, and all below them, can receive nothing."""
    assert reserved is is_reserved(parse_address(text))


def test_mask_shows_one_letter_and_the_domain() -> None:
    """What logs show does not tell who it is, nor how long the name is."""
    assert mask(parse_address("ada.byron@example.org")) == "a•••@example.org"
    assert mask(parse_address("b@bücher.example")) == "b•••@xn--bcher-kva.example"
