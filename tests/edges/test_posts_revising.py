"""A source edited key by key: what is not meant stays as it was written, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import posts
from publisher.errors import ContentError

WHERE = "posts/one.md"
PLAIN = """---
# Who wrote this file knows why.
id: urn:x:1
title: "One"   # kept
date: 2026-11-01
x-mood: 'calm'

tags: [sleep, worry]
references:
  smith2020:
    text: Smith. Sleep.
    doi: 10.1000/1
# before the end
draft: true
---

The text.
"""


def _revise(text: str, body: str | None = None, **changes: object) -> str:
    return posts.revise(text.encode(), changes, body, where=WHERE).decode()


def _values(text: str) -> dict[str, object]:
    return posts.load(posts.split(text.replace("\r\n", "\n"), WHERE).front, WHERE).values


def test_a_value_changes_within_its_line() -> None:
    """Only the value is another: the comment behind it and all other lines stay."""
    assert _revise(PLAIN, title="Two: a sequel") == PLAIN.replace('"One"', "'Two: a sequel'")


def test_several_keys_change_each_in_their_place() -> None:
    """Text, dates, numbers, lists and mappings are written as a person would write them."""
    made = _revise(
        PLAIN,
        date="2026-12-24 07:30",
        tags=["sleep", "rest"],
        references={"lee2021": {"text": "Lee. Rest."}},
        part=3,
        image={"src": "a.png", "alt": "A lamp"},
    )

    assert made == (
        PLAIN.replace("2026-11-01", "2026-12-24 07:30")
        .replace("[sleep, worry]", "[sleep, rest]")
        .replace(
            "  smith2020:\n    text: Smith. Sleep.\n    doi: 10.1000/1\n",
            "  lee2021: {text: Lee. Rest.}\n",
        )
        .replace("draft: true\n", "draft: true\npart: 3\nimage: {src: a.png, alt: A lamp}\n")
    )


def test_a_key_without_a_value_is_removed() -> None:
    """None takes the key away with its line, and its block; one that is not there is not missed."""
    assert _revise(PLAIN, draft=None, summary=None) == PLAIN.replace("draft: true\n", "")
    assert _revise(PLAIN, references=None) == PLAIN.replace(
        "references:\n  smith2020:\n    text: Smith. Sleep.\n    doi: 10.1000/1\n", ""
    )


def test_what_is_said_already_is_not_touched() -> None:
    """A form that gives back what it was given changes nothing, however that was written."""
    same = {"id": "urn:x:1", "title": "One", "date": "2026-11-01", "tags": ["sleep", "worry"]}

    assert _revise(PLAIN, "\nThe text.\n".replace("\n", "\r\n"), draft=True, **same) == PLAIN


def test_an_empty_key_is_filled() -> None:
    """A key that stood there without a value gets one on its line."""
    assert _revise("---\nsummary:\ntitle: A\n---\n", summary="B") == (
        "---\nsummary: B\ntitle: A\n---\n"
    )


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    """A file of Windows stays one: new lines end as its lines do."""
    windows = "\ufeff" + PLAIN.replace("\n", "\r\n")

    made = _revise(windows, "New.\nText.", summary="It is\nof two lines", part=2)

    assert made.startswith("\ufeff---\r\n")
    assert "\n" not in made.replace("\r\n", "")
    assert made.endswith("---\r\n\r\nNew.\r\nText.\r\n")
    assert _values(made.removeprefix("\ufeff"))["summary"] == "It is\nof two lines"


def test_a_body_is_replaced_alone() -> None:
    """The front matter stays to the byte where only the Markdown is another."""
    assert (
        _revise(PLAIN, "New text.")
        == _revise(PLAIN, "\n \nNew text.\n")
        == PLAIN.replace("The text.", "New text.")
    )
    assert _revise("---\ntitle: A\n---", "B") == "---\ntitle: A\n---\n\nB\n"
    assert _revise("---\ntitle: A\n---\nB\n", "C") == "---\ntitle: A\n---\nC\n"
    assert _revise(PLAIN, "") == PLAIN.replace("The text.\n", "")


def test_front_matter_on_one_line_is_not_edited_by_key() -> None:
    """What stands in braces is refused rather than rewritten."""
    with pytest.raises(ContentError) as caught:
        _revise("---\n{title: A, date: 2026-01-01}\n---\n", title="B")

    assert caught.value.problems[0].expected == "front matter with a key on each line"
    assert _revise("---\n{title: A}\n---\n", title="A") == "---\n{title: A}\n---\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [("no front matter\n", "post.front_matter"), ("---\ntitle: A\n", "post.front_matter")],
)
def test_what_has_no_front_matter_says_so(text: str, code: str) -> None:
    """The problem is the one that ``check`` tells."""
    with pytest.raises(ContentError) as caught:
        _revise(text, title="B")

    assert caught.value.problems[0].code == code


def test_what_no_format_can_carry_is_refused() -> None:
    """A NUL in the file, in a body or half a character is one clear error."""
    for data, body in ((b"---\ntitle: A\n---\n\0", None), (b"---\ntitle: A\n---\n", "a\0b")):
        with pytest.raises(ContentError) as caught:
            posts.revise(data, {}, body, where=WHERE)
        assert [one.code for one in caught.value.problems] == ["post.control"]
    with pytest.raises(ContentError) as caught:
        posts.revise(b"---\ntitle: \xff\n---\n", {}, where=WHERE)
    assert [one.code for one in caught.value.problems] == ["post.encoding"]


def test_what_is_within_a_value_is_looked_at_too() -> None:
    """A control character deep in a list or a mapping is refused like any other."""
    with pytest.raises(ContentError):
        _revise(PLAIN, authors=[{"name": "A\0"}])


def test_what_reads_back_as_something_else_is_not_written() -> None:
    """A value that YAML has no text for is refused rather than written as another one."""
    with pytest.raises(ContentError) as caught:
        _revise(PLAIN, part=float("nan"))

    assert caught.value.problems[0].got == "a form that cannot be edited key by key"


def test_tuples_are_lists() -> None:
    """What a form collects in a tuple is written as a list, and is no change where it is one."""
    assert _revise(PLAIN, tags=("sleep", "worry")) == PLAIN
    assert "tags: [a]\n" in _revise(PLAIN, tags=("a",))


KEYS = st.sampled_from(["title", "summary", "reviewer", "x-mine", "canonical_url"])
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")) | st.just("\n"),
    max_size=30,
)
VALUES = WORDS | st.integers() | st.booleans() | st.lists(WORDS, max_size=3)
STYLES = st.sampled_from(["{0}: {1}", "{0}:   {1}   # why", '{0}: "{1}"', "{0}: '{1}'"])
LINES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "title", "x-mine"]), STYLES, st.sampled_from("klm"))
    | st.sampled_from(
        ["# a comment", "", "list:\n  - one\n  - two", "text: |\n  of two\n  lines"]
    ),
    max_size=6,
    unique_by=lambda one: one[0] if isinstance(one, tuple) else one,
)


@given(LINES, KEYS, VALUES, st.sampled_from(["\n", "\r\n"]))
def test_everything_else_stays_byte_for_byte(
    lines: list[tuple[str, str, str] | str], key: str, value: object, line_end: str
) -> None:
    """Whatever a key is set to, no line of another key and no comment is another afterwards."""
    written = [one if isinstance(one, str) else one[1].format(one[0], one[2]) for one in lines]
    text = "---\n" + "".join(f"{line}\n" for line in written) + "---\n\nText.\n"
    text = text.replace("\n", line_end)

    made = posts.revise(text.encode(), {key: value}, where=WHERE).decode()

    values = _values(made)
    assert values.pop(key) == value
    before = _values(text)
    before.pop(key, None)
    assert values == before
    own = [one for one in lines if isinstance(one, tuple) and one[0] == key]
    others = [line for line, one in zip(written, lines, strict=True) if one not in own and line]
    at = 0
    for line in others:
        at = made.index(line.replace("\n", line_end) + line_end, at) + 1
    assert made.endswith(f"---{line_end}{line_end}Text.{line_end}")


@given(LINES, KEYS, WORDS)
def test_a_key_set_and_taken_away_leaves_the_file_as_it_was(
    lines: list[tuple[str, str, str] | str], key: str, value: str
) -> None:
    """A key that was not there leaves no trace."""
    kept = [one for one in lines if not (isinstance(one, tuple) and one[0] == key)]
    written = [one if isinstance(one, str) else one[1].format(one[0], one[2]) for one in kept]
    text = "---\n" + "".join(f"{line}\n" for line in written) + "---\n"

    made = posts.revise(text.encode(), {key: value}, where=WHERE)

    assert posts.revise(made, {key: None}, where=WHERE).decode() == text


def test_a_text_typed_anew_ends_its_lines_as_the_file_did() -> None:
    """The whole text of a form comes with other line ends; only what differs is another file."""
    began = ("\ufeff" + PLAIN.replace("\n", "\r\n")).encode()

    assert posts.retype(began, PLAIN) == began
    assert posts.retype(began, "---\na: b\n---\n") == "\ufeff---\r\na: b\r\n---\r\n".encode()
