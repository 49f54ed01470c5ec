"""A rendered text taken apart: nothing of it is lost, and each claim has its sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher import posts

PIECES = st.sampled_from(
    [
        "A paragraph.\n\n",
        "# Heading\n\n",
        "- one\n- two\n  - three\n\n",
        "> quoted\n>\n> twice\n\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "---\n\n",
        "<div>loose <b>words</b></div>\n\n",
        "<div><p>in a box</p>and after</div>\n\n",
        "```\n<p>code</p>\n```\n\n",
        '![a > <p>b](https://a.org/x.png "Said")\n\n',
        "Cited[^1].\n\n",
        "</p>stray<table>\n\n",
    ]
)


def _shown(markdown: str, references: str = "") -> posts.Shown:
    front = f"---\ntitle: One\n{references}---\n"
    return posts.show(posts.Source(path="one.md", data=(front + markdown).encode(), images={}))


@given(st.lists(PIECES, max_size=8).map("".join))
def test_blocks_put_together_are_the_text(markdown: str) -> None:
    """Whatever an author writes or pastes, each piece of it stands in one block, in order."""
    html = _shown(f"{markdown}\n[^1]: A note.\n").body.html

    blocks = posts.take_blocks(html)

    assert "".join(one.html for one in blocks) == html
    assert all(one.html for one in blocks)


def test_each_paragraph_heading_list_and_picture_is_a_block() -> None:
    """A block says what it says on one line, a picture what it shows, a rule nothing."""
    blocks = posts.take_blocks(
        _shown(
            "# Why\n\nIt *does*,\ntoo.\n\n- one\n- two\n\n---\n\n![The moon](https://a.org/m.png)\n"
        ).body.html
    )

    words = [one.words for one in blocks if one.html.strip()]
    assert words == ["Why", "It does, too.", "one two", "", "The moon"]


def test_a_claim_is_the_sentence_with_its_sources() -> None:
    """Before or after the full stop, in a list, two at once, after an abbreviation, or a footnote."""
    references = (
        "references:\n"
        '  lee: {text: "Lee. Sleep. 2020.", url: "https://a.org/lee"}\n'
        '  ray: {text: "Ray. Rest. 2021."}\n'
    )
    body = _shown(
        "Nobody doubts this. Sleep helps.[@lee] So does rest[@ray]. Dr. Ray found 5.2 mg, e.g. at"
        " night, enough [@lee][@ray]. The end.\n\n"
        "- Walk[^w]\n- Talk\n\n[^w]: A *note*.\n",
        references,
    ).body

    claims = posts.take_claims(body)

    told = [(one.words, one.place, [note.number for note in one.notes]) for one in claims]
    assert told == [
        ("Sleep helps.", 0, [1]),
        ("So does rest.", 0, [2]),
        ("Dr. Ray found 5.2 mg, e.g. at night, enough.", 0, [1, 2]),
        ("Walk", 1, [3]),
    ]
    assert 'href="https://a.org/lee"' in claims[0].notes[0].html
