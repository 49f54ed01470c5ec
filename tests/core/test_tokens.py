"""Tokens: one spelling each, made by us for one purpose, and never an address."""

from __future__ import annotations

import base64
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.tokens import Key, as_mailbox, from_mailbox, inert, keyed_hash, make, read

LINK = Key(id=7, purpose="link", secret=b"0123456789abcdef0123456789abcdef")
IDS = st.integers(min_value=0, max_value=2**63 - 1)
ALPHABET = string.ascii_letters + string.digits + "-_"


@given(subscriber_id=IDS, key_id=st.integers(min_value=0, max_value=2**16 - 1))
def test_token_is_read_back(subscriber_id: int, key_id: int) -> None:
    """Each id below 2**63 comes back from its token, whatever the key's id."""
    key = replace(LINK, id=key_id)

    token = make(key, subscriber_id)

    assert subscriber_id == read(token, [key], "link")


@given(subscriber_id=IDS)
def test_token_is_short_and_safe_in_an_address(subscriber_id: int) -> None:
    """With a host of 25 characters the whole link keeps within 70 octets."""
    token = make(LINK, subscriber_id)

    assert len(token) == 32
    assert set(token) <= set(ALPHABET)
    assert len(f"https://{'h' * 25}/u/{token}") <= 70


@given(subscriber_id=IDS, bit=st.integers(min_value=0, max_value=24 * 8 - 1))
def test_flipped_bit_fails(subscriber_id: int, bit: int) -> None:
    """No bit of a token can change: neither the id, nor the key, nor the proof."""
    octets = bytearray(base64.urlsafe_b64decode(make(LINK, subscriber_id)))
    octets[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(octets).decode()

    read_as = [read(forged, [replace(LINK, id=key_id)], "link") for key_id in (7, 6, 5, 3, 15)]

    assert read_as == [None] * 5


@given(
    subscriber_id=IDS,
    place=st.integers(min_value=0, max_value=31),
    other=st.one_of(st.sampled_from(ALPHABET + "+/= \n"), st.characters()),
)
def test_changed_character_fails(subscriber_id: int, place: int, other: str) -> None:
    """A token has one spelling: any other character in any place fails, the last one included."""
    token = make(LINK, subscriber_id)
    changed = token[:place] + other + token[place + 1 :]

    expected = subscriber_id if changed == token else None

    assert expected == read(changed, [LINK], "link")


@given(text=st.text())
def test_any_text_is_no_token(text: str) -> None:
    """What we did not make is refused quietly, whatever it is."""
    assert read(text, [LINK], "link") is None


@pytest.mark.parametrize("around", ["{}=", "{}==", " {}", "{}\n", "{}A", "A{}", ""])
def test_padding_and_company_fail(around: str) -> None:
    """A token with anything around it, or none at all, is refused."""
    token = make(LINK, 4711)

    assert read(around.format(token), [LINK], "link") is None


def test_wrong_purpose_fails() -> None:
    """A link's token does not open what a form's token opens, even with the same secret."""
    form = replace(LINK, purpose="form")
    link_two = replace(LINK, purpose="list")
    token = make(LINK, 4711)

    assert read(token, [LINK, form, link_two], "form") is None
    assert read(token, [LINK, form, link_two], "list") is None
    assert read(token, [LINK], "") is None


def test_purpose_is_the_whole_word() -> None:
    """Two purposes with one first letter and one secret make different proofs."""
    other = replace(LINK, purpose="list")

    assert make(LINK, 1) != make(other, 1)


def test_retired_key_still_verifies_and_makes_the_same_token() -> None:
    """Links work for years, and a mail that is sent again carries the same octets."""
    token = make(LINK, 4711)
    retired = replace(LINK, retired=True)
    current = Key(id=8, purpose="link", secret=b"another secret")

    assert read(token, [current, retired], "link") == 4711
    assert token == make(retired, 4711)


def test_unknown_key_and_wrong_secret_fail() -> None:
    """A token of a key that is gone, or whose id another key bears, is refused."""
    token = make(LINK, 4711)

    assert read(token, [], "link") is None
    assert read(token, [replace(LINK, id=8)], "link") is None
    assert read(token, [replace(LINK, secret=b"other")], "link") is None


@pytest.mark.parametrize("subscriber_id", [-1, 2**63, 2**70])
def test_id_beyond_the_range_is_an_error(subscriber_id: int) -> None:
    """An id that cannot be carried is never cut short."""
    with pytest.raises(ValueError, match="an id from 0"):
        make(LINK, subscriber_id)


@pytest.mark.parametrize("key_id", [-1, 2**16])
def test_key_id_beyond_the_range_is_an_error(key_id: int) -> None:
    """A key's id that cannot be carried is never cut short."""
    with pytest.raises(ValueError, match="a key id from 0"):
        make(replace(LINK, id=key_id), 1)


def test_inert_token_never_verifies() -> None:
    """A preview's token has the shape of a real one and opens nothing."""
    token = inert("link")

    assert len(token) == 32
    assert set(token) <= set(ALPHABET)
    assert read(token, [LINK, replace(LINK, id=0)], "link") is None
    assert token == inert("link")


@given(subscriber_id=IDS)
def test_mailbox_spelling_is_read_back_in_any_case(subscriber_id: int) -> None:
    """A return path's token survives a mail system that changes its case, and fits a local part."""
    token = make(LINK, subscriber_id)

    spelled = as_mailbox(token)

    assert token == from_mailbox(spelled) == from_mailbox(spelled.upper())
    assert spelled == spelled.lower()
    assert len(f"b+{spelled}") <= 64


@pytest.mark.parametrize(
    "text", ["", "a", "1" * 39, "a" * 38 + "b", "a" * 40, "\N{KELVIN SIGN}" * 39]
)
def test_other_mailbox_spellings_are_no_token(text: str) -> None:
    """A second spelling of the last character, and what is no base32, carry nothing."""
    assert from_mailbox(text) == ""


@given(text=st.from_regex(r"[a-z2-7]{39}", fullmatch=True))
def test_forged_mailbox_spelling_never_verifies(text: str) -> None:
    """What has the shape of a return path's token and was not made by us reads as nothing."""
    assert read(from_mailbox(text), [LINK], "link") is None


def test_keyed_hash_is_hmac_sha256() -> None:
    """The hash is the standard one (RFC 4231, test case 2), so that it can be checked elsewhere."""
    key = Key(id=1, purpose="pepper", secret=b"Jefe")

    assert (
        keyed_hash(key, "what do ya want for nothing?")
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_token_has_fixed_octets() -> None:
    """The format is fixed: links in mails that were sent stay good with every later release."""
    assert make(LINK, 4711) == "AWwABwAAAAAAABJnNMT0RNbMtgQRBmoJ"


def test_secret_is_not_shown() -> None:
    """A key's secret does not reach a log through its representation."""
    assert "0123" not in repr(LINK)
